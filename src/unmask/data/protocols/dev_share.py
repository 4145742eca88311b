"""A dev part for sets that ship none: a share of train, drawn by hash, the same on every machine."""

import hashlib
from collections.abc import Sequence
from itertools import groupby
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
    chosen: set[str] = set()
    for _, group in groupby(sorted(train, key=_group), key=_group):
        units = sorted({_unit(p) for p in group}, key=lambda unit: hashlib.sha256(unit.encode()).digest())
        if len(units) > 1:
            chosen.update(units[: max(1, round(SHARE * len(units)))])
    return (
        tuple(p for p in train if _unit(p) not in chosen),
        tuple(p for p in train if _unit(p) in chosen),
    )


def _unit(p: Presentation) -> str:
    """Who must not be in both parts; without the folder of the set, which differs between machines."""
    path = PurePath(p.path)
    return f"{p.dataset}:{p.subject or f'{path.parent.name}/{path.name}'}"


def _group(p: Presentation) -> tuple[str, str]:
    return p.dataset, "" if p.subject else f"{p.instrument} "
