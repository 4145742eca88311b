from dataclasses import replace

import numpy as np
import pytest

from drawn import drawn_portrait
from unmask.challenges.light import LightChallenge
from unmask.media.quality import pose_of
from unmask.simulate.camera.exposure import Adaptation, Exposure, capture
from unmask.simulate.camera.models import draw_camera
from unmask.simulate.flashes import (
    KEY_FPS,
    FlashingScreen,
    draw_adaptation,
    draw_flashing_screen,
    flashed,
    record_flashed,
    with_screen_on,
)
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.stage.scene import Shot, draw_stage
from unmask.simulate.studio import Request, Studio
from unmask.simulate.turns import Turns, draw_turns, record_turned
from unmask.types import Label

COLOURS = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]], np.float32)
SCREEN = FlashingScreen(
    irradiance_1m=0.05, luminance=2.0, colours=COLOURS, hold_s=0.4, start_s=1.0, settle_s=0.0
)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(portraits=(drawn_portrait(4),))


def test_the_screen_shows_its_colours_one_after_the_other() -> None:
    for time_s, colour in ((0.5, 0), (1.35, 0), (1.75, 1), (2.1, 2), (9.0, 2)):
        assert SCREEN.at(time_s, exposure_s=0.02) == pytest.approx(COLOURS[colour])
    both = SCREEN.at(1.41, exposure_s=0.02)  # an exposure over a change has some of both
    assert both == pytest.approx([0.5, 0.5, 0.0], abs=0.13)


@pytest.mark.parametrize("instrument", [None, "print/glossy", "replay/phone", "mask/resin"])
def test_what_the_screen_adds_is_proportional_to_it(studio: Studio, instrument: str | None) -> None:
    request = Request(subject=0, instrument=instrument, seed=11, frames=1, size=(96, 96))
    camera = draw_camera(np.random.default_rng(1), size=(96, 96))
    stage = draw_stage(np.random.default_rng(2), view=camera.view)
    seen = []
    for screen in (None, SCREEN, replace(SCREEN, irradiance_1m=2 * SCREEN.irradiance_1m)):
        light = stage.light if screen is None else with_screen_on(stage.light, screen)
        own = replace(stage, light=light)
        model = INSTRUMENTS[instrument].models[0] if instrument else ""
        made = studio.presented(np.random.default_rng(3), request, model=model, stage=own, camera=camera)
        seen.append(next(iter(made)).shot)
    once, twice = (shot.radiance - seen[0].radiance for shot in seen[1:])
    assert once.max() > 0.005
    assert once.min() > -1e-4
    np.testing.assert_allclose(twice, 2 * once, atol=2e-3)
    np.testing.assert_array_equal(seen[0].depth, seen[2].depth)


def exposures(levels: list[float]) -> list[Exposure]:
    nothing = np.zeros((468, 3), np.float32)
    return [
        Exposure(
            shot=Shot(
                radiance=np.full((64, 64, 3), level, np.float32),
                depth=np.ones((64, 64), np.float32),
                mesh=nothing,
                face=np.ones((64, 64), bool),
            )
        )
        for level in levels
    ]


def test_a_camera_follows_the_light_when_it_adapts() -> None:
    camera = replace(
        draw_camera(np.random.default_rng(5), size=(64, 64)), codec="mjpeg", metering=1.0, sensor_scale=1.0
    )
    levels = [0.2] * 3 + [0.4] * 20
    frames = {
        name: [
            float(frame.mean())
            for frame in capture(
                exposures(levels), np.random.default_rng(6), camera=camera, adaptation=adaptation
            )
        ]
        for name, adaptation in (("locked", None), ("follows", Adaptation(exposure_s=0.3, balance_s=1.0)))
    }
    before, step, later = (frames["follows"][index] for index in (2, 3, -1))
    assert frames["locked"][-1] == pytest.approx(frames["locked"][3], abs=2)
    assert step > before + 10
    assert later == pytest.approx(before, abs=3)


def test_an_exposure_of_another_size_than_the_view_is_refused() -> None:
    camera = replace(draw_camera(np.random.default_rng(5), size=(64, 64)), sensor_scale=0.9)
    with pytest.raises(ValueError, match="not the camera's view"):
        capture(exposures([0.2]), np.random.default_rng(6), camera=camera)


def test_a_scene_that_changes_with_the_light_is_refused() -> None:
    one, other = exposures([0.2]), exposures([0.3])
    moved = [
        replace(exposure, shot=replace(exposure.shot, depth=exposure.shot.depth + 1)) for exposure in other
    ]
    with pytest.raises(ValueError, match="changes with the light"):
        list(flashed(one, moved, screen=SCREEN, times_s=[0.0], keys_s=[0.0], exposure_s=0.01))


def test_far_things_get_less_of_the_screen() -> None:
    near, far = exposures([0.2])[0], exposures([0.5])[0]
    depth = np.where(np.arange(64) < 32, 0.5, 2.0).astype(np.float32)[None].repeat(64, axis=0)
    dark, lit = (replace(one, shot=replace(one.shot, depth=depth)) for one in (near, far))
    (made,) = flashed([dark], [lit], screen=SCREEN, times_s=[0.0], keys_s=[0.0], exposure_s=0.01)
    added = made.shot.radiance[..., 0] - 0.2
    assert added[0, 0] == pytest.approx(16 * added[0, -1], rel=1e-4)


def test_a_flashed_recording_is_made_again_alike(studio: Studio, rng: np.random.Generator) -> None:
    challenge = LightChallenge.draw(rng)
    request = Request(subject=0, instrument=None, seed=8, frames=4, fps=10.0)
    one, two = (
        record_flashed(studio, request, challenge.colours, hold_s=0.4, scale=0.15, glasses=True)
        for _ in range(2)
    )
    assert len(one.recording.frames) == 4
    assert one.recording.label is Label.BONA_FIDE
    assert one.shown_s == pytest.approx(0.4 + 0.4 * np.arange(12))
    assert one.recording.times_s[0] == one.latency_s > 0
    for a, b in zip(one.recording.frames, two.recording.frames, strict=True):
        np.testing.assert_array_equal(a, b)


def test_screens_and_automatics_differ(rng: np.random.Generator) -> None:
    screens = [draw_flashing_screen(rng, [[255, 0, 0]], hold_s=0.4) for _ in range(50)]
    assert np.ptp([one.irradiance_1m for one in screens]) > 0.03
    assert np.ptp([draw_adaptation(rng).exposure_s for _ in range(50)]) > 1
    assert KEY_FPS < 10


def test_heads_turn_as_they_are_asked_to() -> None:
    order = ("left", "up", "right")
    turns = Turns(
        order=order, asked_s=np.array([0.0, 3.0, 6.0]), late_s=np.full(3, 0.5), there_s=0.5, stays_s=0.4,
        yaw=0.4, pitch=0.25,
    )  # fmt: skip
    front = np.array([0, 0, -1.0])
    left, up, right = (turns.at(begin + 1.2) @ front for begin in turns.asked_s)
    assert turns.at(0.4) == pytest.approx(np.eye(3))
    assert (left[0] > 0.3, up[1] < -0.2, right[0] < -0.3) == (True, True, True)


@pytest.mark.parametrize("sheet", [None, "print/bent"])
def test_a_turned_recording_shows_the_turn(
    studio: Studio, rng: np.random.Generator, sheet: str | None
) -> None:
    turns = replace(draw_turns(rng, ("left",)), asked_s=np.zeros(1), late_s=np.full(1, 0.1), there_s=0.4)
    request = Request(subject=0, instrument=None, seed=9, frames=7, fps=10.0)
    made = record_turned(studio, request, turns, sheet=sheet, scale=0.15)
    assert made.label is (Label.BONA_FIDE if sheet is None else Label.ATTACK)
    if sheet is None:
        assert pose_of(made.meshes[5]).yaw - pose_of(made.meshes[0]).yaw > 12
