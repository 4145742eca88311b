"""A mannequin's head is whole, rigid and its models differ."""

from dataclasses import replace
from typing import Any

import numpy as np

from unmask.simulate.instruments.mannequins import draw_mannequin, standing
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.rendering.mean_face import MEAN_FACE
from unmask.simulate.rendering.motion import draw_camera_motion, draw_rigid_motion
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import View, draw_stage

VIEW = View(height=150, width=160, focal_px=140.0)
VICTIM = MEAN_FACE * np.float32(0.089)


def staged(*, shake: Any, kind: str = "tripod") -> Any:
    rng = np.random.default_rng(2)
    stage = replace(draw_stage(rng, view=VIEW), camera=draw_camera_motion(rng, kind=kind))
    place = Pose(translation=np.array([0, 0, 0.45], np.float32))
    return stage, draw_rigid_motion(rng, place=place, shake=shake)


def test_a_mannequin_that_stands_neither_blinks_nor_speaks() -> None:
    stage, motion = staged(shake=0.0)
    head = draw_mannequin(np.random.default_rng(1), "painted", victim_face=VICTIM)
    first, *rest = (
        standing(head, stage, motion=motion, light=stage.light, time_s=t) for t in (0.0, 0.3, 2.0)
    )
    for later in rest:
        np.testing.assert_array_equal(later.radiance, first.radiance)
        np.testing.assert_array_equal(later.mesh, first.mesh)


def test_it_stays_where_it_stands_when_the_camera_moves() -> None:
    stage, motion = staged(shake=0.0, kind="handheld")
    head = draw_mannequin(np.random.default_rng(1), "plain", victim_face=VICTIM)
    shots = [standing(head, stage, motion=motion, light=stage.light, time_s=t) for t in (0.0, 0.7)]
    assert np.abs(shots[0].mesh - shots[1].mesh)[:, :2].max() > 0.2


def test_it_has_a_whole_heads_depth_with_skull_and_neck() -> None:
    stage, motion = staged(shake=0.0)
    for seed in range(4):
        head = draw_mannequin(np.random.default_rng(seed), "painted", victim_face=VICTIM)
        shot = standing(head, stage, motion=motion, light=stage.light, time_s=0.0)
        face = shot.depth[shot.face]
        assert 0.04 < np.quantile(face, 0.97) - face.min() < 0.25
        solid = shot.depth < np.median(face) + 0.3
        assert solid.sum() > 1.2 * shot.face.sum()  # more than a face
        crown, chin = shot.mesh[10].round().astype(int), shot.mesh[152].round().astype(int)
        assert shot.depth[crown[1] - 4, crown[0]] < 0.7
        assert shot.depth[min(VIEW.height - 1, chin[1] + 6), chin[0]] < 0.8


def test_some_are_seen_from_the_side() -> None:
    widths = []
    for seed in range(12):
        face = draw_mannequin(np.random.default_rng(seed), "plain", victim_face=VICTIM).face
        across = face[454] - face[234]
        widths.append(abs(across[2]) / np.linalg.norm(across))  # sine of the turn
    assert max(widths) > np.sin(np.radians(30))
    assert min(widths) < np.sin(np.radians(15))


def test_its_models_look_different() -> None:
    stage, motion = staged(shake=0.0)
    shots = []
    for model in INSTRUMENTS["mask/mannequin"].models:
        head = draw_mannequin(np.random.default_rng(3), model, victim_face=VICTIM)
        shots.append(standing(head, stage, motion=motion, light=stage.light, time_s=0.0))
    for k in range(3):
        change = np.abs(shots[k].radiance - shots[k - 1].radiance)
        near = shots[k].depth < 0.7
        assert change[near].mean() > 0.05 * shots[k].radiance[near].mean()
