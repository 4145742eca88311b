"""The light of a scene: from a dim room to the sun, from the ceiling, a window, a screen, behind or beside.

One distribution serves every class: the light that falls on a living face, on a sheet of paper, on a phone or on a
mask is drawn by the same function; so is, apart from it, the light under which a replayed or printed portrait was
once photographed.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """One source far away: `direction` (3,) unit vector from the surface to it (x right, y down, z away from the camera).

    `colour` (3,) irradiance on a surface that faces it; `softness` in [0, 1] from a bare bulb to a wide window.
    """

    direction: np.ndarray
    colour: np.ndarray
    softness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """All the light of a scene.

    `ambient` (3,) irradiance from everywhere, `lamps` beside it; `tilt` (3,) makes the ambient stronger from one
    direction: irradiance ambient * (1 + tilt . normal). `background` (3,) multiplies the backdrop: far above the
    light on the face is back light. `kind` names the recipe it was drawn from.
    """

    kind: str
    ambient: np.ndarray
    tilt: np.ndarray
    lamps: tuple[Lamp, ...]
    background: np.ndarray


def draw_light(rng: np.random.Generator, *, kind: str | None = None) -> Light:
    """A light of that kind (a key of `LIGHTS`), or of one drawn by how common it is."""
    raise NotImplementedError
