"""A dev part for sets that ship none: a share of train, drawn by hash, the same on every machine."""

from collections.abc import Sequence
from pathlib import PurePath

from unmask.data.splits import drawn
from unmask.types import Presentation

SHARE = 0.15


def with_dev(
    train: Sequence[Presentation],
) -> tuple[tuple[Presentation, ...], tuple[Presentation, ...]]:
    """(train, dev): 15 % of the subjects, by `drawn`.

    Where a set tells no subjects, 15 % of the presentations of each instrument and of the bona fide ones, by
    "folder/name"; then one person may be in both parts.
    """
    units = [_unit(p) for p in train]
    groups: dict[str, set[str]] = {}
    for p, unit in zip(train, units, strict=True):
        groups.setdefault(_group(p), set()).add(unit)
    chosen: set[str] = set()
    for group in groups.values():
        if len(group) > 1:
            chosen |= drawn(group, share=SHARE)
    parts: tuple[list[Presentation], list[Presentation]] = ([], [])
    for p, unit in zip(train, units, strict=True):
        parts[unit in chosen].append(p)
    return tuple(parts[False]), tuple(parts[True])


def _unit(p: Presentation) -> str:
    """Who must not be in both parts; without the folder of the set, which differs between machines."""
    if p.subject:
        return p.subject
    path = PurePath(p.path)
    return f"{path.parent.name}/{path.name}"


def _group(p: Presentation) -> str:
    """Units are drawn from each: all subjects together, presentations without one by instrument."""
    return "subjects" if p.subject else p.instrument
