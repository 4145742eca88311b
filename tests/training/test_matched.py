"""A threshold is carried to another precision by what scores moved, with the rates measured there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_threshold import rows_of

from conftest import random_contract
from unmask.contract import ScoreMap
from unmask.training.matched import NEAREST, carried, matched

ROWS = rows_of(("a", "", 1), ("b", "", 1), ("c", "print/matt", 1), ("d", "print/matt", 1), ("e", "mask", 1))
BEFORE = np.array([0.9, 0.6, 0.1, 0.2, 0.7])


def found(after: Any, **changes: Any) -> Any:
    contract = replace(random_contract("tiny", frames=1), **changes)
    return matched(contract, ROWS, BEFORE, np.asarray(after), precision="int8", measured_on="here")


def test_equal_scores_keep_the_threshold_and_change_no_decision() -> None:
    same = found(BEFORE)
    (point,) = same.points
    assert (point.threshold, point.margin, point.precision) == (0.5, 0.05, "int8")
    assert (same.flipped, same.moved, same.presentations) == (0, 0, 5)
    assert (point.apcer, point.worst_instrument, point.bpcer) == (1.0, "mask", 0.0)
    assert (point.attacks, point.bona_fide, point.measured_on) == (3, 2, "here")


def test_a_threshold_follows_scores_that_all_fell() -> None:
    fell = found(BEFORE - 0.15)
    (point,) = fell.points
    assert point.threshold == pytest.approx(0.35)
    assert fell.flipped == 0
    assert point.margin == pytest.approx(0.05 + 0.15)
    assert fell.auc == fell.auc_before


def test_what_cannot_be_matched_is_counted() -> None:
    swapped = found([0.9, 0.1, 0.6, 0.2, 0.7])  # b and c
    assert swapped.flipped == 2
    assert swapped.points[0].threshold == 0.5  # most have not moved
    assert swapped.auc < swapped.auc_before


def test_scores_go_through_the_map_before_they_are_compared() -> None:
    score_map = ScoreMap(method="platt", raw=(0, 0.65, 1), calibrated=(0, 0.5, 1))
    (point,) = found(BEFORE, score_map=score_map).points
    assert point.threshold == 0.5
    assert point.bpcer == 0.5  # b, whose 0.6 is below 0.5 through the map


def test_only_points_in_f32_are_carried() -> None:
    assert [point.precision for point in found(BEFORE).points] == ["int8"]  # of one in f32 and one in bf16


def test_only_scores_beside_the_threshold_move_it() -> None:
    before = np.concatenate([np.full(NEAREST, 0.6), np.full(3 * NEAREST, 0.95)])
    after = np.concatenate([np.full(NEAREST, 0.55), np.full(3 * NEAREST, 0.8)])
    assert carried(before, after, threshold=0.5) == pytest.approx(0.45)
    assert carried(before, before - 0.6, threshold=0.5) > 0  # at 0 nothing would be refused
