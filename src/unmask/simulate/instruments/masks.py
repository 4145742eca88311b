"""Paper masks: a printed face cut out, on its own or worn by another head; its true depth is the paper's.

The paper is flat or bent round the head, as wide as a face, with the printed face's own expression for ever:
it lies rigidly on the wearer's head or in somebody's hand, and is shaded as paper of that shape is, not as
the face it shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.media.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    MOUTH_LOWER,
    MOUTH_UPPER,
    OUTLINE,
    POINTS,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.instruments.hands import Hand, draw_hand, see_hand
from unmask.simulate.instruments.prints import draw_print, reflectance
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.sheet import Sheet
from unmask.simulate.instruments.worn import (
    body_light,
    front_picture,
    hidden_under,
    laid_over,
    pixels,
    wearers_stage,
)
from unmask.simulate.rendering.layout import Layout, ShownPicture, sized
from unmask.simulate.rendering.light import Light, irradiance, seen_from
from unmask.simulate.rendering.motion import HeadMotion, RigidMotion, draw_head_motion, draw_rigid_motion
from unmask.simulate.rendering.surfaces import Pose, Surface, View, grid, look_up, on_surface, project, trace
from unmask.simulate.stage.scene import Bust, ColouredLayer, Shot, Stage, compose, face_area, see_bust

FACE_WIDTH_M = 0.145
CELLS = 24
_EYES = ((RIGHT_EYE_UPPER, RIGHT_EYE_LOWER), (LEFT_EYE_UPPER, LEFT_EYE_LOWER))


def worn_paper(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A face cut out of paper, held or worn."""
    frame, mesh = front_picture(setting)
    picture = ShownPicture(frames=(frame,), meshes=(mesh,))
    paper = draw_print(rng, picture, bent=False)
    stock = STOCKS[setting.model]
    paper = replace(paper, ink=float(rng.uniform(*stock.ink)), gamut=float(rng.uniform(*stock.gamut)))
    whole = Layout(
        crop=(0, 0, frame.shape[1], frame.shape[0]),
        place=(0, 0, 1, 1),
        size=frame.shape[:2],
        ground=(255, 255, 255),
    )
    whole = sized(whole, mesh, side_px=setting.side_px)
    page = reflectance(replace(paper, layout=whole), frame, rng)
    scale = whole.size[0] / frame.shape[0]
    mask = draw_paper_mask(rng, setting.model)
    wearer = setting.wearer()
    place, stage = setting.place(wearer), setting.stage
    if mask.worn:
        stage = wearers_stage(rng, stage, wearer=wearer, place=place)
        motion: HeadMotion | RigidMotion = draw_head_motion(rng, place=place, turning=wearer.turning)
    else:
        motion = draw_rigid_motion(rng, place=place)
    light = body_light(rng, stage.light)
    hand = None if mask.worn else _hand(mask, mesh, rng)
    cut = cut_out(mask, page, picture_mesh=mesh * np.float32(scale))
    for time_s in setting.times_s:
        shot = paper_mask(
            cut,
            stage,
            wearer=wearer if mask.worn else None,
            motion=motion,
            hand=hand,
            light=light,
            time_s=time_s,
        )
        yield Exposure(shot=shot)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskStock:
    """What a mask is cut from: `white` (3,) its bare reflectance; ranges of `gloss`, of the deepest `ink` and
    of the `gamut` (1 as in the picture); `stiff` paper bends less.
    """

    white: tuple[float, float, float]
    gloss: tuple[float, float]
    shininess: float
    ink: tuple[float, float]
    gamut: tuple[float, float]
    stiff: float


STOCKS: dict[str, MaskStock] = {
    "office": MaskStock(
        white=(0.84, 0.85, 0.87), gloss=(0, 0.004), shininess=8, ink=(0.02, 0.05), gamut=(0.8, 1.1), stiff=1.0
    ),
    "photo": MaskStock(
        white=(0.88, 0.88, 0.87),
        gloss=(0.01, 0.05),
        shininess=60,
        ink=(0.003, 0.01),
        gamut=(1.0, 1.4),
        stiff=1.3,
    ),
    "card": MaskStock(
        white=(0.68, 0.60, 0.47),
        gloss=(0, 0.012),
        shininess=15,
        ink=(0.008, 0.03),
        gamut=(0.8, 1.3),
        stiff=2.5,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperMask:
    """How a mask is cut and worn.

    `bend_m`: radius of the bend round the vertical axis, 0 is flat; `nod_m` likewise round the horizontal
    one. `rim_m`: paper left outside the face's outline, white for the share `blank` of it (from the outer
    edge), else as printed. `size`: the printed face's width over a real one's. `notches` (36,): how far the
    scissors strayed, metres.
    """

    bend_m: float
    nod_m: float
    rim_m: float
    blank: float
    size: float
    eye_holes: bool
    mouth_hole: bool
    worn: bool
    gap_m: float  # between the wearer's nose and the paper
    gloss: float
    shininess: float
    white: tuple[float, float, float]
    notches: np.ndarray


def draw_paper_mask(rng: np.random.Generator, model: str = "office") -> PaperMask:
    """How one of that stock is cut: three in five are worn, half are bent, a third have eye holes."""
    stock = STOCKS[model]
    worn = bool(rng.random() < 0.6)
    bent = bool(rng.random() < (0.7 if worn else 0.35))
    return PaperMask(
        bend_m=float(rng.uniform(0.085, 0.25)) * stock.stiff if bent else 0.0,
        nod_m=float(rng.uniform(0.3, 1.0)) if bent and rng.random() < 0.4 else 0.0,
        rim_m=float(rng.choice([0.0, 0.004, 0.01, 0.03], p=[0.4, 0.25, 0.2, 0.15])),
        blank=float(rng.choice([0.0, 0.4, 1.0], p=[0.45, 0.25, 0.3])),
        size=float(rng.uniform(0.92, 1.15)),
        eye_holes=bool(rng.random() < 0.35),
        mouth_hole=bool(rng.random() < 0.12),
        worn=worn,
        gap_m=float(rng.uniform(-0.012, 0.012)),
        gloss=float(rng.uniform(*stock.gloss)),
        shininess=stock.shininess,
        white=stock.white,
        notches=rng.normal(0, 0.0015, len(OUTLINE)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CutMask:
    """A mask cut out of a printed page: the paper as a `surface`, its origin in the middle of the face, that
    faces -z; `mesh` (468, 3) the printed face in pixels of the page, `points` (468, 3) where that lies on it.
    """

    mask: PaperMask
    surface: Surface
    mesh: np.ndarray
    points: np.ndarray


def paper_mask(
    cut: CutMask,
    stage: Stage,
    *,
    wearer: Bust | None,
    motion: HeadMotion | RigidMotion,
    time_s: float,
    light: Light | None = None,
    hand: Hand | None = None,
) -> Shot:
    """The mask on the stage, with the wearer behind it when there is one.

    The shot's mesh is the printed face where the paper shows it, with the relief the face mesh would read
    into it; its depth is the paper's. `light` on the paper is the stage's where none is given; `hand` holds
    it.
    """
    mask, surface = cut.mask, cut.surface
    camera = stage.camera.at(time_s)
    moment = motion.at(time_s)
    pose = moment if isinstance(moment, Pose) else moment.head
    if wearer is not None:
        pose = Pose(translation=_before_face(mask, wearer, surface)).then(pose)
    to_camera = pose.then(camera)
    layer = trace(surface, to_camera, view=stage.view, light=seen_from(light or stage.light, camera.rotation))
    seen = look_up(layer, surface.texture)
    if wearer is not None and not isinstance(moment, Pose):
        under = see_bust(wearer, stage, moment=moment, time_s=time_s)[0]
        under = hidden_under(under, seen, shade=0.4, reach_px=pixels(stage, pose, 0.008))
        seen = laid_over(under, seen)
    held = [] if hand is None else _held(hand, stage, to_camera, seen, light or stage.light)
    radiance, depth = compose(stage, [seen, *held], time_s=time_s)
    mesh = _shown_mesh(cut, to_camera, stage.view)
    return Shot(
        radiance=radiance, depth=depth, mesh=mesh, face=face_area(mesh, stage.view) & np.isfinite(layer.depth)
    )


def _hand(mask: PaperMask, mesh: np.ndarray, rng: np.random.Generator) -> Hand | None:
    """One hand at the mask's edge; none where it hangs on a thread."""
    wide = FACE_WIDTH_M * mask.size + 2 * mask.rim_m
    tall = wide * float(np.ptp(mesh[:, 1]) / np.ptp(mesh[:, 0]))
    sheet = Sheet(
        width_m=0.96 * wide, height_m=0.96 * tall, picture=(-wide / 2, -tall / 2, wide / 2, tall / 2)
    )
    return draw_hand(rng, sheet, hands=1) if rng.random() < 0.85 else None


def _held(hand: Hand, stage: Stage, pose: Pose, paper: ColouredLayer, light: Light) -> list[ColouredLayer]:
    """The hand's fingers before the paper and what is behind it, where the view sees them."""
    known = paper.depth[np.isfinite(paper.depth)]
    if known.size == 0:
        return []
    facing = irradiance(np.array([[0.0, 0.0, -1.0]]), light)[0]
    depths = (float(known.min()), float(known.max()))
    parts = see_hand(hand, pose, view=stage.view, irradiance=facing, depths_m=depths)
    return [part for part in parts if part is not None]


def cut_out(mask: PaperMask, picture: np.ndarray, *, picture_mesh: np.ndarray) -> CutMask:
    """The mask cut out of `picture` (h, w, 3) float32, the print's linear reflectance, in whose pixels
    `picture_mesh` (468, 3) and the surface's uv are.
    """
    metre = float(np.ptp(picture_mesh[:, 0])) / (FACE_WIDTH_M * mask.size)  # pixels of the picture in one
    outline = picture_mesh[list(OUTLINE), :2]
    centre = outline.mean(axis=0)
    outward = outline - centre
    outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    printed = outline + outward * ((1 - mask.blank) * mask.rim_m * metre)
    cut = outline + outward * ((mask.rim_m + mask.notches) * metre)[:, None]
    alpha = _polygon(cut, picture.shape[:2])
    paper = np.concatenate([picture[..., :3].astype(np.float32), alpha[..., None]], axis=2)
    white = (1 - _polygon(printed, picture.shape[:2]))[..., None] * (mask.rim_m > 0)
    paper[..., :3] = paper[..., :3] * (1 - white) + np.array(mask.white, np.float32) * white
    if mask.eye_holes:
        for upper, lower in _EYES:
            paper[..., 3] *= 1 - _polygon(_ring(picture_mesh, upper, lower, widen=1.15), picture.shape[:2])
    if mask.mouth_hole:
        paper[..., 3] *= 1 - _polygon(
            _ring(picture_mesh, MOUTH_UPPER, MOUTH_LOWER, widen=1.1), picture.shape[:2]
        )
    low, high = cut.min(axis=0) - 2, cut.max(axis=0) + 2
    u, v = np.meshgrid(np.linspace(low[0], high[0], CELLS + 1), np.linspace(low[1], high[1], CELLS + 1))
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    surface = Surface(
        vertices=_bent((uv - centre) / metre, mask),
        triangles=grid(CELLS + 1, CELLS + 1),
        uv=uv.astype(np.float32),
        texture=np.ascontiguousarray(paper),
        gloss=mask.gloss,
        shininess=mask.shininess,
    )
    points = on_surface(surface, picture_mesh[:, :2])
    return CutMask(mask=mask, surface=surface, mesh=picture_mesh, points=points)


def _bent(flat: np.ndarray, mask: PaperMask) -> np.ndarray:
    """Points (n, 2) metres of the flat sheet on the bent one (n, 3): arcs of the same length."""
    x, y = flat.T
    z = np.zeros_like(x)
    if mask.bend_m:
        x, z = mask.bend_m * np.sin(x / mask.bend_m), mask.bend_m * (1 - np.cos(x / mask.bend_m))
    if mask.nod_m:
        z = z + mask.nod_m * (1 - np.cos(y / mask.nod_m))
        y = mask.nod_m * np.sin(y / mask.nod_m)
    return np.stack([x, y, z], axis=1).astype(np.float32)


def _before_face(mask: PaperMask, wearer: Bust, surface: Surface) -> np.ndarray:
    """Where the paper's origin lies in the wearer's frame: on the face's middle, just before what it would
    cut into.
    """
    face = wearer.points[:POINTS]
    middle = (face[list(OUTLINE), :2].min(axis=0) + face[list(OUTLINE), :2].max(axis=0)) / 2
    # How far back the bent paper is at each point of the face, by its nearest vertex.
    away = np.linalg.norm(face[:, None, :2] - middle - surface.vertices[None, :, :2], axis=2)
    paper = surface.vertices[away.argmin(axis=1), 2]
    # Noses push paper out and poke into it: a tenth of the face may be nearer than the paper's rest shape.
    front = float(np.quantile(face[:, 2] - paper, 0.03))
    return np.array([*middle, front - 0.004 + min(0.0, mask.gap_m)], np.float32)


def _shown_mesh(cut: CutMask, pose: Pose, view: View) -> np.ndarray:
    mesh = project(pose.moved(cut.points), view)
    scale = np.ptp(mesh[:, 1]) / max(1e-3, float(np.ptp(cut.mesh[:, 1])))
    mesh[:, 2] = (cut.mesh[:, 2] - cut.mesh[:, 2].mean()) * scale
    return mesh


def _ring(mesh: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...], *, widen: float) -> np.ndarray:
    points = mesh[[*upper, *lower[-2:0:-1]], :2]
    centre = points.mean(axis=0)
    return centre + (points - centre) * widen


def _polygon(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Coverage (h, w) float32 of a polygon, its edge one pixel soft."""
    filled = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(filled, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return filled.astype(np.float32) / 255
