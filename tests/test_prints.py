from dataclasses import replace

import numpy as np

from unmask.simulate.layout import Picture
from unmask.simulate.light import Light
from unmask.simulate.prints import INCH_M, draw_print, halftone, lit_print, reflectance
from unmask.simulate.sheet import trace_sheet
from unmask.simulate.surfaces import Pose, View

VIEW = View(height=96, width=128, focal_px=120.0)
EVEN = Light(kind="test", ambient=np.ones(3), tilt=np.zeros(3), lamps=(), background=np.ones(3))


def picture(level: int = 128) -> Picture:
    mesh = np.random.default_rng(0).uniform(60, 180, (468, 3)).astype(np.float32)
    return Picture(frames=(np.full((240, 240, 3), level, np.uint8),), meshes=(mesh,))


def printed(seed: int = 0, *, bent: bool = False, **changes):
    drawn = draw_print(np.random.default_rng(seed), picture(), bent=bent)
    return replace(drawn, **changes)


def test_reflectance_lies_between_ink_and_paper():
    for seed in range(6):
        paper = printed(seed)
        rng = np.random.default_rng(seed)
        for level in (0, 128, 255):
            page = reflectance(paper, picture(level).at(0)[0], rng)
            assert paper.ink * 0.5 < page.mean() <= 1.0
        black, white = (reflectance(paper, picture(v).at(0)[0], rng).min() for v in (0, 255))
        assert black < 0.05
        assert white > 0.6


def test_paper_has_what_light_there_is():
    paper = printed(3, grain=0.0)
    pose = Pose(translation=np.array([0, 0, 0.5], np.float32))
    traced = trace_sheet(paper.sheet, pose, view=VIEW, light=replace(EVEN, ambient=np.full(3, 0.5)))
    page = reflectance(paper, picture(255).at(0)[0], np.random.default_rng(0))
    radiance, seen = lit_print(paper, page, traced)
    inside = traced.alpha == 1
    np.testing.assert_allclose(radiance[inside], 0.5 * seen[inside], rtol=1e-5)


def test_a_halftone_has_its_lines_an_inch():
    paper = printed(1, lpi=150.0)
    pose = Pose(translation=np.array([0, 0, 0.4], np.float32))
    traced = trace_sheet(paper.sheet, pose, view=VIEW, light=EVEN)
    grid = halftone(paper, pose, traced, np.full((96, 128, 3), 0.5, np.float32), view=VIEW)
    lines_a_pixel = grid.homography[0, 0] / grid.homography[2, 2]
    expected = 0.4 / VIEW.focal_px / INCH_M * 150
    assert abs(lines_a_pixel - expected) < 0.03 * expected
    assert np.isclose(np.hypot(*grid.lattice.orders[0]), 1)


def test_white_paper_and_bent_sheets_carry_no_halftone():
    paper, pose = printed(1, lpi=150.0), Pose(translation=np.array([0, 0, 0.4], np.float32))
    traced = trace_sheet(paper.sheet, pose, view=VIEW, light=EVEN)
    white = halftone(paper, pose, traced, np.ones((96, 128, 3), np.float32), view=VIEW)
    assert white.cover.max() == 0
    bent = printed(1, bent=True, lpi=150.0)
    assert bent.sheet.radius_m != 0
    assert halftone(bent, pose, traced, np.ones((96, 128, 3), np.float32), view=VIEW) is None
