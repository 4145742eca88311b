"""Colours beyond one tint, held against a fit to all pixels."""

import cv2
import numpy as np
import pytest

from unmask.media.colour import colourfulness


def _by_all_pixels(square: np.ndarray) -> float:
    """What is left of a* and b* after the best square function of the level."""
    lab = cv2.GaussianBlur(cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), (0, 0), 1.5)
    level, colours = lab[..., 0].ravel().astype(np.float64), lab.reshape(-1, 3)[:, 1:].astype(np.float64)
    light = np.stack([np.ones_like(level), level, level**2], axis=1)
    left = colours - light @ np.linalg.lstsq(light, colours, rcond=None)[0]
    return float(np.sqrt((left**2).mean(axis=0).sum()))


@pytest.mark.parametrize("sigma", [1.0, 6.0])
@pytest.mark.parametrize("mix", [0.0, 0.05, 1.0])
def test_colours_are_those_that_a_fit_to_all_pixels_leaves(
    sigma: float, mix: float, rng: np.random.Generator
) -> None:
    noise = cv2.GaussianBlur(rng.integers(0, 256, (96, 96, 3)).astype(np.float32), (0, 0), sigma)
    grey = noise.mean(axis=2, keepdims=True)
    square = np.clip(grey + mix * (noise - grey), 0, 255).astype(np.uint8)
    assert colourfulness(square) == pytest.approx(_by_all_pixels(square), abs=1e-6)


def test_a_square_of_one_colour_has_none() -> None:
    assert colourfulness(np.full((96, 96, 3), (200, 90, 40), np.uint8)) == pytest.approx(0, abs=1e-6)
