"""What the papers claim of their networks, and whether the score tables of all runs show it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask import metrics
from unmask.files import read_json
from unmask.metrics import DrawnFigure, Estimate, Trained, Verdict
from unmask.scores import read_scores
from unmask.types import DataError, Label, Score

TESTS = {  # a study need not have all of them, nor a system: what reads clips has no score of a picture
    "domain": "an unseen domain",
    "instruments": "three unseen instruments",
    "real": "real items",
}
DECIDED_BY = "auc"  # it needs no threshold; the others stand beside it
COMPARED = ("auc", "hter", "acer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`better` is said to be better than `worse`, both names of systems; `paper` says by whom."""

    words: str
    better: str
    worse: str
    paper: str


CLAIMS: dict[str, Claim] = {
    "multi-frame": Claim(
        words="Five frames are better than one",
        better="sgtd-multi",
        worse="sgtd-single-longer",
        paper="FAS-SGTD",
    ),
    "rsgb": Claim(
        words="Residual spatial gradient blocks are better than plain convolutions",
        better="sgtd-single",
        worse="sgtd-plain",
        paper="FAS-SGTD",
    ),
    "contrastive-depth": Claim(
        words="Contrastive depth loss helps", better="sgtd-single", worse="sgtd-no-contrast", paper="FAS-SGTD"
    ),
    "depth-supervision": Claim(
        words="Depth supervision is better than binary supervision",
        better="sgtd-single",
        worse="sgtd-binary",
        paper="FAS-SGTD",
    ),
    "zero-depth": Claim(
        words="Attacks pulled to zero depth are told better than attacks pulled to their true depth",
        better="sgtd-single",
        worse="sgtd-true-depth",
        paper="FAS-SGTD",
    ),
    "recurrence": Claim(
        words="Recurrence over time, as the paper has it, is better than the published code's slip",
        better="sgtd-multi",
        worse="sgtd-multi-slip",
        paper="FAS-SGTD",
    ),
    "stpm": Claim(
        words="STPM is better than OFF + ConvGRU on the same backbone",
        better="sgtd-plain-multi",
        worse="off-gru",
        paper="FAS-SGTD",
    ),
    "fas-sgtd": Claim(
        words="FAS-SGTD as a whole is better than OFF + ConvGRU",
        better="sgtd-multi",
        worse="off-gru",
        paper="FAS-SGTD",
    ),
    "auxiliary": Claim(
        words="Stage 1 is better than Auxiliary's depth supervision",
        better="sgtd-single",
        worse="auxiliary",
        paper="FAS-SGTD",
    ),
    "cdcn": Claim(
        words="Stage 1 of FAS-SGTD is better than CDCN",
        better="sgtd-single",
        worse="cdcn",
        paper="no paper's; asked to choose the default weights",
    ),
    "fghv": Claim(
        words="FGHV is better than its backbone alone", better="fghv", worse="fghv-backbone", paper="FGHV"
    ),
    **{
        f"fghv-{name}": Claim(words=f"FGHV needs {words}", better="fghv", worse=f"fghv-{worse}", paper="FGHV")
        for name, worse, words in (
            ("rcc", "no-rcc", "its relative correlation constraint"),
            ("var", "no-var", "its variance constraint"),
            ("ddc", "no-ddc", "its distribution discrimination constraint"),
            ("ghvm", "fhvm", "GHVM beside FHVM"),
            ("fhvm", "ghvm", "FHVM beside GHVM"),
        )
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedSystem:
    """One system of one training, read from its folder: `record` as the run wrote it, rows of dev and of each
    test.
    """

    system: str
    seed: int
    record: Mapping[str, Any]
    threshold: float  # of dev's EER
    dev: tuple[Score, ...]
    tests: Mapping[str, tuple[Score, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A claim on one test: the figure of both systems over the same `seeds`, and the difference."""

    claim: str
    test: str
    figure: str
    better: Estimate
    worse: Estimate
    difference: Estimate
    verdict: Verdict
    seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFigures:
    """All figures of a system on one test over its `seeds`."""

    system: str
    test: str
    figures: Mapping[str, Estimate]
    seeds: int


def read_runs(out: Path) -> list[TrainedSystem]:
    """All runs in `out` that are done, by system and seed; DataError where there is none."""
    found = [run for path in sorted(out.glob("runs/*/run.json")) for run in _read(path)]
    if not found:
        raise DataError(f"{out} holds no run that is done; let `unmask experiment claims` finish one")
    return sorted(found, key=lambda run: (run.system, run.seed))


def _read(path: Path) -> Iterable[TrainedSystem]:
    record = read_json(path, again="delete its folder and run `unmask experiment claims` again")
    for system in record["systems"]:
        rows = read_scores(path.parent / f"scores-{system}.csv")
        parts: dict[str, list[Score]] = {}
        for row in rows:
            parts.setdefault(row.columns["part"], []).append(row)
        dev = tuple(parts.pop("dev"))
        yield TrainedSystem(
            system=system,
            seed=record["seed"],
            record=record,
            threshold=_threshold(dev),
            dev=dev,
            tests={test: tuple(parts[test]) for test in TESTS if test in parts},
        )


def _threshold(dev: Sequence[Score]) -> float:
    table = metrics.columns(dev)
    return metrics.threshold_at_eer(table.bona_fide_scores(), table.values[~table.bona_fide])


def people_needed(difference: Estimate, *, people: int) -> int:
    """How many people a test needs for a difference like this one to leave 0 outside its interval; 0 where it
    does already.

    The interval is taken to shrink with the root of their number, as it does while the trainings stay the
    same; what differs between trainings does not shrink so, and takes more seeds.

    >>> people_needed(Estimate(value=0.02, low=-0.04, high=0.08), people=100)
    900
    """
    if difference.low > 0 or difference.high < 0:
        return 0
    half = (difference.high - difference.low) / 2
    return math.ceil(people * (half / max(abs(difference.value), 1e-9)) ** 2 - 1e-6)


class Figures:
    """The figures of systems over the seeds that they have in common, drawn once for each set of seeds."""

    def __init__(self, runs: Sequence[TrainedSystem], *, rounds: int = metrics.BOOTSTRAP_ROUNDS) -> None:
        self.rounds = rounds
        self.runs: dict[str, dict[int, TrainedSystem]] = {}
        for run in runs:
            self.runs.setdefault(run.system, {})[run.seed] = run
        self._known: dict[tuple[str, tuple[int, ...]], dict[str, dict[str, DrawnFigure]]] = {}

    def seeds(self, *systems: str) -> tuple[int, ...]:
        """The seeds for which all of the systems have a run."""
        each = [set(self.runs.get(system, {})) for system in systems]
        return tuple(sorted(set.intersection(*each)))

    def tests(self, *systems: str) -> list[str]:
        """The tests that all of the systems were put to."""
        return [
            test
            for test in TESTS
            if all(test in run.tests for name in systems for run in self.runs.get(name, {}).values())
        ]

    def of(self, system: str, *, test: str, seeds: tuple[int, ...]) -> dict[str, DrawnFigure]:
        """Figure -> value and draws of a system; equal tests and seeds have equal draws."""
        key = test, seeds
        if key not in self._known:
            trained = {
                name: [
                    Trained(scores=by_seed[seed].tests[test], threshold=by_seed[seed].threshold)
                    for seed in seeds
                ]
                for name, by_seed in self.runs.items()
                if set(seeds) <= set(by_seed) and test in self.tests(name)
            }
            self._known[key] = metrics.figures(trained, rounds=self.rounds)
        return self._known[key][system]


def tried(figures: Figures, claims: Mapping[str, Claim]) -> list[Tried]:
    """Each claim on each test, by each figure of COMPARED; a claim whose runs are not done is left out."""
    found = []
    for name, claim in claims.items():
        seeds = figures.seeds(claim.better, claim.worse)
        for test in figures.tests(claim.better, claim.worse) if seeds else ():
            better = figures.of(claim.better, test=test, seeds=seeds)
            worse = figures.of(claim.worse, test=test, seeds=seeds)
            for figure in COMPARED:
                difference = better[figure].minus(worse[figure])
                found.append(
                    Tried(
                        claim=name,
                        test=test,
                        figure=figure,
                        better=better[figure].estimate(),
                        worse=worse[figure].estimate(),
                        difference=difference,
                        verdict=metrics.verdict(difference, higher_is_better=figure == "auc"),
                        seeds=len(seeds),
                    )
                )
    return found


def measured(figures: Figures) -> list[SystemFigures]:
    """Every system on each test."""
    return [
        SystemFigures(
            system=system,
            test=test,
            figures={
                name: drawn.estimate()
                for name, drawn in figures.of(system, test=test, seeds=figures.seeds(system)).items()
            },
            seeds=len(figures.seeds(system)),
        )
        for system in figures.runs
        for test in figures.tests(system)
    ]


def by_run(run: TrainedSystem, test: str) -> dict[str, Any]:
    """The figures of one run on one test, without intervals: what the mean over seeds is made of."""
    summary = metrics.summarise(run.tests[test], run.threshold, rounds=0)
    dev = metrics.columns(run.dev)
    return {
        "dev_auc": metrics.auc(dev.bona_fide_scores(), dev.values[~dev.bona_fide]),
        "threshold": run.threshold,
        "auc": summary.auc.value,
        "hter": summary.hter.value,
        "acer": summary.acer.value,
        "apcer": summary.apcer,
        "worst_instrument": summary.worst_instrument,
        "bpcer": summary.bpcer.value,
        "bona_fide": summary.bona_fide,
        "attacks": summary.attacks,
        "without_score": summary.bona_fide_non_responses + summary.attack_non_responses,
    }


def counts(runs: Sequence[TrainedSystem]) -> dict[str, dict[str, int]]:
    """Part -> bona fide, attacks, subjects; all runs that have the part share it."""
    run = max(runs, key=lambda run: len(run.tests))
    return {
        part: {
            "bona_fide": sum(row.label is Label.BONA_FIDE for row in rows),
            "attacks": sum(row.label is Label.ATTACK for row in rows),
            "subjects": len({row.subject for row in rows}),
        }
        for part, rows in {"dev": run.dev, **run.tests}.items()
    }
