"""A z-buffer for triangle meshes: depth, triangle and barycentric coordinates of every pixel that a mesh
covers.

Pixel (row i, column j) is the point x = j, y = i: its centre is an integer, as for OpenCV's remap. A smaller
z is nearer and wins; z is interpolated linearly over the picture, so pass 1/z's negative for a perspective
picture where that matters. Plain numpy, so that a check needs no compiler; the simulator has the same as a
compiled loop (`simulate.rendering.raster`), and a test holds them together bit by bit.
"""

from dataclasses import dataclass

import numpy as np

from unmask.media.topology import FACE_TRIANGLES

__all__ = ["FACE_TRIANGLES", "covered", "nearest", "rasterise"]

SPARE = 1e-6  # of a pixel's area: more than double precision is off by, at any size of a picture
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
    number, x, y, u, v = _candidates(vertices, triangles, height=height, width=width)
    z = _depth_at(vertices, triangles, number, u, v)
    pixel = y * width + x
    # Within a pixel the triangles stay in their order; numpy sorts short numbers in two passes.
    short = pixel.astype(np.uint16) if len(depth) <= 2**16 else pixel
    order = np.argsort(short, kind="stable")
    starts = np.flatnonzero(np.diff(pixel[order], prepend=-1))
    layer = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    for level in range(int(layer.max(initial=-1)) + 1):  # a pixel is covered by few triangles
        rows = order[layer == level]
        rows = rows[z[rows] < depth[pixel[rows]]]
        place = pixel[rows]
        depth[place], triangle[place] = z[rows], number[rows]
        barycentric[place] = np.stack([u[rows], v[rows], 1.0 - u[rows] - v[rows]], axis=1)
    shape = (height, width)
    return depth.reshape(shape), triangle.reshape(shape), barycentric.reshape(*shape, 3)


def nearest(vertices: np.ndarray, triangles: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """The depth (H, W) float32 of `rasterise`, without finding out which triangle is in front."""
    depth = np.full(height * width, np.inf, np.float32)
    number, x, y, u, v = _candidates(vertices, triangles, height=height, width=width)
    np.minimum.at(depth, y * width + x, _depth_at(vertices, triangles, number, u, v).astype(np.float32))
    return depth.reshape(height, width)


def covered(vertices: np.ndarray, triangles: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """Where `rasterise` has a depth, (H, W) bool, without finding out which triangle is in front.

    Only the first and the last pixel of a triangle in each row are computed: the work is at most triangles
    times rows, however large and bent they are.
    """
    boxes = _boxes(vertices, triangles, height=height, width=width)
    row, y, low, high = _runs(boxes, hair=HAIR)
    start, some = y * (width + 1) + boxes.left[row], low <= high
    cells = height * (width + 1)  # a run may end behind the last column
    begun, ended = (np.bincount((start + at)[some], minlength=cells) for at in (low, high + 1))
    return (np.cumsum(begun - ended) > 0).reshape(height, width + 1)[:, :width]


def _depth_at(
    vertices: np.ndarray, triangles: np.ndarray, number: np.ndarray, u: np.ndarray, v: np.ndarray
) -> np.ndarray:
    depths = np.asarray(vertices, np.float32)[:, 2][np.asarray(triangles, np.int32)].T
    za, zb, zc = np.take(depths, number, axis=1)
    return u * za + v * zb + (1.0 - u - v) * zc


def _runs(boxes: "_Boxes", *, hair: float, spare: float = 0.0) -> tuple[np.ndarray, ...]:
    """The lines (k,) of all boxes: whose each is, its y, and the first and last column, from the box's left
    on, in which no weight is below `hair`, but for `spare` of a pixel's area; the first behind the last where
    there is none.
    """
    row, y = _lines(boxes.top, np.where(boxes.columns > 0, boxes.lines, 0))
    (ax, bx, cx), heights = boxes.corners.astype(np.float64)
    a, b, c = ax - boxes.left, bx - boxes.left, cx - boxes.left
    ay, by, cy = heights
    sign, size = np.sign(boxes.area), np.abs(boxes.area).astype(np.float64)
    # The weights times the area, in the first column of the box, and by what they change to the next.
    steps = np.stack([by - cy, cy - ay, ay - by])
    ay, by, cy = np.take(heights, row, axis=1) - y
    u, v = b[row] * cy - by * c[row], c[row] * ay - cy * a[row]
    sign, size = sign[row], size[row]
    u, v = sign * u, sign * v
    low, high = _between(
        np.stack([u, v, size - u - v]) - hair * size + spare,
        sign * np.take(steps, row, axis=1),
        most=boxes.columns[row] - 1,
    )
    return row, y, low, high


def _between(weights: np.ndarray, steps: np.ndarray, *, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first and last column, of 0 to `most` (k,), in which no weight is below zero: they are `weights`
    (3, k) in column 0 and change by `steps`. The first is behind the last where there is none.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        zero = weights / -steps
    rising = np.where(steps > 0, zero, np.where((steps == 0) & (weights < 0), np.inf, 0.0))
    low = np.maximum(np.maximum(rising[0], rising[1]), np.maximum(rising[2], 0))
    falling = np.where(steps < 0, zero, np.inf)
    high = np.minimum(np.minimum(falling[0], falling[1]), falling[2])
    low, high = np.minimum(np.ceil(low), most + 1), np.clip(np.floor(high), -1, most)
    return low.astype(np.int64), high.astype(np.int64)


def _lines(first: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For `counts` (n,) numbers from `first` (n,) on, one after the other: whose it is, and the number."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) + np.repeat(first - (np.cumsum(counts) - counts), counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boxes:
    """The triangles (n,) that are sound, with the pixels that each can cover.

    `corners` (2, 3, n) float32 are x and y of the three; `left` and `top` the first pixel, `columns` and
    `lines` how many.
    """

    number: np.ndarray
    corners: np.ndarray
    area: np.ndarray
    left: np.ndarray
    top: np.ndarray
    columns: np.ndarray
    lines: np.ndarray


def _boxes(vertices: np.ndarray, triangles: np.ndarray, *, height: int, width: int) -> _Boxes:
    points = np.take(np.asarray(vertices, np.float32).T, np.asarray(triangles, np.int32).T, axis=1)  # 3, 3, m
    (ax, bx, cx), (ay, by, cy), depths = points
    with np.errstate(invalid="ignore", over="ignore"):
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        sound = np.isfinite(area + depths.sum(axis=0)) & (np.abs(area) >= 1e-9)
    number = np.flatnonzero(sound)
    corners = np.take(points[:2], number, axis=2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    most = np.array([[width], [height]])
    first = np.clip(np.ceil(low), 0, most).astype(np.int64)
    last = np.clip(np.floor(high), -1, most - 1).astype(np.int64)
    columns, lines = np.maximum(last - first + 1, 0)
    return _Boxes(
        number=number,
        corners=corners,
        area=area[number],
        left=first[0],
        top=first[1],
        columns=columns,
        lines=lines,
    )


def _candidates(
    points: np.ndarray, triangles: np.ndarray, *, height: int, width: int
) -> tuple[np.ndarray, ...]:
    """Every pair of a triangle and a pixel inside it: number, x, y and the weights u, v, each (k,)."""
    boxes = _boxes(points, triangles, height=height, width=width)
    row, y, low, high = _runs(boxes, hair=2 * HAIR, spare=SPARE)  # a little wider than what is inside
    counts = np.maximum(high - low + 1, 0)
    line, x = _lines(boxes.left[row] + low, counts)
    # In double precision, as the compiled loop has it: coordinates are float32, pixels whole numbers.
    (ax, bx, cx), heights = np.take(boxes.corners.astype(np.float64), row, axis=2)
    ay, by, cy = heights - y
    ax, bx, cx, ay, by, cy, area = (
        np.repeat(one, counts) for one in (ax, bx, cx, ay, by, cy, boxes.area[row].astype(np.float64))
    )
    ax, bx, cx = ax - x, bx - x, cx - x
    u, v = (bx * cy - by * cx) / area, (cx * ay - cy * ax) / area
    inside = np.flatnonzero((u >= HAIR) & (v >= HAIR) & (1.0 - u - v >= HAIR))
    line = line[inside]
    return boxes.number[row[line]], x[inside], y[line], u[inside], v[inside]
