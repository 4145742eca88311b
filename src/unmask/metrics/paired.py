"""Which of two systems is better, and how sure that is: the same draws of subjects and seeds for both.

A system is trained once for each of S seeds and tested on the same presentations. Its figure is the mean over
the seeds. A draw of the bootstrap takes subjects again (all presentations of one, or none) and seeds again,
so that its spread holds both: other people, and another start of the training. Two systems are compared draw
by draw: what is hard about the drawn people is hard for both and leaves the difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from unmask.metrics.columns import Columns, columns
from unmask.metrics.intervals import (
    BOOTSTRAP_ROUNDS,
    Estimate,
    Statistic,
    acer_of,
    auc_of,
    draws,
    hter_of,
    middle,
)
from unmask.metrics.rates import accepted
from unmask.types import DataError, Score

Verdict = Literal["holds", "does not hold", "not shown"]
FIGURES = ("auc", "hter", "acer", "apcer", "bpcer")  # of these only AUC is better when higher


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One training of a system, scored on the test, and the threshold that its own dev set gave."""

    scores: tuple[Score, ...]
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFigure:
    """A figure of one system: its `value`, the mean over seeds, and what each draw made of it (rounds,)."""

    value: float
    drawn: np.ndarray

    def estimate(self) -> Estimate:
        """The value with the middle 95 % of its draws."""
        low, high = middle(self.drawn)
        return Estimate(value=self.value, low=low, high=high)

    def minus(self, other: "DrawnFigure") -> Estimate:
        """The difference, draw by draw, of two systems from the same call of `figures`."""
        return replace(self, value=self.value - other.value, drawn=self.drawn - other.drawn).estimate()


def figures(
    systems: Mapping[str, Sequence[Trained]], *, seed: int = 0, rounds: int = BOOTSTRAP_ROUNDS
) -> dict[str, dict[str, DrawnFigure]]:
    """System -> figure of FIGURES -> its value and draws, of systems tested on the same presentations.

    Every system has the same number of seeds, in the same order: the k-th trainings of two systems belong
    together. The threshold of a training is fixed: a draw does not move it. "apcer" is that of the worst
    instrument. DataError where presentations or seeds differ.
    """
    sorted_systems = {
        name: [replace(one, scores=tuple(sorted(one.scores, key=lambda s: s.name))) for one in trainings]
        for name, trainings in systems.items()
    }
    _check(sorted_systems)
    first = next(iter(sorted_systems.values()))
    rng = np.random.default_rng(seed)
    weights = list(draws(columns(first[0].scores), rng=rng, rounds=rounds))
    seeds = rng.integers(len(first), size=(len(weights), len(first)))
    return {
        name: _of_system([_of_training(one, weights) for one in trainings], seeds)
        for name, trainings in sorted_systems.items()
    }


def verdict(difference: Estimate, *, higher_is_better: bool = True) -> Verdict:
    """Whether the first of two systems is better: the interval must exclude no difference.

    >>> verdict(Estimate(value=0.02, low=0.01, high=0.03))
    'holds'
    >>> verdict(Estimate(value=0.02, low=-0.01, high=0.05))
    'not shown'
    """
    low, high = difference.low, difference.high
    if not higher_is_better:
        low, high = -high, -low
    if low > 0:
        return "holds"
    return "does not hold" if high < 0 else "not shown"


def _of_training(one: Trained, weights: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Figure -> (1 + rounds,): with every presentation once, then in each draw."""
    table = columns(one.scores)
    passed = accepted(table.values, one.threshold)
    statistics: dict[str, Statistic] = {
        "auc": auc_of(table),
        "hter": hter_of(table, passed),
        "acer": acer_of(table, passed),
        "bpcer": _bpcer_of(table, passed),
    }
    all_weights = [np.ones(len(passed), dtype=np.int64), *weights]
    found = {
        name: np.array([statistic(drawn) for drawn in all_weights]) for name, statistic in statistics.items()
    }
    return {**found, "apcer": 2 * found["acer"] - found["bpcer"]}  # ACER is the mean of the two


def _bpcer_of(table: Columns, passed: np.ndarray) -> Statistic:
    bona_fide = table.bona_fide

    def statistic(weights: np.ndarray) -> float:
        people = weights[bona_fide].sum()
        return float((weights[bona_fide] * ~passed[bona_fide]).sum() / people) if people else np.nan

    return statistic


def _of_system(trainings: Sequence[Mapping[str, np.ndarray]], seeds: np.ndarray) -> dict[str, DrawnFigure]:
    """The mean over seeds of each figure; in each draw over the seeds that it drew, `seeds` (rounds, S)."""
    found = {}
    for name in FIGURES:
        values = np.stack([training[name] for training in trainings])  # (S, 1 + rounds)
        drawn = np.take_along_axis(values[:, 1:].T, seeds, axis=1).mean(axis=1)
        found[name] = DrawnFigure(value=float(values[:, 0].mean()), drawn=drawn)
    return found


def _check(systems: Mapping[str, Sequence[Trained]]) -> None:
    counts = {name: len(trainings) for name, trainings in systems.items()}
    if len(set(counts.values())) != 1 or not min(counts.values()):
        raise DataError(f"systems are compared with the same seeds, not with {counts}; finish the runs")
    tested = {
        tuple((score.name, score.label, score.instrument, score.subject) for score in one.scores)
        for trainings in systems.values()
        for one in trainings
    }
    if len(tested) != 1:
        raise DataError(
            f"the {len(systems)} systems were tested on different presentations; score all on the same test"
        )
