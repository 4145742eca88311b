"""What readers share: where an archive's folder begins, what lies in it, and what is refused."""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from unmask.types import DataError, Presentation

VIDEOS = frozenset({".mov", ".mp4", ".avi"})
DEEPEST = 3  # folders that archives nest themselves in, e.g. WMCA_preprocessed_RGB/WMCA/face-station
WIDEST = 50  # folders of a nest: sets have thousands, and a look into a wrong folder should cost nothing


def opened(root: str | Path, *, title: str, marks: Sequence[str]) -> Path:
    """The folder that holds all `marks` (paths below it): `root`, or one that the archive nested in it.

    DataError where there is none: an empty folder, another set, or an archive of which a part is missing.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; give the folder that {title} was unpacked to")
    candidates = nests(root)
    held = [[mark for mark in marks if (folder / mark).exists()] for folder in candidates]
    best = max(range(len(candidates)), key=lambda k: (len(held[k]), -k))
    if len(held[best]) == len(marks):
        return candidates[best]
    if not held[best]:
        raise DataError(
            f"{root} holds none of {', '.join(marks)}: it is empty or not {title}; give the unpacked archive"
        )
    missing = [mark for mark in marks if mark not in held[best]]
    raise DataError(
        f"{candidates[best]} lacks {', '.join(missing)}: {title} is only half unpacked; unpack it again"
    )


def nests(root: Path) -> list[Path]:
    """`root` and the folders in it, DEEPEST down, none where there is no such folder."""
    return [root, *_nested(root, deep=DEEPEST)] if root.is_dir() else []


def files_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files of these suffixes in `folder`, sorted; hidden ones (macOS leaves "._" twins) passed over."""
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith(".")]
    return sorted(found)


def folders_in(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted, hidden ones passed over."""
    with os.scandir(folder) as entries:  # asks no file of what may be half a million
        return sorted(Path(e.path) for e in entries if not e.name.startswith(".") and e.is_dir())


def list_file(root: Path, name: str, *, title: str, get: str) -> Path:
    """The file `name` in `root` or a nest below; DataError when it is missing or there are two versions."""
    found = [folder / name for folder in nests(root) if (folder / name).is_file()]
    if not found:
        raise DataError(f"{root} has no {name}, which {title} needs; {get}")
    if len({path.read_bytes() for path in found}) > 1:
        raise DataError(f"{found[0]} and {found[1]} differ; keep the one that came with {title}")
    return found[0]


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of a list, without empty lines and blanks around."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as broken:
        raise DataError(f"{path} is not a list in UTF-8 ({broken}); copy it again") from broken
    yield from ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def whole(
    presentations: Iterable[Presentation],
    *,
    title: str,
    key: Callable[[Presentation], Hashable] = lambda p: p.path,
) -> list[Presentation]:
    """Sorted by path; DataError when there are none, or when two have the same `key`."""
    rows = sorted(presentations, key=lambda p: p.path)
    if not rows:
        raise DataError(f"the folder of {title} holds no presentation; unpack the archive again")
    seen: dict[Hashable, str] = {}
    for row in rows:
        if (twin := seen.setdefault(key(row), row.path)) != row.path:
            raise DataError(f"{twin} and {row.path} are one presentation of {title}; remove one of them")
    if len({row.path for row in rows}) < len(rows):
        raise DataError(f"{title} lists {_twice(rows)} twice; a presentation is one line")
    return rows


def _twice(rows: Sequence[Presentation]) -> str:
    return next(a.path for a, b in pairwise(rows) if a.path == b.path)


def _nested(folder: Path, *, deep: int) -> Iterator[Path]:
    if deep:
        for inner in folders_in(folder)[:WIDEST]:
            yield inner
            yield from _nested(inner, deep=deep - 1)
