import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drawn import drawn_portrait
from unmask.media.video import read_video
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.series import Series, simulate_clip, simulate_crops, simulate_folder
from unmask.simulate.studio import Request, Studio
from unmask.types import ClipSpec, Label, OutputError

SIZE = (256, 256)


@pytest.fixture(scope="module")
def portraits() -> list[Portrait]:
    return [drawn_portrait(seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def studios(portraits: list[Portrait]) -> Any:
    """Two alike: what one keeps of its people changes no recording of the other."""
    return [Studio(portraits=portraits[:1], others=portraits[1:]) for _ in range(2)]


@pytest.fixture(scope="module", params=[None, *INSTRUMENTS])
def recorded(request: pytest.FixtureRequest, studios: Any) -> Any:
    """An instrument, or None, and a recording of it."""
    return request.param, recording(studios[0], request.param, seed=5)


def recording(studio: Any, instrument: Any, *, seed: Any, frames: Any = 2, fps: float = 10.0) -> Any:
    return studio.record(
        Request(subject=0, instrument=instrument, seed=seed, frames=frames, fps=fps, size=SIZE)
    )


def test_every_class_gives_whole_recordings_the_same_twice(studios: Any, recorded: Any) -> None:
    instrument, first = recorded
    again = recording(studios[1], instrument, seed=5)
    height, width = first.frames[0].shape[:2]
    assert (height, width) == SIZE
    assert len(first.frames) == 2
    assert first.depths.shape == (2, height, width)
    assert first.meshes.shape == (2, 468, 3)
    assert np.isfinite(first.depths).all()
    assert np.isfinite(first.meshes).all()
    assert first.model in (("",) if instrument is None else INSTRUMENTS[instrument].models)
    assert (first.depths > 0.04).all()  # a display may come within 5 cm, and a finger lies before it
    assert first.label is (Label.BONA_FIDE if instrument is None else Label.ATTACK)
    assert all((a == b).all() for a, b in zip(first.frames, again.frames, strict=True))
    assert (first.depths == again.depths).all()


def test_the_face_is_in_the_picture_at_a_usable_size(studios: Any, recorded: Any) -> None:
    instrument, first = recorded
    for made in (first, recording(studios[0], instrument, seed=1, frames=1)):
        height, width = made.frames[0].shape[:2]
        x, y = made.meshes[0][:, 0], made.meshes[0][:, 1]
        assert np.mean((x > -1) & (x < width) & (y > -1) & (y < height)) > 0.8
        assert 0.2 * min(height, width) < max(np.ptp(x), np.ptp(y)) < 1.1 * min(height, width)


def depth_under(made: Any) -> np.ndarray:
    """True depth at the mesh's points that lie in the picture."""
    height, width = made.frames[0].shape[:2]
    points = np.round(made.meshes[0][:, :2]).astype(int)
    inside = (points >= 0).all(axis=1) & (points < [width, height]).all(axis=1)
    return made.depths[0][points[inside, 1], points[inside, 0]]


def test_a_clip_is_the_recording_of_a_studio_of_its_own(portraits: list[Portrait], studios: Any) -> None:
    clip = simulate_clip(portraits[0], instrument="print/matt", seed=3, frames=1, fps=10)
    request = Request(subject=0, instrument="print/matt", seed=3, frames=1)
    assert (clip.frames[0] == studios[0].record(request).frames[0]).all()


def test_a_display_is_a_plane_and_a_living_face_is_not(studios: Any) -> None:
    for seed in range(3):
        flat = recording(studios[0], "replay/tablet", seed=seed, frames=1)
        inverse = 1 / depth_under(flat)  # over the sensor, the inverse depth of a plane is linear
        mesh = flat.meshes[0][:, :2]
        inside = ((np.round(mesh) >= 0) & (np.round(mesh) < flat.frames[0].shape[1::-1])).all(axis=1)
        terms = np.column_stack([np.round(mesh[inside]), np.ones(inside.sum())])
        off = np.abs(inverse - terms @ np.linalg.lstsq(terms, inverse, rcond=None)[0]) / inverse
        assert np.median(off) < 1e-3  # hands may cover a part
        bona_fide = recording(studios[0], None, seed=seed, frames=1)
        assert np.ptp(depth_under(bona_fide)) > 0.03


def own_motion(made: Any) -> float:
    """How far the face's points move beyond what a moving plane explains, in shares of the face."""
    first, last = made.meshes[0][:, :2], made.meshes[-1][:, :2]
    plane, _ = cv2.findHomography(first, last)
    explained = cv2.perspectiveTransform(first[None], plane)[0]
    return float(np.abs(explained - last).mean() / np.ptp(last, axis=0).max())


def test_a_photograph_stands_still_on_its_display_where_a_video_moves(studios: Any) -> None:
    moved = [
        own_motion(recording(studios[0], "replay/monitor", seed=seed, frames=2, fps=2.5)) for seed in range(4)
    ]
    assert min(moved) < 1e-4
    assert max(moved) > 1e-3


def test_a_series_is_a_function_of_seed_and_index(portraits: list[Portrait]) -> None:
    series = Series(portraits=portraits, seed=4, frames=1, small_share=1)
    later = series(9)
    fresh = Series(portraits=portraits, seed=4, frames=1, small_share=1)(9)
    assert (later.frames[0] == fresh.frames[0]).all()
    assert later.seed == fresh.seed
    requests = [series.request(index) for index in range(400)]
    assert 150 < sum(request.instrument is None for request in requests) < 250
    assert {request.instrument for request in requests} == {None, *INSTRUMENTS}
    assert {request.subject for request in requests} == {0, 1}


def test_crops_carry_labels_of_their_class(portraits: list[Portrait]) -> None:
    series = Series(
        portraits=portraits, seed=4, frames=2, instruments=("print/matt", "replay/phone"), small_share=1
    )
    spec = ClipSpec(frames=2, size_px=64)
    for example in simulate_crops(series, indices=range(6), spec=spec):
        assert example.clip.pixels.shape == (2, 64, 64, 3)
        assert example.mask.mean() > 0.2
        assert (example.depth.max() > 0.5) == (example.label is Label.BONA_FIDE)


def folder_of(out: Any, portraits: Any, **changes: Any) -> Any:
    settings = {"subjects": 2, "clips": 2, "seed": 2, "seconds": 0.2, "fps": 10.0, **changes}
    return simulate_folder(out, portraits=portraits, **settings)


@pytest.fixture(scope="module")
def folder(portraits: list[Portrait], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes; nothing is written into it."""
    return folder_of(tmp_path_factory.mktemp("folder") / "one", portraits).parent


def test_a_folder_holds_videos_truth_and_labels_and_is_the_same_on_two_cores(
    portraits: list[Portrait], folder: Path, tmp_path: Path
) -> None:
    rows = list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))
    assert [row["path"] for row in rows] == [f"videos/{n:06d}.mp4" for n in range(2)]
    for row in rows:
        frames = list(read_video(folder / row["path"]))
        with np.load((folder / row["path"].replace("videos", "truth")).with_suffix(".npz")) as truth:
            assert truth["meshes"].shape == (len(frames), 468, 3)
            assert truth["depth_mm"].dtype == np.uint16
    folder_of(tmp_path / "two", portraits, jobs=2)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(folder)).read_bytes(), path


def test_a_half_made_folder_is_continued_to_the_same_bytes(
    portraits: list[Portrait], folder: Path, tmp_path: Path
) -> None:
    half = shutil.copytree(folder, tmp_path / "half")
    whole, video = (half / "labels.csv").read_bytes(), (half / "videos/000001.mp4").read_bytes()
    (half / "truth/000001.json").unlink()
    (half / "videos/000001.mp4").write_bytes(b"half")
    assert folder_of(half, portraits).read_bytes() == whole
    assert (half / "videos/000001.mp4").read_bytes() == video


def test_folders_of_others_are_left_alone(portraits: list[Portrait], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds other files"):
        folder_of(tmp_path, portraits)
    mine = shutil.copytree(folder, tmp_path / "mine")
    with pytest.raises(OutputError, match="other settings"):
        folder_of(mine, portraits, clips=4)
    assert json.loads((mine / "simulation.json").read_text())["clips"] == 2


def test_a_series_made_from_another_has_its_own_people(portraits: list[Portrait]) -> None:
    first = Series(portraits=portraits[:1], seed=1, frames=1, small_share=1)
    assert first(0).subject == portraits[0].name
    assert replace(first, portraits=portraits[1:])(0).subject == portraits[1].name
