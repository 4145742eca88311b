"""How a process ends by Ctrl-C or SIGTERM: at once, with all that it started, and without debris.

Python lets the main thread hear of a signal between two steps of its own code, which may be seconds away
when it waits for a network to be compiled. A thread that waits for nothing but signals hears of them at once.
All that unmask writes may be cut off at any moment, so nothing has to be unwound.
"""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
GRACE_S = 0.7  # for what was started, to clear up and end by itself
LAST_S = 5.0  # after which a process ends whatever happens


def end_at_once(*, quiet: bool = False) -> None:
    """From now on Ctrl-C ends this process with exit code 130 and SIGTERM with 143, each with one line.

    Called by the first thread of a command, or `quiet` by that of a worker. Holds also for commands that a
    script started by `&`, which shells let pass over Ctrl-C.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in WORDS:
        signal.signal(number, _stand_still)
    threading.Thread(target=_listen, args=(reader, quiet), daemon=True).start()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_as_before)  # a fork has no thread that listens


def end_by(number: int, *, code: int = 0) -> NoReturn:
    """Ends this process now, as by that signal, whatever its threads wait for; `code` in place of 128 and its
    number. For commands that hear of signals themselves, and have done what was left to do.
    """
    sys.stdout.flush()
    _end(signal.Signals(number), quiet=False, code=code)


def say_ended(number: int) -> None:
    """The line of a command that ends by that signal."""
    _say(WORDS[signal.Signals(number)])


def _listen(reader: int, quiet: bool) -> None:
    while True:
        for number in os.read(reader, 64):
            if number in WORDS:
                _end(signal.Signals(number), quiet=quiet)


def _end(number: signal.Signals, *, quiet: bool, code: int = 0) -> NoReturn:
    code = code or 128 + number
    limit = threading.Timer(LAST_S, os._exit, (code,))
    limit.daemon = True
    limit.start()
    try:
        if not quiet:
            say_ended(number)
        if files := sys.modules.get("unmask.files"):  # not loaded before anything is written
            files.remove_unfinished()
        _end_children()
        if util := sys.modules.get("multiprocessing.util"):
            util._run_finalizers(0)  # gives back the semaphores of pools
    finally:
        os._exit(code)


def _say(word: str) -> None:
    """By the system alone: the thread that was stopped may hold the lock of `sys.stderr`."""
    with suppress(OSError):
        begin = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""  # of a progress bar and its hidden cursor
        os.write(2, f"{begin}unmask: {word}\n".encode())


def _stand_still(number: int, frame: FrameType | None) -> None:
    """What the first thread does from the signal on: it does not report workers that ended."""
    time.sleep(LAST_S)
    os._exit(128 + number)


def _as_before() -> None:
    signal.set_wakeup_fd(-1)
    for number in WORDS:
        if signal.getsignal(number) is _stand_still:
            signal.signal(number, signal.SIG_DFL)


def _end_children() -> None:
    until = time.monotonic() + GRACE_S
    asked: set[int] = set()
    while (left := _descendants(os.getpid())) and time.monotonic() < until:
        for process in left - asked:
            _send(process, signal.SIGTERM)
        asked |= left
        time.sleep(0.05)
    for process in left:
        _send(process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)


def _send(process: int, number: int) -> None:
    with suppress(OSError):  # it has ended
        os.kill(process, number)


def _descendants(process: int) -> set[int]:
    """The processes that it started and that still live, and those that these did; without the one that
    clears up after it.
    """
    if not Path("/proc/self/task").exists():
        import multiprocessing

        return {child.pid for child in multiprocessing.active_children() if child.pid is not None}
    found: set[int] = set()
    new = _children(process)
    if tracker := sys.modules.get("multiprocessing.resource_tracker"):
        new -= {tracker._resource_tracker._pid}
    while new:
        found |= new
        new = {child for parent in new for child in _children(parent)} - found
    return {one for one in found if _lives(one)}


def _children(process: int) -> set[int]:
    found: set[int] = set()
    with suppress(OSError):  # it has ended
        for task in os.listdir(f"/proc/{process}/task"):
            found.update(map(int, Path(f"/proc/{process}/task/{task}/children").read_text().split()))
    return found


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
