"""Identity cards and passport pages: a small portrait among lines of text on a patterned ground."""

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.simulate.recapture.lamps import LUMA
from unmask.simulate.recapture.takes import Base, TakeFraming, framed, log_uniform, side_of, sized

_LETTERS = "ABCDEFGHIKLMNOPRSTUVZ"
_WORDS = (
    "NAME",
    "SURNAME",
    "GIVEN NAMES",
    "DATE OF BIRTH",
    "SEX",
    "NATIONALITY",
    "PLACE OF BIRTH",
    "EXPIRES",
    "No.",
)
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """`size` (height, width) px, where the portrait's corner is (x, y), whether it is a passport's."""

    size: tuple[int, int]
    corner: tuple[int, int]
    passport: bool


def draw_card(base: Base, rng: np.random.Generator) -> Base:
    """The picture's face as the portrait of a card or a passport's page that fills the new picture."""
    portrait = _portrait(base, rng)
    tall, wide = portrait.image.shape[:2]
    page = _page(rng, tall=tall, wide=wide)
    ground = _ground(page, rng)
    x, y = page.corner
    ink = _worked(portrait.image, rng)
    place = ground[y : y + tall, x : x + wide]
    if rng.random() < 0.5:  # the ground's lines run over the portrait, as on most cards
        share = np.float32(rng.uniform(0.1, 0.5))
        ink = ink * (1 - share) + ink * place / np.float32(max(1.0, float(place.mean()))) * share
    ground[y : y + tall, x : x + wide] = np.clip(ink, 0, 255)
    _write(ground, page, rng, portrait=(tall, wide))
    if rng.random() < 0.4:
        _ghost(ground, ink, page, rng)
    mesh = portrait.mesh + np.array([x, y, 0], np.float32)
    return Base(subject=base.subject, image=np.clip(ground, 0, 255).astype(np.uint8), mesh=mesh)


def _portrait(base: Base, rng: np.random.Generator) -> Base:
    """Head and shoulders, small: what is printed there has few dots."""
    framing = TakeFraming(
        tight=True,
        scale=float(rng.uniform(1.35, 1.75)),
        aspect=float(rng.uniform(1.2, 1.3)),
        shift=(0.0, 0.0),
        mirrored=False,
    )
    part = framed(base, framing)
    face_px = log_uniform(rng, 70, 220)
    small = sized(part, face_px=min(face_px, log_uniform(rng, 60, 260)))
    factor = face_px / side_of(small.mesh)
    if factor <= 1.05:
        return small
    size = (round(small.image.shape[1] * factor), round(small.image.shape[0] * factor))
    image = cv2.resize(small.image, size, interpolation=cv2.INTER_LINEAR)
    mesh = small.mesh * np.float32(factor)
    return Base(subject=base.subject, image=image, mesh=mesh)


def _page(rng: np.random.Generator, *, tall: int, wide: int) -> _Page:
    passport = bool(rng.random() < 0.3)
    height = round(tall * rng.uniform(1.5, 2.1))
    width = round(height * (1.42 if passport else 1.586))
    left = round(width * rng.uniform(0.03, 0.08))
    if not passport and rng.random() < 0.15:
        left = width - left - wide
    top = round((height - tall) * rng.uniform(0.2, 0.5 if passport else 0.8))
    return _Page(size=(height, width), corner=(max(0, left), top), passport=passport)


def _ground(page: _Page, rng: np.random.Generator) -> np.ndarray:
    """Pale, between two colours, with fine waves: (h, w, 3) float32 of 0 to 255."""
    height, width = page.size
    one, two = (rng.uniform(0.55, 0.98) * 255 * (1 + rng.normal(0, 0.10, 3)) for _ in range(2))
    ramp = (one + np.linspace(0, 1, width)[:, None] * (two - one)).astype(np.float32)
    ground = np.repeat(ramp[None], height, axis=0)
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    for _ in range(int(rng.integers(1, 4))):
        turns = x * np.float32(2 * np.pi / (width * rng.uniform(0.08, 0.5)))
        wave = np.float32(height * rng.uniform(0.02, 0.12)) * np.sin(turns)
        angle, pitch = rng.uniform(0, np.pi), 2 * np.pi / (height * log_uniform(rng, 0.012, 0.06))
        across = (x * np.float32(np.cos(angle)) + wave * np.float32(np.sin(angle))) * np.float32(pitch)
        phase = across + y * np.float32(np.sin(angle) * pitch)
        lines = np.maximum(0, cv2.polarToCart(np.ones_like(phase), phase)[1])[..., None]
        ground -= lines * (rng.uniform(5, 40) * rng.uniform(0.3, 1, 3)).astype(np.float32)
    return ground


def _worked(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The portrait as cards print it: grey or pale, of low contrast: float32."""
    picture = image.astype(np.float32)
    vividness = np.float32(0.0 if rng.random() < 0.35 else rng.uniform(0.3, 1.0))
    picture = picture @ LUMA[:, None] * (1 - vividness) + picture * vividness
    return np.clip(
        128 + (picture - 128) * np.float32(rng.uniform(0.55, 1.0)) + np.float32(rng.uniform(0, 40)), 0, 255
    )


def _write(ground: np.ndarray, page: _Page, rng: np.random.Generator, *, portrait: tuple[int, int]) -> None:
    """A title, lines of labels and values beside the portrait, a signature, a passport's two coded lines."""
    height, width = page.size
    ink = tuple(float(v) for v in rng.uniform(0, 90, 3))
    font = int(rng.choice(_FONTS))
    right = page.corner[0] < width / 2
    x = page.corner[0] + portrait[1] + round(0.04 * width) if right else round(0.05 * width)
    line = height * rng.uniform(0.075, 0.12)
    scale, thick = line / 40, max(1, round(line / 22))
    y = round(0.12 * height)
    strong = tuple(float(v) for v in rng.uniform(0, 160, 3))
    cv2.putText(ground, _text(rng, 14), (x, y), font, scale * 1.2, strong, thick + 1, cv2.LINE_AA)
    bottom = 0.72 if page.passport else 0.95
    while y + line < bottom * height:
        y += round(line)
        if rng.random() < 0.35:
            word = str(rng.choice(_WORDS))
            cv2.putText(ground, word, (x, y), font, scale * 0.6, strong, 1, cv2.LINE_AA)
        else:
            cv2.putText(
                ground, _text(rng, int(rng.integers(4, 13))), (x, y), font, scale, ink, thick, cv2.LINE_AA
            )
    if rng.random() < 0.5:
        _sign(ground, (x, y), line, rng)
    if page.passport:
        for row in (0.83, 0.94):
            coded = "".join(rng.choice(list(_LETTERS + "<<<<<0123456789"), 44))
            cv2.putText(
                ground,
                coded,
                (round(0.03 * width), round(row * height)),
                cv2.FONT_HERSHEY_PLAIN,
                width / 560,
                ink,
                thick,
                cv2.LINE_AA,
            )


def _text(rng: np.random.Generator, length: int) -> str:
    if rng.random() < 0.4:
        return "".join(rng.choice(list("0123456789. -"), length))
    return "".join(rng.choice(list(_LETTERS + " "), length))


def _sign(ground: np.ndarray, at: tuple[int, int], line: float, rng: np.random.Generator) -> None:
    t = np.linspace(0, 1, 60)
    x = at[0] + t * line * 4 + line * 0.4 * np.sin(t * rng.uniform(15, 40))
    y = at[1] + line * 0.5 * np.sin(t * rng.uniform(15, 45) + 1) * (1 - t)
    points = np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)
    cv2.polylines(ground, [points], False, (40.0, 30.0, 60.0), max(1, round(line / 18)), cv2.LINE_AA, 4)


def _ghost(ground: np.ndarray, ink: np.ndarray, page: _Page, rng: np.random.Generator) -> None:
    """A second, faint and small portrait at the other end, if there is room."""
    size = (round(ink.shape[1] * 0.4), round(ink.shape[0] * 0.4))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    x, y = page.size[1] - size[0] - round(0.04 * page.size[1]), round(page.size[0] * rng.uniform(0.1, 0.5))
    if page.corner[0] > page.size[1] / 2 or x < 0 or y + size[1] > page.size[0]:
        return
    place = ground[y : y + size[1], x : x + size[0]]
    share = np.float32(rng.uniform(0.15, 0.6))
    place += share * (small - place)
