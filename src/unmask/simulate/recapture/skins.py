"""Masks that look like skin or plastic, put on the face of a picture: silicone, resin, mannequins, clear
plastic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.simulate.recapture.lamps import LUMA, blurred, flattened, spot
from unmask.simulate.recapture.paste import mean_within, scissored
from unmask.simulate.recapture.rooms import reflected
from unmask.simulate.recapture.takes import Take, log_uniform
from unmask.simulate.rendering.cutting import eye_holes, filled

_BULGES = (151, 9, 4, 50, 280, 199, 101, 330)  # where faces shine: forehead, nose, cheeks, chin
_LIPS = (61, 37, 0, 267, 291, 314, 17, 84)
_TONES = {  # linear colours of skins as they are cast
    "pale": (0.62, 0.43, 0.34),
    "tan": (0.45, 0.26, 0.17),
    "dark": (0.16, 0.09, 0.06),
    "white": (0.75, 0.74, 0.70),
    "grey": (0.35, 0.35, 0.36),
    "rubber": (0.55, 0.36, 0.25),
    "bronze": (0.30, 0.20, 0.10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuff:
    """What a mask is made of: `tones` it comes in; ranges (low, high) of how much of the skin's fine texture
    is `left`, of how much of its own colour it is `painted` over with, of its `shine`; `eyes`: whether the
    wearer's eyes are seen; `rim` of the face's oval that it covers.
    """

    tones: tuple[str, ...]
    left: tuple[float, float]
    painted: tuple[float, float]
    shine: tuple[float, float]
    eyes: bool
    rim: tuple[float, float]


STUFFS: dict[str, Stuff] = {
    "silicone": Stuff(
        tones=("pale", "tan", "dark", "rubber"), left=(0.15, 0.6), painted=(0.35, 0.85), shine=(0.1, 0.9),
        eyes=True, rim=(1.0, 1.2),
    ),
    "resin": Stuff(
        tones=("white", "pale", "grey", "tan", "bronze"), left=(0.05, 0.35), painted=(0.6, 1.0),
        shine=(0.2, 1.6), eyes=False, rim=(0.95, 1.15),
    ),
    "mannequin": Stuff(
        tones=("pale", "tan", "white", "dark", "grey"), left=(0.0, 0.2), painted=(0.75, 1.0),
        shine=(0.2, 1.3), eyes=False, rim=(1.05, 1.25),
    ),
}  # fmt: skip


def cast_mask(take: Take, rng: np.random.Generator, *, stuff: Stuff) -> Take:
    """The face under a mask of that stuff: smooth, of one tone, shining broadly, with edges."""
    shape, side = take.light.shape, take.side
    cover = scissored(take.mesh, shape, rng, rim=stuff.rim, hair=float(rng.choice([0, 0.05, 0.15])))
    smooth = flattened(take.light, radius_px=side * rng.uniform(0.02, 0.06), contrast=rng.uniform(0.12, 0.4))
    light = smooth + np.float32(rng.uniform(*stuff.left)) * (take.light - smooth)
    light = _painted(light, rng, stuff=stuff, cover=cover)
    light = light + _shine(take, light, rng, strength=stuff.shine)
    if stuff.eyes:
        light, cover = _opened(take, light, rng, cover=cover)
    soft_px = side * log_uniform(rng, 0.002, 0.03)  # glued down, or standing off
    edge = blurred(cover[..., 0], soft_px)[..., None]
    under = take.light * (
        1 - np.float32(rng.uniform(0, 0.5)) * blurred(cover[..., 0], side * 0.02)[..., None]
    )
    seam = np.abs(edge - blurred(cover[..., 0], soft_px + side * 0.006)[..., None])
    out = under + edge * (light - under)
    return take.lit(out * (1 + np.float32(rng.uniform(-2.0, 0.8)) * seam).clip(0.1))


def clear_mask(take: Take, rng: np.random.Generator, *, rooms: Sequence[Path] = ()) -> Take:
    """The face under transparent plastic: veiled, glossy, its edges bright lines."""
    shape, side = take.light.shape, take.side
    cover = scissored(take.mesh, shape, rng, rim=(0.98, 1.18))
    mean = float(mean_within(take.light, cover).mean())
    light = take.light * np.float32(rng.uniform(0.75, 0.98)) + np.float32(mean * rng.uniform(0.02, 0.25))
    light = light + _shine(take, light, rng, strength=(0.3, 1.5)) * np.float32(rng.uniform(0.5, 1.2))
    for _ in range(int(rng.integers(3, 9))):  # lamps in the plastic
        centre = take.mesh[int(rng.choice(_BULGES)), :2] + rng.normal(0, 0.06, 2) * side
        spread = side * np.array([log_uniform(rng, 0.008, 0.05), log_uniform(rng, 0.02, 0.16)])
        glint = spot(shape, centre=centre, spread_px=spread, angle=rng.uniform(0, np.pi))
        light = light + glint * np.float32(mean * rng.uniform(0.5, 5))
    if rng.random() < 0.5:
        light = reflected(light, rng, rooms=rooms, strength=mean * rng.uniform(0.03, 0.25))
    if rng.random() < 0.4:
        light, cover = _opened(take, light, rng, cover=cover)
    rim = np.abs(cover[..., 0] - blurred(cover[..., 0], side * rng.uniform(0.004, 0.012)))[..., None]
    out = take.light + cover * (light - take.light)
    return take.lit(out + rim * np.float32(mean * rng.uniform(0.3, 3)))


def _painted(light: np.ndarray, rng: np.random.Generator, *, stuff: Stuff, cover: np.ndarray) -> np.ndarray:
    """In the mask's own tone, with the face's shading."""
    tone = np.array(_TONES[str(rng.choice(stuff.tones))]) * np.exp(rng.normal(0, 0.12, 3))
    own = mean_within(light, cover)
    if rng.random() < 0.5:  # as bright as the skin was: the camera would see to it
        tone = tone * float(own @ LUMA) / float(tone @ LUMA) * log_uniform(rng, 0.8, 1.4)
    shading = light @ LUMA / np.float32(own @ LUMA)
    firm = np.float32(rng.uniform(0.55, 1.1))
    shading = (1 + firm * (shading - 1)).clip(0.02)[..., None]
    share = np.float32(rng.uniform(*stuff.painted))
    return light + share * (shading * tone.astype(np.float32) - light)


def _shine(
    take: Take, light: np.ndarray, rng: np.random.Generator, *, strength: tuple[float, float]
) -> np.ndarray:
    """Broad highlights (h, w, 1) where the face bulges towards the lamp."""
    total = np.zeros((*light.shape[:2], 1), np.float32)
    lean = rng.normal(0, 0.05, 2) * take.side  # towards the lamp
    broad = log_uniform(rng, 0.03, 0.14)
    for point in _BULGES:
        if rng.random() < 0.25:
            continue
        spread = take.side * broad * rng.uniform(0.6, 1.6, 2)
        glare = spot(
            light.shape, centre=take.mesh[point, :2] + lean, spread_px=spread, angle=rng.uniform(0, np.pi)
        )
        total += glare * np.float32(rng.uniform(0.3, 1.0))
    return total * np.float32(float(light.mean()) * rng.uniform(*strength))


def _opened(
    take: Take, light: np.ndarray, rng: np.random.Generator, *, cover: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mask's light and cover with holes for the eyes, and the mouth in some, whose rims are thick."""
    holes = eye_holes(light.shape, take.mesh, widen=float(rng.uniform(0.95, 1.35)))
    if rng.random() < 0.5:
        lips = take.mesh[list(_LIPS), :2]
        middle = lips.mean(axis=0)
        holes = np.maximum(holes, filled(middle + (lips - middle) * rng.uniform(0.7, 1.1), light.shape))
    wide = cv2.dilate(holes, np.ones((3, 3)), iterations=max(1, round(take.side * rng.uniform(0.004, 0.016))))
    ring = blurred(wide - holes, take.side * 0.004)[..., None]
    return light * (1 - np.float32(rng.uniform(0.1, 0.7)) * ring), cover * (1 - holes[..., None])
