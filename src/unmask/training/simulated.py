"""Portraits and backgrounds -> the prepared sets train and dev, simulated; no person or room is in both."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from unmask.data.prepare import Cutting, prepare
from unmask.data.recordings import Simulations
from unmask.simulate.make import Series
from unmask.simulate.subjects import Portrait
from unmask.types import ClipSpec, SettingsError

DEV_SHARE = 0.12  # of people and of rooms
DEV_FRAMES = 10  # a second, two clips of half a second: so that the correlation of clips can be measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How many recordings each set is made of; each is rounded up to whole shards."""

    train: int
    dev: int


def prepare_simulated(
    out: str | Path,
    *,
    series: Series,
    amounts: Amounts,
    spec: ClipSpec,
    jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """`out`/dev, then `out`/train, of simulated recordings; gives `out`. Goes on where it was stopped.

    `series` says what is simulated, with all portraits and backgrounds: they are parted here by name.
    Training may start on a set that still grows: it sees the shards that are there when it opens it.
    `progress` gets the set's name, shards done and in all.
    """
    out = Path(out)
    people, others = part(series.portraits, key=person)
    rooms, other_rooms = part(series.backgrounds, key=room)
    if not people or not others:
        raise SettingsError(
            f"{len(series.portraits)} portraits cannot be parted into training and dev; give more"
        )
    dev = replace(series, portraits=others, backgrounds=other_rooms, frames=DEV_FRAMES, seed=series.seed + 1)
    train = replace(series, portraits=people, backgrounds=rooms)
    still = Cutting(clip=spec, seed=dev.seed)
    for name, source, count, cutting in (
        ("dev", dev, amounts.dev, still),
        ("train", train, amounts.train, replace(still, seed=train.seed, cuts=2)),
    ):
        prepare(
            Simulations(series=source),
            out / name,
            count=count,
            cutting=cutting,
            jobs=jobs,
            progress=None if progress is None else partial(progress, name),
        )
    return out


def part(items: Sequence, *, key: Callable[..., str]) -> tuple[tuple, tuple]:
    """Items for training and for dev: a share of the keys, by hash, so that new items move no old one.

    >>> part(["ann", "bob", "kim", "lea"], key=str)
    (('ann', 'bob', 'kim'), ('lea',))
    """
    kept: tuple[list, list] = [], []
    for item in items:
        share = int(hashlib.sha256(key(item).encode()).hexdigest()[:8], 16) / 2**32
        kept[share < DEV_SHARE].append(item)
    return tuple(kept[0]), tuple(kept[1])


def person(portrait: Portrait) -> str:
    return portrait.name.partition("_")[2] or portrait.name  # collection_person: some sit in two collections


def room(background: Path) -> str:
    return background.stem.rpartition("_")[0] or background.stem  # views of one room end in _000, _060, ...
