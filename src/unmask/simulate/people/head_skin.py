"""What a head model wears: a portrait's skin, its hair as a shell over the skull, painted eyes and teeth.

The portrait lies on the head as it was photographed: where the face mesh is, point by point; round it by
looking along the camera's axis. What the camera did not see, the back of the skull, is covered with the
hair at its outline, folded to and fro.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.media.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    OUTLINE,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.simulate.people.head_model import BACK, EYE, FACE, INNER, TEETH, HeadModel

BINS = 240  # directions about the skull's middle in the picture
PATCH_PX = 128  # the square of an eye, below the portrait; teeth and the mouth's walls are beside it
FADE_M = 0.05  # over which skin beside the face mesh forgets how the mesh was moved
_EYES = (RIGHT_EYE_UPPER + RIGHT_EYE_LOWER[-2:0:-1], LEFT_EYE_UPPER + LEFT_EYE_LOWER[-2:0:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The person's outline above the ears: `middle` (2,) px of the skull, `radius` (BINS,) px to the matte's
    edge by direction (angle of atan2(y, x) from -pi), infinite below the ears.
    """

    middle: np.ndarray
    radius: np.ndarray

    def along(self, px: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For places (n, 2): distance from the middle, outline's radius there (n,), unit direction (n, 2)."""
        way = px - self.middle
        far = np.linalg.norm(way, axis=1)
        return far, self.radius[_bin(way)], way / np.maximum(1e-6, far)[:, None]


def outline_of(alpha: np.ndarray, mesh: np.ndarray) -> Outline:
    """The outline of a matte (h, w) round a face mesh (468, 3) in its pixels."""
    tall = float(np.ptp(mesh[:, 1]))
    middle = (mesh[127, :2] + mesh[356, :2]) / 2 - np.array([0, 0.12 * tall])
    angle = (np.arange(BINS) + 0.5) / BINS * 2 * np.pi - np.pi
    steps = np.arange(0, 1.3 * tall, 1.0)
    places = middle + steps[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.clip(np.round(places[..., 0]).astype(int), 0, alpha.shape[1] - 1)
    y = np.clip(np.round(places[..., 1]).astype(int), 0, alpha.shape[0] - 1)
    solid = alpha[y, x] > 0.5
    radius = np.where(solid.all(axis=0), len(steps), solid.argmin(axis=0)).astype(np.float64)
    radius = _round(np.maximum(radius, 0.3 * tall), 2.0)
    radius[np.sin(angle) > 0.25] = np.inf
    return Outline(middle=middle.astype(np.float32), radius=radius)


def with_hair(model: HeadModel, vertices: np.ndarray, px: np.ndarray, *, outline: Outline) -> np.ndarray:
    """The vertices (n, 3) with the skull's skin drawn out, so that from the front it ends where the hair
    does; `px` (n, 2) is where they are in the portrait.
    """
    skin = model.part <= BACK
    far = np.linalg.norm(px - outline.middle, axis=1)
    angle = _bin(px - outline.middle)
    skull = np.zeros(BINS)
    np.maximum.at(skull, angle[skin], far[skin])
    skull = np.max(
        [np.roll(skull, turned) for turned in range(-4, 5)], axis=0
    )  # no direction without a vertex
    skull = _round(np.maximum(skull, 1.0), 3.0)
    share = np.where(np.isfinite(outline.radius), outline.radius, skull) / skull
    share = _round(np.clip(share, 0.82, 1.4), 5.0)[angle]
    tall = float(np.ptp(vertices[skin][:, 1]))
    above = _smooth((outline.middle[1] - px[:, 1]) / (0.35 * np.nanmedian(skull)))
    pinned = np.linalg.norm(vertices - model.from_mesh(model.on_mesh(vertices)), axis=1)
    beside = _smooth(pinned / 0.035)
    weight = np.where(skin & ~model.inside, above * beside, 0.0)
    middle = vertices[model.part == BACK].mean(axis=0)
    crown = np.array([*vertices[skin][:, :1].mean(axis=0), 0.0, middle[2]])
    crown[1] = vertices[skin][:, 1].min() + 0.3 * tall
    return (vertices + (weight * (share - 1))[:, None] * (vertices - crown)).astype(np.float32)


def places_in_portrait(
    model: HeadModel, seen: np.ndarray, *, mesh: np.ndarray, own_mesh: np.ndarray, away_m: np.ndarray
) -> np.ndarray:
    """Where in the portrait (n, 2) px each vertex gets its colour; `seen` (n, 2) is where it is as the camera
    looks.

    `mesh` (468, 2) is the portrait's face mesh, `own_mesh` (468, 2) where the head's own is as the camera
    looks, both px; `away_m` (n,) how far the vertex is from the mesh.
    """
    led = model.from_mesh(mesh - own_mesh) * np.exp(-((away_m / FADE_M) ** 2))[:, None]
    return np.where(model.inside[:, None], model.from_mesh(mesh), seen + led)


def folded(model: HeadModel, px: np.ndarray, *, outline: Outline, normal: np.ndarray) -> np.ndarray:
    """The places (n, 2) with those of the skull's back led to a band along the outline, to and fro."""
    behind = np.clip((normal[:, 2] + 0.3) / 1.3, 0, 1)
    _, _, way = outline.along(px)
    # Behind the ears hair is what is above them.
    up = -np.abs(way[:, 1])
    level = np.stack([way[:, 0], up], axis=1)
    radius = outline.along(outline.middle + level)[1]
    fold = np.abs((2.5 * behind) % 2 - 1)  # 1, 0, 1 ...
    band = outline.middle + (radius * (0.80 + 0.13 * fold))[:, None] * level
    below = _smooth((px[:, 1] - outline.middle[1]) / (1.1 * np.min(outline.radius)) - 0.6)
    share = (np.where(model.part == BACK, _smooth(4 * behind), 0.0) * (1 - below))[:, None]
    return px * (1 - share) + np.nan_to_num(band, posinf=0.0) * share


@dataclass(frozen=True, slots=True, kw_only=True)
class Sure:
    """Where (h, w) bool a portrait's texture is surely the person's, and of these where it has the colour of
    the cheeks, of the hair.
    """

    person: np.ndarray
    skin: np.ndarray
    hair: np.ndarray


def sure_of(texture: np.ndarray, cheeks: np.ndarray, *, outline: Outline) -> Sure:
    """What is sure in a texture (h, w, 4); `cheeks` (n, 2) px are places that are mostly skin."""
    person = cv2.erode(texture[..., 3], np.ones((7, 7))) > 0.97
    logarithm = np.log(cv2.blur(texture[..., :3], (5, 5)) + 0.01)
    angle = np.radians(np.linspace(-150, -30, 60))
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    radius = outline.along(outline.middle + way)[1][:, None]
    crown = np.concatenate([outline.middle + share * radius * way for share in (0.82, 0.88, 0.93)])
    return Sure(
        person=person, skin=person & _like(logarithm, cheeks, 1.1), hair=person & _like(logarithm, crown, 1.5)
    )


def sure_places(model: HeadModel, px: np.ndarray, sure: Sure, *, mesh: np.ndarray) -> np.ndarray:
    """The places (n, 2), those that a portrait's cut-out may have wrong moved to the nearest sure one.

    Beside the cheeks and on the ears only what has the skin's colour is sure, on the skull's back only what
    has the hair's.
    """
    level, chin = (mesh[127, 1] + mesh[356, 1]) / 2, mesh[152, 1]
    level = level - 0.1 * (chin - level)  # where ears begin
    border = np.isin(model.pin_corner, OUTLINE).any(axis=1)
    beside = (model.part == FACE) & (border | ~model.inside) & (px[:, 1] > level) & (px[:, 1] < chin)
    above = (model.part == BACK) & (px[:, 1] < chin)
    rest = (model.part <= BACK) & ~model.inside & ~beside & ~above
    moved = px.copy()
    for which, allowed in ((rest, sure.person), (beside, sure.skin), (above, sure.hair)):
        moved[which] = _moved_into(px[which], allowed)
    return moved


def _like(logarithm: np.ndarray, places: np.ndarray, light_within: float) -> np.ndarray:
    """Where (h, w) a picture's logarithm is as at most of those places (n, 2): closely in colour, loosely in
    light.
    """
    h, w = logarithm.shape[:2]
    x, y = np.clip(places.astype(int), 0, [w - 1, h - 1]).T
    usual = np.median(logarithm[y, x], axis=0)
    off = logarithm - usual.astype(np.float32)
    light = off.mean(axis=2)
    return (np.abs(light) < light_within) & (np.abs(off - light[..., None]).max(axis=2) < 0.3)


def _moved_into(px: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Places (n, 2) off `allowed` (h, w) moved to the nearest that is not; as they are if there is none."""
    if not allowed.any():
        return px
    _, labels = cv2.distanceTransformWithLabels(
        1 - allowed.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros((labels.max() + 1, 2), np.float32)
    rows, columns = np.nonzero(allowed)
    nearest[labels[rows, columns]] = np.column_stack([columns, rows])
    x = np.clip(np.round(px[:, 0]).astype(int), 0, allowed.shape[1] - 1)
    y = np.clip(np.round(px[:, 1]).astype(int), 0, allowed.shape[0] - 1)
    return np.where(allowed[y, x][:, None], px, nearest[labels[y, x]])


def inner_patch(skin: np.ndarray, mesh: np.ndarray, rng: np.random.Generator, *, width: int) -> np.ndarray:
    """A strip (PATCH_PX, width, 4) of texture: an eye seen along its axis, ivory, the mouth's red.

    The eye's white and colour come from the portrait's (`skin` (h, w, 3) linear, `mesh` in its pixels).
    """
    white, iris = _eye_colours(skin, mesh, rng)
    y, x = (np.mgrid[0:PATCH_PX, 0:PATCH_PX] + 0.5) / PATCH_PX * 2 - 1
    far = np.hypot(x, y)
    angle = np.arctan2(y, x)
    rays = np.interp(angle, np.linspace(-np.pi, np.pi, 60), rng.normal(0, 0.22, 60))
    eye = np.empty((PATCH_PX, PATCH_PX, 3), np.float32)
    eye[:] = white
    eye *= (1 - 0.25 * np.clip(far - 0.55, 0, 1) * np.array([0.3, 1.0, 1.0])[:, None, None]).transpose(
        1, 2, 0
    )
    limbus, pupil = 0.50, float(rng.uniform(0.15, 0.24))
    ring = 1 - 0.65 * np.clip((far - 0.38) / 0.1, 0, 1)
    coloured = iris * (np.exp(rays) * ring * (0.8 + 0.6 * np.clip(0.5 * y + 0.4, 0, 1)))[..., None]
    eye = _over(eye, coloured, np.clip((limbus - far) / 0.05, 0, 1))
    eye = _over(eye, np.full(3, 0.006), np.clip((pupil - far) / 0.05, 0, 1))
    spot = np.hypot(x - 0.16, y + 0.2)
    eye = _over(eye, np.full(3, 0.9), 0.9 * np.clip((0.09 - spot) / 0.05, 0, 1))
    patch = np.zeros((PATCH_PX, width, 4), np.float32)
    patch[..., 3] = 1
    patch[:, :PATCH_PX, :3] = eye
    patch[:, PATCH_PX : 2 * PATCH_PX, :3] = white * np.array([0.95, 0.86, 0.7])
    patch[:, 2 * PATCH_PX :, :3] = [0.10, 0.03, 0.025]
    return patch


def inner_places(model: HeadModel, *, top: int) -> np.ndarray:
    """Where in the strip (n, 2), which begins at row `top`, eyes, teeth and walls get their colour."""
    px = np.zeros((len(model.vertices), 2), np.float32)
    px[model.part == TEETH] = [1.5 * PATCH_PX, top + PATCH_PX / 2]
    px[model.part == INNER] = [2.5 * PATCH_PX, top + PATCH_PX / 2]
    ball = model.part == EYE
    middles = model.vertices[-2:]
    side = (model.vertices[ball, 0] > middles.mean(axis=0)[0]).astype(int)
    way = model.vertices[ball] - middles[side]
    way = way / np.maximum(1e-6, np.linalg.norm(way, axis=1, keepdims=True))
    px[ball] = (0.5 + 0.47 * way[:, :2]) * PATCH_PX + np.array([0, top])
    return px


def _eye_colours(
    skin: np.ndarray, mesh: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """White and iris (3,) as the portrait has them, held to what eyes are."""
    opening = np.zeros(skin.shape[:2], np.uint8)
    for rim in _EYES:
        cv2.fillPoly(opening, [np.round(mesh[list(rim), :2]).astype(np.int32)], 1)
    level = float(np.median(skin[mesh[[50, 280, 151], 1].astype(int), mesh[[50, 280, 151], 0].astype(int)]))
    eye = skin[opening > 0]
    usual = np.array([[0.07, 0.035, 0.02], [0.10, 0.15, 0.22], [0.12, 0.12, 0.06]])
    iris = usual[rng.choice(3, p=[0.65, 0.2, 0.15])]
    white = np.array([1.0, 0.93, 0.9]) * np.clip(1.25 * level, 0.28, 0.62)
    if len(eye) >= 40:
        order = eye[np.argsort(eye.sum(axis=1))]
        found = order[int(0.75 * len(eye)) : int(0.95 * len(eye))].mean(axis=0)
        white = 0.5 * white + 0.5 * np.clip(found, 0.8 * white, 1.2 * white)
        dark = order[int(0.15 * len(eye)) : int(0.4 * len(eye))].mean(axis=0)
        iris = 0.5 * iris + 0.5 * np.clip(dark, 0.01, 0.25 * white)
    return white.astype(np.float32), iris.astype(np.float32)


def _over(ground: np.ndarray, colour: np.ndarray, share: np.ndarray) -> np.ndarray:
    return (ground * (1 - share[..., None]) + colour * share[..., None]).astype(np.float32)


def _bin(way: np.ndarray) -> np.ndarray:
    angle = np.arctan2(way[:, 1], way[:, 0])
    return np.clip(((angle + np.pi) / (2 * np.pi) * BINS).astype(int), 0, BINS - 1)


def _round(values: np.ndarray, sigma: float) -> np.ndarray:
    """Values round a circle (BINS,), smoothed."""
    far = np.minimum(np.arange(BINS), BINS - np.arange(BINS))
    kernel = np.exp(-(far**2) / (2 * sigma**2))
    return np.real(np.fft.ifft(np.fft.fft(values) * np.fft.fft(kernel / kernel.sum())))


def _smooth(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
