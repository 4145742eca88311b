from dataclasses import replace
from typing import Any

import numpy as np

from present import present
from unmask.simulate.instruments.prints import (
    INCH_M,
    PRINTERS,
    STOCKS,
    dither,
    draw_print,
    halftone,
    lit_print,
    reflectance,
)
from unmask.simulate.instruments.sheet import trace_sheet
from unmask.simulate.rendering.lattice import modulation
from unmask.simulate.rendering.layout import ShownPicture
from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.surfaces import Pose, View

VIEW = View(height=96, width=128, focal_px=120.0)
EVEN = Light(kind="test", ambient=np.ones(3), tilt=np.zeros(3), lamps=(), background=np.ones(3))


def picture(level: int = 128) -> ShownPicture:
    mesh = np.random.default_rng(0).uniform(60, 180, (468, 3)).astype(np.float32)
    return ShownPicture(frames=(np.full((240, 240, 3), level, np.uint8),), meshes=(mesh,))


def printed(seed: int = 0, *, bent: bool = False, **changes: Any) -> Any:
    drawn = draw_print(np.random.default_rng(seed), picture(), bent=bent)
    return replace(drawn, **changes)


def test_reflectance_lies_between_ink_and_paper() -> None:
    for seed in range(6):
        paper = printed(seed)
        rng = np.random.default_rng(seed)
        for level in (0, 128, 255):
            page = reflectance(paper, picture(level).at(0)[0], rng)
            assert paper.ink * 0.5 < page.mean() <= 1.0
        black, white = (reflectance(paper, picture(v).at(0)[0], rng).min() for v in (0, 255))
        assert black < 0.05
        assert white > 0.6


def test_paper_has_what_light_there_is() -> None:
    paper = printed(3)
    pose = Pose(translation=np.array([0, 0, 0.5], np.float32))
    traced = trace_sheet(paper.sheet, pose, view=VIEW, light=replace(EVEN, ambient=np.full(3, 0.5)))
    page = reflectance(paper, picture(255).at(0)[0], np.random.default_rng(0))
    radiance, seen = lit_print(paper, page, traced)
    inside = traced.alpha == 1
    np.testing.assert_allclose(radiance[inside], 0.5 * seen[inside], rtol=1e-5)


def test_a_halftone_has_its_lines_an_inch() -> None:
    paper = printed(1, lpi=150.0)
    pose = Pose(translation=np.array([0, 0, 0.4], np.float32))
    traced = trace_sheet(paper.sheet, pose, view=VIEW, light=EVEN)
    grid = present(halftone(paper, pose, traced, np.full((96, 128, 3), 0.5, np.float32), view=VIEW))
    lines_a_pixel = grid.homography[0, 0] / grid.homography[2, 2]
    expected = 0.4 / VIEW.focal_px / INCH_M * 150
    assert abs(lines_a_pixel - expected) < 0.03 * expected
    assert np.isclose(np.hypot(*present(grid.lattice).orders[0]), 1)


def on_paper(paper: Any, traced: Any, pose: Any) -> Any:
    return halftone(paper, pose, traced, np.full((96, 128, 3), 0.5, np.float32), view=VIEW)


def test_the_dots_of_a_laser_of_600_dpi_lie_as_far_apart_as_on_paper() -> None:
    sheets = [
        draw_print(np.random.default_rng(s), picture(), bent=False, printer="laser-600", stock="matt")
        for s in range(8)
    ]
    pitches_mm = {round(25.4 / sheet.lpi, 3) for sheet in sheets}
    assert pitches_mm == {0.24, 0.191}  # four to six dots of 1/600 inch across
    pose = Pose(translation=np.array([0, 0, 0.1], np.float32))
    traced = trace_sheet(sheets[0].sheet, pose, view=VIEW, light=EVEN)
    lines = on_paper(sheets[0], traced, pose).homography
    metres_a_pixel = 0.1 / VIEW.focal_px
    assert np.isclose(lines[0, 0] / lines[2, 2], metres_a_pixel * sheets[0].lpi / INCH_M, rtol=0.01)


def test_white_paper_carries_no_halftone_and_photographs_never_do() -> None:
    paper, pose = printed(1, lpi=150.0), Pose(translation=np.array([0, 0, 0.4], np.float32))
    traced = trace_sheet(paper.sheet, pose, view=VIEW, light=EVEN)
    grid = present(halftone(paper, pose, traced, np.ones((96, 128, 3), np.float32), view=VIEW))
    assert grid.cover.max() == 0
    for printer in STOCKS["photo"].printers:
        photo = draw_print(np.random.default_rng(0), picture(), stock="photo", printer=printer)
        assert photo.lpi == 0
        assert halftone(photo, pose, traced, np.ones((96, 128, 3), np.float32), view=VIEW) is None


def test_a_bent_sheets_halftone_is_a_flat_ones_where_the_bend_is_slight() -> None:
    flat, pose = printed(1, lpi=50.0), Pose(translation=np.array([0, 0, 0.04], np.float32))
    bent = replace(flat, sheet=replace(flat.sheet, radius_m=100.0))
    green, seen = np.ones((96, 128), np.uint8), []
    for paper in (flat, bent):
        traced = trace_sheet(paper.sheet, pose, view=VIEW, light=EVEN)
        seen.append(modulation(on_paper(paper, traced, pose), green, blur_px=0.2, aperture_px=0.8))
    assert seen[0].std() > 0.02
    assert np.corrcoef(seen[0].ravel(), seen[1].ravel())[0, 1] > 0.95


def test_dither_is_finer_from_a_finer_printer_and_gone_from_afar() -> None:
    rng = np.random.default_rng(0)
    coarse, fine = (
        dither(rng, (200, 200), INCH_M / PRINTERS[name].dpi, 0.0004).std()
        for name in ("inkjet-720", "inkjet-1440")
    )
    assert coarse > 3 * fine > 0
    far = dither(rng, (200, 200), INCH_M / 720, 0.0008)
    assert abs(far.std() / coarse - 0.25) < 0.02  # what an error diffusion leaves falls with the area
    assert dither(rng, (200, 200), 0.0, 0.0004).max() == 0


def test_a_crumpled_sheet_is_deep_where_its_creases_are() -> None:
    plain = draw_print(np.random.default_rng(5), picture(), bent=False, crumpled=True)
    sheet = replace(plain.sheet, width_m=0.2, height_m=0.3, picture=(-0.1, -0.15, 0.1, 0.15))
    traced = trace_sheet(sheet, Pose(translation=np.array([0, 0, 0.3], np.float32)), view=VIEW, light=EVEN)
    inside, relief = traced.alpha == 1, present(sheet.relief)
    rows = (traced.y[inside] * relief.shape[0]).astype(int).clip(0, relief.shape[0] - 1)
    columns = (traced.x[inside] * relief.shape[1]).astype(int).clip(0, relief.shape[1] - 1)
    rise = 0.3 - traced.depth[inside]
    assert rise.std() > 0.001
    assert np.abs(rise - relief[rows, columns]).mean() < 0.15 * rise.std()
