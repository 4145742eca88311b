"""Data sets and protocols by their names, and what both make of a folder: the way in for commands."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

from unmask.data.archive import refuse_duplicates
from unmask.data.protocols import PROTOCOLS
from unmask.data.sets import DATASETS
from unmask.data.splits import DataSet, Protocol, Split, miscounted
from unmask.types import DataError, Presentation

NAMED = 6  # names that an error gives


def data_set(name: str) -> DataSet:
    """The data set of that name; DataError names those that there are, the nearest first.

    An option follows the name after a colon, as in "casia-surf:live=0": what the reader cannot know.
    """
    name, colon, option = name.partition(":")
    if name in PROTOCOLS:
        needs = PROTOCOLS[name].needs
        raise DataError(f"{name} is a protocol of {', '.join(needs)}; `unmask data {needs[0]}` shows it")
    if name not in DATASETS:
        known = ", ".join(nearest(name, DATASETS))
        raise DataError(f"there is no data set {name!r}; there are {known}: see `unmask data`")
    row = DATASETS[name]
    if not colon:
        return row
    if option not in row.options:
        known = " or ".join(f"{name}:{choice}" for choice in row.options)
        raise DataError(f"{name} has no option {option!r}; it is {known or f'only {name}'}")
    return replace(row, read=partial(row.read, **row.options[option]))


def protocol(name: str) -> Protocol:
    """The protocol of that name; DataError names the nearest."""
    if name not in PROTOCOLS:
        near = ", ".join(nearest(name, PROTOCOLS)[:NAMED])
        raise DataError(f"there is no protocol {name!r}; the nearest are {near}: `unmask data` lists all")
    return PROTOCOLS[name]


def protocols_with(name: str) -> list[Protocol]:
    """Those that need the data set of that name."""
    return [row for row in PROTOCOLS.values() if name in row.needs]


def read_set(name: str, root: str | Path) -> list[Presentation]:
    """The presentations of an unpacked archive, each once; DataError says what is wrong with the folder.

    `name` as `data_set` takes it, with an option where one is needed.
    """
    dataset = data_set(name)
    try:
        presentations = dataset.read(root)
        refuse_duplicates(presentations)
    except DataError as refused:
        raise DataError(f"{refused} (`unmask doctor {name} {root}` may say why)") from refused
    return presentations


def split_by(name: str, presentations: Sequence[Presentation]) -> tuple[Split, list[str]]:
    """The parts of a protocol, and one sentence for each whose counts are not the published ones.

    Such a split is usable, but its rates are not those of the papers: say so beside them.
    """
    row = protocol(name)
    split = row.split(presentations)
    return split, miscounted(split, row.counts, older=row.older)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names, those most like `name` first.

    >>> nearest("oulu", ["siw", "casia-fasd", "oulu-npu"])
    ['oulu-npu', 'siw', 'casia-fasd']
    """

    def unlike(other: str) -> float:
        return -SequenceMatcher(None, name.lower(), other.lower()).ratio()

    return sorted(known, key=unlike)
