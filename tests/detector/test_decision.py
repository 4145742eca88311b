"""The sequential test against Wald's own form of it, and against cases known by thought."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conftest import random_contract
from unmask.contract import Contract, OperatingPoint
from unmask.detector.decision import Gathered, Rule, independent, judge, read, rule_of, worst
from unmask.types import ModelError, Reason, SettingsError, Verdict

RULE = Rule(name="default", threshold=0.5, margin=0.3, correlation=0.5)
POINT = OperatingPoint(
    name="default",
    threshold=0.5,
    margin=0.1,
    precision="f32",
    apcer=0.0,
    worst_instrument="print",
    bpcer=0.0,
    attacks=1,
    bona_fide=1,
    measured_on="nothing",
)


def _contract(**changes: Any) -> Contract:
    correlation = changes.pop("correlation", 0.5)
    made = random_contract("sgtd_s_multi", frames=5)
    points = (replace(POINT, **changes),)
    return replace(made, operating_points=points, evidence_correlation=correlation)


def test_independent_clips_make_it_walds_test() -> None:
    # Wald: the log likelihood ratios of two Gaussians of equal variance, summed, against +-log((1-e)/e).
    rng = np.random.default_rng(0)
    spread, apart, error = 0.2, 0.3, 0.05
    limit = math.log((1 - error) / error)
    rule = Rule(name="w", threshold=0.5, margin=limit * spread**2 / apart, correlation=0.0)
    for _ in range(200):
        scores = list(rng.normal(0.5 + rng.choice([-1, 1]) * apart / 2, spread, rng.integers(1, 9)))
        ratio = sum(((s - 0.35) ** 2 - (s - 0.65) ** 2) / (2 * spread**2) for s in scores)
        expected = Verdict.LIVE if ratio >= limit else Verdict.ATTACK if ratio < -limit else Verdict.UNDECIDED
        assert read(scores, rule).verdict is expected


def test_walds_error_rates_hold_when_the_scores_are_as_assumed() -> None:
    rng = np.random.default_rng(1)
    spread, apart, error = 0.2, 0.2, 0.1
    rule = Rule(
        name="w", threshold=0.5, margin=math.log((1 - error) / error) * spread**2 / apart, correlation=0.0
    )
    wrong = 0
    for _ in range(500):
        scores: list[float] = []
        while len(scores) < 1000 and (not scores or read(scores, rule).verdict is Verdict.UNDECIDED):
            scores.append(float(rng.normal(0.5 - apart / 2, spread)))
        wrong += read(scores, rule).verdict is Verdict.LIVE
    assert 0 < wrong / 500 <= error


def test_a_decided_verdict_agrees_with_the_threshold() -> None:
    rng = np.random.default_rng(2)
    for _ in range(500):
        reading = read(list(rng.uniform(0, 1, rng.integers(1, 6))), RULE)
        if reading.verdict is not Verdict.UNDECIDED:
            assert (reading.verdict is Verdict.LIVE) == (reading.score >= RULE.threshold)


def test_more_of_the_same_evidence_narrows_the_band_until_correlation_holds_it() -> None:
    widths = [RULE.half_width(n) for n in (1, 2, 4, 1000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == 0.3
    assert widths[-1] == pytest.approx(0.15, rel=0.01)  # never narrower than margin * rho
    assert independent(50, correlation=1.0) == 1


def test_a_score_just_at_a_limit_is_live_above_and_undecided_below() -> None:
    rule = Rule(name="d", threshold=0.5, margin=0.25, correlation=0.0)
    assert read([0.75], rule).verdict is Verdict.LIVE
    assert read([0.25], rule).verdict is Verdict.UNDECIDED
    assert read([0.2499], rule).verdict is Verdict.ATTACK


def test_without_a_margin_every_score_decides() -> None:
    rule = Rule(name="d", threshold=0.5, margin=0.0, correlation=0.5)
    assert read([0.5], rule).verdict is Verdict.LIVE
    assert read([0.49], rule).verdict is Verdict.ATTACK


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_undoes_all_others(bad: Any) -> None:
    reading = read([0.99, 0.99, bad, 0.99], RULE)
    assert reading.verdict is Verdict.UNDECIDED
    assert reading.reasons == (Reason.NOT_FINITE,)
    assert math.isnan(reading.score)


def test_no_clip_is_no_verdict() -> None:
    assert read([], RULE).reasons == (Reason.TOO_SHORT,)


@pytest.mark.parametrize(("glimpses", "verdict"), [(2, Verdict.LIVE), (3, Verdict.ATTACK)])
def test_glimpses_of_an_attack_count_once_they_last_as_long_together_as_one_that_counts(
    glimpses: int, verdict: Verdict
) -> None:
    alive = Gathered(from_s=0.0, to_s=8.0, times_s=(0.0, 4.0, 8.0), scores=(0.99,) * 3, seen_s=8.0)
    starts = [9.0 + n for n in range(glimpses)]
    shown = [Gathered(from_s=s, to_s=s + 0.3, times_s=(s,), scores=(0.01,), seen_s=0.3) for s in starts]
    found = judge([alive, *shown], replace(RULE, margin=0.05))
    assert found.reading.verdict is verdict
    assert [reading.verdict for reading in found.segments] == [Verdict.LIVE] + [Verdict.ATTACK] * glimpses


@pytest.mark.parametrize(
    ("seen_s", "scores", "verdict"),
    [
        ((0.33, 0.33, 0.17, 0.17), (0.1, 0.1, 0.1, None), Verdict.UNDECIDED),  # some too short for a score
        ((0.4, 0.4), (0.1, None), Verdict.LIVE),  # less than a second
        ((0.5, 0.5), (None, None), Verdict.LIVE),  # nothing speaks of an attack
    ],
)
def test_an_attack_of_a_second_that_breaks_into_glimpses_is_never_live(
    seen_s: Sequence[float], scores: Sequence[float | None], verdict: Verdict
) -> None:
    alive = Gathered(from_s=0.0, to_s=4.0, times_s=(0.0, 2.0, 4.0), scores=(0.99,) * 3, seen_s=4.0)
    shown = [
        Gathered(
            from_s=4.0,
            to_s=4.0,
            times_s=() if score is None else (4.0,),
            scores=() if score is None else (score,),
            seen_s=seconds,
        )
        for seconds, score in zip(seen_s, scores, strict=True)
    ]
    found = judge([alive, *shown, alive], replace(RULE, margin=0.05)).reading
    assert found.verdict is verdict
    assert (Reason.SCORE_DROPPED in found.reasons) is (verdict is Verdict.UNDECIDED)


@pytest.mark.parametrize("fps", [2.0, 2.2, 2.5, 2.9, 3.9, 4.7, 6.0, 9.0, 12.0])
def test_an_attack_of_a_second_before_a_slow_camera_is_never_live(fps: float) -> None:
    looks = math.floor(fps + 1e-9)  # the fewest that fall into a second
    alive = Gathered(from_s=0.0, to_s=6.0, times_s=(0.0, 3.0, 6.0), scores=(0.99,) * 3, seen_s=6.0)
    times_s = tuple(7 + k / fps for k in range(looks))
    attack = Gathered(
        from_s=7.0,
        to_s=times_s[-1],
        times_s=times_s,
        scores=(0.1,) * looks,
        seen_s=looks / fps,
        look_s=1 / fps,
    )
    rule = replace(RULE, margin=0.05)
    assert judge([alive, attack, alive], rule).reading.verdict is Verdict.ATTACK
    glimpse = replace(attack, to_s=7.0, times_s=(7.0,), scores=(0.1,), seen_s=1 / fps)
    assert judge([alive, glimpse, alive], rule).reading.verdict is Verdict.LIVE


@pytest.mark.parametrize(
    ("low", "glimpse_s", "verdict"),
    [
        ((0.3, 0.3), 0.4, Verdict.UNDECIDED),  # fades in, is a glimpse, and fades out
        ((0.3, 0.3), 0.0, Verdict.LIVE),  # half a second about a break
        ((0.99, 0.99), 0.4, Verdict.LIVE),
    ],
)
def test_what_lies_below_the_threshold_beside_glimpses_of_an_attack_counts_with_them(
    low: Sequence[float], glimpse_s: float, verdict: Verdict
) -> None:
    count = 20
    times_s = tuple(0.2 * k for k in range(count))
    before = Gathered(
        from_s=0.0, to_s=times_s[-1], times_s=times_s, scores=(*(0.9,) * (count - 1), low[0]), seen_s=3.8
    )
    after = replace(before, scores=(low[1], *(0.9,) * (count - 1)))
    glimpse = Gathered(from_s=4.0, to_s=4.5, times_s=(4.2,), scores=(0.05,), seen_s=glimpse_s + 0.3)
    shown = [glimpse] if glimpse_s else []
    found = judge([before, *shown, after], replace(RULE, margin=0.05)).reading
    assert found.verdict is verdict
    assert (Reason.SCORE_DROPPED in found.reasons) is (verdict is Verdict.UNDECIDED)


def test_the_worst_verdict_counts() -> None:
    assert worst([Verdict.LIVE, Verdict.ATTACK, Verdict.UNDECIDED]) is Verdict.ATTACK
    assert worst([Verdict.LIVE, Verdict.LIVE]) is Verdict.LIVE


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": math.nan},
        {"threshold": -math.inf},
        {"margin": -0.1},
        {"margin": math.nan},
        {"margin": math.inf},
        {"correlation": 1.1},
        {"correlation": math.nan},
    ],
)
def test_a_contract_whose_numbers_would_let_anything_pass_is_refused(changes: Any) -> None:
    with pytest.raises(ModelError, match="calibrate"):
        rule_of(_contract(**changes), point="default", precision="f32")


def test_a_point_measured_at_another_precision_is_refused() -> None:
    assert rule_of(_contract(), point="default", precision="f32").threshold == 0.5
    with pytest.raises(SettingsError, match=r"no operating point default \(bf16\)"):
        rule_of(_contract(), point="default", precision="bf16")
