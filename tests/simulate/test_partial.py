"""Glasses and strips stand before a living face, at their own depth, and keep their own look."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drawn import drawn_bust
from unmask.simulate.instruments.paint import FACE_SIZE, FACE_UV, draw_tone, painted_face
from unmask.simulate.instruments.partial import draw_funny_eyes, draw_paper_glasses, draw_strip, worn_patch
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.rendering.motion import draw_camera_motion, draw_head_motion
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import Bust, View, bona_fide, draw_stage

ROWS = [name for name in INSTRUMENTS if name.startswith("partial/")]
DRAWS = {
    "partial/funny-eye": draw_funny_eyes,
    "partial/paper-glasses": draw_paper_glasses,
    "partial/paper": draw_strip,
}
VIEW = View(height=120, width=160, focal_px=140.0)


@pytest.fixture(scope="module")
def wearer() -> Bust:
    return drawn_bust(2)


def shots(wearer: Any, name: Any, model: Any, *, seed: Any = 4) -> Any:
    """The bare wearer and the one with the patch, and the patch."""
    rng = np.random.default_rng(2)
    stage = replace(draw_stage(rng, view=VIEW), camera=draw_camera_motion(rng, kind="tripod"))
    place = Pose(translation=np.array([0, 0, 0.35], np.float32))
    motion = draw_head_motion(rng, place=place, liveliness=0)
    rng = np.random.default_rng(seed)
    printed = painted_face(rng, uv=FACE_UV, size=FACE_SIZE, tone=draw_tone(rng))
    patch = DRAWS[name](rng, model, printed=printed, wearer=wearer)
    worn = worn_patch(patch, stage, wearer=wearer, motion=motion, light=stage.light, time_s=0.0)
    return bona_fide(wearer, stage, motion=motion, time_s=0.0), worn, patch


@pytest.mark.parametrize("name", ROWS)
def test_a_patch_is_nearer_than_the_face_by_its_gap_and_leaves_the_rest_alone(
    wearer: Bust, name: Any
) -> None:
    for model in INSTRUMENTS[name].models:
        bare, worn, patch = shots(wearer, name, model)
        nearer = (bare.depth - worn.depth)[bare.face]
        under = nearer > 1e-4
        assert 0.02 < under.mean() < 0.7  # a part of the face
        assert (np.abs(nearer[~under]) < 1e-3).all()
        assert np.quantile(nearer[under], 0.02) > 0.3 * patch.gap_m - 0.002
        assert np.quantile(nearer[under], 0.02) < patch.gap_m + 0.012  # it rests on the nearest skin


@pytest.mark.parametrize("name", ROWS)
def test_the_mesh_stays_the_wearers(wearer: Bust, name: Any) -> None:
    bare, worn, _ = shots(wearer, name, INSTRUMENTS[name].models[0])
    np.testing.assert_array_equal(worn.mesh, bare.mesh)


@pytest.mark.parametrize("name", ROWS)
def test_the_models_of_a_row_look_different(wearer: Bust, name: Any) -> None:
    looks = [shots(wearer, name, model)[1] for model in INSTRUMENTS[name].models]
    for k in range(3):
        change = np.abs(looks[k].radiance - looks[k - 1].radiance)[looks[k].face].mean()
        assert change > 0.03 * looks[k].radiance[looks[k].face].mean()
