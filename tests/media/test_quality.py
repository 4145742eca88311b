from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from unmask.media.faces import FaceFinder
from unmask.media.quality import QualityLimits, judge, measure, pose_of, reasons
from unmask.types import Face, Frame, Reason, Sighting


@pytest.fixture(scope="module")
def astronaut() -> Sighting:
    picture = data.astronaut()
    return Sighting(frame=Frame(picture, 0.0, 0), face=FaceFinder.load().find(picture)[0])


def seen(sighting: Sighting, *, image: np.ndarray | None = None, mesh: np.ndarray | None = None) -> Sighting:
    face = sighting.face if mesh is None else replace(sighting.face, mesh=mesh.astype(np.float32))
    return Sighting(frame=Frame(sighting.frame.image if image is None else image, 0.0, 0), face=face)


def turned(mesh: np.ndarray, *, axis: int, degrees: float) -> np.ndarray:
    """The mesh turned in space about its middle: axis 0 x, 1 y, 2 z."""
    vector = np.zeros(3)
    vector[axis] = np.radians(degrees)
    turn, _ = cv2.Rodrigues(vector)
    middle = mesh.mean(axis=0)
    return (mesh - middle) @ turn.T + middle


def test_a_good_picture_passes(astronaut: Sighting) -> None:
    assert judge(astronaut) == ()


def test_a_dim_and_soft_webcam_passes(astronaut: Sighting) -> None:
    dim = cv2.GaussianBlur(astronaut.frame.image, (0, 0), 1.0) * 0.45
    assert judge(seen(astronaut, image=dim.astype(np.uint8))) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda image: (image * 0.08).astype(np.uint8), Reason.TOO_DARK),
        (lambda image: np.clip(image * 3.0 + 60, 0, 255).astype(np.uint8), Reason.TOO_BRIGHT),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 5), Reason.BLURRED),
    ],
)
def test_a_spoilt_picture_says_why(astronaut: Sighting, change: Any, reason: Any) -> None:
    assert reason in judge(seen(astronaut, image=change(astronaut.frame.image)))


def test_a_small_face_is_refused_at_any_turn(astronaut: Sighting) -> None:
    small = astronaut.face.mesh * 0.4
    image = cv2.warpAffine(astronaut.frame.image, np.array([[0.4, 0, 0], [0, 0.4, 0]]), (512, 512))
    assert Reason.FACE_TOO_SMALL in judge(seen(astronaut, image=image, mesh=small))
    profile = turned(astronaut.face.mesh, axis=1, degrees=50)
    assert Reason.FACE_TOO_SMALL not in judge(seen(astronaut, mesh=profile))


def test_a_face_that_the_border_cuts_is_refused(astronaut: Sighting) -> None:
    middle = int(astronaut.face.mesh[:, 0].mean())
    cut = np.ascontiguousarray(astronaut.frame.image[:, :middle])
    assert Reason.FACE_CUT in judge(seen(astronaut, image=cut))


@pytest.mark.parametrize(("axis", "name"), [(1, "yaw"), (0, "pitch"), (2, "roll")])
def test_the_pose_follows_a_turn_in_space(astronaut: Sighting, axis: int, name: str) -> None:
    before = pose_of(astronaut.face.mesh)
    after = pose_of(turned(astronaut.face.mesh, axis=axis, degrees=20))
    assert abs(getattr(after, name) - getattr(before, name)) == pytest.approx(20, abs=3)


def test_the_signs_of_the_pose_are_those_it_says() -> None:
    # A face as seen by the camera: x right, y down, z away; eyes level, forehead above the chin.
    mesh = np.zeros((468, 3))
    mesh[33], mesh[263], mesh[10], mesh[152] = (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0)
    assert pose_of(mesh).yaw == pytest.approx(0)
    mesh[33, 2], mesh[263, 2] = (
        -0.5,
        0.5,
    )  # the picture's left side comes nearer: it looks to the picture's right
    assert pose_of(mesh).yaw > 20
    mesh[33, 2], mesh[263, 2] = 0, 0
    mesh[10, 2], mesh[152, 2] = -0.5, 0.5  # the forehead comes nearer: it looks down
    assert pose_of(mesh).pitch > 20
    mesh[263, 1] = 1  # the right eye sinks: clockwise
    assert pose_of(mesh).roll > 20


@pytest.mark.parametrize(("axis", "degrees"), [(1, 60), (1, -60), (0, 45), (2, 70)])
def test_a_face_that_looks_away_is_refused(astronaut: Sighting, axis: int, degrees: int) -> None:
    mesh = turned(astronaut.face.mesh, axis=axis, degrees=degrees)
    assert Reason.FACE_TURNED in judge(seen(astronaut, mesh=mesh))


def test_sharpness_does_not_depend_on_the_size_of_the_face(astronaut: Sighting) -> None:
    large = cv2.warpAffine(astronaut.frame.image, np.array([[3.0, 0, 0], [0, 3.0, 0]]), (1536, 1536))
    grown = measure(
        seen(astronaut, image=large).frame.image, replace(astronaut.face, mesh=astronaut.face.mesh * 3)
    )
    assert grown.sharpness == pytest.approx(measure(astronaut.frame.image, astronaut.face).sharpness, rel=0.5)


def test_limits_are_settings(astronaut: Sighting) -> None:
    quality = measure(astronaut.frame.image, astronaut.face)
    assert reasons(quality, limits=QualityLimits(eye_distance_px=1000)) == (Reason.FACE_TOO_SMALL,)


def test_a_mesh_that_is_nowhere_is_refused_without_a_warning(astronaut: Sighting) -> None:
    nowhere = Face(box=astronaut.face.box, mesh=np.full((468, 3), -50, np.float32), presence=1.0)
    assert Reason.FACE_CUT in judge(Sighting(frame=astronaut.frame, face=nowhere))
