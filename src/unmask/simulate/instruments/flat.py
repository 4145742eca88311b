"""Attacks with a flat picture of the face: prints and replays, held or fixed before the camera."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.instruments.cutouts import Cutout, behind, draw_cutout
from unmask.simulate.instruments.framing import Framing, draw_framing
from unmask.simulate.instruments.hands import Hand, draw_hand, see_hand
from unmask.simulate.instruments.prints import (
    STOCKS,
    Print,
    as_card,
    draw_print,
    halftone,
    lit_print,
    reflectance,
)
from unmask.simulate.instruments.screens import draw_screen, glow, grid, panel, refresh
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.sheet import Sheet, Traced, on_sheet, trace_sheet
from unmask.simulate.rendering.lattice import Grid
from unmask.simulate.rendering.layout import face_box, held, on_page, sized
from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.motion import RigidMotion, draw_rigid_motion
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import ColouredLayer, Shot, Stage, compose

NEAREST_M = 0.12  # nearer than this nobody holds a sheet unless it is to fill the view,
CLOSEST_M = 0.05  # and nearer than this no camera sees one
MOVING = 0.6  # share of replays that are videos
ON_BOARD = 0.85  # share of fixed sheets behind which a wall or board is seen


def matt_print(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A print on matt paper, flat or bent, whole or trimmed."""
    return _print(setting, rng, stock="matt")


def glossy_print(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A print on glossy paper."""
    return _print(setting, rng, stock="glossy")


def photograph(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A photograph on photo paper: sharp, in continuous tones."""
    return _print(setting, rng, stock="photo")


def crumpled_print(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A print that was crumpled and smoothed out, or folded."""
    return _print(setting, rng, stock="matt", crumpled=True)


def cutout_print(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A printed head cut out, some with holes through which the holder looks."""
    fit = [stock for stock, row in STOCKS.items() if setting.model in row.printers]
    return _print(setting, rng, stock=str(rng.choice(fit)), cut=True)


def card_print(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """An identity document in plastic or on paper; the picture is all of it."""
    return _print(setting, rng, stock="glossy" if rng.random() < 0.6 else "photo", card=True)


def replayed(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A photograph or a video on a display; `setting.model` says on which."""
    picture = setting.show(bool(rng.random() < MOVING))
    view, light = setting.stage.view, setting.stage.light
    aim, side = setting.aim_px, setting.side_px
    framing = draw_framing(rng, view=view, aim_px=aim, side_px=side, tilt_deg=14.0, held=held(picture))
    screen = draw_screen(rng, picture, model=setting.model, framing=framing)
    layout = sized(screen.layout, picture.at(0)[1], side_px=setting.side_px)
    screen = replace(screen, layout=layout)
    where = on_page(layout, picture.at(0)[1])
    motion = hold(setting, rng, sheet=screen.sheet, where=where, framing=framing, fixed=screen.hands == 0)
    hand = draw_hand(rng, screen.sheet, hands=screen.hands)
    steady = replace(light, lamps=tuple(lamp for lamp in light.lamps if not lamp.flashes))
    paper = float(_irradiance(steady).mean())
    last: tuple[np.ndarray, np.ndarray] | None = None
    for index, time_s in enumerate(setting.times_s):
        frame, mesh = picture.at(index)
        pose = motion.at(time_s).then(setting.stage.camera.at(time_s))
        traced = trace_sheet(screen.sheet, pose, view=view, light=light)
        pulse = refresh(
            screen, view=view, time_s=time_s, exposure_s=setting.exposure_s, readout_s=setting.readout_s
        )
        if last is None or last[0] is not frame:
            last = frame, panel(screen, frame)
        colour = glow(screen, last[1], traced, pose=pose, stage=setting.stage, pulse=pulse, paper=paper)
        subpixels = grid(screen, pose, traced, view=view)
        shot, dots = _present(setting, traced, colour, pose=pose, hand=hand, grid=subpixels, time_s=time_s)
        where = on_page(layout, mesh)
        shot = _with_face(shot, screen.sheet, where, pose=pose, relief=mesh, stage=setting.stage)
        yield Exposure(shot=shot, grid=dots)


def _print(
    setting: Setting,
    rng: np.random.Generator,
    *,
    stock: str,
    crumpled: bool = False,
    cut: bool = False,
    card: bool = False,
) -> Iterator[Exposure]:
    picture = setting.show(False)
    frame, mesh = picture.at(0)
    view, light = setting.stage.view, setting.stage.light
    aim, side = setting.aim_px, setting.side_px
    framing = draw_framing(rng, view=view, aim_px=aim, side_px=side, tilt_deg=18.0, held=held(picture))
    if cut or card:
        framing = replace(framing, extents=None, borders=(True,) * 4)  # its outline is always to be seen
    paper = draw_print(rng, picture, stock=stock, printer=setting.model, framing=framing, crumpled=crumpled)
    if card:
        paper = as_card(paper, frame)
    cutout = draw_cutout(rng, setting, paper, frame=frame, mesh=mesh) if cut else None
    paper = cutout.paper if cutout else paper
    paper = replace(paper, layout=sized(paper.layout, mesh, side_px=setting.side_px))
    page = reflectance(paper, frame, rng)
    where = on_page(paper.layout, mesh)
    fixed = paper.hands == 0 and not cut
    motion = hold(setting, rng, sheet=paper.sheet, where=where, framing=framing, fixed=fixed)
    hand = draw_hand(rng, paper.sheet, hands=paper.hands)
    board = _draw_board(rng, paper) if fixed else None
    for time_s in setting.times_s:
        pose = motion.at(time_s).then(setting.stage.camera.at(time_s))
        traced = trace_sheet(paper.sheet, pose, view=view, light=light)
        colour, seen = lit_print(paper, page, traced)
        dots = halftone(paper, pose, traced, seen, view=view)
        others = _others(setting, motion, time_s=time_s, board=board, cutout=cutout)
        shot, dots = _present(
            setting, traced, colour, pose=pose, hand=hand, grid=dots, time_s=time_s, others=others
        )
        shot = _with_face(shot, paper.sheet, where, pose=pose, relief=mesh, stage=setting.stage)
        yield Exposure(shot=shot, grid=dots)


def _draw_board(rng: np.random.Generator, paper: Print) -> tuple[Sheet, np.ndarray] | None:
    """A wall, door or board that a flat sheet is fixed to, and its reflectance (3,)."""
    sheet = paper.sheet
    tint = rng.uniform(0.1, 0.75) * (1 + rng.uniform(-0.2, 0.2, 3))
    if rng.random() > ON_BOARD or sheet.radius_m != 0 or sheet.relief is not None:
        return None
    wide, tall = np.array([sheet.width_m, sheet.height_m]) * rng.uniform(1.3, 5.0, 2)
    edges = (-wide / 2, -tall / 2, wide / 2, tall / 2)
    return Sheet(width_m=float(wide), height_m=float(tall), picture=edges), tint.astype(np.float32)


def _others(
    setting: Setting,
    motion: RigidMotion,
    *,
    time_s: float,
    board: tuple[Sheet, np.ndarray] | None,
    cutout: Cutout | None,
) -> list[ColouredLayer]:
    """What stands behind the sheet: the board it is fixed to, or the person who holds it."""
    stage, pose = setting.stage, motion.at(time_s)
    if board is not None:
        camera = stage.camera.at(time_s)
        back = Pose(translation=np.array([0, 0, 0.003], np.float32)).then(pose).then(camera)
        traced = trace_sheet(board[0], back, view=stage.view, light=stage.light)
        return [_layer(traced, traced.irradiance * board[1])]
    if cutout is not None and cutout.holder is not None:
        return [behind(cutout, cutout.holder, pose, stage=stage, time_s=time_s)]
    return []


def hold(
    setting: Setting,
    rng: np.random.Generator,
    *,
    sheet: Sheet,
    where: np.ndarray,
    framing: Framing,
    fixed: bool,
) -> RigidMotion:
    """The sheet where its face (`where`, shares of the picture) comes out at the wanted size and place.

    It moves as a hand does, as long as the face stays before the camera at about its distance.
    """
    view = setting.stage.view
    rotation = framing.rotation
    turned = on_sheet(sheet, where) @ rotation.T
    middle = (turned.min(axis=0) + turned.max(axis=0)) / 2
    wide, tall = np.ptp(turned[:, 0]), np.ptp(turned[:, 1])
    # A mesh that lies slanted is nearer at one end; its size on the sensor is that of its middle.
    least = NEAREST_M if framing.extents is None else CLOSEST_M
    deep = float(np.ptp(turned[:, 2]))
    distance = max(least, deep, view.focal_px * max(wide, tall) / setting.side_px)
    aim = (framing.aim_px - [(view.width - 1) / 2, (view.height - 1) / 2]) / view.focal_px
    target = distance * np.array([aim[0], aim[1], 1.0])
    place = Pose(rotation=rotation, translation=(target - middle).astype(np.float32))
    calm = float(np.clip(distance / 0.5, 0.1, 1.0))  # near the lens, a hand keeps still, or the face is gone
    if framing.extents is not None:
        calm *= 0.5
    shake = 0.0 if fixed else calm * float(rng.choice([0.5, 1.0, 1.0, 2.0, 3.0]))
    motion = draw_rigid_motion(rng, place=place, shake=shake)
    own = middle @ rotation
    for _ in range(6):
        aimed = _aimed(motion, setting, target=target, middle=own)
        if _stays(aimed, setting, points=on_sheet(sheet, where), distance=distance):
            return aimed
        motion = _calmer(motion)
    return _aimed(replace(motion, trend=motion.trend * 0), setting, target=target, middle=own)


def _stays(motion: RigidMotion, setting: Setting, *, points: np.ndarray, distance: float) -> bool:
    """Whether the face's points stay before the camera, and about that far away, at all times."""
    for time_s in setting.times_s:
        pose = motion.at(time_s).then(setting.stage.camera.at(time_s))
        z = pose.moved(points.astype(np.float32))[:, 2]
        if not (z.min() > 0.4 * distance and 0.67 < z.mean() / distance < 1.5):
            return False
    return True


def _calmer(motion: RigidMotion) -> RigidMotion:
    turns = replace(motion.turns, amplitude=motion.turns.amplitude * 0.5)
    sway = replace(motion.sway, amplitude=motion.sway.amplitude * 0.5)
    return replace(motion, turns=turns, sway=sway, trend=motion.trend * 0.5)


def _aimed(motion: RigidMotion, setting: Setting, *, target: np.ndarray, middle: np.ndarray) -> RigidMotion:
    """The motion moved so that the face (`middle`, own frame) is at `target` half way through."""
    time_s = setting.times_s[len(setting.times_s) // 2]
    camera = setting.stage.camera.at(time_s)
    found = motion.at(time_s).then(camera).moved(middle[None].astype(np.float32))[0]
    shift = (target - found) @ camera.rotation  # back into the world
    place = replace(motion.place, translation=(motion.place.translation + shift).astype(np.float32))
    return replace(motion, place=place)


def _irradiance(light: Light) -> np.ndarray:
    """What falls on white paper that faces the camera: (3,)."""
    total = np.asarray(light.ambient, np.float32) * max(0.0, 1 - float(light.tilt[2]))
    for lamp in light.lamps:
        total = total + np.asarray(lamp.colour, np.float32) * max(0.0, -float(lamp.direction[2]))
    return total


def _layer(traced: Traced, colour: np.ndarray) -> ColouredLayer:
    depth = np.where(traced.alpha > 0.5, traced.depth, np.inf).astype(np.float32)
    return ColouredLayer(depth=depth, colour=colour, alpha=traced.alpha)


def _present(
    setting: Setting,
    traced: Traced,
    colour: np.ndarray,
    *,
    pose: Pose,
    hand: Hand,
    grid: Grid | None,
    time_s: float,
    others: Sequence[ColouredLayer] = (),
) -> tuple[Shot, Grid | None]:
    """The sheet on the stage with `others` behind and the hands that hold it, which cover the grid too."""
    stage = setting.stage
    seen_depth = traced.depth[traced.alpha > 0.5]
    depths = (float(seen_depth.min()), float(seen_depth.max())) if seen_depth.size else (0.3, 0.3)
    front, back = see_hand(hand, pose, view=stage.view, irradiance=_irradiance(stage.light), depths_m=depths)
    layers = [layer for layer in (*others, back, _layer(traced, colour), front) if layer is not None]
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
