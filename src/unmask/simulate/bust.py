"""A portrait as a thing that can be turned, lit and made to blink: face mesh, relief of the rest, matte, evened skin.

The face is the 468-point mesh in metres. Hair, neck and shoulders are a relief of rings sewn to its outline: from the
outline the surface falls back to the plane of the ears over half a face's radius, below the chin it is the neck, then
the chest. The frame of a bust is the portrait's own camera frame with the origin between the ears, so that motion is
what is added to the pose the portrait was taken in.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
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
from unmask.simulate.light import Light
from unmask.simulate.mattes import matte, matte_contrast
from unmask.simulate.relief import Occlusion, evened, occlusion_of
from unmask.simulate.subjects import Portrait
from unmask.simulate.surfaces import Pose, Surface, grid

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

    `points` (n, 3) metres at rest, `surface` their triangles, uv and skin; `head` (n,) in [0, 1]: share of the head's
    motion against the body's; `jaw`, `lids` (n, 3): the way a point goes as the mouth opens, the eyes close. `own`
    (h, w, 3) linear is the portrait's own background, person painted out, in the pixels of the texture;
    `metres_per_px` its scale, `origin_px` (2,) where the frame's axis meets it. `reach` (4,) metres: the matte's
    left, top, right and bottom in the frame, beyond which there is no person to show; `portrait` (4,) the same of the
    picture itself. `contrast` says how well person and background differ along the matte above the chin (about 0.05
    where the matte is a guess, 0.3 where it is sure).
    """

    name: str
    points: np.ndarray
    surface: Surface
    head: np.ndarray
    jaw: np.ndarray
    lids: np.ndarray
    occlusion: Occlusion
    own: np.ndarray
    metres_per_px: float
    origin_px: np.ndarray
    reach: np.ndarray
    portrait: np.ndarray
    contrast: float


def make_bust(portrait: Portrait, *, cache: Path | None = None) -> Bust:
    """The portrait's bust (some 0.3 s, most of it the matte, which is kept in the folder `cache` when given)."""
    own_alpha = matte(portrait.image, portrait.mesh, cache=cache)
    h, w = own_alpha.shape
    canvas, alpha, mirrored, shift = _canvas(portrait.image, own_alpha, portrait.mesh)
    mesh = portrait.mesh.astype(np.float32) + np.array([*shift, 0], np.float32)
    scale = EYE_SPAN_M / float(np.linalg.norm(mesh[33] - mesh[263]))
    origin = np.array([*((mesh[234] + mesh[454]) / 2)[:2], (mesh[234, 2] + mesh[454, 2]) / 2], np.float32)
    face = (mesh - origin) * scale
    rings, ring_uv = _rings(mesh, canvas.shape[:2], origin, scale)
    points = np.concatenate([face, rings])
    uv = np.concatenate([mesh[:, :2], ring_uv]).astype(np.float32)
    linear = _linear(canvas)
    skin = evened(_decontaminated(linear, np.minimum(alpha, mirrored)), mesh)
    inside, mouth_uv, texture = _with_mouth(skin, alpha, mesh)
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
        head=_head_share(points, face),
        jaw=_jaw(points, face, inside),
        lids=_lids(points, face),
        occlusion=occlusion_of(points, triangles),
        own=_painted_out(linear, np.maximum(alpha, mirrored)),
        metres_per_px=scale,
        origin_px=origin[:2],
        reach=_reach(alpha, origin, scale),
        portrait=(np.array([*shift, shift[0] + w, shift[1] + h]) - np.tile(origin[:2], 2)).astype(np.float32) * scale,
        contrast=matte_contrast(portrait.image, own_alpha, portrait.mesh),
    )


def posed(bust: Bust, *, head: Pose, body: Pose, blink: float, mouth: float) -> np.ndarray:
    """The bust's points (n, 3) in the frame that `head` and `body` lead to; `blink` and `mouth` in [0, 1]."""
    still = bust.points + mouth * bust.jaw + blink * bust.lids
    share = bust.head[:, None]
    return (share * head.moved(still) + (1 - share) * body.moved(still)).astype(np.float32)


def _linear(image: np.ndarray) -> np.ndarray:
    """sRGB uint8 to linear float32."""
    table = np.arange(256) / 255.0
    table = np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return table[image]


def _canvas(
    image: np.ndarray, alpha: np.ndarray, mesh: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """The portrait with more cloth below and room beside it, so that its border is never seen.

    Returns the picture, the person's alpha there, the alpha of the picture's own pixels (beside and below they are
    mirrored ones), and how far (x, y) the portrait lies inside.
    """
    h, w = alpha.shape
    top, side, bottom = h // 5, w * 2 // 5, h * 3 // 5
    hem = 4  # cloth goes on as its last rows to and fro: a longer way would repeat collars and ties
    rows = np.concatenate([_fold(np.arange(top), h)[::-1], np.arange(h), h - 1 - _fold(np.arange(bottom), hem)])
    columns = np.concatenate([_fold(np.arange(side), w)[::-1], np.arange(w), w - 1 - _fold(np.arange(side), w)])
    wide = np.zeros((len(rows), len(columns)), np.float32)
    wide[top : top + h, side : side + w] = alpha
    _round_off_top(wide, top, side, w)
    _slope_off_sides(wide, top, side, (h, w))
    _widen_down(wide, top + h, 1.5 * float(np.ptp(mesh[:, 0])), side + float(mesh[152, 0]))
    mirrored = alpha[rows][:, columns]
    return image[rows][:, columns], cv2.GaussianBlur(wide, (0, 0), 0.8), mirrored, (side, top)


def _fold(distance: np.ndarray, length: int) -> np.ndarray:
    """A walk to and fro over `length` cells: 0, 1, ..., length - 1, length - 1, ..."""
    step = distance % (2 * length)
    return np.where(step < length, step, 2 * length - 1 - step)


def _round_off_top(alpha: np.ndarray, top: int, side: int, width: int) -> None:
    """Hair that the picture's upper border cuts goes on as a cap."""
    line = np.flatnonzero(alpha[top, side : side + width] > 0.5)
    if len(line) < 4:
        return
    middle, half = side + (line[0] + line[-1]) / 2, (line[-1] - line[0]) / 2
    y, x = np.mgrid[0:top, 0 : alpha.shape[1]]
    cap = ((x - middle) / half) ** 2 + ((top - y) / min(0.45 * half, 0.95 * top)) ** 2
    alpha[:top] = np.clip((1 - cap) * half / 3, 0, 1)


def _slope_off_sides(alpha: np.ndarray, top: int, side: int, size: tuple[int, int]) -> None:
    """Shoulders that the picture's sides cut slope down outside it."""
    h, w = size
    for edge, outward in ((side, -1), (side + w - 1, 1)):
        column = np.flatnonzero(alpha[top : top + h, edge] > 0.5)
        if len(column) == 0:
            continue
        reach = edge if outward < 0 else alpha.shape[1] - 1 - edge
        for d in range(1, reach + 1):
            line = top + column[0] + 0.45 * d + 3.0 * d * d / w
            rows = np.arange(alpha.shape[0])
            alpha[:, edge + outward * d] = np.clip((rows - line) / 3, 0, 1)


def _widen_down(alpha: np.ndarray, start: int, half: float, middle: float) -> None:
    """Below the picture the body is at least what shoulders are: its sides go outwards to `half` from the middle."""
    line = np.flatnonzero(alpha[start - 1] > 0.5)
    left, right = (line[0], line[-1]) if len(line) else (middle, middle)
    x = np.arange(alpha.shape[1])
    for row in range(start, len(alpha)):
        t = min(1.0, (row - start) / (0.9 * half))
        share = np.sqrt(1 - (1 - t) ** 2)  # the curve of a shoulder
        low = left + share * (min(left, middle - half) - left) - 0.1 * (row - start)
        high = right + share * (max(right, middle + half) - right) + 0.1 * (row - start)
        alpha[row] = np.clip(np.minimum(x - low, high - x) / 3, 0, 1)


def _decontaminated(linear: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The person's colour led outwards over the matte's flank, so that no old background shines at the edge."""
    sure = (cv2.erode(alpha, np.ones((5, 5))) > 0.97).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(1 - sure, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros((labels.max() + 1, 3), np.float32)
    nearest[labels[sure > 0]] = cv2.blur(linear, (3, 3))[sure > 0]
    spread = cv2.GaussianBlur(nearest[labels], (0, 0), 1.5)
    keep = (cv2.GaussianBlur(sure.astype(np.float32), (0, 0), 1.0) * sure)[..., None]
    return linear * keep + spread * (1 - keep)


def _painted_out(linear: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The background alone: over the person goes what is round it, mirrored at the outline, smooth further inside."""
    taken = (cv2.dilate(alpha, np.ones((5, 5))) > 0.04).astype(np.uint8)
    if taken.mean() > 0.98:
        taken[:4] = 0
    filled = _spread(linear, 1.0 - taken.astype(np.float32))
    distance, labels = cv2.distanceTransformWithLabels(taken, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    place = np.zeros((labels.max() + 1, 2), np.int32)
    free = np.argwhere(taken == 0)
    place[labels[taken == 0]] = free
    mirror = 2 * place[labels] - np.moveaxis(np.indices(taken.shape), 0, -1)
    y, x = (np.clip(mirror[..., k], 0, taken.shape[k] - 1) for k in (0, 1))
    trust = (1 - taken[y, x]) * np.clip(1.5 - distance / 60, 0, 1)
    trust = np.where(taken > 0, cv2.GaussianBlur(trust.astype(np.float32), (0, 0), 2), 1.0)[..., None]
    background = linear[y, x] * trust + filled * (1 - trust)
    return (background * (0.2 / max(0.02, float(background.mean()))) ** 0.7).astype(np.float32)


def _spread(linear: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Colours where `sure` is 1, led everywhere else by averages over wider and wider neighbourhoods."""
    result, known = linear * sure[..., None], sure.copy()
    small, weight = result, known
    levels = []
    while min(small.shape[:2]) > 2:
        levels.append((small, weight))
        small, weight = cv2.pyrDown(small), cv2.pyrDown(weight)
    colour = small / np.maximum(weight, 1e-6)[..., None]
    for summed, share in reversed(levels):
        up = cv2.resize(colour, summed.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        own = summed / np.maximum(share, 1e-6)[..., None]
        trust = np.clip(share * 4, 0, 1)[..., None]
        colour = own * trust + up * (1 - trust)
    return colour.astype(np.float32)


def _rings(
    mesh: np.ndarray, size: tuple[int, int], origin: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """The relief round the face: RINGS x 36 points in metres, ring after ring, and their places on the canvas."""
    outline = mesh[list(OUTLINE)]
    centre = outline[:, :2].mean(axis=0)
    spoke = outline[:, :2] - centre
    angle = np.unwrap(np.arctan2(spoke[:, 1], spoke[:, 0]))
    angle = np.maximum.accumulate(angle + np.arange(36) * 1e-3)  # a turned face's far side would fold
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    offset = mesh[:, :2] - centre
    along, across = offset @ direction.T, np.abs(np.outer(offset[:, 0], direction[:, 1]) - np.outer(offset[:, 1], direction[:, 0]))
    spread = np.linalg.norm(spoke, axis=1)
    # The outline of a turned face is not its silhouette: the rings begin outside every point near their spoke.
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
    """Depth (RINGS, 36) in px (`metre` px each): back to the ears' plane beside the face, neck and chest below it."""
    ears = (mesh[234, 2] + mesh[454, 2]) / 2
    fall = np.clip((ratio - 1) / 0.6, 0, 1) ** 2  # leaves the face's plane gently, as a skull does
    beside = rim + (np.maximum(ears + 0.02 * metre, rim) - rim) * fall
    chin, ear = mesh[152, 1], (mesh[234, 1] + mesh[454, 1]) / 2
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


def _with_mouth(
    skin: np.ndarray, alpha: np.ndarray, mesh: np.ndarray
) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
    """Points of the mouth's inside, their uv, and the texture (h, w, 4) with a dark mouth painted below it.

    A portrait that shows its teeth keeps them, and has no points of its own here.
    """
    texture = np.dstack([skin, alpha]).astype(np.float32)
    gap = np.linalg.norm(mesh[13] - mesh[14]) / np.linalg.norm(mesh[78] - mesh[308])
    if gap > 0.07:
        return (), np.zeros((0, 2), np.float32), texture
    height, width = 48, 96
    patch = np.empty((height, texture.shape[1], 4), np.float32)
    patch[:] = [0.035, 0.012, 0.01, 1.0]
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    teeth = np.clip((0.42 - y) / 0.08, 0, 1) * np.clip((0.36 - np.abs(x - 0.5)) / 0.1, 0, 1)
    teeth *= 0.75 + 0.25 * np.abs(np.cos((x - 0.5) * 26))
    tongue = np.clip((y - 0.62) / 0.2, 0, 1) * np.clip((0.3 - np.abs(x - 0.5)) / 0.2, 0, 1)
    patch[:, :width, :3] += teeth[..., None] * [0.36, 0.33, 0.28] + tongue[..., None] * [0.12, 0.03, 0.03]
    share = np.linspace(0, width - 1, len(MOUTH_UPPER))
    upper = np.stack([share, np.full_like(share, 6)], axis=1)
    lower = np.stack([share, np.full_like(share, height - 6)], axis=1)
    points = (*MOUTH_UPPER, *MOUTH_LOWER[1:-1])
    uv = np.concatenate([upper, lower[1:-1]]) + np.array([0, len(texture)])
    return points, uv.astype(np.float32), np.concatenate([texture, patch])


def _smooth(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _head_share(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """1 for what turns with the skull, 0 for the shoulders, smoothly over the neck."""
    chin, tall = face[152, 1], face[152, 1] - face[10, 1]
    share = 1 - _smooth((points[:, 1] - (chin - 0.03 * tall)) / (0.75 * tall))
    wide = _smooth((np.abs(points[:, 0]) - 0.11) / 0.12)
    far = 1 - wide * _smooth((points[:, 1] - face[10, 1]) / tall)
    share = share * far
    share[:POINTS] = 1.0
    share[POINTS + RINGS * 36 :] = 1.0
    return share.astype(np.float32)


def _jaw(points: np.ndarray, face: np.ndarray, inside: tuple[int, ...]) -> np.ndarray:
    """The way (n, 3) of each point as the mouth opens: the chin turns down and back a little round the ears."""
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
    way = np.array([0, 0.016, 0.003], np.float32)
    return (share[:, None] * way).astype(np.float32)


def _lids(points: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The way (n, 3) of each point as the eyes close: the upper lid comes down to near the lower one's rim."""
    way = np.zeros_like(points)
    for upper, lower in _EYES:
        gap = face[list(lower)] - face[list(upper)]
        way[list(upper)] = 0.88 * gap - np.array([0, 0, 0.0006], np.float32)
        way[list(lower)] = -0.12 * gap
        way[list(_LID_CREASE[upper[0]])] = 0.3 * gap[1:-1]
    return way.astype(np.float32)


def _reach(alpha: np.ndarray, origin: np.ndarray, scale: float) -> np.ndarray:
    """Left, top, right and bottom (4,) of the person in metres of the frame."""
    rows, columns = np.flatnonzero((alpha > 0.5).any(axis=1)), np.flatnonzero((alpha > 0.5).any(axis=0))
    px = np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)
    return (px - np.tile(origin[:2], 2)) * scale


def share_of_light(bust: Bust, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Open sky (n,) and lit (lamps, n) of the bust's points, `light` given in the bust's frame."""
    return bust.occlusion.open_sky, bust.occlusion.lit(light)
