"""Heads, prints and displays that turn as they are asked to, one turn after the other.

A sheet is turned by hands as a head would turn; it may be flat, bent, or bent round a head.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask.media.topology import POINTS
from unmask.simulate.camera.exposure import Exposure, capture
from unmask.simulate.camera.lens import through_lens
from unmask.simulate.camera.models import draw_camera
from unmask.simulate.people.bust import Bust
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.rendering.canvas import linear_of
from unmask.simulate.rendering.motion import draw_head_motion, draw_rigid_motion
from unmask.simulate.rendering.surfaces import Pose, Surface, look_up, on_surface, plane, project, trace, turn
from unmask.simulate.stage.scene import Shot, Stage, compose, draw_place, draw_stage, face_area, see_bust
from unmask.simulate.studio import Request, Simulated, Studio, Truth, simulated_presentation, times_of

# For each sheet: whether it glows, and its radius of bending in metres, None for flat.
SHEETS: dict[str, tuple[bool, float | None]] = {
    "print/flat": (False, None),
    "print/bent": (False, 0.20),
    "print/round-the-head": (False, 0.085),
    "replay/tablet": (True, None),
}
GLOSS = 0.03
FACE_M = 0.145  # width of a shown face: as large as life


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Turns in an order, names "left", "right" (the person's own) and "up": asked for at `asked_s`.

    Each begins `late_s` after it was asked for, takes `there_s`, stays for `stays_s` and takes `there_s`
    back. `yaw` and `pitch` are the largest angles in radians.
    """

    order: tuple[str, ...]
    asked_s: np.ndarray
    late_s: np.ndarray
    there_s: float
    stays_s: float
    yaw: float
    pitch: float

    def at(self, time_s: float) -> np.ndarray:
        """The rotation (3, 3) of the head at that time, before its own wandering."""
        yaw = pitch = 0.0
        for name, begin in zip(self.order, self.asked_s + self.late_s, strict=True):
            going = np.clip((time_s - begin) / self.there_s, 0, 1)
            back = np.clip((time_s - begin - self.there_s - self.stays_s) / self.there_s, 0, 1)
            share = 0.5 * (np.cos(np.pi * back) - np.cos(np.pi * going))
            yaw += {"left": 1.0, "right": -1.0, "up": 0.0}[name] * share * self.yaw
            pitch -= float(name == "up") * share * self.pitch
        return turn(yaw=float(yaw), pitch=float(pitch))


def draw_turns(rng: np.random.Generator, order: Sequence[str], *, begin_s: float = 0.6) -> Turns:
    """Somebody's way of making these turns, each asked for when the one before is over."""
    there, stays = float(rng.uniform(0.45, 0.8)), float(rng.uniform(0.2, 0.5))
    late = rng.uniform(0.3, 0.7, len(order))
    lasts = late + 2 * there + stays + 0.25
    return Turns(
        order=tuple(order),
        asked_s=begin_s + np.concatenate([[0.0], np.cumsum(lasts[:-1])]),
        late_s=late,
        there_s=there,
        stays_s=stays,
        yaw=float(np.radians(rng.uniform(20, 32))),
        pitch=float(np.radians(rng.uniform(12, 20))),
    )


def record_turned(
    studio: Studio, request: Request, turns: Turns, *, sheet: str | None = None, scale: float = 1.0
) -> Simulated:
    """A recording of the request's subject making these turns, or of a row of SHEETS with its portrait."""
    rng = np.random.default_rng([request.seed, 11])
    camera = draw_camera(rng, model=request.camera, hd_share=request.hd_share, size=request.size)
    camera = replace(camera, height=round(scale * camera.height), width=round(scale * camera.width))
    stage = draw_stage(rng, view=camera.view, backgrounds=studio.backgrounds)
    portrait = studio.portraits[request.subject % len(studio.portraits)]
    bust = studio.bust(portrait)
    share = request.face_share or float(rng.uniform(0.3, 0.45))
    place = draw_place(rng, bust, view=stage.view, face_share=share)
    times_s = times_of(request)
    if sheet is None:
        seen = _head(rng, bust, stage, place=place, turns=turns, times_s=times_s)
    else:
        seen = _sheet(rng, portrait, stage, place=place, turns=turns, times_s=times_s, row=SHEETS[sheet])
    truth = Truth(camera=camera)
    arriving = truth.kept(through_lens(seen, rng, camera=camera, fps=request.fps))
    frames = capture(arriving, rng, camera=camera, fps=request.fps, flicker=stage.light.flicker)
    return Simulated(
        frames=frames,
        times_s=np.array(times_s),
        depths=np.stack(truth.depths),
        meshes=np.stack(truth.meshes),
        presentation=simulated_presentation(request.seed, subject=portrait.name, instrument=sheet),
        seed=request.seed,
        camera=camera.model,
        light=stage.light.kind,
        model="",
        place="any",
    )


def _head(
    rng: np.random.Generator,
    bust: Bust,
    stage: Stage,
    *,
    place: Pose,
    turns: Turns,
    times_s: Sequence[float],
) -> Iterator[Exposure]:
    motion = draw_head_motion(rng, place=place, liveliness=0.4)
    for time_s in times_s:
        moment = motion.at(time_s)
        turned = Pose(rotation=turns.at(time_s)).then(moment.head)
        seen, points = see_bust(bust, stage, moment=replace(moment, head=turned), time_s=time_s)
        radiance, depth = compose(stage, [seen], time_s=time_s)
        mesh = project(points[:POINTS], stage.view)
        shot = Shot(radiance=radiance, depth=depth, mesh=mesh, face=face_area(mesh, stage.view))
        yield Exposure(shot=shot)


def _sheet(
    rng: np.random.Generator,
    portrait: Portrait,
    stage: Stage,
    *,
    place: Pose,
    turns: Turns,
    times_s: Sequence[float],
    row: tuple[bool, float | None],
) -> Iterator[Exposure]:
    glows, radius = row
    surface = _printed(portrait, glows=glows, radius_m=radius)
    face = on_surface(surface, portrait.mesh[:, :2])
    middle = (face.min(axis=0) + face.max(axis=0)) / 2
    at_face = Pose(translation=(-middle).astype(np.float32))
    motion = draw_rigid_motion(rng, place=Pose(translation=place.translation), shake=0.8)
    level = float(stage.light.ambient.mean()) if glows else 1.0
    for time_s in times_s:
        camera = stage.camera.at(time_s)
        pose = at_face.then(Pose(rotation=turns.at(time_s))).then(motion.at(time_s)).then(camera)
        seen = look_up(trace(surface, pose, view=stage.view, light=stage.light), surface.texture, glows=glows)
        seen = replace(seen, colour=seen.colour * np.float32(max(0.2, level)))
        radiance, depth = compose(stage, [seen], time_s=time_s)
        mesh = project(pose.moved(face), stage.view)
        shot = Shot(radiance=radiance, depth=depth, mesh=mesh, face=face_area(mesh, stage.view))
        yield Exposure(shot=shot)


def _printed(portrait: Portrait, *, glows: bool, radius_m: float | None) -> Surface:
    """The portrait on a sheet, its face as wide as a real one, bent round the vertical."""
    height, width = portrait.image.shape[:2]
    texture = np.ones((height, width, 4), np.float32)
    texture[..., :3] = linear_of(portrait.image)
    metre = FACE_M / float(np.ptp(portrait.mesh[:, 0]))
    sheet = plane(width * metre, height * metre, texture=texture, bend_m=radius_m or 0.0, cells=24)
    return replace(sheet, gloss=GLOSS, glows=glows)
