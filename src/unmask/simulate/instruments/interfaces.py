"""What stands on a display round the shown picture: status bar, player, chat, social network, a desktop.

All is drawn on the panel's page (h, w, 3) uint8, in place, in the sizes that such things have there.
"""

from collections.abc import Callable

import cv2
import numpy as np

Slot = tuple[
    float, float, float, float
]  # left, top, right, bottom: where the picture is, as shares of the page


def dress(page: np.ndarray, interface: str, *, slot: Slot, seed: int) -> None:
    """Draws that interface (a row of `INTERFACES`) over and round the picture; the same seed the same one."""
    INTERFACES[interface](page, slot, np.random.default_rng(seed))


def punch(page: np.ndarray, notch: str) -> None:
    """Takes out what the panel lacks: a "hole" for the camera, a "notch", a "drop"; "none" nothing."""
    height, width = page.shape[:2]
    if notch == "none":
        return
    along, unit = (0, width) if height >= width else (1, height)  # on its side the top is left
    deep, wide = {"hole": (0.03, 0.05), "notch": (0.07, 0.45), "drop": (0.055, 0.09)}[notch]
    middle = (width // 2, round((0.05 if notch == "hole" else 0.0) * unit))
    size = (round(wide * unit / 2), round((deep if notch != "hole" else 0.05 / 2) * unit))
    if along:
        middle, size = (middle[1], height // 2), (size[1], size[0])
    if notch == "notch":
        corner = (middle[0] + size[0], middle[1] + size[1])
        cv2.rectangle(page, (middle[0] - size[0], middle[1] - size[1]), corner, (0, 0, 0), -1)
    else:
        cv2.ellipse(page, middle, size, 0, 0, 360, (0, 0, 0), -1, cv2.LINE_AA)


def _bare(page: np.ndarray, slot: Slot, rng: np.random.Generator) -> None:
    """The picture alone."""


def _status(page: np.ndarray, slot: Slot, rng: np.random.Generator) -> None:
    """The bar above: clock, reception, battery."""
    height, width = page.shape[:2]
    unit = min(height, width)
    bar = max(4, unit // 22)
    page[: bar + 2] = page[: bar + 2] // 3
    ink = (230, 230, 230)
    clock = f"{rng.integers(0, 24)}:{rng.integers(0, 60):02d}"
    cv2.putText(
        page, clock, (bar, bar), cv2.FONT_HERSHEY_SIMPLEX, bar / 30, ink, max(1, bar // 14), cv2.LINE_AA
    )
    for step in range(4):
        left = width - 5 * bar + step * bar // 3
        cv2.rectangle(page, (left, bar - (step + 1) * bar // 6), (left + bar // 5, bar), ink, -1)
    cv2.rectangle(page, (width - 3 * bar, bar // 3), (width - 3 * bar + 3 * bar // 2, bar), ink, 1)
    cv2.rectangle(page, (width - 3 * bar, bar // 3), (width - 2 * bar - bar // 4, bar), ink, -1)


def _player(page: np.ndarray, slot: Slot, rng: np.random.Generator) -> None:
    """A player's controls: a dark foot with progress, time and the sign to pause; perhaps a large one too."""
    height, width = page.shape[:2]
    unit = max(4, min(height, width) // 26)
    top = height - 3 * unit
    page[top - unit :] = page[top - unit :] // 3
    done = round(width * rng.uniform(0.1, 0.9))
    edge = width // 14
    done = min(max(done, edge), width - edge)
    cv2.line(page, (edge, top), (width - edge, top), (150, 150, 150), max(1, unit // 5))
    cv2.line(
        page,
        (edge, top),
        (done, top),
        (225, 40, 40) if rng.random() < 0.5 else (235, 235, 235),
        max(2, unit // 4),
    )
    cv2.circle(page, (done, top), max(2, unit // 2), (240, 240, 240), -1, cv2.LINE_AA)
    text = f"{rng.integers(0, 4)}:{rng.integers(0, 60):02d} / {rng.integers(4, 9)}:{rng.integers(0, 60):02d}"
    at = (edge, height - unit)
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, unit / 30, (230, 230, 230), 1, cv2.LINE_AA)
    for side in (-1, 1):
        x = width // 2 + side * unit // 3
        cv2.line(page, (x, height - 2 * unit), (x, height - unit), (235, 235, 235), max(1, unit // 4))


def _social(page: np.ndarray, slot: Slot, rng: np.random.Generator) -> None:
    """A social network's column of signs at the right, and name and caption below."""
    height, width = page.shape[:2]
    unit = max(5, min(height, width) // 18)
    for step in range(4):
        at = (width - round(1.2 * unit), height - round((3 + 2.2 * step) * unit))
        tint = (245, 60, 80) if step == 3 and rng.random() < 0.5 else (240, 240, 240)
        cv2.circle(page, at, unit // 2, tint, -1 if step % 2 else max(1, unit // 8), cv2.LINE_AA)
    _lines(page, (unit, height - 3 * unit), rng, unit=unit, ink=(240, 240, 240), count=2, wide=width // 2)
    _status(page, slot, rng)


def _chat(page: np.ndarray, slot: Slot, rng: np.random.Generator) -> None:
    """A messenger: head with a name above, bubbles where there is room, a field to write in below."""
    height, width = page.shape[:2]
    unit = max(5, min(height, width) // 16)
    dark = rng.random() < 0.5
    tone, ink = ((32, 36, 40), (200, 200, 200)) if dark else ((238, 240, 242), (60, 60, 60))
    top, bottom = round(slot[1] * height), round(slot[3] * height)
    if bottom < height - 2 * unit:
        for step in range((height - bottom) // (2 * unit)):
            left = unit if rng.random() < 0.5 else width // 3
            y = bottom + unit // 2 + 2 * unit * step
            tint = (40, 110, 90) if left > unit else tone
            cv2.rectangle(page, (left, y), (left + width // 2, y + round(1.4 * unit)), tint, -1)
            _lines(page, (left + unit // 2, y + unit), rng, unit=unit, ink=ink, count=1, wide=width // 3)
    head = min(2 * unit, max(unit, top))
    page[:head] = tone
    cv2.circle(page, (2 * unit, head // 2), head // 3, (120, 140, 160), -1, cv2.LINE_AA)
    _lines(page, (3 * unit, head * 2 // 3), rng, unit=unit, ink=ink, count=1, wide=width // 3)
    page[height - round(1.5 * unit) :] = tone
    cv2.rectangle(page, (unit, height - round(1.3 * unit)), (width - 2 * unit, height - unit // 4), ink, 1)


def _desktop(page: np.ndarray, slot: Slot, rng: np.random.Generator) -> None:
    """A window's frame about the picture, text beside it, a row of tasks below."""
    height, width = page.shape[:2]
    unit = max(4, height // 32)
    left, top, right, bottom = (round(s * n) for s, n in zip(slot, (width, height) * 2, strict=True))
    tone = int(rng.choice([40, 70, 225]))
    ink = (70, 70, 70) if tone > 128 else (190, 190, 190)
    page[max(0, top - unit) : top, left:right] = tone
    cv2.rectangle(page, (left, max(0, top - unit)), (right - 1, bottom - 1), (tone // 2,) * 3, 1)
    for step in range(3):
        at = (right - unit - step * unit, max(0, top - unit // 2))
        cv2.circle(page, at, max(1, unit // 4), ink, -1, cv2.LINE_AA)
    rows = height // (2 * unit)
    for start, end in ((0, left), (right, width)):
        if end - start > 5 * unit:
            _lines(
                page,
                (start + unit, 2 * unit),
                rng,
                unit=unit,
                ink=ink,
                count=rows,
                wide=end - start - 2 * unit,
            )
    page[height - unit :] = (tone, tone, min(255, tone + 12))
    for step in range(int(rng.integers(4, 10))):
        x = unit + step * 2 * unit
        tint = tuple(int(v) for v in rng.integers(40, 230, 3))
        cv2.rectangle(page, (x, height - unit + 1), (x + unit, height - 2), tint, -1)


def _lines(
    page: np.ndarray,
    at: tuple[int, int],
    rng: np.random.Generator,
    *,
    unit: int,
    ink: tuple[int, int, int],
    count: int,
    wide: int,
) -> None:
    """Lines of words, as strokes of their length; small text is not more than that."""
    x0, y = at
    for _ in range(count):
        x, end = x0, x0 + wide * rng.uniform(0.5, 1.0)
        while x < end:
            word = int(unit * rng.uniform(0.3, 1.6))
            cv2.line(page, (int(x), y), (int(min(end, x + word)), y), ink, max(1, unit // 4))
            x += word + unit // 3
        y += round(1.6 * unit)


INTERFACES: dict[str, Callable[[np.ndarray, Slot, np.random.Generator], None]] = {
    "bare": _bare,
    "status": _status,
    "player": _player,
    "social": _social,
    "chat": _chat,
    "desktop": _desktop,
}
