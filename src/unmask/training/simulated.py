"""Portraits and backgrounds parted into those of train and those of dev; no person or room is in both."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from unmask.simulate.people.subjects import Portrait
from unmask.simulate.photographs.files import Photograph

Item = TypeVar("Item")
DEV_SHARE = 0.12  # of people and of rooms
TRAIN_ONLY = ("18F/",)  # sources whose people may be in real items that train; they stay on one side
DEV_FRAMES = 10  # a second, two clips of half a second: so that the correlation of clips can be measured


def part(items: Sequence[Item], *, key: Callable[[Item], str]) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Items for training and for dev: a share of the keys, by hash, so that new items move no old one.

    >>> part(["ann", "bob", "kim", "lea"], key=str)
    (('ann', 'bob', 'kim'), ('lea',))
    """
    kept: tuple[list[Item], list[Item]] = [], []
    for item in items:
        share = int(hashlib.sha256(key(item).encode()).hexdigest()[:8], 16) / 2**32
        kept[share < DEV_SHARE].append(item)
    return tuple(kept[0]), tuple(kept[1])


def person(portrait: Portrait) -> str:
    """Who it is: names are collection_person, and some people sit in two collections."""
    return portrait.name.partition("_")[2] or portrait.name


def room(background: Path) -> str:
    """Which room it shows: views of one end in _000, _060, ..."""
    return background.stem.rpartition("_")[0] or background.stem


def part_photographs(
    photographs: Sequence[Photograph],
) -> tuple[tuple[Photograph, ...], tuple[Photograph, ...]]:
    """Photographs for training and for dev; all of a source of TRAIN_ONLY are for training."""
    fixed = [p for p in photographs if p.source.startswith(TRAIN_ONLY)]
    free = [p for p in photographs if not p.source.startswith(TRAIN_ONLY)]
    train, dev = part(free, key=lambda photograph: photograph.subject)
    return (*fixed, *train), dev
