"""Prepared clips on disk: what `data.prepare` writes and training maps into memory.

A set is a folder of shards; a shard is a folder that appears by one rename, so what is there is whole:

    clips.npy  (n, T, S, S, 3) uint8 RGB        depth.npy  (n, T, 32, 32) uint8, 255 is near, 0 background
    table.csv  one row a clip                   mask.npy   (n, T, 32, 32) uint8, 255 is face
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from unmask.types import ClipSpec, DataError, Label

DEPTH_PX = 32
SPEC = "spec.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One prepared clip: the `number`-th of its presentation; `source` says where it came from."""

    presentation: str
    number: int
    label: Label
    instrument: str
    subject: str
    source: str


@dataclass(frozen=True, slots=True)
class Arrays:
    """Some clips: `clips` (n, T, S, S, 3), `depth` and `mask` (n, T, 32, 32), all uint8."""

    clips: np.ndarray
    depth: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, slots=True)
class _Shard:
    start: int  # number of its first row in the set
    arrays: Arrays


@dataclass(frozen=True)
class PreparedSet:
    """All shards of a folder, in the order of their names; the pixels stay on disk until asked for."""

    root: Path
    spec: ClipSpec
    rows: tuple[Row, ...]
    shards: tuple[_Shard, ...]

    @staticmethod
    def open(root: str | Path) -> "PreparedSet":
        """The set in `root`; DataError when there is none or a shard does not fit the others."""
        root = Path(root)
        if not (root / SPEC).is_file():
            raise DataError(
                f"{root} is no prepared set: it has no {SPEC}; make one with `unmask simulate` or prepare"
            )
        spec = ClipSpec(**json.loads((root / SPEC).read_text())["clip"])
        rows: list[Row] = []
        shards: list[_Shard] = []
        for folder in sorted(root.glob("shard-?????")):
            table = read_table(folder / "table.csv")
            if table:  # a shard of which nothing could be cut is empty, and an empty file cannot be mapped
                shards.append(_Shard(len(rows), _map(folder, count=len(table), spec=spec)))
                rows.extend(table)
        if not rows:
            raise DataError(f"{root} holds no clip; let the preparation finish its first shard")
        return PreparedSet(root, spec, tuple(rows), tuple(shards))

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.array([shard.start for shard in self.shards])

    def read(self, numbers: Sequence[int] | np.ndarray) -> Arrays:
        """Copies of the clips with these numbers, in this order."""
        parts = []
        for number in numbers:
            shard = self.shards[int(np.searchsorted(self._starts, number, side="right")) - 1]
            k = number - shard.start
            parts.append((shard.arrays.clips[k], shard.arrays.depth[k], shard.arrays.mask[k]))
        clips, depth, mask = zip(*parts, strict=True)
        return Arrays(np.stack(clips), np.stack(depth), np.stack(mask))


def read_table(path: Path) -> list[Row]:
    """The rows of a shard's table."""
    with path.open(newline="", encoding="utf-8") as file:
        return [_row(cells) for cells in csv.DictReader(file)]


def _row(cells: dict[str, str]) -> Row:
    return Row(
        presentation=cells["presentation"],
        number=int(cells["number"]),
        label=Label(cells["label"]),
        instrument=cells["instrument"],
        subject=cells["subject"],
        source=cells["source"],
    )


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """The rows as CSV with a header line."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _map(folder: Path, *, count: int, spec: ClipSpec) -> Arrays:
    wanted = {
        "clips": (count, spec.frames, spec.size_px, spec.size_px, 3),
        "depth": (count, spec.frames, DEPTH_PX, DEPTH_PX),
        "mask": (count, spec.frames, DEPTH_PX, DEPTH_PX),
    }
    arrays = {}
    for name, shape in wanted.items():
        path = folder / f"{name}.npy"
        try:
            arrays[name] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as broken:
            raise DataError(
                f"{path} cannot be read ({broken}); delete {folder} and prepare again"
            ) from broken
        if arrays[name].shape != shape or arrays[name].dtype != np.uint8:
            found = f"{arrays[name].dtype} {arrays[name].shape}"
            raise DataError(f"{path} is {found}, not uint8 {shape}; delete {folder} and prepare again")
    return Arrays(**arrays)
