"""Drawn faces: the simulator works, and its tests run, without a single portrait.

A mean face is stretched into somebody else's, and its parts are painted where the mesh says they are: skin
with blotches and pores, eyes, brows, nostrils, lips, hair, neck and cloth. It is a face to a face detector,
and a stand-in to everybody else: use portraits where there are some.
"""

import cv2
import numpy as np

from unmask.media.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    MOUTH_LOWER,
    MOUTH_UPPER,
    OUTLINE,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.simulate.rendering.canvas import covered
from unmask.simulate.rendering.light import Light, draw_light, irradiance
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.rendering.rooms import draw_room
from unmask.simulate.rendering.surfaces import turn, vertex_normals

SIZE_PX = 512
_BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_NOSTRILS = ((60, 99, 20, 242), (290, 328, 250, 462))
_EYES = ((RIGHT_EYE_UPPER, RIGHT_EYE_LOWER), (LEFT_EYE_UPPER, LEFT_EYE_LOWER))


def draw_face(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A drawn portrait (512, 512, 3) uint8 RGB and its mesh (468, 3) float32 in its pixels."""
    mesh = _somebody(rng)
    linear = _background(rng)
    skin = _skin_colour(rng)
    hair = _hair_colour(rng)
    long_hair = bool(rng.random() < 0.4)
    if long_hair:
        _long_hair(linear, mesh, hair, rng)
    _neck_and_cloth(linear, mesh, skin, rng)
    _head(linear, mesh, skin)
    _face(linear, mesh, skin, rng)
    _features(linear, mesh, skin, hair, rng)
    _hair(linear, mesh, hair, rng)
    noise = _blotches(rng, linear.shape[:2], ((8, 0.06), (40, 0.05), (256, 0.035)))
    linear = cv2.GaussianBlur(linear, (0, 0), 0.8) * np.exp(noise)[..., None]
    srgb = np.clip(linear, 0, 1) ** (1 / 2.2)
    return np.round(srgb * 255).astype(np.uint8), mesh


def _somebody(rng: np.random.Generator) -> np.ndarray:
    """The mean face stretched as a whole and bent here and there, turned a little: pixels of the picture."""
    face = MEAN_FACE.astype(np.float64) * [
        rng.uniform(0.94, 1.06),
        rng.uniform(0.92, 1.1),
        rng.uniform(0.85, 1.1),
    ]
    for at in (1, 152, 61, 159, 50, 105, 172, 10):
        pull = rng.normal(0, [0.02, 0.025, 0.02])
        for side in (1, -1):  # faces are symmetric
            centre = MEAN_FACE[at] * [side, 1, 1]
            near = np.exp(-((MEAN_FACE - centre) ** 2).sum(axis=1) / (2 * 0.18**2))
            face += near[:, None] * pull * [side, 1, 1]
    angles = np.radians(rng.normal(0, [7.0, 4.0, 3.0]))
    face = face @ turn(yaw=angles[0], pitch=angles[1], roll=angles[2]).T
    span = rng.uniform(110, 150)
    centre = np.array([SIZE_PX * rng.uniform(0.47, 0.53), SIZE_PX * rng.uniform(0.42, 0.48), 0])
    return (face * span + centre).astype(np.float32)


def _skin_colour(rng: np.random.Generator) -> np.ndarray:
    """Linear reflectance between deep brown and pale, along the measured line of human skins."""
    t = rng.uniform(0, 1)
    dark, pale = np.array([0.10, 0.055, 0.035]), np.array([0.62, 0.42, 0.33])
    return dark ** (1 - t) * pale**t * np.exp(rng.normal(0, 0.05, 3))


def _hair_colour(rng: np.random.Generator) -> np.ndarray:
    kinds = np.array(
        [[0.015, 0.012, 0.01], [0.05, 0.03, 0.018], [0.3, 0.2, 0.1], [0.28, 0.27, 0.26], [0.18, 0.06, 0.02]]
    )
    return kinds[rng.choice(5, p=[0.4, 0.3, 0.12, 0.12, 0.06])] * rng.uniform(0.8, 1.25)


def _blotches(
    rng: np.random.Generator, shape: tuple[int, ...], scales: tuple[tuple[int, float], ...]
) -> np.ndarray:
    """Smooth noise (h, w): for each scale that many cells across, of that standard deviation."""
    total = np.zeros(shape, np.float32)
    for cells, deviation in scales:
        noise = rng.normal(0, deviation, (cells, cells)).astype(np.float32)
        total += cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return total


def _background(rng: np.random.Generator) -> np.ndarray:
    room = draw_room(rng, size=(SIZE_PX, SIZE_PX))
    return cv2.GaussianBlur(room, (0, 0), float(rng.uniform(0.5, 6)))


def _blend(linear: np.ndarray, mask: np.ndarray, colour: np.ndarray, *, soft_px: float = 1.0) -> None:
    """Lay `colour` (3,) or (h, w, 3) over the picture where `mask` (h, w) is, its edge softened."""
    cover = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), soft_px)
    part = covered(cover)
    cover = cover[part][..., None]
    linear[part] *= 1 - cover
    linear[part] += cover * np.broadcast_to(colour, linear.shape)[part]


def _polygon(points: np.ndarray) -> np.ndarray:
    mask = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    cv2.fillPoly(mask, [np.round(points[:, :2] * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _ellipse(centre: np.ndarray, axes: tuple[float, float], *, angle: float = 0.0) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 60)[:-1]
    points = np.stack([axes[0] * np.cos(t), axes[1] * np.sin(t)], axis=1)
    turned = points @ turn(roll=angle)[:2, :2].T
    return _polygon(turned + centre[:2])


def _frame(mesh: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """The face's middle, width, height and roll."""
    outline = mesh[list(OUTLINE)]
    wide, tall = float(np.ptp(outline[:, 0])), float(np.ptp(outline[:, 1]))
    eyes = mesh[263] - mesh[33]
    return outline.mean(axis=0), wide, tall, float(np.arctan2(eyes[1], eyes[0]))


def _neck_and_cloth(linear: np.ndarray, mesh: np.ndarray, skin: np.ndarray, rng: np.random.Generator) -> None:
    middle, wide, tall, _ = _frame(mesh)
    chin = mesh[152]
    x, y = middle[0], chin[1]
    neck = np.array(
        [
            [x - 0.33 * wide, y - 0.3 * tall],
            [x + 0.33 * wide, y - 0.3 * tall],
            [x + 0.36 * wide, y + 0.5 * tall],
            [x - 0.36 * wide, y + 0.5 * tall],
        ]
    )
    _blend(linear, _polygon(neck), skin * 0.6, soft_px=3)
    cloth = np.clip(np.exp(rng.uniform(np.log(0.02), np.log(0.6))) * np.exp(rng.normal(0, 0.3, 3)), 0.01, 0.9)
    across = np.linspace(-1, 1, 41)
    edge = y + tall * (0.28 + 0.30 * np.abs(across) ** 1.5 - 0.06 * (np.abs(across) < 0.2))
    top = np.stack([x + 1.35 * wide * across, edge], axis=1)
    body = np.concatenate([top, [[x + 1.45 * wide, SIZE_PX + 9.0], [x - 1.45 * wide, SIZE_PX + 9.0]]])
    stripes = 1 + rng.uniform(0, 0.4) * np.sin(np.arange(SIZE_PX) / rng.uniform(2, 9))[None, :, None]
    _blend(linear, _polygon(body), cloth * stripes)


def _head(linear: np.ndarray, mesh: np.ndarray, skin: np.ndarray) -> None:
    """Skull, ears and the skin round the mesh."""
    middle, wide, tall, roll = _frame(mesh)
    up = turn(roll=roll)[:2, :2] @ np.array([0, -1.0])
    _blend(
        linear,
        _ellipse(middle[:2] + up * 0.14 * tall, (0.53 * wide, 0.62 * tall), angle=roll),
        skin * 0.8,
        soft_px=2,
    )
    for side in (234, 454):
        _blend(
            linear, _ellipse(mesh[side, :2], (0.06 * wide, 0.14 * tall), angle=roll), skin * 0.65, soft_px=2
        )


def _face(linear: np.ndarray, mesh: np.ndarray, skin: np.ndarray, rng: np.random.Generator) -> None:
    """The mesh, lit."""
    _, triangle, weights = rasterise(mesh, FACE_TRIANGLES, height=SIZE_PX, width=SIZE_PX)
    normals = vertex_normals(mesh + np.array([0, 0, 1e4], np.float32), FACE_TRIANGLES)
    light = draw_light(rng, kinds=("front",))
    even = Light(
        kind="drawn",
        ambient=np.full(3, 0.45),
        tilt=light.tilt,
        lamps=light.lamps[:1],
        background=light.background,
    )
    shade = irradiance(normals, even)
    shade = 0.5 + 0.5 * shade / shade.mean()
    inside = triangle >= 0
    lit = np.zeros_like(linear)
    lit[inside] = np.einsum("pk,pkd->pd", weights[inside], shade[FACE_TRIANGLES[triangle[inside]]]) * skin
    red = _blotches(rng, (SIZE_PX, SIZE_PX), ((12, 0.08), (50, 0.05)))[..., None] * np.array([-0.2, 1.0, 0.8])
    filled = np.where(inside[..., None], lit * np.exp(red), skin)
    _blend(
        linear, cv2.erode(inside.astype(np.float32), np.ones((5, 5))), filled.astype(np.float32), soft_px=3
    )


def _features(
    linear: np.ndarray, mesh: np.ndarray, skin: np.ndarray, hair: np.ndarray, rng: np.random.Generator
) -> None:
    """Brows, eyes, nostrils, lips."""
    _, wide, _, roll = _frame(mesh)
    for brow in _BROWS:
        _blend(linear, 0.85 * _polygon(mesh[list(brow)]), np.minimum(hair, skin * 0.4), soft_px=1.8)
    iris = np.array([[0.04, 0.02, 0.01], [0.06, 0.10, 0.16], [0.07, 0.09, 0.04]])[
        rng.choice(3, p=[0.7, 0.2, 0.1])
    ]
    for upper, lower in _EYES:
        rim = mesh[[*upper, *lower[-2:0:-1]]]
        socket = rim.mean(axis=0) + (rim - rim.mean(axis=0)) * [1.5, 2.2, 1]
        _blend(linear, 0.35 * _polygon(socket), skin * 0.45, soft_px=4)
        opening = _polygon(rim)
        radius = 0.23 * float(np.linalg.norm(mesh[upper[0]] - mesh[upper[-1]]))
        centre = rim.mean(axis=0)
        _blend(linear, opening, np.array([0.6, 0.56, 0.53]), soft_px=0.8)
        _blend(linear, opening * _ellipse(centre, (radius, radius)), iris, soft_px=0.8)
        _blend(
            linear, opening * _ellipse(centre, (0.45 * radius, 0.45 * radius)), np.full(3, 0.005), soft_px=0.6
        )
        spot = centre[:2] + radius * np.array([0.35, -0.35])
        _blend(linear, _ellipse(spot, (0.2 * radius, 0.2 * radius)), np.ones(3), soft_px=0.6)
        lashes = np.concatenate([mesh[list(upper), :2], mesh[list(upper)[::-1], :2] - [0, 0.012 * wide]])
        _blend(linear, _polygon(lashes), np.minimum(hair, 0.03), soft_px=0.8)
    for nostril in _NOSTRILS:
        spot = mesh[list(nostril), :2].mean(axis=0)
        _blend(
            linear, 0.8 * _ellipse(spot, (0.035 * wide, 0.018 * wide), angle=roll), skin * 0.12, soft_px=1.5
        )
    _blend(linear, 0.8 * _polygon(mesh[list(_LIPS)]), skin * np.array([0.85, 0.5, 0.5]), soft_px=1.5)
    between = mesh[list(MOUTH_LOWER)[::-1], :2] + np.array([0, 0.012 * wide])
    line = np.concatenate([mesh[list(MOUTH_UPPER), :2], between])
    _blend(linear, 0.85 * _polygon(line), skin * 0.15, soft_px=1.0)
    if rng.random() < 0.3:  # beard
        jaw = mesh[[132, 172, 150, 152, 379, 397, 361, 291, 0, 61]]
        _blend(
            linear, rng.uniform(0.3, 0.8) * _polygon(jaw) * (1 - _polygon(mesh[list(_LIPS)])), hair, soft_px=6
        )


def _long_hair(linear: np.ndarray, mesh: np.ndarray, hair: np.ndarray, rng: np.random.Generator) -> None:
    middle, wide, tall, roll = _frame(mesh)
    length = rng.uniform(0.9, 1.3)
    strands = np.exp(0.25 * np.sin(np.arange(SIZE_PX) / rng.uniform(1.5, 4)))[None, :, None]
    _blend(
        linear,
        _ellipse(middle + np.array([0, 0.15 * tall, 0]), (0.78 * wide, length * tall), angle=roll),
        hair * strands,
        soft_px=2,
    )


def _hair(linear: np.ndarray, mesh: np.ndarray, hair: np.ndarray, rng: np.random.Generator) -> None:
    """A cap over the skull that leaves the face free above the brows; thin on some heads, none on a few."""
    if rng.random() < 0.08:
        return
    middle, wide, tall, roll = _frame(mesh)
    up = turn(roll=roll)[:2, :2] @ np.array([0, -1.0])
    cap = _ellipse(
        middle[:2] + up * 0.17 * tall, (0.59 * wide, (0.66 + rng.uniform(0, 0.15)) * tall), angle=roll
    )
    drop = rng.uniform(-0.02, 0.12)
    free = _ellipse(
        middle[:2] - up * drop * tall,
        (rng.uniform(0.45, 0.5) * wide, rng.uniform(0.56, 0.62) * tall),
        angle=roll,
    )
    ragged = cv2.GaussianBlur(_blotches(rng, (SIZE_PX, SIZE_PX), ((60, 0.5),)), (0, 0), 1)
    below = np.clip((np.arange(SIZE_PX)[:, None] - mesh[234, 1] - 0.1 * tall) / 20, 0, 1)
    mask = np.clip(cap - free - below + ragged * cap * (1 - cap), 0, 1)
    combed = cv2.GaussianBlur(_blotches(rng, (SIZE_PX, SIZE_PX), ((256, 1.6),)), (0, 0), sigmaX=0.8, sigmaY=9)
    strands = np.exp(combed)[..., None]
    _blend(linear, mask, hair * strands, soft_px=1.8)
