"""Attacks on a part of a face: glasses with printed eyes, glasses of paper, a strip of printed paper.

Each is a thin thing before a living, moving wearer, with a depth of its own: where it is, it stands a few
millimetres to a few centimetres before the skin, and keeps its expression.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.media.topology import POINTS
from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.instruments.paint import (
    EYES,
    FACE_SIZE,
    FACE_UV,
    blotches,
    lay,
    paint_eye,
    region,
    transferred,
)
from unmask.simulate.instruments.prints import draw_print, reflectance
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.worn import (
    body_light,
    front_picture,
    hidden_under,
    laid_over,
    pixels,
    shot_of,
    similarity,
    wearers_stage,
)
from unmask.simulate.rendering.layout import Layout, ShownPicture
from unmask.simulate.rendering.light import Light, seen_from
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.motion import HeadMotion, draw_head_motion
from unmask.simulate.rendering.surfaces import Surface, grid, trace
from unmask.simulate.stage.scene import Bust, Shot, Stage, look_up, see_bust

_UNIT = float(np.linalg.norm(FACE_UV[33] - FACE_UV[263]))  # between the eyes' outer corners, px
_NET = 28
_FLAT = np.array(FACE_SIZE[::-1]) - 1
_PER_SPAN = _UNIT / float(np.linalg.norm(MEAN_FACE[33] - MEAN_FACE[263]))
_MIDDLE = FACE_UV[1] - MEAN_FACE[1, :2] * _PER_SPAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A thin thing on a face: `surface` in the wearer's frame, uv over the picture that `FACE_UV` lies on.

    `gap_m`: how far it stands before the nearest skin under it.
    """

    surface: Surface
    gap_m: float


def funny_eye(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """Glasses whose lenses are printed or drawn eyes."""
    return _presented(setting, rng, draw_funny_eyes)


def paper_glasses(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """Glasses cut out of a print of somebody who wears glasses, or of coloured paper."""
    return _presented(setting, rng, draw_paper_glasses)


def paper_strip(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A piece of the victim's printed face over the wearer's eyes, nose or mouth."""
    return _presented(setting, rng, draw_strip)


def _presented(setting: Setting, rng: np.random.Generator, draw) -> Iterator[Exposure]:  # type: ignore[no-untyped-def]
    wearer = setting.wearer()
    place = setting.place(wearer)
    stage = wearers_stage(rng, setting.stage, wearer=wearer, place=place)
    motion = draw_head_motion(rng, place=place, turning=wearer.turning)
    patch = draw(rng, setting.model, printed=_printed(setting, rng), wearer=wearer)
    light = body_light(rng, stage.light)
    for time_s in setting.times_s:
        yield Exposure(
            shot=worn_patch(patch, stage, wearer=wearer, motion=motion, light=light, time_s=time_s)
        )


def _printed(setting: Setting, rng: np.random.Generator) -> np.ndarray:
    """The victim's picture as ink on paper, its face laid on `FACE_UV`: (h, w, 3) linear reflectance."""
    frame, mesh = front_picture(setting)
    picture = ShownPicture(frames=(frame,), meshes=(mesh,))
    scale = min(1.0, 700 / max(1.0, float(np.ptp(mesh[:, 1]))))
    size = (max(2, round(frame.shape[0] * scale)), max(2, round(frame.shape[1] * scale)))
    whole = Layout(
        crop=(0, 0, frame.shape[1], frame.shape[0]), place=(0, 0, 1, 1), size=size, ground=(255, 255, 255)
    )
    page = reflectance(replace(draw_print(rng, picture, bent=False), layout=whole), frame, rng)
    uv = mesh[:, :2] * np.array([size[1] / frame.shape[1], size[0] / frame.shape[0]])
    return transferred(page, uv=uv.astype(np.float32), to_uv=FACE_UV, size=FACE_SIZE)


def worn_patch(
    patch: Patch, stage: Stage, *, wearer: Bust, motion: HeadMotion, light: Light, time_s: float
) -> Shot:
    """The patch on its moving wearer; the shot's mesh is the wearer's face."""
    moment = motion.at(time_s)
    camera = stage.camera.at(time_s)
    under, points = see_bust(wearer, stage, moment=moment, time_s=time_s)
    layer = trace(
        patch.surface,
        moment.head.then(camera),
        view=stage.view,
        light=seen_from(light, camera.rotation),
    )
    over = look_up(layer, patch.surface.texture)
    reach = pixels(stage, moment.head, 0.003 + 0.4 * patch.gap_m)
    under = hidden_under(under, over, shade=0.4, reach_px=reach)
    return shot_of(stage, [laid_over(under, over)], face=points[:POINTS], time_s=time_s)


def draw_strip(rng: np.random.Generator, model: str, *, printed: np.ndarray, wearer: Bust) -> Patch:
    """A strip with the printed "eyes", "nose" or "mouth", torn, cut straight or along the part."""
    low, high = {"eyes": (70, 230), "nose": (6, 164), "mouth": (2, 200)}[model]
    top, bottom = (
        FACE_UV[low, 1] - rng.uniform(0, 0.2) * _UNIT,
        FACE_UV[high, 1] + rng.uniform(0, 0.2) * _UNIT,
    )
    middle = FACE_UV[1, 0] + rng.normal(0, 0.03) * _UNIT
    half = _UNIT * (rng.uniform(0.62, 0.9) if model == "eyes" else rng.uniform(0.32, 0.75))
    corners = np.array([[-half, top], [half, top], [half, bottom], [-half, bottom]]) + np.array([middle, 0])
    steps = np.linspace(0, 1, 9)[:-1, None]
    ring = np.concatenate(
        [a + steps * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    )
    ring = ring + rng.normal(0, rng.choice([0.004, 0.02]) * _UNIT, ring.shape)
    if rng.random() < 0.35:  # rounded off
        middle, spread = ring.mean(axis=0), ring - ring.mean(axis=0)
        square = np.abs(spread / np.abs(spread).max(axis=0))
        ring = middle + spread * (square.max(axis=1) / np.linalg.norm(square**2, axis=1) ** 0.5)[:, None]
    alpha = region(ring, FACE_SIZE, soft_px=0.6)
    paint = printed.copy()
    white = alpha * (1 - region(ring, FACE_SIZE, soft_px=0.6, widen=float(rng.choice([1.0, 0.94, 0.85]))))
    lay(paint, white, np.full(3, 0.82))
    if rng.random() < 0.3 and model == "eyes":
        for eye in EYES:
            alpha = alpha * (1 - region(FACE_UV[list(eye)], FACE_SIZE, widen=1.2))
    paper = float(rng.choice([0.0, 0.02, 0.05]))
    return _patch(rng, paint, alpha, wearer=wearer, gap_m=float(rng.uniform(0.001, 0.012)), gloss=paper)


def draw_paper_glasses(rng: np.random.Generator, model: str, *, printed: np.ndarray, wearer: Bust) -> Patch:
    """A flat cut-out on the nose: "printed" eyes inside a drawn frame, an "open" frame, or "dark" lenses."""
    paint = printed.copy()
    inside, frame = _spectacles(rng, round_=bool(rng.random() < 0.4), thick=float(rng.uniform(0.03, 0.1)))
    colours = np.array(
        [[0.02, 0.02, 0.02], [0.5, 0.04, 0.04], [0.05, 0.12, 0.45], [0.8, 0.8, 0.78], [0.3, 0.17, 0.06]]
    )
    colour = colours[rng.integers(len(colours))]
    if model == "dark":
        lay(paint, inside, rng.choice([0.02, 0.05, 0.12]) * np.exp(rng.normal(0, 0.2, 3)))
        glint = region(FACE_UV[list(EYES[0])] + [20, -15], FACE_SIZE, soft_px=6)
        lay(paint, 0.4 * glint * (rng.random() < 0.5), np.ones(3))
    lay(paint, frame, colour)
    alpha = frame if model == "open" else np.maximum(frame, inside)
    rim = rng.uniform(0.0, 0.04) * _UNIT  # paper left beyond the frame by the scissors
    if rim > 4:
        around = cv2.dilate(alpha, np.ones((2 * round(rim) + 1, 2 * round(rim) + 1)))
        lay(paint, around * (1 - alpha), np.full(3, 0.82))
        alpha = around * (1 - inside) if model == "open" else around
    gap = float(rng.uniform(0.004, 0.02))
    return _patch(rng, paint, alpha, wearer=wearer, gap_m=gap, gloss=0.0, flat=0.85)


def draw_funny_eyes(rng: np.random.Generator, model: str, *, printed: np.ndarray, wearer: Bust) -> Patch:
    """Plastic glasses with eyes on the lenses: a "photograph", a "cartoon", or "eyeballs" on discs."""
    paint = printed.copy()
    inside, frame = _spectacles(rng, round_=model != "photograph", thick=float(rng.uniform(0.03, 0.09)))
    if model != "photograph":
        ground = (
            np.array([0.8, 0.8, 0.78])
            if model == "eyeballs"
            else rng.uniform([0.3, 0.2, 0.1], [0.8, 0.6, 0.5])
        )
        lay(paint, inside, ground)
        iris = rng.uniform([0.02, 0.02, 0.02], [0.3, 0.3, 0.5])
        glance = rng.normal(0, 0.05, 2) * _UNIT
        for eye in EYES:
            rim = FACE_UV[list(eye)]
            if model == "cartoon":
                rim = rim.mean(axis=0) + (rim - rim.mean(axis=0)) * rng.uniform([1.05, 1.2], [1.4, 2.4])
                paint_eye(paint, rim, iris=iris, glance=glance)
            else:
                _eyeball(paint, rim.mean(axis=0) + glance, iris=iris, radius=rng.uniform(0.09, 0.15) * _UNIT)
    lay(paint, frame, rng.choice([0.02, 0.3, 0.7]) * np.exp(rng.normal(0, 0.5, 3)))
    paint *= np.exp(blotches(rng, FACE_SIZE, ((300, 0.02),)))[..., None]
    alpha = np.maximum(frame, inside)
    gap, gloss = float(rng.uniform(0.008, 0.025)), float(rng.uniform(0.02, 0.1))
    return _patch(rng, paint, alpha, wearer=wearer, gap_m=gap, gloss=gloss, flat=0.7)


def _eyeball(paint: np.ndarray, middle: np.ndarray, *, iris: np.ndarray, radius: float) -> None:
    t = np.linspace(0, 2 * np.pi, 40)[:-1]
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    lay(paint, region(middle + radius * circle, FACE_SIZE), iris)
    lay(paint, region(middle + 0.5 * radius * circle, FACE_SIZE), np.full(3, 0.008))
    lay(paint, region(middle + radius * (0.25 * circle + [0.35, -0.35]), FACE_SIZE), np.full(3, 0.9))


def _spectacles(rng: np.random.Generator, *, round_: bool, thick: float) -> tuple[np.ndarray, np.ndarray]:
    """Coverages (h, w) of both lenses, and of frame, bridge and the arms' beginning."""
    lenses, outer = np.zeros(FACE_SIZE, np.float32), np.zeros(FACE_SIZE, np.float32)
    wide = rng.uniform(0.24, 0.31) * _UNIT
    tall = wide * (1.0 if round_ else rng.uniform(0.6, 0.9))
    corner = 2.0 if round_ else rng.uniform(3, 8)  # exponent of the superellipse
    t = np.linspace(0, 2 * np.pi, 72)[:-1]
    shape = np.stack([np.cos(t), np.sin(t)], axis=1)
    shape = np.sign(shape) * np.abs(shape) ** (2 / corner)
    drop = rng.uniform(-0.02, 0.08) * _UNIT
    for eye in EYES:
        middle = FACE_UV[list(eye)].mean(axis=0) + np.array([0, drop])
        lenses = np.maximum(lenses, region(middle + shape * [wide, tall], FACE_SIZE, soft_px=0.6))
        edge = np.array([wide, tall]) + thick * _UNIT
        outer = np.maximum(outer, region(middle + shape * edge, FACE_SIZE, soft_px=0.6))
    level = float(FACE_UV[[33, 263], 1].mean() + drop - 0.3 * tall)
    height = max(0.03, thick) * _UNIT
    for left, right in ((-0.1, 0.1), (-0.95, -0.6), (0.6, 0.95)):
        bar = np.array([[left, -1], [right, -1], [right, 1], [left, 1]]) * [_UNIT, height / 2]
        outer = np.maximum(outer, region(bar + np.array([FACE_UV[168, 0], level]), FACE_SIZE, soft_px=0.6))
    return lenses, np.clip(outer - lenses, 0, 1)


def _patch(
    rng: np.random.Generator,
    paint: np.ndarray,
    alpha: np.ndarray,
    *,
    wearer: Bust,
    gap_m: float,
    gloss: float,
    flat: float = 0.0,
) -> Patch:
    """The paint on a net that is bent round the wearer's face (`flat` 1 not at all), tilted as things sit."""
    rows, columns = np.nonzero(alpha > 0.3)
    low, high = np.array([columns.min(), rows.min()]) - 3, np.array([columns.max(), rows.max()]) + 3
    u, v = np.meshgrid(np.linspace(low[0], high[0], _NET + 1), np.linspace(low[1], high[1], _NET + 1))
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    matrix, shift = similarity(wearer.points[:POINTS], MEAN_FACE)  # to the front, in spans of the eyes
    face = wearer.points[:POINTS] @ matrix + shift
    metre = float(np.cbrt(np.linalg.det(matrix)))
    xy = (uv - _MIDDLE) / _PER_SPAN
    radius = float(rng.uniform(0.07, 0.14)) / max(0.05, 1 - flat) * metre
    z = (xy[:, 0] - xy[:, 0].mean()) ** 2 / (2 * radius) + float(rng.normal(0, 0.06)) * xy[:, 1]
    if flat > 0:  # arms fold back beside the head
        z += 2.5 * np.maximum(0, np.abs(xy[:, 0]) - 0.66)
    at = np.round(uv).astype(int).clip(0, _FLAT)
    covered = alpha[at[:, 1], at[:, 0]] > 0.5
    # It rests on the skin that is nearest; paper gives way to a nose a little.
    nearest = np.linalg.norm(xy[covered][:, None] - face[None, :, :2], axis=2).argmin(axis=1)
    z += float(np.quantile(face[nearest, 2] - z[covered], 0.03)) - gap_m * metre
    front = np.concatenate([xy, z[:, None]], axis=1)
    surface = Surface(
        vertices=((front - shift) @ np.linalg.inv(matrix)).astype(np.float32),
        triangles=grid(_NET + 1, _NET + 1),
        uv=uv.astype(np.float32),
        texture=np.dstack([np.clip(paint, 0.004, 0.95), alpha]).astype(np.float32),
        gloss=gloss,
        shininess=25.0,
    )
    return Patch(surface=surface, gap_m=gap_m)
