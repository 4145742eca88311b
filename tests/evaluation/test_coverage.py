"""Coverage says which pictures are like nothing simulated, without their labels."""

from typing import Any

import numpy as np
import pytest

from unmask.evaluation.coverage import OUTSIDE, Space, apart
from unmask.types import DataError

DIMENSIONS = 8


@pytest.fixture
def made(rng: np.random.Generator) -> Any:
    """400 simulated clips of 40 subjects: attacks lie 3 to the right in the first number."""
    attack = np.arange(400) % 2 == 1
    points = rng.normal(size=(400, DIMENSIONS)) * ([1.0] * (DIMENSIONS - 1) + [50.0])
    points[attack, 0] += 3
    return points, attack, np.arange(400) // 10


@pytest.fixture
def space(made: Any) -> Space:
    points, attack, subjects = made
    return Space(points, attack=attack, subjects=subjects)


def new(rng: np.random.Generator, count: Any, *, shift: float = 0.0) -> Any:
    points = rng.normal(size=(count, DIMENSIONS)) * ([1.0] * (DIMENSIONS - 1) + [50.0])
    points[:, 0] += shift
    return points


def test_new_clips_of_a_class_lie_in_it_whatever_the_scale_of_a_number(
    space: Space, rng: np.random.Generator
) -> None:
    found = space.cover(new(rng, 200), [str(n) for n in range(200)])
    assert np.mean([one.outside for one in found]) < 0.04
    assert np.mean([one.nearer == "bona_fide" for one in found]) > 0.8
    assert 0.4 < np.mean([one.bona_fide_rank for one in found]) < 0.6


def test_new_attacks_lie_nearer_to_attacks(space: Space, rng: np.random.Generator) -> None:
    found = space.cover(new(rng, 100, shift=3.0), ["a"] * 100)
    assert np.mean([one.nearer == "attack" for one in found]) > 0.8


@pytest.mark.parametrize("number", [0, 5])
def test_a_picture_unlike_both_is_outside_in_any_direction(space: Space, number: int) -> None:
    far = np.zeros((1, DIMENSIONS))
    far[0, number] = -8
    (found,) = space.cover(far, ["far.jpg"])
    assert found.outside
    assert found.name == "far.jpg"
    assert min(found.bona_fide_rank, found.attack_rank) > OUTSIDE


def test_an_odd_combination_of_ordinary_numbers_is_outside(rng: np.random.Generator) -> None:
    """Two numbers that always move together, seen apart."""
    both = rng.normal(size=(300, 1)) + 0.25 * rng.normal(size=(300, 2))
    space = Space(both, attack=np.arange(300) % 2 == 1, subjects=np.arange(300))
    usual, odd = space.cover(np.array([[1.5, 1.5], [1.5, -1.5]]), ["usual", "odd"])
    assert not usual.outside
    assert odd.outside


def test_clips_of_the_same_subject_do_not_vouch_for_each_other(rng: np.random.Generator) -> None:
    """Ten tight clusters: with its own subject a clip is near, without it far, strangers are no outliers."""
    centres = rng.normal(size=(30, DIMENSIONS)) * 5
    subjects = np.arange(300) // 10
    points = centres[subjects] + 0.01 * rng.normal(size=(300, DIMENSIONS))
    space = Space(points, attack=np.arange(300) % 2 == 1, subjects=subjects)
    strangers = space.cover(rng.normal(size=(20, DIMENSIONS)) * 5, ["s"] * 20)
    assert np.mean([one.outside for one in strangers]) < 0.3


def test_the_statistic_that_lies_apart_comes_first_with_its_direction(rng: np.random.Generator) -> None:
    made = [{"noise": v, "contrast": w} for v, w in rng.normal(size=(300, 2))]
    real = [{"noise": v, "contrast": w - 4} for v, w in rng.normal(size=(20, 2))]
    first, second = apart(real, made, attack=np.arange(300) % 2 == 1)
    assert (first.statistic, second.statistic) == ("contrast", "noise")
    assert first.below > 0.8
    assert first.above == 0
    assert first.rank < 0.05
    assert 0.2 < second.rank < 0.8


def test_too_few_clips_are_refused_in_a_sentence() -> None:
    with pytest.raises(DataError, match="needs 20 simulated clips of each class, not 3"):
        Space(np.zeros((50, 2)), attack=np.arange(50) < 3, subjects=np.arange(50))
