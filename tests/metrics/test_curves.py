"""Figures of the whole curve, thresholds by rule, and the bootstrap, against brute force and scikit-learn."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from unmask import metrics
from unmask.metrics.intervals import acer_of, auc_of, eer_of, hter_of
from unmask.types import DataError, Label, Presentation, Score, SettingsError

NAN = float("nan")


def _scores(seed: int, *, digits: int = 1) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rounded scores, most of them tied across the classes, some missing; seeds differ in who is there."""
    rng = np.random.default_rng(seed)
    bona_fide = np.round(rng.normal(0.6, 0.2, 40), digits)
    attacks = {
        "print/a4": np.round(rng.normal(0.4, 0.2, 30), digits),
        "print/a3": np.round(rng.normal(0.3, 0.2, 11), digits),
        "mask/paper": np.round(rng.normal(0.5, 0.2, 7), digits),
    }
    bona_fide[:2] = NAN
    attacks["mask/paper"][0] = NAN
    if seed % 3 == 1:
        attacks = {"mask/paper": attacks["mask/paper"]}
    if seed % 3 == 2:
        bona_fide = bona_fide[:3]
    return bona_fide, attacks


def _thresholds(*scores: np.ndarray) -> list[float]:
    everything = sorted({float(s) for group in scores for s in group if math.isfinite(s)})
    between = [(a + b) / 2 for a, b in itertools.pairwise(everything)]
    return [everything[0], *between, everything[-1] + 1]


def _rates(bona_fide: np.ndarray, attacks: dict[str, np.ndarray], threshold: float) -> tuple[float, float]:
    """(BPCER, worst APCER) counted one by one."""
    refused = sum(not s >= threshold for s in bona_fide) / len(bona_fide)
    return refused, max(sum(s >= threshold for s in scores) / len(scores) for scores in attacks.values())


@pytest.mark.parametrize("seed", range(12))
def test_the_minimum_acer_is_that_of_brute_force(seed: int) -> None:
    bona_fide, attacks = _scores(seed)
    every = [sum(_rates(bona_fide, attacks, t)) / 2 for t in _thresholds(bona_fide, *attacks.values())]
    found = metrics.minimum_acer(bona_fide, attacks)
    assert found.rate == pytest.approx(min(every), abs=1e-12)
    assert metrics.acer(bona_fide, attacks, threshold=found.threshold) == pytest.approx(found.rate, abs=1e-12)
    best = [
        t
        for t, acer in zip(_thresholds(bona_fide, *attacks.values()), every, strict=True)
        if acer <= min(every) + 1e-9
    ]
    last = _rates(bona_fide, attacks, best[-1])
    assert _rates(bona_fide, attacks, found.threshold) == pytest.approx(last)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_blocks_left_out_of_the_search_do_not_hold_the_minimum(
    monkeypatch: pytest.MonkeyPatch, level: float
) -> None:
    rng = np.random.default_rng(5)
    bona_fide = rng.normal(level, 1, 3000)
    attacks = {"a": rng.normal(0, 1, 2000), "b": rng.normal(-0.2, 1, 2000)}
    in_blocks = metrics.minimum_acer(bona_fide, attacks)
    monkeypatch.setattr("unmask.metrics.curves.BLOCK", 1)  # every score is an edge, and looked at
    assert in_blocks == metrics.minimum_acer(bona_fide, attacks)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fpr", [0.0, 0.05, 0.2, 1.0])
def test_tpr_at_an_fpr_is_read_off_the_curve_of_scikit_learn(seed: int, fpr: float) -> None:
    bona_fide, attacks = _scores(seed)
    bona_fide = bona_fide[np.isfinite(bona_fide)]
    if not len(bona_fide):
        pytest.skip("nobody with a score")
    pooled = np.concatenate(list(attacks.values()))
    pooled = pooled[np.isfinite(pooled)]
    truth = np.repeat([1, 0], [len(bona_fide), len(pooled)])
    false, true, _ = roc_curve(truth, np.concatenate([bona_fide, pooled]), drop_intermediate=False)
    assert metrics.tpr_at_fpr(bona_fide, pooled, fpr=fpr) == pytest.approx(
        true[false <= fpr].max(), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("target", [0.1, 0.05, 0.01])
def test_bpcer_at_an_apcer_is_the_smallest_that_any_threshold_within_it_gives(
    seed: int, target: float
) -> None:
    bona_fide, attacks = _scores(seed, digits=2)
    pairs = [_rates(bona_fide, attacks, t) for t in _thresholds(bona_fide, *attacks.values())]
    oracle = min(refused for refused, passed in pairs if passed <= target)
    assert metrics.bpcer_at_apcer(bona_fide, attacks, apcer=target) == pytest.approx(oracle)


@pytest.mark.parametrize("seed", range(6))
def test_ranked_scores_give_what_plain_ones_give(seed: int) -> None:
    bona_fide, attacks = _scores(seed)
    pooled = np.concatenate(list(attacks.values()))
    ours, all_attacks = metrics.ranked(bona_fide), metrics.ranked(pooled)
    theirs = {name: metrics.ranked(scores) for name, scores in attacks.items()}
    assert metrics.eer(ours, all_attacks) == metrics.eer(bona_fide, pooled)
    assert metrics.minimum_acer(ours, theirs) == metrics.minimum_acer(bona_fide, attacks)
    for threshold in (0.3, 0.5):
        assert metrics.apcer(theirs, threshold) == metrics.apcer(attacks, threshold)
        assert metrics.bpcer(ours, threshold) == metrics.bpcer(bona_fide, threshold)
        assert metrics.hter(ours, all_attacks, threshold=threshold) == metrics.hter(
            bona_fide, pooled, threshold=threshold
        )
    assert (metrics.apnrr(theirs), metrics.bpnrr(ours)) == (metrics.apnrr(attacks), metrics.bpnrr(bona_fide))
    if np.isfinite(bona_fide).any():
        assert metrics.auc(ours, all_attacks) == metrics.auc(bona_fide, pooled)


def test_ranking_leaves_the_scores_as_they_were() -> None:
    scores = np.array([0.5, 0.1, NAN])
    metrics.ranked(scores)
    np.testing.assert_array_equal(scores, [0.5, 0.1, NAN])


def test_non_responses_are_counted_by_instrument() -> None:
    attacks = {"print": np.array([NAN, 0.1]), "mask": np.array([0.1, 0.2])}
    assert metrics.apnrr(attacks) == {"print": 0.5, "mask": 0.0}
    assert metrics.bpnrr(np.array([NAN, NAN])) == 1.0


def test_a_class_without_any_score_has_rates_all_the_same() -> None:
    silent, attacks = np.array([NAN, NAN]), {"print": np.array([0.2, 0.4])}
    assert metrics.minimum_acer(silent, attacks).rate == 0.5
    assert metrics.eer(silent, attacks["print"]).rate == 1.0  # nobody enters but those attacks
    assert metrics.tpr_at_fpr(silent, attacks["print"], fpr=0.5) == 0.0


def test_where_more_of_the_bona_fide_than_of_the_attacks_are_silent_the_lowest_score_is_the_eer() -> None:
    # 2 of 3 bona fide are refused and 1 of 4 attacks accepted even there, and higher up they part further
    found = metrics.eer(np.array([NAN, NAN, 0.9]), np.array([NAN, NAN, NAN, 0.1]))
    assert found == metrics.Eer(rate=(2 / 3 + 1 / 4) / 2, threshold=0.1)


def test_exact_ties_of_far_and_frr_at_counts_that_floats_cannot_divide() -> None:
    # 2 of 3 refused and 1 - 2/3 accepted are no tie in floating point unless they are counted
    found = metrics.eer(np.array([0.1, 0.4, 0.8]), np.array([0.2, 0.3, 0.5]))
    assert found.rate == pytest.approx(1 / 3)
    assert found.threshold == pytest.approx(0.35)


@pytest.mark.parametrize(
    ("text", "threshold"),
    [("dev-eer", 0.5), ("dev-apcer=0.5", 0.25), ("dev-bpcer=0.5", 0.7), ("fixed=0.125", 0.125)],
)
def test_a_rule_fits_what_it_names(text: str, threshold: float) -> None:
    rule = metrics.read_rule(text)
    assert str(rule) == text
    fitted = metrics.fit(rule, np.array([0.8, 0.6]), {"print": np.array([0.1, 0.4])})
    assert fitted == pytest.approx(threshold)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eer",
        "dev-eer=0.5",
        "dev-apcer",
        "dev-apcer=",
        "dev-apcer=5",
        "fixed=inf",
        "fixed=nan",
        "oracle=1",
    ],
)
def test_a_rule_that_is_none_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match=r"in \[0, 1\]|a threshold"):
        metrics.read_rule(text)


def test_the_oracle_is_not_fitted_on_dev() -> None:
    with pytest.raises(SettingsError, match="not fitted on dev"):
        metrics.fit(metrics.read_rule("oracle"), np.array([0.9]), {"print": np.array([0.1])})


def _rows(seed: int) -> list[Score]:
    rng = np.random.default_rng(seed)
    kinds = ["", "", "print", "mask"]
    return [
        Score(
            presentation=Presentation(
                path=str(k),
                label=Label.ATTACK if kind else Label.BONA_FIDE,
                instrument=kind,
                subject=f"s{k % 5}",
            ),
            score=NAN if rng.random() < 0.1 else float(np.round(rng.random(), 1)),
        )
        for k, kind in enumerate(rng.choice(kinds, 60))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_weights_of_the_bootstrap_mean_presentations_given_that_often(seed: int) -> None:
    table = metrics.columns(_rows(seed))
    weights = np.random.default_rng(seed).integers(0, 4, len(table.values))
    drawn = np.repeat(np.arange(len(weights)), weights)
    values, bona_fide, names = table.values[drawn], table.bona_fide[drawn], table.instruments[drawn]
    attacks = {name: values[~bona_fide & (names == name)] for name in set(names[~bona_fide])}
    passed = metrics.accepted(table.values, 0.45)
    assert auc_of(table)(weights) == pytest.approx(metrics.auc(values[bona_fide], values[~bona_fide]))
    assert eer_of(table)(weights) == pytest.approx(metrics.eer(values[bona_fide], values[~bona_fide]).rate)
    assert acer_of(table, passed)(weights) == pytest.approx(
        metrics.acer(values[bona_fide], attacks, threshold=0.45)
    )
    assert hter_of(table, passed)(weights) == pytest.approx(
        metrics.hter(values[bona_fide], values[~bona_fide], threshold=0.45)
    )


def test_one_subject_has_an_interval_by_its_counts_and_two_one_by_draws() -> None:
    def rows(people: int) -> list[Score]:
        return [
            Score(
                presentation=Presentation(path=f"{p}{v}", label=label, instrument=kind, subject=f"s{p}"),
                score=v + p / 9,
            )
            for p in range(people)
            for v, label, kind in ((0.3, Label.ATTACK, "print"), (0.35, Label.BONA_FIDE, ""))
        ]

    alone, two = (metrics.summarise(rows(n), 0.33, rounds=50) for n in (1, 2))
    assert (alone.auc.low, alone.auc.high) != (1, 1)
    assert "of 1 person" in alone.few_subjects
    assert alone.auc.value == 1.0
    assert two.auc.low <= two.auc.value <= two.auc.high
    assert two.hter.low < two.hter.high


def test_subjects_are_told_apart_within_their_data_set() -> None:
    rows = [
        Score(
            presentation=Presentation(path="a", label=Label.BONA_FIDE, subject="1"),
            score=1,
            columns={"dataset": d},
        )
        for d in ("x", "y")
    ]
    assert len(set(metrics.columns(rows).subjects)) == 2


def test_no_attacks_are_an_error_of_every_figure_that_needs_them() -> None:
    for call in (
        lambda: metrics.minimum_acer(np.array([0.5]), {}),
        lambda: metrics.apnrr({}),
        lambda: metrics.bpcer_at_apcer(np.array([0.5]), {}, apcer=0.1),
        lambda: metrics.minimum_acer(np.array([NAN]), {"print": np.array([NAN])}),
    ):
        with pytest.raises(DataError):
            call()


def test_of_equal_acers_the_highest_threshold_is_taken() -> None:
    found = metrics.minimum_acer(np.array([0.2, 0.8]), {"print": np.array([0.1, 0.5])})
    assert found == metrics.Oracle(rate=0.25, threshold=0.65)
