"""Evaluations as tables of figures: at an honest threshold, at the oracle's beside it, and off the whole
curve; folds as mean and deviation.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask.evaluation.measure import Evaluation
from unmask.metrics import Estimate, Rate, Summary

ORACLE = "oracle: minimum ACER on test"
CURVE = "curve of test"  # each figure at a threshold of its own, chosen there
NO_THRESHOLD = "none"
HEADER = (
    "system",
    "fold",
    "threshold_from",
    "figure",
    "detail",
    "value",
    "deviation",
    "low",
    "high",
    "errors",
    "count",
    "folds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number: `low` and `high` are its 95 % interval, `errors` of `count` make a rate; NaN and None where
    there is no such thing. `detail` names the worst instrument. With several `folds` it is the mean, and
    `deviation` that of the folds (ddof 1).
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    errors: int | None = None
    count: int | None = None
    detail: str = ""
    deviation: float = math.nan
    folds: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTable:
    """All figures of a system: `honest` at the threshold of `rule` (empty where there is none), `oracle` at
    the one with the smallest ACER on test, `free` of a threshold, `curve` each at its own, chosen on test.

    `honest` and `oracle` hold the same figures in the same order, where there are both.
    """

    system: str
    fold: str
    rule: str
    honest: tuple[Figure, ...]
    oracle: tuple[Figure, ...]
    free: tuple[Figure, ...]
    curve: tuple[Figure, ...]
    dev_counts: tuple[int, int]  # bona fide, attacks; of the first fold
    test_counts: tuple[int, int]
    folds: int = 1
    hints: tuple[str, ...] = ()  # of Summary.hints

    def parts(self) -> Iterator[tuple[str, tuple[Figure, ...]]]:
        """(where the threshold comes from, figures)."""
        yield self.rule, self.honest
        yield ORACLE, self.oracle
        yield NO_THRESHOLD, self.free
        yield CURVE, self.curve

    def value(self, name: str, *, oracle: bool = False) -> float:
        """The figure of that name at the honest or the oracle's threshold, or off the curve; NaN if none."""
        figures = self.oracle if oracle else (*self.honest, *self.free, *self.curve)
        return next((figure.value for figure in figures if figure.name == name), math.nan)


def figure_table(found: Evaluation) -> FigureTable:
    """All figures of one evaluation."""
    shown = found.shown  # AUC, EER and non-responses are the same at every threshold
    return FigureTable(
        system=found.name,
        fold=found.fold,
        rule=found.rule_words,
        honest=() if found.honest is None else tuple(_at_threshold(found.honest)),
        oracle=() if found.oracle is None else tuple(_without_interval(_at_threshold(found.oracle))),
        free=() if shown is None else tuple(_free(shown)),
        curve=() if shown is None else tuple(_curve(found, shown)),
        dev_counts=found.dev_counts,
        test_counts=found.test_counts,
        hints=() if shown is None else tuple(shown.hints()),
    )


def over_folds(found: Sequence[FigureTable]) -> FigureTable:
    """The mean of each figure over runs of one system, and its deviation (ddof 1) between them.

    A figure that some folds lack, as of an instrument that only one has, says by `folds` how many had it.
    """
    first = found[0]
    return replace(
        first,
        fold="mean",
        honest=_means([one.honest for one in found]) if all(one.honest for one in found) else (),
        oracle=_means([one.oracle for one in found]),
        free=_means([one.free for one in found]),
        curve=_means([one.curve for one in found]),
        folds=len(found),
    )


def rows(table: FigureTable) -> list[list[str]]:
    """The figures as lines of a table with the columns HEADER; what there is not is empty."""
    lines = []
    for source, figures in table.parts():
        for figure in figures:
            numbers = (figure.value, figure.deviation, figure.low, figure.high)
            counts = ("" if n is None else str(n) for n in (figure.errors, figure.count))
            lines.append(
                [
                    table.system,
                    table.fold,
                    source,
                    figure.name,
                    figure.detail,
                    *(repr(float(n)) if math.isfinite(n) else "" for n in numbers),
                    *counts,
                    str(figure.folds),
                ]
            )
    return lines


def _at_threshold(summary: Summary) -> Iterator[Figure]:
    yield Figure(name="threshold", value=summary.threshold)
    for name, found in summary.instruments.items():
        yield _rate(f"APCER {name}", found)
    if set(summary.families) != set(summary.instruments):
        for name, found in summary.families.items():
            yield _rate(f"APCER family {name}", found)
    worst = summary.instruments[summary.worst_instrument]
    yield _rate("APCER, worst", worst, detail=summary.worst_instrument)
    yield _rate("BPCER", summary.bpcer)
    yield _estimate("ACER", summary.acer)
    yield _estimate("HTER", summary.hter)


def _free(summary: Summary) -> Iterator[Figure]:
    yield _estimate("AUC", summary.auc)
    yield _rate("BPNRR", summary.bpnrr)
    silent = summary.silent_instruments
    worst = max(silent, key=lambda name: (silent[name].value, silent[name].count))
    yield _rate("APNRR, worst", silent[worst], detail=worst)
    for name, found in silent.items():
        yield _rate(f"APNRR {name}", found)


def _curve(found: Evaluation, shown: Summary) -> Iterator[Figure]:
    yield _estimate("EER", shown.eer)
    for target, value in found.tpr_at.items():
        yield Figure(name=f"TPR at FPR {percent(target)}", value=value, count=shown.bona_fide)
    for point in found.points:
        name = f"BPCER at APCER {percent(point.apcer)}"
        yield Figure(name=name, value=point.bpcer, errors=point.refused, count=point.count)


def percent(share: float) -> str:
    """The share in per cent, without digits that say nothing.

    >>> percent(0.05), percent(0.0001)
    ('5 %', '0.01 %')
    """
    return f"{100 * share:g} %"


def _rate(name: str, rate: Rate, *, detail: str = "") -> Figure:
    return Figure(
        name=name,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        errors=rate.errors,
        count=rate.count,
        detail=detail,
    )


def _estimate(name: str, estimate: Estimate) -> Figure:
    return Figure(name=name, value=estimate.value, low=estimate.low, high=estimate.high)


def _without_interval(figures: Iterator[Figure]) -> Iterator[Figure]:
    # The threshold was chosen on the same scores, so no interval of theirs covers what a user will see.
    return (replace(figure, low=math.nan, high=math.nan) for figure in figures)


def _means(folds: Sequence[Sequence[Figure]]) -> tuple[Figure, ...]:
    values: dict[str, list[Figure]] = {}
    for figures in folds:
        for figure in figures:
            values.setdefault(figure.name, []).append(figure)
    return tuple(_mean(name, found) for name, found in values.items())


def _mean(name: str, found: Sequence[Figure]) -> Figure:
    numbers = [figure.value for figure in found]
    spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else math.nan
    return Figure(name=name, value=float(np.mean(numbers)), deviation=spread, folds=len(numbers))
