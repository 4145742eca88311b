"""Half masks, resin, silicone and clear shells: rigid or soft, with their own depth over the wearer's."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drawn import drawn_bust
from unmask.simulate.instruments.paint import EYES
from unmask.simulate.instruments.shells import (
    draw_half,
    draw_resin,
    draw_silicone,
    draw_transparent,
    worn_shell,
)
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.rendering.motion import draw_camera_motion, draw_head_motion
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import Bust, View, bona_fide, draw_stage

ROWS = [f"mask/{name}" for name in ("half", "resin", "silicone", "transparent")]
VIEW = View(height=120, width=160, focal_px=140.0)


@pytest.fixture(scope="module")
def busts() -> list[Bust]:
    return [drawn_bust(seed) for seed in (1, 2)]


class Worn:
    """A still head that only speaks and blinks, bare and with a shell, in one light."""

    def __init__(self, busts: Any) -> None:
        rng = np.random.default_rng(2)
        self.victim, self.wearer = busts
        self.stage = replace(draw_stage(rng, view=VIEW), camera=draw_camera_motion(rng, kind="tripod"))
        motion = draw_head_motion(
            rng, place=Pose(translation=np.array([0, 0, 0.4], np.float32)), liveliness=0
        )
        self.motion = replace(motion, blinks_s=np.array([1.0]), mouth_gain=1.0)

    def bare(self, time_s: float = 0.0) -> Any:
        return bona_fide(self.wearer, self.stage, motion=self.motion, time_s=time_s)

    def shell(self, draw: Any, model: Any, *, time_s: float = 0.0, seed: Any = 6) -> Any:
        shell = draw(np.random.default_rng(seed), model, victim=self.victim, wearer=self.wearer)
        return worn_shell(
            shell, self.stage, wearer=self.wearer, motion=self.motion, light=self.stage.light, time_s=time_s
        )

    def widest(self) -> Any:
        """A time at which the mouth is wide open, and one at which it is shut."""
        mouths = [self.motion.at(0.05 * k).mouth for k in range(60)]
        return 0.05 * int(np.argmax(mouths)), 0.05 * int(np.argmin(mouths))


def test_a_half_mask_leaves_half_of_the_wearers_depth_as_it_was(busts: list[Bust]) -> None:
    worn = Worn(busts)
    bare = worn.bare()
    shot = worn.shell(draw_half, "upper")
    brow, chin = bare.mesh[151].round().astype(int), bare.mesh[199].round().astype(int)
    assert shot.depth[chin[1], chin[0]] == pytest.approx(bare.depth[chin[1], chin[0]], abs=1e-4)
    assert 0.001 < bare.depth[brow[1], brow[0]] - shot.depth[brow[1], brow[0]] < 0.05
    share = np.mean(np.abs(shot.depth - bare.depth)[bare.face] < 1e-4)
    assert 0.2 < share < 0.8


def test_a_resin_face_neither_speaks_nor_blinks(busts: list[Bust]) -> None:
    worn = Worn(busts)
    open_s, shut_s = worn.widest()
    still, later = (worn.shell(draw_resin, "painted", time_s=t).mesh for t in (shut_s, open_s))
    lips, eyes = [13, 14, 17, 199], [point for ring in EYES for point in ring]
    assert np.abs(worn.bare(open_s).mesh[lips] - worn.bare(shut_s).mesh[lips]).max() > 0.5
    np.testing.assert_allclose(still[lips], later[lips], atol=0.05)
    shut = [seed for seed in range(8) if worn_eyes_shut(worn, seed)]
    assert shut  # some have painted eyes, and those do not blink
    still, later = (worn.shell(draw_resin, "painted", time_s=t, seed=shut[0]).mesh for t in (0.0, 1.0))
    np.testing.assert_allclose(still[eyes], later[eyes], atol=0.05)


def worn_eyes_shut(worn: Any, seed: Any) -> Any:
    shell = draw_resin(np.random.default_rng(seed), "painted", victim=worn.victim, wearer=worn.wearer)
    return shell.texture[..., 3][200:320, 150:490].min() > 0.5


def test_a_silicone_face_moves_less_than_its_wearer_and_more_than_resin(busts: list[Bust]) -> None:
    worn = Worn(busts)
    open_s, shut_s = worn.widest()
    chin = 199

    def way(shots: Any) -> Any:
        return float(np.linalg.norm(shots[0].mesh[chin] - shots[1].mesh[chin]))

    bare = way([worn.bare(t) for t in (open_s, shut_s)])
    soft = way([worn.shell(draw_silicone, "tan", time_s=t) for t in (open_s, shut_s)])
    assert 0.1 * bare < soft < 0.7 * bare


def test_a_clear_shell_shows_its_wearers_colours_and_stands_before_him(busts: list[Bust]) -> None:
    worn = Worn(busts)
    bare = worn.bare()
    shot = worn.shell(draw_transparent, "clear")
    cheek = bare.mesh[205].round().astype(int)
    seen, own = (s.radiance[cheek[1] - 1 : cheek[1] + 2, cheek[0]].mean(axis=0) for s in (shot, bare))
    assert np.corrcoef(seen, own)[0, 1] > 0.9
    assert 0.001 < bare.depth[cheek[1], cheek[0]] - shot.depth[cheek[1], cheek[0]] < 0.05
    both = shot.face & bare.face
    luma = [s.radiance[both].mean(axis=1) for s in (shot, bare)]
    assert np.corrcoef(*luma)[0, 1] > 0.6


@pytest.mark.parametrize("name", ROWS)
def test_the_models_of_a_row_look_different(busts: list[Bust], name: Any) -> None:
    worn = Worn(busts)
    draws = {
        "half": draw_half,
        "resin": draw_resin,
        "silicone": draw_silicone,
        "transparent": draw_transparent,
    }
    draw = draws[name.split("/")[1]]
    shots = [worn.shell(draw, model) for model in INSTRUMENTS[name].models]
    for k in range(3):
        change = np.abs(shots[k].radiance - shots[k - 1].radiance)[shots[k].face].mean()
        assert change > 0.03 * shots[k].radiance[shots[k].face].mean()
