"""A run and a rule -> its evaluation: rates at a threshold that was there before, and at the oracle's.

The one place that measures a score table: the table in the terminal, the CSV file (`evaluation.figures`) and
the page (`report`) are views of what it returns.

A table of one class, of one instrument or of three presentations is not an error here: what it cannot carry
is left out, and a sentence says so.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask import metrics
from unmask.evaluation.runs import Run, same_presentations
from unmask.metrics import Summary, ThresholdRule
from unmask.types import DataError, Score

FEW = 30  # presentations below which a rate is called small: 0 of 29 is anything up to 12 %
APCER_TARGETS = (0.10, 0.05, 0.01)  # ISO/IEC 30107-3: BPCER10, BPCER20, BPCER100
FPR_TARGETS = (0.01, 0.001, 0.0001)  # of the CASIA-SURF and CeFA challenges
KINDS = {"instrument": "instruments", "family": "families of instruments"}  # what APCER is the worst of
OWN = "the model's own operating point"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """BPCER where the worst APCER is at most `apcer`, at a threshold chosen on test."""

    apcer: float
    bpcer: float
    refused: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One system on one test set; `fold` tells its runs apart, and may be "".

    `thresholds` (n,) are those of the test rows, in their order; they are `honest` ones by the rule in
    `rule_words`, or the oracle's where `honest` is None. `oracle` is None where a class has no score.
    """

    name: str
    fold: str
    test: tuple[Score, ...]
    dev_counts: tuple[int, int]
    rule_words: str
    thresholds: np.ndarray
    honest: Summary | None
    oracle: Summary | None
    points: tuple[Point, ...]
    tpr_at: Mapping[float, float]  # FPR of FPR_TARGETS -> TPR, at a threshold chosen on test
    notes: tuple[str, ...]
    worst_of: str = "instrument"  # or "family"

    @property
    def shown(self) -> Summary | None:
        """The honest figures, else the oracle's."""
        return self.honest or self.oracle

    @property
    def test_counts(self) -> tuple[int, int]:
        """Bona fide and attack presentations."""
        return _counts(self.test)

    def accepted(self) -> np.ndarray:
        """Which of the test rows are accepted (n,) bool."""
        values = np.array([score.score for score in self.test], np.float64)
        return np.isfinite(values) & (values >= self.thresholds)

    def levels(self) -> list[float]:
        """The finite thresholds, each once; more than one where several models judged."""
        return sorted({float(level) for level in self.thresholds if math.isfinite(level)})


def measure(
    run: Run,
    rule: ThresholdRule | None,
    *,
    worst_of: str = "instrument",
    seed: int = 0,
    rounds: int = 1000,
    progress: metrics.RoundProgress | None = None,
) -> Evaluation:
    """The figures of a run by `rule`; without one by the EER of dev, else by the thresholds in the table.

    APCER's worst is over each `instrument` or each `family`.
    """
    tested = run.test
    run = replace(run, dev=tuple(metrics.over(run.dev, worst_of)), test=tuple(metrics.over(tested, worst_of)))
    try:
        words, honest_levels = _levels(run, rule)
        oracle_level = _oracle(run)
        honest = None
        if honest_levels is not None:
            honest = metrics.summarise(
                run.test, honest_levels.tolist(), seed=seed, rounds=rounds, progress=progress
            )
        oracle = None
        if oracle_level is not None:
            oracle = metrics.summarise(
                run.test, oracle_level, seed=seed, rounds=0 if honest else rounds, progress=progress
            )
    except DataError as unmeasurable:  # the metrics know scores, not whose they are
        raise DataError(f"{run.system}: {unmeasurable}") from unmeasurable
    if honest_levels is None:
        honest_levels = np.full(len(run.test), math.inf if oracle_level is None else oracle_level)
    return Evaluation(
        name=run.system,
        fold=run.fold,
        test=tested,
        dev_counts=_counts(run.dev),
        rule_words=words,
        thresholds=np.asarray(honest_levels, np.float64),
        honest=honest,
        oracle=oracle,
        points=() if oracle is None else tuple(_points(run)),
        tpr_at={} if oracle is None else _tpr_at(run),
        notes=tuple(_notes(run, honest, oracle, worst_of=worst_of)),
        worst_of=worst_of,
    )


def own_thresholds(scores: Sequence[Score]) -> np.ndarray | None:
    """The column threshold (n,), infinite where nothing was scored; None unless each score has one."""
    levels = []
    for score in scores:
        cell = score.columns.get("threshold", "").strip()
        try:
            level = float(cell) if cell else math.nan
        except ValueError:
            return None
        if math.isfinite(score.score) and not math.isfinite(level):
            return None
        levels.append(level if math.isfinite(level) else math.inf)
    return np.array(levels) if any(map(math.isfinite, levels)) else None


def comparison_notes(runs: Sequence[Run]) -> list[str]:
    """What forbids to compare several systems; empty where nothing does."""
    if len(runs) < 2:
        return []
    notes = []
    if not same_presentations(runs):
        sets = [{score.name for score in run.test} for run in runs]
        shared = len(set.intersection(*sets))
        sizes = ", ".join(f"{run.system} {len(names)}" for run, names in zip(runs, sets, strict=True))
        notes.append(
            f"The systems were tested on different presentations ({sizes}; {shared} in all of them): do not "
            "compare their rates."
        )
    truths: dict[str, set[tuple[str, str]]] = {}
    for run in runs:
        for score in run.test:
            truths.setdefault(score.name, set()).add((score.label.value, score.instrument))
    if twisted := sorted(name for name, found in truths.items() if len(found) > 1):
        notes.append(
            f"The tables do not agree on what {len(twisted)} presentations are, {twisted[0]} the first: one "
            "of them is wrong, or the names mean other files."
        )
    return notes


def epochs(systems: Sequence[Evaluation]) -> list[tuple[Evaluation, Evaluation]]:
    """(last, best) of each run whose systems are named so: their names differ in that word alone."""
    found: dict[str, dict[str, Evaluation]] = {}
    for system in systems:
        for word in ("last", "best"):
            if word in system.name.lower():
                found.setdefault(system.name.lower().replace(word, ""), {})[word] = system
    return [(pair["last"], pair["best"]) for pair in found.values() if len(pair) == 2]


def _levels(run: Run, rule: ThresholdRule | None) -> tuple[str, np.ndarray | None]:
    """(where the honest thresholds come from, one for each test row); ("", None) where there is none."""
    if rule is None and run.dev:
        rule = metrics.read_rule("dev-eer")
    if rule is None:
        own = own_thresholds(run.test)
        return ("", None) if own is None else (OWN, own)
    if rule.kind == "oracle" or (rule.needs_dev and not run.dev):
        return "", None
    table = metrics.columns(run.dev)
    level = metrics.fit(rule, table.bona_fide_scores(), table.attacks())
    return str(rule), np.full(len(run.test), level)


def _oracle(run: Run) -> float | None:
    table = metrics.columns(run.test)
    bona_fide, attacks = table.bona_fide_scores(), table.attacks()
    if not np.isfinite(bona_fide).any() or not any(np.isfinite(scores).any() for scores in attacks.values()):
        return None
    return metrics.minimum_acer(bona_fide, attacks).threshold


def _points(run: Run) -> Iterator[Point]:
    table = metrics.columns(run.test)
    bona_fide = metrics.ranked(table.bona_fide_scores())
    attacks = {name: metrics.ranked(scores) for name, scores in table.attacks().items()}
    for target in APCER_TARGETS:
        value = metrics.bpcer_at_apcer(bona_fide, attacks, apcer=target)
        yield Point(apcer=target, bpcer=value, refused=round(value * bona_fide.count), count=bona_fide.count)


def _tpr_at(run: Run) -> dict[float, float]:
    table = metrics.columns(run.test)
    bona_fide, attacks = (
        metrics.ranked(table.bona_fide_scores()),
        np.concatenate(list(table.attacks().values())),
    )
    pooled = metrics.ranked(attacks)
    return {target: metrics.tpr_at_fpr(bona_fide, pooled, fpr=target) for target in FPR_TARGETS}


def _notes(run: Run, honest: Summary | None, oracle: Summary | None, *, worst_of: str) -> Iterator[str]:
    bona_fide, attacks = _counts(run.test)
    if not bona_fide:
        yield "There is no bona fide presentation: nothing is known of BPCER, ACER and the curves."
    if not attacks:
        yield "There is no attack: nothing is known of APCER, ACER and the curves."
    if bona_fide and attacks and oracle is None:
        yield "No presentation of one class has a score, so there is no curve: look at the non-responses."
    if honest is None and oracle is not None:
        yield (
            "There is no honest threshold (no dev scores, and no thresholds in the table): what needs one is "
            "shown at the oracle's, which was chosen on these very scores and which no user can have."
        )
    if honest is None and oracle is None:
        yield "There is no threshold, so nothing counts as accepted; give --dev, or --threshold fixed=..."
    instruments = {name: len(scores) for name, scores in metrics.columns(run.test).attacks().items()}
    few = sum(count < FEW for count in instruments.values())
    if len(instruments) == 1:
        yield f"There is one {worst_of} alone, {next(iter(instruments))}: nothing is known of any other."
    elif few:
        yield (
            f"{few} of {len(instruments)} {KINDS[worst_of]} have fewer than {FEW} attacks: the worst APCER "
            "moves in large steps, and which is the worst may be chance."
        )
    if 0 < bona_fide < FEW:
        yield f"{bona_fide} bona fide presentations are few: {_support(bona_fide)}."
    if 0 < attacks < FEW:
        yield f"{attacks} attacks are few: {_support(attacks)}."
    if run.test and not any(score.subject for score in run.test):
        yield (
            "The table names no subjects: intervals take all presentations as independent, and are too "
            "narrow if they are not."
        )


def _support(count: int) -> str:
    """What no error among so many would show."""
    high = 100 * metrics.rate(0, count).high
    return f"even without a single error the rate could be up to {high:.0f} %"


def _counts(scores: Sequence[Score]) -> tuple[int, int]:
    bona_fide = sum(score.label.value == "bona_fide" for score in scores)
    return bona_fide, len(scores) - bona_fide
