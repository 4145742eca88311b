"""What is measured on, made here from scikit-image's astronaut, so that nobody needs anything else."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from unmask.media.images import write_image
from unmask.media.video import write_video

FPS = 30


def picture(path: Path, *, height: int = 480, width: int = 640, faces: int = 1) -> Path:
    """A JPEG with that many faces side by side in rows of up to four, each a sixth of the picture's height
    or more.
    """
    head = data.astronaut()[0:260, 90:350]
    columns = min(faces, 4)
    rows = -(-faces // columns)
    side = min(height // rows, width // columns)
    room = cv2.GaussianBlur(
        np.random.default_rng(0).integers(60, 200, (height, width, 3), dtype=np.uint8), (0, 0), 4
    )
    for n in range(faces):
        top, left = (n // columns) * side, (n % columns) * (width // columns)
        room[top : top + side, left : left + side] = cv2.resize(
            head, (side, side), interpolation=cv2.INTER_CUBIC if side > 260 else cv2.INTER_AREA
        )
    write_image(path, room)
    return path


def video(path: Path, *, seconds: float, height: int = 720, width: int = 1280) -> Path:
    """A face a third of the height wide that drifts, nods and blinks a little."""
    write_video(path, _frames(round(seconds * FPS), height, width), fps=FPS)
    return path


def _frames(count: int, height: int, width: int) -> Iterator[np.ndarray]:
    portrait = data.astronaut()[:320, 60:380]
    scale = 2.2 * height / 720
    shown = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    for i in range(count):
        x, y = scale * (136 + 27 * np.sin(i / 20)), scale * 5 * np.sin(i / 7)
        yield cv2.warpAffine(
            shown, np.array([[1, 0, x], [0, 1, y]]), (width, height), borderMode=cv2.BORDER_REPLICATE
        )
