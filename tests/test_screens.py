from dataclasses import replace

import numpy as np
import pytest

from unmask.simulate.layout import Picture
from unmask.simulate.light import Light
from unmask.simulate.scene import draw_stage
from unmask.simulate.screens import DEVICES, draw_screen, glow, grid, panel, refresh
from unmask.simulate.sheet import trace_sheet
from unmask.simulate.surfaces import Pose, View

VIEW = View(height=96, width=128, focal_px=110.0)
NIGHT = Light(kind="test", ambient=np.zeros(3), tilt=np.zeros(3), lamps=(), background=np.zeros(3))


@pytest.fixture(scope="module")
def stage():
    return replace(draw_stage(np.random.default_rng(0), view=VIEW), light=NIGHT)


def picture() -> Picture:
    mesh = np.random.default_rng(0).uniform(60, 180, (468, 3)).astype(np.float32)
    frame = np.random.default_rng(1).integers(0, 255, (240, 240, 3), dtype=np.uint8)
    return Picture(frames=(frame,), meshes=(mesh,))


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_has_pixels_of_a_real_pitch(device):
    for seed in range(10):
        screen = draw_screen(np.random.default_rng(seed), picture(), device=device)
        left, top, right, bottom = screen.sheet.picture
        per_inch = np.array([screen.columns / (right - left), screen.rows / (bottom - top)]) * 0.0254
        assert (per_inch > 60).all()
        assert (per_inch < 640).all()
        assert abs(per_inch[0] / per_inch[1] - 1) < 0.02  # square pixels


def test_a_display_shines_in_the_dark_and_its_bezel_does_not(stage):
    screen = replace(draw_screen(np.random.default_rng(2), picture(), device="tablet"), refresh_depth=0.0)
    traced = trace_sheet(
        screen.sheet, Pose(translation=np.array([0, 0, 0.4], np.float32)), view=VIEW, light=NIGHT
    )
    light = panel(screen, picture().at(0)[0], controls=False)
    seen = glow(screen, light, traced, stage=stage, pulse=np.ones(96, np.float32), paper=0.5)
    assert seen[traced.shown == 1].mean() > 0.01
    assert seen[(traced.alpha == 1) & (traced.shown == 0)].max() < 1e-6


def test_refresh_bands_move_and_vanish_when_the_exposure_spans_whole_periods():
    screen = replace(draw_screen(np.random.default_rng(2), picture()), refresh_hz=120.0, refresh_depth=0.8)
    timing = {"view": VIEW, "readout_s": 0.03}
    short = refresh(screen, time_s=0.0, exposure_s=0.001, **timing)
    assert np.ptp(short) > 1.0
    assert np.abs(short - refresh(screen, time_s=0.004, exposure_s=0.001, **timing)).max() > 0.3
    assert np.ptp(refresh(screen, time_s=0.0, exposure_s=2 / 120, **timing)) < 1e-5


def test_the_grid_has_the_panels_pixels(stage):
    screen = draw_screen(np.random.default_rng(4), picture(), device="monitor")
    pose = Pose(translation=np.array([0, 0, 0.6], np.float32))
    traced = trace_sheet(screen.sheet, pose, view=VIEW, light=NIGHT)
    found = grid(screen, pose, traced, view=VIEW)
    row, column = 50, 70
    u, v, w = found.homography @ [column, row, 1]
    np.testing.assert_allclose(u / w, traced.x[row, column] * screen.columns, rtol=1e-3)
    np.testing.assert_allclose(v / w, traced.y[row, column] * screen.rows, rtol=1e-3)


def test_controls_are_drawn_on_the_panel_alone():
    screen = draw_screen(np.random.default_rng(2), picture(), device="phone")
    frame = picture().at(0)[0]
    kept = frame.copy()
    plain, with_controls = (panel(screen, frame, controls=c) for c in (False, True))
    assert (plain != with_controls).any()
    assert (frame == kept).all()
