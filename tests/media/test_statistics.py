"""Camera statistics move with what a camera does, and with nothing else."""

from typing import Any

import cv2
import numpy as np
import pytest

from present import present
from unmask.media.statistics import NAMES, blockiness, camera_statistics, face_statistics


@pytest.fixture
def crop(rng: np.random.Generator) -> np.ndarray:
    """A face of sorts: warm, smooth blobs with some detail in the middle of a greyer room."""
    rough = rng.normal(size=(128, 128, 3)).astype(np.float32)
    coarse, fine = cv2.GaussianBlur(rough, (0, 0), 6), cv2.GaussianBlur(rough, (0, 0), 1)
    picture = 120 + 220 * coarse + 25 * fine
    picture[40:88, 40:88] += (25, 0, -20)
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_every_name_has_a_number(crop: np.ndarray) -> None:
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = np.random.default_rng(0).uniform(40, 88, (468, 2))
    found = face_statistics([crop, crop], [mesh, mesh])
    assert tuple(found) == NAMES
    assert all(np.isfinite(value) for value in found.values())


def test_several_frames_give_their_mean(crop: np.ndarray) -> None:
    dark = (crop * 0.5).astype(np.uint8)
    both, one, other = (camera_statistics(c) for c in (np.stack([crop, dark]), crop, dark))
    assert both == pytest.approx({name: (one[name] + other[name]) / 2 for name in one}, abs=1e-6)


def test_blur_takes_the_fine_bands_before_the_coarse(crop: np.ndarray) -> None:
    soft = camera_statistics(cv2.GaussianBlur(crop, (0, 0), 1.5))
    lost = [camera_statistics(crop)[f"sharpness_{n}"] - soft[f"sharpness_{n}"] for n in (1, 2, 4, 8)]
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 1.5
    assert lost[3] < 0.5


def test_noise_is_measured_in_grey_values_beside_detail(crop: np.ndarray, rng: np.random.Generator) -> None:
    soft = cv2.GaussianBlur(crop, (0, 0), 2).astype(np.float32)
    noisy = np.clip(soft + rng.normal(size=(128, 128, 1)) * 6, 0, 255).astype(np.uint8)
    assert 2 ** camera_statistics(noisy)["noise"] == pytest.approx(6, rel=0.35)
    assert 2 ** camera_statistics(soft.astype(np.uint8))["noise"] < 1


@pytest.mark.parametrize(
    ("edit", "moved", "sign"),
    [
        (lambda c: 128 + 0.5 * (c - 128), "contrast", -1),
        (lambda c: 128 + 0.5 * (c - 128), "spread", -1),
        (lambda c: c + 20, "brightness", 1),
        (lambda c: c + 20, "black", 1),
        (lambda c: c.mean(axis=2, keepdims=True) + 0 * c, "saturation", -1),
        (lambda c: c * (1.1, 1.0, 0.8), "cast_b", 1),
        (lambda c: c * (1.0, 0.85, 1.0), "cast_a", 1),
    ],
)
def test_an_edit_moves_its_statistic(crop: np.ndarray, edit: Any, moved: str, sign: int) -> None:
    edited = np.clip(edit(crop.astype(np.float32)), 0, 255).astype(np.uint8)
    change = camera_statistics(edited)[moved] - camera_statistics(crop)[moved]
    assert sign * change > 0.3


def test_what_is_done_outside_the_face_moves_only_the_whole(crop: np.ndarray) -> None:
    edited = (crop * 0.4).astype(np.uint8)
    edited[36:92, 36:92] = crop[36:92, 36:92]
    before, after = camera_statistics(crop), camera_statistics(edited)
    assert after["brightness"] == before["brightness"]
    assert after["brightness_all"] < before["brightness_all"] - 20


@pytest.mark.parametrize("shift", [0, 3])
def test_blocks_of_a_compressed_picture_are_found_wherever_their_grid_lies(
    crop: np.ndarray, shift: int
) -> None:
    large = np.kron(crop, np.ones((2, 2, 1), np.uint8))
    large = cv2.GaussianBlur(large, (0, 0), 1.5)
    jpeg = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 15])[1]
    coded = present(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))
    box = np.array([0, 0, 250, 250], np.float32)
    moved = coded[shift:, shift:]
    assert blockiness(moved, box) > blockiness(large[shift:, shift:], box) + 0.15


def test_a_box_outside_the_frame_has_no_blocks(crop: np.ndarray) -> None:
    assert blockiness(crop, np.array([200, 200, 260, 260], np.float32)) == 0.0


def test_padding_and_clipped_walls_do_not_pass_for_a_camera_without_noise(
    crop: np.ndarray, rng: np.random.Generator
) -> None:
    noisy = np.clip(crop + rng.normal(size=(128, 128, 1)) * 5, 0, 255).astype(np.uint8)
    padded = noisy.copy()
    padded[:, 80:] = padded[:, 79:80]
    padded[:30] = 255
    found = [camera_statistics(c)["noise"] for c in (noisy, padded)]
    assert found[1] == pytest.approx(found[0], abs=0.4)


def test_padding_is_the_share_of_the_crop_beyond_the_frame(crop: np.ndarray) -> None:
    mesh = np.full((468, 3), 60, np.float32)
    mesh[:2, :2] = (50, 50), (70, 70)
    moved = mesh - np.array([50, 0, 0], np.float32)
    assert face_statistics([crop], [mesh])["padding"] == 0
    assert face_statistics([crop], [moved])["padding"] == pytest.approx(19 / 59, abs=0.03)
