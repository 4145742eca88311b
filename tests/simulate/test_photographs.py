"""Photographs as scenes: loaded with their credits, seen on the same occasion as person and as attack."""

import csv
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from unmask.data.prepare.recordings import Simulations
from unmask.media.raster import FACE_TRIANGLES
from unmask.media.video import read_video
from unmask.simulate.people.subjects import Portrait, procedural_portrait
from unmask.simulate.photographs import SHOWINGS, Photographs, load_photographs, simulate_photographs
from unmask.simulate.photographs.files import Photograph
from unmask.simulate.rendering.mean_face import MIRROR
from unmask.training.simulated import part_photographs
from unmask.types import DataError, Face, Label, OutputError

PEOPLE = 4


class Finder:
    """Knows the drawn faces by their pictures' size and colour; groups have a small face beside the large."""

    def __init__(self, portraits: Any) -> None:
        self.known = {portrait.image.tobytes(): portrait.mesh for portrait in portraits}
        self.looked = 0

    def find(self, image: Any) -> Any:
        self.looked += 1
        mesh = self.known.get(image.tobytes())
        if mesh is None:
            return []
        box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        small = Face(box=box / 3, mesh=mesh / 3, presence=1.0)
        return [Face(box=box, mesh=mesh, presence=1.0), small]


@pytest.fixture(scope="module")
def portraits() -> list[Portrait]:
    rng = np.random.default_rng(5)
    return [procedural_portrait(rng) for _ in range(PEOPLE)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portraits: list[Portrait]) -> Path:
    """Two portraits named by collection and person, two photographs in a folder with credits."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "pictures"
    for name, portrait in zip(("zoo_ann", "zoo_bob", "set/18f/c", "set/d"), portraits, strict=True):
        path = root / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), portrait.image[..., ::-1])
    rows = [("18f/c.png", "18F/site", "CC0"), ("d.png", "somebody/else", "MIT")]
    with (root / "set" / "credits.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "source", "licence"), *rows])
    return root


@pytest.fixture
def photographs(folder: Path, portraits: list[Portrait]) -> tuple[Photograph, ...]:
    finder = Finder(portraits)
    return (
        *[p for p in load_photographs(folder, finder=finder) if p.name.startswith("zoo")],
        *load_photographs(folder / "set", finder=finder),
    )


@pytest.fixture
def series(photographs: tuple[Photograph, ...]) -> Photographs:
    return Photographs(photographs=photographs, seed=3)


def test_photographs_know_their_source_licence_and_subject(photographs: tuple[Photograph, ...]) -> None:
    known = {p.name: (p.subject, p.source, p.licence) for p in photographs}
    assert known == {
        "zoo_ann": ("ann", "zoo", ""),
        "zoo_bob": ("bob", "zoo", ""),
        "18f_c": ("18f_c", "18F/site", "CC0"),
        "d": ("d", "somebody/else", "MIT"),
    }


def test_the_largest_face_counts_and_is_looked_for_once(folder: Path, portraits: list[Portrait]) -> None:
    finder = Finder(portraits)
    first = load_photographs(folder, finder=finder)
    again = load_photographs(folder, finder=finder)
    assert finder.looked == PEOPLE
    assert np.allclose(first[-1].mesh, portraits[1].mesh)
    assert all(np.array_equal(a.mesh, b.mesh) for a, b in zip(first, again, strict=True))


def test_a_folder_without_faces_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="name another folder"):
        load_photographs(empty, finder=Finder([]))
    cv2.imwrite(str(empty / "wall.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(DataError, match="none with a face"):
        load_photographs(empty, finder=Finder([]))


def test_credits_without_a_column_are_refused(folder: Path, portraits: list[Portrait]) -> None:
    (folder / "set" / "credits.csv").write_text("path,source\nd.png,x\n")
    with pytest.raises(DataError, match="lacks licence"):
        load_photographs(folder / "set", finder=Finder(portraits))


def test_people_of_a_source_that_trains_elsewhere_are_never_in_dev(
    photographs: tuple[Photograph, ...],
) -> None:
    many = [p for p in photographs for _ in range(40)]
    train, dev = part_photographs(many)
    assert not any(p.source.startswith("18F/") for p in dev)
    assert len(train) + len(dev) == len(many)
    assert not {p.subject for p in train} & {p.subject for p in dev}


def test_an_index_gives_the_same_bytes_in_any_order_and_after_pickling(series: Photographs) -> None:
    fresh = pickle.loads(pickle.dumps(series))
    later = [series(index) for index in (5, 4)]
    for index, made in zip((5, 4), later, strict=True):
        again = fresh(index)
        assert np.array_equal(made.frames[0], again.frames[0])
        assert np.array_equal(made.meshes, again.meshes)


def test_both_classes_are_seen_on_the_same_occasions(series: Photographs) -> None:
    """Forty requests: camera, size, framing, light, exposure and wear are shared pair by pair."""

    def drawn(index: Any) -> Any:
        occasion = series.occasion(index)
        view = occasion.camera.view
        exposure, wear = occasion.face_levels, occasion.wear_seed
        shown = (occasion.camera, occasion.face_share, *occasion.aim_px, exposure, wear)
        return (*shown, occasion.stage.light.kind, view.height, view.width)

    labels = {series.instrument(index) is None for index in range(0, 200, 2)}
    assert labels == {True}
    assert all(series.instrument(index) is not None for index in range(1, 200, 2))
    assert all(drawn(2 * pair) == drawn(2 * pair + 1) for pair in range(20))


def test_instruments_come_by_their_shares(series: Photographs) -> None:
    found = [series.instrument(index) for index in range(1, 3001, 2)]
    total = sum(row.share for row in SHOWINGS.values())
    for name, row in SHOWINGS.items():
        expected = row.share / total
        spread = 4 * np.sqrt(expected * (1 - expected) / len(found))
        assert abs(found.count(name) / len(found) - expected) < spread, name


@pytest.mark.parametrize("instrument", SHOWINGS)
def test_every_instrument_shows_its_face_inside_the_picture(
    photographs: tuple[Photograph, ...], instrument: Any
) -> None:
    series = Photographs(photographs=photographs, seed=11, instruments=(instrument,))
    made = series(1)
    height, width = made.frames[0].shape[:2]
    low, high = made.meshes[0, :, :2].min(axis=0), made.meshes[0, :, :2].max(axis=0)
    spare = 0.08 * float((high - low).max())
    assert made.label is Label.ATTACK
    assert made.instrument == instrument
    assert made.model in SHOWINGS[instrument].models
    assert (low > -spare).all()
    assert high[0] < width + spare
    assert high[1] < height + spare
    assert np.isfinite(made.depths).all()


def test_a_person_has_relief_and_a_sheet_of_paper_has_none(photographs: tuple[Photograph, ...]) -> None:
    def spread(made: Any) -> Any:
        mesh = made.meshes[0]
        inside = np.zeros(made.depths[0].shape, np.uint8)
        cv2.fillConvexPoly(inside, cv2.convexHull(np.round(mesh[:, :2]).astype(np.int32)), 1)
        depth = made.depths[0][cv2.erode(inside, np.ones((5, 5))) > 0]
        x, y = (
            grid[cv2.erode(inside, np.ones((5, 5))) > 0]
            for grid in np.mgrid[: inside.shape[0], : inside.shape[1]]
        )
        plane = np.column_stack([x, y, np.ones(len(x))])
        rest = depth - plane @ np.linalg.lstsq(plane, depth, rcond=None)[0]
        return float(rest.std()) / float(np.median(depth))

    series = Photographs(photographs=photographs, seed=11, instruments=("mask/paper",))
    assert spread(series(0)) > 10 * spread(series(1))


def test_a_bona_fide_video_moves_with_its_mesh(photographs: tuple[Photograph, ...]) -> None:
    series = Photographs(photographs=photographs, seed=4, frames=12, fps=6.0)
    made = series(0)
    middles = made.meshes[:, :, :2].mean(axis=1)
    assert len(made.frames) == 12
    assert np.ptp(middles, axis=0).max() > 0.1
    shape = made.meshes[:, :, :2] - middles[:, None]
    assert np.abs(shape - shape[0]).max() > 0.05  # the face turns, it is not moved as a sheet


def test_a_mirrored_mesh_has_the_same_triangles() -> None:
    assert np.array_equal(MIRROR[MIRROR], np.arange(468))
    triangles = {tuple(sorted(corners)) for corners in FACE_TRIANGLES.tolist()}
    kept = sum(tuple(sorted(MIRROR[list(corners)])) in triangles for corners in triangles)
    assert kept > 0.9 * len(triangles)  # quadrilaterals are halved along other diagonals on the two sides


def test_the_series_gives_recordings_for_training(series: Photographs) -> None:
    recording = Simulations(series=series)(1)
    assert recording.label is Label.ATTACK
    assert recording.sightings[0].face.box[2] > recording.sightings[0].face.box[0]


def test_a_folder_is_written_labelled_and_continued(
    tmp_path: Path, photographs: tuple[Photograph, ...]
) -> None:
    settings: dict[str, Any] = {"photographs": photographs, "clips": 4, "seed": 2}
    settings |= {"seconds": 0.2, "fps": 10.0}
    labels = simulate_photographs(tmp_path / "out", **settings)
    with labels.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["label"] for row in rows) == ["attack", "attack", "bona_fide", "bona_fide"]
    assert {row["source"] for row in rows} <= {"zoo", "18F/site", "somebody/else"}
    assert all(len(list(read_video(tmp_path / "out" / row["path"]))) == 2 for row in rows)
    before = labels.read_bytes()
    assert simulate_photographs(tmp_path / "out", **settings).read_bytes() == before
    with pytest.raises(OutputError, match="other settings"):
        simulate_photographs(tmp_path / "out", **{**settings, "seed": 3})
