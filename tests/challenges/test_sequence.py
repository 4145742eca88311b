from typing import Any

import numpy as np
import pytest

from unmask.challenges.draws import draw_walk
from unmask.challenges.light import HOLD_MS, PRIMARIES, STEPS
from unmask.challenges.sequence import (
    LAG_STEP_S,
    Schedule,
    false_acceptance,
    find_sequence,
    slow_basis,
    step_shares,
    steps_in,
)

CHOICES = len(PRIMARIES)
SCHEDULE = Schedule(
    shown_s=0.4 * np.arange(STEPS), hold_s=HOLD_MS / 1000, primaries=2 * np.array(PRIMARIES) - 1
)
TIMES_S = np.arange(0, 5.2, 0.1)


class Dice:
    """A seeded chooser."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def randrange(self, stop: int, /) -> int:
        return int(self._rng.integers(stop))


def lit(indices: Any, *, lag_s: float) -> np.ndarray:
    """The signal (T, 3) of a sequence that comes back with a delay."""
    return step_shares(TIMES_S - lag_s, SCHEDULE) @ SCHEDULE.primaries[list(indices)].astype(float)


def test_a_sequence_is_found_with_its_delay_and_size(rng: np.random.Generator) -> None:
    indices = draw_walk(Dice(1), choices=CHOICES, steps=STEPS)
    signal = 0.05 * lit(indices, lag_s=0.2) + rng.normal(0, 0.02, (len(TIMES_S), 3))
    found = find_sequence(signal, TIMES_S, indices, SCHEDULE, lags_s=(0.0, 0.35))
    assert found.chance <= 1e-4
    assert found.lag_s == pytest.approx(0.2, abs=LAG_STEP_S)
    assert found.change == pytest.approx(0.1, abs=0.03)


def test_light_that_changes_as_the_head_moves_does_not_hide_the_sequence(rng: np.random.Generator) -> None:
    indices = draw_walk(Dice(1), choices=CHOICES, steps=STEPS)
    motion = np.cumsum(rng.normal(0, 1, (len(TIMES_S), 4)), axis=0)
    signal = 0.02 * lit(indices, lag_s=0.2) + 0.05 * motion @ rng.normal(0, 1, (4, 3))
    signal += rng.normal(0, 0.01, signal.shape)
    seen = find_sequence(signal, TIMES_S, indices, SCHEDULE, lags_s=(0.0, 0.35))
    known = find_sequence(signal, TIMES_S, indices, SCHEDULE, lags_s=(0.0, 0.35), motion=motion)
    assert known.chance <= 1e-4 < seen.chance
    assert known.change == pytest.approx(0.04, abs=0.02)


def test_a_head_that_keeps_still_takes_nothing_from_the_signal() -> None:
    still = np.zeros((len(TIMES_S), 6))
    assert slow_basis(TIMES_S, still).shape == slow_basis(TIMES_S).shape


def test_exposure_that_follows_is_undone(rng: np.random.Generator) -> None:
    indices = draw_walk(Dice(2), choices=CHOICES, steps=STEPS)
    signal, gain = 0.1 * lit(indices, lag_s=0.1), np.zeros(3)
    for k, row in enumerate(signal):
        gain = gain + (1 - np.exp(-0.1 / 0.35)) * (-row - gain)
        signal[k] = row + gain
    signal += rng.normal(0, 0.02, signal.shape)
    found = find_sequence(signal, TIMES_S, indices, SCHEDULE, lags_s=(0.0, 0.35))
    assert (found.chance <= 1e-4, found.automatics_s) == (True, 0.35)


def test_a_video_that_knows_nothing_is_accepted_as_seldom_as_is_said() -> None:
    # A video full of sharp colours, held against many sessions: the chance must be at least uniform.
    video = 0.2 * lit(draw_walk(Dice(3), choices=CHOICES, steps=STEPS), lag_s=0.1)
    chances = np.array(
        [
            find_sequence(
                video,
                TIMES_S,
                draw_walk(Dice(100 + n), choices=CHOICES, steps=STEPS),
                SCHEDULE,
                lags_s=(0.05, 0.15),
            ).chance
            for n in range(80)
        ]
    )
    assert (chances <= 0.1).sum() <= 17  # 8 are expected; 18 or more come once in 1,000 runs
    assert chances.min() > 1e-4


def test_the_bound_by_the_length_of_the_code_is_one_in_ten_thousand() -> None:
    lags = round(0.35 / LAG_STEP_S) + 1
    assert false_acceptance(steps=STEPS, choices=CHOICES, mistakes=2, lags=lags) < 1e-4
    assert false_acceptance(steps=6, choices=CHOICES, lags=lags) > 1e-4


def test_the_bound_holds_for_guessed_sequences() -> None:
    shown = draw_walk(Dice(5), choices=CHOICES, steps=4)
    drawn = [draw_walk(Dice(1000 + n), choices=CHOICES, steps=4) for n in range(4000)]
    hits = sum(sum(a != b for a, b in zip(shown, one, strict=True)) <= 1 for one in drawn)
    bound = false_acceptance(steps=4, choices=CHOICES, mistakes=1)
    assert 0 < hits / 4000 < bound * 1.3


def test_steps_of_another_sequence_are_told_from_a_smooth_course(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 0.01, (len(TIMES_S), 3))
    other = 0.1 * lit(draw_walk(Dice(6), choices=CHOICES, steps=STEPS), lag_s=0.1)
    smooth = 0.15 * np.sin(2 * np.pi * 0.6 * TIMES_S)[:, None] * np.ones(3)
    assert steps_in(other + noise, TIMES_S, SCHEDULE).sharp > 4
    assert steps_in(smooth + noise, TIMES_S, SCHEDULE).sharp < 3


def test_walks_never_stand_still_and_use_every_colour() -> None:
    walks = np.array([draw_walk(Dice(n), choices=CHOICES, steps=STEPS) for n in range(300)])
    assert (np.diff(walks, axis=1) != 0).all()
    assert np.bincount(walks.ravel(), minlength=CHOICES) == pytest.approx(600, rel=0.15)
