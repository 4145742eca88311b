"""Processes that work for a command."""

import multiprocessing
import os
import threading
from multiprocessing.process import BaseProcess


def end_with_parent() -> None:
    """Lets this worker end as soon as the process that started it does, in the middle of whatever it does.

    A killed parent closes nothing: a worker would hold its folder, and wait for its next task for ever. In a
    process that is nobody's worker nothing happens.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
