"""Processes that work for a command."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

from unmask.files import remove_unfinished
from unmask.interrupts import end_at_once

TERMINATED_S = 1.0  # that a worker may take to clear up before it is killed


class WorkerPool(ProcessPoolExecutor):
    """Fresh processes, each of which calls `begin(*arguments)` first.

    A `with` block that ends by an error, or because nobody wants its results any more, ends the workers at
    once, in the middle of their tasks. Ctrl-C does not reach them: the command that started them ends them.
    """

    def __init__(self, jobs: int, *, begin: Callable[..., None], arguments: tuple[Any, ...] = ()) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
        super().__init__(jobs, mp_context=spawn, initializer=_begin, initargs=(begin, *arguments))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As its base; processes are begun here."""
        with _interrupts_blocked():
            return super().submit(fn, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is not None:
            processes = list((self._processes or {}).values())
            for process in processes:
                process.terminate()
            for process in processes:
                process.join(TERMINATED_S)
                process.kill()
        return super().__exit__(kind, error, trace)


def end_with_parent() -> None:
    """Lets this worker end as soon as the process that started it does, in the middle of whatever it does.

    A killed parent closes nothing: a worker would hold its folder, and wait for its next task for ever. In a
    process that is nobody's worker nothing happens.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _begin(begin: Callable[..., None], *arguments: Any) -> None:
    end_at_once(quiet=True)
    end_with_parent()
    begin(*arguments)


def _follow(parent: BaseProcess) -> None:
    parent.join()
    remove_unfinished()
    os._exit(1)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes that begin in the block never hear of Ctrl-C, this one hears of it by another thread."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
