"""The rasteriser against geometry written out, and the mesh's topology against what a disk must be."""

import tracemalloc
from collections import Counter

import numpy as np

from unmask.media.raster import FACE_TRIANGLES, covered, nearest, rasterise
from unmask.media.topology import OPENINGS, OUTLINE, POINTS


def test_the_face_is_one_disk_bordered_by_the_outline() -> None:
    edges = Counter(
        (int(a), int(b)) for t in FACE_TRIANGLES for a, b in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))
    )
    assert max(edges.values()) == 1  # every triangle the same way round
    border = {edge for edge in edges if edge[::-1] not in edges}
    points = len(np.unique(FACE_TRIANGLES))
    undirected = {tuple(sorted(edge)) for edge in edges}
    assert len(FACE_TRIANGLES) == 898
    assert points == POINTS
    assert points - len(undirected) + len(FACE_TRIANGLES) == 1  # Euler: a disk
    assert {a for a, _ in border} == set(OUTLINE)
    assert all(tuple(sorted(p)) in undirected for p in zip(OUTLINE, (*OUTLINE[1:], OUTLINE[0]), strict=True))


def test_the_openings_are_the_last_triangles() -> None:
    sizes = {name: len(FACE_TRIANGLES[where]) for name, where in OPENINGS.items()}
    assert sizes == {"right_eye": 14, "left_eye": 14, "mouth": 18}


def test_depth_agrees_with_the_plane_equation() -> None:
    corners = np.array([[2.5, 1.2, 3.0], [40.1, 6.3, 8.0], [11.7, 33.9, -2.0]], np.float32)
    depth, triangle, weights = rasterise(corners, np.array([[0, 1, 2]]), height=40, width=48)
    y, x = np.nonzero(triangle == 0)
    plane = np.linalg.solve(np.c_[corners[:, :2], np.ones(3)], corners[:, 2])
    np.testing.assert_allclose(depth[y, x], np.c_[x, y, np.ones(len(x))] @ plane, atol=1e-3)
    np.testing.assert_allclose(weights[y, x] @ corners[:, :2], np.c_[x, y], atol=1e-3)
    assert abs(len(x) - 0.5 * abs(np.linalg.det(corners[1:, :2] - corners[0, :2]))) < 40


def test_the_nearer_triangle_wins_whichever_comes_first() -> None:
    near = np.array([[0, 0, 1], [20, 0, 1], [0, 20, 1]], np.float32)
    far = np.array([[0, 0, 5], [20, 0, 5], [0, 20, 5]], np.float32)
    for order in (np.r_[near, far], np.r_[far, near]):
        depth, _, _ = rasterise(order, np.arange(6).reshape(2, 3), height=21, width=21)
        assert set(depth[np.isfinite(depth)]) == {1.0}


def test_neighbours_leave_no_pixel_between_them() -> None:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:9, 0:9] * 8.0
    points = np.stack([x, y, np.zeros_like(x)], axis=-1)
    points[1:-1, 1:-1, :2] += rng.uniform(-3, 3, (7, 7, 2))
    first = (np.arange(8)[:, None] * 9 + np.arange(8)).ravel()
    triangles = np.r_[np.c_[first, first + 9, first + 1], np.c_[first + 1, first + 9, first + 10]]
    _, triangle, _ = rasterise(points.reshape(-1, 3), triangles, height=65, width=65)
    assert (triangle >= 0).all()


def test_what_lies_outside_or_is_not_finite_is_left_out() -> None:
    points = np.array([[-50, -50, 0], [-10, -50, 0], [-10, -10, 0], [np.nan, 0, 0]], np.float32)
    _, triangle, _ = rasterise(points, np.array([[0, 1, 2], [1, 2, 3]]), height=16, width=16)
    assert (triangle == -1).all()


def test_what_is_covered_is_what_has_a_depth_and_that_is_the_nearest(rng: np.random.Generator) -> None:
    for spread in (2.0, 20.0, 60.0):
        vertices = rng.normal(20, spread, (30, 3)).astype(np.float32)
        vertices[3] = np.nan
        triangles = rng.integers(0, 30, (40, 3))
        depth = rasterise(vertices, triangles, height=37, width=45)[0]
        seen = covered(vertices, triangles, height=37, width=45)
        assert seen.any()
        np.testing.assert_array_equal(seen, np.isfinite(depth))
        np.testing.assert_array_equal(nearest(vertices, triangles, height=37, width=45), depth)


def test_triangles_whose_corners_lie_on_pixels_or_on_one_line_cover_what_has_a_depth(
    rng: np.random.Generator,
) -> None:
    for coarse in (1.0, 0.5, 0.25):
        vertices = (rng.integers(-8, 60, (40, 3)) * coarse).astype(np.float32)
        vertices[:12, 1] = 7.0
        triangles = rng.integers(0, 40, (200, 3))
        depth = rasterise(vertices, triangles, height=33, width=29)[0]
        np.testing.assert_array_equal(covered(vertices, triangles, height=33, width=29), np.isfinite(depth))
        np.testing.assert_array_equal(nearest(vertices, triangles, height=33, width=29), depth)


def test_a_mesh_of_noise_takes_no_more_memory_than_triangles_times_rows(rng: np.random.Generator) -> None:
    vertices = rng.normal(64, 60, (POINTS, 3)).astype(np.float32)
    tracemalloc.start()
    seen = covered(vertices, FACE_TRIANGLES, height=128, width=128)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen.mean() > 0.9
    assert most < 400 * 128 * len(FACE_TRIANGLES)  # bytes; for triangles times pixels it was 600 MB
