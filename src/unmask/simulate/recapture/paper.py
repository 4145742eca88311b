"""A picture printed and taken again: ink, paper, gloss."""

import cv2
import numpy as np

from unmask.simulate.recapture.grids import moire
from unmask.simulate.recapture.lamps import LUMA, blurred, sloped, spot, tinted, vivid
from unmask.simulate.recapture.living import Shown
from unmask.simulate.recapture.sensor import draw_sensor, grain, shot
from unmask.simulate.recapture.takes import Base, log_uniform, sized, taken


def printed(base: Base, rng: np.random.Generator) -> Shown:
    """A sheet that fills the view."""
    take = taken(sized(base, face_px=log_uniform(rng, 70, 420)))
    light = cv2.pow(np.minimum(vivid(take.light, rng.uniform(0.35, 1.15)), 1), float(rng.uniform(0.75, 1.35)))
    light = _inked(light, rng)
    black, white = np.float32(rng.uniform(0.01, 0.12)), np.float32(rng.uniform(0.6, 0.95))
    light = black + np.clip(light, 0, 1) * (white - black)
    light = light * (1 + rng.normal(0, 0.05, 3) + [0.03, 0, -0.03]).astype(np.float32)
    light = sloped(light, rng, amount=0.3)
    glossy = rng.random() < 0.4
    if glossy:
        light = light + sheen(light.shape, rng, strength=(0.05, 0.7))
    light = blurred(
        light, take.side * (rng.uniform(0, 0.006) if rng.random() < 0.6 else rng.uniform(0.004, 0.016))
    )
    light = tinted(light, rng, spread=0.07)
    level = float(rng.uniform(0.12, 0.4) if rng.random() < 0.75 else rng.uniform(0.04, 0.6))
    image = shot(take.lit(light), draw_sensor(rng), rng, level=level)
    return Shown(image=image, mesh=take.mesh, model="glossy" if glossy else "matt")


def pale(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What ink and paper make of a picture's light where the sheet is seen with its edges."""
    light = cv2.pow(np.minimum(vivid(light, rng.uniform(0.4, 1.15)), 1), float(rng.uniform(0.8, 1.3)))
    black, white = np.float32(rng.uniform(0.01, 0.1)), np.float32(rng.uniform(0.6, 0.95))
    light = light + (_fine(light.shape[:2], rng) * np.float32(rng.uniform(0, 0.12)))[..., None]
    return tinted(black + np.clip(light, 0, 1) * (white - black), rng, spread=0.04)


def sheen(shape: tuple[int, ...], rng: np.random.Generator, *, strength: tuple[float, float]) -> np.ndarray:
    """A lamp mirrored by gloss: (h, w, 1) float32."""
    height, width = shape[:2]
    centre, spread = (
        rng.uniform(-0.2, 1.2, 2) * [width, height],
        rng.uniform(0.08, 0.6, 2) * max(height, width),
    )
    glare = spot(shape, centre=centre, spread_px=spread, angle=rng.uniform(0, np.pi))
    return glare * np.float32(rng.uniform(*strength))


def _inked(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With the grain of ink-jet dots, strongest in the middle tones, or a halftone's beats, or neither."""
    if rng.random() < 0.6:
        grey = light @ LUMA
        middle = np.sqrt(np.clip(grey * (1 - grey), 0, 1))
        return light + (_fine(grey.shape, rng) * middle * np.float32(rng.uniform(0.02, 0.3)))[..., None]
    if rng.random() < 0.5:
        return light * moire(light.shape[:2], rng, strength=0.5)
    return light


def _fine(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Noise without its coarse part (h, w) float32."""
    noise = grain(shape, rng)
    return noise - cv2.blur(noise, (3, 3))
