from typing import Any

import cv2
import numpy as np
import pytest

from unmask.challenges.injection import injection_hints
from unmask.media.images import after_jpeg


def codes(*args: Any, **more: Any) -> set[str]:
    return {hint.code for hint in injection_hints(*args, **more)}


def camera(rng: np.random.Generator, *, count: int = 24, noise: float = 1.5) -> list[np.ndarray]:
    """Frames of a still scene with a sensor's noise."""
    scene = cv2.GaussianBlur(rng.uniform(40, 210, (96, 128, 3)), (0, 0), 3)
    return [np.clip(scene + rng.normal(0, noise, scene.shape), 0, 255).astype(np.uint8) for _ in range(count)]


def jittered(rng: np.random.Generator, count: int = 40) -> np.ndarray:
    return np.cumsum(0.0667 + rng.normal(0, 0.003, count))


def test_a_camera_gives_no_hint(rng: np.random.Generator) -> None:
    client = {"label": "Integrated Camera (04f2:b6d9)", "capabilities": {"brightness": {}, "width": {}}}
    assert codes(jittered(rng), client, frames=camera(rng), light_found=True) == set()
    assert codes([]) == set()


@pytest.mark.parametrize(
    ("label", "is_named"),
    [
        ("OBS Virtual Camera", True),
        ("fake_device_0 (fake)", True),
        ("Dummy video device (0x0000)", True),
        ("Snap Camera", True),
        ("HP Observatory Cam", False),  # holds "obs", but not as a word
        ("FaceTime HD Camera", False),
        ("", False),
    ],
)
def test_software_cameras_are_known_by_name(label: str, is_named: bool) -> None:
    assert ("VIRTUAL_CAMERA_NAME" in codes([], {"label": label})) == is_named


def test_a_track_without_a_single_control_is_a_hint() -> None:
    assert codes([], {"label": "Camera", "capabilities": {"width": {}, "height": {}}}) == {
        "NO_CAMERA_CONTROLS"
    }
    assert codes([], {"label": "Camera", "capabilities": None}) == set()  # a browser without the function


def test_frames_that_come_too_regularly_are_a_hint(rng: np.random.Generator) -> None:
    assert codes(np.arange(60) / 30) == {"TIMES_TOO_REGULAR"}
    assert codes(np.arange(10) / 30) == set()  # too few to tell


def test_doubled_frames_are_a_hint(rng: np.random.Generator) -> None:
    frames = camera(rng)
    assert "DOUBLED_FRAMES" in codes([], frames=[frame for one in frames for frame in (one, one)])


def test_a_drawn_picture_without_noise_is_a_hint(rng: np.random.Generator) -> None:
    moving = [np.full((96, 128, 3), 90, np.uint8) for _ in range(24)]
    for index, frame in enumerate(moving):
        cv2.circle(frame, (20 + 3 * index, 48), 15, (170, 150, 130), -1)
    assert "NO_SENSOR_NOISE" in codes([], frames=moving)


def test_a_video_that_was_compressed_before_is_a_hint(rng: np.random.Generator) -> None:
    frames = [after_jpeg(frame, quality=12)[:, 3:-5] for frame in camera(rng, noise=6.0)]
    assert "COMPRESSED_BEFORE" in codes([], frames=[np.ascontiguousarray(frame) for frame in frames])


def test_a_light_code_that_is_absent_is_a_hint() -> None:
    assert codes([], light_found=False) == {"LIGHT_CODE_ABSENT"}


def test_a_hint_says_what_was_measured() -> None:
    (hint,) = injection_hints([], {"label": "ManyCam Virtual Webcam"})
    assert hint.to_dict() == {
        "code": "VIRTUAL_CAMERA_NAME", "value": "manycam virtual webcam", "limit": "virtual",
    }  # fmt: skip
