"""How a picture of a face is laid out on paper or on a display: cropped, placed, with margins or controls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

TEXELS_A_PIXEL = 1.25
MOST_TEXELS = 2400


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPicture:
    """What an attacker shows: `frames` (n, h, w, 3) uint8 RGB, one for a still; `meshes` (n, 468, 3) in their
    pixels.
    """

    frames: Sequence[np.ndarray]
    meshes: Sequence[np.ndarray]

    def at(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The frame and mesh to show at that step; a still shows the same for ever."""
        index = min(index, len(self.frames) - 1)
        return self.frames[index], self.meshes[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`crop` (4,) xyxy of the picture, in its pixels, is shown at `place` (4,) xyxy, in shares of the page.

    Beyond the picture's own border the crop goes on as its border led on. `size` (height, width)
    of the page in texels; `ground` (3,) uint8: colour of what the picture leaves free.
    """

    crop: tuple[float, float, float, float]
    place: tuple[float, float, float, float]
    size: tuple[int, int]
    ground: tuple[int, int, int]


def face_box(mesh: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (2,) and the longer side of a mesh's bounding box."""
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    return (low + high) / 2, float((high - low).max())


def draw_crop(
    rng: np.random.Generator, picture: ShownPicture, *, aspect: float, room: float
) -> tuple[float, float, float, float]:
    """A part of the picture with the face in it: about `room` face sides wide, `aspect` its width over its
    height.

    The face stays whole; what the picture does not hold is left out, so that the aspect may differ in the
    end.
    """
    frame, mesh = picture.at(0)
    height, width = frame.shape[:2]
    centre, side = face_box(mesh)
    wide = room * side * max(1.0, aspect)
    tall = wide / aspect
    slack = np.maximum(np.array([wide, tall]) - 1.05 * side, 0) / 2
    shift = rng.uniform(-1, 1, 2) * slack
    shift[1] = min(shift[1] + 0.1 * side, slack[1])  # more chest than ceiling
    x0, x1 = centre[0] + shift[0] - wide / 2, centre[0] + shift[0] + wide / 2
    y0, y1 = centre[1] + shift[1] - tall / 2, centre[1] + shift[1] + tall / 2
    return max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1)


def sized(layout: Layout, mesh: np.ndarray, *, side_px: float) -> Layout:
    """The layout with as many texels as a sensor needs that sees the face's box `side_px` large.

    A little more than one a pixel: with more, looking them up without averaging would alias.
    """
    side = np.ptp(on_page(layout, mesh) * np.array(layout.size[::-1]), axis=0).max()
    scale = TEXELS_A_PIXEL * side_px / float(side)
    longest = max(layout.size) * scale
    scale *= min(1.0, MOST_TEXELS / longest)
    height, width = (max(32, round(texels * scale)) for texels in layout.size)
    return replace(layout, size=(height, width))


def lay_out(layout: Layout, frame: np.ndarray) -> np.ndarray:
    """The page (h, w, 3) uint8 with the frame on it."""
    height, width = layout.size
    page = np.empty((height, width, 3), np.uint8)
    page[:] = layout.ground
    left, top, right, bottom = _texels(layout)
    x0, y0, x1, y1 = (round(v) for v in layout.crop)
    h, w = frame.shape[:2]
    got = (max(x0, 0), max(y0, 0), min(x1, w), min(y1, h))
    across, down = (right - left) / (x1 - x0), (bottom - top) / (y1 - y0)
    inner = (round((got[0] - x0) * across), round((got[1] - y0) * down))
    end = (right - left - round((x1 - got[2]) * across), bottom - top - round((y1 - got[3]) * down))
    part = frame[got[1] : got[3], got[0] : got[2]]
    kind = cv2.INTER_AREA if part.shape[0] > end[1] - inner[1] else cv2.INTER_CUBIC
    shown = cv2.resize(part, (end[0] - inner[0], end[1] - inner[1]), interpolation=kind)
    if got != (x0, y0, x1, y1):
        shown = _continued(shown, inner, (right - left - end[0], bottom - top - end[1]))
    page[top:bottom, left:right] = shown
    return page


def _continued(part: np.ndarray, before: tuple[int, int], after: tuple[int, int]) -> np.ndarray:
    """The part with so many pixels (x, y) more before and after it: its own border led on, out of focus.

    Only a narrow strip is mirrored, since more of it would hold a second head.
    """
    few = 8
    size = (part.shape[1] // few + 1, part.shape[0] // few + 1)
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    need = np.array([before[1], after[1], before[0], after[0]]) // few + 1
    near = np.minimum(need, [max(1, size[1] // 16)] * 2 + [max(1, size[0] // 16)] * 2)
    up, down, left, right = (int(n) for n in near)
    whole = cv2.copyMakeBorder(small, up, down, left, right, cv2.BORDER_REFLECT)
    up, down, left, right = (int(n) for n in need - near)
    whole = cv2.copyMakeBorder(whole, up, down, left, right, cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(whole, (0, 0), 4.0)
    grown = cv2.resize(soft, (whole.shape[1] * few, whole.shape[0] * few), interpolation=cv2.INTER_LINEAR)
    top, left = need[0] * few - before[1], need[2] * few - before[0]
    height, width = part.shape[0] + before[1] + after[1], part.shape[1] + before[0] + after[0]
    out = np.ascontiguousarray(grown[top : top + height, left : left + width])
    inside = np.s_[before[1] : before[1] + part.shape[0], before[0] : before[0] + part.shape[1]]
    out[inside] = _fading(part, out[inside], before, after)
    return out


def _fading(
    part: np.ndarray, soft: np.ndarray, before: tuple[int, int], after: tuple[int, int]
) -> np.ndarray:
    """The part that runs into `soft` over a few pixels along the borders where it is continued."""
    height, width = part.shape[:2]
    reach = max(4, min(height, width) // 24)
    x, y = np.arange(width), np.arange(height)
    far = np.full(width, reach), np.full(height, reach)
    for axis, (line, length) in enumerate(((x, width), (y, height))):
        if before[axis] > 0:
            np.minimum(far[axis], line, out=far[axis])
        if after[axis] > 0:
            np.minimum(far[axis], length - 1 - line, out=far[axis])
    keep = (np.minimum.outer(far[1], far[0]) / reach).astype(np.float32)
    return cv2.blendLinear(part, np.ascontiguousarray(soft), keep, 1 - keep)


def held(picture: ShownPicture) -> np.ndarray:
    """Extents (4,) of the picture about its face: sides of the face's box, left, top, right, bottom."""
    frame, mesh = picture.at(0)
    centre, side = face_box(mesh)
    return np.concatenate([centre, frame.shape[1::-1] - centre]) / side


def bleed(picture: ShownPicture, extents: np.ndarray) -> tuple[float, float, float, float]:
    """The crop that reaches so many sides of the face's box from its centre: left, top, right, bottom."""
    centre, side = face_box(picture.at(0)[1])
    low, high = centre - extents[:2] * side, centre + extents[2:] * side
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def on_page(layout: Layout, mesh: np.ndarray) -> np.ndarray:
    """The mesh's x and y (468, 2) as shares of the page."""
    height, width = layout.size
    left, top, right, bottom = _texels(layout)
    x0, y0, x1, y1 = (round(v) for v in layout.crop)
    x = left + (mesh[:, 0] + 0.5 - x0) * (right - left) / (x1 - x0)
    y = top + (mesh[:, 1] + 0.5 - y0) * (bottom - top) / (y1 - y0)
    return np.stack([x / width, y / height], axis=1).astype(np.float32)


def _texels(layout: Layout) -> tuple[int, int, int, int]:
    height, width = layout.size
    left, top, right, bottom = layout.place
    return round(left * width), round(top * height), round(right * width), round(bottom * height)
