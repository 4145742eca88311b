"""The light of a scene: from a dim room to the sun, from the ceiling, a window, a screen, behind or beside.

One distribution serves every class: the light that falls on a bona fide face, a sheet of paper, a phone or
a mask is drawn by the same function; so is, apart from it, the light under which a replayed or printed
portrait was once photographed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """One source far away: `direction` (3,) unit vector from the surface to it (x right, y down, z away from
    the camera).

    `colour` (3,) irradiance on a surface that faces it; `softness` in [0, 1] from a bare bulb to a wide
    window. `flashes`: whether it is the screen before the head, whose colours change; nobody sets a display's
    brightness by that one.
    """

    direction: np.ndarray
    colour: np.ndarray
    softness: float
    flashes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """All the light of a scene.

    `ambient` (3,) irradiance from everywhere, `lamps` beside it; `tilt` (3,) makes the ambient stronger from
    one direction: irradiance ambient * (1 + tilt . normal). `background` (3,) multiplies the backdrop: far
    above the light on the face is back light. `kind` names the recipe it was drawn from. `flicker`: share of
    the light that comes and goes with the mains within an exposure; 0 for steady lamps.
    """

    kind: str
    ambient: np.ndarray
    tilt: np.ndarray
    lamps: tuple[Lamp, ...]
    background: np.ndarray
    flicker: float = 0.0


def draw_light(rng: np.random.Generator, *, kinds: Sequence[str] = ()) -> Light:
    """A light of one of those kinds (keys of `LIGHTS`; of all when empty), drawn by how common it is."""
    kinds = list(kinds or LIGHTS)
    weights = np.array([LIGHTS[kind][0] for kind in kinds])
    kind = str(rng.choice(kinds, p=weights / weights.sum()))
    return LIGHTS[kind][1](rng, kind)


def seen_from(light: Light, rotation: np.ndarray) -> Light:
    """The same light in a frame that `rotation` (3, 3) leads to."""
    lamps = tuple(replace(lamp, direction=rotation @ lamp.direction) for lamp in light.lamps)
    return replace(light, tilt=rotation @ light.tilt, lamps=lamps)


def irradiance(
    normals: np.ndarray, light: Light, *, open_sky: np.ndarray | float = 1.0, lit: np.ndarray | float = 1.0
) -> np.ndarray:
    """Light (n, 3) on surfaces with these unit `normals` (n, 3).

    `open_sky` (n,) is the share of the ambient that reaches them, `lit` (lamps, n) the share of each lamp. A
    soft lamp reaches round the corner: its cosine is (n . l + w) / (1 + w) with w = softness / 2.
    """
    ambient = light.ambient * np.maximum(0.0, 1.0 + normals @ light.tilt)[:, None]
    total = ambient * np.reshape(open_sky, (-1, 1))
    shares = np.broadcast_to(lit, (max(1, len(light.lamps)), len(normals)))
    for lamp, share in zip(light.lamps, shares, strict=False):
        wrap = lamp.softness / 2
        facing = np.maximum(0.0, (normals @ lamp.direction + wrap) / (1 + wrap))
        total = total + (facing * share)[:, None] * lamp.colour
    return total.astype(np.float32)


def highlight(
    normals: np.ndarray,
    light: Light,
    *,
    to_camera: np.ndarray,
    shininess: float,
    lit: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Mirrored lamps (n, 3) by Blinn and Phong, per unit of gloss; `to_camera` (n, 3) are unit vectors."""
    total = np.zeros((len(normals), 3), np.float32)
    shares = np.broadcast_to(lit, (max(1, len(light.lamps)), len(normals)))
    for lamp, share in zip(light.lamps, shares, strict=False):
        half = to_camera + lamp.direction
        half = half / np.maximum(1e-6, np.linalg.norm(half, axis=1, keepdims=True))
        exponent = shininess * (1.0 - 0.7 * lamp.softness)  # a wide source makes a wide highlight
        cosine = np.maximum(0.0, np.einsum("ij,ij->i", normals, half))
        shine = cosine**exponent * (exponent + 8) / 25.0  # the usual normalisation, over pi
        total += (shine * share * (normals @ lamp.direction > 0))[:, None] * lamp.colour
    return total


def colour_of(kelvin: float) -> np.ndarray:
    """Linear RGB (3,) of a black body beside daylight of 6500 K, green 1; after Tanner Helland's fit,
    linearised.

    >>> bool(colour_of(2800)[0] > 1.5 > colour_of(6500)[0])
    True
    """
    t = kelvin / 100
    red = 255.0 if t <= 66 else 329.7 * (t - 60) ** -0.1332
    green = 99.47 * np.log(t) - 161.12 if t <= 66 else 288.12 * (t - 60) ** -0.0755
    blue = 255.0 if t >= 66 else 138.52 * np.log(max(t - 10, 1.1)) - 305.04
    linear = (np.clip([red, green, blue], 1, 255) / 255) ** 2.2
    return (linear / linear[1]).astype(np.float32)


def _lamp(
    rng: np.random.Generator, *, azimuth: float, elevation: float, level: float, kelvin: float, soft: float
) -> Lamp:
    """A lamp by angles in degrees: azimuth 0 behind the camera, 90 to the right, 180 behind the face;
    elevation up.
    """
    a, e = np.radians(azimuth + rng.normal(0, 6)), np.radians(elevation + rng.normal(0, 5))
    direction = np.array([np.sin(a) * np.cos(e), -np.sin(e), -np.cos(a) * np.cos(e)], np.float32)
    tint = colour_of(kelvin) * np.exp(rng.normal(0, [0.02, 0.03, 0.02]))  # tubes are greenish, some pinkish
    return Lamp(
        direction=direction, colour=(level * tint).astype(np.float32), softness=float(np.clip(soft, 0, 1))
    )


def _light(
    rng: np.random.Generator,
    kind: str,
    lamps: list[Lamp],
    *,
    ambient: float,
    kelvin: float,
    background: float,
) -> Light:
    """Ambient that leans to the ceiling; the background's light has its own colour in every third scene."""
    tilt = np.array([rng.normal(0, 0.15), -rng.uniform(0.0, 0.6), rng.normal(0, 0.15)], np.float32)
    behind = kelvin if rng.random() < 0.65 else rng.uniform(2700, 8500)
    return Light(
        kind=kind,
        ambient=(ambient * colour_of(kelvin)).astype(np.float32),
        tilt=tilt,
        lamps=tuple(lamps),
        background=(background * colour_of(behind)).astype(np.float32),
    )


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Drawn evenly in the logarithm: light is judged by its ratio."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _office(rng: np.random.Generator, kind: str) -> Light:
    kelvin = rng.uniform(3500, 6500)
    lamps = [
        _lamp(
            rng,
            azimuth=rng.uniform(-180, 180),
            elevation=rng.uniform(50, 85),
            level=_between(rng, 0.3, 1.0),
            kelvin=kelvin,
            soft=rng.uniform(0.2, 0.9),
        )
        for _ in range(rng.integers(1, 4))
    ]
    return _light(
        rng, kind, lamps, ambient=_between(rng, 0.15, 0.5), kelvin=kelvin, background=_between(rng, 0.7, 2.5)
    )


def _window(rng: np.random.Generator, kind: str) -> Light:
    side = rng.choice([-1, 1]) * rng.uniform(40, 110)
    kelvin = rng.uniform(5500, 9000)
    window = _lamp(
        rng,
        azimuth=side,
        elevation=rng.uniform(5, 35),
        level=_between(rng, 0.5, 1.6),
        kelvin=kelvin,
        soft=0.9,
    )
    ambient = _between(rng, 0.06, 0.4)
    return _light(
        rng, kind, [window], ambient=ambient, kelvin=kelvin - 800, background=_between(rng, 0.4, 2.0)
    )


def _back(rng: np.random.Generator, kind: str) -> Light:
    side = rng.uniform(120, 240)
    kelvin = rng.uniform(4000, 8000)
    rim = _lamp(
        rng,
        azimuth=side,
        elevation=rng.uniform(5, 60),
        level=_between(rng, 0.4, 1.5),
        kelvin=kelvin,
        soft=0.8,
    )
    ambient = _between(rng, 0.15, 0.5)
    return _light(rng, kind, [rim], ambient=ambient, kelvin=kelvin, background=_between(rng, 1.2, 5.0))


def _dim(rng: np.random.Generator, kind: str) -> Light:
    kelvin = rng.uniform(2400, 4500)
    bulb = _lamp(
        rng,
        azimuth=rng.uniform(-150, 150),
        elevation=rng.uniform(0, 60),
        level=_between(rng, 0.1, 0.5),
        kelvin=kelvin,
        soft=rng.uniform(0.1, 0.6),
    )
    ambient = _between(rng, 0.05, 0.2)
    return _light(rng, kind, [bulb], ambient=ambient, kelvin=kelvin, background=_between(rng, 0.1, 0.7))


def _screen(rng: np.random.Generator, kind: str) -> Light:
    screen = _lamp(
        rng,
        azimuth=rng.uniform(-25, 25),
        elevation=rng.uniform(-35, 5),
        level=_between(rng, 0.25, 0.8),
        kelvin=rng.uniform(6000, 10000),
        soft=0.8,
    )
    kelvin = rng.uniform(2500, 5000)
    ambient = _between(rng, 0.03, 0.3)
    return _light(rng, kind, [screen], ambient=ambient, kelvin=kelvin, background=_between(rng, 0.05, 0.8))


def _sun(rng: np.random.Generator, kind: str) -> Light:
    azimuth = rng.uniform(-140, 140)
    sun = _lamp(
        rng,
        azimuth=azimuth,
        elevation=rng.uniform(15, 65),
        level=_between(rng, 0.8, 2.5),
        kelvin=5300,
        soft=0.05,
    )
    ambient = _between(rng, 0.15, 0.5)
    return _light(rng, kind, [sun], ambient=ambient, kelvin=7500, background=_between(rng, 0.7, 2.5))


def _front(rng: np.random.Generator, kind: str) -> Light:
    kelvin = rng.uniform(3200, 6500)
    key = _lamp(
        rng,
        azimuth=rng.uniform(-50, 50),
        elevation=rng.uniform(5, 45),
        level=_between(rng, 0.4, 1.0),
        kelvin=kelvin,
        soft=rng.uniform(0.3, 1.0),
    )
    fill = _between(rng, 0.2, 0.6)
    return _light(rng, kind, [key], ambient=fill, kelvin=kelvin, background=_between(rng, 0.2, 1.5))


def _mixed(rng: np.random.Generator, kind: str) -> Light:
    first, second = _window(rng, kind), _dim(rng, kind)
    lamps = [*first.lamps, *second.lamps]
    mixed = first.ambient * 0.5 + second.ambient
    return Light(kind=kind, ambient=mixed, tilt=first.tilt, lamps=tuple(lamps), background=first.background)


def _flicker(rng: np.random.Generator, kind: str) -> Light:
    """Tubes and cheap LED lamps on the mains, so bright that the exposure is short: bands over the rows."""
    return replace(_office(rng, kind), flicker=_between(rng, 0.04, 0.35))


def _own(rng: np.random.Generator, kind: str) -> Light:
    """Even light: a portrait keeps the shading it was photographed with, which no relighting imitates."""
    level, kelvin = _between(rng, 0.3, 1.2), rng.uniform(3500, 7000)
    return Light(
        kind=kind,
        ambient=(level * colour_of(kelvin)).astype(np.float32),
        tilt=np.zeros(3, np.float32),
        lamps=(),
        background=(level * _between(rng, 0.5, 2.5) * colour_of(kelvin)).astype(np.float32),
    )


# How common each light is before a webcam, a phone or a terminal, and how it is drawn.
LIGHTS: dict[str, tuple[float, Callable[[np.random.Generator, str], Light]]] = {
    "office": (0.24, _office),
    "window": (0.14, _window),
    "back": (0.20, _back),
    "dim": (0.10, _dim),
    "screen": (0.08, _screen),
    "sun": (0.06, _sun),
    "front": (0.12, _front),
    "mixed": (0.06, _mixed),
    "flicker": (0.06, _flicker),
    "own": (0.25, _own),
}
