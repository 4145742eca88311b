"""Mannequin heads: a whole head of plastic on a neck, a stump or shoulders, that never moves by itself.

The face is an ideal between the mean and the victim's; skull, ears and neck are sewn to it, painted in one
go, bald or under a wig. It stands on something, or is carried; the camera may see it from the side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from unmask.media.topology import FACE_TRIANGLES, OUTLINE, POINTS
from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.instruments.paint import blotches, draw_tone, lay, painted_face, region
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.instruments.worn import body_light, finer, laid_over, see_solid, shot_of, symmetric
from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.motion import RigidMotion, draw_rigid_motion
from unmask.simulate.rendering.relief import Occlusion, occlusion_of
from unmask.simulate.rendering.surfaces import Surface, grid, turn
from unmask.simulate.stage.scene import Shot, Stage, look_up

RINGS, SPOKES = 9, 36
NECK_ROWS = 16
SIZE = (1250, 1000)  # the picture on a head: its sphere in the square above, neck and shoulders below
_HEAD_PX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mannequin:
    """A head turned as it stands; `face` (468, 3) metres, `body` and what is with it (wig, shelf), each a
    surface with its shadows.
    """

    face: np.ndarray
    body: Surface
    shadows: Occlusion
    things: tuple[tuple[Surface, Occlusion], ...]


def mannequin(setting: Setting, rng: np.random.Generator) -> Iterator[Exposure]:
    """A mannequin's head before the camera: standing there (only the camera moves) or carried."""
    victim = setting.victim()
    place = setting.place(victim)
    carried = rng.random() < 0.3
    motion = draw_rigid_motion(rng, place=place, shake=float(rng.uniform(0.3, 1.5)) if carried else 0.0)
    head = draw_mannequin(rng, setting.model, victim_face=victim.points[:POINTS], carried=carried)
    light = body_light(rng, setting.stage.light)
    for time_s in setting.times_s:
        shot = standing(head, setting.stage, motion=motion, light=light, time_s=time_s)
        yield Exposure(shot=shot)


def draw_mannequin(
    rng: np.random.Generator, model: str, *, victim_face: np.ndarray, carried: bool = False
) -> Mannequin:
    """ "painted" like skin and bald, "plain" in one colour, or "wigged"."""
    face = symmetric(victim_face, share=float(rng.uniform(0.0, 0.6)))
    face[:, 2] *= np.float32(rng.uniform(0.95, 1.25))  # workshops carve deep
    shoulders = bool(rng.random() < 0.55)
    head, neck = _skull(face, rng), _neck(face, rng, shoulders=shoulders)
    points = np.concatenate([face, head, neck, *_ears(face)])
    yaw = float(rng.normal(0, 14) if rng.random() < 0.55 else rng.uniform(-58, 58))
    turned = turn(yaw=np.radians(yaw), pitch=np.radians(rng.normal(0, 6)), roll=np.radians(rng.normal(0, 3)))
    rest = victim_face[list(OUTLINE)].mean(axis=0)
    shift = rest - face[list(OUTLINE)].mean(axis=0) @ turned.T

    def stood(rows: np.ndarray) -> np.ndarray:
        return (rows @ turned.T + shift).astype(np.float32)

    cut = finer(_TRIANGLES, len(points))
    wigged = model == "wigged"
    gloss = float(rng.uniform(0.015, 0.09) if rng.random() < 0.6 else rng.uniform(0.0, 0.02))
    body = Surface(
        vertices=cut.points(stood(points)),
        triangles=cut.triangles,
        uv=cut.points(_uv(), smooth=False),
        texture=_paint(rng, model),
        gloss=gloss,
        shininess=float(rng.uniform(8, 70)),
    )
    things = []
    if wigged:
        things.append(_wig(rng, stood(_grown(rng, face, head))))
    if not shoulders and not carried:
        things.append(_shelf(rng, stood(neck)))
    return Mannequin(
        face=stood(face),
        body=body,
        shadows=_shadows(body),
        things=tuple((thing, _shadows(thing)) for thing in things),
    )


def standing(head: Mannequin, stage: Stage, *, motion: RigidMotion, light: Light, time_s: float) -> Shot:
    """The head on the stage at that time."""
    pose = motion.at(time_s)
    parts = []
    for surface, shadows in ((head.body, head.shadows), *head.things):
        layer = see_solid(surface, pose, stage, light=light, occlusion=shadows, time_s=time_s)
        parts.append(look_up(layer, surface.texture))
    seen = reduce(laid_over, parts)
    face = pose.then(stage.camera.at(time_s)).moved(head.face)
    return shot_of(stage, [seen], face=face, time_s=time_s)


def _shadows(surface: Surface) -> Occlusion:
    points = surface.vertices
    front = float(np.quantile(points[:, 2], 0.02))
    # The map of shadows knows what it sees from the front: sides and back get part of them.
    spared = np.clip((points[:, 2] - front - 0.06) / 0.08, 0, 0.9).astype(np.float32)
    return occlusion_of(points, surface.triangles, spared=spared)


def _centre(face: np.ndarray) -> np.ndarray:
    """The middle of the skull, behind and a little above the ears' line."""
    unit = float(np.linalg.norm(face[33] - face[263]))
    return (face[234] + face[454]) / 2 + np.array([0, -0.22, 0.10]) * unit


def _polar(points: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 3) about the middle as the angle from the front, the angle round it and the distance."""
    away = points - middle
    radius = np.linalg.norm(away, axis=1)
    return np.arccos(np.clip(-away[:, 2] / radius, -1, 1)), np.arctan2(away[:, 1], away[:, 0]), radius


def _skull(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rings (RINGS x SPOKES, 3) from the face's outline round to the back of the head."""
    unit = float(np.linalg.norm(face[33] - face[263]))
    middle = _centre(face)
    angle, round_, radius = _polar(face[list(OUTLINE)], middle)
    steps = np.linspace(0, 1, RINGS + 1)[1:, None]
    tilt = angle + steps * (np.pi - angle) * 0.999
    wide, high, deep = np.array([0.90, 1.16, 1.12]) * unit * rng.uniform(0.96, 1.05, 3)
    way = np.stack([np.sin(tilt) * np.cos(round_), np.sin(tilt) * np.sin(round_), -np.cos(tilt)], axis=-1)
    below = np.maximum(0, way[..., 1])
    axes = np.stack(
        [np.full_like(below, wide), high - 0.45 * unit * below, np.full_like(below, deep)], axis=-1
    )
    skull = 1 / np.linalg.norm(way / axes, axis=-1)
    share = np.clip(steps / (0.55 - 0.3 * below), 0, 1)
    share = share * share * (3 - 2 * share)
    return (
        (middle + way * ((1 - share) * radius + share * skull)[..., None]).reshape(-1, 3).astype(np.float32)
    )


def _neck(face: np.ndarray, rng: np.random.Generator, *, shoulders: bool) -> np.ndarray:
    """Rows (NECK_ROWS x SPOKES, 3) from under the skull down to a stump, or over shoulders to the chest."""
    unit = float(np.linalg.norm(face[33] - face[263]))
    chin, middle = face[152], _centre(face)
    top, reach = chin[1] - 0.5 * unit, rng.uniform(0.8, 1.5) * unit if not shoulders else 4.6 * unit
    t = np.linspace(0, 1, NECK_ROWS)[:, None]
    y = top + t * (reach + 0.5 * unit)
    down = np.maximum(0, (y - chin[1]) / unit)  # below the chin, in spans of the eyes
    thick = rng.uniform(0.5, 0.62) * unit
    flare = np.clip((down - 0.3) / 0.9, 0, 1) ** 1.4 if shoulders else 0.25 * np.clip(down / 2, 0, 1) ** 2
    if not shoulders and rng.random() < 0.5:
        flare = flare + 0.35 * np.clip((t - 0.85) / 0.15, 0, 1)  # a foot
    wide = thick * (1 + flare * (2.6 if shoulders else 1.0))
    deep = thick * (1 + flare * (0.6 if shoulders else 1.0))
    around = np.arange(SPOKES) * 2 * np.pi / SPOKES
    x = middle[0] + wide * np.cos(around)
    # A neck leans, its foot further back; its front is well behind the chin.
    z = chin[2] + 0.4 * unit + thick + 0.2 * unit * np.clip(down, -0.5, 1.0) + deep * np.sin(around)
    slope = 0.45 * unit * flare * np.cos(around) ** 2 if shoulders else 0.0 * around
    rows = np.stack([x, np.broadcast_to(y, x.shape) + slope, z], axis=-1)
    return rows.reshape(-1, 3).astype(np.float32)


def _ears(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two flat hollow lobes (EAR x EAR, 3), left and right."""
    unit = float(np.linalg.norm(face[33] - face[263]))
    lobes = []
    for point, side in ((234, -1.0), (454, 1.0)):
        u, v = np.meshgrid(np.linspace(-1, 1, _EAR), np.linspace(-1, 1, _EAR))
        # A square drawn into a disc, its border the ear's fold.
        a, b = u * np.sqrt(1 - v * v / 2), v * np.sqrt(1 - u * u / 2)
        away = np.sqrt(a * a + b * b)
        bulge = 0.10 * np.exp(-(((away - 0.78) / 0.2) ** 2)) + 0.05 * (1 - away) + 0.10 * np.maximum(0, a)
        x = side * unit * (bulge - 0.02 - 0.12 * (away > 0.97))
        y = unit * (0.36 * b - 0.05 + 0.04 * a) * (1 - 0.1 * b)
        z = unit * (0.2 * a + 0.16 - 0.05 * b)
        lobes.append((np.stack([x, y, z], axis=-1).reshape(-1, 3) + face[point]).astype(np.float32))
    return lobes[0], lobes[1]


_EAR = 9


def _triangles() -> np.ndarray:
    first = np.array(OUTLINE)
    rings = POINTS + np.arange(RINGS * SPOKES).reshape(RINGS, SPOKES)
    rows = np.concatenate([first[None], rings])
    closed = np.concatenate([rows, rows[:, :1]], axis=1)
    skull = closed.ravel()[grid(RINGS + 1, SPOKES + 1)]
    start = POINTS + RINGS * SPOKES
    rows = start + np.arange(NECK_ROWS * SPOKES).reshape(NECK_ROWS, SPOKES)
    neck = np.concatenate([rows, rows[:, :1]], axis=1).ravel()[grid(NECK_ROWS, SPOKES + 1)]
    start += NECK_ROWS * SPOKES
    ears = [start + k * _EAR * _EAR + grid(_EAR, _EAR) for k in range(2)]
    return np.concatenate([FACE_TRIANGLES, skull, neck, *ears]).astype(np.int32)


def _uv() -> np.ndarray:
    """Where every point lies on the picture: the head as a sphere unrolled from the nose, the neck below."""
    rng = np.random.default_rng(0)
    head = np.concatenate([MEAN_FACE, _skull(MEAN_FACE, rng)])
    angle, round_, _ = _polar(head, _centre(MEAN_FACE))
    radius = (angle / np.pi) ** 0.75 * (_HEAD_PX / 2 - 4)  # wider about the face, which is looked at
    sphere = np.stack([np.cos(round_), np.sin(round_)], axis=1) * radius[:, None] + _HEAD_PX / 2
    s, t = np.meshgrid(np.linspace(0, SIZE[1] - 1, SPOKES), np.linspace(_HEAD_PX + 4, SIZE[0] - 2, NECK_ROWS))
    neck = np.stack([s, t], axis=-1).reshape(-1, 2)
    ear = np.full((2 * _EAR * _EAR, 2), [20.0, 20.0])  # a corner that the head does not use
    return np.concatenate([sphere, neck, ear]).astype(np.float32)


def _paint(rng: np.random.Generator, model: str) -> np.ndarray:
    """The picture (SIZE, 4) over head and neck."""
    if model == "plain":
        grey = rng.choice(
            [rng.uniform(0.6, 0.9), rng.uniform(0.2, 0.6), rng.uniform(0.02, 0.08)], p=[0.6, 0.25, 0.15]
        )
        tone = grey * np.exp(rng.normal(0, 0.05, 3))
    else:
        tone = draw_tone(rng) * np.exp(rng.normal(0, [0.1, 0.05, 0.12]))
    picture = np.empty((*SIZE, 3), np.float32)
    picture[:] = tone
    if model != "plain":
        face = painted_face(rng, uv=_FACE_UV, size=(_HEAD_PX, _HEAD_PX), tone=tone)
        picture[:_HEAD_PX] = face * rng.uniform(0.9, 1.1) if rng.random() < 0.2 else face
    picture *= np.exp(blotches(rng, SIZE, ((5, 0.04), (30, 0.02), (300, 0.015))))[..., None]
    if model == "painted" and rng.random() < 0.35:
        _stubble(picture, rng)
    if rng.random() < 0.2:
        _scribble(picture, rng)
    if rng.random() < 0.5:  # clothed
        cloth = np.exp(rng.uniform(np.log(0.015), np.log(0.6))) * np.exp(rng.normal(0, 0.3, 3))
        fine = np.exp(rng.normal(0, 0.12, (SIZE[0] - _HEAD_PX, SIZE[1], 1)).astype(np.float32))
        hem = _HEAD_PX + round((SIZE[0] - _HEAD_PX) * rng.uniform(0.4, 0.5))
        picture[hem:] = (cloth * fine[hem - _HEAD_PX :]).astype(np.float32)
    return np.dstack([np.clip(picture, 0.004, 0.95), np.ones(SIZE, np.float32)])


def _stubble(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Hair that is painted on the skull."""
    y, x = np.ogrid[:_HEAD_PX, :_HEAD_PX]
    middle = _HEAD_PX / 2
    away = np.hypot(x - middle, y - middle) / middle
    above = (
        (_FACE_UV[10, 1] - y) / 40 + 6 * np.maximum(0, away - 0.54) - 4 * np.maximum(0, (y - middle) / middle)
    )
    cover = np.clip(above + blotches(rng, (_HEAD_PX, _HEAD_PX), ((60, 0.3),)), 0, 1).astype(np.float32)
    lay(picture[:_HEAD_PX], rng.uniform(0.5, 1.0) * cover, rng.uniform(0.01, 0.1) * np.array([1.0, 0.7, 0.5]))


def _scribble(picture: np.ndarray, rng: np.random.Generator) -> None:
    """A mark, a price or a sticker that somebody left on it."""
    at = np.array([_HEAD_PX / 2, _HEAD_PX / 2]) + rng.normal(0, 110, 2)
    colour = rng.choice([0.02, 0.8], 3)
    for _ in range(int(rng.integers(1, 4))):
        line = at + rng.normal(0, 22, (2, 2))
        ends = [tuple(int(v) for v in np.round(end)) for end in line]
        drawn = np.zeros(picture.shape[:2], np.uint8)
        cv2.line(drawn, ends[0], ends[1], 255, int(rng.integers(3, 8)), cv2.LINE_AA)
        lay(picture, drawn.astype(np.float32) / 255, colour)


def _grown(rng: np.random.Generator, face: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The skull's rings ((RINGS + 1) * SPOKES, 3) puffed up into a wig, hanging if long."""
    unit = float(np.linalg.norm(face[33] - face[263]))
    rings = np.concatenate([face[list(OUTLINE)][None], head.reshape(RINGS, SPOKES, 3)])
    middle = _centre(face)
    away = rings - middle
    puff = rng.uniform(0.1, 0.3) * unit * np.clip(np.arange(RINGS + 1) / 2 + 0.25, 0, 1)[:, None, None]
    grown = rings + away / np.linalg.norm(away, axis=-1, keepdims=True) * puff
    lower = np.maximum(0, grown[..., 1] - middle[1])
    length = float(rng.choice([0.0, rng.uniform(0.6, 1.8)]))
    grown[..., 1] += length * lower * (np.abs(away[..., 0]) / unit > 0.25)
    return grown.reshape(-1, 3).astype(np.float32)


def _wig(rng: np.random.Generator, points: np.ndarray) -> Surface:
    triangles = np.arange((RINGS + 1) * SPOKES).reshape(RINGS + 1, SPOKES)
    triangles = np.concatenate([triangles, triangles[:, :1]], axis=1).ravel()[grid(RINGS + 1, SPOKES + 1)]
    size = (_HEAD_PX, _HEAD_PX)
    uv = _uv()[[*OUTLINE, *range(POINTS, POINTS + RINGS * SPOKES)]]
    cut = finer(triangles, len(points))
    hairs = np.array(
        [[0.012, 0.01, 0.009], [0.05, 0.03, 0.018], [0.3, 0.2, 0.1], [0.3, 0.29, 0.28], [0.15, 0.05, 0.02]]
    )
    colour = hairs[rng.integers(len(hairs))] * rng.uniform(0.7, 1.3)
    y, x = np.mgrid[:_HEAD_PX, :_HEAD_PX].astype(np.float32) - _HEAD_PX / 2
    # Strands run from the crown: noise that is long along the radius.
    around = (np.arctan2(y, x) / (2 * np.pi) + 0.5) * 900
    strands = cv2.GaussianBlur(rng.normal(0, 1.6, (24, 900)).astype(np.float32), (0, 0), 0.8)
    lines = cv2.remap(strands, around.astype(np.float32), np.hypot(x, y) / 26, cv2.INTER_LINEAR)
    picture = colour * np.exp(0.9 * lines)[..., None]
    edge = _FACE_UV[10, 1] - _HEAD_PX / 2
    fringe = edge + rng.uniform(-10, 60) + 26 * blotches(rng, size, ((50, 0.6),)) + 0.0012 * x * x
    side = (np.abs(x) / (_HEAD_PX / 2) - rng.uniform(0.47, 0.56)) * 40
    above = np.clip(np.maximum((fringe - y) / 6, side + 0.8 * lines), 0, 1)
    bare = 1 - region(_FACE_UV[list(OUTLINE)] + [0, 60], size, soft_px=6.0, widen=0.98)
    nape = np.clip((_FACE_UV[152, 1] + 60 - _HEAD_PX / 2 - y + 500 * (np.abs(x) > 250)) / 20, 0, 1)
    alpha = np.clip(above * np.maximum(bare, y < fringe) * nape, 0, 1)
    return Surface(
        vertices=cut.points(points),
        triangles=cut.triangles,
        uv=cut.points(uv, smooth=False),
        texture=np.dstack([np.clip(picture, 0.003, 0.9), alpha]).astype(np.float32),
        gloss=float(rng.uniform(0.005, 0.03)),
        shininess=float(rng.uniform(8, 25)),
    )


def _shelf(rng: np.random.Generator, neck: np.ndarray) -> Surface:
    """What a stump stands on: a board's upper side and its front, down out of the picture."""
    foot = neck.reshape(NECK_ROWS, SPOKES, 3)[-1].mean(axis=0)
    half, before, behind = rng.uniform(0.12, 0.8), rng.uniform(0.08, 0.2), rng.uniform(0.1, 0.3)
    deep = float(rng.choice([0.02, 0.04, 0.8]))
    lines = np.array([[0, behind], [0, -before], [deep, -before]])
    x = np.linspace(-half, half, 5)
    points = np.array([[foot[0] + a, foot[1] + down, foot[2] + z] for down, z in lines for a in x])
    size = (60, 90)
    colour = rng.uniform(0.03, 0.7) * np.exp(rng.normal([0.1, 0, -0.1], 0.15))
    picture = colour * np.exp(blotches(rng, size, ((6, 0.1), (30, 0.08))))[..., None]
    u, v = np.meshgrid(np.linspace(0, 89, 5), [0, 40, 59])
    return Surface(
        vertices=points.astype(np.float32),
        triangles=grid(3, 5),
        uv=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        texture=np.dstack([np.clip(picture, 0.004, 0.9), np.ones(size)]).astype(np.float32),
        gloss=float(rng.choice([0.0, 0.02])),
    )


_TRIANGLES = _triangles()
_FACE_UV = _uv()[:POINTS]
