"""Whichever way up a face was recorded, it comes out upright, in a picture that was turned with it."""

import numpy as np
import pytest
from skimage import data

from unmask.media.faces import FaceFinder
from unmask.media.quality import pose_of
from unmask.media.upright import quarter_turns, upright
from unmask.types import Face, Frame, Sighting


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder.load(threads=1)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:320, 60:380])


@pytest.fixture(scope="module")
def standing(finder: FaceFinder, portrait: np.ndarray) -> Face:
    return finder.find(portrait)[0]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_face_that_was_turned_comes_back_where_it_was(
    finder: FaceFinder, portrait: np.ndarray, standing: Face, turns: int
) -> None:
    # turned clockwise by so many quarters, as a phone that was held otherwise records it
    image = np.ascontiguousarray(np.rot90(portrait, -turns))
    face = finder.find(image)[0]
    assert quarter_turns(face) == turns
    found = upright(Sighting(frame=Frame(image, 1.5, 7), face=face), turns)
    np.testing.assert_array_equal(found.frame.image, portrait)
    assert (found.frame.time_s, found.frame.index) == (1.5, 7)
    assert abs(pose_of(found.face.mesh).roll - pose_of(standing.mesh).roll) < 6
    assert np.abs(found.face.mesh[:, :2] - standing.mesh[:, :2]).mean() < 0.03 * np.ptp(standing.mesh[:, 0])
    np.testing.assert_allclose(found.face.box[:2], found.face.mesh[:, :2].min(axis=0), atol=1e-4)


def rolled(degrees: float) -> Face:
    """A flat mesh, clockwise by so much."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    mesh = np.zeros((468, 3), np.float32)
    for point, place in {33: (-1, 0), 263: (1, 0), 10: (0, -1), 152: (0, 1)}.items():
        mesh[point, :2] = 50 + 20 * np.array(place) @ turn
    return Face(box=np.array([30, 30, 70, 70], np.float32), mesh=mesh, presence=1.0)


@pytest.mark.parametrize("degrees", range(-176, 185, 10))  # none lies midway between two quarters
def test_a_face_is_turned_to_the_nearest_quarter_and_stays_there(degrees: int) -> None:
    assert quarter_turns(rolled(degrees)) == round(degrees / 90) % 4 or abs(degrees) <= 60
    for before in range(4):
        off = (degrees - 90 * before + 180) % 360 - 180
        wanted = before if abs(off) <= 60 else round(degrees / 90) % 4
        assert quarter_turns(rolled(degrees), before) == wanted
