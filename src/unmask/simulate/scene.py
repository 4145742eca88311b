"""A place with somebody or something in it, seen by a camera at a time: linear light and true depth.

    stage = draw_stage(rng, view=view, backgrounds=paths)       # light, backdrop, camera motion: same draw for all classes
    bust = make_bust(portrait)                                   # portrait -> moving head, cached by the caller
    motion = draw_head_motion(rng, place=draw_place(rng, bust, view=view))
    shots = expose([bona_fide(bust, stage, motion=motion, time_s=t) for t in times], rng)

An attack composes the same parts: `trace` a surface (surfaces.py), look its texture up, and `compose` the layers on
the stage's backdrop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.simulate.light import Light
from unmask.simulate.motion import HeadMotion, RigidMotion
from unmask.simulate.surfaces import Layer, Pose, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One moment on the sensor, before the camera does anything to it.

    `radiance` (H, W, 3) float32 linear light, 1 is full at unit exposure; `depth` (H, W) float32 metres, truth of
    what stands there (paper's depth for paper); `mesh` (468, 3) float32 sensor px of the face that is shown, living
    or pictured, z in px; `face` (H, W) bool: where that face is visible.
    """

    radiance: np.ndarray
    depth: np.ndarray
    mesh: np.ndarray
    face: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """The room behind: `picture` (h, w, 3) float32 linear reflectance-like, mean about 0.2, on a plane at `depth_m`.

    `tilt` (2,): slope of the plane in x and y (a wall that runs away), in metres of depth per metre.
    """

    picture: np.ndarray
    depth_m: float
    tilt: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What stays for a whole clip whoever stands in it."""

    view: View
    light: Light
    backdrop: Backdrop
    camera: RigidMotion  # world to camera


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A layer with its colour: `layer`, `colour` (H, W, 3) linear light, `alpha` (H, W) in [0, 1], 0 where it is not."""

    depth: np.ndarray
    colour: np.ndarray
    alpha: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Bust:
    """A portrait as a thing: mesh, relief, matte, evened skin; made by `make_bust`, opaque to others."""


def draw_stage(rng: np.random.Generator, *, view: View, backgrounds: Sequence[Path] = ()) -> Stage:
    """A light, a room (a picture of `backgrounds`, or a procedural one) and a camera motion, the same draw for every class."""
    raise NotImplementedError


def make_bust(portrait: "object", *, cache: Path | None = None) -> Bust:
    """The portrait's bust (about half a second; the matte is kept in `cache`, a folder, when given)."""
    raise NotImplementedError


def draw_place(rng: np.random.Generator, bust: Bust, *, view: View, face_share: float | None = None) -> Pose:
    """Where the head is at rest: the face's width is `face_share` of the view's shorter side (0.25 to 0.6 drawn)."""
    raise NotImplementedError


def bona_fide(bust: Bust, stage: Stage, *, motion: HeadMotion, time_s: float, keep_own_background: bool = False) -> Shot:
    """The living head on the stage."""
    raise NotImplementedError


def look_up(layer: Layer, texture: np.ndarray, *, glows: bool = False) -> Seen:
    """The texture (h, w, 4) at the layer's uv, lit by the layer's irradiance (or by itself when it glows)."""
    raise NotImplementedError


def compose(stage: Stage, seen: Sequence[Seen], *, time_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Backdrop with the layers over it, nearest on top: radiance (H, W, 3) and depth (H, W)."""
    raise NotImplementedError


def expose(shots: Sequence[Shot], rng: np.random.Generator) -> list[Shot]:
    """The shots with the gain of an automatic exposure that compensates only in part; one rule for every class."""
    raise NotImplementedError
