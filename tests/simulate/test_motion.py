"""How heads and cameras move: far turns, syllables, looks, smiles, tripods."""

from typing import Any

import numpy as np
import pytest

from unmask.simulate.rendering.motion import draw_camera_motion, draw_head_motion
from unmask.simulate.rendering.surfaces import Pose

LIMITS = (-np.radians(50), np.radians(40))
TIMES = np.arange(0, 6, 0.1)


def yaw(moment: Any) -> float:
    """Degrees to the picture's right."""
    ahead = moment.head.rotation @ np.array([0, 0, -1.0])
    return float(np.degrees(np.arctan2(ahead[0], -ahead[2])))


def clips(count: int, **settings: Any) -> Any:
    return [draw_head_motion(np.random.default_rng(n), place=Pose(), **settings) for n in range(count)]


def test_heads_with_sides_turn_far_but_never_beyond_their_limits() -> None:
    turned = [[yaw(motion.at(t)) for t in TIMES] for motion in clips(60, turning=LIMITS)]
    assert -52 < np.min(turned) < -42  # pitch and roll add a little to what an angle in space is
    assert 33 < np.max(turned) < 42
    far = np.mean(np.abs(turned).max(axis=1) > 30)
    assert 0.15 < far < 0.6


def test_portraits_turn_less() -> None:
    turned = np.abs([[yaw(motion.at(t)) for t in TIMES] for motion in clips(60)])
    assert np.quantile(turned, 0.99) < 32
    assert turned.max() < 43


def test_mouths_that_talk_open_three_to_six_times_a_second_in_bursts() -> None:
    paces = []
    for motion in clips(25):
        times = np.arange(0, 12, 0.02)
        wide = np.array([motion.at(t).mouth for t in times])
        if wide.max() < 0.25:
            continue
        peaks = times[1:-1][(wide[1:-1] > wide[:-2]) & (wide[1:-1] >= wide[2:]) & (wide[1:-1] > 0.05)]
        apart = np.diff(peaks)
        paces += list(1 / apart[apart < 0.4])
        assert 0.05 < (wide == 0).mean() < 0.8
    assert len(paces) > 100
    assert 3 < np.quantile(paces, 0.05) < np.quantile(paces, 0.95) < 6.3


def test_eyes_rest_and_then_jump() -> None:
    motion = next(motion for motion in clips(9) if motion.watches > 0)
    looks = np.array([motion.glances.at(t) for t in np.arange(0, 20, 0.01)])
    step = np.linalg.norm(np.diff(looks, axis=0), axis=1)
    assert (step == 0).mean() > 0.8
    assert np.degrees(np.linalg.norm(np.ptp(looks, axis=0))) > 5


def test_eyes_stay_on_what_they_look_at_as_the_head_turns() -> None:
    right = []
    for motion in clips(30, turning=LIMITS):
        moments = [motion.at(t) for t in TIMES]
        right += [(yaw(moment), moment.gaze[0]) for moment in moments]
    turned, gaze = np.array(right).T
    assert np.corrcoef(turned, gaze)[0, 1] < -0.5


@pytest.mark.parametrize("name", ["smile", "brows", "mouth", "blink"])
def test_a_statue_keeps_still_and_the_living_do_not(name: str) -> None:
    def values(**settings: Any) -> Any:
        return np.array([[getattr(motion.at(t), name) for t in TIMES] for motion in clips(20, **settings)])

    assert not values(liveliness=0.0).any()
    bona_fide = values()
    assert bona_fide.max() > 0.1
    assert -1 <= bona_fide.min() <= bona_fide.max() <= 1
    assert np.ptp(bona_fide, axis=1).max() > 0.05


def test_a_third_of_the_cameras_stand_on_a_tripod() -> None:
    rng = np.random.default_rng(0)
    still = [not np.any(draw_camera_motion(rng).at(1.3).translation) for _ in range(600)]
    assert np.mean(still) == pytest.approx(1 / 3, abs=0.05)
