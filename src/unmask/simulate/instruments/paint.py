"""Paint on faces: the places of features on a picture laid over the 468 points, tones, painted features."""

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
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.raster import FACE_TRIANGLES, rasterise

BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
EYES = tuple(
    (*upper, *lower[-2:0:-1])
    for upper, lower in ((RIGHT_EYE_UPPER, RIGHT_EYE_LOWER), (LEFT_EYE_UPPER, LEFT_EYE_LOWER))
)
MOUTH = (*MOUTH_UPPER, *MOUTH_LOWER[-2:0:-1])
FACE_SIZE = (640, 640)  # of the picture that `FACE_UV` lays over a face
FACE_UV = (MEAN_FACE[:, :2] * 290 + np.array([320, 272])).astype(np.float32)
FACE_UV.setflags(write=False)
_PALE, _DARK = np.array([0.62, 0.42, 0.33]), np.array([0.10, 0.055, 0.035])


def region(
    points: np.ndarray, size: tuple[int, int], *, soft_px: float = 1.0, widen: float = 1.0
) -> np.ndarray:
    """Coverage (h, w) float32 in [0, 1] of a polygon of `points` (n, 2) px, widened about its middle."""
    middle = points[:, :2].mean(axis=0)
    spread = middle + (points[:, :2] - middle) * widen
    filled = np.zeros(size, np.uint8)
    cv2.fillPoly(filled, [np.round(spread * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    cover = filled.astype(np.float32) / 255
    return cv2.GaussianBlur(cover, (0, 0), soft_px) if soft_px > 0.2 else cover


def face_cover(
    uv: np.ndarray, size: tuple[int, int], *, soft_px: float = 1.0, widen: float = 1.0
) -> np.ndarray:
    """Coverage (h, w) of the face's outline."""
    return region(uv[list(OUTLINE)], size, soft_px=soft_px, widen=widen)


def lay(picture: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> None:
    """`colour` (3,) or (h, w, 3) over the picture (h, w, 3) in place, where `cover` (h, w) is."""
    part = covered(cover)
    colours = np.broadcast_to(np.asarray(colour, np.float32), picture.shape)[part]
    picture[part] += cover[part][..., None] * (colours - picture[part])


def blotches(
    rng: np.random.Generator, size: tuple[int, int], scales: tuple[tuple[int, float], ...]
) -> np.ndarray:
    """Smooth noise (h, w): for each scale that many cells across, of that standard deviation."""
    total = np.zeros(size, np.float32)
    for cells, deviation in scales:
        few = rng.normal(0, deviation, (cells, cells)).astype(np.float32)
        total += cv2.resize(few, size[::-1], interpolation=cv2.INTER_CUBIC)
    return total


def draw_tone(rng: np.random.Generator, *, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """A skin's linear reflectance (3,) between deep brown (0) and pale (1), a little off as pigments are."""
    t = rng.uniform(low, high)
    return _DARK ** (1 - t) * _PALE**t * np.exp(rng.normal(0, 0.06, 3))


def painted_face(
    rng: np.random.Generator, *, uv: np.ndarray, size: tuple[int, int], tone: np.ndarray, eyes: bool = True
) -> np.ndarray:
    """A face as a workshop paints it (h, w, 3): `tone` all over, blush, brows, lips, eyes unless left out.

    `uv` (468, 2) are the points in px of the picture.
    """
    unit = float(np.linalg.norm(uv[33] - uv[263]))  # between the outer corners of the eyes
    picture = np.empty((*size, 3), np.float32)
    picture[:] = tone
    picture *= np.exp(blotches(rng, size, ((6, 0.05), (60, 0.03), (240, 0.02))))[..., None]
    blush = tone * np.array([1.0, 0.62, 0.6])
    for cheek in (50, 280, 1, 152):
        lay(picture, rng.uniform(0, 0.5) * spot(uv[cheek], size, 0.22 * unit), blush)
    for eye in EYES:
        lay(
            picture,
            rng.uniform(0, 0.5) * region(uv[list(eye)], size, soft_px=0.05 * unit, widen=1.9),
            tone * 0.5,
        )
    _lips(picture, rng, uv=uv, tone=tone, unit=unit)
    dark = np.minimum(np.array([0.04, 0.025, 0.02]) * rng.uniform(0.4, 2.5), 0.35 * tone)
    for brow in BROWS:
        lay(
            picture,
            rng.uniform(0.6, 1.0) * region(uv[list(brow)], size, soft_px=rng.uniform(0.005, 0.02) * unit),
            dark,
        )
    if eyes:
        iris = np.array([[0.04, 0.02, 0.01], [0.06, 0.10, 0.16], [0.07, 0.09, 0.04]])[rng.integers(3)]
        glance = rng.normal(0, 0.02, 2) * unit
        for eye in EYES:
            paint_eye(picture, uv[list(eye)], iris=iris, glance=glance)
    for nostril in ((60, 99, 20, 242), (290, 328, 250, 462)):
        lay(picture, 0.7 * spot(uv[list(nostril)].mean(axis=0), size, 0.035 * unit), tone * 0.15)
    return picture


def _lips(
    picture: np.ndarray, rng: np.random.Generator, *, uv: np.ndarray, tone: np.ndarray, unit: float
) -> None:
    red = tone * np.array([rng.uniform(0.7, 1.1), rng.uniform(0.25, 0.65), rng.uniform(0.3, 0.7)])
    lay(picture, rng.uniform(0.5, 1.0) * region(uv[list(LIPS)], picture.shape[:2], soft_px=0.01 * unit), red)
    line = np.concatenate([uv[list(MOUTH_UPPER)], uv[list(MOUTH_LOWER)[::-1]] + [0, 0.02 * unit]])
    lay(picture, 0.8 * region(line, picture.shape[:2], soft_px=0.006 * unit), red * 0.2)


def paint_eye(picture: np.ndarray, rim: np.ndarray, *, iris: np.ndarray, glance: np.ndarray) -> None:
    """An open eye inside its rim (16, 2), looking `glance` px aside: white, iris, pupil, a spot of light."""
    size, wide = picture.shape[:2], float(np.ptp(rim[:, 0]))
    opening = region(rim, size, soft_px=0.02 * wide, widen=1.05)
    middle = rim.mean(axis=0) + glance
    lay(picture, opening, np.array([0.55, 0.52, 0.50]))
    lay(picture, opening * _disc(middle, size, 0.22 * wide), iris)
    lay(picture, opening * _disc(middle, size, 0.10 * wide), np.full(3, 0.008))
    lay(
        picture,
        opening * _disc(middle + 0.07 * wide * np.array([1, -1]), size, 0.04 * wide),
        np.full(3, 0.85),
    )
    upper = rim[:9]
    lid = np.concatenate([upper, upper[::-1] - [0, 0.06 * wide]])
    lay(picture, 0.85 * region(lid, size, soft_px=0.015 * wide), np.full(3, 0.02))


def transferred(
    texture: np.ndarray, *, uv: np.ndarray, to_uv: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """The face of `texture` (h, w, c) with its points at `uv`, warped to have them at `to_uv` in `size`.

    Beyond the outline the face's rim is led outwards.
    """
    points = np.concatenate([to_uv, np.zeros((len(to_uv), 1), np.float32)], axis=1).astype(np.float32)
    _, triangle, weights = rasterise(points, FACE_TRIANGLES, height=size[0], width=size[1])
    inside = triangle >= 0
    at = np.zeros((*size, 2), np.float32)
    at[inside] = np.einsum("pk,pkd->pd", weights[inside], uv[FACE_TRIANGLES[triangle[inside]]])
    core = cv2.erode(inside.astype(np.uint8), np.ones((5, 5)))
    _, labels = cv2.distanceTransformWithLabels(1 - core, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros((labels.max() + 1, 2), np.float32)
    nearest[labels[core > 0]] = at[core > 0]
    at = nearest[labels]
    return cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _disc(middle: np.ndarray, size: tuple[int, int], radius: float) -> np.ndarray:
    y, x = np.ogrid[: size[0], : size[1]]
    away = np.sqrt((x - middle[0]) ** 2 + (y - middle[1]) ** 2)
    return np.clip(radius - away + 0.5, 0, 1).astype(np.float32)


def spot(middle: np.ndarray, size: tuple[int, int], spread: float) -> np.ndarray:
    """A soft round patch (h, w): 1 in the middle, falling off over `spread` px."""
    y, x = np.ogrid[: size[0], : size[1]]
    away = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * spread * spread)
    return np.exp(-away).astype(np.float32)
