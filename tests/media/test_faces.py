import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from present import present
from unmask.media.detections import overlap
from unmask.media.faces import LEAST_SHARE, LEFT_EYE, RIGHT_EYE, Crop, FaceFinder, face_of, size


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder.load()


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


def eye_distance(mesh: np.ndarray) -> float:
    return float(np.linalg.norm(mesh[LEFT_EYE, :2] - mesh[RIGHT_EYE, :2]))


def pasted(picture: np.ndarray, turn: np.ndarray, *, height: int, width: int, seed: int = 0) -> np.ndarray:
    """The picture, moved by the affine map, on a blurred random background."""
    noise = np.random.default_rng(seed).integers(60, 200, (height, width, 3), dtype=np.uint8)
    room = cv2.GaussianBlur(noise, (0, 0), 4)
    return cv2.warpAffine(picture, turn, (width, height), dst=room, borderMode=cv2.BORDER_TRANSPARENT)


def test_a_crop_turns_about_its_centre() -> None:
    crop = Crop(centre=np.array([100.0, 50.0]), side=40.0, angle=math.pi / 2)
    to_picture = crop.to_picture(192)
    np.testing.assert_allclose(to_picture @ (96, 96, 1), [100, 50])
    np.testing.assert_allclose(
        to_picture @ (192, 96, 1), [100, 70], atol=1e-9
    )  # its right is the picture's down


def test_depth_comes_back_in_the_unit_of_x_and_y() -> None:
    points = np.random.default_rng(0).uniform(0, 192, (468, 3)).astype(np.float32)
    crop = Crop(centre=np.array([300.0, 200.0]), side=384.0, angle=0.5)
    face = face_of(points, crop.to_picture(192), presence=0.9)
    before, after = points[7] - points[3], face.mesh[7] - face.mesh[3]
    assert np.linalg.norm(after) == pytest.approx(2 * np.linalg.norm(before), rel=1e-4)
    np.testing.assert_allclose(face.box[:2], face.mesh[:, :2].min(axis=0))


def test_the_face_is_where_another_detector_finds_it(finder: FaceFinder, astronaut: np.ndarray) -> None:
    cascade = cv2.CascadeClassifier(
        str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml")
    )
    x, y, w, h = cascade.detectMultiScale(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY), minSize=(80, 80))[0]
    (face,) = finder.find(astronaut)
    assert overlap(face.box, np.array([[x, y, x + w, y + h]], np.float64))[0] > 0.5
    assert face.presence > 0.9
    assert face.mesh.dtype == np.float32


@pytest.mark.parametrize(("angle", "scale"), [(0, 1.0), (25, 1.0), (-30, 1.4), (0, 0.5)])
def test_the_mesh_moves_with_the_picture(
    finder: FaceFinder, astronaut: np.ndarray, angle: int, scale: float
) -> None:
    (still,) = finder.find(astronaut)
    turn = cv2.getRotationMatrix2D((225, 120), angle, scale)
    turn[:, 2] += (300, 200)
    (moved,) = finder.find(pasted(astronaut, turn, height=720, width=1000))
    expected = still.mesh[:, :2] @ turn[:, :2].T + turn[:, 2]
    off = np.linalg.norm(moved.mesh[:, :2] - expected, axis=1).mean()
    assert off < 0.08 * eye_distance(expected)
    assert np.ptp(moved.mesh[:, 2]) == pytest.approx(scale * np.ptp(still.mesh[:, 2]), rel=0.15)


def test_a_small_face_in_a_large_picture_is_found(finder: FaceFinder, astronaut: np.ndarray) -> None:
    head = astronaut[0:230, 110:340]
    turn = np.array([[0.35, 0, 1000], [0, 0.35, 500]])
    faces = finder.find(pasted(head, turn, height=720, width=1280))
    assert len(faces) == 1
    assert 25 < size(faces[0]) < 60
    assert np.all(np.abs(faces[0].box[:2] - (1035, 520)) < 30)


def test_a_second_face_of_half_the_size_is_found_too(finder: FaceFinder, astronaut: np.ndarray) -> None:
    head = astronaut[0:230, 110:340]
    picture = pasted(head, np.array([[1.0, 0, 100], [0, 1.0, 200]]), height=720, width=1280)
    picture[300:430, 900:1030] = cv2.warpAffine(head, np.array([[0.565, 0, 0], [0, 0.565, 0]]), (130, 130))
    faces = finder.find(picture)
    assert [face.box[0] > 600 for face in faces] == [False, True]


def test_no_more_tiles_are_searched_than_show_a_second_face(
    finder: FaceFinder, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []
    detect = FaceFinder._detect

    def counted(self: Any, image: Any, tile: Any) -> Any:
        searched.append(tile)
        return detect(self, image, tile)

    monkeypatch.setattr(FaceFinder, "_detect", counted)
    picture = pasted(astronaut, np.array([[1.0, 0, 60], [0, 1.0, 0]]), height=480, width=640)
    (face,) = finder.find(picture)
    whole, *tiles = searched
    assert whole[2] - whole[0] == 640
    assert {round(tile[2] - tile[0]) for tile in tiles} == {round(LEAST_SHARE * size(face))}
    assert len(tiles) < 10


def test_nothing_is_found_where_nothing_is(finder: FaceFinder, rng: np.random.Generator) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 640).astype(np.uint8)[None, :, None], (480, 640, 3))
    noise = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    for picture in (ramp, noise, cv2.GaussianBlur(noise, (0, 0), 9), np.zeros_like(noise)):
        assert finder.find(np.ascontiguousarray(picture)) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 400, 3), (400, 2, 3)])
def test_a_sliver_of_a_picture_has_no_face(finder: FaceFinder, shape: Any) -> None:
    assert finder.find(np.full(shape, 128, np.uint8)) == []


def test_a_mirrored_view_is_a_picture_too(finder: FaceFinder, astronaut: np.ndarray) -> None:
    stored = np.ascontiguousarray(astronaut[..., ::-1])  # as OpenCV reads it
    np.testing.assert_array_equal(finder.find(stored[..., ::-1])[0].mesh, finder.find(astronaut)[0].mesh)


def test_a_known_face_is_not_found_again(finder: FaceFinder, astronaut: np.ndarray) -> None:
    assert finder.find(astronaut, known=finder.find(astronaut)) == []


def test_a_face_is_followed_until_it_has_gone(finder: FaceFinder, astronaut: np.ndarray) -> None:
    (face,) = finder.find(astronaut)
    followed = present(finder.follow(np.roll(astronaut, (6, 9), axis=(0, 1)), face))
    np.testing.assert_allclose((followed.mesh - face.mesh)[:, :2].mean(axis=0), (9, 6), atol=1)
    assert finder.follow(np.full_like(astronaut, 90), face) is None


def test_following_a_still_picture_does_not_drift(finder: FaceFinder, astronaut: np.ndarray) -> None:
    (face,) = finder.find(astronaut)
    followed = face
    for _ in range(20):
        followed = present(finder.follow(astronaut, followed))
    assert np.linalg.norm((followed.mesh - face.mesh)[:, :2], axis=1).mean() < 0.01 * eye_distance(face.mesh)


def test_threads_do_not_disturb_each_other(finder: FaceFinder, astronaut: np.ndarray) -> None:
    pictures = [np.roll(astronaut, k, axis=1) for k in range(0, 40, 5)]
    alone = [finder.find(picture)[0].mesh for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = [faces[0].mesh for faces in pool.map(finder.find, pictures)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
