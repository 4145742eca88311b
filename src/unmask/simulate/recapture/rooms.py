"""Rooms, small and soft: what a glass mirrors and what stands behind a device or a sheet."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from unmask.media.images import read_image
from unmask.simulate.recapture.lamps import blurred
from unmask.simulate.recapture.takes import log_uniform
from unmask.simulate.rendering.rooms import draw_room
from unmask.simulate.stage.backdrops import LINEAR

SMALL = (360, 480)  # height, width that rooms are kept at: they are out of focus or far


def room(rng: np.random.Generator, *, rooms: Sequence[Path], size: tuple[int, int]) -> np.ndarray:
    """A part of a room, (height, width) of `size`, 3, float32 linear, mean 1."""
    height, width = SMALL
    if len(rooms) and rng.random() < 0.75:
        whole = _kept(rooms[int(rng.integers(len(rooms)))])
    else:
        whole = draw_room(rng, size=(height, width))
    share = rng.uniform(0.45, 0.95)
    tall, wide = int(height * share), int(width * share)
    y, x = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    cut = whole[y : y + tall, x : x + wide]
    if cut.dtype == np.uint8:
        cut = LINEAR[cut]
    part = cv2.resize(cut, size[::-1], interpolation=cv2.INTER_AREA if tall > size[0] else cv2.INTER_LINEAR)
    return part / np.float32(part.mean() + 1e-3)


def reflected(
    light: np.ndarray, rng: np.random.Generator, *, rooms: Sequence[Path], strength: float
) -> np.ndarray:
    """With a room mirrored in the glass before it, of mean light `strength`; blurred, as it is far behind."""
    height, width = light.shape[:2]
    mirrored = room(rng, rooms=rooms, size=(height // 2 + 1, width // 2 + 1))
    mirrored = blurred(mirrored, width / 2 * log_uniform(rng, 0.004, 0.05))
    mirrored = cv2.resize(mirrored, (width, height), interpolation=cv2.INTER_LINEAR)
    return light + mirrored * np.float32(strength)


@lru_cache(maxsize=256)
def _kept(path: Path) -> np.ndarray:
    """The picture (h, w, 3) uint8, small."""
    return np.asarray(cv2.resize(read_image(path), SMALL[::-1], interpolation=cv2.INTER_AREA))
