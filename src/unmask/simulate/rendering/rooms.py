"""Drawn rooms: walls, ceilings, windows, doors, shelves, pictures, lamps and cables, with hard edges.

Backgrounds of bona fide faces are as full of straight lines, frames, rectangles and lamps as attacks are: a
bezel is not the only frame there is.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numba import njit

ALIGNED = 64  # pixels
BEHIND = 0.3  # how often a frame stands right behind whoever is there


def draw_room(rng: np.random.Generator, *, size: tuple[int, int]) -> np.ndarray:
    """A room (h, w, 3) float32 linear; lamps and windows exceed 1."""
    h, w = size
    wall = _paint(rng)
    room = np.empty((h, w, 3), np.float32)
    room[:] = wall
    horizon = int(
        h * rng.uniform(-0.3, 0.75)
    )  # where the wall meets the ceiling: low when the camera looks up
    if horizon > 0:
        _ceiling(room, rng, horizon)
    if rng.random() < 0.5:
        corner, lean = int(w * rng.uniform(0.1, 0.9)), int(w * rng.normal(0, 0.03))
        side = np.array([[corner, max(0, horizon)], [w, max(0, horizon)], [w, h], [corner + lean, h]])
        _fill(room, side, wall * rng.uniform(0.55, 0.9))
    for _ in range(int(rng.integers(2, 8))):
        _draw_thing(room, rng)
    if rng.random() < BEHIND:
        _behind(room, rng)
    return _textured(room, rng)


def add_clutter(linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture (h, w, 3) linear with one to five things put into it, edges as sharp as a lens makes
    them.
    """
    room = np.ascontiguousarray(linear, np.float32).copy()
    for _ in range(int(rng.integers(1, 6))):
        _draw_thing(room, rng)
    if rng.random() < BEHIND:
        _behind(room, rng)
    soft, share = cv2.GaussianBlur(room, (0, 0), 0.7), np.empty(room.shape[:2], np.float32)
    _differing(room, linear, share)
    _mix(soft, cv2.GaussianBlur(share, (0, 0), 0.7), room)
    return room


@njit(cache=True, nogil=True)
def _differing(one, other, out):  # type: ignore[no-untyped-def]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            same = one[y, x, 0] == other[y, x, 0] and one[y, x, 1] == other[y, x, 1]
            out[y, x] = np.float32(0 if same and one[y, x, 2] == other[y, x, 2] else 1)


@njit(cache=True, nogil=True)
def _mix(soft, share, room):  # type: ignore[no-untyped-def]
    for y in range(room.shape[0]):
        for x in range(room.shape[1]):
            rest = np.float32(1) - share[y, x]
            for c in range(3):
                room[y, x, c] = soft[y, x, c] * share[y, x] + room[y, x, c] * rest


@njit(cache=True, nogil=True)
def shaded(picture, factor):  # type: ignore[no-untyped-def]
    """A picture (h, w, 3) float32, C-contiguous, multiplied in place by a factor (h, w) float32."""
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            for c in range(3):
                picture[y, x, c] *= factor[y, x]


def _draw_thing(room: np.ndarray, rng: np.random.Generator) -> None:
    kinds = list(THINGS)
    weights = np.array([share for share, _ in THINGS.values()])
    THINGS[kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]][1](room, rng)


def _paint(rng: np.random.Generator) -> np.ndarray:
    """A wall's reflectance (3,): mostly pale, some strong."""
    level = np.exp(rng.uniform(np.log(0.08), np.log(0.75)))
    tint = np.exp(rng.normal(0, 0.08 if rng.random() < 0.7 else 0.5, 3))
    return np.clip(level * tint, 0.01, 0.9).astype(np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    return np.clip(
        np.exp(rng.uniform(np.log(0.02), np.log(0.8)))
        * np.exp(rng.normal(0, 0.12 if rng.random() < 0.7 else 0.4, 3)),
        0.005,
        0.95,
    )


def _fill(room: np.ndarray, polygon: np.ndarray, colour: np.ndarray) -> None:
    cv2.fillPoly(room, [np.round(polygon * 16).astype(np.int32)], [float(c) for c in colour], cv2.LINE_8, 4)


def _quad(
    room: np.ndarray,
    rng: np.random.Generator,
    *,
    wide: tuple[float, float],
    tall: tuple[float, float],
    inside: tuple[float, float] = (-0.05, 1.05),
) -> np.ndarray:
    """Corners (4, 2) of a rectangle in slight perspective, its centre `inside`, clockwise from the upper
    left.
    """
    h, w = room.shape[:2]
    size = np.array([w * rng.uniform(*wide), h * rng.uniform(*tall)])
    centre = np.array([w, h]) * rng.uniform(*inside, 2)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    corners = corners * (1 + rng.normal(0, 0.06) * corners[:, ::-1] * 2)
    angle = rng.normal(0, 0.03)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return centre + (corners * size) @ rotation.T


def _inner(corners: np.ndarray, u: tuple[float, float], v: tuple[float, float]) -> np.ndarray:
    """The part of a quad between shares u across and v down."""

    def at(s: float, t: float) -> np.ndarray:
        top = corners[0] * (1 - s) + corners[1] * s
        bottom = corners[3] * (1 - s) + corners[2] * s
        return top * (1 - t) + bottom * t

    return np.array([at(u[0], v[0]), at(u[1], v[0]), at(u[1], v[1]), at(u[0], v[1])])


def _show(room: np.ndarray, corners: np.ndarray, picture: np.ndarray) -> None:
    """The picture (h, w, 3) within the corners."""
    h, w = picture.shape[:2]
    ends = np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float32)
    warp = cv2.getPerspectiveTransform(ends, corners.astype(np.float32))
    size = room.shape[1::-1]
    shown = cv2.warpPerspective(picture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = np.zeros(room.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, np.round(corners * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    cv2.copyTo(shown, inside, room)


def _scene(room: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A photograph for a wall or a monitor: a part of this room in other colours, as rich as a room is."""
    h, w = room.shape[:2]
    y, x = int(rng.uniform(0, 0.5) * h), int(rng.uniform(0, 0.5) * w)
    part = room[y : y + h // 2, x : x + w // 2][:, ::-1][:: int(rng.choice([1, -1]))]
    return np.ascontiguousarray(np.minimum(part, 1.0)[..., rng.permutation(3)])


def _behind(room: np.ndarray, rng: np.random.Generator) -> None:
    """A frame about where heads are, dark or bright: a monitor, a picture, a board, a window, a doorway."""
    corners = _quad(room, rng, wide=(0.25, 0.8), tall=(0.3, 0.95), inside=(0.32, 0.68))
    rim = rng.uniform(0.01, 0.09)
    _fill(room, corners, rng.choice([rng.uniform(0.01, 0.06), rng.uniform(0.4, 1.3)]) * np.ones(3))
    inner = _inner(corners, (rim, 1 - rim), (rim * rng.uniform(0.6, 1.6), 1 - rim * rng.uniform(0.6, 1.6)))
    kind = str(rng.choice(["scene", "lit", "blank", "dark"]))
    if kind == "scene":
        _show(room, inner, _scene(room, rng) * np.float32(rng.uniform(0.4, 2.5)))
        return
    level = {"lit": rng.uniform(0.6, 2.5), "blank": rng.uniform(0.3, 0.9), "dark": rng.uniform(0.005, 0.1)}
    ground = level[kind] * np.exp(rng.normal(0, 0.12, 3))
    _fill(room, inner, ground)
    for _ in range(int(rng.integers(0, 8))):
        u, v = np.sort(rng.uniform(0, 1, 2)), np.sort(rng.uniform(0, 1, 2))
        tint = rng.uniform(0.1, 1.4) * np.exp(rng.normal(0, 0.25, 3))
        _fill(room, _inner(inner, (u[0], u[1]), (v[0], v[1])), ground * tint)


def _ceiling(room: np.ndarray, rng: np.random.Generator, horizon: int) -> None:
    h, w = room.shape[:2]
    room[:horizon] = np.clip(rng.uniform(0.35, 0.8) * np.exp(rng.normal(0, 0.05, 3)), 0, 0.9)
    vanish = np.array([w * rng.uniform(0.2, 0.8), horizon + h * rng.uniform(0.02, 0.3)])
    grid = room[0, 0] * rng.uniform(0.75, 0.95)
    if rng.random() < 0.6:  # panels
        for x in np.linspace(-1.5 * w, 2.5 * w, int(rng.integers(8, 20))):
            cv2.line(
                room,
                (int(x), -h // 3),
                tuple(int(v) for v in vanish),
                [float(c) for c in grid],
                1,
                cv2.LINE_8,
            )
        room[horizon:] = room[min(horizon, h - 1), 0]
    for _ in range(int(rng.integers(0, 6))):  # lamps in perspective
        t, x = rng.uniform(0.05, 0.85), rng.uniform(-0.6, 1.6) * w
        size = (1 - t) * w * rng.uniform(0.03, 0.12)
        centre = np.array([x, -h / 3]) * (1 - t) + vanish * t
        flat = rng.uniform(0.2, 0.6)
        light = rng.uniform(1.5, 6.0) * np.exp(rng.normal(0, 0.06, 3))
        if rng.random() < 0.5:
            axes = (max(1, int(size / 2)), max(1, int(size * flat / 2)))
            cv2.ellipse(
                room, (int(centre[0]), int(centre[1])), axes, 0, 0, 360, [float(c) for c in light], -1
            )
        else:
            long = size * rng.uniform(1, 5)
            slope = (vanish - centre) / np.linalg.norm(vanish - centre)
            side = np.array([size * 0.5, 0])
            _fill(
                room,
                np.array(
                    [
                        centre - side,
                        centre + side,
                        centre + side * 0.7 + slope * long,
                        centre - side * 0.7 + slope * long,
                    ]
                ),
                light,
            )


def _window(room: np.ndarray, rng: np.random.Generator) -> None:
    corners = _quad(room, rng, wide=(0.12, 0.5), tall=(0.3, 0.9))
    frame, sky = (
        _paint(rng),
        rng.uniform(0.8, 6.0) * np.array([0.85, 0.95, 1.1]) * np.exp(rng.normal(0, 0.1, 3)),
    )
    _fill(room, corners, frame)
    across, down = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    for i in range(across):
        for j in range(down):
            pane = _inner(
                corners, ((i + 0.06) / across, (i + 0.94) / across), ((j + 0.06) / down, (j + 0.94) / down)
            )
            _fill(room, pane, sky * rng.uniform(0.8, 1.1))
            if rng.random() < 0.5:  # what is outside
                _fill(room, _inner(pane, (0, 1), (rng.uniform(0.4, 0.8), 1)), sky * rng.uniform(0.1, 0.5, 3))
    if rng.random() < 0.3:  # blinds
        for t in np.linspace(0.02, 0.98, int(rng.integers(12, 40))):
            line = _inner(corners, (0, 1), (t, min(1.0, t + 0.008)))
            _fill(room, line, frame)


def _shelf(room: np.ndarray, rng: np.random.Generator) -> None:
    corners = _quad(room, rng, wide=(0.15, 0.5), tall=(0.2, 0.8))
    wood = _colour(rng)
    _fill(room, corners, wood * 0.4)
    rows = int(rng.integers(1, 6))
    for j in range(rows):
        x = 0.02
        while x < 0.95:
            wide = rng.uniform(0.02, 0.07)
            top = (j + rng.uniform(0.12, 0.5)) / rows
            if rng.random() < 0.85:
                _fill(room, _inner(corners, (x, min(0.98, x + wide)), (top, (j + 0.94) / rows)), _colour(rng))
            x += wide * rng.uniform(1.0, 1.3)
        _fill(room, _inner(corners, (0, 1), ((j + 0.94) / rows, (j + 1) / rows)), wood)


def _picture(room: np.ndarray, rng: np.random.Generator) -> None:
    corners = _quad(room, rng, wide=(0.06, 0.35), tall=(0.08, 0.45))
    rim = rng.uniform(0.02, 0.12)
    _fill(room, corners, _colour(rng))
    inner = _inner(corners, (rim, 1 - rim), (rim, 1 - rim))
    if rng.random() < 0.4:
        _show(room, inner, _scene(room, rng))
        return
    _fill(room, inner, _colour(rng))
    for _ in range(int(rng.integers(0, 12))):
        u, v = np.sort(rng.uniform(0, 1, 2)), np.sort(rng.uniform(0, 1, 2))
        _fill(room, _inner(inner, (u[0], u[1]), (v[0], v[1])), _colour(rng))
    if rng.random() < 0.3:  # writing
        for t in np.linspace(0.1, 0.9, int(rng.integers(4, 14))):
            _fill(room, _inner(inner, (0.1, rng.uniform(0.4, 0.9)), (t, t + 0.02)), _colour(rng) * 0.2)


def _monitor(room: np.ndarray, rng: np.random.Generator) -> None:
    corners = _quad(room, rng, wide=(0.1, 0.4), tall=(0.12, 0.4))
    _fill(room, corners, np.full(3, rng.uniform(0.01, 0.08)))
    rim = rng.uniform(0.015, 0.05)
    inner = _inner(corners, (rim, 1 - rim), (rim, 1 - rim))
    glow = rng.uniform(0.02, 1.6) * np.exp(rng.normal(0, 0.2, 3))
    if rng.random() < 0.4:
        _show(room, inner, _scene(room, rng) * (3 * glow).astype(np.float32))
        return
    _fill(room, inner, glow)
    for _ in range(int(rng.integers(0, 6))):
        u, v = np.sort(rng.uniform(0, 1, 2)), np.sort(rng.uniform(0, 1, 2))
        _fill(room, _inner(inner, (u[0], u[1]), (v[0], v[1])), glow * rng.uniform(0.1, 1.5, 3))


def _lamp(room: np.ndarray, rng: np.random.Generator) -> None:
    h, w = room.shape[:2]
    centre = (int(w * rng.uniform(0, 1)), int(h * rng.uniform(0, 0.7)))
    size = max(2, int(w * np.exp(rng.uniform(np.log(0.008), np.log(0.07)))))
    glow = rng.uniform(1.5, 10.0) * np.array([1.1, 1.0, rng.uniform(0.5, 1.0)])
    halo, axes = np.zeros((h, w), np.float32), (size, int(size * rng.uniform(0.4, 1.4)))
    cv2.ellipse(halo, centre, axes, 0, 0, 360, 1.0, -1)
    if rng.random() < 0.6:
        cv2.line(room, centre, (centre[0] + int(rng.normal(0, 3)), 0), [0.02, 0.02, 0.02], max(1, w // 400))
    near = _reached((h, w), centre, axes, sigma=size * 1.5)
    halo = np.ascontiguousarray(halo[near])
    shine = cv2.GaussianBlur(halo, (0, 0), size * 1.5)
    room[near] += (np.maximum(halo, 0.25 * shine)[..., None] * glow).astype(np.float32)


def _reached(
    size: tuple[int, int], centre: tuple[int, int], axes: tuple[int, int], *, sigma: float
) -> tuple[slice, slice]:
    """The part of a picture of that size beyond which nothing of an ellipse arrives by a Gaussian blur.

    Its ends lie on multiples of ALIGNED or on the picture's own, so that OpenCV's vectors begin where they
    would in the whole picture, and every pixel is the same to the last bit.
    """
    reach = 4 * sigma + 4  # OpenCV's kernel ends there
    ends = []
    for length, middle, half in zip(size, centre[::-1], axes[::-1], strict=True):
        low = max(0, int((middle - half - reach) // ALIGNED) * ALIGNED)
        high = min(length, -int(-(middle + half + reach + 1) // ALIGNED) * ALIGNED)
        ends.append(slice(min(low, length), max(low, high)))
    return ends[0], ends[1]


def _door(room: np.ndarray, rng: np.random.Generator) -> None:
    corners = _quad(room, rng, wide=(0.15, 0.3), tall=(0.8, 1.6))
    colour = _colour(rng)
    _fill(room, corners, colour * 0.5)
    _fill(room, _inner(corners, (0.05, 0.95), (0.02, 1)), colour)
    for v in ((0.08, 0.45), (0.52, 0.92)):
        _fill(room, _inner(corners, (0.2, 0.8), v), colour * rng.uniform(0.6, 0.95))


def _cables(room: np.ndarray, rng: np.random.Generator) -> None:
    h, w = room.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        ends = rng.uniform(-0.1, 1.1, (2, 2)) * [w, h]
        t = np.linspace(0, 1, 24)[:, None]
        curve = ends[0] * (1 - t) + ends[1] * t + [0, 1] * (4 * t * (1 - t) * h * rng.uniform(0, 0.2))
        colour = [float(c) for c in _colour(rng)]
        cv2.polylines(
            room, [curve.astype(np.int32)], False, colour, int(rng.integers(1, 1 + max(2, w // 200)))
        )


def _stripes(room: np.ndarray, rng: np.random.Generator) -> None:
    """A curtain, a radiator, tiles."""
    corners = _quad(room, rng, wide=(0.1, 0.4), tall=(0.3, 1.2))
    colour, count = _colour(rng), int(rng.integers(6, 40))
    _fill(room, corners, colour)
    for i in range(count):
        _fill(room, _inner(corners, (i / count, (i + 0.5) / count), (0, 1)), colour * rng.uniform(0.5, 0.9))


THINGS: dict[str, tuple[float, Callable[[np.ndarray, np.random.Generator], None]]] = {
    "window": (0.16, _window),
    "shelf": (0.16, _shelf),
    "picture": (0.22, _picture),
    "monitor": (0.10, _monitor),
    "lamp": (0.14, _lamp),
    "door": (0.08, _door),
    "cables": (0.05, _cables),
    "stripes": (0.09, _stripes),
}


def _textured(room: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plaster, dirt and soft shadows: no surface of a room is one colour; edges a pixel soft as from any
    lens.
    """
    h, w = room.shape[:2]
    total = np.zeros((h, w), np.float32)
    for cells, strength in ((4, 0.25), (12, 0.08), (60, 0.03), (w // 2, 0.02)):
        rows = max(2, cells * h // w)
        noise = rng.normal(0, strength * rng.uniform(0.3, 1.2), (rows, cells)).astype(np.float32)
        total += cv2.resize(noise, (w, h), interpolation=cv2.INTER_CUBIC)
    soft: np.ndarray = cv2.GaussianBlur(room, (0, 0), 0.7)
    shaded(soft, np.exp(total))
    return soft
