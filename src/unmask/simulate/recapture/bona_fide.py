"""A picture taken as a bona fide face is: well lit, in hard, coloured or scarce light, or by a poor webcam.

What a bona fide face wears, or a sheet that stands in its place, comes before the same cameras: `dress`
changes the light before any lamp or camera does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unmask.simulate.recapture.lamps import blurred, flattened, side_lit, sloped, spot, tinted, vivid
from unmask.simulate.recapture.sensor import draw_sensor, shot
from unmask.simulate.recapture.takes import Base, Take, log_uniform, seen, taken


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenPicture:
    """What was made of a picture: `image` (H, W, 3) uint8 RGB and `mesh` (468, 3) px; `model`: how."""

    image: np.ndarray
    mesh: np.ndarray
    model: str


Dress = Callable[[Take], Take]


def bare(take: Take) -> Take:
    """The face as it is."""
    return take


def well_lit(base: Base, rng: np.random.Generator, *, dress: Dress = bare) -> TakenPicture:
    """A decent camera in ordinary light."""
    take = dress(taken(seen(base, rng, face_px=(85, 480))))
    light = take.light
    if rng.random() < 0.6:
        light = sloped(light, rng, amount=0.35)
    light = vivid(tinted(light, rng, spread=0.07), rng.uniform(0.6, 1.35))
    if rng.random() < 0.15:  # stray light
        light += np.float32(rng.uniform(0.01, 0.08) * (light.mean() + 0.1))
    light = blurred(
        light, take.side * (rng.uniform(0, 0.003) if rng.random() < 0.8 else rng.uniform(0.003, 0.013))
    )
    level = _level(rng, good=(0.83, 0.14, 0.42), dim=(0.09, 0.03, 0.14), bright=(0.42, 0.62))
    return TakenPicture(
        image=shot(take.lit(light), draw_sensor(rng), rng, level=level), mesh=take.mesh, model="camera"
    )


def webcam(base: Base, rng: np.random.Generator, *, dress: Dress = bare) -> TakenPicture:
    """A poor webcam: small, soft, hazy, pale, noisy."""
    take = dress(taken(seen(base, rng, face_px=(65, 300))))
    light = take.light
    if rng.random() < 0.7:
        light = sloped(light, rng, amount=0.4)
    light = vivid(tinted(light, rng, spread=0.09), rng.uniform(0.45, 1.4))
    if rng.random() < 0.6:
        light += np.float32((float(light.mean()) + 1e-3) * log_uniform(rng, 0.01, 0.4))
    light = blurred(light, take.side * log_uniform(rng, 0.0006, 0.016))
    level = _level(rng, good=(0.78, 0.14, 0.42), dim=(0.11, 0.03, 0.14), bright=(0.42, 0.7))
    sensor = draw_sensor(rng, contrast=(-0.3, 0.5), quality=(25, 92))
    return TakenPicture(image=shot(take.lit(light), sensor, rng, level=level), mesh=take.mesh, model="webcam")


def harsh(base: Base, rng: np.random.Generator, *, dress: Dress = bare) -> TakenPicture:
    """Hard, coloured or scarce light before a decent camera."""
    take = dress(taken(seen(base, rng, face_px=(90, 480))))
    near = np.maximum(0.05, 1 + rng.normal(0, 0.12, 3))
    far = np.maximum(0.05, 1 + rng.normal(0, 0.25, 3)) if rng.random() < 0.35 else near
    light = side_lit(take, rng, hard=(0.05, 0.35), far=log_uniform(rng, 0.06, 0.7), tints=(near, far))
    light = blurred(vivid(light, rng.uniform(0.5, 1.4)), take.side * rng.uniform(0, 0.005))
    level = _level(rng, good=(0.66, 0.12, 0.36), dim=(0.16, 0.025, 0.12), bright=(0.36, 0.6))
    sensor = draw_sensor(rng, noise=(0.003, 0.06) if level > 0.1 else (0.0045, 0.09))
    return TakenPicture(image=shot(take.lit(light), sensor, rng, level=level), mesh=take.mesh, model="harsh")


def backlit(base: Base, rng: np.random.Generator, *, dress: Dress = bare) -> TakenPicture:
    """Before a window or a lamp: hazy, the face dark and the room behind it bright."""
    take = dress(taken(seen(base, rng, face_px=(70, 380))))
    height, width = take.light.shape[:2]
    middle, spread = (take.box[:2] + take.box[2:]) / 2, take.side * rng.uniform(0.45, 0.8, 2)
    behind = 1 - spot(take.light.shape, centre=middle, spread_px=spread * [0.8, 1.0])
    light = take.light * (1 + behind * np.float32(log_uniform(rng, 0.3, 4)))
    light = vivid(tinted(light, rng, spread=0.08), rng.uniform(0.35, 1.1))
    centre = rng.uniform([-0.1, -0.2], [1.1, 0.5]) * [width, height]
    flare = spot(light.shape, centre=centre, spread_px=rng.uniform(0.3, 1.2, 2) * max(height, width))
    mean = np.float32(float(take.light.mean()) + 1e-3)
    light = light + mean * (np.float32(rng.uniform(0.02, 0.5)) + np.float32(rng.uniform(0, 0.9)) * flare)
    light = blurred(light, take.side * rng.uniform(0, 0.01))
    sensor = draw_sensor(rng, contrast=(-0.4, 0.3), quality=(30, 94))
    level = _level(rng, good=(0.6, 0.08, 0.3), dim=(0.2, 0.03, 0.08), bright=(0.3, 0.6))
    return TakenPicture(
        image=shot(take.lit(light), sensor, rng, level=level), mesh=take.mesh, model="backlit"
    )


def lamplit(base: Base, rng: np.random.Generator, *, dress: Dress = bare) -> TakenPicture:
    """In the light of a red, yellow, green, blue or violet lamp, perhaps another one beside it."""
    take = dress(taken(seen(base, rng, face_px=(80, 420))))
    near, far = _lamp(rng), _lamp(rng) if rng.random() < 0.3 else np.ones(3)
    light = side_lit(take, rng, hard=(0.2, 1.5), far=log_uniform(rng, 0.2, 1.0), tints=(near, far))
    light = blurred(light, take.side * rng.uniform(0, 0.005))
    level = _level(rng, good=(0.7, 0.12, 0.34), dim=(0.18, 0.025, 0.12), bright=(0.3, 0.5))
    image = shot(take.lit(light), draw_sensor(rng, noise=(0.004, 0.07)), rng, level=level)
    return TakenPicture(image=image, mesh=take.mesh, model="lamp")


def beautified(base: Base, rng: np.random.Generator, *, dress: Dress = bare) -> TakenPicture:
    """A phone's beauty filter: skin smoothed and a little lighter, crisp eyes."""
    take = dress(taken(seen(base, rng, face_px=(90, 480))))
    light = vivid(tinted(take.light, rng, spread=0.06), rng.uniform(0.7, 1.25))
    skin = spot(light.shape, centre=take.mesh[4, :2], spread_px=take.side * np.array([0.55, 0.65]))
    smooth = flattened(
        light, radius_px=take.side * rng.uniform(0.015, 0.04), contrast=rng.uniform(0.05, 0.14)
    )
    light = light + skin * np.float32(rng.uniform(0.5, 1.0)) * (
        smooth * np.float32(rng.uniform(1, 1.12)) - light
    )
    sensor = draw_sensor(rng, noise=(0.002, 0.02), quality=(50, 96))
    image = shot(take.lit(light), sensor, rng, level=float(rng.uniform(0.16, 0.5)))
    return TakenPicture(image=image, mesh=take.mesh, model="beauty")


def _lamp(rng: np.random.Generator) -> np.ndarray:
    """A lamp's colour (3,): mostly warm."""
    lamps = [
        [1.4, 0.9, 0.45],
        [1.6, 0.55, 0.4],
        [1.3, 1.05, 0.3],
        [0.5, 0.8, 1.7],
        [1.2, 0.5, 1.5],
        [0.6, 1.3, 0.6],
    ]
    share = rng.uniform(0.4, 1.0)
    return 1 + share * (np.array(lamps[int(rng.choice(6, p=[0.34, 0.2, 0.2, 0.12, 0.08, 0.06]))]) - 1)


Taking = Callable[..., TakenPicture]  # (base, rng, *, dress)
TAKINGS: dict[str, tuple[float, Taking]] = {  # how often, how
    "camera": (0.33, well_lit),
    "webcam": (0.38, webcam),
    "harsh": (0.12, harsh),
    "backlit": (0.06, backlit),
    "lamp": (0.06, lamplit),
    "beauty": (0.05, beautified),
}


def photographed(base: Base, rng: np.random.Generator, *, dress: Dress = bare) -> TakenPicture:
    """Taken in one of the ways of TAKINGS, drawn by their shares."""
    kinds = list(TAKINGS)
    kind = str(rng.choice(kinds, p=[TAKINGS[name][0] for name in kinds]))
    return TAKINGS[kind][1](base, rng, dress=dress)


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
