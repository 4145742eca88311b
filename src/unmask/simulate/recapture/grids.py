"""Beats of a display's or a print's grid with the sensor's."""

import cv2
import numpy as np

from unmask.simulate.recapture.takes import log_uniform


def moire(shape: tuple[int, int], rng: np.random.Generator, *, strength: float = 1.0) -> np.ndarray:
    """A pattern (h, w, 3) float32 that multiplies light, mean 1: one to three waves, in colours, bent a
    little.
    """
    height, width = shape
    bend = cv2.resize(
        rng.normal(0, 1, (4, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    bend = bend * np.float32(rng.uniform(0, 2.5))
    pattern = np.ones((height, width, 3), np.float32)
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    for _ in range(int(rng.integers(1, 4))):
        turn, angle = 2 * np.pi / log_uniform(rng, 2.1, 24), rng.uniform(0, np.pi)
        phases = rng.uniform(0, 2 * np.pi, 3) if rng.random() < 0.6 else np.full(3, rng.uniform(0, 6.28))
        depth = np.float32(strength * log_uniform(rng, 0.015, 0.16))
        wave = x * np.float32(np.cos(angle) * turn) + y * np.float32(np.sin(angle) * turn) + bend
        ones = np.ones_like(wave)
        _, cos, sin = (None, *cv2.polarToCart(ones, wave))
        for channel, phase in enumerate(phases):
            pattern[..., channel] *= 1 + depth * (
                np.float32(np.cos(phase)) * cos - np.float32(np.sin(phase)) * sin
            )
    return pattern


def bands(height: int, rng: np.random.Generator, *, depth: tuple[float, float]) -> np.ndarray:
    """Rows (height, 1, 1) float32 that a flickering backlight leaves under a rolling shutter, mean 1."""
    turns, phase = rng.uniform(0.5, 5), rng.uniform(0, 6)
    rows = np.cos(np.arange(height) * 2 * np.pi / height * turns + phase)
    return (1 + rng.uniform(*depth) * rows).astype(np.float32)[:, None, None]
