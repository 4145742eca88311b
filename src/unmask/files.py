"""Files that are whole or not there: everything that unmask writes goes through `atomic_path`."""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from unmask.plain import escaped
from unmask.types import DataError, OutputError

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

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[/\\]")  # of two letters and more: one is a drive
_unfinished: set[Path] = set()  # parts that this process writes at this moment
_unfinished_lock = threading.Lock()
_cleaned: set[Path] = set()  # folders in which this process looked for what killed ones left


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """A path beside `target` to write to, which takes its place when the block ends well and else is removed.

    The bytes reach the disk before the rename, so that a crash leaves the old file or the new one. Folders
    above `target` are made, and removed again if nothing is written. A full or forbidden disk is an
    OutputError. The path ends in ".part": a format that is guessed by the suffix has to be read off `target`.
    Parts that killed writers left in the folder are removed.
    """
    final = Path(os.path.realpath(target))  # through a link: the link stays, its file is replaced
    if final.exists() and not final.is_file():
        raise OutputError(f"cannot write {target}: it is not a plain file; name a file")
    part = final.with_name(f"{final.name}.{secrets.token_hex(4)}.part")  # two writers never share one
    with refusals(target), made_folder(final.parent), _marked(part):
        _clean(final.parent)
        with _locked(part):
            yield part
            _flush(part)
            os.replace(part, final)
        _flush(final.parent)


def write_bytes(target: str | Path, content: bytes) -> None:
    """The whole of `content` in `target`, or what was there before."""
    with atomic_path(target) as part:
        part.write_bytes(content)


def write_page(target: str | Path, text: str) -> None:
    """HTML, SVG or Markdown in UTF-8, control characters in it escaped; else as `write_bytes`."""
    lines = (line if line.isprintable() else escaped(line) for line in text.split("\n"))
    write_bytes(target, "\n".join(lines).encode())


def keep_inputs(outputs: Mapping[str, str | Path | None], inputs: Iterable[str | Path | None]) -> None:
    """OutputError where writing one of `outputs` (option -> path) would replace what is read.

    The same file is recognised under any spelling of its name and through soft and hard links. A folder among
    the inputs stands for all files in it. Inputs that are not files, such as addresses, do no harm. Two
    outputs in one file are refused, too, and so are pipes and devices.
    """
    given = {option: Path(path) for option, path in outputs.items() if path is not None}
    for option, path in given.items():
        if SCHEME.match(str(path)):  # folders would be made of it, a password among them
            raise OutputError(f"{option} is an address, {path}; name a file on a disk")
        if path.exists() and not path.is_file() and not path.is_dir():  # told before the work, not after it
            raise OutputError(f"cannot write {path}: it is not a plain file; name a file")
    places: dict[object, str] = {}
    for option, path in given.items():
        place = _identity(path) or os.path.normcase(os.path.realpath(path))
        if place in places:
            raise OutputError(f"{places[place]} and {option} are both {path}; give each a name of its own")
        places[place] = option
    there = {found: option for option, path in given.items() if (found := _identity(path))}
    if not there:
        return
    for source in inputs:
        if source is None or (found := _identity(Path(source))) is None:
            continue
        replaced = there.get(found) or _option_inside(Path(source), given)
        if replaced:
            raise OutputError(
                f"{replaced} {given[replaced]} would replace a file that is read ({source}); "
                "name another file"
            )


def content_of(path: str | Path) -> dict[str, str]:
    """What tells whether a recording, a file or a folder of files, is still the same: sizes, times, SHA-256.

    All empty where it cannot be read. Raises nothing.
    """
    path, found, about = Path(path), hashlib.sha256(), []
    try:
        path.stat()
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                about.append(_about(path, file))
                with file.open("rb") as content:
                    found.update(hashlib.file_digest(content, "sha256").digest())
    except (OSError, ValueError):
        return {"about": "", "sha256": ""}
    return {"about": _digest(about), "sha256": found.hexdigest()}


def is_same(path: str | Path, content: Mapping[str, str]) -> bool:
    """Whether `content_of` the path is what it was; where no size and time has changed, nothing is read."""
    if not content.get("sha256"):
        return False
    path = Path(path)
    try:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        if _digest([_about(path, file) for file in files if file.is_file()]) == content["about"]:
            return True
    except (OSError, ValueError):
        return False
    return content_of(path)["sha256"] == content["sha256"]


def read_json(path: str | Path, *, again: str) -> Any:
    """What a JSON file that unmask wrote holds; DataError ends with `again`, which says what to do else."""
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as refused:
        raise DataError(f"{path} cannot be read: {refused.strerror}; {again}") from refused
    except (ValueError, RecursionError) as broken:  # no text, no JSON, or lists in lists without end
        raise DataError(f"{path} is damaged: it is not JSON; {again}") from broken


def is_there(path: str | Path) -> bool:
    """Whether there is such a file or folder; a name that no file can have is not there."""
    return _identity(Path(path)) is not None


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """The folder, with those above it, made if it is not there; if the block fails, those that were made are
    removed again as far as they are empty.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for place in missing:
            with suppress(OSError):  # what was written lies in it
                place.rmdir()


def remove_unfinished() -> None:
    """Removes the parts that this process writes at this moment, which is about to end."""
    for part in list(_unfinished):
        with suppress(OSError):
            shutil.rmtree(part) if part.is_dir() else part.unlink()


@contextmanager
def scratch_folder(folder: Path, *, prefix: str) -> Iterator[Path]:
    """A new folder inside `folder`, removed when the block ends; those that killed processes left go, too."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=prefix, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        with _marked(scratch), _locked_folder(scratch):
            for other in folder.glob(f"{prefix}*"):
                _clean_folder(other)
            yield scratch


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


@contextmanager
def _marked(part: Path) -> Iterator[None]:
    with _unfinished_lock:
        _unfinished.add(part)
    try:
        yield
    finally:
        with suppress(OSError):  # never made, in its place by now, or a folder that another removes
            part.unlink()
        with _unfinished_lock:
            _unfinished.discard(part)


@contextmanager
def _locked(part: Path) -> Iterator[None]:
    """Holds a lock on the part, by which other processes see that its writer lives."""
    if os.name == "nt":  # which renames no open file
        yield
        return
    with part.open("xb") as file:
        lock_file(file.fileno(), name=part)
        yield


def _clean(folder: Path) -> None:
    """Removes what killed writers left in the folder, when this process writes to it for the first time."""
    if folder in _cleaned:
        return
    _cleaned.add(folder)
    for part in left_behind(folder, ".*"):
        # A part is made and locked in two steps: one that is that young may be about to be locked.
        with suppress(OSError, OutputError), part.open("r+b") as file:
            lock_file(file.fileno(), name=part)
            if time.time() - os.fstat(file.fileno()).st_mtime > 1:
                part.unlink()


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    """As `_locked`; OutputError where another process has it."""
    if os.name == "nt":  # which opens no folder
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        lock_file(handle, name=folder)
        yield
    finally:
        os.close(handle)


def _clean_folder(folder: Path) -> None:
    """Removes a folder that nobody has locked and that is not just being made."""
    if os.name == "nt":
        return
    with suppress(OSError, OutputError), _locked_folder(folder):
        if time.time() - folder.stat().st_mtime > 1:
            shutil.rmtree(folder)


def _about(root: Path, file: Path) -> tuple[str, int, int, int]:
    """Name, size and times; the last, of the change of the entry itself, cannot be set by anybody."""
    found = file.stat()
    return os.fspath(file.relative_to(root)), found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(about: Sequence[tuple[str, int, int, int]]) -> str:
    return hashlib.sha256(repr(list(about)).encode(errors="surrogateescape")).hexdigest()


def _identity(path: Path) -> tuple[int, int] | None:
    """What a file or folder is known by, whatever its name; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return found.st_dev, found.st_ino


def _option_inside(folder: Path, outputs: Mapping[str, Path]) -> str | None:
    """The option whose file lies in `folder`, at whatever depth."""
    if not folder.is_dir():
        return None
    root = Path(os.path.realpath(folder))
    for option, path in outputs.items():
        if path.is_file() and Path(os.path.realpath(path)).is_relative_to(root):
            return option
    return None


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
