"""A portrait as a thing that can be turned, lit and made to blink: face mesh, relief of the rest, matte,
evened skin.

The face is the 468-point mesh in metres. Hair, neck and shoulders are a relief of rings sewn to its outline:
from the outline the surface falls back to the plane of the ears over half a face's radius, below the chin it
is the neck, then the chest. The frame of a bust is the portrait's own camera frame with the origin between
the ears, so that motion is what is added to the pose the portrait was taken in.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.media.topology import (
    FACE_TRIANGLES,
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    MOUTH_LOWER,
    MOUTH_UPPER,
    OPENINGS,
    OUTLINE,
    POINTS,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.rendering.canvas import decontaminated, linear_of, painted_out, widened, with_mouth
from unmask.simulate.rendering.mattes import matte, matte_contrast
from unmask.simulate.rendering.relief import Occlusion, evened, occlusion_of
from unmask.simulate.rendering.surfaces import Pose, Surface, grid

EYE_SPAN_M = 0.089  # between the outer corners of the eyes, adults' mean
RINGS = 12
SKIN_GLOSS, SKIN_SHININESS = 0.022, 14.0

# Lip points that the jaw carries: outer, middle and inner rows of the lower lip.
_LOWER_LIP = (
    *(146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(77, 90, 180, 85, 16, 315, 404, 320, 307),
    *(96, 89, 179, 86, 15, 316, 403, 319, 325),
    *MOUTH_LOWER[1:-1],
)
_UPPER_LIP = (*(185, 40, 39, 37, 0, 267, 269, 270, 409), *MOUTH_UPPER[1:-1], 73, 72, 11, 302, 303, 74, 304)
_LID_CREASE = {33: (247, 30, 29, 27, 28, 56, 190), 362: (414, 286, 258, 257, 259, 260, 467)}
_EYES = ((RIGHT_EYE_UPPER, RIGHT_EYE_LOWER), (LEFT_EYE_UPPER, LEFT_EYE_LOWER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bust:
    """What `make_bust` made of a portrait; n points, the first 468 the face.

    `points` (n, 3) metres at rest, `surface` their triangles, uv and skin with the photographer's light
    taken off; `taken` (h, w, 4) is the texture with it. `head` (n,) in [0, 1]: share of the head's motion
    against the body's; `jaw`, `lids`, `smile`, `brows` (n, 3): the way a point goes as the mouth opens, the
    eyes close, the mouth smiles, the brows rise; `gaze` (4, n, 3) as the eyes look to the picture's right,
    left, down and up, None where they are part of the picture. `turning`: how far, in radians of yaw to the
    picture's left (negative) and right, it may turn from rest, None where only its front is known. `own`
    (h, w, 3) linear is the portrait's own background, person painted out, in the pixels of the texture;
    `metres_per_px` its scale, `origin_px` (2,) where the frame's axis meets it. `reach` (4,) metres: the
    matte's left, top, right and bottom in the frame, beyond which there is no person to show; `portrait`
    (4,) the same of the picture itself. `contrast` says how well person and background differ along the
    matte above the chin (0.1 where the matte is a guess, 0.3 where it is sure).
    """

    name: str
    points: np.ndarray
    surface: Surface
    head: np.ndarray
    jaw: np.ndarray
    lids: np.ndarray
    occlusion: Occlusion
    taken: np.ndarray
    own: np.ndarray
    metres_per_px: float
    origin_px: np.ndarray
    reach: np.ndarray
    portrait: np.ndarray
    contrast: float
    smile: np.ndarray
    brows: np.ndarray
    gaze: np.ndarray | None = None
    turning: tuple[float, float] | None = None


def make_bust(portrait: Portrait, *, cache: Path | None = None) -> Bust:
    """The portrait's bust (half a second, most of it the matte, kept in the folder `cache` if given)."""
    own_alpha = matte(portrait.image, portrait.mesh, cache=cache)
    h, w = own_alpha.shape
    canvas, alpha, mirrored, shift = widened(portrait.image, own_alpha, mesh=portrait.mesh)
    mesh = portrait.mesh.astype(np.float32) + np.array([*shift, 0], np.float32)
    scale = EYE_SPAN_M / float(np.linalg.norm(mesh[33] - mesh[263]))
    origin = np.array([*((mesh[234] + mesh[454]) / 2)[:2], (mesh[234, 2] + mesh[454, 2]) / 2], np.float32)
    face = (mesh - origin) * scale
    rings, ring_uv = _rings(mesh, canvas.shape[:2], origin, scale)
    points = np.concatenate([face, rings])
    uv = np.concatenate([mesh[:, :2], ring_uv]).astype(np.float32)
    linear = linear_of(canvas)
    taken = decontaminated(linear, np.minimum(alpha, mirrored))
    skin = evened(taken, mesh)
    inside, mouth_uv, texture = with_mouth(skin, alpha, mesh=mesh)
    points, uv = np.concatenate([points, face[list(inside)]]), np.concatenate([uv, mouth_uv])
    triangles = _triangles(inside)
    gloss = np.zeros(len(points), np.float32)
    gloss[:POINTS] = SKIN_GLOSS
    surface = Surface(
        vertices=points, triangles=triangles, uv=uv, texture=texture, gloss=gloss, shininess=SKIN_SHININESS
    )
    return Bust(
        name=portrait.name,
        points=points,
        surface=surface,
        head=head_share(points, face, always=_within(points)),
        jaw=_jaw(points, face, inside),
        lids=_lids(points, face),
        smile=_smile(points, face, inside),
        brows=_brows(points, face),
        occlusion=occlusion_of(points, triangles, spared=_spared(points, face)),
        taken=with_mouth(taken, alpha, mesh=mesh)[2],
        own=painted_out(linear, np.maximum(alpha, mirrored)),
        metres_per_px=scale,
        origin_px=origin[:2],
        reach=_reach(alpha, origin, scale),
        portrait=(np.array([*shift, shift[0] + w, shift[1] + h]) - np.tile(origin[:2], 2)).astype(np.float32)
        * scale,
        contrast=matte_contrast(portrait.image, own_alpha, mesh=portrait.mesh),
    )


def posed(
    bust: Bust,
    *,
    head: Pose,
    body: Pose,
    blink: float,
    mouth: float,
    smile: float = 0.0,
    brows: float = 0.0,
    gaze: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """The bust's points (n, 3) in the frame that `head` and `body` lead to.

    `blink`, `mouth` and `smile` in [0, 1]; `brows` in [-1, 1], up is positive; `gaze` to the picture's right
    and down, each in [-1, 1], about 25 degrees at most.
    """
    still = bust.points + mouth * bust.jaw + blink * bust.lids + smile * bust.smile + brows * bust.brows
    if bust.gaze is not None:
        right, down = gaze
        still = still + abs(right) * bust.gaze[0 if right > 0 else 1]
        still = still + (1 - blink) * abs(down) * bust.gaze[2 if down > 0 else 3]  # lids close all the same
    share = bust.head[:, None]
    return (share * head.moved(still) + (1 - share) * body.moved(still)).astype(np.float32)


def _rings(
    mesh: np.ndarray, size: tuple[int, int], origin: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """The relief round the face: RINGS x 36 points in metres, ring after ring, and their places on the
    canvas.
    """
    outline = mesh[list(OUTLINE)]
    centre = outline[:, :2].mean(axis=0)
    spoke = outline[:, :2] - centre
    angle = np.unwrap(np.arctan2(spoke[:, 1], spoke[:, 0]))
    angle = np.maximum.accumulate(angle + np.arange(36) * 1e-3)  # a turned face's far side would fold
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    offset = mesh[:, :2] - centre
    along, across = (
        offset @ direction.T,
        np.abs(np.outer(offset[:, 0], direction[:, 1]) - np.outer(offset[:, 1], direction[:, 0])),
    )
    spread = np.linalg.norm(spoke, axis=1)
    # The outline of a turned face is not its silhouette: rings begin outside every point near their spoke.
    widest = np.where(across < 0.12 * spread.mean(), along, 0).max(axis=0)
    radius = np.maximum(widest, spread) * 1.02
    border = _to_border(centre, direction, size)
    steps = np.linspace(0, 1, RINGS + 1)[1:] ** 1.7  # dense beside the face, where the relief bends
    reach = radius + steps[:, None] * np.maximum(border - radius, 1.0)
    uv = centre + reach[..., None] * direction
    depth = _relief(uv, outline[:, 2], reach / radius, mesh, 1 / scale)
    points = np.concatenate([uv - origin[:2], depth[..., None] - origin[2]], axis=2) * scale
    return points.reshape(-1, 3).astype(np.float32), uv.reshape(-1, 2)


def _to_border(centre: np.ndarray, direction: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How far (36,) each spoke runs to the canvas's border."""
    far = np.where(direction > 0, np.array([size[1] - 1, size[0] - 1]) - centre, -centre)
    return (far / np.where(np.abs(direction) < 1e-6, 1e-6, direction)).min(axis=1)


def _relief(uv: np.ndarray, rim: np.ndarray, ratio: np.ndarray, mesh: np.ndarray, metre: float) -> np.ndarray:
    """Depth (RINGS, 36) in px (`metre` px each): back to the ears' plane beside the face, neck and chest
    below it.
    """
    ears = (mesh[234, 2] + mesh[454, 2]) / 2
    chin, ear = mesh[152, 1], (mesh[234, 1] + mesh[454, 1]) / 2
    above = np.clip((ear - uv[..., 1]) / (ear - mesh[10, 1]), 0, 1)
    # Leaves the face's plane gently, as a skull does; over the forehead more so, or nods would hide hair.
    fall = np.clip((ratio - 1) / (0.6 + 0.4 * above), 0, 1) ** 2
    beside = rim + (np.maximum(ears + 0.02 * metre, rim) - rim) * fall
    under = np.clip((uv[..., 1] - chin) / (0.03 * metre), 0, 1)
    neck = ears - 0.01 * metre
    chest = neck + 0.03 * metre - np.clip((uv[..., 1] - chin) / (0.28 * metre), 0, 1) * 0.06 * metre
    middle = np.abs(uv[..., 0] - mesh[152, 0]) / metre
    body = chest + 0.10 * metre * np.clip(middle / 0.25, 0, 1) ** 2  # shoulders lie behind the breastbone
    depth = beside + under * (np.maximum(body, rim) - beside)
    return np.where(uv[..., 1] > ear, depth, beside)


def _triangles(inside: tuple[int, ...]) -> np.ndarray:
    """The face's, the sewing, the rings', and the mouth's second time, when it has an inside of its own."""
    first = np.array(OUTLINE)
    rings = POINTS + np.arange(RINGS * 36).reshape(RINGS, 36)
    rows = np.concatenate([first[None], rings])
    closed = np.concatenate([rows, rows[:, :1]], axis=1)
    net = closed.ravel()[grid(RINGS + 1, 37)]
    face = FACE_TRIANGLES
    if inside:
        face = face.copy()
        renamed = dict(zip(inside, POINTS + RINGS * 36 + np.arange(len(inside)), strict=True))
        hole = face[OPENINGS["mouth"]]
        face[OPENINGS["mouth"]] = np.vectorize(renamed.__getitem__)(hole)
    return np.concatenate([face, net]).astype(np.int32)


def _spared(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """1 for hair and ears: whose relief is a guess, too steep beside the face to cast shadows; else 0."""
    spared = (points[:, 1] < face[152, 1]).astype(np.float32)
    spared[:POINTS] = 0
    spared[POINTS + RINGS * 36 :] = 0
    return spared


def _smooth(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def head_share(points: np.ndarray, face: np.ndarray, *, always: np.ndarray) -> np.ndarray:
    """1 for what turns with the skull, 0 for the shoulders, smoothly over the neck; `always` (n,) bool is
    1.
    """
    chin, tall = face[152, 1], face[152, 1] - face[10, 1]
    share = 1 - _smooth((points[:, 1] - (chin - 0.03 * tall)) / (0.75 * tall))
    wide = _smooth((np.abs(points[:, 0]) - 0.11) / 0.12)
    far = 1 - wide * _smooth((points[:, 1] - face[10, 1]) / tall)
    return np.where(always, 1.0, share * far).astype(np.float32)


def _within(points: np.ndarray) -> np.ndarray:
    """Whether a point is the face's or its mouth's, not the relief's."""
    index = np.arange(len(points))
    return (index < POINTS) | (index >= POINTS + RINGS * 36)


def _jaw(points: np.ndarray, face: np.ndarray, inside: tuple[int, ...]) -> np.ndarray:
    """The way (n, 3) of each point as the mouth opens: the chin goes down and a little back."""
    mouth, chin = (face[78] + face[308]) / 2, face[152]
    half = np.abs(face[454, 0] - face[234, 0]) / 2
    down = _smooth((points[:, 1] - mouth[1]) / (0.6 * (chin[1] - mouth[1])))
    aside = 1 - _smooth((np.abs(points[:, 0] - mouth[0]) - 0.25 * half) / (0.75 * half))
    share = down * aside
    lip_half = np.abs(face[308, 0] - face[78, 0]) / 2
    lower, upper = list(_LOWER_LIP), list(_UPPER_LIP)
    share[lower] = 0.25 + 0.75 * np.sqrt(np.clip(1 - ((points[lower, 0] - mouth[0]) / lip_half) ** 2, 0, 1))
    share[upper] = 0.0
    share[POINTS:] *= 1 - _smooth((points[POINTS:, 1] - chin[1]) / (0.5 * (chin[1] - mouth[1])))
    first = POINTS + RINGS * 36
    for k, point in enumerate(inside):
        share[first + k] = share[point]
    # A mouth that shows its teeth has no dark inside: it opens less, or the teeth would stretch.
    way = np.array([0, 0.016, 0.003], np.float32) * (1.0 if inside else 0.3)
    return (share[:, None] * way).astype(np.float32)


def _lids(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The way (n, 3) of each point as the eyes close: the upper lid comes down near the lower rim."""
    way = np.zeros_like(points)
    for upper, lower in _EYES:
        gap = face[list(lower)] - face[list(upper)]
        way[list(upper)] = 0.88 * gap - np.array([0, 0, 0.0006], np.float32)
        way[list(lower)] = -0.12 * gap
        way[list(_LID_CREASE[upper[0]])] = 0.3 * gap[1:-1]
    return way.astype(np.float32)


def _smile(points: np.ndarray, face: np.ndarray, inside: tuple[int, ...]) -> np.ndarray:
    """The way (n, 3) of each point as the mouth smiles: its corners go out, up and back, the cheeks after
    them.
    """
    way = np.zeros_like(points)
    half = np.linalg.norm(face[308] - face[78]) / 2
    more = 1.0 if inside else 0.6  # a mouth that shows its teeth smiles already
    for corner, sign in ((78, -1.0), (308, 1.0)):
        off = np.linalg.norm((face - face[corner]) * [1.0, 1.0, 0.5], axis=1) / half
        near = np.exp(-0.5 * (off / 0.75) ** 2)
        way[:POINTS] += more * near[:, None] * np.array([0.006 * sign, -0.005, 0.003])
    for k, point in enumerate(inside):
        way[POINTS + RINGS * 36 + k] = way[point]
    return way.astype(np.float32)


def _brows(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The way (n, 3) of each point as the brows rise: 5 mm, the forehead with them."""
    way = np.zeros_like(points)
    for middle in (105, 334):
        off = (face[:, :2] - face[middle, :2]) / np.array([0.022, 0.010])
        way[:POINTS, 1] -= 0.005 * np.exp(-0.5 * (off**2).sum(axis=1))
    for upper, lower in _EYES:
        way[[*upper, *lower]] = 0  # the lids stay
    return way.astype(np.float32)


def _reach(alpha: np.ndarray, origin: np.ndarray, scale: float) -> np.ndarray:
    """Left, top, right and bottom (4,) of the person in metres of the frame."""
    rows, columns = np.flatnonzero((alpha > 0.5).any(axis=1)), np.flatnonzero((alpha > 0.5).any(axis=0))
    px = np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)
    return (px - np.tile(origin[:2], 2)) * scale
