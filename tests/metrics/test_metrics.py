"""Rates against brute force and scikit-learn, ties and non-responses included."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from unmask import metrics
from unmask.types import DataError, Label, Presentation, Score, SettingsError

NAN = float("nan")


def _tied(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Scores in tenths, so that most are tied across the classes."""
    rng = np.random.default_rng(seed)
    bona_fide = np.round(rng.normal(0.6, 0.2, 40), 1)
    attacks = {
        "print/a4": np.round(rng.normal(0.4, 0.2, 30), 1),
        "mask/paper": np.round(rng.normal(0.5, 0.2, 7), 1),
    }
    return bona_fide, attacks


def _brute_thresholds(*scores: np.ndarray) -> list[float]:
    everything = sorted({float(s) for group in scores for s in group if math.isfinite(s)})
    between = [(a + b) / 2 for a, b in itertools.pairwise(everything)]
    return [everything[0], *between, everything[-1] + 1]


def _score(value: float, instrument: str = "", *, subject: str = "", label: Label | None = None) -> Score:
    truth = label or (Label.ATTACK if instrument else Label.BONA_FIDE)
    return Score(
        presentation=Presentation(path="p", label=truth, instrument=instrument, subject=subject), score=value
    )


def test_worst_instrument_rules() -> None:
    attacks = {"print": np.array([0.1] * 9 + [0.9]), "mask": np.array([0.9])}
    assert metrics.apcer(attacks, 0.5) == {"print": 0.1, "mask": 1.0}
    assert metrics.acer(np.array([0.9]), attacks, threshold=0.5) == 0.5


def test_a_score_at_the_threshold_is_accepted() -> None:
    assert metrics.bpcer(np.array([0.5]), 0.5) == 0
    assert metrics.apcer({"print": np.array([0.5])}, 0.5) == {"print": 1.0}


@pytest.mark.parametrize("silent", [NAN, float("inf"), float("-inf")])
def test_a_non_response_is_an_error_for_bona_fide_and_no_acceptance_for_an_attack(silent: Any) -> None:
    assert metrics.bpcer(np.array([silent, 0.9]), 0.5) == 0.5
    assert metrics.apcer({"print": np.array([silent, 0.9])}, 0.5) == {"print": 0.5}
    assert metrics.auc(np.array([0.9, silent]), np.array([0.1, silent])) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_that_of_scikit_learn_with_ties(seed: int) -> None:
    bona_fide, attacks = _tied(seed)
    pooled = np.concatenate(list(attacks.values()))
    truth = np.repeat([1, 0], [len(bona_fide), len(pooled)])
    oracle = roc_auc_score(truth, np.concatenate([bona_fide, pooled]))
    assert metrics.auc(bona_fide, pooled) == pytest.approx(oracle, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_eer_is_where_brute_force_finds_the_smallest_gap(seed: int) -> None:
    bona_fide, attacks = _tied(seed)
    bona_fide[0] = NAN
    pooled = np.concatenate(list(attacks.values()))
    found = metrics.eer(bona_fide, pooled)

    def far_frr(t: float) -> tuple[float, float]:
        return sum(s >= t for s in pooled) / len(pooled), sum(not s >= t for s in bona_fide) / len(bona_fide)

    far, frr = far_frr(found.threshold)
    assert found.rate == pytest.approx((far + frr) / 2)
    smallest = min(abs(a - r) for a, r in map(far_frr, _brute_thresholds(bona_fide, pooled)))
    assert abs(far - frr) == pytest.approx(smallest)
    assert metrics.hter(bona_fide, pooled, threshold=found.threshold) == pytest.approx(found.rate)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("target", [0.0, 0.05, 0.3, 1.0])
def test_the_threshold_at_an_apcer_is_the_lowest_that_keeps_it(seed: int, target: float) -> None:
    bona_fide, attacks = _tied(seed)
    found = metrics.threshold_at_apcer(bona_fide, attacks, target=target)
    assert max(metrics.apcer(attacks, found).values()) <= target
    for lower in _brute_thresholds(bona_fide, *attacks.values()):
        if lower < found - 1e-9:
            assert max(metrics.apcer(attacks, lower).values()) > target


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("target", [0.0, 0.05, 0.3, 0.9])
def test_the_threshold_at_a_bpcer_is_the_highest_that_keeps_it(seed: int, target: float) -> None:
    bona_fide, attacks = _tied(seed)
    found = metrics.threshold_at_bpcer(bona_fide, attacks, target=target)
    assert metrics.bpcer(bona_fide, found) <= target
    for higher in _brute_thresholds(bona_fide, *attacks.values()):
        if higher > found + 1e-9:
            assert metrics.bpcer(bona_fide, higher) > target


def test_neighbouring_floats_are_parted() -> None:
    low = 0.3
    high = float(np.nextafter(low, 1))
    threshold = metrics.threshold_at_eer(np.array([high]), np.array([low]))
    assert low < threshold <= high


def test_a_bpcer_that_non_responses_forbid_says_so() -> None:
    with pytest.raises(DataError, match="1 of 2 bona fide presentations got no score"):
        metrics.threshold_at_bpcer(np.array([0.9, NAN]), {}, target=0.1)


@pytest.mark.parametrize(("errors", "count"), [(0, 10), (1, 8), (5, 35), (10, 10)])
def test_the_interval_is_where_the_binomial_tails_reach_the_error(errors: int, count: int) -> None:
    found = metrics.rate(errors, count)
    if errors:
        assert binom.sf(errors - 1, count, found.low) == pytest.approx(0.025, rel=1e-6)
    if errors < count:
        assert binom.cdf(errors, count, found.high) == pytest.approx(0.025, rel=1e-6)
    assert found.low <= found.value <= found.high


def test_a_summary_counts_what_was_there() -> None:
    scores = [
        _score(0.9),
        _score(NAN),
        _score(0.2, "print/a4"),
        _score(0.8, "print/a3"),
        _score(NAN, "mask/paper"),
    ]
    found = metrics.summarise(scores, 0.5, rounds=50)
    assert (found.bona_fide, found.attacks) == (2, 3)
    assert (found.bona_fide_non_responses, found.attack_non_responses) == (1, 1)
    assert {name: rate.value for name, rate in found.instruments.items()} == {
        "mask/paper": 0.0,
        "print/a3": 1.0,
        "print/a4": 0.0,
    }
    assert found.families["print"].errors == 1
    assert (found.worst_instrument, found.apcer, found.bpcer.value) == ("print/a3", 1.0, 0.5)
    assert found.acer.value == 0.75
    assert found.auc.value == 1.0


def test_a_summary_of_one_class_has_no_number_for_the_other() -> None:
    found = metrics.summarise([_score(0.9)], 0.5, rounds=10)
    assert found.bpcer.value == 0
    assert found.instruments == {}
    assert math.isnan(found.apcer)
    assert math.isnan(found.acer.value)
    assert math.isnan(found.auc.value)
    assert math.isnan(metrics.summarise([], 0.5).bpcer.value)


def test_an_attack_without_an_instrument_still_counts() -> None:
    scores = [_score(0.9), _score(0.9, label=Label.ATTACK), _score(0.1, "print")]
    assert metrics.summarise(scores, 0.5, rounds=10).worst_instrument == "attack"


def test_the_bootstrap_draws_subjects_and_not_their_presentations() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for subject in range(12):
        level = rng.normal(0, 0.2)  # one subject's presentations stand or fall together
        rows += [(0.6 + level, "", f"s{subject}")] * 10 + [(0.4 - level, "print", f"s{subject}")] * 10
    grouped = metrics.summarise([_score(v, i, subject=s) for v, i, s in rows], 0.5, rounds=200)
    alone = metrics.summarise([_score(v, i) for v, i, _ in rows], 0.5, rounds=200)
    assert grouped.auc.value == alone.auc.value
    assert grouped.auc.high - grouped.auc.low > 2 * (alone.auc.high - alone.auc.low)
    assert grouped.auc.low <= grouped.auc.value <= grouped.auc.high


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth = 0.7602  # Phi(1 / sqrt(2)) for unit normals one apart
    hits = 0
    for trial in range(60):
        scores = [_score(v) for v in rng.normal(1, 1, 40)] + [
            _score(v, "print") for v in rng.normal(0, 1, 40)
        ]
        found = metrics.summarise(scores, 0.5, seed=trial, rounds=200).auc
        hits += found.low <= truth <= found.high
    assert hits >= 51  # 95 % of 60 is 57; fewer than 51 has a chance of 0.7 % even at 92 %


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = [_score(v) for v in (0.9, 0.7, 0.4)] + [_score(v, "print") for v in (0.1, 0.5, 0.6)]
    assert metrics.summarise(scores, 0.5, seed=3, rounds=99) == metrics.summarise(
        scores, 0.5, seed=3, rounds=99
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.apcer({}, 0.5),
        lambda: metrics.bpcer(np.array([]), 0.5),
        lambda: metrics.auc(np.array([NAN]), np.array([0.1])),
        lambda: metrics.eer(np.array([NAN]), np.array([NAN])),
        lambda: metrics.rate(3, 2),
    ],
)
def test_nothing_to_measure_is_an_error_and_not_a_number(call: Any) -> None:
    with pytest.raises(DataError):
        call()


def test_a_target_is_a_share_and_not_a_percentage() -> None:
    with pytest.raises(SettingsError, match="in \\[0, 1\\], not 5"):
        metrics.threshold_at_bpcer(np.array([0.5]), {}, target=5)


def test_each_presentation_is_held_against_its_own_threshold() -> None:
    scores = [_score(0.6), _score(0.3), _score(0.6, "print"), _score(0.3, "print")]
    found = metrics.summarise(scores, [0.5, 0.2, 0.7, 0.3], rounds=50)
    assert (found.bpcer.value, found.apcer, found.acer.value) == (0.0, 0.5, 0.25)
    assert found.auc.value == 0.5  # which is of the scores alone
    assert math.isnan(found.threshold)
    assert metrics.summarise(scores, [0.5] * 4, rounds=50) == metrics.summarise(scores, 0.5, rounds=50)
