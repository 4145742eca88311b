"""Shells on a face: half masks, resin, silicone and transparent ones, each over a wearer who moves behind.

A shell has the shape of a face (the victim's where it is to be taken for him) fitted before the wearer's; a
rigid one keeps its expression for ever, silicone follows the wearer's jaw in part. Depth is the shell's where
it is, the wearer's elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from unmask.media.topology import FACE_TRIANGLES, OUTLINE, POINTS
from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.instruments.paint import (
    EYES,
    FACE_SIZE,
    FACE_UV,
    LIPS,
    MOUTH,
    blotches,
    draw_tone,
    face_cover,
    lay,
    painted_face,
    region,
    transferred,
)
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.worn import (
    Finer,
    body_light,
    finer,
    fitted,
    hidden_under,
    laid_over,
    pixels,
    see_solid,
    shot_of,
    softened,
    symmetric,
    wearers_stage,
)
from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.motion import HeadMotion, draw_head_motion
from unmask.simulate.rendering.relief import Occlusion, occlusion_of
from unmask.simulate.rendering.surfaces import Layer, Pose, Surface
from unmask.simulate.stage.scene import Bust, ColouredLayer, Shot, Stage, look_up, see_bust

RIM_UV = (FACE_UV[list(OUTLINE)] - FACE_UV.mean(axis=0)) * np.float32(1.035) + FACE_UV.mean(axis=0)
_UNIT = float(np.linalg.norm(FACE_UV[33] - FACE_UV[263]))  # between the eyes' outer corners, px


@dataclass(frozen=True, slots=True, kw_only=True)
class WornShell:
    """A shell in its wearer's frame.

    `points` (468 + 36, 3) metres: the face, then the rim's back edge; `jaw` (468 + 36, 3) how it goes when
    the wearer's mouth opens; `texture` (h, w, 4) over `FACE_UV`. `depth_m`: how far light goes under its
    surface. `clear`: 0 opaque, else the share of light that passes, and `bend_m` how far it is led aside.
    """

    points: np.ndarray
    jaw: np.ndarray
    texture: np.ndarray
    gloss: float
    shininess: float
    depth_m: float = 0.0
    clear: float = 0.0
    bend_m: float = 0.0
    mesh_finer: tuple[Finer, Finer] = field(default_factory=lambda: _finer_twice())


def half(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A stiff mask over the face's upper or lower part, the wearer's own face beside its edge."""
    return _presented(setting, rng, draw_half)


def resin(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A rigid cast of the victim's face, white, painted, or printed in colour."""
    return _presented(setting, rng, draw_resin)


def silicone(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A soft mask that moves a little with the wearer: waxy, low in contrast, with rims at eyes and mouth."""
    return _presented(setting, rng, draw_silicone)


def transparent(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A clear plastic face over the wearer's, seen by its highlights, its edges and what it bends."""
    return _presented(setting, rng, draw_transparent)


def _presented(setting: Setting, rng: np.random.Generator, draw) -> Iterator[Exposure]:  # type: ignore[no-untyped-def]
    wearer = setting.wearer()
    place = setting.place(wearer)
    stage = wearers_stage(rng, setting.stage, wearer=wearer, place=place)
    motion = draw_head_motion(rng, place=place, turning=wearer.turning)
    shell = draw(rng, setting.model, victim=setting.victim(), wearer=wearer)
    light = body_light(rng, stage.light)
    for time_s in setting.times_s:
        shot = worn_shell(shell, stage, wearer=wearer, motion=motion, light=light, time_s=time_s)
        yield Exposure(shot=shot)


def draw_half(rng: np.random.Generator, model: str, *, victim: Bust, wearer: Bust) -> WornShell:
    """ "upper" (eyes and nose), "lower" (nose, mouth and chin) or "side" of a painted or printed face."""
    paint = _victims(victim) if rng.random() < 0.4 else _painted(rng)
    x, y = np.meshgrid(np.arange(FACE_SIZE[1]), np.arange(FACE_SIZE[0]))
    sway = 0.03 * _UNIT * np.sin(x / rng.uniform(20, 60) + rng.uniform(0, 6)) + rng.normal(0, 0.04) * (
        x - 320
    )
    lip, eye, nose = FACE_UV[0, 1], FACE_UV[145, 1], FACE_UV[2, 1]
    if model == "upper":
        inside = rng.uniform(nose, lip) + sway - 0.0006 * (x - 320) ** 2 - y
    elif model == "lower":
        inside = y - (rng.uniform(eye + 0.1 * _UNIT, 0.4 * eye + 0.6 * nose) + sway + 0.0006 * (x - 320) ** 2)
    else:
        inside = (x - 320 - 0.5 * sway + rng.uniform(-0.1, 0.15) * _UNIT) * rng.choice([-1, 1])
    cover = np.clip(inside / 1.5, 0, 1).astype(np.float32)
    edge = np.exp(-((inside / (0.02 * _UNIT)) ** 2))
    lay(paint, 0.7 * edge, rng.uniform(0.3, 1.3) * paint.mean(axis=(0, 1)))
    alpha = _outline() * cover * _without(rng, eyes=rng.uniform(1.1, 1.5), mouth=rng.choice([0.0, 1.05]))
    return _shell(
        _shape(rng, victim, wearer, gap_m=rng.uniform(0.003, 0.009)),
        _rimmed(rng, paint, alpha),
        gloss=float(rng.uniform(0.004, 0.05)),
        shininess=float(rng.uniform(10, 60)),
    )


def draw_resin(rng: np.random.Generator, model: str, *, victim: Bust, wearer: Bust) -> WornShell:
    """ "white" casts, "painted" ones, and "printed" in the victim's colours; eyes painted or cut out."""
    holes = rng.random() < 0.55
    if model == "white":
        paint = np.empty((*FACE_SIZE, 3), np.float32)
        paint[:] = rng.uniform(0.45, 0.85) * np.exp(rng.normal(0, [0.04, 0.02, 0.05]))
        holes = holes or rng.random() < 0.5
        _crease(paint, rng)
    elif model == "painted":
        paint = _painted(rng, eyes=not holes)
    else:
        paint = _victims(victim)
        paint *= np.exp(rng.normal(0, [0.08, 0.04, 0.08])).astype(np.float32)
    _seams(paint, rng)
    alpha = _outline() * _without(rng, eyes=rng.uniform(1.0, 1.35) if holes else 0.0, mouth=0.0)
    return _shell(
        _shape(rng, victim, wearer, gap_m=rng.uniform(0.004, 0.012)),
        _rimmed(rng, paint, alpha),
        gloss=float(rng.uniform(0.01, 0.07)),
        shininess=float(rng.uniform(15, 90)),
        depth_m=float(rng.choice([0.0, 0.001])),
    )


def draw_silicone(rng: np.random.Generator, model: str, *, victim: Bust, wearer: Bust) -> WornShell:
    """ "pale", "tan" or "dark": pigment in the mass, few and faint features, holes for eyes and mouth."""
    low, high = {"pale": (0.8, 1.0), "tan": (0.45, 0.7), "dark": (0.05, 0.3)}[model]
    tone = draw_tone(rng, low=low, high=high)
    paint = painted_face(rng, uv=FACE_UV, size=FACE_SIZE, tone=tone, eyes=False)
    likeness = _victims(victim)
    likeness *= (tone / np.maximum(0.02, np.median(likeness[200:400, 200:440], axis=(0, 1)))).astype(
        np.float32
    )
    paint = 0.5 * paint + 0.5 * np.clip(likeness, 0.4 * tone, 1.6 * tone).astype(np.float32)
    paint = cv2.GaussianBlur(paint, (0, 0), rng.uniform(0.8, 3.0))
    lay(paint, np.full(FACE_SIZE, rng.uniform(0.15, 0.5), np.float32), tone)
    paint *= np.exp(blotches(rng, FACE_SIZE, ((20, 0.03), (200, 0.025))))[..., None]
    eyes, mouth = float(rng.uniform(1.0, 1.3)), float(rng.choice([0.0, rng.uniform(1.0, 1.4)], p=[0.4, 0.6]))
    for ring in EYES:
        lay(paint, 0.6 * region(FACE_UV[list(ring)], FACE_SIZE, soft_px=5, widen=eyes * 1.15), 0.35 * tone)
    lay(paint, 0.5 * region(FACE_UV[list(MOUTH)], FACE_SIZE, soft_px=5, widen=1.15), 0.4 * tone)
    shell = _shell(
        _shape(rng, victim, wearer, gap_m=rng.uniform(0.002, 0.005)),
        _rimmed(rng, paint, _outline(soft_px=5.0) * _without(rng, eyes=eyes, mouth=mouth), strength=0.25),
        gloss=float(rng.uniform(0.02, 0.07)),
        shininess=float(rng.uniform(4, 12)),
        depth_m=float(rng.uniform(0.002, 0.006)),
    )
    follows = np.concatenate([wearer.jaw[:POINTS], wearer.jaw[list(OUTLINE)]]) * rng.uniform(0.2, 0.55)
    return replace(shell, jaw=follows.astype(np.float32))


def draw_transparent(rng: np.random.Generator, model: str, *, victim: Bust, wearer: Bust) -> WornShell:
    """ "clear", "frosted" or "tinted" plastic, with holes for the eyes more often than not."""
    tint = np.ones(3) if model == "clear" else np.exp(rng.normal(0, [0.1, 0.06, 0.1]))
    paint = np.empty((*FACE_SIZE, 3), np.float32)
    paint[:] = tint * {"clear": 0.35, "frosted": 0.6, "tinted": 0.25}[model]
    eyes = float(rng.choice([0.0, rng.uniform(1.1, 1.7)], p=[0.35, 0.65]))
    mouth = float(rng.choice([0.0, 1.1], p=[0.7, 0.3]))
    # Edges and holes are where plastic is thick and light comes out.
    alpha = _outline() * _without(rng, eyes=eyes, mouth=mouth)
    edge = np.clip(3 * (cv2.GaussianBlur(1 - alpha, (0, 0), 2.5) * alpha), 0, 1)
    lay(paint, edge, rng.choice([0.1, 0.9]) * tint)
    paint = np.dstack([paint, alpha])
    clear = {
        "clear": rng.uniform(0.85, 0.97),
        "frosted": rng.uniform(0.45, 0.7),
        "tinted": rng.uniform(0.6, 0.8),
    }
    frosted = model == "frosted"
    return _shell(
        _shape(rng, victim, wearer, gap_m=rng.uniform(0.004, 0.012)),
        paint,
        gloss=float(rng.uniform(0.05, 0.12) if frosted else rng.uniform(0.06, 0.2)),
        shininess=float(rng.uniform(8, 20) if frosted else rng.uniform(50, 160)),
        clear=float(clear[model]),
        bend_m=float(rng.uniform(0.0005, 0.003)),
    )


def worn_shell(
    shell: WornShell, stage: Stage, *, wearer: Bust, motion: HeadMotion, light: Light, time_s: float
) -> Shot:
    """The shell on its moving wearer; the shot's mesh is the shell's face, the wearer's where it is open."""
    moment = motion.at(time_s)
    under, points = see_bust(wearer, stage, moment=moment, time_s=time_s)
    own = shell.points + np.float32(moment.mouth) * shell.jaw
    coarse, fine = shell.mesh_finer
    surface = Surface(
        vertices=fine.points(coarse.points(own)),
        triangles=fine.triangles,
        uv=fine.points(coarse.points(_UV, smooth=False), smooth=False),
        texture=shell.texture,
        gloss=shell.gloss,
        shininess=shell.shininess,
    )
    shape = _occlusion(surface)
    layer = see_solid(surface, moment.head, stage, light=light, occlusion=shape, time_s=time_s)
    if shell.depth_m > 0:
        layer = softened(layer, reach_px=pixels(stage, moment.head, shell.depth_m))
    over = look_up(layer, shell.texture)
    if shell.clear > 0:
        over = _seen_through(shell, layer, over, under, stage, place=moment.head)
    shade = 0.12 if shell.clear > 0 else 0.45
    under = hidden_under(under, over, shade=shade, reach_px=pixels(stage, moment.head, 0.006))
    face = moment.head.then(stage.camera.at(time_s)).moved(own[:POINTS])
    open_ = shell.texture[_ROWS, _COLUMNS, 3] < 0.5
    face[open_] = points[:POINTS][open_]
    return shot_of(stage, [laid_over(under, over)], face=face, time_s=time_s)


def _seen_through(
    shell: WornShell, layer: Layer, over: ColouredLayer, under: ColouredLayer, stage: Stage, *, place: Pose
) -> ColouredLayer:
    """What comes through clear plastic, led aside by its slopes, under what it mirrors and scatters."""
    inside = np.isfinite(layer.depth)
    depth = np.where(inside, layer.depth, np.float32(np.median(layer.depth[inside]) if inside.any() else 1))
    smooth = cv2.GaussianBlur(depth, (0, 0), 2.0)
    per_px = float(place.translation[2]) / stage.view.focal_px  # metres of a pixel
    slope = np.stack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)], axis=-1)
    slope = np.clip(slope / (8 * per_px), -2.5, 2.5)
    y, x = np.mgrid[: depth.shape[0], : depth.shape[1]].astype(np.float32)
    shift = slope * np.float32(shell.bend_m / per_px)
    behind = cv2.remap(under.colour, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LINEAR)
    if shell.shininess < 25:  # frosted: the surface scatters what it lets through
        behind = cv2.GaussianBlur(behind, (0, 0), max(0.8, pixels(stage, place, 0.0025)))
    cosine = 1 / np.sqrt(1 + (slope**2).sum(axis=-1))
    mirror = 0.04 + 0.96 * (1 - cosine) ** 5 + 0.15 * (1 - cosine)  # Schlick's; the room, blurred
    room = stage.light.ambient.mean() * 0.8 + layer.irradiance * 0.2
    passed = (shell.clear * (1 - mirror))[..., None] * behind
    scattered = (1 - shell.clear) * (over.colour - layer.mirrored)
    colour = passed + scattered + mirror[..., None] * room + layer.mirrored
    return ColouredLayer(depth=over.depth, colour=colour.astype(np.float32), alpha=over.alpha)


def _shell(
    points: np.ndarray,
    texture: np.ndarray,
    *,
    gloss: float,
    shininess: float,
    depth_m: float = 0.0,
    clear: float = 0.0,
    bend_m: float = 0.0,
) -> WornShell:
    return WornShell(
        points=points,
        jaw=np.zeros_like(points),
        texture=np.ascontiguousarray(texture, np.float32),
        gloss=gloss,
        shininess=shininess,
        depth_m=depth_m,
        clear=clear,
        bend_m=bend_m,
    )


def _shape(rng: np.random.Generator, victim: Bust, wearer: Bust, *, gap_m: float) -> np.ndarray:
    """The victim's face (half of it where the cast is a free one) on the wearer, and a rim behind it."""
    face = symmetric(victim.points[:POINTS], share=float(rng.choice([0.5, 0.8, 1.0])))
    face = fitted(face, wearer.points[:POINTS], gap_m=gap_m)
    rim = face[list(OUTLINE)]
    middle = rim.mean(axis=0)
    thick = np.array([0, 0, rng.uniform(0.003, 0.008)])
    return np.concatenate([face, middle + (rim - middle) * [1.012, 1.012, 1] + thick]).astype(np.float32)


def _victims(victim: Bust) -> np.ndarray:
    """The victim's skin over `FACE_UV`: (h, w, 3)."""
    skin = np.ascontiguousarray(victim.surface.texture[..., :3])
    return transferred(skin, uv=victim.surface.uv[:POINTS], to_uv=FACE_UV, size=FACE_SIZE)


def _painted(rng: np.random.Generator, *, eyes: bool = True) -> np.ndarray:
    return painted_face(rng, uv=FACE_UV, size=FACE_SIZE, tone=draw_tone(rng), eyes=eyes)


def _crease(paint: np.ndarray, rng: np.random.Generator) -> None:
    """Dirt and shade in the folds of an unpainted cast."""
    tone = paint[0, 0].copy()
    for ring in (*EYES, LIPS, MOUTH):
        lay(
            paint,
            rng.uniform(0, 0.4) * region(FACE_UV[list(ring)], FACE_SIZE, soft_px=6, widen=1.1),
            tone * 0.6,
        )
    paint *= np.exp(blotches(rng, FACE_SIZE, ((8, 0.04), (200, 0.02))))[..., None]


def _seams(paint: np.ndarray, rng: np.random.Generator) -> None:
    """Layers of a printer's, a mould's seam, chipped paint: each now and then."""
    if rng.random() < 0.35:
        lines = np.sin(np.arange(FACE_SIZE[0]) * 2 * np.pi / rng.uniform(4, 9))
        paint *= (1 + rng.uniform(0.01, 0.05) * lines)[:, None, None].astype(np.float32)
    if rng.random() < 0.25:
        x = round(320 + rng.normal(0, 60))
        paint[:, x - 2 : x + 2] *= np.float32(rng.uniform(0.6, 1.3))
    if rng.random() < 0.25:
        chips = np.clip((blotches(rng, FACE_SIZE, ((40, 1.0),)) - 2.0) * 6, 0, 1)
        lay(paint, chips, np.full(3, rng.uniform(0.3, 0.8)))


def _outline(soft_px: float = 1.2) -> np.ndarray:
    """Coverage (h, w) of the face and its rim."""
    return region(RIM_UV, FACE_SIZE, soft_px=soft_px, widen=1.02 if soft_px < 3 else 0.97)


def _without(rng: np.random.Generator, *, eyes: float, mouth: float) -> np.ndarray:
    """1 (h, w) but for holes, each so much wider than the eyes and the mouth; 0 leaves them shut."""
    whole = np.ones(FACE_SIZE, np.float32)
    for ring, widen in ((EYES[0], eyes), (EYES[1], eyes), (MOUTH, mouth)):
        if widen > 0:
            points = FACE_UV[list(ring)].copy()
            stretch = np.array([1.0, rng.uniform(1.1, 1.5) if ring is not MOUTH else 2.5])
            points = points.mean(axis=0) + (points - points.mean(axis=0)) * stretch
            whole *= 1 - region(points, FACE_SIZE, soft_px=1.0, widen=widen)
    return whole


def _rimmed(
    rng: np.random.Generator, paint: np.ndarray, alpha: np.ndarray, *, strength: float = 0.6
) -> np.ndarray:
    """Paint with alpha (h, w, 4): along every cut the material's own colour, lighter or darker."""
    border = np.clip(2.5 * cv2.GaussianBlur(1 - alpha, (0, 0), 2.0) * alpha, 0, 1)
    outside = 1 - face_cover(FACE_UV, FACE_SIZE, soft_px=1.0)
    tone = paint[100:500, 150:490].mean(axis=(0, 1)) * rng.choice([0.4, 0.7, 1.3])
    lay(paint, strength * np.maximum(border, outside), np.minimum(tone, 0.9))
    return np.dstack([np.clip(paint, 0.004, 0.95), alpha])


def _finer_twice() -> tuple[Finer, Finer]:
    return _FINER


def _occlusion(surface: Surface) -> Occlusion:
    spared = np.zeros(len(surface.vertices), np.float32)
    return occlusion_of(surface.vertices, surface.triangles, spared=spared)


def _with_rim() -> np.ndarray:
    """The face's triangles, and the strip from its outline to the rim's back edge."""
    first, back = np.array(OUTLINE), POINTS + np.arange(len(OUTLINE))
    after, back_after = np.roll(first, -1), np.roll(back, -1)
    strip = np.concatenate([np.stack([first, after, back], 1), np.stack([after, back_after, back], 1)])
    return np.concatenate([FACE_TRIANGLES, strip]).astype(np.int32)


_COARSE = finer(_with_rim(), POINTS + len(OUTLINE))
_FINER = (_COARSE, finer(_COARSE.triangles, _COARSE.count + len(_COARSE.ends)))
_UV = np.concatenate([FACE_UV, RIM_UV]).astype(np.float32)
_COLUMNS, _ROWS = np.clip(np.round(FACE_UV).astype(int), 0, np.array(FACE_SIZE[::-1]) - 1).T
