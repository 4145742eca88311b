"""What a bust's own shape does to light: shadows of nose, brows and chin; and the studio's light taken off
its skin.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.raster import FACE_TRIANGLES, rasterise
from unmask.simulate.rendering.surfaces import vertex_normals

CELL_M = 0.003  # of the depth map in which shadows are marched
HALF_M = 0.21


@dataclass(frozen=True, slots=True, kw_only=True)
class Occlusion:
    """A bust's depth map `near` (k, k) metres on a grid of CELL_M round its axis, `points`, open sky (n,).

    `spared` (n,) in [0, 1] softens the shadows on points whose place is a guess.
    """

    near: np.ndarray
    points: np.ndarray
    open_sky: np.ndarray
    spared: np.ndarray

    def lit(self, light: Light) -> np.ndarray:
        """The share (lamps, n) of each lamp that reaches each point; `light` in the bust's frame."""
        if not light.lamps:
            return np.ones((1, len(self.points)), np.float32)
        rows = [
            _march(self.points, self.near, lamp.direction, 0.25 + 0.75 * lamp.softness)
            for lamp in light.lamps
        ]
        return 1 - (1 - np.stack(rows)) * (1 - 0.7 * self.spared)


def occlusion_of(points: np.ndarray, triangles: np.ndarray, *, spared: np.ndarray) -> Occlusion:
    """The occlusion of a bust at rest; the sky is the mean over 26 directions before it."""
    size = round(2 * HALF_M / CELL_M) + 1
    pixels = points.copy()
    pixels[:, :2] = (points[:, :2] + HALF_M) / CELL_M
    near, _, _ = rasterise(pixels, triangles, height=size, width=size)
    near[~np.isfinite(near)] = 1.0
    near = cv2.GaussianBlur(near, (0, 0), 1.0)
    sky, weight = np.zeros(len(points)), 0.0
    for azimuth in np.arange(0, 360, 45):
        for elevation in (15.0, 40.0, 65.0):
            a, e = np.radians(azimuth), np.radians(elevation)
            direction = np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), -np.sin(e)], np.float32)
            sky += np.sin(e) * np.cos(e) * _march(points, near, direction, 0.5)
            weight += np.sin(e) * np.cos(e)
    open_sky = 0.25 + 0.75 * sky / weight
    open_sky = (1 - (1 - open_sky) * (1 - 0.7 * spared)).astype(np.float32)
    return Occlusion(near=near, points=points.astype(np.float32), open_sky=open_sky, spared=spared)


def evened(skin: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """`skin` (h, w, 3) linear with the shading that follows the face's shape divided out, up to a factor of
    two.

    Luminance of the face is fitted by spherical harmonics to second order of the mesh's normals (Ramamoorthi
    and Hanrahan 2001); what the fit explains is shading. Outside the face the correction fades away.
    """
    h, w = skin.shape[:2]
    scale = 160 / float(np.ptp(mesh[:, 1]))
    size = (round(w * scale), round(h * scale))
    small = np.asarray(cv2.resize(skin.mean(axis=2), size, interpolation=cv2.INTER_AREA))
    points = mesh * np.float32(scale)
    _, triangle, weights = rasterise(points, FACE_TRIANGLES, height=size[1], width=size[0])
    normals = vertex_normals(points + np.array([0, 0, 1e4], np.float32), FACE_TRIANGLES)
    inside = triangle >= 0
    normal = np.einsum("pk,pkd->pd", weights[inside], normals[FACE_TRIANGLES[triangle[inside]]])
    shading = _fit(np.log(small[inside] + 0.02), normal)
    known = np.zeros(inside.shape, np.float32)
    known[inside] = np.clip(shading - np.median(shading), -0.7, 0.7)
    whole = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 3)
    ratio = cv2.GaussianBlur(known, (0, 0), 3) / np.maximum(whole, 1e-3)
    soft = cv2.GaussianBlur(cv2.erode(inside.astype(np.float32), np.ones((9, 9))), (0, 0), 5)
    correction = cv2.resize(ratio * soft, (w, h), interpolation=cv2.INTER_LINEAR)
    return (skin * np.exp(-0.85 * correction)[..., None]).astype(np.float32)


def _fit(logarithm: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """The part of the logarithm (p,) that normals (p, 3) explain, by least squares that leaves eyes and
    beards out.
    """
    x, y, z = normal.T
    basis = np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y], axis=1)
    keep = np.ones(len(x), bool)
    solution = np.zeros(basis.shape[1])
    for _ in range(4):
        kept = basis[keep]
        solution = np.linalg.solve(
            kept.T @ kept + 1e-2 * len(kept) / 100 * np.eye(8), kept.T @ logarithm[keep]
        )
        rest = logarithm - basis @ solution
        keep = np.abs(rest) < 1.5 * np.std(rest[keep]) + 1e-3
    return basis @ solution


@njit(cache=True, nogil=True)
def _march(points, near, direction, softness):  # type: ignore[no-untyped-def]
    """How much (n,) of a far lamp's light reaches each point over the depth map; softer lamps pass more by an
    edge.
    """
    n, size = points.shape[0], near.shape[0]
    result = np.ones(n, np.float32)
    for i in range(n):
        blocked = 0.0
        for step in range(1, 22):
            way = 0.004 * step * (1.0 + 0.05 * step)
            x = (points[i, 0] + direction[0] * way + HALF_M) / CELL_M
            y = (points[i, 1] + direction[1] * way + HALF_M) / CELL_M
            z = points[i, 2] + direction[2] * way
            column, row = int(x + 0.5), int(y + 0.5)
            if column < 0 or row < 0 or column >= size or row >= size:
                break
            into = z - near[row, column] - 0.0025  # below the surface; a small bias against one's own slope
            if into > 0 and into < 0.12:
                cover = into / (0.002 + softness * 0.35 * way)
                if cover > blocked:
                    blocked = cover
        result[i] = 1.0 - min(1.0, blocked)
    return result
