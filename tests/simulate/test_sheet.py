from math import pi
from typing import Any

import numpy as np
import pytest

from unmask.simulate.instruments.sheet import Sheet, on_sheet, picture_homography, trace_sheet
from unmask.simulate.rendering.light import Lamp, Light
from unmask.simulate.rendering.surfaces import Pose, View

VIEW = View(height=120, width=160, focal_px=150.0)
DARK = Light(
    kind="test", ambient=np.zeros(3), tilt=np.zeros(3), lamps=(), background=np.ones(3)
)  # what a test does not light is black


def sheet(**changes: Any) -> Sheet:
    return Sheet(**{"width_m": 0.2, "height_m": 0.3, "picture": (-0.09, -0.14, 0.08, 0.13), **changes})


def tilted(yaw: float, at: tuple[float, float, float]) -> Pose:
    c, s = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)
    return Pose(rotation=rotation, translation=np.array(at, np.float32))


def lit_by(direction: tuple[float, float, float], softness: float = 0.0) -> Light:
    towards = np.array(direction) / np.linalg.norm(direction)
    lamp = Lamp(direction=towards, colour=np.ones(3), softness=softness)
    return Light(kind="test", ambient=np.zeros(3), tilt=np.zeros(3), lamps=(lamp,), background=np.ones(3))


@pytest.mark.parametrize(("radius_m", "axis_rad"), [(0.0, 0.0), (0.25, 0.0), (-0.3, 0.3), (0.2, pi / 2)])
def test_a_point_of_the_picture_is_seen_where_it_is_projected_and_at_its_depth(
    radius_m: float, axis_rad: Any
) -> None:
    bent, pose = sheet(radius_m=radius_m, axis_rad=axis_rad), tilted(0.3, (0.01, -0.02, 0.5))
    shares = np.random.default_rng(1).uniform(0.25, 0.75, (40, 2))
    points = pose.moved(on_sheet(bent, shares))
    x = points[:, 0] / points[:, 2] * VIEW.focal_px + (VIEW.width - 1) / 2
    y = points[:, 1] / points[:, 2] * VIEW.focal_px + (VIEW.height - 1) / 2
    inside = (x > 1) & (x < VIEW.width - 2) & (y > 1) & (y < VIEW.height - 2)
    assert inside.sum() > 15
    seen = trace_sheet(bent, pose, view=VIEW, light=DARK)
    rows, columns = np.round(y[inside]).astype(int), np.round(x[inside]).astype(int)
    footprint = 1.5 * 0.5 / VIEW.focal_px / 0.17  # half a pixel's rounding, tilted, in shares of the picture
    assert np.abs(seen.x[rows, columns] - shares[inside, 0]).max() < footprint
    assert np.abs(seen.y[rows, columns] - shares[inside, 1]).max() < footprint
    assert np.abs(seen.depth[rows, columns] - points[inside, 2]).max() < 0.004


def test_the_homography_of_a_flat_sheet_agrees_with_its_trace() -> None:
    flat, pose = sheet(), tilted(-0.4, (0.03, 0.0, 0.45))
    seen = trace_sheet(flat, pose, view=VIEW, light=DARK)
    to_picture = picture_homography(flat, pose, view=VIEW, width=1000, height=2000)
    y, x = np.argwhere(seen.alpha == 1)[::97].T
    u, v, w = to_picture @ np.stack([x, y, np.ones_like(x)]).astype(float)
    np.testing.assert_allclose(u / w, seen.x[y, x] * 1000, atol=0.05)
    np.testing.assert_allclose(v / w, seen.y[y, x] * 2000, atol=0.05)


def test_bending_keeps_lengths() -> None:
    along = np.stack([np.linspace(0, 1, 400), np.full(400, 0.5)], axis=1)
    for radius_m in (0.0, 0.1, -0.2):
        steps = np.diff(on_sheet(sheet(radius_m=radius_m), along), axis=0)
        assert abs(np.linalg.norm(steps, axis=1).sum() - 0.17) < 1e-4


def test_a_bend_away_from_the_camera_has_its_edges_farther_off() -> None:
    pose = tilted(0.0, (0, 0, 0.6))
    flat, away, towards = (
        trace_sheet(sheet(radius_m=r), pose, view=VIEW, light=DARK).depth for r in (0.0, 0.1, -0.1)
    )
    middle, edge = (60, 80), (60, 80 - 20)
    assert abs(away[middle] - 0.6) < 1e-3
    assert away[edge] > flat[edge] > towards[edge] > 0


def test_light_falls_by_the_cosine() -> None:
    turned = trace_sheet(sheet(), tilted(0.0, (0, 0, 0.5)), view=VIEW, light=lit_by((1, 0, -1)))
    assert abs(turned.irradiance[60, 80, 1] - np.cos(pi / 4)) < 1e-3
    behind = trace_sheet(sheet(), tilted(0.0, (0, 0, 0.5)), view=VIEW, light=lit_by((0, 0, 1)))
    assert behind.irradiance.max() == 0


def test_a_glossy_sheet_shines_where_it_mirrors_the_lamp_and_nowhere_else() -> None:
    glossy = sheet(gloss=0.05, shininess=200.0)
    seen = trace_sheet(glossy, tilted(0.0, (0, 0, 0.3)), view=VIEW, light=lit_by((0, 0, -1)))
    row, column = np.unravel_index(seen.mirrored[..., 0].argmax(), seen.depth.shape)
    assert abs(row - 59.5) < 1.5
    assert abs(column - 79.5) < 1.5
    assert seen.mirrored[60, 30, 0] < 0.02 * seen.mirrored[60, 80, 0]


def test_coverage_is_the_area_of_the_sheet_with_soft_edges() -> None:
    seen = trace_sheet(sheet(corner_m=0.0), tilted(0.0, (0, 0, 0.75)), view=VIEW, light=DARK)
    assert abs(seen.alpha.sum() - (0.2 * 200) * (0.3 * 200)) < 0.01 * 2400
    rounded = trace_sheet(sheet(corner_m=0.05), tilted(0.0, (0, 0, 0.75)), view=VIEW, light=DARK)
    assert abs(rounded.alpha.sum() - seen.alpha.sum() + (4 - pi) * (0.05 * 200) ** 2) < 5


def test_scissors_leave_a_hole_through_which_one_sees() -> None:
    cut = np.ones((60, 40), np.float32)
    cut[25:35, 15:25] = 0
    seen = trace_sheet(sheet(cut=cut), tilted(0.0, (0, 0, 0.5)), view=VIEW, light=DARK)
    assert seen.alpha[60, 80] == 0
    assert seen.alpha[60, 80 + 20] == 1


def test_a_ridge_is_nearer_and_lit_from_its_side() -> None:
    x = (np.arange(200) + 0.5) / 200 * 0.2 - 0.1
    ridge = np.tile((0.01 - 0.2 * np.abs(x)).astype(np.float32), (300, 1))
    seen = trace_sheet(sheet(relief=ridge), tilted(0.0, (0, 0, 0.5)), view=VIEW, light=lit_by((1, 0, -0.2)))
    assert abs(seen.depth[60, 80] - 0.49) < 1e-3
    assert abs(seen.depth[60, 80 + 15] - 0.50) < 1e-3
    assert seen.irradiance[60, 80 + 10, 1] > seen.irradiance[60, 80 - 10, 1] + 0.2


def test_a_matt_sheet_mirrors_numbers_only() -> None:
    soft = lit_by((0, 0, 1), softness=0.95)
    seen = trace_sheet(sheet(gloss=0.01, shininess=10.0), tilted(0.4, (0, 0, 0.4)), view=VIEW, light=soft)
    assert np.isfinite(seen.mirrored).all()
