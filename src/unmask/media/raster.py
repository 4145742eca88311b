"""A z-buffer for triangle meshes: depth, triangle and barycentric coordinates of every pixel that a mesh
covers.

Pixel (row i, column j) is the point x = j, y = i: its centre is an integer, as for OpenCV's remap. A smaller
z is nearer and wins; z is interpolated linearly over the picture, so pass 1/z's negative for a perspective
picture where that matters.
"""

import numpy as np
from numba import njit

from unmask.media.topology import FACE_TRIANGLES

__all__ = ["FACE_TRIANGLES", "rasterise"]


def rasterise(
    vertices: np.ndarray, triangles: np.ndarray, *, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a mesh covers in a picture of that size.

    `vertices` (n, 3) are x, y in pixels and z in any unit; `triangles` (m, 3) index them, either way round.
    Returns depth (H, W) float32, infinity where nothing is; triangle (H, W) int32, -1 where nothing is;
    barycentric (H, W, 3) float32, weights of the triangle's three vertices. Triangles with a vertex that is
    not finite are left out.

    >>> square = np.array([[0, 0, 1], [3, 0, 1], [0, 3, 1], [3, 3, 1]], np.float32)
    >>> depth, triangle, _ = rasterise(square, np.array([[0, 1, 2], [1, 3, 2]]), height=5, width=5)
    >>> np.isfinite(depth).sum(), triangle[0, 0], triangle[3, 3], triangle[4, 4]
    (np.int64(16), np.int32(0), np.int32(1), np.int32(-1))
    """
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
