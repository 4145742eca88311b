"""Unpacked archives: which folder is meant, which files in it are presentations, which are there twice."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from unmask.types import DataError, Label, Presentation

VIDEOS = frozenset({".avi", ".mov", ".mp4", ".m4v", ".mkv", ".webm"})
HIDDEN = (".", "__MACOSX")
PACKED = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".rar", ".7z", ".z01", ".001"})


def folder(root: str | Path, *, of: str) -> Path:
    """`root` itself; DataError where it is no folder or an empty one. `of` names the data set."""
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


def part(root: Path, name: str, *, of: str) -> Path:
    """The folder `name` of a data set, "a/b" for one below another; DataError says why it is not there."""
    found = root / name
    if found.is_dir() and any(found.iterdir()):
        return found
    if packed := [path.name for path in packed_files(root) if path.name.startswith(Path(name).parts[0])]:
        raise DataError(f"{root} holds {packed[0]}, which is not unpacked: {of} has a folder {name}")
    state = "an empty folder" if found.is_dir() else "no folder"
    raise DataError(f"{root} has {state} {name}, which {of} needs; unpack the whole archive there")


def packed_files(root: Path) -> list[Path]:
    """Archives that lie directly in `root`, not unpacked or left over."""
    return sorted(path for path in root.iterdir() if path.is_file() and path.suffix.lower() in PACKED)


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


def found(presentations: list[Presentation], *, parts: Sequence[str], root: Path) -> list[Presentation]:
    """The presentations sorted by path; DataError where a part has none of one class: such rates mislead."""
    shipped = {(p.split, p.label) for p in presentations}
    for name in parts:
        for label, words in ((Label.BONA_FIDE, "bona fide video"), (Label.ATTACK, "attack")):
            if (name, label) not in shipped:
                raise DataError(f"{root} holds no {words} of the part {name}; unpack the whole archive there")
    return sorted(presentations, key=lambda p: p.path)


def twins(rows: Sequence[Presentation]) -> list[tuple[str, str]]:
    """Pairs of paths that are the same presentation by name and by all that its row says.

    Such come from an archive unpacked twice, once into a folder of its own name. "a.m.mov" is "a.mov".
    """
    alike: dict[tuple[str, ...], list[Presentation]] = defaultdict(list)
    for row in rows:
        stem = os.path.splitext(os.path.basename(row.path))[0].removesuffix(".m")
        alike[row.dataset, row.split, row.subject, row.instrument, stem].append(row)
    return [pair for candidates in alike.values() if len(candidates) > 1 for pair in _nested(candidates)]


def refuse_twins(presentations: Sequence[Presentation]) -> None:
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
