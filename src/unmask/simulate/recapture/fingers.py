"""Finger tips over the edge of what is held before the camera."""

import numpy as np

from unmask.simulate.recapture.lamps import blurred
from unmask.simulate.recapture.takes import log_uniform
from unmask.simulate.rendering.cutting import filled

_SKIN = np.array([0.42, 0.24, 0.17])  # linear reflectance of light skin


def fingered(
    light: np.ndarray, corners: np.ndarray, rng: np.random.Generator, *, side: float, level: float
) -> np.ndarray:
    """With one to three finger tips over the edges between `corners` (4, 2) px, left, right or below."""
    skin = _SKIN * np.exp(rng.normal(-0.3, 0.5)) * np.exp(rng.normal(0, 0.1, 3))
    skin = skin / skin.mean() * level * log_uniform(rng, 0.5, 1.4)
    edge = int(rng.choice([1, 2, 3]))  # right, below, left
    start, end = corners[edge], corners[(edge + 1) % 4]
    along = (end - start) / max(1.0, float(np.linalg.norm(end - start)))
    inward = np.array([-along[1], along[0]])
    thick = side * rng.uniform(0.1, 0.25)
    at = rng.uniform(0.1, 0.9)
    reach = float(max(light.shape))  # the hand is out of view
    for number in range(int(rng.integers(1, 4))):
        tip = (
            start + (end - start) * at + along * number * thick * 2.3 + inward * thick * rng.uniform(0.3, 1.6)
        )
        root = tip - inward * reach + along * rng.normal(0, 0.2) * reach
        light = _finger(light, tip, root, thick=thick, skin=skin)
    return light


def _finger(
    light: np.ndarray, tip: np.ndarray, root: np.ndarray, *, thick: float, skin: np.ndarray
) -> np.ndarray:
    """One finger from its tip to where it leaves the view, round and so darker to its sides."""
    axis = (root - tip) / float(np.linalg.norm(root - tip))
    across = np.array([-axis[1], axis[0]])
    turn = np.linspace(np.pi / 2, 3 * np.pi / 2, 16)
    cap = tip + thick * (np.outer(np.cos(turn), axis) * 1.1 + np.outer(np.sin(turn), across))
    outline = np.concatenate([[root + across * thick], cap, [root - across * thick]])
    cover = filled(outline, light.shape)
    height, width = light.shape[:2]
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    off = ((x - tip[0]) * across[0] + (y - tip[1]) * across[1]) / thick
    shade = np.sqrt(np.clip(1.1 - off * off, 0.1, 1)).astype(np.float32)
    cover = blurred(cover, thick * 0.04)[..., None]
    dark = light * (1 - np.float32(0.4) * blurred(cover[..., 0], thick * 0.4)[..., None])
    return dark + cover * (shade[..., None] * skin.astype(np.float32) - dark)
