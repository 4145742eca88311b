"""A picture printed and taken again: ink, paper, gloss."""

import cv2
import numpy as np

from unmask.simulate.recapture.bona_fide import TakenPicture
from unmask.simulate.recapture.grids import moire
from unmask.simulate.recapture.lamps import LUMA, blurred, sloped, spot, tinted, vivid
from unmask.simulate.recapture.sensor import draw_sensor, grain, shot
from unmask.simulate.recapture.takes import Base, Take, log_uniform, seen, taken


def printed(base: Base, rng: np.random.Generator, *, gloss: bool) -> TakenPicture:
    """A sheet that fills the view, as most cameras take it."""
    take = taken(seen(base, rng, face_px=(70, 420)))
    light = cv2.pow(np.minimum(vivid(take.light, rng.uniform(0.5, 1.5)), 1), float(rng.uniform(0.75, 1.35)))
    light = _inked(light, rng)
    black, white = np.float32(rng.uniform(0.005, 0.09)), np.float32(rng.uniform(0.6, 0.95))
    light = black + np.clip(light, 0, 1) * (white - black)
    light = light * (1 + rng.normal(0, 0.05, 3) + [0.03, 0, -0.03]).astype(np.float32)
    light = sloped(light * _fibred(light.shape[:2], rng), rng, amount=0.3)
    if rng.random() < 0.2:
        light = light * creased(light.shape[:2], rng)
    if gloss:
        light = light + sheen(light.shape, rng, strength=(0.05, 0.7))
    light = blurred(
        light, take.side * (rng.uniform(0, 0.006) if rng.random() < 0.6 else rng.uniform(0.004, 0.016))
    )
    light = tinted(light, rng, spread=0.07)
    level = float(rng.uniform(0.12, 0.4) if rng.random() < 0.75 else rng.uniform(0.04, 0.6))
    image = shot(take.lit(light), draw_sensor(rng), rng, level=level)
    return TakenPicture(image=image, mesh=take.mesh, model="sheet")


def sheet(take: Take, rng: np.random.Generator) -> Take:
    """A sheet that fills the view, before any lamp and camera."""
    light = pale(take.light, rng) * _fibred(take.light.shape[:2], rng)
    if rng.random() < 0.3:
        light = light * creased(light.shape[:2], rng)
    if rng.random() < 0.4:
        light = light + sheen(light.shape, rng, strength=(0.05, 0.6)) * np.float32(light.mean())
    return take.lit(blurred(light, take.side * rng.uniform(0, 0.007)))  # what the first camera and ink lost


def pale(
    light: np.ndarray, rng: np.random.Generator, *, gamut: tuple[float, float] = (0.55, 1.5)
) -> np.ndarray:
    """What ink and paper make of a picture's light where the sheet is seen with its edges."""
    light = cv2.pow(np.minimum(vivid(light, rng.uniform(*gamut)), 1), float(rng.uniform(0.8, 1.3)))
    black, white = np.float32(rng.uniform(0.005, 0.07)), np.float32(rng.uniform(0.6, 0.95))
    light = light + (_fine(light.shape[:2], rng) * np.float32(rng.uniform(0, 0.09)))[..., None]
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
        return light + (_fine(grey.shape, rng) * middle * np.float32(rng.uniform(0.02, 0.2)))[..., None]
    if rng.random() < 0.5:
        return light * moire(light.shape[:2], rng, strength=0.5)
    return light


def _fibred(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The paper's cloudy texture (h, w, 1) float32 about 1, next to nothing in half of them."""
    noise = grain((shape[0] // 2 + 1, shape[1] // 2 + 1), rng)
    soft = cv2.GaussianBlur(noise, (0, 0), log_uniform(rng, 0.7, 4))
    texture = cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return (1 + texture * np.float32(log_uniform(rng, 0.003, 0.12)))[..., None]


def _fine(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Noise without its coarse part (h, w) float32."""
    noise = grain(shape, rng)
    return noise - cv2.blur(noise, (3, 3))


def creased(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Shading (h, w, 1) float32 about 1 of a sheet that was folded or crumpled: facets that meet at lines."""
    height, width = shape
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, width / height, width, dtype=np.float32)[None]
    shade = np.ones((height, width), np.float32)
    for _ in range(int(rng.integers(1, 8))):
        angle = float(
            rng.choice([0, np.pi / 2]) + rng.normal(0, 0.05) if rng.random() < 0.4 else rng.uniform(0, np.pi)
        )
        across = (
            x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) - np.float32(rng.uniform(-0.3, 1.2))
        )
        slope = np.float32(rng.normal(0, 0.06))
        shade += slope * np.tanh(across * np.float32(log_uniform(rng, 20, 300)))
        line = cv2.exp(-np.minimum((across * np.float32(log_uniform(rng, 80, 400))) ** 2, 30))
        shade += line * np.float32(rng.normal(0.05, 0.08))
    return shade.clip(0.4, 1.6)[..., None]
