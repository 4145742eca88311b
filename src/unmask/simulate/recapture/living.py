"""A picture taken as a living face: well lit, in hard, coloured or scarce light, or before a poor webcam."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unmask.simulate.recapture.lamps import blurred, side_lit, sloped, tinted, vivid
from unmask.simulate.recapture.sensor import draw_sensor, shot
from unmask.simulate.recapture.takes import Base, log_uniform, sized, taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was made of a picture: `image` (H, W, 3) uint8 RGB and `mesh` (468, 3) px; `model`: how."""

    image: np.ndarray
    mesh: np.ndarray
    model: str


def lived(base: Base, rng: np.random.Generator) -> Shown:
    """A decent camera in ordinary light."""
    take = taken(sized(base, face_px=log_uniform(rng, 75, 480)))
    light = take.light
    if rng.random() < 0.6:
        light = sloped(light, rng, amount=0.35)
    light = vivid(tinted(light, rng, spread=0.07), rng.uniform(0.6, 1.35))
    if rng.random() < 0.15:  # stray light
        light += np.float32(rng.uniform(0.01, 0.08) * (light.mean() + 0.1))
    light = blurred(
        light, take.side * (rng.uniform(0, 0.006) if rng.random() < 0.7 else rng.uniform(0.004, 0.014))
    )
    level = _level(rng, good=(0.68, 0.12, 0.36), dim=(0.22, 0.03, 0.12), bright=(0.36, 0.6))
    return Shown(
        image=shot(take.lit(light), draw_sensor(rng), rng, level=level), mesh=take.mesh, model="camera"
    )


def webcam(base: Base, rng: np.random.Generator) -> Shown:
    """A poor webcam: small, soft, hazy, pale, noisy."""
    take = taken(sized(base, face_px=log_uniform(rng, 60, 260)))
    light = take.light
    if rng.random() < 0.7:
        light = sloped(light, rng, amount=0.4)
    light = vivid(tinted(light, rng, spread=0.09), rng.uniform(0.35, 1.15))
    if rng.random() < 0.6:
        light += np.float32((float(light.mean()) + 1e-3) * log_uniform(rng, 0.02, 0.5))
    light = blurred(light, take.side * rng.uniform(0.002, 0.02))
    level = _level(rng, good=(0.65, 0.12, 0.36), dim=(0.23, 0.03, 0.12), bright=(0.36, 0.7))
    sensor = draw_sensor(rng, contrast=(-0.4, 0.3), quality=(25, 90))
    return Shown(image=shot(take.lit(light), sensor, rng, level=level), mesh=take.mesh, model="webcam")


def harsh(base: Base, rng: np.random.Generator) -> Shown:
    """Hard, coloured or scarce light before a decent camera."""
    take = taken(sized(base, face_px=log_uniform(rng, 90, 480)))
    near = np.maximum(0.05, 1 + rng.normal(0, 0.12, 3))
    far = np.maximum(0.05, 1 + rng.normal(0, 0.25, 3)) if rng.random() < 0.35 else near
    light = side_lit(take, rng, hard=(0.05, 0.35), far=log_uniform(rng, 0.06, 0.7), tints=(near, far))
    light = blurred(vivid(light, rng.uniform(0.5, 1.4)), take.side * rng.uniform(0, 0.012))
    level = _level(rng, good=(0.5, 0.1, 0.3), dim=(0.3, 0.02, 0.1), bright=(0.3, 0.6))
    sensor = draw_sensor(rng, noise=(0.003, 0.06) if level > 0.1 else (0.0045, 0.09))
    return Shown(image=shot(take.lit(light), sensor, rng, level=level), mesh=take.mesh, model="harsh")


Taking = Callable[[Base, np.random.Generator], Shown]
LIVING: dict[str, tuple[float, Taking]] = {  # how often, how
    "webcam": (0.4, webcam),
    "harsh": (0.2, harsh),
    "camera": (0.4, lived),
}


def _level(
    rng: np.random.Generator,
    *,
    good: tuple[float, float, float],
    dim: tuple[float, float, float],
    bright: tuple[float, float],
) -> float:
    """The face's mean linear level: (share, low, high) of well exposed and dim ones, the rest bright."""
    u = rng.random()
    if u < good[0]:
        return float(rng.uniform(*good[1:]))
    return float(rng.uniform(*dim[1:]) if u < good[0] + dim[0] else rng.uniform(*bright))
