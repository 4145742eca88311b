"""A dev part for sets that ship none: a share of train, drawn by hash, the same on every machine."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from unmask.types import Presentation

SHARE = 0.15

Pair = tuple[tuple[Presentation, ...], tuple[Presentation, ...]]


def with_dev(train: Sequence[Presentation]) -> Pair:
    """(train, dev): 15 % of the subjects, those whose names have the smallest SHA-256, at least one.

    Where a set tells no subjects, 15 % of the presentations of each instrument and of the bona fide ones, by
    "folder/name"; then one person may be in both parts. Both parts have every class that `train` has: where
    the share has not, the next subject with that class joins it; where that cannot be, dev is empty.
    """
    groups: dict[str, set[str]] = {}
    for p in train:
        groups.setdefault("subjects" if p.subject else p.instrument, set()).add(_unit(p))
    queues = [drawn(group) for group in groups.values() if len(group) > 1]
    chosen = {unit for queue in queues for unit in queue[: _share(queue)]}
    for label in sorted({p.label for p in train}):
        have = {_unit(p) for p in train if p.label is label}
        if not have & chosen:
            chosen |= {unit for queue in queues for unit in [u for u in queue if u in have][:1]}
    parts: tuple[list[Presentation], list[Presentation]] = ([], [])
    for p in train:
        parts[_unit(p) in chosen].append(p)
    classes = [{p.label for p in part} for part in parts]
    if classes[0] != classes[1]:
        return tuple(train), ()
    return tuple(parts[0]), tuple(parts[1])


def drawn(names: Iterable[str]) -> list[str]:
    """The names by their SHA-256: the same on every machine, whatever the order.

    >>> drawn([f"{n:02d}" for n in range(20)])[:4]
    ['03', '07', '08', '09']
    """
    return sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())


def _share(queue: Sequence[str]) -> int:
    return max(1, round(SHARE * len(queue)))


def _unit(p: Presentation) -> str:
    """Who must not be in both parts; without the folder of the set, which differs between machines."""
    if p.subject:
        return p.subject
    path = PurePath(p.path)
    return f"{path.parent.name}/{path.name}"
