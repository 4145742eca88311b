"""The lists that OULU-NPU ships, held against the rule: Protocols/Protocol_3/Train_1.txt and so on.

A line is `+1,1_1_01_1` for bona fide and `-1,1_1_01_2` for an attack; in test lists -1 is a print and -2 a
replay.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from unmask.data.protocols.lists import agreeing
from unmask.data.sets.oulu_npu import PARTS
from unmask.data.splits import Split
from unmask.types import DataError, Presentation

LINE = re.compile(r"([+-]?\d)\s*,\s*(\d_\d_\d\d_\d)")
SWAPPED = re.compile(r"\d_\d_\d\d_\d\s*,\s*[+-]?\d")
REMEDY = "take the authors' list, or delete it: the rule gives the same"
FAMILIES = {"": "1", "print": "-1", "replay": "-2"}


def check_lists(split: Split, *, number: int, fold: int) -> None:
    """DataError for the first line that disagrees with the rule; lists that are not there are not missed."""
    lists = _folder(split)
    if lists is None:
        return
    suffix = f"_{fold}" if fold else ""
    for name, rows in split.parts().items():
        path = lists / f"Protocol_{number}" / f"{name.capitalize()}{suffix}.txt"
        if path.is_file():
            _compare(path, {Path(row.path).stem: row for row in rows}, test=name == "test")


def _folder(split: Split) -> Path | None:
    """Where the lists are, beside the folders of the videos; also nested in a folder of the same name."""
    row = next(iter((*split.train, *split.dev, *split.test)), None)
    parents = Path(row.path).parents if row else ()
    for parent in parents:
        if parent.name in PARTS.values() and parent.parent.name not in PARTS.values():
            places = (parent.parent / "Protocols", parent.parent / "Protocols" / "Protocols")
            return next((place for place in places if (place / "Protocol_1").is_dir()), None)
    return None


def _compare(path: Path, rows: dict[str, Presentation], *, test: bool) -> None:
    for where, name, label in agreeing(path, _lines(path), wanted=rows.keys(), remedy=REMEDY):
        truth = FAMILIES[rows[name].family]
        same = label == truth if test else (label == "1") == (truth == "1")
        if not same:
            raise DataError(f"{where}: {name} is labelled {label}, but its name says {truth}; {REMEDY}")


def _lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """(number, name, label) of each line."""
    for line, text in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        if not text.strip():
            continue
        match = LINE.fullmatch(text.strip())
        if match is None:
            order = "name,label" if SWAPPED.fullmatch(text.strip()) else repr(text.strip()[:40])
            raise DataError(f"{path}, line {line} reads {order}; lists have label,name, as +1,1_1_01_1 is")
        yield line, match[2], match[1].removeprefix("+")
