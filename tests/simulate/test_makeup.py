"""Make-up changes a face's colours and nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drawn import drawn_bust
from unmask.simulate.instruments.makeup import made_up, paint_cosmetic, paint_likeness, paint_obfuscation
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.rendering.motion import draw_camera_motion, draw_head_motion
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import Bust, View, bona_fide, draw_stage

ROWS = [name for name in INSTRUMENTS if name.startswith("makeup/")]


@pytest.fixture(scope="module")
def bust() -> Bust:
    return drawn_bust(1)


@pytest.fixture(scope="module")
def victim() -> Bust:
    return drawn_bust(2)


def painted(bust: Any, name: Any, victim: Any) -> Any:
    other = victim.surface.texture[..., :3].copy()
    paints = {
        "makeup/cosmetic": paint_cosmetic,
        "makeup/obfuscation": paint_obfuscation,
        "makeup/impersonation": lambda *given: paint_likeness(
            *given, other=other, other_uv=victim.surface.uv[:468]
        ),
    }
    return {
        model: made_up(bust, paints[name], model, np.random.default_rng(4))
        for model in INSTRUMENTS[name].models
    }


@pytest.mark.parametrize("name", ROWS)
def test_make_up_leaves_depth_and_mesh_as_they_were_and_changes_the_skin(
    bust: Bust, victim: Bust, name: Any
) -> None:
    rng = np.random.default_rng(2)
    view = View(height=120, width=160, focal_px=140.0)
    stage = replace(draw_stage(rng, view=view), camera=draw_camera_motion(rng, kind="tripod"))
    motion = draw_head_motion(rng, place=Pose(translation=np.array([0, 0, 0.5], np.float32)))
    bare = bona_fide(bust, stage, motion=motion, time_s=0.3)
    shots = [
        bona_fide(made, stage, motion=motion, time_s=0.3) for made in painted(bust, name, victim).values()
    ]
    for shot in shots:
        np.testing.assert_array_equal(shot.depth, bare.depth)
        np.testing.assert_array_equal(shot.mesh, bare.mesh)
        change = np.abs(shot.radiance - bare.radiance).mean(axis=2)
        assert change[shot.face].mean() > 0.04 * bare.radiance[bare.face].mean()
    looks = [shot.radiance[shot.face] for shot in shots]
    for k in range(3):  # the models differ, so that leaving one out means something
        assert np.abs(looks[k] - looks[k - 1]).mean() > 0.03 * bare.radiance[bare.face].mean()


def test_paint_stays_on_the_face(bust: Bust, victim: Bust) -> None:
    made = painted(bust, "makeup/obfuscation", victim)["figure"]
    changed = np.abs(made.surface.texture - bust.surface.texture).max(axis=2) > 0.02
    low, high = bust.surface.uv[:468].min(axis=0), bust.surface.uv[:468].max(axis=0)
    rows, columns = np.nonzero(changed)
    assert (columns > low[0] - 20).all()
    assert (columns < high[0] + 20).all()
    assert (rows > low[1] - 20).all()
    assert (rows < high[1] + 20).all()
