"""Printed faces: paper, ink, halftone, gloss and bend."""

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.simulate.lattice import Grid, Lattice
from unmask.simulate.layout import Layout, Picture, draw_crop, lay_out
from unmask.simulate.sheet import Sheet, Traced, picture_homography
from unmask.simulate.surfaces import Pose, View

INCH_M = 0.0254
DITHER_M = INCH_M / 200  # size of the clumps that an inkjet's dither makes
_SIZES_M = {"a4": (0.210, 0.297), "a5": (0.148, 0.210), "photo": (0.10, 0.15), "a3": (0.297, 0.420)}
# Degrees of the ink's screen that red, green, blue light see: cyan, magenta, yellow at their usual angles.
_ANGLES_DEG = (15.0, 75.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A printed picture: `sheet` and `layout`; `paper` (3,) reflectance of white; `ink` that of the deepest
    black.

    `gamut` < 1 takes colour away; `gamma` from picture values to reflectance; `grain` is the inkjet's dither,
    standard deviation at its own scale; `lpi` lines an inch of a halftone, 0 for inkjet and photo paper.
    """

    sheet: Sheet
    layout: Layout
    paper: np.ndarray
    ink: float
    gamut: float
    gamma: float
    cast: np.ndarray  # (3,)
    grain: float
    lpi: float
    hands: int


def draw_print(rng: np.random.Generator, picture: Picture, *, bent: bool) -> Print:
    """A print of the picture: from photo paper as good as a screen's picture to worn office paper."""
    wide, tall = _SIZES_M[str(rng.choice(["a4", "a4", "a4", "a5", "photo", "a3"]))]
    if rng.random() < 0.3:
        wide, tall = tall, wide
    photo = rng.random() < 0.4
    trimmed = rng.random() < 0.4  # cut along the picture's edge
    room = float(np.exp(rng.uniform(np.log(1.05), np.log(2.8))))
    layout, wide, tall = _draw_layout(rng, picture, wide=wide, tall=tall, room=room, trimmed=trimmed)
    radius = float(rng.choice([-1, 1]) * rng.uniform(0.35, 1.6) * max(wide, tall)) if bent else 0.0
    sheet = Sheet(
        width_m=wide,
        height_m=tall,
        picture=(-wide / 2, -tall / 2, wide / 2, tall / 2),
        radius_m=radius,
        axis_rad=float(rng.choice([0.0, 0.0, np.pi / 2]) + rng.uniform(-0.35, 0.35)),
        gloss=float(rng.uniform(0.004, 0.03) if photo else rng.uniform(0, 0.006)),
        shininess=float(rng.uniform(25, 200)),
    )
    return Print(
        sheet=sheet,
        layout=layout,
        paper=rng.uniform(0.78, 0.95) * (1 + rng.uniform(-0.05, 0.05, 3)),
        ink=float(rng.uniform(0.002, 0.012) if photo else rng.uniform(0.004, 0.035)),
        gamut=float(rng.uniform(0.95, 1.4) if photo else rng.uniform(0.85, 1.3)),
        gamma=float(rng.uniform(2.1, 3.0)),
        cast=1 + rng.normal(0.05, 0.08) * np.array([1.0, 0.0, -1.0]),
        grain=0.0 if photo else float(rng.choice([0.0, 0.1, 0.25])),
        lpi=0.0 if photo else float(rng.choice([0.0, 85.0, 106.0, 133.0, 150.0, 175.0])),
        hands=int(rng.choice([0, 0, 1, 2])),
    )


def _draw_layout(
    rng: np.random.Generator, picture: Picture, *, wide: float, tall: float, room: float, trimmed: bool
) -> tuple[Layout, float, float]:
    """The picture as large as the page and its margins let it be; a trimmed page ends with the picture."""
    margin = float(rng.choice([0.0, 0.004, 0.012, 0.03]))
    crop = draw_crop(rng, picture, aspect=wide / tall, room=room)
    got = (crop[2] - crop[0]) / (crop[3] - crop[1])
    free = np.array([wide, tall]) - 2 * margin
    shown = np.array([free[0], free[0] / got] if got > free[0] / free[1] else [free[1] * got, free[1]])
    if trimmed:
        wide, tall = (float(v) for v in shown + rng.choice([0.0, 0.0, 0.006]))
    page = np.array([wide, tall])
    corner = rng.uniform(0.3, 0.7, 2) * (page - shown) / page
    end = corner + shown / page
    texels = 900 / max(wide, tall)
    size = (max(64, round(tall * texels)), max(64, round(wide * texels)))
    place = (float(corner[0]), float(corner[1]), float(end[0]), float(end[1]))
    return Layout(crop=crop, place=place, size=size, ground=(255, 255, 255)), wide, tall


def reflectance(paper: Print, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The printed page (h, w, 3) float32: linear reflectance."""
    page = lay_out(paper.layout, frame)
    table = ((np.arange(256) / 255) ** paper.gamma).astype(np.float32)
    ink = cv2.LUT(page, table)
    grey = ink @ np.array([0.3, 0.59, 0.11], np.float32)
    ink = grey[..., None] + paper.gamut * (ink - grey[..., None])
    if paper.grain > 0:
        # Dither is noise that is strongest in the middle tones and has no low frequencies.
        noise = rng.standard_normal(page.shape[:2], dtype=np.float32)
        noise -= cv2.blur(noise, (3, 3))
        texel_m = paper.sheet.height_m / page.shape[0]
        grain = paper.grain * min(1.0, DITHER_M / texel_m)  # what a texel averages over
        ink += (grain * 2 * noise * np.sqrt(np.clip(grey * (1 - grey), 0, 1)))[..., None]
    white = (paper.paper * paper.cast).astype(np.float32)
    return np.clip(paper.ink + ink * (white - paper.ink), 0.004, 1.0).astype(np.float32)


def lit_print(paper: Print, page: np.ndarray, traced: Traced) -> tuple[np.ndarray, np.ndarray]:
    """The print under the light: radiance (H, W, 3), and the reflectance (H, W, 3) that each pixel sees."""
    height, width = page.shape[:2]
    seen = cv2.remap(
        page,
        traced.x * width - 0.5,
        traced.y * height - 0.5,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return seen * traced.irradiance + traced.mirrored, seen


def halftone(paper: Print, pose: Pose, traced: Traced, seen: np.ndarray, *, view: View) -> Grid | None:
    """The laser's dots as a lattice, strongest in the middle tones; None without, or on a bent sheet."""
    if paper.lpi == 0 or paper.sheet.radius_m != 0:
        return None
    left, top, right, bottom = paper.sheet.picture
    lines = paper.lpi / INCH_M
    tone = np.clip(seen[..., 1], 0, 1)
    return Grid(
        lattice=_dots(),
        homography=picture_homography(
            paper.sheet,
            pose,
            view=view,
            width=round((right - left) * lines),
            height=round((bottom - top) * lines),
        ),
        cover=(traced.alpha * 4 * tone * (1 - tone)).astype(np.float32),
    )


def _dots(strength: float = 0.5) -> Lattice:
    """First and second orders of a halftone, a screen angle for each ink."""
    orders, weights = [], []
    for channel, degrees in enumerate(_ANGLES_DEG):
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        for m, n, amplitude in ((1, 0, 0.5), (0, 1, 0.5), (1, 1, 0.15), (1, -1, 0.15)):
            orders.append([m * c - n * s, m * s + n * c])
            row = np.full(3, 0.12 * amplitude)
            row[channel] = amplitude
            weights.append(strength * row)
    return Lattice(orders=np.array(orders), weights=np.array(weights, complex))
