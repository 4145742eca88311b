from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unmask.simulate.instruments.displays import DISPLAYS
from unmask.simulate.instruments.interfaces import INTERFACES
from unmask.simulate.instruments.screens import draw_screen, glow, grid, panel, refresh
from unmask.simulate.instruments.sheet import trace_sheet
from unmask.simulate.rendering.layout import ShownPicture
from unmask.simulate.rendering.light import Light
from unmask.simulate.rendering.surfaces import Pose, View
from unmask.simulate.stage.scene import Stage, draw_stage

VIEW = View(height=96, width=128, focal_px=110.0)
AHEAD = Pose(translation=np.array([0, 0, 0.4], np.float32))
NIGHT = Light(kind="test", ambient=np.zeros(3), tilt=np.zeros(3), lamps=(), background=np.zeros(3))


@pytest.fixture(scope="module")
def stage() -> Stage:
    return replace(draw_stage(np.random.default_rng(0), view=VIEW), light=NIGHT)


def picture() -> ShownPicture:
    mesh = np.random.default_rng(0).uniform(60, 180, (468, 3)).astype(np.float32)
    frame = np.random.default_rng(1).integers(0, 255, (240, 240, 3), dtype=np.uint8)
    return ShownPicture(frames=(frame,), meshes=(mesh,))


@pytest.mark.parametrize("model", DISPLAYS)
def test_every_display_has_pixels_of_a_real_pitch(model: Any) -> None:
    for seed in range(4):
        screen = draw_screen(np.random.default_rng(seed), picture(), model=model)
        left, top, right, bottom = screen.sheet.picture
        per_inch = np.array([screen.columns / (right - left), screen.rows / (bottom - top)]) * 0.0254
        least, most = {"phone": (250, 480), "tablet": (140, 330), "monitor": (85, 270)}[screen.display.device]
        assert (per_inch > least).all()
        assert (per_inch < most).all()
        assert abs(per_inch[0] / per_inch[1] - 1) < 0.02  # square pixels


def test_a_display_shines_in_the_dark_and_its_bezel_does_not(stage: Stage) -> None:
    screen = replace(draw_screen(np.random.default_rng(2), picture(), device="tablet"), refresh_depth=0.0)
    traced = trace_sheet(screen.sheet, AHEAD, view=VIEW, light=NIGHT)
    light = panel(screen, picture().at(0)[0])
    seen = glow(screen, light, traced, pose=AHEAD, stage=stage, pulse=np.ones(96, np.float32), paper=0.5)
    assert seen[traced.shown == 1].mean() > 0.01
    assert seen[(traced.alpha == 1) & (traced.shown == 0)].max() < 1e-6


def test_refresh_bands_move_and_vanish_when_the_exposure_spans_whole_periods() -> None:
    screen = draw_screen(np.random.default_rng(2), picture(), model="phone-oled-pentile")
    screen = replace(screen, refresh_depth=0.8, display=replace(screen.display, pulse_hz=120.0))
    timing: dict[str, Any] = {"view": VIEW, "readout_s": 0.03}
    short = refresh(screen, time_s=0.0, exposure_s=0.001, **timing)
    assert np.ptp(short) > 1.0
    assert np.abs(short - refresh(screen, time_s=0.004, exposure_s=0.001, **timing)).max() > 0.3
    assert np.ptp(refresh(screen, time_s=0.0, exposure_s=2 / 120, **timing)) < 1e-5


def test_the_grid_has_the_panels_pixels(stage: Stage) -> None:
    screen = draw_screen(np.random.default_rng(4), picture(), device="monitor")
    pose = Pose(translation=np.array([0, 0, 0.6], np.float32))
    traced = trace_sheet(screen.sheet, pose, view=VIEW, light=NIGHT)
    found = grid(screen, pose, traced, view=VIEW)
    row, column = 50, 70
    u, v, w = found.homography @ [column, row, 1]
    np.testing.assert_allclose(u / w, traced.x[row, column] * screen.columns, rtol=1e-3)
    np.testing.assert_allclose(v / w, traced.y[row, column] * screen.rows, rtol=1e-3)


@pytest.mark.parametrize("interface", [name for name in INTERFACES if name != "bare"])
def test_an_interface_is_drawn_on_the_panel_alone(interface: Any) -> None:
    screen = replace(draw_screen(np.random.default_rng(2), picture(), device="phone"), interface="bare")
    frame = picture().at(0)[0]
    kept = frame.copy()
    plain, dressed, again = (
        panel(replace(screen, interface=name), frame) for name in ("bare", interface, interface)
    )
    assert (plain != dressed).any()
    assert (dressed == again).all()
    assert (frame == kept).all()


def test_a_hole_for_the_camera_is_dark_whatever_is_shown() -> None:
    screen = draw_screen(np.random.default_rng(2), picture(), model="phone-oled-pentile")
    white = np.full((240, 240, 3), 255, np.uint8)
    layout = replace(screen.layout, ground=(255, 255, 255))
    light = panel(replace(screen, interface="bare", layout=layout), white)
    assert light[-5, light.shape[1] // 2].min() > 0.5 or not screen.upright
    assert light.min() < 1e-4


def seen_from(screen: Any, stage: Any, degrees: float) -> np.ndarray:
    a = np.deg2rad(degrees)
    turned = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]], np.float32)
    pose = Pose(rotation=turned, translation=np.array([0, 0, 0.4], np.float32))
    traced = trace_sheet(screen.sheet, pose, view=VIEW, light=NIGHT)
    light = np.ones((8, 8, 3), np.float32)
    even = np.ones(96, np.float32)
    return glow(screen, light, traced, pose=pose, stage=stage, pulse=even, paper=1.0)[44:52, 60:68].mean()


def test_a_cheap_panel_fades_more_with_the_angle_than_an_oled(stage: Stage) -> None:
    left = []
    for model in ("tablet-lcd-cheap", "tablet-oled"):
        screen = draw_screen(np.random.default_rng(2), picture(), model=model)
        screen = replace(screen, smears=np.zeros((96, 96), np.float32))
        left.append(seen_from(screen, stage, 40.0) / seen_from(screen, stage, 0.0))
    assert abs(left[0] - np.cos(np.deg2rad(40)) ** 2.2) < 0.03
    assert left[1] > left[0] + 0.2


def test_glass_mirrors_the_room_and_more_so_at_a_slant(stage: Stage) -> None:
    lit = replace(stage, light=replace(NIGHT, background=np.ones(3)))
    dark = replace(draw_screen(np.random.default_rng(2), picture(), model="phone-lcd"), white=0.0)
    dark = replace(dark, smears=np.zeros((96, 96), np.float32))
    straight, slanted = seen_from(dark, lit, 0.0), seen_from(dark, lit, 70.0)
    assert straight > 1e-4
    assert slanted > 1.5 * straight
    assert seen_from(dark, stage, 0.0) == 0
