"""Files that are whole or not there: everything that unmask writes goes through `atomic_path`."""

import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unmask.types import OutputError

# What a disk or folder says no with; whatever else is raised while writing passes through.
REFUSALS = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EFBIG: "the file would be larger than this system allows; choose another place",
    errno.EROFS: "the disk is read-only; choose another place",
    errno.EACCES: "the folder may not be written to; choose another place",
    errno.EPERM: "the folder may not be written to; choose another place",
    errno.EIO: "the disk reports a fault; choose another place",
    errno.EEXIST: "a file stands where its folder should be; choose another place",
    errno.ENOTDIR: "a file stands where its folder should be; choose another place",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """A path beside `target` to write to, which takes its place when the block ends well and else is removed.

    The bytes reach the disk before the rename, so that a crash leaves the old file or the new one. Folders
    above `target` are made. A full or forbidden disk is an OutputError. The path ends in ".part": who guesses
    a format by the suffix has to look at `target`.
    """
    final = Path(os.path.realpath(target))  # through a link: the link stays, its file is replaced
    if final.exists() and not final.is_file():
        raise OutputError(f"cannot write {target}: it is not a plain file; name a file")
    part = final.with_name(f"{final.name}.{secrets.token_hex(4)}.part")  # two writers never share one
    try:
        with refusals(target):
            final.parent.mkdir(parents=True, exist_ok=True)
            yield part
            _flush(part)
            os.replace(part, final)
            _flush(final.parent)
    finally:
        with suppress(OSError):  # never made, or its folder is no folder
            part.unlink()


def write_bytes(target: str | Path, content: bytes) -> None:
    """The whole of `content` in `target`, or what was there before."""
    with atomic_path(target) as part:
        part.write_bytes(content)


def left_behind(folder: Path, name: str) -> list[Path]:
    """What writers that were killed left of files whose whole name matches the expression `name`."""
    part = re.compile(rf"(?:{name})\.[0-9a-f]{{8}}\.part")
    return [path for path in folder.iterdir() if part.fullmatch(path.name)]


@contextmanager
def held(folder: str | Path) -> Iterator[None]:
    """The folder, made if it is not there, for this process alone; OutputError while another one holds it.

    The hold ends with the process, however that ends. Where files cannot be locked (Windows, some network
    disks) nothing is held, and two writers must be kept apart by hand.
    """
    folder = Path(folder)
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("ab")
    with lock:
        lock_file(lock.fileno(), name=folder)
        yield


def lock_file(file: int, *, name: str | Path) -> None:
    """The open file for this process alone, until it is closed; OutputError while another one has it."""
    if sys.platform == "win32":
        return
    import fcntl  # not on Windows

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as busy:
        raise OutputError(f"another process writes to {name}; wait for it, or stop it") from busy
    except OSError as refused:
        if refused.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


@contextmanager
def refusals(target: str | Path) -> Iterator[None]:
    """What the disk refuses in the block is an OutputError that names `target`."""
    try:
        yield
    except OSError as refused:
        if refused.errno not in REFUSALS:
            raise
        raise OutputError(f"cannot write {target}: {REFUSALS[refused.errno]}") from refused


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder, and needs no flush of it
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def name_below(root: str | Path | None, path: str) -> str:
    """The path without `root` before it, so that a name is the same wherever its folder lies; others as they
    are.

    >>> name_below("/sets/casia", "/sets/casia/test/1.avi"), name_below(Path("data"), "other/a.mp4")
    ('test/1.avi', 'other/a.mp4')
    """
    return path if root is None else path.removeprefix(f"{str(root).rstrip('/')}/")
