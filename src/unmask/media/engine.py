"""OpenVINO, imported so that its package for usage statistics neither asks the network nor writes into HOME.

`import openvino` imports its model converter, which reports the import to the maker by `openvino_telemetry`.
Nothing here converts models, and the converter costs part of a start: both are left out, as OpenVINO allows
(`openvino.convert_model` is then missing; `openvino.tools.ovc` can be imported as ever). Everything that runs
networks imports `ov` from here, so that no other import comes first.
"""

import ctypes
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from unmask.types import ModelError

_LEFT_OUT = ("openvino_telemetry", "openvino.tools.ovc")
_others = {name: sys.modules.get(name) for name in _LEFT_OUT}
sys.modules.update(dict.fromkeys(_LEFT_OUT))  # type: ignore[arg-type]  # an import of them is an ImportError
try:
    import openvino as ov
finally:
    for _name, _other in _others.items():
        del sys.modules[_name]
        if _other is not None:  # somebody else imported it before
            sys.modules[_name] = _other

__all__ = ["at_work", "fork_safe", "ov"]

FORK_WAITS_S = 20.0  # for what is under way; a graph takes less to compile, and far less to run

Opened = TypeVar("Opened")
_opened: "weakref.WeakSet[object]" = weakref.WeakSet()


def fork_safe(opened: Opened) -> Opened:
    """A compiled graph, or a request of one, that a fork of this process can use and leave behind.

    To destroy one, OpenVINO waits for its threads, which a fork does not have: it would hang or crash when it
    ends, or loads the same detector again.
    """
    _opened.add(opened)
    return opened


def _keep_for_ever() -> None:
    for opened in list(_opened):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened))


class _Works:
    """What OpenVINO has under way in this process, which a fork waits for: in the middle of it locks are held
    by threads that the fork does not have, and it would wait for them for ever.
    """

    def __init__(self, *, cut: bool = False) -> None:
        self._changed = threading.Condition()
        self._own = threading.local()  # how much of it is this thread's
        self._count = 0
        self._forking = False
        self._cut = cut  # it is a fork that came about in the middle all the same

    @contextmanager
    def one(self) -> Iterator[None]:
        if self._cut:
            raise ModelError(
                "this process was forked while another thread loaded a model or scored, and took more than "
                f"{FORK_WAITS_S:g} s; start processes by spawn, or fork before"
            )
        own = getattr(self._own, "count", 0)
        with self._changed:
            self._changed.wait_for(lambda: own or not self._forking)
            self._count += 1
        self._own.count = own + 1
        try:
            yield
        finally:
            self._own.count = own
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def pause(self) -> None:
        """Let nothing begin, and wait for what has begun."""
        own = getattr(self._own, "count", 0)
        self._changed.acquire()
        self._forking = True
        self._cut = not self._changed.wait_for(lambda: self._count <= own, timeout=FORK_WAITS_S)

    def go_on(self) -> None:
        """After `pause`, in the same thread."""
        self._cut = self._forking = False
        self._changed.notify_all()
        self._changed.release()

    def forked(self) -> "_Works":
        """What goes on in the fork."""
        return _Works(cut=self._cut)


_works = _Works()


@contextmanager
def at_work() -> Iterator[None]:
    """Around all that OpenVINO compiles or runs: forks wait until it is done. May be nested.

    Raises ModelError in a fork that could not wait for so long.
    """
    with _works.one():
        yield


def _before_fork() -> None:
    _works.pause()


def _in_parent() -> None:
    _works.go_on()


def _in_child() -> None:
    global _works
    _works = _works.forked()
    _keep_for_ever()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
