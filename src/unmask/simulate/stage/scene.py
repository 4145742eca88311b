"""A place with somebody or something in it, seen by a camera at a time: linear light and true depth.

    stage = draw_stage(rng, view=view, backgrounds=paths)  # light, room, camera: one draw for all classes
    bust = make_bust(portrait)  # portrait -> moving head; keep it for the next clip
    motion = draw_head_motion(rng, place=draw_place(rng, bust, view=view, face_share=0.36))
    shots = expose([bona_fide(bust, stage, motion=motion, time_s=t) for t in times], rng)

An attack composes the same parts: `trace` a surface (surfaces.py), `look_up` its texture, and `compose` the
layers on the stage's backdrop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numba import njit

from unmask.media.topology import POINTS
from unmask.simulate.people.bust import Bust, make_bust, posed
from unmask.simulate.rendering.light import Light, draw_light, seen_from
from unmask.simulate.rendering.motion import HeadMotion, Moment, RigidMotion, draw_camera_motion
from unmask.simulate.rendering.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.rendering.surfaces import ColouredLayer, Layer, Pose, View, look_up, project, trace, turn
from unmask.simulate.stage.backdrops import Backdrop, draw_backdrop, own_backdrop
from unmask.simulate.stage.places import Place

__all__ = [
    "Backdrop",
    "Bust",
    "ColouredLayer",
    "Layer",
    "Pose",
    "Shot",
    "Stage",
    "View",
    "bona_fide",
    "compose",
    "draw_place",
    "draw_stage",
    "expose",
    "face_area",
    "look_up",
    "make_bust",
    "see_bust",
    "suits_own_background",
]  # fmt: skip


BEHIND_M = 0.35
FURNISHED = 0.6  # how often things are put before a portrait's own background: studios are empty and soft


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One moment on the sensor, before the camera does anything to it.

    `radiance` (H, W, 3) float32 linear light, 1 is full at unit exposure; `depth` (H, W) float32 metres,
    truth of what stands there (paper's depth for paper); `mesh` (468, 3) float32 sensor px of the face that
    is shown, bona fide or pictured, z in px; `face` (H, W) bool: where that face is visible.
    """

    radiance: np.ndarray
    depth: np.ndarray
    mesh: np.ndarray
    face: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What stays for a whole clip whoever stands in it; `camera` leads from world to camera.

    `things`: seed of what is put before a portrait's own background where that is kept, 0 for nothing.
    """

    view: View
    light: Light
    backdrop: Backdrop
    camera: RigidMotion
    things: int = 0


def draw_stage(
    rng: np.random.Generator, *, view: View, backgrounds: Sequence[Any] = (), place: Place | None = None
) -> Stage:
    """A light, a room (a picture of `backgrounds`, paths; or a drawn one) and a camera motion, for every
    class alike; of that place, or of any.
    """
    light = draw_light(rng, kinds=place.lights if place else ())
    own = place.pictures(backgrounds) if place else backgrounds
    backdrop = draw_backdrop(rng, view=view, backgrounds=own, rooms=place.rooms if place else ())
    things = int(rng.integers(1, 2**31)) if rng.random() < FURNISHED else 0
    return Stage(view=view, light=light, backdrop=backdrop, camera=draw_camera_motion(rng), things=things)


def draw_place(rng: np.random.Generator, bust: Bust, *, view: View, face_share: float) -> Pose:
    """Where the head is at rest (bust to world): the face's width is `face_share` of the view's shorter side.

    The face is wholly in the view at rest, and the camera looks up or
    down at it.
    """
    face = bust.points[:POINTS]
    short = min(view.height, view.width)
    wide, tall = np.ptp(face[:, 0]), np.ptp(face[:, 1])
    distance = max(0.22, view.focal_px * wide / (face_share * short))
    per_m = view.focal_px / distance
    free = np.maximum(np.array([view.width, view.height]) / per_m - 1.15 * np.array([wide, tall]), 0) / 2
    aim = rng.uniform(-0.8, 0.8, 2) * free
    if rng.random() < 0.6:
        aim *= 0.4  # people look into the middle
    middle = (face[:, :2].min(axis=0) + face[:, :2].max(axis=0)) / 2
    centre = aim - middle
    bottom = view.height / 2 / per_m
    if rng.random() < 0.35:  # the portrait's own lower edge below the view's, where the face stays in it
        centre[1] = max(centre[1], min(bottom - 0.97 * bust.portrait[3], 0.9 * free[1] - middle[1]))
    centre[1] = max(centre[1], bottom - 0.95 * bust.reach[3])
    # Further back the skull behind a portrait's forehead would be missed: nobody photographed it.
    looked_at = turn(pitch=float(np.radians(np.clip(rng.normal(-2, 6), -10, 12))))
    return Pose(rotation=looked_at, translation=np.array([*centre, distance], np.float32))


def suits_own_background(bust: Bust, place: Pose, *, view: View) -> bool:
    """Whether the portrait's picture covers more than half of the view when the head is at `place`.

    Beyond its border a portrait's background is mirrored, which no real room is.
    """
    per_m = view.focal_px / float(place.translation[2])
    half = np.array([view.width, view.height]) / 2 / per_m
    low = np.maximum(bust.portrait[:2] + place.translation[:2], -half)
    high = np.minimum(bust.portrait[2:] + place.translation[:2], half)
    return bool(np.prod(np.maximum(0, high - low)) >= 0.55 * np.prod(2 * half))


def bona_fide(
    bust: Bust, stage: Stage, *, motion: HeadMotion, time_s: float, keep_own_background: bool = False
) -> Shot:
    """The bona fide head on the stage; or before its portrait's own background, in the stage's light."""
    if keep_own_background:
        stage = replace(stage, backdrop=own_backdrop(bust, motion.place, things=stage.things))
    seen, points = see_bust(bust, stage, moment=motion.at(time_s), time_s=time_s)
    radiance, depth = compose(stage, [seen], time_s=time_s)
    mesh = project(points[:POINTS], stage.view)
    return Shot(radiance=radiance, depth=depth, mesh=mesh, face=face_area(mesh, stage.view))


def see_bust(bust: Bust, stage: Stage, *, moment: Moment, time_s: float) -> tuple[ColouredLayer, np.ndarray]:
    """The bust as the camera sees it, and its points (n, 3) in the camera's frame, metres; the first 468 the
    face.
    """
    camera = stage.camera.at(time_s)
    points = posed(
        bust,
        head=moment.head,
        body=moment.body,
        blink=moment.blink,
        mouth=moment.mouth,
        smile=moment.smile,
        brows=moment.brows,
        gaze=moment.gaze,
    )
    lit = bust.occlusion.lit(seen_from(stage.light, moment.head.rotation.T))
    layer = trace(
        replace(bust.surface, vertices=points),
        camera,
        view=stage.view,
        light=seen_from(stage.light, camera.rotation),
        open_sky=1.0 if stage.light.kind == "own" else bust.occlusion.open_sky,
        lit=lit,
    )
    texture = bust.taken if stage.light.kind == "own" else bust.surface.texture
    return look_up(layer, texture), camera.moved(points)


def compose(stage: Stage, seen: Sequence[ColouredLayer], *, time_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Backdrop with the layers over it, nearest on top: radiance (H, W, 3) and depth (H, W).

    The room is BEHIND_M behind all of them at least, or a wall that runs towards the camera would hide them.
    Depth is that of the nearest layer with alpha of a half and more. Where a layer's depth is infinite and
    its alpha is not 0 (the soft flank of an edge), its median depth counts.
    """
    camera = stage.camera.at(time_s)
    radiance, depth = stage.backdrop.seen(camera, view=stage.view)
    farthest = max((float(_farthest(layer.depth)) for layer in seen), default=0.0)
    _light_up(radiance, stage.light.background.astype(np.float32), depth, np.float32(farthest + BEHIND_M))
    medians = [_median_depth(layer) for layer in seen]
    for index in np.argsort(medians)[::-1]:
        layer = seen[index]
        _lay_over(radiance, depth, layer.colour, layer.alpha, layer.depth, np.float32(medians[index]))
    return radiance, depth


@njit(cache=True, nogil=True)
def _light_up(radiance, tint, depth, least):  # type: ignore[no-untyped-def]
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            depth[y, x] = max(depth[y, x], least)
            for c in range(3):
                radiance[y, x, c] *= tint[c]


@njit(cache=True, nogil=True)
def _farthest(depth):  # type: ignore[no-untyped-def]
    """The largest depth (H, W) that is finite, at least 0."""
    farthest = np.float32(0)
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if farthest < depth[y, x] < np.inf:
                farthest = depth[y, x]
    return farthest


def _median_depth(layer: ColouredLayer) -> float:
    some = layer.depth[::8, ::8]
    some = some[np.isfinite(some)]
    if some.size == 0:
        some = layer.depth[np.isfinite(layer.depth)]
    return float(np.median(some)) if some.size else np.inf


@njit(cache=True, nogil=True)
def _lay_over(radiance, depth, colour, alpha, layer_depth, median):  # type: ignore[no-untyped-def]
    # Layers come far to near by their medians; where one reaches behind what is there, it is under it.
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            a = alpha[y, x]
            if a <= 0:
                continue
            z = layer_depth[y, x] if np.isfinite(layer_depth[y, x]) else median
            if z > depth[y, x]:
                continue
            for n in range(3):
                radiance[y, x, n] = a * colour[y, x, n] + (1 - a) * radiance[y, x, n]
            if a >= 0.5:
                depth[y, x] = z


def face_area(mesh: np.ndarray, view: View) -> np.ndarray:
    """Where (H, W) bool a mesh (468, 3) in sensor px covers the sensor."""
    _, triangle, _ = rasterise(mesh, FACE_TRIANGLES, height=view.height, width=view.width)
    return triangle >= 0


def expose(shots: Sequence[Shot], rng: np.random.Generator) -> list[Shot]:
    """The shots with the gain of an automatic exposure; one rule for every class.

    Cameras meter the whole picture, its middle, or the face, and compensate in part: so a face before a
    window stays dark and one before a dark wall is burnt out. The gain follows slowly.
    """
    target = float(np.exp(rng.uniform(np.log(0.11), np.log(0.27))))
    strength = float(rng.uniform(0.6, 1.0))
    meter = str(rng.choice(["all", "middle", "face"], p=[0.5, 0.25, 0.25]))
    exposed, level = [], None
    for shot in shots:
        now = _metered(shot, meter)
        level = now if level is None else level + 0.12 * (now - level)
        gain = np.float32(np.exp(strength * (np.log(target) - level)))
        exposed.append(replace(shot, radiance=shot.radiance * gain))
    return exposed


def _metered(shot: Shot, meter: str) -> float:
    """The logarithm of the light the meter sees; lamps and windows count up to a limit, as on a sensor."""
    small = cv2.resize(shot.radiance, (64, 48), interpolation=cv2.INTER_AREA).mean(axis=2)
    weight = np.ones_like(small)
    if meter == "middle":
        y, x = np.mgrid[-1:1:48j, -1:1:64j]
        weight = np.exp(-2.0 * (x * x + y * y))
    elif meter == "face" and shot.face.any():
        weight = cv2.resize(shot.face.astype(np.float32), (64, 48), interpolation=cv2.INTER_AREA) + 0.02
    first = float((small * weight).sum() / weight.sum()) + 1e-4
    limited = np.minimum(small, 4 * first)
    return float(np.log((limited * weight).sum() / weight.sum() + 1e-4))
