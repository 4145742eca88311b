"""Identity cards, licences, passports and badges with a photograph of the face: what is copied and shown."""

from collections.abc import Callable

import cv2
import numpy as np

from unmask.simulate.rendering.layout import ShownPicture, face_box

CARD, PASSPORT = 0.0856 / 0.054, 0.125 / 0.088  # width over height, ISO/IEC 7810 ID-1 and ID-3
CARD_PX = 900  # along the longer side of a document
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPRSTUVWYZ"))
Slot = tuple[int, int, int, int]  # left, top, right, bottom in px of the document


def draw_document(rng: np.random.Generator, image: np.ndarray, mesh: np.ndarray) -> ShownPicture:
    """A document with the face (468, 3) of the image (h, w, 3) uint8 on it, as a still picture."""
    draw = _KINDS[str(rng.choice(list(_KINDS), p=[0.45, 0.3, 0.25]))]
    page, slot = draw(rng)
    return _with_portrait(rng, page, slot, image=image, mesh=mesh)


def _id_card(rng: np.random.Generator) -> tuple[np.ndarray, Slot]:
    """A card on its side: a header, the portrait left or right, fields beside it."""
    height, width = round(CARD_PX / CARD), CARD_PX
    page = _ground(rng, height, width)
    _header(rng, page, tall=round(height * rng.uniform(0.1, 0.2)))
    tall = round(height * rng.uniform(0.5, 0.66))
    wide = round(tall * rng.uniform(0.74, 0.84))
    left = round(width * rng.uniform(0.03, 0.07))
    right_handed = rng.random() < 0.25
    if right_handed:
        left = width - left - wide
    top = round(height * rng.uniform(0.22, 0.3))
    start = round(width * 0.05) if right_handed else left + wide + round(width * 0.04)
    _fields(rng, page, left=start, top=top, bottom=round(height * 0.95), unit=height / 13)
    if rng.random() < 0.5:
        _chip(rng, page, (round(width * 0.8), round(height * 0.3)), side=round(height * 0.16))
    return page, (left, top, left + wide, top + tall)


def _passport(rng: np.random.Generator) -> tuple[np.ndarray, Slot]:
    """The page with the data, two lines for machines below."""
    height, width = round(CARD_PX / PASSPORT), CARD_PX
    page = _ground(rng, height, width)
    tall = round(height * rng.uniform(0.42, 0.5))
    wide = round(tall * 0.78)
    left, top = round(width * 0.04), round(height * rng.uniform(0.18, 0.24))
    _header(rng, page, tall=round(height * 0.1))
    _fields(rng, page, left=left + wide + 30, top=top, bottom=round(height * 0.72), unit=height / 17)
    for line in range(2):
        text = "".join(rng.choice([*_LETTERS, "<", "<", "<", "0", "4", "7"], 40))
        _write(page, text, (left, round(height * (0.85 + 0.08 * line))), tall=height / 24, ink=(40, 40, 40))
    return page, (left, top, left + wide, top + tall)


def _badge(rng: np.random.Generator) -> tuple[np.ndarray, Slot]:
    """Upright, the portrait in the middle, name and number below."""
    height, width = CARD_PX, round(CARD_PX / CARD)
    page = _ground(rng, height, width, vivid=0.3)
    _header(rng, page, tall=round(height * rng.uniform(0.12, 0.2)))
    wide = round(width * rng.uniform(0.45, 0.7))
    tall = round(wide * rng.uniform(1.0, 1.3))
    left, top = (width - wide) // 2, round(height * 0.24)
    _fields(rng, page, left=round(width * 0.15), top=top + tall + 40, bottom=height - 20, unit=height / 18)
    return page, (left, top, left + wide, top + tall)


_KINDS: dict[str, Callable[[np.random.Generator], tuple[np.ndarray, Slot]]] = {
    "id-card": _id_card,
    "passport": _passport,
    "badge": _badge,
}


def _ground(rng: np.random.Generator, height: int, width: int, *, vivid: float = 0.14) -> np.ndarray:
    """Pale paper with the fine waves of security printing, running from one tint to another."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(CARD_PX)
    tints = 1 - rng.uniform(0.02, vivid + 0.1, (2, 3))
    share = (x if rng.random() < 0.5 else y)[..., None]
    page = tints[0] * (1 - share) + tints[1] * share
    ink = rng.uniform(0.02, 0.1) * rng.uniform(0.3, 1.0, 3)
    for _ in range(2):
        bend = rng.uniform(0.01, 0.05) * np.sin(2 * np.pi * (x * rng.uniform(1, 5) + rng.uniform()))
        lines = 0.5 + 0.5 * np.cos(2 * np.pi * rng.uniform(30, 90) * (y + bend))
        page = page - lines[..., None] * ink
    return (np.clip(page, 0, 1) * 255).astype(np.uint8)


def _header(rng: np.random.Generator, page: np.ndarray, *, tall: int) -> None:
    colour = rng.integers(20, 200, 3).tolist()
    pale = rng.random() < 0.4
    if not pale:
        page[:tall] = colour
    ink = tuple(colour) if pale else (245, 245, 245)
    _write(page, _word(rng, 9) + " " + _word(rng, 8), (tall, round(0.7 * tall)), tall=0.45 * tall, ink=ink)
    cv2.circle(page, (tall // 2, tall // 2), tall // 3, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)


def _fields(
    rng: np.random.Generator, page: np.ndarray, *, left: int, top: int, bottom: int, unit: float
) -> None:
    """Names, dates, numbers, each below its small caption, and perhaps a signature."""
    ink = (int(rng.integers(10, 60)),) * 3
    y = float(top)
    while y + 1.6 * unit < bottom:
        _write(page, _word(rng, 7).lower(), (left, round(y)), tall=0.34 * unit, ink=(90, 90, 120))
        text = _date(rng) if rng.random() < 0.4 else f"{_word(rng, 8)} {_word(rng, 6)}"
        _write(page, text, (left, round(y + 0.95 * unit)), tall=unit * rng.uniform(0.5, 0.75), ink=ink)
        y += unit * rng.uniform(1.5, 2.0)
    if rng.random() < 0.6:
        steps = np.cumsum(rng.normal((unit / 4, 0), unit / 3, (24, 2)), axis=0)
        line = (steps + np.array([left, bottom - unit])).astype(np.int32)
        cv2.polylines(page, [line], False, (30, 30, 90), 2, cv2.LINE_AA)


def _chip(rng: np.random.Generator, page: np.ndarray, at: tuple[int, int], *, side: int) -> None:
    (x, y), gold = at, (200, 175, 110)
    cv2.rectangle(page, (x, y), (x + round(1.25 * side), y + side), gold, -1)
    for share in (0.33, 0.66):
        cv2.line(page, (x, y + round(share * side)), (x + round(1.25 * side), y + round(share * side)),
                 (120, 100, 60), 2)  # fmt: skip


def _word(rng: np.random.Generator, longest: int) -> str:
    return "".join(rng.choice(_LETTERS, int(rng.integers(3, longest + 1))))


def _date(rng: np.random.Generator) -> str:
    return f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.{rng.integers(1950, 2035)}"


def _write(page: np.ndarray, text: str, at: tuple[int, int], *, tall: float, ink: tuple[int, ...]) -> None:
    font = _FONTS[len(text) % len(_FONTS)]
    cv2.putText(page, text, at, font, tall / 22, ink, max(1, round(tall / 12)), cv2.LINE_AA)


def _with_portrait(
    rng: np.random.Generator, page: np.ndarray, slot: Slot, *, image: np.ndarray, mesh: np.ndarray
) -> ShownPicture:
    """The head in its slot: in colour or grey, on its own ground or a pale one, printed into the waves."""
    left, top, right, bottom = slot
    (cx, cy), side = face_box(mesh)
    wide = side * rng.uniform(1.35, 1.75)
    tall = wide * (bottom - top) / (right - left)
    corner = np.array([cx - wide / 2, cy - tall * rng.uniform(0.48, 0.56)])
    scale = (right - left) / wide
    warp = np.array(
        [[scale, 0, (0.5 - corner[0]) * scale - 0.5], [0, scale, (0.5 - corner[1]) * scale - 0.5]]
    )
    if scale < 0.7:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    portrait = cv2.warpAffine(
        image, warp, (right - left, bottom - top), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    if rng.random() < 0.45:
        portrait = np.repeat(portrait @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, axis=2)
    portrait = portrait * rng.uniform(0.7, 1.0) + rng.uniform(0, 60)
    paper = page[top:bottom, left:right].astype(np.float32)
    through = rng.choice([0.0, 0.15, 0.3])
    printed = (1 - through) * portrait + through * portrait * paper / 255
    page[top:bottom, left:right] = np.clip(printed, 0, 255).astype(np.uint8)
    placed = mesh.astype(np.float32).copy()
    placed[:, :2] = (mesh[:, :2] + 0.5 - corner) * scale - 0.5 + [left, top]
    placed[:, 2] *= scale
    return ShownPicture(frames=(page,), meshes=(placed,))
