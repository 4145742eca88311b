"""No interval says more than the recordings can tell."""

import math
from typing import Any, cast

import numpy as np
import pytest

from unmask import metrics
from unmask.metrics.intervals import area, mean_rates, wider
from unmask.types import DataError, Label, Presentation, Score


def scores(bona_fide: int, attacks: int, *, people: int = 6, turned: bool = False) -> list[Score]:
    """Perfectly parted scores, or perfectly parted the wrong way."""
    rows = []
    for label, count, middle in ((Label.BONA_FIDE, bona_fide, 0.9), (Label.ATTACK, attacks, 0.1)):
        kind = "print/a4" if label is Label.ATTACK else ""
        for n in range(count):
            value = abs(turned - middle) + n / 10_000
            name = f"{label}{n}"
            rows.append(
                Score(
                    presentation=Presentation(
                        path=name, label=label, instrument=kind, subject=f"p{n % people}"
                    ),
                    score=value,
                )
            )
    return rows


@pytest.mark.parametrize(("bona_fide", "attacks"), [(1, 1), (1, 300), (300, 1), (12, 36), (200, 200)])
@pytest.mark.parametrize("people", [1, 2, 50])
@pytest.mark.parametrize("turned", [False, True])
def test_every_interval_has_a_width_and_holds_its_value(
    bona_fide: int, attacks: int, people: int, turned: bool
) -> None:
    found = metrics.summarise(scores(bona_fide, attacks, people=people, turned=turned), 0.5, rounds=40)
    for estimate in (found.acer, found.hter, found.auc, found.eer):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert estimate.high - estimate.low > 1 / (bona_fide + attacks + 10) / 4


def test_more_recordings_say_more() -> None:
    widths = []
    for count in (3, 10, 100, 1000):
        found = metrics.summarise(scores(count, count, people=count), 0.5, rounds=20)
        widths.append([one.high - one.low for one in (found.acer, found.hter, found.auc, found.eer)])
    assert np.all(np.diff(widths, axis=0) < 0)


def test_each_round_of_draws_is_told_as_it_is_done() -> None:
    done: list[int] = []
    metrics.summarise(scores(5, 5), 0.5, rounds=7, progress=done.append)
    assert done == [1, 2, 3, 4, 5, 6, 7]


def test_without_draws_there_is_no_interval() -> None:
    assert math.isnan(metrics.summarise(scores(5, 5), 0.5, rounds=0).acer.low)


def test_a_rate_of_none_allows_what_its_posterior_does(rng: np.random.Generator) -> None:
    low, high = mean_rates([(0, 100_000)], (0, 10), rng=rng)
    # the attacks add nothing; Beta(0.5, 10.5) has its 97.5 % quantile at 0.2172
    assert low < 0.001
    assert high == pytest.approx(0.2172 / 2, abs=0.012)


def test_the_area_s_interval_covers_as_often_as_it_says(rng: np.random.Generator) -> None:
    """Normal scores: the area is known; of 300 samples some 95 % hold it."""
    true = 0.9214  # of two normals two deviations apart: Phi(sqrt(2))
    held = 0
    for _ in range(300):
        bona_fide, attacks = rng.normal(2, 1, 25), rng.normal(0, 1, 40)
        low, high = area(metrics.auc(bona_fide, attacks), 25, 40)
        held += low <= true <= high
    assert 0.92 <= held / 300 <= 0.99


def test_the_wider_of_two_holds_both() -> None:
    assert wider(0.5, (0.4, 0.6), (0.45, 0.7)) == metrics.Estimate(value=0.5, low=0.4, high=0.7)
    assert math.isnan(wider(math.nan, (0.1, 0.2)).low)


def test_turned_scores_get_a_hint() -> None:
    assert list(metrics.summarise(scores(9, 9), 0.5, rounds=0).hints()) == []
    (hint,) = metrics.summarise(scores(9, 9, turned=True), 0.5, rounds=0).hints()
    assert "AUC is 0.000, below that of a coin" in hint
    assert "1 - score" in hint


@pytest.mark.parametrize(("people", "words"), [(1, "1 person"), (3, "3 people"), (5, "")])
def test_few_people_are_said_to_be_few(people: int, words: str) -> None:
    assert words in metrics.summarise(scores(20, 20, people=people), 0.5, rounds=0).few_subjects


TRUTH = np.array([1, 1, 1, 0, 0, 0])
VALUES = np.array([0.9, 0.8, 0.7, 0.2, 0.3, 0.1])


@pytest.mark.parametrize("truth", [TRUTH, TRUTH.astype(bool), TRUTH.astype(float), 2 * TRUTH - 1])
@pytest.mark.parametrize("rate", [metrics.auc, metrics.eer])
def test_labels_in_place_of_scores_are_refused(rate: Any, truth: Any) -> None:
    for first, second in ((truth, VALUES), (VALUES, truth)):
        with pytest.raises(DataError, match="not labels and scores"):
            rate(first, second)
    with pytest.raises(DataError, match="not labels and scores"):
        metrics.hter(truth, VALUES, threshold=0.5)
    with pytest.raises(DataError, match="a threshold is one number"):
        metrics.bpcer(truth, cast(Any, VALUES))


def test_decisions_of_0_and_1_are_scores() -> None:
    assert metrics.auc(np.array([1, 1, 0]), np.array([0, 0, 1])) == pytest.approx((4 + 2 * 0.5 + 2 * 0.5) / 9)
    assert metrics.auc(VALUES[TRUTH == 1], VALUES[TRUTH == 0]) == 1.0
