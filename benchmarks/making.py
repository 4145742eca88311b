"""What making costs: simulated recordings, prepared recordings, training steps."""

import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import material
from benchmarks.timing import Row, cored, in_turn, interval, ratio
from experiments import training
from unmask.data.prepare.recordings import TrackedFolder
from unmask.media.clips import cut, mesh_depth
from unmask.media.faces import FaceFinder
from unmask.simulate.people.subjects import procedural_portrait
from unmask.simulate.series import Series
from unmask.types import ClipSpec, Label, Presentation

NETWORK, BATCH, SIZE = "sgtd_s_single", 16, 128


def rows(folder: Path, *, repeats: int, quick: bool) -> Iterator[Row]:
    """The rows of this file."""
    yield _simulator(repeats=repeats, warm_up=1 if quick else 48, count=1 if quick else 4)
    yield _preparation(folder, repeats=repeats, seconds=1 if quick else 10)
    yield _training(folder, repeats=repeats, batch=4 if quick else BATCH)


def _simulator(*, repeats: int, warm_up: int, count: int) -> Row:
    series = Series(
        portraits=[procedural_portrait(np.random.default_rng(n)) for n in range(3)], seed=1, frames=5
    )
    for index in range(warm_up):  # compiles, or loads, the kernels of most instruments
        series(10_000 + index)
    numbers = iter(range(10_000))
    found = in_turn(repeats, ours=cored(lambda: [series(next(numbers)) for _ in range(count)]))["ours"]
    return Row(
        work="simulator, recordings of 5 frames at 640x480, drawn people",
        unit="recordings/s and core",
        value=interval([count / seconds for seconds in found]),
        goal="8",
        limit="rendering, lamps and lens at the camera's pixels, frame by frame",
    )


def _preparation(folder: Path, *, repeats: int, seconds: int) -> Row:
    path = material.video(folder / "prepared.mp4", seconds=seconds)
    spec = ClipSpec()
    finder = FaceFinder.load(threads=1)
    root = TrackedFolder(
        presentations=[Presentation(path=str(path), label=Label.BONA_FIDE)],
        load_finder=lambda: finder,
        stride_s=spec.stride_s,
    )

    def prepared() -> None:
        recording = root(0)
        assert recording is not None
        seen = recording.sightings
        for start in range(0, len(seen) - spec.frames + 1, spec.frames):
            clip = cut(seen[start : start + spec.frames], spec=spec)
            for mesh in clip.meshes:
                mesh_depth(mesh, size_px=spec.size_px)

    found = in_turn(repeats, ours=cored(prepared))["ours"]
    return Row(
        work="preparation of 720p video: decoded, followed, judged, cut, labelled",
        unit="frames/s and core",
        value=interval([seconds * material.FPS / spent for spent in found]),
        goal="200",
        limit="the decoder, then judging and following ten times a second",
    )


def _training(folder: Path, *, repeats: int, batch: int) -> Row:
    root = folder / "trained"
    root.mkdir()
    prepared = training.write_set(root, frames=1, size_px=SIZE)
    words = {"network": NETWORK, "batch": batch, "frames": 1, "steps": 4}
    found = in_turn(
        repeats,
        plain=lambda: statistics.median(training.plain(prepared, **words)),  # type: ignore[arg-type]
        ours=lambda: statistics.median(training.ours(prepared, **words)[0][1:]),  # type: ignore[arg-type]
    )
    plain = batch / statistics.median(found["plain"])
    return Row(
        work=f"training, {NETWORK} at {SIZE} px, batches of {batch}",
        unit="pictures/s",
        value=interval([batch / seconds for seconds in found["ours"]]),
        goal="4 x the plain loop",
        against=f"the plain loop (PNG, float32, one by one): {plain:.0f} pictures/s",
        ratio=ratio(found["plain"], found["ours"]),
        limit="small convolutions in bf16; the loop and the optimiser",
    )
