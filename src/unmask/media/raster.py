"""A z-buffer for triangle meshes: depth, triangle and barycentric coordinates of every pixel that a mesh
covers.

Pixel (row i, column j) is the point x = j, y = i: its centre is an integer, as for OpenCV's remap. A smaller
z is nearer and wins; z is interpolated linearly over the picture, so pass 1/z's negative for a perspective
picture where that matters. Plain numpy, so that a check needs no compiler; the simulator has the same as a
compiled loop (`simulate.rendering.raster`), and a test holds them together bit by bit.
"""

import numpy as np

from unmask.media.topology import FACE_TRIANGLES

__all__ = ["FACE_TRIANGLES", "covered", "rasterise"]

HAIR = -1e-5  # a weight a hair below zero still counts, so that no pixel falls between two neighbours


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
    depth = np.full(height * width, np.inf, np.float32)
    triangle = np.full(height * width, -1, np.int32)
    barycentric = np.zeros((height * width, 3), np.float32)
    points = np.asarray(vertices, np.float32)
    number, x, y, u, v = _candidates(points, np.asarray(triangles, np.int32), height=height, width=width)
    w = 1.0 - u - v
    za, zb, zc = points[triangles[number], 2].T
    z = u * za + v * zb + w * zc
    pixel = y * width + x
    order = np.argsort(pixel, kind="stable")  # within a pixel the triangles stay in their order
    starts = np.flatnonzero(np.diff(pixel[order], prepend=-1))
    layer = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    for level in range(int(layer.max(initial=-1)) + 1):  # a pixel is covered by few triangles
        rows = order[layer == level]
        rows = rows[z[rows] < depth[pixel[rows]]]
        place = pixel[rows]
        depth[place], triangle[place] = z[rows], number[rows]
        barycentric[place] = np.stack([u[rows], v[rows], w[rows]], axis=1)
    shape = (height, width)
    return depth.reshape(shape), triangle.reshape(shape), barycentric.reshape(*shape, 3)


def covered(vertices: np.ndarray, triangles: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """Where `rasterise` has a depth, (H, W) bool, without finding out which triangle is in front."""
    points = np.asarray(vertices, np.float32)
    _, x, y, *_ = _candidates(points, np.asarray(triangles, np.int32), height=height, width=width)
    seen = np.zeros((height, width), bool)
    seen[y, x] = True
    return seen


def _candidates(
    points: np.ndarray, triangles: np.ndarray, *, height: int, width: int
) -> tuple[np.ndarray, ...]:
    """Every pair of a triangle and a pixel inside it: number, x, y and the weights u, v, each (k,)."""
    corners = points[triangles]  # m, 3, 3
    (ax, bx, cx), (ay, by, cy) = corners[..., 0].T, corners[..., 1].T
    with np.errstate(invalid="ignore", over="ignore"):
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        sound = np.isfinite(area + corners[..., 2].sum(axis=1)) & (np.abs(area) >= 1e-9)
    number = np.flatnonzero(sound)
    low, high = corners[number, :, :2].min(axis=1), corners[number, :, :2].max(axis=1)
    first = np.clip(np.ceil(low), 0, [width, height]).astype(np.int64)
    last = np.clip(np.floor(high), -1, [width - 1, height - 1]).astype(np.int64)
    columns, lines = np.maximum(last - first + 1, 0).T
    many = columns * lines
    row = np.repeat(np.arange(len(number)), many)
    within = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    x = first[row, 0] + within % columns[row]
    y = first[row, 1] + within // columns[row]
    number = number[row]
    # In double precision, as the compiled loop has it: coordinates are float32, pixels whole numbers.
    ax, bx, cx, ay, by, cy = (one[number].astype(np.float64) for one in (ax, bx, cx, ay, by, cy))
    u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area[number]
    v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area[number]
    inside = (u >= HAIR) & (v >= HAIR) & (1.0 - u - v >= HAIR)
    return number[inside], x[inside], y[inside], u[inside], v[inside]
