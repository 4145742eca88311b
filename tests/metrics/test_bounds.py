"""What a sample can promise, and the corners of tables and rules that no other test turns to."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from unmask import metrics
from unmask.metrics.bounds import captures_needed, errors_allowed, upper_bound
from unmask.metrics.intervals import draws
from unmask.metrics.thresholds import ThresholdRule
from unmask.types import DataError, Label, Presentation, Score, SettingsError


@pytest.mark.parametrize(("errors", "count"), [(0, 20), (3, 40), (9, 10)])
def test_at_the_bound_so_few_errors_have_a_chance_of_one_in_twenty(errors: int, count: int) -> None:
    assert binom.cdf(errors, count, upper_bound(errors, count)) == pytest.approx(0.05)


def test_where_all_went_wrong_nothing_is_promised() -> None:
    assert upper_bound(7, 7) == 1.0
    assert errors_allowed(3, 0.05) is None


@pytest.mark.parametrize(("errors", "count"), [(-1, 5), (6, 5)])
def test_more_errors_than_presentations_are_refused(errors: int, count: int) -> None:
    with pytest.raises(DataError, match=f"not {errors} of {count}"):
        upper_bound(errors, count)


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1])
def test_a_rate_that_nobody_can_promise_is_refused(target: float) -> None:
    with pytest.raises(SettingsError, match="between 0 and 1"):
        captures_needed(target)


def scores() -> Any:
    rows = (("a", Label.BONA_FIDE, "", 0.2), ("b", Label.ATTACK, "print/photo", 0.9))
    return [
        Score(presentation=Presentation(path=p, label=label, instrument=i), score=s)
        for p, label, i, s in rows
    ]


def test_a_table_gives_both_classes_and_the_worst_over_instruments_is_the_table_itself() -> None:
    table = metrics.columns(scores())
    assert table.bona_fide_scores().tolist() == [0.2]
    assert table.attacks()["print/photo"].tolist() == [0.9]
    assert metrics.over(scores(), "instrument") == scores()
    with pytest.warns(DeprecationWarning, match="bona_fide_scores"):
        assert table.living().tolist() == [0.2]


def test_without_rounds_nothing_is_drawn() -> None:
    assert list(draws(metrics.columns(scores()), rng=np.random.default_rng(0), rounds=0)) == []


def test_a_summary_says_that_scores_are_turned_round_and_people_few() -> None:
    told = " ".join(metrics.summarise(scores(), 0.5, rounds=0).hints())
    assert "below that of a coin" in told


def test_rules_of_dev_need_dev() -> None:
    assert ThresholdRule(kind="dev-eer").needs_dev
    assert not ThresholdRule(kind="fixed", value=0.5).needs_dev
    assert str(ThresholdRule(kind="fixed", value=0.5)) == "fixed=0.5"
