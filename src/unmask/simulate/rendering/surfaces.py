"""Textured surfaces in front of a pinhole camera: what each pixel sees of them, how far away and how lit.

Everything is metres, x right, y down, z away from the camera. World coordinates are those of the camera at
rest; a camera that shakes is a `Pose` from world to camera. Colour is linear light; a white matt surface in
irradiance 1 gives radiance 1, which is where a sensor at unit exposure is full. Pixel (row i, column j) is
the point x = j, y = i.
"""

import weakref
from dataclasses import dataclass, field

import cv2
import numpy as np
from numba import njit

from unmask.simulate.rendering.light import Light, highlight, irradiance

# Averaging a texture takes longer than all else of a small frame, and a head keeps its texture for many.
TEXTURES_KEPT = 8
_levels: dict[int, tuple[weakref.ref[np.ndarray], dict[tuple[int, int], np.ndarray]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A pinhole camera: the sensor's size and the focal length in pixels; its axis hits the centre."""

    height: int
    width: int
    focal_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """A rigid move: x -> rotation (3, 3) @ x + translation (3,) in metres."""

    rotation: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=np.float32))
    translation: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))

    def moved(self, points: np.ndarray) -> np.ndarray:
        """`points` (n, 3) after the move."""
        return (points @ self.rotation.T + self.translation).astype(np.float32)

    def then(self, after: "Pose") -> "Pose":
        """This move first, then `after`."""
        return Pose(
            rotation=after.rotation @ self.rotation,
            translation=after.rotation @ self.translation + after.translation,
        )


def turn(*, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """The rotation (3, 3) of a head by angles in radians: yaw to the picture's right, pitch down, roll
    clockwise.

    >>> turn(yaw=0.5) @ np.array([0, 0, -1.0]) @ np.array([1, 0, 0]) > 0  # the nose goes right
    np.True_
    """
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_z @ about_y @ about_x).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A triangle mesh with a picture on it.

    `vertices` (n, 3) metres in its own frame (face towards -z when it looks at the camera); `triangles` (m,
    3); `uv` (n, 2) pixels of `texture`, x then y; `texture` (h, w, 4) float32: linear reflectance, or own
    light when `glows`, and alpha, not premultiplied. `gloss` is the share of a lamp that is mirrored (skin
    0.02, paper 0 to 0.1, glass 0.04), one number or (n,), and `shininess` its Phong exponent.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    texture: np.ndarray
    gloss: float | np.ndarray = 0.0
    shininess: float = 20.0
    glows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What every pixel of a view sees of one surface, before its texture is looked up.

    `depth` (H, W) float32 metres, infinity where it is not; `uv` (H, W, 2) float32 pixels of the texture;
    `irradiance` (H, W, 3) multiplies the reflectance; `mirrored` (H, W, 3) is added. All are 0 where depth is
    infinite.
    """

    depth: np.ndarray
    uv: np.ndarray
    irradiance: np.ndarray
    mirrored: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class ColouredLayer:
    """A layer with its colour: `depth` as in Layer, `colour` (H, W, 3) linear light, `alpha` (H, W) in [0,
    1].
    """

    depth: np.ndarray
    colour: np.ndarray
    alpha: np.ndarray


def trace(
    surface: Surface,
    pose: Pose,
    *,
    view: View,
    light: Light,
    open_sky: np.ndarray | float = 1.0,
    lit: np.ndarray | float = 1.0,
) -> Layer:
    """`surface` moved by `pose` (own frame to camera), seen by the view under the light (given in the
    camera's frame).

    `open_sky` and `lit`: how much of ambient and lamps reaches each vertex (see light.irradiance). Both sides
    of a triangle are seen; its normal is the one that looks at the camera.
    """
    points = pose.moved(surface.vertices)
    normals = vertex_normals(points, surface.triangles)
    to_camera = -points / np.maximum(1e-6, np.linalg.norm(points, axis=1, keepdims=True))
    values = np.zeros((len(points), 8), np.float32)
    values[:, :2] = surface.uv
    values[:, 2:5] = irradiance(normals, light, open_sky=open_sky, lit=lit)
    if np.any(np.asarray(surface.gloss) > 0):
        shine = highlight(normals, light, to_camera=to_camera, shininess=surface.shininess, lit=lit)
        values[:, 5:8] = shine * np.reshape(surface.gloss, (-1, 1))
    depth = np.full((view.height, view.width), np.inf, np.float32)
    seen = np.zeros((view.height, view.width, 8), np.float32)
    alpha = np.ascontiguousarray(surface.texture[..., 3], np.float32)
    _trace(_on_sensor(points, view), surface.triangles.astype(np.int32), values, alpha, depth, seen)
    return Layer(depth=depth, uv=seen[..., :2], irradiance=seen[..., 2:5], mirrored=seen[..., 5:8])


def look_up(layer: Layer, texture: np.ndarray, *, glows: bool = False) -> ColouredLayer:
    """The texture (h, w, 4) at the layer's uv, lit by the layer's irradiance (or by itself when it glows).

    A texture finer than the sensor is first averaged over the size of a pixel, so nothing aliases here; who
    wants the aliasing of a screen's pixels looks those up by `layer.uv` alone.
    """
    small = _averaged(texture, texels_per_pixel(layer))
    shrink = np.array([small.shape[1] / texture.shape[1], small.shape[0] / texture.shape[0]], np.float32)
    colour = np.zeros((*layer.depth.shape, 3), np.float32)
    alpha = np.zeros(layer.depth.shape, np.float32)
    _look_up(layer.depth, layer.uv, layer.irradiance, layer.mirrored, small, shrink, glows, colour, alpha)
    return ColouredLayer(depth=layer.depth, colour=colour, alpha=alpha)


def _averaged(texture: np.ndarray, step: float) -> np.ndarray:
    """The texture averaged over about `step` texels, a quarter of an octave at most off."""
    if step <= 1.25:
        return np.ascontiguousarray(texture, np.float32)
    notch = 2 ** (round(4 * np.log2(step)) / 4)
    h, w = texture.shape[:2]
    size = (max(2, round(w / notch)), max(2, round(h / notch)))
    known, levels = _levels.get(id(texture), (None, {}))
    if known is None or known() is not texture:  # an id is used again once its array is gone
        levels = {}
        _levels[id(texture)] = (weakref.ref(texture), levels)
        while len(_levels) > TEXTURES_KEPT:
            _levels.pop(next(iter(_levels)), None)
    if size not in levels:
        levels[size] = cv2.resize(texture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return levels[size]


def texels_per_pixel(layer: Layer) -> float:
    """The median step in the texture from one pixel to the next; 0 where the layer is not seen."""
    inside = np.isfinite(layer.depth[::4, 1::4]) & np.isfinite(
        layer.depth[::4, :-1:4][:, : layer.depth[::4, 1::4].shape[1]]
    )
    if not inside.any():
        return 0.0
    here, left = layer.uv[::4, 1::4], layer.uv[::4, :-1:4][:, : inside.shape[1]]
    return float(np.median(np.linalg.norm(here - left, axis=-1)[inside]))


def project(points: np.ndarray, view: View) -> np.ndarray:
    """Points (n, 3) of the camera frame in metres -> (n, 3) float32: x, y in sensor px, z in px.

    z is metres from the points' mean, times focal over mean depth, so that x, y and z share a unit as in the
    face mesh's own output: smaller is nearer.
    """
    mean = float(points[:, 2].mean())
    flat = _on_sensor(points.astype(np.float32), view)
    flat[:, 2] = (points[:, 2] - mean) * view.focal_px / mean
    return flat


def plane(
    width_m: float, height_m: float, *, texture: np.ndarray, bend_m: float = 0.0, cells: int = 12
) -> Surface:
    """A sheet centred on the origin, facing -z, in cells x cells squares; bent round the vertical axis if
    `bend_m` is not 0.

    A positive radius leads the edges away from the camera (as round a head), a negative one towards it.
    `texture` as in `Surface`; it covers the sheet from edge to edge.
    """
    h, w = texture.shape[:2]
    s, t = np.meshgrid(np.linspace(-0.5, 0.5, cells + 1), np.linspace(-0.5, 0.5, cells + 1))
    x, y, z = s * width_m, t * height_m, np.zeros_like(s)
    if bend_m:
        x, z = abs(bend_m) * np.sin(x / abs(bend_m)), bend_m * (1 - np.cos(x / abs(bend_m)))
    uv = np.stack([(s + 0.5) * w - 0.5, (t + 0.5) * h - 0.5], axis=-1).reshape(-1, 2)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    return Surface(
        vertices=vertices, triangles=grid(cells + 1, cells + 1), uv=uv.astype(np.float32), texture=texture
    )


def grid(rows: int, columns: int) -> np.ndarray:
    """The triangles (m, 3) of a net of rows x columns points in row order."""
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    a, b, c, d = first, first + 1, first + columns, first + columns + 1
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)


def on_surface(surface: Surface, uv: np.ndarray) -> np.ndarray:
    """Where points (n, 2) of the texture lie on the surface: (n, 3) metres in its own frame.

    A point off every triangle goes by the plane of the triangle whose middle is nearest.
    """
    corners = surface.uv[surface.triangles]  # (m, 3, 2)
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    det = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    det = np.where(np.abs(det) < 1e-9, 1e-9, det)
    offset = uv[:, None, :] - a[None]  # (n, m, 2)
    v = (offset[..., 0] * ac[:, 1] - offset[..., 1] * ac[:, 0]) / det
    w = (ab[:, 0] * offset[..., 1] - ab[:, 1] * offset[..., 0]) / det
    outside = np.maximum(0, -np.minimum(np.minimum(v, w), 1 - v - w))
    distance = np.linalg.norm(uv[:, None, :] - corners.mean(axis=1)[None], axis=-1)
    best = np.argmin(np.where(outside < 1e-4, 0, 1e6) + distance, axis=1)
    rows = np.arange(len(uv))
    weights = np.stack([1 - v[rows, best] - w[rows, best], v[rows, best], w[rows, best]], axis=1)
    return np.einsum("nk,nkd->nd", weights, surface.vertices[surface.triangles[best]]).astype(np.float32)


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (n, 3) that look at the camera (in the origin), areas as weights."""
    normals = np.zeros(points.shape, np.float32)
    _add_normals(points.astype(np.float32), triangles.astype(np.int32), normals)
    away = np.einsum("ij,ij->i", normals, points) > 0
    normals[away] *= -1
    return normals / np.maximum(1e-12, np.linalg.norm(normals, axis=1, keepdims=True))


def _on_sensor(points: np.ndarray, view: View) -> np.ndarray:
    """x, y in px and z in metres; behind the camera becomes not-a-number, which the rasteriser leaves out."""
    z = np.where(points[:, 2] > 0.02, points[:, 2], np.nan)
    x = view.focal_px * points[:, 0] / z + (view.width - 1) / 2
    y = view.focal_px * points[:, 1] / z + (view.height - 1) / 2
    return np.stack([x, y, z], axis=1).astype(np.float32)


@njit(cache=True, nogil=True)
def _add_normals(points, triangles, normals):  # type: ignore[no-untyped-def]
    for t in range(triangles.shape[0]):
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in range(3):
            i = triangles[t, k]
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz


@njit(cache=True, nogil=True, fastmath={"contract", "arcp", "nsz"})
def _trace(points, triangles, values, alpha, depth, seen):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = points[i, 0], points[i, 1], points[i, 2]
        bx, by, bz = points[j, 0], points[j, 1], points[j, 2]
        cx, cy, cz = points[k, 0], points[k, 1], points[k, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not np.isfinite(area) or abs(area) < 1e-9:
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx)))), min(width - 1, int(np.floor(max(ax, bx, cx))))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy)))), min(height - 1, int(np.floor(max(ay, by, cy))))
        share = np.float32(1.0) / area
        u_step, v_step = (by - cy) * share, (cy - ay) * share
        a_near, b_near, c_near = np.float32(1.0) / az, np.float32(1.0) / bz, np.float32(1.0) / cz
        for y in range(y0, y1 + 1):
            fx, fy = np.float32(x0), np.float32(y)  # whole numbers beside float32 would make doubles
            u_row = ((bx - fx) * (cy - fy) - (by - fy) * (cx - fx)) * share
            v_row = ((cx - fx) * (ay - fy) - (cy - fy) * (ax - fx)) * share
            for x in range(x0, x1 + 1):
                u = u_row + u_step * np.float32(x - x0)
                v = v_row + v_step * np.float32(x - x0)
                w = np.float32(1.0) - u - v
                if min(u, min(v, w)) < np.float32(-2e-5):
                    continue
                # Perspective: attributes over z are linear on the sensor.
                u, v, w = u * a_near, v * b_near, w * c_near
                z = np.float32(1.0) / (u + v + w)
                if z >= depth[y, x]:
                    continue
                u, v, w = u * z, v * z, w * z
                tx = u * values[i, 0] + v * values[j, 0] + w * values[k, 0]
                ty = u * values[i, 1] + v * values[j, 1] + w * values[k, 1]
                column = min(max(int(tx + np.float32(0.5)), 0), alpha.shape[1] - 1)
                row = min(max(int(ty + np.float32(0.5)), 0), alpha.shape[0] - 1)
                if alpha[row, column] < 0.004:
                    continue  # a hole in the picture hides nothing
                depth[y, x] = z
                seen[y, x, 0], seen[y, x, 1] = tx, ty
                for n in range(2, 8):
                    seen[y, x, n] = u * values[i, n] + v * values[j, n] + w * values[k, n]


@njit(cache=True, nogil=True)
def _look_up(depth, uv, light, mirrored, texture, shrink, glows, colour, alpha):  # type: ignore[no-untyped-def]
    half = np.float32(0.5)
    bottom, right = np.float32(texture.shape[0] - 1.001), np.float32(texture.shape[1] - 1.001)
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if not np.isfinite(depth[y, x]):
                continue
            tx = min(max((uv[y, x, 0] + half) * shrink[0] - half, np.float32(0)), right)
            ty = min(max((uv[y, x, 1] + half) * shrink[1] - half, np.float32(0)), bottom)
            j, i = int(tx), int(ty)
            fx, fy = tx - np.float32(j), ty - np.float32(i)
            gx, gy = np.float32(1) - fx, np.float32(1) - fy
            a, b, c, d = gx * gy, fx * gy, gx * fy, fx * fy
            alpha[y, x] = (
                a * texture[i, j, 3]
                + b * texture[i, j + 1, 3]
                + c * texture[i + 1, j, 3]
                + d * texture[i + 1, j + 1, 3]
            )
            for n in range(3):
                value = (
                    a * texture[i, j, n]
                    + b * texture[i, j + 1, n]
                    + c * texture[i + 1, j, n]
                    + d * texture[i + 1, j + 1, n]
                )
                colour[y, x, n] = value * (np.float32(1.0) if glows else light[y, x, n]) + mirrored[y, x, n]
