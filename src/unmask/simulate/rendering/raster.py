"""The z-buffer of `media.raster` as a compiled loop: some ten times as fast, which large pictures need.

A test holds both together bit by bit.
"""

import numpy as np
from numba import njit

from unmask.media.topology import FACE_TRIANGLES

__all__ = ["FACE_TRIANGLES", "rasterise"]


def rasterise(
    vertices: np.ndarray, triangles: np.ndarray, *, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `media.raster.rasterise`."""
    depth = np.full((height, width), np.inf, np.float32)
    triangle = np.full((height, width), -1, np.int32)
    barycentric = np.zeros((height, width, 3), np.float32)
    points = np.ascontiguousarray(vertices, np.float32)
    _fill(points, np.ascontiguousarray(triangles, np.int32), depth, triangle, barycentric)
    return depth, triangle, barycentric


@njit(cache=True, nogil=True)
def _fill(points, triangles, depth, triangle, barycentric):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        ax, ay, az = points[triangles[t, 0]]
        bx, by, bz = points[triangles[t, 1]]
        cx, cy, cz = points[triangles[t, 2]]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not np.isfinite(area + az + bz + cz) or abs(area) < 1e-9:
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx)))), min(width - 1, int(np.floor(max(ax, bx, cx))))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy)))), min(height - 1, int(np.floor(max(ay, by, cy))))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = np.float32(1.0) - u - v
                # A hair below zero still counts, so that no pixel falls between two neighbours.
                if u < -1e-5 or v < -1e-5 or w < -1e-5:
                    continue
                z = u * az + v * bz + w * cz
                if z < depth[y, x]:
                    depth[y, x] = z
                    triangle[y, x] = t
                    barycentric[y, x, 0], barycentric[y, x, 1], barycentric[y, x, 2] = u, v, w
