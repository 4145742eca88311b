from typing import Any

import numpy as np
import pytest

from unmask.data.prepare.shards import Row
from unmask.training.settings import EvaluationSettings
from unmask.training.threshold import (
    CORRELATION_UNKNOWN,
    correlation,
    margin,
    operating_points,
    presentation_scores,
)
from unmask.types import Label, Presentation


def rows_of(*presentations: Any) -> Any:
    """(name, instrument or "", clips) -> rows."""
    return [
        Row(
            presentation=Presentation(
                path=name,
                label=Label.ATTACK if instrument else Label.BONA_FIDE,
                instrument=instrument,
                subject=name,
            ),
            number=k,
            source="",
        )
        for name, instrument, clips in presentations
        for k in range(clips)
    ]


def test_a_presentation_scores_the_mean_of_its_clips() -> None:
    rows = rows_of(("a", "", 2), ("b", "print", 1), ("c", "mask", 3))
    bona_fide, attacks = presentation_scores(rows, np.array([0.6, 0.8, 0.1, 0.2, 0.3, 0.4]))
    assert bona_fide.tolist() == pytest.approx([0.7])
    assert list(attacks) == ["mask", "print"]
    assert [*attacks["mask"], *attacks["print"]] == pytest.approx([0.3, 0.1])
    alone, _ = presentation_scores(rows, np.array([0.6, 0.8, 0.1, 0.2, 0.3, 0.4]), alone=True)
    assert alone.tolist() == [0.6, 0.8]


def test_the_margin_leaves_the_asked_share_of_single_clips_wrong() -> None:
    rng = np.random.default_rng(1)
    bona_fide, attacks = rng.normal(0.6, 0.05, 4000), rng.normal(0.4, 0.05, 4000)
    band = margin(bona_fide, attacks, 0.5, error=0.005)
    assert np.mean(attacks >= 0.5 + band) <= 0.005 + 1e-3
    assert np.mean(bona_fide < 0.5 - band) <= 0.005 + 1e-3
    assert band == pytest.approx(
        0.05 * 2.576 - 0.1, abs=0.01
    )  # the normal's 0.5 % point, less the means' distance


def test_the_margin_never_silences_more_than_half_of_the_right_clips() -> None:
    rng = np.random.default_rng(2)
    bona_fide, attacks = rng.normal(0.51, 0.1, 2000), rng.normal(0.49, 0.1, 2000)  # hopeless
    band = margin(bona_fide, attacks, 0.5, error=0.0)
    right = bona_fide[bona_fide >= 0.5]
    assert np.mean(right >= 0.5 + band) >= 0.5


def test_classes_far_apart_need_no_margin() -> None:
    assert margin(np.array([0.9, 0.8]), np.array([0.1, 0.2]), 0.5, error=0.01) == 0.0


@pytest.mark.parametrize("rho", [0.0, 0.4, 0.9])
def test_the_correlation_is_that_which_the_scores_were_drawn_with(rho: float) -> None:
    rng = np.random.default_rng(3)
    clips = 4
    rows = rows_of(*((f"p{k}", "print" if k % 2 else "", clips) for k in range(800)))
    shared = np.repeat(rng.normal(size=800), clips)
    scores = np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.normal(size=3200)
    scores += [3.0 * (row.label is Label.BONA_FIDE) for row in rows]  # a class's level is not a correlation
    assert correlation(rows, scores) == pytest.approx(rho, abs=0.06)


def test_without_repeated_clips_the_correlation_is_taken_as_a_half() -> None:
    rows = rows_of(("a", "", 1), ("b", "print", 1), ("c", "", 1))
    assert correlation(rows, np.array([0.9, 0.1, 0.8])) == CORRELATION_UNKNOWN


def test_points_hold_their_targets_on_dev() -> None:
    rng = np.random.default_rng(4)
    rows = rows_of(
        *((f"l{k}", "", 2) for k in range(200)),
        *((f"p{k}", "print/matt", 2) for k in range(100)),
        *((f"m{k}", "mask/paper", 2) for k in range(100)),
    )
    scores = np.concatenate(
        [rng.normal(0.7, 0.1, 400), rng.normal(0.3, 0.1, 200), rng.normal(0.45, 0.1, 200)]
    )
    settings = EvaluationSettings(default_apcer=0.05, strict_apcer=0.01, lenient_bpcer=0.01)
    points = {
        p.name: p
        for p in operating_points(
            rows, scores, settings=settings, alone=False, precision="f32", measured_on="here"
        )
    }
    assert points["strict"].apcer <= 0.01
    assert points["lenient"].bpcer <= 0.01
    assert points["lenient"].worst_instrument == "mask/paper"
    assert (points["default"].attacks, points["default"].bona_fide) == (200, 200)
    assert points["lenient"].threshold < points["default"].threshold < points["strict"].threshold


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_network_that_gives_all_one_score_has_thresholds_that_a_contract_holds(score: float) -> None:
    rows = rows_of(*[(f"b{n}", "", 1) for n in range(4)], *[(f"a{n}", "print", 1) for n in range(4)])
    points = operating_points(
        rows,
        np.full(8, score),
        settings=EvaluationSettings(),
        alone=False,
        precision="f32",
        measured_on="here",
    )
    assert all(0 < point.threshold <= 1 for point in points)
    assert {(point.apcer, point.bpcer) for point in points} == ({(1.0, 0.0)} if score else {(0.0, 1.0)})
