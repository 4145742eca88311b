"""A linear head refitted to a handful of captures: the optimum, its prior, and what is left out."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from unmask.evaluation.heads import (
    CaptureSample,
    OddsHead,
    adapted_head,
    capture_scores,
    chosen_strength,
    fitted,
    folds_of,
    left_out,
    recalibration,
)
from unmask.types import DataError, SettingsError


def _sample(features: np.ndarray, labels: np.ndarray, *, group: np.ndarray | None = None) -> CaptureSample:
    count = np.arange(len(labels))
    return CaptureSample(
        features=features, labels=labels, capture=count, group=count if group is None else group
    )


def _source(rng: np.random.Generator, *, each: int, features: int = 40, shift: float = 1.5) -> Any:
    """Captures of a camera that moves all scores of the prior by `shift`: what they are is in them still."""
    truth = np.zeros(features)
    truth[0] = 1.5
    labels = np.repeat([True, False], each)
    x = rng.normal(size=(2 * each, features))
    x[:, 0] = np.where(labels, 1.0, -1.0) + rng.normal(0, 0.4, 2 * each)
    x[:, 1] += 3.0  # the same in all of them: the camera
    prior = OddsHead(weight=truth + np.eye(features)[1] * shift / 3.0, bias=0.0)
    return prior, _sample(x, labels)


@pytest.mark.parametrize("strength", [0.03, 1.0, 30.0])
def test_the_head_is_the_minimum_of_the_penalised_loss(rng: np.random.Generator, strength: float) -> None:
    features, labels = rng.normal(size=(9, 4)), np.array([True] * 3 + [False] * 6)
    prior_weight, prior_bias = rng.normal(size=4), 0.7
    weights = np.where(labels, 1.5, 0.75)

    def loss(head: np.ndarray) -> float:
        z = features @ head[:4] + head[4]
        distance = 4 * np.sum((head[:4] - prior_weight) ** 2) + (head[4] - prior_bias) ** 2
        return float((weights * (np.logaddexp(0, z) - labels * z)).sum() + strength / 2 * distance)

    found = minimize(loss, np.append(prior_weight, prior_bias), method="BFGS", options={"gtol": 1e-8}).x
    weight, bias = adapted_head(
        prior_weight=prior_weight, prior_bias=prior_bias, features=features, labels=labels, strength=strength
    )
    assert np.append(weight, bias) == pytest.approx(found, abs=1e-4)


def test_an_infinite_strength_moves_slope_and_offset_alone(rng: np.random.Generator) -> None:
    prior, sample = _source(rng, each=3)
    found = fitted(prior, sample, strength=np.inf)
    slope, offset = recalibration(prior(sample.features), sample)
    assert found.weight == pytest.approx(slope * prior.weight)
    assert found.bias == pytest.approx(slope * prior.bias + offset)
    assert offset < -0.5  # the camera moves all scores up by 1.5


def test_weights_stay_where_captures_do_not_clearly_ask_for_others(rng: np.random.Generator) -> None:
    """A prior that knows all there is to know, and twenty captures with 300 features of chance: by the least
    loss on what was left out its weights would move in eleven draws of twenty.
    """
    moved = 0
    for _ in range(20):
        labels = np.repeat([True, False], 10)
        x = rng.normal(size=(20, 300))
        x[:, 0] = np.where(labels, 1.0, -1.0) + rng.normal(0, 0.8, 20)
        prior = OddsHead(weight=3.0 * np.eye(300)[0], bias=0.0)
        moved += np.isfinite(chosen_strength(prior, _sample(x, labels)))
    assert moved <= 1


def test_weights_move_where_captures_clearly_ask_for_others(rng: np.random.Generator) -> None:
    """What tells the classes at this camera is a feature that the prior does not read."""
    labels = np.repeat([True, False], 10)
    x = rng.normal(size=(20, 30))
    x[:, 1] = np.where(labels, 6.0, -6.0)
    prior = OddsHead(weight=0.3 * np.eye(30)[0], bias=0.0)
    assert np.isfinite(chosen_strength(prior, _sample(x, labels)))


@pytest.mark.parametrize(("strength", "labels"), [(0.0, [True, False]), (1.0, [True, True])])
def test_no_strength_and_no_second_class_are_refused(strength: float, labels: Any) -> None:
    with pytest.raises((SettingsError, DataError), match=r"above 0|both classes"):
        adapted_head(
            prior_weight=np.zeros(2),
            prior_bias=0.0,
            features=np.eye(2),
            labels=np.array(labels),
            strength=strength,
        )


def test_a_handful_of_captures_repairs_the_zero_of_a_new_camera(rng: np.random.Generator) -> None:
    prior, sample = _source(rng, each=8, shift=2.0)
    fresh = _source(rng, each=200, shift=2.0)[1]

    def right(head: OddsHead) -> float:
        return float(((head(fresh.features) >= 0) == fresh.labels).mean())

    adapted = fitted(prior, sample, strength=chosen_strength(prior, sample))
    assert right(prior) < 0.7
    assert right(adapted) > 0.85


def test_a_group_is_judged_by_heads_that_saw_nothing_of_it(rng: np.random.Generator) -> None:
    """Each person's pictures are alike and labels are drawn by the person: only memory could tell them."""
    people, each, features = 12, 4, 300
    faces = rng.normal(size=(people, features))
    labels = np.repeat(np.arange(people) % 2 == 0, each)
    x = np.repeat(faces, each, axis=0) + rng.normal(0, 0.1, (people * each, features))
    sample = _sample(x, labels, group=np.repeat(np.arange(people), each))
    prior = OddsHead(weight=np.zeros(features), bias=0.0)
    remembered = fitted(prior, sample, strength=0.03)(x)
    assert ((remembered > 0) == labels).all()
    told = []
    said = left_out(prior, sample, progress=lambda done, total: told.append((done, total)))
    assert ((said > 0) == labels).mean() < 0.8
    assert told == [(done, 11) for done in range(1, 11)]


def test_folds_keep_groups_whole_and_spread_both_classes() -> None:
    labels = np.repeat([True, False], 6)
    sample = _sample(np.zeros((12, 1)), labels, group=np.array([0, 0, 1, 2, 3, 4] * 2))
    fold = folds_of(sample, most=3)
    assert all(len(set(fold[sample.group == group])) == 1 for group in range(5))
    assert all(labels[fold == number].any() and not labels[fold == number].all() for number in range(3))


def test_recalibration_brings_the_middle_of_left_out_captures_to_one_half(rng: np.random.Generator) -> None:
    labels = np.repeat([True, False], 20)
    said = np.where(labels, 3.0, 1.0) + rng.normal(0, 0.6, 40)
    slope, offset = recalibration(said, _sample(np.zeros((40, 1)), labels))
    scores = expit(slope * said + offset)
    assert (scores[~labels] >= 0.5).mean() < 0.3
    assert (scores[labels] >= 0.5).mean() > 0.8


def test_a_capture_counts_once_however_many_clips_it_has() -> None:
    sample = CaptureSample(
        features=np.zeros((4, 1)),
        labels=np.array([True, True, True, False]),
        capture=np.array([0, 0, 1, 2]),
        group=np.array([0, 0, 1, 2]),
    )
    assert sample.weights().tolist() == [0.375, 0.375, 0.75, 1.5]
    numbers, scores = capture_scores(np.array([0.0, 100.0, 0.0, 0.0]), sample)
    assert numbers.tolist() == [0, 1, 2]
    assert scores.tolist() == [0.75, 0.5, 0.5]
