"""Prepared clips on disk: what `data.prepare` writes and training streams.

A set is a folder of shards (data.shards) and its `spec.json`, the settings that all of them were cut with.
The tars are WebDataset's, so that other programs can stream them; here any clip is read by its place.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from unmask.data.shards import PATTERN, Arrays, Row, Shard
from unmask.types import ClipSpec, DataError

DEPTH_PX = 32  # of the networks' maps
SPEC = "spec.json"
CHECKED_WHOLE = 2**31  # bytes of a set that is checked when it is opened; each clip is when it is read
PREPARATION = "preparation.json"  # beside the parts: data set and protocol that `unmask prepare` made them of
LONGEST_HEAD = 256  # bytes before the array in an npy member


@dataclass(frozen=True)
class PreparedSet:
    """All shards of a folder, in the order of their names; the pixels stay on disk until asked for."""

    root: Path
    spec: ClipSpec
    depth_px: int
    rows: tuple[Row, ...]
    shards: tuple[Shard, ...]

    @staticmethod
    def open(root: str | Path) -> "PreparedSet":
        """The set in `root`; DataError when there is none, it holds no clip, or a shard is damaged.

        Sets of up to CHECKED_WHOLE bytes are looked through for changed clips, once a process.
        """
        root = Path(root)
        if not (root / SPEC).is_file():
            raise DataError(
                f"{root} is no prepared set: it has no {SPEC}; make one with `unmask prepare` or `unmask "
                "simulate`"
            )
        settings = json.loads((root / SPEC).read_text())
        spec, depth_px = ClipSpec.read(settings["clip"]), int(settings.get("depth_px", DEPTH_PX))
        shards = [shard for shard in map(Shard.open, sorted(root.glob(PATTERN))) if shard.rows]
        for shard in shards:
            _check(shard, spec=spec, depth_px=depth_px)
        if sum(shard.tar.stat().st_size for shard in shards) <= CHECKED_WHOLE:
            for shard in shards:
                _check_bytes(shard)
        if not shards and any(root.glob("shard-?????/table.csv")):
            raise DataError(f"{root} was prepared by an older unmask, as folders; prepare it again")
        if not shards:
            raise DataError(f"{root} holds no clip; let the preparation finish its first shard")
        rows = tuple(row for shard in shards for row in shard.rows)
        return PreparedSet(root, spec, depth_px, rows, tuple(shards))

    @staticmethod
    def joined(sets: Sequence["PreparedSet"], *, named: bool = False) -> "PreparedSet":
        """Several sets as one; DataError where their clips were cut in different ways.

        Two sets may both have a subject "1": presentations and subjects get the folder of their set before
        their name, and so do domains that no manifest names; a single set's stay as they are unless `named`.
        """
        first = sets[0]
        if len(sets) == 1 and not named:
            return first
        for other in sets[1:]:
            if (other.spec, other.depth_px) != (first.spec, first.depth_px):
                raise DataError(
                    f"{other.root} holds clips cut as {other.spec}, {first.root} as {first.spec}; prepare "
                    "them alike"
                )
        rows = tuple(_of(one, row) for one in sets for row in one.rows)
        shards = tuple(shard for one in sets for shard in one.shards)
        return PreparedSet(first.root, first.spec, first.depth_px, rows, shards)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(shard.rows) for shard in self.shards)])[:-1]

    def read(self, numbers: Sequence[int] | np.ndarray) -> Arrays:
        """Copies of the clips with these numbers, in this order."""
        parts = []
        for number in numbers:
            place = int(np.searchsorted(self._starts, number, side="right")) - 1
            k = int(number - self._starts[place])
            spec = self.spec
            parts.append(
                self.shards[place].read(k, frames=spec.frames, size_px=spec.size_px, depth_px=self.depth_px)
            )
        clips, depth, mask = zip(*parts, strict=True)
        return Arrays(np.stack(clips), np.stack(depth), np.stack(mask))


_unchanged: set[tuple[Path, int, int]] = set()  # shards that were checked: path, bytes, time of change


def _check_bytes(shard: Shard) -> None:
    """DataError where a clip has changed; a shard is looked through once."""
    about = shard.tar.stat()
    known = (shard.tar.absolute(), about.st_size, about.st_mtime_ns)
    if known not in _unchanged:
        shard.check()
        _unchanged.add(known)


def protocol_of(folder: Path) -> str:
    """The protocol that the parts in `folder` were prepared by; "" where none is known."""
    try:
        return str(json.loads((folder / PREPARATION).read_text(encoding="utf-8")).get("protocol", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _of(prepared: PreparedSet, row: Row) -> Row:
    name = str(prepared.root.parent)  # root is its part train, dev or test
    return replace(
        row,
        presentation=f"{name}/{row.presentation}",
        subject=f"{name}/{row.subject}",
        domain=row.domain or name,
    )


def _check(shard: Shard, *, spec: ClipSpec, depth_px: int) -> None:
    """The lengths of the members fit the settings: what is read as pixels are pixels."""
    maps = spec.frames * depth_px**2
    heads = shard.places[..., 1] - [spec.frames * spec.size_px**2 * 3, maps, maps]  # what an npy has before
    if shard.pictures == "png":
        heads = heads[:, 1:]  # a picture's length tells nothing
    if ((heads <= 0) | (heads > LONGEST_HEAD)).any():
        raise DataError(f"{shard.tar} holds clips of another size than {SPEC} says; prepare them again")
