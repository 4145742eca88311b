"""Recordings -> a prepared set on disk: clips cut as at run time, with depth label and mask.

Many processes, or many machines; whole shards only, each by one rename: whatever kills the work, calling it
again goes on where it stopped and ends in the same bytes. Boxes are jittered here, since what is stored has
the size of the network's input.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from unmask.data.prepare.depth_labels import attack_depth, face_depth
from unmask.data.prepare.prepared import DEPTH_PX, SEAL, SPEC, depth_with_margin, with_margin, write_seal
from unmask.data.prepare.shards import Arrays, Pictures, Prepared, RecordingOutcome, Row, write_shard
from unmask.data.prepare.views import VIEWS, degraded, tightened
from unmask.files import held, left_behind, write_bytes
from unmask.media.clips import choose, clip_box, cut, mesh_depth, mesh_mask
from unmask.parallel import Engine, KilledError, in_processes
from unmask.types import (
    Clip,
    ClipSpec,
    DataError,
    Label,
    OutputError,
    PresentationRecord,
    Reason,
    SettingsError,
    Sighting,
)

RECORDINGS_A_SHARD = 16
DEGRADED_TIGHT = 0.5  # how often a degraded picture is a tight one, too
FILES = r"shard-\d{6}\.(tar|json)|spec\.json|seal\.json"  # of a set
Maps = list[np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording(PresentationRecord):
    """What clips are cut from: one face through time, with its truth.

    `depths` (len(sightings), H, W) float32 metres, NaN where unknown, when there are any; then attacks get
    their true depth beside the zeros that training takes by default, and if they are `real`, bona fide get
    theirs, else that of the mesh. `reason` is why no clip comes of it, should none come, `detail` the
    sentence of a file that cannot be read; `source` is the data set or collection that it is from.
    """

    sightings: Sequence[Sighting]
    source: str
    depths: np.ndarray | Maps | None = None
    real: bool = False
    reason: str = Reason.TOO_SHORT
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How clips are cut from recordings.

    Clips of a recording start `every_s` apart; each is cut `cuts` times with a box scaled by 1 +-
    `scale_jitter` and shifted by up to `shift_jitter` of its side. `seed` draws the boxes. Each cut is kept
    in every one of `views` (data.views): "whole" as it is, "tight" and "degraded" as other programs hand
    pictures over. Depth labels and masks have `depth_px` rows and columns; the networks take 32.

    With a `margin` boxes are not moved here: each clip is stored that much larger on all sides together (0.1:
    1.1 times the side, and as many more pixels), its maps FINER times finer, and the crop is drawn anew
    whenever a training reads the clip.
    """

    clip: ClipSpec
    seed: int
    every_s: float = 0.5
    cuts: int = 1
    scale_jitter: float = 0.1
    shift_jitter: float = 0.05
    depth_px: int = DEPTH_PX
    views: tuple[str, ...] = (VIEWS[0],)
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 1 or (self.margin and self.clip.border != "repeat"):
            raise SettingsError(
                f"a margin lies in [0, 1], and is 0 for clips that are kept inside the picture, not "
                f"{self.margin} with border {self.clip.border!r}"
            )
        if not self.views or len(set(self.views) & set(VIEWS)) < len(self.views):
            raise SettingsError(f"views must be different ones of {', '.join(VIEWS)}, not {self.views}")
        jitters = 0 <= self.scale_jitter < 0.5 and 0 <= self.shift_jitter < 0.5
        if self.cuts < 1 or self.every_s <= 0 or self.depth_px < 1 or not jitters:
            raise SettingsError(
                f"cutting needs cuts >= 1, every_s > 0, depth_px >= 1 and jitters in [0, 0.5), not {self}"
            )

    @property
    def stored(self) -> ClipSpec:
        """How clips are cut and stored: with the margin."""
        return with_margin(self.clip, self.margin)

    @property
    def stored_depth_px(self) -> int:
        """Rows and columns of the maps as stored."""
        return depth_with_margin(self.depth_px, self.margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How recordings are packed: so many in a shard, their pictures as plain bytes (npy) or packed (png).

    `origin` says what the numbers of the recordings mean, e.g. the hash of a list: a set is never continued
    from another list, which would leave out some recordings and take others twice.
    """

    recordings_a_shard: int = RECORDINGS_A_SHARD
    pictures: Pictures = "npy"
    origin: str = ""

    def __post_init__(self) -> None:
        if self.recordings_a_shard < 1:
            raise SettingsError(f"a shard needs 1 recording or more, not {self.recordings_a_shard}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One clip with its labels: `pixels` (T, S, S, 3) uint8, `times_s` (T,), `box` (4,) xyxy; maps, one a
    frame.
    """

    pixels: np.ndarray
    times_s: np.ndarray
    box: np.ndarray
    depths: Maps
    masks: Maps
    view: str = VIEWS[0]


class CutElsewhere(Protocol):
    """A recording that knows its own crops and labels."""

    def cut(self, cutting: Cutting, *, seed: int) -> Prepared:
        """As `cut_recording`."""


Source = Callable[[int], Recording | CutElsewhere | None]  # the n-th; None where there are fewer


def prepare(
    source: Source,
    out: str | Path,
    *,
    count: int,
    cutting: Cutting,
    packing: Packing | None = None,
    jobs: int = 1,
    engine: Engine = in_processes,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """A prepared set in `out` of recordings 0 to `count` - 1, rounded up to whole shards; gives `out`.

    `source` is called in any order and, with `jobs` > 1, in other processes (it must pickle); equal numbers
    must give equal recordings. `progress` gets shards done and in all. A larger `count` on an old set adds
    shards to it.
    """
    out, packing = Path(out), packing or Packing()
    shards = -(-count // packing.recordings_a_shard)
    refuse_others(out, mark=SPEC, files=FILES)
    with held(out):
        _claim(out, cutting=cutting, packing=packing)
        missing = [n for n in range(shards) if not shard_path(out, n).is_file()]
        if missing:
            (out / SEAL).unlink(missing_ok=True)
        work = partial(_write, source=source, out=out, cutting=cutting, packing=packing)
        done = shards - len(missing)
        if progress is not None:
            progress(done, shards)
        try:
            for _ in engine(work, missing, jobs=jobs):
                done += 1
                if progress is not None:
                    progress(done, shards)
        except KilledError as killed:
            kept = sum(shard_path(out, n).is_file() for n in range(shards))
            raise OutputError(
                f"a worker process was killed, perhaps for want of memory, with {kept} of {shards} shards in "
                f"{out} made; run the same command again to go on, with fewer --jobs if memory is short"
            ) from killed
        if not (out / SEAL).is_file():
            write_seal(out)
    return out


def refuse_others(out: Path, *, mark: str, files: str) -> None:
    """OutputError where `out` holds files but not that `mark`; a killed run may leave `files`."""
    if not out.is_dir() or (out / mark).is_file():
        return
    ours = left_behind(out, files)
    if others := [path.name for path in out.iterdir() if path not in ours and not path.name.startswith(".")]:
        raise OutputError(f"{out} holds other files, {min(others)} among them; choose an empty folder")


def shard_path(out: Path, number: int) -> Path:
    """Where shard `number` of a set lies once it is whole."""
    return out / f"shard-{number:06d}.tar"


def cut_recording(recording: Recording, *, cutting: Cutting, seed: int) -> Prepared:
    """All clips of a recording with their labels; none when it is shorter than a clip.

    `seed` is its number in the set: boxes depend on it and on the seed of the cutting alone.
    """
    rng = np.random.default_rng([cutting.seed, seed])
    return packed(recording, _cuts(recording, cutting, rng), cutting=cutting, number=seed)


def packed(recording: Recording, cuts: Iterable[Cut], *, cutting: Cutting, number: int) -> Prepared:
    """The clips of a recording, the `number`-th of its set, as a shard takes them."""
    cuts = list(cuts)
    shape, px, side = (len(cuts), cutting.clip.frames), cutting.stored_depth_px, cutting.stored.size_px
    arrays = Arrays(
        np.array([one.pixels for one in cuts], dtype=np.uint8).reshape(*shape, side, side, 3),
        _bytes([one.depths for one in cuts]).reshape(*shape, px, px),
        _bytes([one.masks for one in cuts]).reshape(*shape, px, px),
    )
    return Prepared(
        outcome=_outcome(recording, number=number, clips=len(cuts)),
        rows=tuple(_row(recording, one, number=k) for k, one in enumerate(cuts)),
        arrays=arrays,
        times_s=np.array([one.times_s for one in cuts]).reshape(shape),
    )


def _cuts(recording: Recording, cutting: Cutting, rng: np.random.Generator) -> Iterator[Cut]:
    spec, px = cutting.stored, cutting.stored_depth_px
    times_s = [sighting.frame.time_s for sighting in recording.sightings]
    for chosen in starts(times_s, cutting=cutting):
        sightings = [recording.sightings[k] for k in chosen]
        for view in cutting.views * cutting.cuts:
            seen, corner = sightings, np.zeros(2, np.float32)
            if view == "tight" or (view == "degraded" and rng.random() < DEGRADED_TIGHT):
                seen, corner = tightened(sightings, rng)
            clip = cut(seen, spec=spec, box=_jittered_box(seen[0], rng, cutting=cutting))
            clip = replace(clip, box=clip.box + np.tile(corner, 2))  # in pixels of the original frame
            pixels = degraded(clip.pixels, rng) if view == "degraded" else clip.pixels
            masks = [mesh_mask(mesh, size_px=spec.size_px, out=px) for mesh in clip.meshes]
            depths = _depth_label(recording, clip, chosen=chosen, masks=masks, size_px=spec.size_px)
            yield Cut(
                pixels=pixels, times_s=clip.times_s, box=clip.box, depths=depths, masks=masks, view=view
            )


def _outcome(recording: Recording, *, number: int, clips: int) -> RecordingOutcome:
    return RecordingOutcome(
        recording=number,
        presentation=recording.presentation,
        source=recording.source,
        clips=clips,
        reason="" if clips else str(recording.reason),
        detail="" if clips else recording.detail,
    )


def _row(recording: Recording, clip: Cut, *, number: int) -> Row:
    return Row(
        presentation=recording.presentation,
        number=number,
        source=recording.source,
        time_s=float(clip.times_s[0]),
        box=tuple(clip.box.astype(int).tolist()),
        view=clip.view,
    )


def starts(times_s: Sequence[float], *, cutting: Cutting) -> Iterator[list[int]]:
    """The frames of each clip, by their places in `times_s`."""
    after_s = -np.inf
    for start, time_s in enumerate(times_s):
        if time_s < after_s:
            continue
        chosen = choose(times_s, spec=cutting.clip, start=start)
        if chosen is not None:
            yield list(chosen)
            after_s = time_s + cutting.every_s - 1e-6


def _jittered_box(sighting: Sighting, rng: np.random.Generator, *, cutting: Cutting) -> np.ndarray:
    if cutting.margin:  # moved at reading
        return clip_box(sighting.face.mesh, scale=cutting.stored.box_scale)
    scale = cutting.clip.box_scale * (1 + cutting.scale_jitter * rng.uniform(-1, 1))
    box = clip_box(sighting.face.mesh, scale=scale)
    shift = np.round(cutting.shift_jitter * (box[2] - box[0]) * rng.uniform(-1, 1, 2))
    return box + np.tile(shift, 2).astype(box.dtype)


def _depth_label(recording: Recording, clip: Clip, *, chosen: list[int], masks: Maps, size_px: int) -> Maps:
    """(D, D) a frame, as many rows as `masks` have: from the mesh, or from depth; see Recording."""
    out, bona_fide = len(masks[0]), recording.label is Label.BONA_FIDE
    if recording.depths is None or (bona_fide and not recording.real):
        if bona_fide:
            return [mesh_depth(mesh, size_px=size_px, out=out) for mesh in clip.meshes]
        return [np.zeros((out, out), dtype=np.float32) for _ in chosen]
    label = face_depth if bona_fide else attack_depth
    return [
        label(recording.depths[k], clip.box, mask=mask, out=out)
        for k, mask in zip(chosen, masks, strict=True)
    ]


def _bytes(maps: list[list[np.ndarray]]) -> np.ndarray:
    return np.rint(255 * np.clip(np.array(maps, dtype=np.float32), 0, 1)).astype(np.uint8)


def _claim(out: Path, *, cutting: Cutting, packing: Packing) -> None:
    """Marks the folder as made by these settings, and clears what a killed run left half written."""
    known = {**asdict(cutting), "clip": cutting.clip.written(), "packing": asdict(packing)}
    if cutting.views == VIEWS[:1]:  # sets of versions without views go on
        del known["views"]
    if not cutting.margin:  # so do those without a margin
        del known["margin"]
    text = json.dumps(known, indent=1, sort_keys=True)
    claimed = out / SPEC
    if claimed.is_file() and claimed.read_bytes() != text.encode():
        raise DataError(
            f"{out} was prepared with other settings or from another list ({claimed}); take them again or "
            "another folder"
        )
    for path in left_behind(out, FILES):
        path.unlink()
    if not claimed.is_file():
        write_bytes(claimed, text.encode())


def _write(number: int, *, source: Source, out: Path, cutting: Cutting, packing: Packing) -> None:
    write_shard(
        shard_path(out, number),
        _prepared(number, source=source, cutting=cutting, packing=packing),
        pictures=packing.pictures,
    )


def _prepared(number: int, *, source: Source, cutting: Cutting, packing: Packing) -> Iterator[Prepared]:
    """One recording after the other, so that no more than one is held in memory."""
    first = number * packing.recordings_a_shard
    for index in range(first, first + packing.recordings_a_shard):
        recording = source(index)
        if isinstance(recording, Recording):
            yield cut_recording(recording, cutting=cutting, seed=index)
        elif recording is not None:
            yield recording.cut(cutting, seed=index)
