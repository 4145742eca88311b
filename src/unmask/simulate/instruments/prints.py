"""Printed faces: printers, papers, ink, halftone and dither, gloss, bends and creases."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.simulate.instruments.creases import broken_ink, draw_relief
from unmask.simulate.instruments.framing import Framing, fitted
from unmask.simulate.instruments.sheet import Sheet, Traced, picture_homography
from unmask.simulate.rendering.lattice import Grid, Lattice
from unmask.simulate.rendering.layout import Layout, ShownPicture, bleed, draw_crop, lay_out
from unmask.simulate.rendering.surfaces import Pose, View

INCH_M = 0.0254
_SIZES_M = {"a4": (0.210, 0.297), "a5": (0.148, 0.210), "photo": (0.10, 0.15), "a3": (0.297, 0.420)}
_CARD_M, _PASSPORT_M = (0.0856, 0.054), (0.125, 0.088)  # ISO/IEC 7810 ID-1 and ID-3
# Degrees of the ink's screen that red, green, blue light see: cyan, magenta, yellow at their usual angles.
_ANGLES_DEG = (15.0, 75.0, 0.0)
_CLUMP = 3  # dots across what an error diffusion's dots seem to gather in
_BEND = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Printer:
    """`dpi` dots an inch; `lpi` halftone screens it may be set to, none where it `dithers` or photographs.

    `black`, `gamut`, `bands`: ranges (low, high) of its deepest black's reflectance, of how vivid it is
    (1 as the picture), and of the bands that the head or drum leaves, in shares of the tone.
    """

    dpi: int
    lpi: tuple[float, ...]
    dithers: bool
    black: tuple[float, float]
    gamut: tuple[float, float]
    bands: tuple[float, float]


PRINTERS: dict[str, Printer] = {
    "laser-600": Printer(
        dpi=600, lpi=(106.0, 106.0, 133.0), dithers=False, black=(0.008, 0.035), gamut=(0.8, 1.25),
        bands=(0, 0.02),
    ),
    "laser-1200": Printer(
        dpi=1200, lpi=(141.0, 175.0, 212.0), dithers=False, black=(0.006, 0.02), gamut=(0.9, 1.3),
        bands=(0, 0.01),
    ),
    "inkjet-720": Printer(
        dpi=720, lpi=(), dithers=True, black=(0.01, 0.04), gamut=(0.8, 1.25), bands=(0, 0.04)
    ),
    "inkjet-1440": Printer(
        dpi=1440, lpi=(), dithers=True, black=(0.003, 0.015), gamut=(0.95, 1.4), bands=(0, 0.015)
    ),
    "photo-lab": Printer(
        dpi=400, lpi=(), dithers=False, black=(0.002, 0.01), gamut=(0.95, 1.4), bands=(0, 0)
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Paper: `printers` for it, `gloss` (low, high) share of light it mirrors, `shininess` likewise."""

    printers: tuple[str, ...]
    gloss: tuple[float, float]
    shininess: tuple[float, float]


STOCKS: dict[str, Stock] = {
    "matt": Stock(
        printers=("laser-600", "laser-1200", "inkjet-720", "inkjet-1440"),
        gloss=(0.0, 0.006),
        shininess=(10, 40),
    ),
    "glossy": Stock(
        printers=("laser-1200", "inkjet-720", "inkjet-1440"), gloss=(0.01, 0.035), shininess=(60, 300)
    ),
    "photo": Stock(printers=("photo-lab", "inkjet-1440"), gloss=(0.004, 0.03), shininess=(30, 200)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A printed picture: `sheet` and `layout`; `paper` (3,) reflectance of white; `ink` that of the deepest
    black.

    `gamut` < 1 takes colour away; `gamma` from picture values to reflectance; `dot_m` size of a dither's
    dots, 0 without; `lpi` lines an inch of a halftone, 0 without; `bands` and `taped`: how strong the stripes
    of the print's passes are, and whether strips of tape hold the corners.
    """

    sheet: Sheet
    layout: Layout
    paper: np.ndarray
    ink: float
    gamut: float
    gamma: float
    cast: np.ndarray  # (3,)
    dot_m: float
    lpi: float
    bands: float
    hands: int
    taped: bool = False


def draw_print(
    rng: np.random.Generator,
    picture: ShownPicture,
    *,
    bent: bool | None = None,
    stock: str | None = None,
    printer: str | None = None,
    framing: Framing | None = None,
    crumpled: bool = False,
) -> Print:
    """A print of the picture on that stock (of `STOCKS`) by that printer (of `PRINTERS`); drawn when None.

    `framing` says which of its borders may be seen; without one it is a sheet in full, or trimmed.
    """
    stock = stock or str(rng.choice(list(STOCKS)))
    paper, by = STOCKS[stock], PRINTERS[printer or str(rng.choice(STOCKS[stock].printers))]
    layout, wide, tall = _draw_page(rng, picture, framing)
    bent = rng.random() < _BEND if bent is None else bent
    radius = float(rng.choice([-1, 1]) * rng.uniform(0.45, 1.6) * max(wide, tall)) if bent else 0.0
    sheet = Sheet(
        width_m=wide,
        height_m=tall,
        picture=(-wide / 2, -tall / 2, wide / 2, tall / 2),
        radius_m=radius,
        axis_rad=float(rng.choice([0.0, 0.0, np.pi / 2]) + rng.uniform(-0.35, 0.35)),
        gloss=float(rng.uniform(*paper.gloss)),
        shininess=float(rng.uniform(*paper.shininess)),
        relief=draw_relief(rng, width_m=wide, height_m=tall) if crumpled else None,
    )
    loose = bent or crumpled  # what is not flat hangs on no wall
    hands = int(rng.choice([1, 1, 2] if loose else [0, 0, 1, 2]))
    return Print(
        sheet=sheet,
        layout=layout,
        paper=rng.uniform(0.78, 0.95) * (1 + rng.uniform(-0.05, 0.05, 3)),
        ink=float(rng.uniform(*by.black)),
        gamut=float(rng.uniform(*by.gamut)),
        gamma=float(rng.uniform(2.1, 3.0)),
        cast=1 + rng.normal(0.05, 0.08) * np.array([1.0, 0.0, -1.0]),
        dot_m=INCH_M / by.dpi if by.dithers else 0.0,
        lpi=float(rng.choice(by.lpi)) if by.lpi else 0.0,
        bands=float(rng.uniform(*by.bands)),
        hands=hands,
        taped=hands == 0 and bool(rng.random() < 0.5),
    )


def _draw_page(
    rng: np.random.Generator, picture: ShownPicture, framing: Framing | None
) -> tuple[Layout, float, float]:
    """The page's layout, its width and height in metres."""
    wide, tall = _SIZES_M[str(rng.choice(["a4", "a4", "a4", "a5", "photo", "a3"]))]
    if framing is not None and framing.extents is not None:
        return _close_page(rng, picture, framing.extents, framing.borders, longest=tall)
    if rng.random() < 0.3:
        wide, tall = tall, wide
    trimmed = rng.random() < 0.4  # cut along the picture's edge
    room = float(np.exp(rng.uniform(np.log(1.05), np.log(2.8))))
    return _whole_page(rng, picture, wide=wide, tall=tall, room=room, trimmed=trimmed)


def _close_page(
    rng: np.random.Generator,
    picture: ShownPicture,
    extents: np.ndarray,
    borders: tuple[bool, ...],
    *,
    longest: float,
) -> tuple[Layout, float, float]:
    """A page cut as the framing wants it, with or without a white margin where a border is seen."""
    aspect = float(np.clip((extents[0] + extents[2]) / (extents[1] + extents[3]), 0.6, 1.6))
    extents = fitted(extents, borders, aspect=aspect)
    size = extents[:2] + extents[2:]
    margin = rng.choice([0.0, 0.05, 0.1]) * np.array(borders)
    left, top, right, bottom = margin / np.tile(size, 2)
    metre = longest / float(size.max())
    layout = Layout(
        crop=bleed(picture, extents - margin),
        place=(float(left), float(top), float(1 - right), float(1 - bottom)),
        size=(max(64, round(900 * size[1] / size.max())), max(64, round(900 * size[0] / size.max()))),
        ground=(255, 255, 255),
    )
    return layout, float(size[0] * metre), float(size[1] * metre)


def _whole_page(
    rng: np.random.Generator, picture: ShownPicture, *, wide: float, tall: float, room: float, trimmed: bool
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


def as_card(paper: Print, frame: np.ndarray) -> Print:
    """The print as a document: the picture whole, in the size and with the corners that documents have."""
    height, width = frame.shape[:2]
    wide, tall = _CARD_M if max(width, height) > 1.5 * min(width, height) else _PASSPORT_M
    if width < height:
        wide, tall = tall, wide
    sheet = replace(
        paper.sheet,
        width_m=wide,
        height_m=tall,
        picture=(-wide / 2, -tall / 2, wide / 2, tall / 2),
        corner_m=0.003,
        radius_m=float(np.sign(paper.sheet.radius_m)) * 0.35,
    )
    whole = Layout(
        crop=(0, 0, width, height),
        place=(0, 0, 1, 1),
        size=(height, width),
        ground=(255, 255, 255),
    )
    return replace(paper, sheet=sheet, layout=whole, taped=False, dot_m=0.4 * paper.dot_m)


def reflectance(paper: Print, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The printed page (h, w, 3) float32: linear reflectance."""
    page = lay_out(paper.layout, frame)
    table = ((np.arange(256) / 255) ** paper.gamma).astype(np.float32)
    ink = cv2.LUT(page, table)
    grey = ink @ np.array([0.3, 0.59, 0.11], np.float32)
    ink = grey[..., None] + paper.gamut * (ink - grey[..., None])
    rough = np.sqrt(np.clip(grey * (1 - grey), 0, 1))
    texel_m = paper.sheet.height_m / page.shape[0]
    ink += (rough * (dither(rng, page.shape[:2], paper.dot_m, texel_m) + _stripes(rng, paper, texel_m)))[
        ..., None
    ]
    if paper.sheet.relief is not None:
        ink += broken_ink(paper.sheet.relief, page.shape[:2])[..., None] * (0.9 - ink)
    white = (paper.paper * paper.cast).astype(np.float32)
    printed = np.clip(paper.ink + ink * (white - paper.ink), 0.004, 1.0).astype(np.float32)
    if paper.taped:
        _tape(printed, rng, texel_m)
    return printed


def dither(rng: np.random.Generator, shape: tuple[int, int], dot_m: float, texel_m: float) -> np.ndarray:
    """Noise (h, w) float32 that an error diffusion's dots leave in texels; a middle tone's deviation is 1.

    Its power grows with the square of the frequency, so that what is left of it in a texel falls with the
    texel's area; (1, 1) of 0 without dots.
    """
    if dot_m == 0:
        return np.zeros((1, 1), np.float32)
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise -= cv2.blur(noise, (3, 3))
    return noise * np.float32(min(1.0, (_CLUMP * dot_m / texel_m) ** 2))


def _stripes(rng: np.random.Generator, paper: Print, texel_m: float) -> np.ndarray:
    """Bands across the page, a pass of the head wide: (h, 1)."""
    rows = paper.layout.size[0]
    passes = max(2, round(rows * texel_m / float(rng.uniform(0.004, 0.012))))
    level = rng.normal(0, paper.bands, (passes, 1)).astype(np.float32)
    return np.asarray(cv2.resize(level, (1, rows), interpolation=cv2.INTER_NEAREST))


def _tape(page: np.ndarray, rng: np.random.Generator, texel_m: float) -> None:
    """Strips of matt tape over the corners: lighter, a little yellow."""
    height, width = page.shape[:2]
    cover = np.zeros((height, width), np.uint8)
    for corner in np.array([[0, 0], [width, 0], [0, height], [width, height]])[: rng.integers(2, 5)]:
        inward = np.array([width, height]) / 2 - corner
        across = np.array([-inward[1], inward[0]]) / np.linalg.norm(inward) * 0.03 / texel_m
        start = corner + 0.008 / texel_m * np.sign(inward)
        first, last = (tuple(int(v) for v in start + k * across * rng.uniform(0.8, 1.2)) for k in (-1, 1))
        cv2.line(cover, first, last, 255, max(2, round(0.015 / texel_m)))
    page[cover > 0] = 0.7 * page[cover > 0] + 0.3 * np.array([0.75, 0.72, 0.6], np.float32)


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
    """The laser's dots as a lattice, strongest in the middle tones; None without."""
    if paper.lpi == 0:
        return None
    left, top, right, bottom = paper.sheet.picture
    width, height = (round(size * paper.lpi / INCH_M) for size in (right - left, bottom - top))
    tone = np.clip(seen[..., 1], 0, 1)
    uneven = paper.sheet.radius_m != 0 or paper.sheet.relief is not None
    return Grid(
        lattice=_dots(),
        homography=picture_homography(paper.sheet, pose, view=view, width=width, height=height),
        cover=(traced.alpha * 4 * tone * (1 - tone)).astype(np.float32),
        places=np.dstack([traced.x * np.float32(width), traced.y * np.float32(height)]) if uneven else None,
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
