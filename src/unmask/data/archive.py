"""Unpacked archives: which folder is meant, what lies in it, what is refused, and what is there twice.

Readers take `refuse`, which gets a sentence for each thing that is wrong. By default the first one ends the
reading; the doctor collects them, and the reader goes on with what is left.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from unmask.types import DataError, Label, Presentation

VIDEOS = frozenset({".avi", ".mov", ".mp4", ".m4v", ".mkv", ".webm"})
HIDDEN = (".", "__MACOSX")  # how names begin that an archive of a Mac brings along
PACKED = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".rar", ".7z", ".z01", ".001"})
DEEPEST = 3  # folders that archives nest themselves in, e.g. WMCA_preprocessed_RGB/WMCA/face-station
WIDEST = 50  # folders of a nest: sets have thousands, and a look into a wrong folder should cost nothing
CLASSES = ((Label.BONA_FIDE, "bona fide presentation"), (Label.ATTACK, "attack"))

Refuse = Callable[[str], None]
Item = TypeVar("Item")


def stop(sentence: str) -> None:
    """DataError: nothing that is wrong is read."""
    raise DataError(sentence)


def folder(root: str | Path, *, of: str) -> Path:
    """`root` itself; DataError where it is not a folder or an empty one. `of` names the data set."""
    root = Path(root)
    if not root.exists():
        raise DataError(f"{root} does not exist; name the folder that {of} was unpacked into")
    if not root.is_dir():
        packed = root.suffix.lower() in PACKED
        remedy = "unpack it and name the folder" if packed else f"name the folder that holds {of}"
        raise DataError(f"{root} is not a folder; {remedy}")
    if not any(root.iterdir()):
        raise DataError(f"{root} is empty; unpack {of} into it")
    return root


def opened(root: str | Path, *, of: str, marks: Sequence[str], refuse: Refuse = stop) -> Path:
    """The folder that holds all `marks` (paths below it): `root`, or one that the archive nested in it.

    Marks that are missing are refused; where all are, or where two folders hold all, it is a DataError.
    """
    root = folder(root, of=of)
    best, most = root, 0
    for level in _levels(root):
        held = {place: sum(_holds(place, mark) for mark in marks) for place in level}
        if len(complete := [place for place in level if held[place] == len(marks)]) > 1:
            raise DataError(f"{complete[0]} and {complete[1]} both hold {of}; name one of them")
        if complete:
            return complete[0]
        for place, count in held.items():
            best, most = (place, count) if count > most else (best, most)
    packed = next((p.name for p in packed_files(best) if p.name.startswith(Path(marks[0]).parts[0])), "")
    if not most and not packed:
        raise DataError(
            f"{root} holds none of {', '.join(marks)}: it is not {of}, or not unpacked; name the folder that "
            f"{of} was unpacked into"
        )
    for mark in marks:
        if not _holds(best, mark):
            refuse(_lack(best, mark, of=of))
    return best


def packed_files(root: Path) -> list[Path]:
    """Archives that lie directly in `root`, not unpacked or left over."""
    return sorted(path for path in root.iterdir() if path.is_file() and path.suffix.lower() in PACKED)


def nests(root: Path) -> list[Path]:
    """`root` and the folders in it, DEEPEST down; none where there is no such folder."""
    return [place for level in _levels(root) for place in level] if root.is_dir() else []


def videos(parent: Path) -> Iterator[Path]:
    """Every video below a folder, by path: so a folder nested in one of its own name does no harm.

    Links are followed, since big archives are often spread over disks. Hidden files are passed over, among
    them the "._" twins that archives of a Mac bring.
    """
    for folder_name, below, names in os.walk(parent, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith(HIDDEN))
        for name in sorted(names):
            if Path(name).suffix.lower() in VIDEOS and not name.startswith(HIDDEN):
                yield Path(folder_name, name)


def files_in(parent: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files of these suffixes in a folder itself, sorted, hidden ones passed over."""
    if not parent.is_dir():
        return []
    found = [p for p in parent.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith(HIDDEN)]
    return sorted(found)


def folders_in(parent: Path) -> list[Path]:
    """The folders in a folder, sorted, hidden ones passed over."""
    with os.scandir(parent) as entries:  # asks no file of what may be half a million
        return sorted(Path(e.path) for e in entries if not e.name.startswith(HIDDEN) and e.is_dir())


def list_file(root: Path, name: str, *, of: str, get: str) -> Path:
    """The file `name` in `root` or a nest below; DataError when it is missing or there are two versions."""
    found = [place / name for place in nests(root) if (place / name).is_file()]
    if not found:
        raise DataError(f"{root} has no {name}, which {of} needs; {get}")
    if len({path.read_bytes() for path in found}) > 1:
        raise DataError(f"{found[0]} and {found[1]} differ; keep the one that came with {of}")
    return found[0]


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of a list, without empty lines and blanks around."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as broken:
        raise DataError(f"{path} is not a list in UTF-8 ({broken}); copy it again") from broken
    yield from ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def each(
    make: Callable[[Item], Presentation], items: Iterable[Item], *, refuse: Refuse = stop
) -> Iterator[Presentation]:
    """What `make` makes of each item; an item of which it makes a DataError is refused."""
    for item in items:
        try:
            row = make(item)
        except DataError as refused:
            refuse(str(refused))
            continue
        yield row


def whole(
    presentations: Iterable[Presentation],
    *,
    of: str,
    parts: Iterable[str] = (),
    key: Callable[[Presentation], Hashable] = lambda p: p.path,
    refuse: Refuse = stop,
) -> list[Presentation]:
    """Sorted by path, each `key` once; DataError when there are none.

    A second presentation of a key is refused, and a part that has none of one class: such rates mislead.
    """
    rows: dict[Hashable, Presentation] = {}
    for row in sorted(presentations, key=lambda p: p.path):
        first = rows.setdefault(key(row), row)
        if first.path != row.path:
            refuse(f"{first.path} and {row.path} are one presentation of {of}; remove one of them")
        elif first is not row:
            refuse(f"{of} lists {row.path} twice; a presentation is one line")
    if not rows:
        raise DataError(f"the folder of {of} holds no presentation; unpack the archive again")
    shipped = {(p.split, p.label) for p in rows.values()}
    for name in parts:
        for label, words in CLASSES:
            if (name, label) not in shipped:
                refuse(f"{of} holds no {words} of the part {name}; unpack the whole archive there")
    return list(rows.values())


def videos_of_parts(
    root: str | Path,
    make: Callable[..., Presentation],
    *,
    of: str,
    parts: Mapping[str, str],
    refuse: Refuse = stop,
) -> list[Presentation]:
    """The videos of a set with one folder a part (part -> folder), by `make(path, split=part)`."""
    root = opened(root, of=of, marks=tuple(parts.values()), refuse=refuse)
    rows = (
        row
        for split, name in parts.items()
        for row in each(partial(make, split=split), videos(root / name), refuse=refuse)
    )
    return whole(rows, of=of, parts=parts, refuse=refuse)


def twins(rows: Sequence[Presentation]) -> list[tuple[str, str]]:
    """Pairs of paths that are the same presentation by name and by all that its row says.

    Such come from an archive unpacked twice, once into a folder of its own name. "a.m.mov" is "a.mov".
    """
    alike: dict[tuple[str, ...], list[Presentation]] = defaultdict(list)
    for row in rows:
        stem = os.path.splitext(os.path.basename(row.path))[0].removesuffix(".m")
        alike[row.dataset, row.split, row.subject, row.instrument, stem].append(row)
    return [pair for candidates in alike.values() if len(candidates) > 1 for pair in _nested(candidates)]


def refuse_duplicates(presentations: Sequence[Presentation]) -> None:
    """DataError where a presentation is there twice: it would count twice in every rate."""
    if pairs := twins(presentations):
        first, second = pairs[0]
        raise DataError(
            f"{len(pairs)} presentations are there twice, {first} and {second} the first; an archive was "
            "unpacked twice: remove one of each"
        )


def _nested(rows: Sequence[Presentation]) -> Iterator[tuple[str, str]]:
    """Each path beside that of an equal row in the same folders, but for one folder more."""
    first: dict[frozenset[str], Presentation] = {}
    folders = [frozenset(os.path.dirname(row.path).split(os.sep)) for row in rows]
    for row, own in zip(rows, folders, strict=True):
        first.setdefault(own, row)
    for row, own in zip(rows, folders, strict=True):
        for fewer in (own, *(own - {name} for name in own)):
            other = first.get(fewer, row)
            if other is not row and replace(other, path=row.path) == row:
                yield other.path, row.path
                break


def _levels(root: Path) -> Iterator[list[Path]]:
    """`root`, the folders in it, the folders in those, DEEPEST down."""
    level = [root]
    for _ in range(DEEPEST + 1):
        yield level
        readable = (place for place in level if os.access(place, os.R_OK | os.X_OK))  # lost+found is not
        level = [inner for place in readable for inner in folders_in(place)[:WIDEST]]


def _holds(place: Path, mark: str) -> bool:
    path = place / mark
    return any(path.iterdir()) if path.is_dir() else path.is_file()


def _lack(place: Path, mark: str, *, of: str) -> str:
    kind = "file" if Path(mark).suffix else "folder"
    if packed := [path.name for path in packed_files(place) if path.name.startswith(Path(mark).parts[0])]:
        return f"{place} holds {packed[0]}, which is not unpacked: {of} has a {kind} {mark}"
    state = f"an empty {kind}" if (place / mark).exists() else f"no {kind}"
    return f"{place} has {state} {mark}, which {of} needs; unpack the whole archive there"
