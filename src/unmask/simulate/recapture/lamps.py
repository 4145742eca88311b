"""What light does to a picture: gradients, tints, vividness, haze, soft focus."""

import cv2
import numpy as np

from unmask.simulate.recapture.takes import Take

LUMA = np.array([0.3, 0.59, 0.11], np.float32)


def blurred(light: np.ndarray, sigma_px: float) -> np.ndarray:
    """Out of focus; what is below a quarter pixel no sensor sees."""
    return cv2.GaussianBlur(light, (0, 0), sigma_px) if sigma_px > 0.25 else light


def vivid(light: np.ndarray, share: float) -> np.ndarray:
    """Colours `share` times as far from grey, never below black."""
    matrix = share * np.eye(3, dtype=np.float32) + (1 - share) * LUMA
    return np.maximum(cv2.transform(light, matrix), 0)


def flattened(light: np.ndarray, *, radius_px: float, contrast: float) -> np.ndarray:
    """Smoothed where it varies by less than `contrast` of its own level within `radius_px`, kept at edges:
    the guided filter (He et al. 2010) at half size.
    """
    size = light.shape[1::-1]
    small = cv2.resize(light, (max(4, size[0] // 2), max(4, size[1] // 2)), interpolation=cv2.INTER_AREA)
    side = 2 * max(1, round(radius_px / 2)) + 1
    guide = small @ LUMA
    mean = cv2.blur(guide, (side, side))
    spread = np.maximum(cv2.blur(guide * guide, (side, side)) - mean * mean, 0)
    share = spread / (spread + (np.float32(contrast) * (mean + np.float32(0.01))) ** 2)
    share = cv2.blur(share, (side, side))[..., None]
    base = share * small + (1 - share) * cv2.blur(small, (side, side))
    # What edges keep comes from the picture itself, not from its half.
    share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)[..., None]
    return share * light + (1 - share) * cv2.resize(base, size, interpolation=cv2.INTER_LINEAR)


def tinted(light: np.ndarray, rng: np.random.Generator, *, spread: float) -> np.ndarray:
    """In lamplight of some colour."""
    return light * np.maximum(0.05, 1 + rng.normal(0, spread, 3)).astype(np.float32)


def sloped(light: np.ndarray, rng: np.random.Generator, *, amount: float) -> np.ndarray:
    """Brighter towards one side; the light is changed in place."""
    height, width = light.shape[:2]
    across, along = rng.normal(0, amount, 2)
    light *= np.exp(across * np.linspace(-1, 1, width, dtype=np.float32))[None, :, None]
    light *= np.exp(along * np.linspace(-1, 1, height, dtype=np.float32))[:, None, None]
    return light


def spot(
    shape: tuple[int, ...], *, centre: np.ndarray, spread_px: np.ndarray, angle: float = 0.0
) -> np.ndarray:
    """A soft ellipse of light (h, w, 1) float32, 1 at its centre (x, y)."""
    x = np.arange(shape[1], dtype=np.float32)[None] - np.float32(centre[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(centre[1])
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, across = (
        (x * cos + y * sin) / np.float32(spread_px[0]),
        (y * cos - x * sin) / np.float32(spread_px[1]),
    )
    return cv2.exp(-(along * along + across * across))[..., None]


def side_lit(
    take: Take,
    rng: np.random.Generator,
    *,
    hard: tuple[float, float],
    far: float,
    tints: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """A lamp from one side: its edge crosses the face within `hard` of its width, `far` of the light beyond;
    `tints` (3,) of the near and the far light.
    """
    height, width = take.light.shape[:2]
    centre = (take.box[:2] + take.box[2:]) / 2
    angle = rng.uniform(0, 2 * np.pi)
    x = (np.arange(width, dtype=np.float32) - np.float32(centre[0])) * np.float32(np.cos(angle) / take.side)
    y = (np.arange(height, dtype=np.float32) - np.float32(centre[1])) * np.float32(np.sin(angle) / take.side)
    across = (x[None] + y[:, None] - np.float32(rng.uniform(-0.3, 0.3))) / np.float32(rng.uniform(*hard))
    edge = (1 / (1 + cv2.exp(-across)))[..., None]
    near_light, far_light = tints[0].astype(np.float32), (far * tints[1]).astype(np.float32)
    return take.light * (far_light + edge * (near_light - far_light))
