"""Paper that was crumpled or folded: how far it stands up, and where its ink has broken."""

import cv2
import numpy as np

from unmask.simulate.rendering.raster import rasterise

CELLS_A_METRE = 700  # a crease is about a millimetre and a half wide


def draw_relief(rng: np.random.Generator, *, width_m: float, height_m: float) -> np.ndarray:
    """Heights (h, w) float32 in metres of a sheet that was crumpled and smoothed out, or folded once or
    twice.
    """
    shape = (max(32, round(height_m * CELLS_A_METRE)), max(32, round(width_m * CELLS_A_METRE)))
    if rng.random() < 0.6:
        heights = _facets(
            rng, shape, size_m=float(rng.uniform(0.03, 0.07)), slope=float(rng.uniform(0.05, 0.18))
        )
        heights += _facets(rng, shape, size_m=0.014, slope=float(rng.uniform(0.03, 0.1)))
    else:
        heights = folded(rng, shape, times=int(rng.integers(1, 3)))
        heights += _facets(rng, shape, size_m=0.03, slope=0.02)
    return (heights - heights.mean()).astype(np.float32)


def folded(rng: np.random.Generator, shape: tuple[int, int], *, times: int) -> np.ndarray:
    """Heights (h, w) of a sheet that was folded `times` across and opened again: flat parts that meet at an
    angle.
    """
    y, x = (np.mgrid[: shape[0], : shape[1]] + 0.5) / CELLS_A_METRE
    extent = np.array([shape[1], shape[0]]) / CELLS_A_METRE
    upright = rng.random() < 0.5
    heights = np.zeros(shape)
    for _ in range(times):
        across, middle = (x, extent[0]) if upright else (y, extent[1])
        other = y if upright else x
        line = middle * rng.choice([0.5, 1 / 3, 2 / 3]) + rng.normal(0, 0.01) + rng.normal(0, 0.03) * other
        slope = np.tan(np.deg2rad(rng.uniform(5, 16))) * rng.choice([-1, 1])
        heights += slope * (np.hypot(across - line, 0.0012))
        upright = not upright
    return heights


def _facets(rng: np.random.Generator, shape: tuple[int, int], *, size_m: float, slope: float) -> np.ndarray:
    """Triangles of about that size and slope, joined at sharp edges: (h, w) metres."""
    height, width = shape
    count = round(height * width / (size_m * CELLS_A_METRE) ** 2)
    points = rng.uniform([0, 0], [width - 1, height - 1], (max(4, count), 2))
    frame = [(-1, -1), (width, -1), (-1, height), (width, height), (width / 2, -1), (-1, height / 2)]
    frame += [(width / 2, height), (width, height / 2)]
    points = np.concatenate([points, np.array(frame, float)]).astype(np.float32)
    division = cv2.Subdiv2D((-4, -4, width + 8, height + 8))
    division.insert(points.tolist())
    corners = np.asarray(division.getTriangleList()).reshape(-1, 2)
    inside = (np.abs(corners) < 4 * max(shape)).all(axis=1).reshape(-1, 3).all(axis=1)
    known = {(round(float(x), 2), round(float(y), 2)): n for n, (x, y) in enumerate(points)}
    rows = corners.reshape(-1, 3, 2)[inside]
    found = [[known.get((round(float(x), 2), round(float(y), 2)), -1) for x, y in row] for row in rows]
    triangles = np.array([row for row in found if -1 not in row])
    heights = rng.normal(0, slope * size_m, len(points))
    mesh = np.column_stack([points, heights])
    depth, _, _ = rasterise(mesh, triangles, height=height, width=width)
    return np.where(np.isfinite(depth), depth, 0.0)


def broken_ink(relief: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where creases have taken ink off: (height, width) float32 in [0, 1]."""
    bend = np.abs(cv2.Laplacian(relief, cv2.CV_32F)) * CELLS_A_METRE
    worn = np.clip((bend - 0.15) / 0.9, 0, 0.3).astype(np.float32)
    return np.asarray(cv2.resize(worn, size[::-1], interpolation=cv2.INTER_LINEAR))
