"""A dev part for sets that ship none: a share of train, drawn by hash, the same on every machine."""

import hashlib
from collections.abc import Sequence
from pathlib import PurePath

from unmask.types import Presentation

SHARE = 0.15


def with_dev(
    train: Sequence[Presentation],
) -> tuple[tuple[Presentation, ...], tuple[Presentation, ...]]:
    """(train, dev): 15 % of the subjects, those whose SHA-256 of "set:subject" comes first, and at least one.

    Where a set tells no subjects, 15 % of the presentations of each instrument and of the bona fide ones, by
    the hash of "set:folder/name"; then one person may be in both parts.
    """
    units = [_unit(p) for p in train]
    groups: dict[tuple[str, str], set[str]] = {}
    for p, unit in zip(train, units, strict=True):
        groups.setdefault(_group(p), set()).add(unit)
    chosen: set[str] = set()
    for group in groups.values():
        drawn = sorted(group, key=lambda unit: hashlib.sha256(unit.encode()).digest())
        if len(drawn) > 1:
            chosen.update(drawn[: max(1, round(SHARE * len(drawn)))])
    parts: tuple[list[Presentation], list[Presentation]] = ([], [])
    for p, unit in zip(train, units, strict=True):
        parts[unit in chosen].append(p)
    return tuple(parts[False]), tuple(parts[True])


def _unit(p: Presentation) -> str:
    """Who must not be in both parts; without the folder of the set, which differs between machines."""
    if p.subject:
        return f"{p.dataset}:{p.subject}"
    path = PurePath(p.path)
    return f"{p.dataset}:{path.parent.name}/{path.name}"


def _group(p: Presentation) -> tuple[str, str]:
    """Units are drawn from each: all subjects of a set together, presentations without one by instrument."""
    return p.dataset, "subjects" if p.subject else p.instrument
