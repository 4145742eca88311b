from typing import Any

import numpy as np
import pytest

from unmask.simulate.rendering.light import LIGHTS, draw_light, irradiance, seen_from
from unmask.simulate.rendering.surfaces import turn

TOWARDS = np.array([[0, 0, -1.0]])  # the normal of what faces the camera


def drawn(kind: str, count: int = 60) -> Any:
    return [draw_light(np.random.default_rng(seed), kinds=(kind,)) for seed in range(count)]


def on_face(light: Any) -> float:
    return float(irradiance(TOWARDS, light).mean())


def test_only_flickering_lights_flicker_and_turning_them_keeps_it() -> None:
    for kind in LIGHTS:
        assert all((light.flicker > 0) == (kind == "flicker") for light in drawn(kind, 5))
    light = drawn("flicker", 1)[0]
    assert seen_from(light, turn(yaw=0.4)).flicker == light.flicker


def test_a_window_lights_one_side_of_a_face_more_than_the_other() -> None:
    sides = np.array([[-0.8, 0, -0.6], [0.8, 0, -0.6]])
    ratios = [np.abs(np.log(np.divide(*irradiance(sides, light).mean(axis=1)))) for light in drawn("window")]
    even = [np.abs(np.log(np.divide(*irradiance(sides, light).mean(axis=1)))) for light in drawn("own")]
    assert np.median(ratios) > 0.4
    assert max(even) < 1e-3


def test_back_light_is_brighter_behind_than_on_the_face_and_a_screen_the_other_way_round() -> None:
    behind = {k: np.median([light.background.mean() / on_face(light) for light in drawn(k)]) for k in LIGHTS}
    assert behind["back"] > 3
    assert behind["screen"] < 0.7


def test_the_dim_is_darker_than_the_office_and_the_sun_brighter() -> None:
    levels = {kind: np.median([on_face(light) for light in drawn(kind)]) for kind in LIGHTS}
    assert levels["dim"] < 0.6 * levels["office"]
    assert levels["sun"] > levels["dim"] * 2


@pytest.mark.parametrize("kind", LIGHTS)
def test_the_same_seed_gives_the_same_light(kind: str) -> None:
    one, two = (draw_light(np.random.default_rng(4), kinds=(kind,)) for _ in range(2))
    np.testing.assert_array_equal(one.ambient, two.ambient)
    assert len(one.lamps) == len(two.lamps)
