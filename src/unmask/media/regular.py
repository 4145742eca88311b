"""Only regular files are opened: a pipe waits for ever, a device has no end, /proc tells of the machine."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from unmask.types import SourceError, UnmaskError

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}
SYSTEM = ("/proc/", "/sys/")  # their files look regular and are made up by the system as they are read


def check_regular(path: str | Path, *, error: type[UnmaskError] = SourceError) -> int:
    """The size in bytes of a regular file, links followed; `error` for whatever else, before it is opened."""
    try:
        found = os.stat(path)
    except ValueError as broken:  # a null character inside
        raise error(f"{str(path)!r} cannot be a name of a file; check the path") from broken
    except FileNotFoundError as missing:
        raise error(f"{path} does not exist; check the path") from missing
    except OSError as refused:
        raise error(f"{path} cannot be read: {refused.strerror}; check the path and its rights") from refused
    _check(path, found.st_mode, error=error)
    if os.path.realpath(path).startswith(SYSTEM):
        raise error(f"{path} is a file of the system, not a plain file; give a file on a disk")
    return found.st_size


def refuse_special(path: str | Path, *, error: type[UnmaskError]) -> None:
    """`error` for what is there and is not a regular file; whoever opens it tells what else is wrong."""
    if os.path.exists(path) and not os.path.isdir(path):
        check_regular(path, error=error)


def open_regular(path: str | Path, *, error: type[UnmaskError] = SourceError) -> BinaryIO:
    """A regular file, opened for reading; what is looked at is what is read, also when names change."""
    check_regular(path, error=error)
    try:
        # Should a pipe have taken the file's place by now, opening it must not wait for a writer.
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as refused:
        raise error(f"{path} cannot be read: {refused.strerror}; check the path and its rights") from refused
    with ExitStack() as until_checked:
        file = until_checked.enter_context(os.fdopen(number, "rb"))
        _check(path, os.fstat(number).st_mode, error=error)
        until_checked.pop_all()
    return file


def read_regular(path: str | Path, *, most_bytes: int, error: type[UnmaskError] = SourceError) -> bytes:
    """All of a regular file of at most `most_bytes`; `error` for whatever else."""
    size = check_regular(path, error=error)
    if size > most_bytes:
        raise error(f"{path} has {size} bytes and may have {most_bytes}; check that it is the right file")
    with open_regular(path, error=error) as file:
        try:
            content = file.read(most_bytes + 1)
        except OSError as refused:
            raise error(f"{path} cannot be read: {refused.strerror}; copy it again") from refused
    if len(content) > most_bytes:  # it grew in the meantime
        raise error(f"{path} has more than the {most_bytes} bytes that it may have; check the file")
    return content


def _check(path: str | Path, mode: int, *, error: type[UnmaskError]) -> None:
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "something else")
        raise error(f"{path} is {kind}, not a plain file; give a file on a disk")
