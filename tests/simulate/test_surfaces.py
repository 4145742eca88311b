"""Projection, light and texture of surfaces against the formulas written out."""

from typing import Any

import numpy as np
import pytest

from unmask.simulate.rendering.light import LIGHTS, Lamp, Light, draw_light, irradiance, seen_from
from unmask.simulate.rendering.surfaces import (
    Pose,
    Surface,
    View,
    look_up,
    on_surface,
    plane,
    project,
    trace,
    turn,
)

VIEW = View(height=60, width=80, focal_px=100.0)
WHITE = Light(kind="test", ambient=np.ones(3), tilt=np.zeros(3), lamps=(), background=np.ones(3))


def _sheet(texture: np.ndarray, **bend: Any) -> Surface:
    return plane(0.4, 0.3, texture=texture, **bend)


def test_a_tilted_sheet_has_the_depth_of_its_plane() -> None:
    texture = np.ones((30, 40, 4), np.float32)
    pose = Pose(rotation=turn(yaw=0.5, pitch=0.2), translation=np.array([0, 0, 1.0], np.float32))
    layer = trace(_sheet(texture), pose, view=VIEW, light=WHITE)
    y, x = np.nonzero(np.isfinite(layer.depth))
    rays = np.c_[(x - 39.5) / 100, (y - 29.5) / 100, np.ones(len(x))]
    normal = pose.rotation @ [0, 0, 1]
    np.testing.assert_allclose(layer.depth[y, x], (normal @ pose.translation) / (rays @ normal), rtol=1e-4)


def test_texture_lies_where_projection_puts_it() -> None:
    texture = np.zeros((30, 40, 4), np.float32)
    texture[..., 0], texture[..., 3] = np.arange(40) / 40, 1  # brighter to the right
    pose = Pose(rotation=turn(yaw=0.4), translation=np.array([0.02, 0, 0.8], np.float32))
    surface = _sheet(texture)
    seen = look_up(trace(surface, pose, view=VIEW, light=WHITE), texture)
    spots = np.array([[8.0, 10.0], [20.0, 15.0], [31.0, 20.0]])
    at = project(pose.moved(on_surface(surface, spots)), VIEW)[:, :2].round().astype(int)
    np.testing.assert_allclose(seen.colour[at[:, 1], at[:, 0], 0], spots[:, 0] / 40, atol=0.02)
    assert seen.alpha[0, 0] == 0


def test_bent_paper_keeps_its_length() -> None:
    surface = _sheet(np.ones((3, 41, 4), np.float32), bend_m=0.1, cells=40)
    row = surface.vertices[:41]
    assert np.linalg.norm(np.diff(row, axis=0), axis=1).sum() == pytest.approx(0.4, rel=1e-3)
    assert row[0, 2] > row[20, 2]  # a positive bend leads the edges away


def test_irradiance_is_the_cosine_law_with_wrap() -> None:
    lamp = Lamp(direction=np.array([0.6, 0, -0.8]), colour=np.array([2.0, 1.0, 0.5]), softness=0.4)
    light = Light(kind="t", ambient=np.full(3, 0.1), tilt=np.zeros(3), lamps=(lamp,), background=np.ones(3))
    normals = np.array([[0, 0, -1.0], [0, 0, 1.0], [0.6, 0, -0.8]])
    facing = np.array([(0.8 + 0.2) / 1.2, 0.0, 1.0])
    np.testing.assert_allclose(irradiance(normals, light), 0.1 + facing[:, None] * lamp.colour, rtol=1e-6)


def test_a_hole_in_the_texture_hides_nothing() -> None:
    texture = np.ones((30, 40, 4), np.float32)
    texture[10:20, 15:25, 3] = 0
    layer = trace(_sheet(texture), Pose(translation=np.array([0, 0, 1.0])), view=VIEW, light=WHITE)
    assert np.isinf(layer.depth[30, 40])
    assert np.isfinite(layer.depth[30, 25])


@pytest.mark.parametrize("kind", LIGHTS)
def test_every_light_is_light(kind: str) -> None:
    light = draw_light(np.random.default_rng(5), kinds=(kind,))
    values = [light.ambient, light.background, *(lamp.colour for lamp in light.lamps)]
    assert light.kind == kind
    assert all(np.isfinite(v).all() and (np.asarray(v) >= 0).all() for v in values)
    assert all(abs(np.linalg.norm(lamp.direction) - 1) < 1e-5 for lamp in light.lamps)


def test_light_turns_with_the_frame() -> None:
    light = draw_light(np.random.default_rng(1), kinds=("sun",))
    rotation = turn(yaw=0.7, pitch=-0.3)
    normals = np.array([[0, 0, -1.0], [0.6, 0, -0.8]])
    there = irradiance(normals @ rotation.T, seen_from(light, rotation))
    np.testing.assert_allclose(there, irradiance(normals, light), rtol=1e-4)


def test_faces_may_be_darker_and_lighter_than_their_background() -> None:
    ratios = []
    for seed in range(200):
        light = draw_light(np.random.default_rng(seed))
        on_face = irradiance(np.array([[0, 0, -1.0]]), light).mean()
        ratios.append(on_face / light.background.mean())
    assert np.quantile(ratios, 0.1) < 0.45
    assert np.quantile(ratios, 0.9) > 1.2
