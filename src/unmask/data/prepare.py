"""Recordings -> a prepared set on disk: clips cut as at run time, with depth label and mask.

Many processes, whole shards only, each by one rename: whatever kills the work, calling it again goes on where
it stopped and ends in the same bytes. Boxes are jittered here, since what is stored has the size of the
network's input.
"""

import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from unmask.data.prepared import DEPTH_PX, SPEC, Arrays, Row, write_table
from unmask.media.clips import choose, clip_box, cut, mesh_depth, mesh_mask
from unmask.media.files import write_bytes
from unmask.types import Clip, ClipSpec, DataError, Label, OutputError, SettingsError, Sighting

RECORDINGS_A_SHARD = 16
RELIEF_M = 0.15  # a head's depth from nose to ear: the scale of an attack's true depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What clips are cut from: one face through time, with its truth.

    `depths` (len(sightings), H, W) float32 metres, when known; then attacks get their true depth beside the
    zeros that training takes by default.
    """

    name: str
    sightings: Sequence[Sighting]
    label: Label
    instrument: str
    subject: str
    source: str
    depths: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How clips are cut from recordings.

    Clips of a recording start `every_s` apart; each is cut `cuts` times with a box scaled by 1 +-
    `scale_jitter` and shifted by up to `shift_jitter` of its side. `seed` draws the boxes.
    """

    clip: ClipSpec
    seed: int
    every_s: float = 0.5
    cuts: int = 1
    scale_jitter: float = 0.1
    shift_jitter: float = 0.05

    def __post_init__(self) -> None:
        jitters = 0 <= self.scale_jitter < 0.5 and 0 <= self.shift_jitter < 0.5
        if self.cuts < 1 or self.every_s <= 0 or not jitters:
            raise SettingsError(f"cutting needs cuts >= 1, every_s > 0 and jitters in [0, 0.5), not {self}")


Source = Callable[[int], Recording | None]  # the n-th recording; None where no face was found


def prepare(
    source: Source,
    out: str | Path,
    *,
    count: int,
    cutting: Cutting,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """A prepared set in `out` of recordings 0 to `count` - 1, rounded up to whole shards of 16; gives `out`.

    `source` is called in any order and, with `jobs` > 1, in other processes (it must pickle); equal numbers
    must give equal recordings. `progress` gets shards done and in all. A larger `count` on an old set adds
    shards to it.
    """
    out = Path(out)
    _claim(out, cutting)
    shards = -(-count // RECORDINGS_A_SHARD)
    missing = [n for n in range(shards) if not _shard(out, n).is_dir()]
    work = partial(_write_shard, source=source, out=out, cutting=cutting)
    for done, _ in enumerate(_each(work, missing, jobs=jobs), start=shards - len(missing) + 1):
        if progress is not None:
            progress(done, shards)
    return out


def cut_recording(recording: Recording, *, cutting: Cutting, seed: int) -> tuple[list[Row], Arrays]:
    """All clips of a recording with their labels; none when it is shorter than a clip."""
    rng = np.random.default_rng([cutting.seed, seed])
    spec = cutting.clip
    rows: list[Row] = []
    clips, depths, masks = [], [], []
    for chosen in _starts(recording, cutting):
        sightings = [recording.sightings[k] for k in chosen]
        for _ in range(cutting.cuts):
            clip = cut(sightings, spec=spec, box=_jittered_box(sightings[0], rng, cutting=cutting))
            masks.append([mesh_mask(mesh, size_px=spec.size_px, out=DEPTH_PX) for mesh in clip.meshes])
            depths.append(_depth_label(recording, clip, chosen=chosen, spec=spec))
            clips.append(clip.pixels)
            rows.append(_row(recording, number=len(rows)))
    shape = (len(rows), spec.frames)
    return rows, Arrays(
        np.array(clips, dtype=np.uint8).reshape(*shape, spec.size_px, spec.size_px, 3),
        _bytes(depths).reshape(*shape, DEPTH_PX, DEPTH_PX),
        _bytes(masks).reshape(*shape, DEPTH_PX, DEPTH_PX),
    )


def _row(recording: Recording, *, number: int) -> Row:
    return Row(
        presentation=recording.name,
        number=number,
        label=recording.label,
        instrument=recording.instrument,
        subject=recording.subject,
        source=recording.source,
    )


def _starts(recording: Recording, cutting: Cutting) -> Iterator[list[int]]:
    times_s = [sighting.frame.time_s for sighting in recording.sightings]
    after_s = -np.inf
    for start, time_s in enumerate(times_s):
        if time_s < after_s:
            continue
        chosen = choose(times_s, spec=cutting.clip, start=start)
        if chosen is not None:
            yield list(chosen)
            after_s = time_s + cutting.every_s - 1e-6


def _jittered_box(sighting: Sighting, rng: np.random.Generator, *, cutting: Cutting) -> np.ndarray:
    scale = cutting.clip.box_scale * (1 + cutting.scale_jitter * rng.uniform(-1, 1))
    box = clip_box(sighting.face.mesh, scale=scale)
    shift = np.round(cutting.shift_jitter * (box[2] - box[0]) * rng.uniform(-1, 1, 2))
    return box + np.tile(shift, 2).astype(box.dtype)


def _depth_label(recording: Recording, clip: Clip, *, chosen: list[int], spec: ClipSpec) -> list[np.ndarray]:
    """(32, 32) a frame: the mesh's relief for bona fide; for attacks the true depth over RELIEF_M."""
    if recording.label is Label.BONA_FIDE:
        return [mesh_depth(mesh, size_px=spec.size_px, out=DEPTH_PX) for mesh in clip.meshes]
    if recording.depths is None:
        return [np.zeros((DEPTH_PX, DEPTH_PX), dtype=np.float32) for _ in chosen]
    return [
        _true_depth(recording.depths[k], clip.box, mask=mesh_mask(mesh, size_px=spec.size_px, out=DEPTH_PX))
        for k, mesh in zip(chosen, clip.meshes, strict=True)
    ]


def _true_depth(depth_m: np.ndarray, box: np.ndarray, *, mask: np.ndarray) -> np.ndarray:
    """(32, 32) in [0, 1] under the mask: 0 where the face is farthest, 1 at RELIEF_M before it.

    The farthest twentieth does not count: through the eyes of a mask one sees the wall.
    """
    height, width = depth_m.shape
    steps = (np.arange(DEPTH_PX) + 0.5) / DEPTH_PX
    x = np.clip(box[0] + steps * (box[2] - box[0]), 0, width - 1).astype(int)
    y = np.clip(box[1] + steps * (box[3] - box[1]), 0, height - 1).astype(int)
    sampled = depth_m[np.ix_(y, x)]
    face = (mask > 0.5) & np.isfinite(sampled)
    if not face.any():
        return np.zeros((DEPTH_PX, DEPTH_PX), dtype=np.float32)
    relief = (np.quantile(sampled[face], 0.95) - np.where(face, sampled, np.inf)) / RELIEF_M
    return np.clip(relief, 0, 1).astype(np.float32)


def _bytes(maps: list) -> np.ndarray:
    return np.rint(255 * np.clip(np.array(maps, dtype=np.float32), 0, 1)).astype(np.uint8)


def _claim(out: Path, cutting: Cutting) -> None:
    text = json.dumps(asdict(cutting), indent=1, sort_keys=True)
    claimed = out / SPEC
    if claimed.is_file():
        if claimed.read_text() != text:
            raise DataError(
                f"{out} was prepared with other settings ({claimed}); take them again or another folder"
            )
        return
    write_bytes(claimed, text.encode())


def _shard(out: Path, number: int) -> Path:
    return out / f"shard-{number:05d}"


def _each(work: Callable[[int], None], numbers: list[int], *, jobs: int) -> Iterator[None]:
    if jobs <= 1:
        yield from map(work, numbers)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin_worker, initargs=(work,)) as pool:
        yield from pool.map(_in_worker, numbers)


_WORK: list[Callable[[int], None]] = []  # in a worker: its job, sent once, since portraits weigh 100s of MB


def _begin_worker(work: Callable[[int], None]) -> None:
    cv2.setNumThreads(1)
    _WORK.append(work)


def _in_worker(number: int) -> None:
    _WORK[0](number)


def _write_shard(number: int, *, source: Source, out: Path, cutting: Cutting) -> None:
    rows: list[Row] = []
    parts: list[Arrays] = []
    for index in range(number * RECORDINGS_A_SHARD, (number + 1) * RECORDINGS_A_SHARD):
        recording = source(index)
        if recording is None:
            continue
        cut_rows, arrays = cut_recording(recording, cutting=cutting, seed=index)
        rows += cut_rows
        parts.append(arrays)
    part = out / f"shard-{number:05d}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        if parts:
            for name in ("clips", "depth", "mask"):
                np.save(part / f"{name}.npy", np.concatenate([getattr(p, name) for p in parts]))
        write_table(part / "table.csv", rows)
        part.rename(_shard(out, number))
    except OSError as failed:
        shutil.rmtree(part, ignore_errors=True)
        raise OutputError(
            f"{out} cannot be written ({failed.strerror}); free or choose another disk"
        ) from failed
