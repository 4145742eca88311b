"""The depth twin of a presentation: what a depth camera, or the simulator, measured of its frames.

A data set's reader names it in the column "depth": a folder of 16-bit PNG in millimetres (rgbd, CeFA), one
such PNG, an HDF5 file of WMCA, or an .npz of the simulated benchmark. Maps belong to frames by their number.
Whatever keeps a twin from being the depth of its frames is a NoDepthError: a failure to acquire, since a set
of two kinds of labels would teach which kind it is.
"""

import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from unmask.data.prepare.depth_labels import depth_files, read_depth_m
from unmask.media.clips import clip_box, cut_depth, mesh_in_clip, mesh_mask
from unmask.media.hdf5 import hdf5_depths, is_hdf5
from unmask.media.sources import MAX_FRAMES
from unmask.types import DataError, Face, Frame, Label, Presentation, Sighting, SourceError

Depth = Literal["mesh", "real"]  # what a label is drawn from
COLUMN = "depth"
MEASURED = 0.5  # share of a face that must have depth: of less, a label says what nobody measured
GRID = 32  # on which that share is counted
SEARCHED = 100  # presentations that may fail before a set counts as one without depth
FARTHEST_MM = 65535  # of 16 bits: what is cut off there is no distance


class NoDepthError(DataError):
    """A presentation whose depth cannot be had, or is not that of its frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthTwin:
    """An opened twin: `count` maps, the k-th, `load(k)` (H, W) float32, of frame k times `every`.

    NaN is unknown. `turns` as of its presentation; `cut_short` where that takes its first frames alone.
    """

    path: str
    count: int
    load: Callable[[int], np.ndarray]
    every: int = 1
    turns: int = 0
    cut_short: bool = False

    def has(self, frame: Frame) -> bool:
        """Whether the frame has a map of its own: no other's is taken for it."""
        return frame.index % self.every == 0

    def check_length(self, frames: int) -> None:
        """NoDepthError unless there are as many maps as `frames` need."""
        needed = -(-frames // self.every)
        if self.count < needed or (self.count > needed and not self.cut_short):
            raise NoDepthError(
                f"{self.path} holds {self.count} depth maps, and {frames} frames need {needed}; which belong "
                "together is unknown: record or copy both again"
            )

    def read(self, frame: Frame) -> np.ndarray:
        """(H, W) float32: the map of a frame, upright as its picture and of its size."""
        number = frame.index // self.every
        if number >= self.count:
            raise NoDepthError(f"{self.path} ends before frame {frame.index}; record or copy both again")
        try:
            depth = np.rot90(self.load(number), -self.turns)
        except (DataError, SourceError) as broken:
            raise NoDepthError(str(broken)) from broken
        if depth.shape != frame.image.shape[:2]:
            (height, width), (rows, columns) = depth.shape, frame.image.shape[:2]
            raise NoDepthError(
                f"{self.path} is {width} x {height} pixels at frame {frame.index}, its picture {columns} x "
                f"{rows}; align the depth to the colour"
            )
        return depth

    def measured(self, sightings: Sequence[Sighting]) -> list[tuple[Sighting, np.ndarray]]:
        """The sightings with their maps, without those of whose face less than MEASURED is known."""
        pairs = [(sighting, self.read(sighting.frame)) for sighting in sightings]
        kept = [
            (sighting, depth) for sighting, depth in pairs if known_share(depth, sighting.face) >= MEASURED
        ]
        if pairs and not kept:
            raise NoDepthError(
                f"{self.path} knows the depth of less than {MEASURED:.0%} of the face in all {len(pairs)} "
                "frames; record at a distance that the camera measures"
            )
        return kept


def known_share(depth: np.ndarray, face: Face) -> float:
    """How much of a face has a known depth, in [0, 1]; `depth` (H, W) is of the same frame."""
    box = clip_box(face.mesh, scale=1.0)
    mask = mesh_mask(mesh_in_clip(face.mesh, box, size_px=GRID), size_px=GRID, out=GRID) > 0.5
    return float(np.isfinite(cut_depth(depth, box, size_px=GRID))[mask].mean()) if mask.any() else 0.0


def open_twin(presentation: Presentation) -> DepthTwin:
    """The twin of a presentation; NoDepthError tells why there is none."""
    named = presentation.columns.get(COLUMN, "")
    if not named:
        raise NoDepthError(f"{presentation.path} has no depth; take --depth mesh, or add its depth maps")
    path = Path(named)
    try:
        if path.suffix == ".npz":
            maps, every = _simulated(path)
            return _of(presentation, count=len(maps), load=_Metres(maps), every=every)
        if is_hdf5(path):
            _refuse_unitless(presentation)
            stored = hdf5_depths(path)
            return _of(presentation, count=len(stored), load=stored.__getitem__)
        if not path.is_dir() and path.suffix.lower() != ".png":
            wrong = "is not depth that is read" if path.exists() else "does not exist"
            raise DataError(f"{path} {wrong}; give a folder of 16-bit PNG, an HDF5 of WMCA, or an .npz")
        files = depth_files(path) if path.is_dir() else [path]
    except (DataError, SourceError) as broken:
        raise NoDepthError(str(broken)) from broken
    return _of(presentation, count=len(files), load=lambda k: read_depth_m(files[k]))


def check_depth(presentations: Sequence[Presentation], *, dataset: str) -> None:
    """DataError where no presentation, out of the first SEARCHED that name a twin, has one that is read."""
    named = [presentation for presentation in presentations if presentation.columns.get(COLUMN)]
    if not named:
        raise DataError(f"{dataset} has no depth beside its pictures; take --depth mesh")
    first = ""
    for presentation in named[:SEARCHED]:
        try:
            open_twin(presentation).load(0)
        except (DataError, SourceError) as broken:
            first = first or str(broken)
            continue
        return
    raise DataError(f"{dataset} has no depth that can be read, so take --depth mesh: {first}")


def _of(
    presentation: Presentation, *, count: int, load: Callable[[int], np.ndarray], every: int = 1
) -> DepthTwin:
    return DepthTwin(
        path=presentation.columns[COLUMN],
        count=count,
        load=load,
        every=every,
        turns=presentation.turns,
        cut_short=bool(presentation.columns.get(MAX_FRAMES)),
    )


def _refuse_unitless(presentation: Presentation) -> None:
    if presentation.label is Label.ATTACK:
        raise DataError(
            f"{presentation.columns[COLUMN]} has lost the unit of its depth, and an attack's label is on a "
            "scale in metres; take --depth mesh for attacks of this set"
        )


@dataclass(frozen=True, slots=True)
class _Metres:
    """Millimetres (n, H, W) uint16, as metres when asked for."""

    stored: np.ndarray

    def __call__(self, number: int) -> np.ndarray:
        millimetres = self.stored[number]
        known = (millimetres > 0) & (millimetres < FARTHEST_MM)
        return np.where(known, millimetres.astype(np.float32) / 1000, np.float32(np.nan))


def _simulated(path: Path) -> tuple[np.ndarray, int]:
    """(maps (n, H, W) uint16 mm, of each how manieth frame)."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as truth:
            maps, every = truth["depth_mm"], int(truth["depth_every"])
    except FileNotFoundError as missing:
        raise DataError(f"{path} does not exist; make the benchmark again to complete it") from missing
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as broken:
        raise DataError(f"{path} is not a true depth of the simulated benchmark; make it again") from broken
    if maps.ndim != 3 or maps.dtype != np.uint16 or not len(maps) or every < 1:
        raise DataError(
            f"{path} has a depth_mm of {maps.dtype} {maps.shape}, of each {every}th frame; make it again"
        )
    return maps, every
