"""A flat, bent or creased rectangle in front of the camera, traced exactly: paper, and the glass of a phone.

The sheet's own frame is metres, centre at the origin, x right, y down, facing -z. A bent sheet is part of a
cylinder: lengths along it are kept, as paper keeps them. Every pixel's ray is cut with the plane or the
cylinder in closed form, so that a texture moves over the sensor without steps and the depth is true.
"""

import math
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.surfaces import Pose, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """`width_m`, `height_m`; `radius_m` of the bend, 0 flat, > 0 edges away from the camera, < 0 towards it.

    `axis_rad`: direction of the bend's axis, 0 is vertical. `corner_m`: radius of the corners. `picture` (4,)
    xyxy metres: the part that shows the picture, `picture_corner_m` the radius of its corners. `gloss` is the
    share of light mirrored, `shininess` its Phong exponent. Over the whole sheet, of any size, there may be a
    `relief` (h, w) float32: metres by which it rises towards the camera; and a `cut` (h, w) float32 in
    [0, 1]: what scissors have left of it.
    """

    width_m: float
    height_m: float
    picture: tuple[float, float, float, float]
    radius_m: float = 0.0
    axis_rad: float = 0.0
    corner_m: float = 0.0
    picture_corner_m: float = 0.0
    gloss: float = 0.0
    shininess: float = 30.0
    relief: np.ndarray | None = None
    cut: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What every pixel sees of a sheet.

    `x`, `y` (H, W) float32: where in the picture, as a share of its width and height; `alpha` (H, W):
    coverage by the sheet; `shown` (H, W): share of the sheet's coverage that is picture; `depth` (H, W)
    metres; `irradiance` and `mirrored` (H, W, 3) as in `surfaces.Layer`.
    """

    x: np.ndarray
    y: np.ndarray
    alpha: np.ndarray
    shown: np.ndarray
    depth: np.ndarray
    irradiance: np.ndarray
    mirrored: np.ndarray


def trace_sheet(sheet: Sheet, pose: Pose, *, view: View, light: Light) -> Traced:
    """The sheet moved by `pose` (own frame to camera) under the light, given in the camera's frame."""
    shape = (view.height, view.width)
    flat = [np.zeros(shape, np.float32) for _ in range(5)]
    irradiance, mirrored = (np.zeros((*shape, 3), np.float32) for _ in range(2))
    numbers = np.array(
        [
            sheet.width_m,
            sheet.height_m,
            sheet.radius_m,
            sheet.axis_rad,
            sheet.corner_m,
            sheet.gloss,
            sheet.shininess,
            sheet.picture_corner_m,
        ]
    )
    directions = np.array([lamp.direction for lamp in light.lamps], np.float64).reshape(-1, 3)
    colours = np.array([lamp.colour for lamp in light.lamps], np.float64).reshape(-1, 3)
    softness = np.array([lamp.softness for lamp in light.lamps], np.float64)
    _trace(
        flat[0],
        flat[1],
        flat[2],
        flat[3],
        flat[4],
        irradiance,
        mirrored,
        np.asarray(pose.rotation, np.float64),
        np.asarray(pose.translation, np.float64),
        float(view.focal_px),
        numbers,
        np.asarray(sheet.picture, np.float64),
        np.asarray(light.ambient, np.float64),
        np.asarray(light.tilt, np.float64),
        directions,
        colours,
        softness,
        _slopes(sheet),
        np.ones((1, 1), np.float32) if sheet.cut is None else sheet.cut,
    )
    return Traced(
        x=flat[0],
        y=flat[1],
        alpha=flat[2],
        shown=flat[3],
        depth=flat[4],
        irradiance=irradiance,
        mirrored=mirrored,
    )


def on_sheet(sheet: Sheet, points: np.ndarray) -> np.ndarray:
    """Where points (n, 2) of the picture, as shares of its width and height, lie: (n, 3) metres in the own
    frame.
    """
    left, top, right, bottom = sheet.picture
    u = left + points[:, 0] * (right - left)
    v = top + points[:, 1] * (bottom - top)
    rise = _risen(sheet, u, v)
    if sheet.radius_m == 0:
        return np.stack([u, v, -rise], axis=1)
    c, s = math.cos(sheet.axis_rad), math.sin(sheet.axis_rad)
    along, across = c * u + s * v, -s * u + c * v
    turn = along / sheet.radius_m
    p, z = (sheet.radius_m + rise) * np.sin(turn), sheet.radius_m - (sheet.radius_m + rise) * np.cos(turn)
    return np.stack([c * p - s * across, s * p + c * across, z], axis=1)


def _risen(sheet: Sheet, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    if sheet.relief is None:
        return np.zeros_like(u)
    height, width = sheet.relief.shape
    x = (u / sheet.width_m + 0.5) * width - 0.5
    y = (v / sheet.height_m + 0.5) * height - 0.5
    at = np.dstack([x, y]).astype(np.float32)
    none = np.empty(0, np.int16)
    return np.asarray(cv2.remap(sheet.relief, at, none, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))[0]


def _slopes(sheet: Sheet) -> np.ndarray:
    """The relief with its slopes along u and v: (h, w, 3) float32, metres and metres a metre."""
    if sheet.relief is None:
        return np.zeros((1, 1, 3), np.float32)
    height, width = sheet.relief.shape
    down, right = np.gradient(sheet.relief, sheet.height_m / height, sheet.width_m / width)
    return np.stack([sheet.relief, right, down], axis=-1).astype(np.float32)


def picture_homography(sheet: Sheet, pose: Pose, *, view: View, width: int, height: int) -> np.ndarray:
    """(3, 3) from sensor pixels to pixels of a picture of that size on the flat sheet; pixel 0's corner is at
    0.
    """
    inverse = np.array(
        [
            [1 / view.focal_px, 0, -(view.width - 1) / 2 / view.focal_px],
            [0, 1 / view.focal_px, -(view.height - 1) / 2 / view.focal_px],
            [0, 0, 1],
        ]
    )
    ray = np.asarray(pose.rotation, np.float64).T @ inverse
    origin = -np.asarray(pose.rotation, np.float64).T @ np.asarray(pose.translation, np.float64)
    metres = np.stack(
        [origin[0] * ray[2] - origin[2] * ray[0], origin[1] * ray[2] - origin[2] * ray[1], ray[2]]
    )
    left, top, right, bottom = sheet.picture
    sx, sy = width / (right - left), height / (bottom - top)
    return np.array([[sx, 0, -left * sx], [0, sy, -top * sy], [0, 0, 1]]) @ metres


@numba.njit(cache=True, nogil=True, inline="always")
def _inside(u, v, left, top, right, bottom, corner):  # type: ignore[no-untyped-def]
    """Signed distance into a rectangle with round corners, positive inside."""
    du = abs(u - (left + right) / 2) - (right - left) / 2 + corner
    dv = abs(v - (top + bottom) / 2) - (bottom - top) / 2 + corner
    outside = math.sqrt(max(du, 0.0) ** 2 + max(dv, 0.0) ** 2)
    return corner - outside - min(max(du, dv), 0.0)


@numba.njit(cache=True, nogil=True, inline="always")
def _sampled(field, u, v, layer):  # type: ignore[no-untyped-def]
    """The field (h, w, layers) at shares u, v of its width and height."""
    height, width = field.shape[:2]
    x = min(max(u * width - 0.5, 0.0), width - 1.0)
    y = min(max(v * height - 0.5, 0.0), height - 1.0)
    i, j = int(y), int(x)
    k, m = min(i + 1, height - 1), min(j + 1, width - 1)
    fy, fx = y - i, x - j
    above = field[i, j, layer] * (1 - fx) + field[i, m, layer] * fx
    below = field[k, j, layer] * (1 - fx) + field[k, m, layer] * fx
    return above * (1 - fy) + below * fy


@numba.njit(cache=True, nogil=True, inline="always")
def _meet(op, oz, dp, dz, radius, rise):  # type: ignore[no-untyped-def]
    """The ray's meeting with the bend that is nearest to the sheet's middle: parameter, sine, cosine."""
    reach = radius + rise
    a = dp * dp + dz * dz
    b = op * dp + (oz - radius) * dz
    c = op * op + (oz - radius) ** 2 - reach * reach
    root = b * b - a * c
    if root <= 0:
        return -1.0, 0.0, 1.0
    root = math.sqrt(root)
    first, second = (-b - root) / a, (-b + root) / a
    near, far = (radius - oz - first * dz) / reach, (radius - oz - second * dz) / reach
    t, cosine = (first, near) if first > 1e-3 and (near >= far or second <= 1e-3) else (second, far)
    return (t, (op + t * dp) / reach, cosine) if t > 1e-3 else (-1.0, 0.0, 1.0)


@numba.njit(cache=True, nogil=True, inline="always")
def _normal(relief, u, v, ca, sa, sine, cosine):  # type: ignore[no-untyped-def]
    """The normal at shares u, v of the sheet: that of the bend, turned by the slopes of the relief."""
    n0, n1, n2 = ca * sine, sa * sine, -cosine
    if relief.shape[0] > 1:
        du, dv = _sampled(relief, u, v, 1), _sampled(relief, u, v, 2)
        along, across = -(ca * du + sa * dv), -(-sa * du + ca * dv)
        n0 += along * ca * cosine - across * sa
        n1 += along * sa * cosine + across * ca
        n2 += along * sine
        long = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
        n0, n1, n2 = n0 / long, n1 / long, n2 / long
    return n0, n1, n2


@numba.njit(cache=True, nogil=True, inline="always")
def _from_lamp(lamp, softness, w0, w1, w2, m0, m1, m2, gloss, shininess):  # type: ignore[no-untyped-def]
    """What a lamp gives to a place with the normal w, and what of it the mirrored ray m meets."""
    wrap = 0.4 * softness
    lit = (lamp[0] * w0 + lamp[1] * w1 + lamp[2] * w2 + wrap) / (1 + wrap)
    towards = lamp[0] * m0 + lamp[1] * m1 + lamp[2] * m2
    exponent = shininess * (1.2 - softness)
    peak = 0.0
    if gloss > 0 and towards > 0 and exponent * (towards - 1) > -7:  # beyond: nothing
        peak = gloss * (exponent + 2) / 2 * towards**exponent
    return max(0.0, lit), peak


@numba.njit(cache=True, nogil=True, inline="always")
def _window(origin, focal, sheet_w, sheet_h, height, width):  # type: ignore[no-untyped-def]
    """Rows and columns of the pixels that may see the sheet: first, and behind the last."""
    reach = math.sqrt(sheet_w**2 + sheet_h**2) / 2
    cx, cy = (width - 1) / 2, (height - 1) / 2
    near = max(0.02, origin[2] - reach)
    px = focal * reach / near + 2
    mx, my = focal * origin[0] / origin[2] + cx, focal * origin[1] / origin[2] + cy
    spread = px + abs(mx - cx) * reach / near + abs(my - cy) * reach / near
    rows = max(0, int(my - spread)), min(height, int(my + spread) + 2)
    return rows, (max(0, int(mx - spread)), min(width, int(mx + spread) + 2))


@numba.njit(cache=True, nogil=True)
def _trace(  # type: ignore[no-untyped-def]
    x_out, y_out, alpha_out, shown_out, depth_out, irradiance, mirrored,
    rotation, origin, focal, numbers, picture, ambient, tilt, lamps, colours, softness, relief, cut,
):  # fmt: skip
    height, width = depth_out.shape
    sheet_w, sheet_h, radius, axis, corner, gloss, shininess, inner_corner = numbers
    rough, scissors = relief.shape[0] > 1, cut.shape[0] > 1
    cut = cut.reshape((*cut.shape, 1))
    ca, sa = math.cos(axis), math.sin(axis)
    back = rotation.T.copy()
    o = -(back @ origin)
    left, top, right, bottom = picture
    cx, cy = (width - 1) / 2, (height - 1) / 2
    rows, columns = _window(origin, focal, sheet_w, sheet_h, height, width)
    for y in range(rows[0], rows[1]):
        for x in range(columns[0], columns[1]):
            rx, ry = (x - cx) / focal, (y - cy) / focal
            d0 = back[0, 0] * rx + back[0, 1] * ry + back[0, 2]
            d1 = back[1, 0] * rx + back[1, 1] * ry + back[1, 2]
            d2 = back[2, 0] * rx + back[2, 1] * ry + back[2, 2]
            sine, cosine, rise, t, u, v = 0.0, 1.0, 0.0, -1.0, 0.0, 0.0
            for _ in range(3 if rough else 1):  # heights are small: the meeting is found from the last one's
                if radius == 0.0:
                    if d2 <= 1e-6:
                        break
                    t = -(o[2] + rise) / d2
                    u, v = o[0] + t * d0, o[1] + t * d1
                else:
                    t, sine, cosine = _meet(ca * o[0] + sa * o[1], o[2], ca * d0 + sa * d1, d2, radius, rise)
                    if t < 0:
                        break
                    along = radius * math.atan2(sine, cosine)
                    across = -sa * (o[0] + t * d0) + ca * (o[1] + t * d1)
                    u, v = ca * along - sa * across, sa * along + ca * across
                if rough:
                    rise = _sampled(relief, u / sheet_w + 0.5, v / sheet_h + 0.5, 0)
            if t <= 0:
                continue
            n0, n1, n2 = _normal(relief, u / sheet_w + 0.5, v / sheet_h + 0.5, ca, sa, sine, cosine)
            length = math.sqrt(rx * rx + ry * ry + 1.0)
            facing = -(d0 * n0 + d1 * n1 + d2 * n2) / length
            footprint = t / focal / max(0.15, abs(facing))
            cover = (
                0.5 + _inside(u, v, -sheet_w / 2, -sheet_h / 2, sheet_w / 2, sheet_h / 2, corner) / footprint
            )
            if scissors and cover > 0:
                cover = min(1.0, cover) * _sampled(cut, u / sheet_w + 0.5, v / sheet_h + 0.5, 0)
            if cover <= 0:
                continue
            alpha_out[y, x] = min(1.0, cover)
            inner = 0.5 + _inside(u, v, left, top, right, bottom, inner_corner) / footprint
            shown_out[y, x] = min(1.0, max(0.0, inner))
            x_out[y, x] = (u - left) / (right - left)
            y_out[y, x] = (v - top) / (bottom - top)
            depth_out[y, x] = t
            if facing < 0:  # the back of the sheet
                n0, n1, n2 = -n0, -n1, -n2
                facing = -facing
            w0 = rotation[0, 0] * n0 + rotation[0, 1] * n1 + rotation[0, 2] * n2
            w1 = rotation[1, 0] * n0 + rotation[1, 1] * n1 + rotation[1, 2] * n2
            w2 = rotation[2, 0] * n0 + rotation[2, 1] * n1 + rotation[2, 2] * n2
            slope = max(0.0, 1.0 + tilt[0] * w0 + tilt[1] * w1 + tilt[2] * w2)
            for c in range(3):
                irradiance[y, x, c] = ambient[c] * slope
            m0 = rx / length + 2 * facing * w0  # the mirrored ray
            m1 = ry / length + 2 * facing * w1
            m2 = 1.0 / length + 2 * facing * w2
            for k in range(lamps.shape[0]):
                lit, peak = _from_lamp(lamps[k], softness[k], w0, w1, w2, m0, m1, m2, gloss, shininess)
                for c in range(3):
                    irradiance[y, x, c] += colours[k, c] * lit
                    mirrored[y, x, c] += colours[k, c] * peak
