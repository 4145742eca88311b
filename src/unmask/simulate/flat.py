"""Attacks with a flat picture of the face: prints and replays, held or fixed before the camera."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from unmask.simulate.camera import Exposure
from unmask.simulate.hands import Hand, draw_hand, see_hand
from unmask.simulate.lattice import Grid
from unmask.simulate.layout import face_box, on_page, sized
from unmask.simulate.light import Light
from unmask.simulate.motion import RigidMotion, draw_rigid_motion
from unmask.simulate.prints import draw_print, halftone, lit_print, reflectance
from unmask.simulate.scene import Seen, Shot, Stage, compose
from unmask.simulate.screens import draw_screen, glow, grid, panel, refresh
from unmask.simulate.setting import Setting
from unmask.simulate.sheet import Sheet, Traced, on_sheet, trace_sheet
from unmask.simulate.surfaces import Pose

NEAREST_M = 0.12  # closer than this no camera sees a sheet


def flat_print(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A print held or fixed flat."""
    return _print(setting, rng, bent=False)


def bent_print(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A print bent round an axis, as hands bend it to look round."""
    return _print(setting, rng, bent=True)


def photo_replay(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A photograph on a display."""
    return _replay(setting, rng, moving=False)


def video_replay(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A video on a display."""
    return _replay(setting, rng, moving=True)


def _print(setting: Setting, rng: np.random.Generator, *, bent: bool) -> Iterator[Exposure]:
    picture = setting.show(False)
    frame, mesh = picture.at(0)
    paper = draw_print(rng, picture, bent=bent)
    paper = replace(paper, layout=sized(paper.layout, mesh, side_px=setting.side_px))
    page = reflectance(paper, frame, rng)
    where = on_page(paper.layout, mesh)
    motion = _hold(setting, rng, sheet=paper.sheet, where=where, tilt_deg=18.0)
    hand = draw_hand(rng, paper.sheet, hands=paper.hands)
    for time_s in setting.times_s:
        pose = motion.at(time_s).then(setting.stage.camera.at(time_s))
        traced = trace_sheet(paper.sheet, pose, view=setting.stage.view, light=setting.stage.light)
        colour, seen = lit_print(paper, page, traced)
        dots = halftone(paper, pose, traced, seen, view=setting.stage.view)
        shot, dots = _present(setting, traced, colour, pose=pose, hand=hand, grid=dots, time_s=time_s)
        shot = _with_face(shot, paper.sheet, where, pose=pose, relief=mesh, stage=setting.stage)
        yield Exposure(shot=shot, grid=dots)


def _replay(setting: Setting, rng: np.random.Generator, *, moving: bool) -> Iterator[Exposure]:
    picture = setting.show(moving)
    screen = draw_screen(rng, picture)
    layout = sized(screen.layout, picture.at(0)[1], side_px=setting.side_px)
    screen = replace(screen, layout=layout)
    controls = bool(rng.random() < 0.2)
    motion = _hold(
        setting, rng, sheet=screen.sheet, where=on_page(screen.layout, picture.at(0)[1]), tilt_deg=14.0
    )
    hand = draw_hand(rng, screen.sheet, hands=screen.hands)
    view, light = setting.stage.view, setting.stage.light
    paper = float(_irradiance(light).mean())
    for index, time_s in enumerate(setting.times_s):
        frame, mesh = picture.at(index)
        pose = motion.at(time_s).then(setting.stage.camera.at(time_s))
        traced = trace_sheet(screen.sheet, pose, view=view, light=light)
        pulse = refresh(
            screen, view=view, time_s=time_s, exposure_s=setting.exposure_s, readout_s=setting.readout_s
        )
        lit = panel(screen, frame, controls=controls)
        colour = glow(screen, lit, traced, stage=setting.stage, pulse=pulse, paper=paper)
        shot, subpixels = _present(
            setting,
            traced,
            colour,
            pose=pose,
            hand=hand,
            grid=grid(screen, pose, traced, view=view),
            time_s=time_s,
        )
        where = on_page(screen.layout, mesh)
        shot = _with_face(shot, screen.sheet, where, pose=pose, relief=mesh, stage=setting.stage)
        yield Exposure(shot=shot, grid=subpixels)


def _hold(
    setting: Setting, rng: np.random.Generator, *, sheet: Sheet, where: np.ndarray, tilt_deg: float
) -> RigidMotion:
    """The sheet where its face comes out at the wanted size and inside the view, tilted as hands tilt it."""
    view = setting.stage.view
    points = on_sheet(sheet, where)
    yaw, pitch, roll = np.deg2rad(rng.normal(0, [tilt_deg / 2, tilt_deg / 2, 5.0]))
    rotation = _turn(float(yaw), float(pitch), float(roll))
    turned = points @ rotation.T
    middle = (turned.min(axis=0) + turned.max(axis=0)) / 2
    wide, tall = np.ptp(turned[:, 0]), np.ptp(turned[:, 1])
    distance = max(NEAREST_M, view.focal_px * max(wide, tall) / setting.side_px)
    size = np.array([wide, tall]) * view.focal_px / distance
    free = np.maximum(np.array([view.width, view.height]) - 1.15 * size, 0) / 2
    aim = rng.uniform(-0.8, 0.8, 2) * free / view.focal_px
    if rng.random() < 0.6:
        aim *= 0.4  # who attacks aims, too
    target = distance * np.array([aim[0], aim[1], 1.0])
    place = Pose(rotation=rotation, translation=(target - middle).astype(np.float32))
    calm = float(np.clip(distance / 0.5, 0.2, 1.0))  # near the lens, a hand keeps still, or the face is gone
    motion = draw_rigid_motion(
        rng, place=place, shake=calm * float(rng.choice([0.0, 0.5, 1.0, 1.0, 2.0, 3.0]))
    )
    return _aimed(motion, setting, target=target, middle=middle @ rotation)


def _aimed(motion: RigidMotion, setting: Setting, *, target: np.ndarray, middle: np.ndarray) -> RigidMotion:
    """The motion moved so that the face (`middle`, own frame) is at `target` half way through."""
    time_s = setting.times_s[len(setting.times_s) // 2]
    camera = setting.stage.camera.at(time_s)
    found = motion.at(time_s).then(camera).moved(middle[None].astype(np.float32))[0]
    shift = (target - found) @ camera.rotation  # back into the world
    place = replace(motion.place, translation=(motion.place.translation + shift).astype(np.float32))
    return replace(motion, place=place)


def _turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)


def _irradiance(light: Light) -> np.ndarray:
    """What falls on white paper that faces the camera: (3,)."""
    total = np.asarray(light.ambient, np.float32) * max(0.0, 1 - float(light.tilt[2]))
    for lamp in light.lamps:
        total = total + np.asarray(lamp.colour, np.float32) * max(0.0, -float(lamp.direction[2]))
    return total


def _present(
    setting: Setting,
    traced: Traced,
    colour: np.ndarray,
    *,
    pose: Pose,
    hand: Hand,
    grid: Grid | None,
    time_s: float,
) -> tuple[Shot, Grid | None]:
    """The sheet on the stage with the hands that hold it, which cover the grid too."""
    stage = setting.stage
    sheet = Seen(
        depth=np.where(traced.alpha > 0.5, traced.depth, np.inf).astype(np.float32),
        colour=colour,
        alpha=traced.alpha,
    )
    seen_depth = traced.depth[traced.alpha > 0.5]
    depths = (float(seen_depth.min()), float(seen_depth.max())) if seen_depth.size else (0.3, 0.3)
    front, behind = see_hand(
        hand, pose, view=stage.view, irradiance=_irradiance(stage.light), depths_m=depths
    )
    layers = [layer for layer in (behind, sheet, front) if layer is not None]
    radiance, depth = compose(stage, layers, time_s=time_s)
    if grid is not None and front is not None:
        grid = replace(grid, cover=grid.cover * (1 - front.alpha))
    nothing = np.zeros((468, 3), np.float32)
    return Shot(radiance=radiance, depth=depth, mesh=nothing, face=np.zeros(depth.shape, bool)), grid


def _with_face(
    shot: Shot, sheet: Sheet, where: np.ndarray, *, pose: Pose, relief: np.ndarray, stage: Stage
) -> Shot:
    """The shot with the pictured face's mesh: x and y where the sheet shows it, z as the picture's own mesh
    has it.

    A face mesh sees a face in a picture, relief included; the truth of the paper is in `depth`.
    """
    view = stage.view
    points = pose.moved(on_sheet(sheet, where).astype(np.float32))
    xy = points[:, :2] / points[:, 2:] * view.focal_px + np.array(
        [(view.width - 1) / 2, (view.height - 1) / 2]
    )
    scale = face_box(xy)[1] / face_box(relief)[1]
    mesh = np.concatenate([xy, relief[:, 2:] * scale], axis=1).astype(np.float32)
    face = np.zeros(shot.depth.shape, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.round(xy).astype(np.int32)), 1)
    return replace(shot, mesh=mesh, face=face.astype(bool))
