"""The room behind: a picture on a distant plane, that shifts and turns as the camera moves."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numba import njit

from unmask.media.images import read_image
from unmask.simulate.people.bust import Bust
from unmask.simulate.rendering.rooms import add_clutter, draw_room, shaded
from unmask.simulate.rendering.surfaces import Pose, View

MEAN = 0.2  # of a backdrop's linear picture: an average room reflects a fifth
MARGIN = 1.25  # how much wider than the view a backdrop is, so that shaking never shows its end
LINEAR = ((np.arange(256) / 255) ** 2.2).astype(np.float32)  # light of an sRGB byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """`picture` (h, w, 3) float32 linear, mean about MEAN, on a plane at `depth_m` on the camera's axis.

    `tilt` (x, y): the plane's slope, metres of depth per metre (a wall that runs away). `metres_per_px` is
    the size of a pixel of the picture there, `axis_px` (2,) the pixel on the camera's axis.
    """

    picture: np.ndarray
    depth_m: float
    metres_per_px: float
    axis_px: tuple[float, float]
    tilt: tuple[float, float] = (0.0, 0.0)

    def seen(self, camera: Pose, *, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Radiance (H, W, 3) in unit light and depth (H, W) metres, for a camera moved by `camera` (world to
        it).
        """
        to_sensor, plane = self._geometry(camera, view)
        size = (view.width, view.height)
        radiance = cv2.warpPerspective(
            self.picture, to_sensor, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        depth = np.empty((view.height, view.width), np.float32)
        a, b, c = plane.tolist()
        _plane_depth(a, b, c, depth)
        return radiance, depth

    def _geometry(self, camera: Pose, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Homography picture -> sensor, and (a, b, c) with 1 / depth = a x + b y + c on the sensor."""
        m, (u0, v0), (sx, sy) = self.metres_per_px, self.axis_px, self.tilt
        lift = np.array(
            [[m, 0, -u0 * m], [0, m, -v0 * m], [sx * m, sy * m, self.depth_m - (sx * u0 + sy * v0) * m]]
        )
        cx, cy = (view.width - 1) / 2, (view.height - 1) / 2
        lens = np.array([[view.focal_px, 0, cx], [0, view.focal_px, cy], [0, 0, 1]])
        moved = camera.rotation @ lift
        moved[:, 2] += camera.translation
        normal = camera.rotation @ np.array([-sx, -sy, 1.0])
        offset = normal @ (camera.rotation @ np.array([0, 0, self.depth_m]) + camera.translation)
        return lens @ moved, (normal / offset) @ np.linalg.inv(lens)


@njit(cache=True, nogil=True)
def _plane_depth(a, b, c, depth):  # type: ignore[no-untyped-def]
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            depth[y, x] = 1.0 / max(a * x + b * y + c, 1 / 50.0)


def draw_backdrop(
    rng: np.random.Generator, *, view: View, backgrounds: Sequence[Path] = (), rooms: Sequence[int] = ()
) -> Backdrop:
    """A picture of `backgrounds` (two in three, most with things put before it) or a drawn room.

    `rooms`: seeds of the rooms that may be drawn; any room when empty.
    """
    width = round(min(view.width, 960) * MARGIN)
    height = round(width * view.height / view.width)
    if len(backgrounds) and rng.random() < 0.65:
        path = backgrounds[int(rng.integers(len(backgrounds)))]
        linear = _opened_up(_cover(_room_picture(path), rng, size=(height, width)))
        if rng.random() < 0.75:  # rendered rooms are soft and empty
            linear = add_clutter(linear, rng)
    else:
        drawn = np.random.default_rng([int(rng.choice(rooms)), 23]) if len(rooms) else rng
        linear = draw_room(drawn, size=(height, width))
    return placed_backdrop(rng, linear, view=view)


def draw_wall(rng: np.random.Generator, *, view: View) -> Backdrop:
    """A plain wall in any colour, white and grey ones most often, a little uneven."""
    width = round(min(view.width, 960) * MARGIN)
    height = round(width * view.height / view.width)
    vivid = float(rng.choice([0.05, 0.15, 0.5, 0.9]))
    colour = rng.uniform(0.1, 0.9) * (1 + vivid * rng.uniform(-1, 1, 3))
    uneven = cv2.resize(
        rng.normal(0, 1, (6, 8)).astype(np.float32), (width, height), None, 0, 0, cv2.INTER_CUBIC
    )
    grain = rng.normal(0, rng.uniform(0.0, 0.05), (height, width)).astype(np.float32)
    shade = np.exp(rng.uniform(0.0, 0.12) * uneven + grain)
    linear = shade[..., None] * np.clip(colour, 0.02, 1).astype(np.float32)
    return placed_backdrop(rng, linear.astype(np.float32), view=view)


def draw_photographed_room(rng: np.random.Generator, *, view: View, backgrounds: Sequence[Path]) -> Backdrop:
    """One of those pictures as it is, nothing drawn into it."""
    width = round(min(view.width, 960) * MARGIN)
    height = round(width * view.height / view.width)
    path = backgrounds[int(rng.integers(len(backgrounds)))]
    linear = _opened_up(_cover(_room_picture(path), rng, size=(height, width)))
    return placed_backdrop(rng, linear, view=view)


def placed_backdrop(rng: np.random.Generator, linear: np.ndarray, *, view: View) -> Backdrop:
    """Linear light (h, w, 3) on a plane at some distance, unevenly lit, seldom out of focus."""
    height, width = linear.shape[:2]
    if rng.random() < 0.25:  # most small cameras see all things sharp, some do not
        linear = cv2.GaussianBlur(linear, (0, 0), float(np.exp(rng.uniform(np.log(0.4), np.log(3.0)))))
    linear = _gradient(linear, rng)
    depth = float(np.exp(rng.uniform(np.log(1.2), np.log(5.0))))
    scale = MARGIN * view.width / width * depth / view.focal_px
    return Backdrop(
        picture=np.ascontiguousarray(_levelled(linear)),
        depth_m=depth,
        metres_per_px=scale,
        axis_px=((width - 1) / 2, (height - 1) / 2),
        tilt=tuple(rng.uniform(-0.5, 0.5, 2).tolist()),
    )


def own_backdrop(bust: Bust, place: Pose, *, things: int = 0) -> Backdrop:
    """The portrait's own background, a metre behind the head, where the portrait had it while the head is at
    `place`; with things put before it, drawn from that seed, unless it is 0.
    """
    near = float(place.translation[2])
    depth = near + 1.0
    scale = bust.metres_per_px * depth / near
    axis = bust.origin_px - place.translation[:2] / bust.metres_per_px
    picture = _furnished(bust, things) if things else bust.own
    return Backdrop(
        picture=picture, depth_m=depth, metres_per_px=scale, axis_px=(float(axis[0]), float(axis[1]))
    )


_last_furnished: dict[str, tuple[weakref.ref[Any], int, np.ndarray]] = {}


def _furnished(bust: Bust, seed: int) -> np.ndarray:
    """The own background with clutter in it, kept for the frames of a clip."""
    known, drawn, picture = _last_furnished.get("own", (None, 0, None))
    if picture is None or known is None or known() is not bust.own or drawn != seed:
        picture = _levelled(add_clutter(bust.own, np.random.default_rng([seed, 29])))
        _last_furnished["own"] = (weakref.ref(bust.own), seed, picture)
    return picture


def _cover(image: np.ndarray, rng: np.random.Generator, *, size: tuple[int, int]) -> np.ndarray:
    """A random part of the picture in that size: at least 60 % of it, mirrored every other time."""
    h, w = image.shape[:2]
    part = rng.uniform(0.6, 1.0) * min(h / size[0], w / size[1])
    ch, cw = max(8, int(size[0] * part)), max(8, int(size[1] * part))
    y, x = int(rng.integers(h - ch + 1)), int(rng.integers(w - cw + 1))
    crop = image[y : y + ch, x : x + cw]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    method = cv2.INTER_AREA if part > 1 else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(crop), (size[1], size[0]), interpolation=method)


@lru_cache(maxsize=160)  # a folder's pictures come again and again, and are small
def _room_picture(path: Path) -> np.ndarray:
    return _without_rings(read_image(path))


def _without_rings(image: np.ndarray) -> np.ndarray:
    """Rendered views have dark rings round burnt-out lamps, left by their resampling: closed where white is
    near.
    """
    burnt = cv2.dilate((_darkest(image) > 245).astype(np.uint8), np.ones((9, 9)))[..., None]
    closed = cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones((5, 5)))
    return np.where(burnt > 0, closed, image)


def _opened_up(image: np.ndarray) -> np.ndarray:
    """Linear light of an sRGB picture, its burnt-out lamps and windows brighter than white again."""
    linear = LINEAR[image]
    burnt = np.clip((_darkest(image).astype(np.float32) - 225) / 30, 0, 1)
    return linear * (1 + 3.0 * burnt[..., None] ** 2)


def _darkest(image: np.ndarray) -> np.ndarray:
    """The least of the three channels; many times faster than a reduction over the last axis."""
    return np.minimum(np.minimum(image[..., 0], image[..., 1]), image[..., 2])


def _gradient(linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room is lighter towards its windows."""
    h, w = linear.shape[:2]
    way = rng.normal(0, 0.35, 2)
    slope = way[0] * np.linspace(-1, 1, w)[None] + way[1] * np.linspace(-1, 1, h)[:, None]
    lit = np.array(linear, np.float32, order="C")
    shaded(lit, np.exp(slope).astype(np.float32))
    return lit


def _levelled(linear: np.ndarray) -> np.ndarray:
    """Scaled to the mean of an average room; half-way only, since rooms do differ."""
    mean = float(np.minimum(linear, 1.0).mean())
    return (linear * (MEAN / max(mean, 0.01)) ** 0.7).astype(np.float32, copy=False)
