"""A picture shown on a display and taken again: dim or bright, soft or crisp, glass before it or none."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unmask.simulate.recapture.bona_fide import TakenPicture
from unmask.simulate.recapture.grids import bands, moire
from unmask.simulate.recapture.lamps import blurred, sloped, spot, tinted, vivid
from unmask.simulate.recapture.rooms import reflected
from unmask.simulate.recapture.sensor import draw_sensor, shot
from unmask.simulate.recapture.takes import Base, Take, log_uniform, seen, taken


def replayed(base: Base, rng: np.random.Generator, rooms: Sequence[Path]) -> TakenPicture:
    """A display as most cameras take it: its glass leaks and mirrors, and it burns out in a dark room."""
    small = seen(base, rng, face_px=(60, 380))
    take = taken(small, tone=rng.uniform(0.8, 1.3))
    light = take.light
    if rng.random() < 0.4:  # the shown picture is small
        light = blurred(light, take.side * rng.uniform(0.002, 0.008))
    light = cast(vivid(light, rng.uniform(0.9, 2.0)), rng)
    light = _veiled(light, rng, rooms)
    if rng.random() < 0.7:
        light = sloped(light, rng, amount=0.2)
    light = blurred(
        light, take.side * (rng.uniform(0, 0.008) if rng.random() < 0.55 else rng.uniform(0.006, 0.025))
    )
    if rng.random() < 0.35:
        light *= moire(light.shape[:2], rng)
    if rng.random() < 0.12:
        light *= bands(light.shape[0], rng, depth=(0.03, 0.2))
    image = shot(take.lit(light), draw_sensor(rng), rng, level=burnt_level(rng))
    return TakenPicture(image=image, mesh=take.mesh, model="plain")


def crisp(base: Base, rng: np.random.Generator, rooms: Sequence[Path]) -> TakenPicture:
    """A good display taken well: sharp, firm, vivid, its grid fine or just to be seen."""
    take = taken(seen(base, rng, face_px=(140, 460)), tone=rng.uniform(1.0, 1.5))
    light = tinted(vivid(take.light, rng.uniform(1.0, 1.7)), rng, spread=0.07)
    if rng.random() < 0.5:
        light *= np.array([0.94, 1.0, 1.12], np.float32)
    if rng.random() < 0.7:
        light *= moire(light.shape[:2], rng)
    if rng.random() < 0.4:
        light = reflected(light, rng, rooms=rooms, strength=float(light.mean()) * rng.uniform(0.02, 0.2))
    light = blurred(light, take.side * rng.uniform(0, 0.004))
    sensor = draw_sensor(rng, noise=(0.002, 0.02), contrast=(0.2, 0.9), quality=(60, 96), sharpens=0.5)
    image = shot(take.lit(light), sensor, rng, level=float(rng.uniform(0.15, 0.6)))
    return TakenPicture(image=image, mesh=take.mesh, model="crisp")


def warm(base: Base, rng: np.random.Generator, rooms: Sequence[Path]) -> TakenPicture:
    """Small, warm and blurred in even light: a display at night mode, taken from afar."""
    take = taken(seen(base, rng, face_px=(55, 180)), tone=rng.uniform(0.75, 1.1))
    light = vivid(take.light, rng.uniform(0.8, 1.5))
    light = light * np.array([1 + rng.uniform(0.03, 0.2), 1.0, 1 - rng.uniform(0.05, 0.3)], np.float32)
    light = light + np.float32(float(light.mean()) * log_uniform(rng, 0.03, 0.5))
    light = blurred(light, take.side * rng.uniform(0.008, 0.028))
    sensor = draw_sensor(rng, contrast=(-0.3, 0.2), quality=(30, 92))
    return TakenPicture(
        image=shot(take.lit(light), sensor, rng, level=float(rng.uniform(0.12, 0.4))),
        mesh=take.mesh,
        model="warm",
    )


def cast(light: np.ndarray, rng: np.random.Generator, *, colder: float = 0.6) -> np.ndarray:
    """In the white of a panel: a share `colder` is cold, the rest somewhere about neutral."""
    if rng.random() >= colder:
        return tinted(light, rng, spread=0.09)
    white = [1 - rng.uniform(0, 0.3), 1 - rng.uniform(-0.05, 0.08), 1 + rng.uniform(0, 0.45)]
    return light * np.array(white, np.float32)


def panel(take: Take, rng: np.random.Generator, rooms: Sequence[Path]) -> Take:
    """A display that fills the view, before any lamp and camera."""
    light = glazed(blurred(take.light, take.side * rng.uniform(0, 0.008)), rng, rooms)
    return take.lit(light * moire(light.shape[:2], rng) if rng.random() < 0.35 else light)


def glazed(light: np.ndarray, rng: np.random.Generator, rooms: Sequence[Path]) -> np.ndarray:
    """What a display makes of a picture's light where it is seen with its edges."""
    light = light ** np.float32(rng.uniform(0.85, 1.35))
    light = vivid(light, rng.uniform(1.0, 2.0))
    if rng.random() < 0.5:
        light = light * np.array([1 - rng.uniform(0, 0.2), 1, 1 + rng.uniform(0, 0.3)], np.float32)
    else:
        light = tinted(light, rng, spread=0.07)
    mean = float(light.mean()) + 1e-3
    if rng.random() < 0.7:
        if rng.random() < 0.6:
            return reflected(light, rng, rooms=rooms, strength=mean * log_uniform(rng, 0.02, 0.35))
        return light + np.float32(mean * rng.uniform(0.01, 0.25))
    return light


def burnt_level(rng: np.random.Generator) -> float:
    """The shown face's mean linear level: 42 % are burnt out, since cameras meter the dark room."""
    u = rng.random()
    if u < 0.42:
        return float(rng.uniform(0.38, 0.95))
    return float(rng.uniform(0.12, 0.38) if u < 0.8 else rng.uniform(0.03, 0.12))


def _veiled(light: np.ndarray, rng: np.random.Generator, rooms: Sequence[Path]) -> np.ndarray:
    """With the light that the glass mirrors or the panel leaks, and now and then a lamp in the glass."""
    mean = float(light.mean()) + 1e-3
    if rng.random() < 0.65:
        strength = mean * log_uniform(rng, 0.03, 0.9)
        kind = rng.random()
        if kind < 0.25:
            light = reflected(light, rng, rooms=rooms, strength=strength)
        elif kind < 0.5:
            light = light + np.float32(strength)
        else:
            tint = 1 + rng.normal(0, 0.12, 3) + [0, -0.03, 0.08]
            light = light + (strength * tint).astype(np.float32)
    if rng.random() < 0.2:
        height, width = light.shape[:2]
        centre, spread = (
            rng.uniform(0, 1, 2) * [width, height],
            rng.uniform(0.02, 0.18, 2) * max(height, width),
        )
        light = light + spot(light.shape, centre=centre, spread_px=spread) * np.float32(
            mean * rng.uniform(1, 8)
        )
    return light
