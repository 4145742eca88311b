"""Does picture quality tell the classes apart? A classifier on camera statistics tries, and should fail.

AUC 0.5 says that quality tells nothing; what a network then finds are the instrument's own traces. Scores are
cross-validated by subject, so that knowing a person helps nobody, and intervals are drawn over subjects.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unmask.evaluation.boosting import CLASSIFIERS
from unmask.files import write_bytes
from unmask.media.statistics import CONTENT, NAMES
from unmask.plain import active, as_csv
from unmask.types import DataError, Label, Presentation, PresentationRecord

FOLDS = 5
LIMIT_ALL, LIMIT_FAMILY = 0.60, 0.70  # of the upper end of the interval
ALL = "all attacks"
FACE, CROP = "face", "whole crop"
TRUTH = ("name", "instrument", "subject", "camera")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipStatistics(PresentationRecord):
    """A clip's camera statistics, with the presentation that it is of."""

    statistics: Mapping[str, float]

    @property
    def camera(self) -> str:
        """The camera that recorded it."""
        return self.presentation.camera


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """How well quality tells `attacks` (ALL or a family) from bona fide.

    `seen` is FACE, statistics of the face and the frame, or CROP, also those of what stands beside the face.
    `auc` with its 95 % interval `low`..`high`; `classifier` is the stronger one; `alone` maps each statistic
    to its own AUC, above 0.5 where it is larger in attacks.
    """

    attacks: str
    seen: str
    classifier: str
    auc: float
    low: float
    high: float
    limit: float
    attack_clips: int
    bona_fide_clips: int
    subjects: int
    alone: Mapping[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the upper end keeps to the limit."""
        return self.high <= self.limit


def leak_table(rows: Sequence[ClipStatistics], *, seed: int = 0, draws: int = 1000) -> list[Leak]:
    """All attacks against bona fide, then each family in order of name; of the face, then of the whole crop.

    The crop holds the instrument too (a white page, a bezel), which is not a matter of quality: the limits
    are stated for both, and meant for the face. Raises DataError for too few rows. `seed` decides the folds
    and the draws of the intervals.
    """
    if not rows or len({row.family for row in rows}) < 2 or all(row.family for row in rows):
        raise DataError(
            f"leakage is measured between bona fide and attacks; {len(rows)} clips lack one of them"
        )
    if (subjects := len({row.subject for row in rows})) < 2 * FOLDS:
        raise DataError(
            f"leakage is cross-validated by subject and needs {2 * FOLDS} subjects, not {subjects}"
        )
    names = list(rows[0].statistics)
    return [
        _leak(seen, family, rows, names=columns, seed=seed, draws=draws)
        for seen, columns in ((FACE, [name for name in names if name not in CONTENT]), (CROP, names))
        for family in ("", *sorted({row.family for row in rows} - {""}))
    ]


def markdown(table: Sequence[Leak]) -> str:
    """The table for a page: the classifiers first, then each statistic alone."""
    lines = [
        "| seen | attacks | AUC | 95 % | limit | holds | classifier | attacks, bona fide, subjects |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for leak in table:
        counts = f"{leak.attack_clips}, {leak.bona_fide_clips}, {leak.subjects}"
        lines.append(
            f"| {leak.seen} | {leak.attacks} | {leak.auc:.3f} | {leak.low:.3f} to {leak.high:.3f} | "
            f"{leak.limit:.2f} | {'yes' if leak.holds else 'no'} | {leak.classifier} | {counts} |"
        )
    whole = [leak for leak in table if leak.seen == CROP]
    lines += ["", f"| statistic alone | {' | '.join(leak.attacks for leak in whole)} |"]
    lines.append("| --- |" + " --- |" * len(whole))
    for name in whole[0].alone:
        lines.append(f"| {name} | {' | '.join(f'{leak.alone[name]:.2f}' for leak in whole)} |")
    return "\n".join(lines)


def area(score: np.ndarray, attack: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """AUC of `score` (N,) for `attack` (N,) bool; under weights (..., N), as many areas; ties count half.

    NaN where a class weighs nothing.
    """
    weight = np.ones(len(score)) if weight is None else np.asarray(weight, float)
    order = np.argsort(score, kind="stable")
    _, starts = np.unique(score[order], return_index=True)
    ups = np.add.reduceat(weight[..., order] * attack[order], starts, axis=-1)
    downs = np.add.reduceat(weight[..., order] * ~attack[order], starts, axis=-1)
    below = np.cumsum(downs, axis=-1) - downs / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ups * below).sum(axis=-1) / (ups.sum(axis=-1) * downs.sum(axis=-1))


def area_interval(
    score: np.ndarray, attack: np.ndarray, subjects: np.ndarray, *, seed: int = 0, draws: int = 1000
) -> tuple[float, float]:
    """The 95 % interval of the AUC, by drawing whole subjects with replacement."""
    people, number = np.unique(subjects, return_inverse=True)
    rng = np.random.default_rng([seed, 2])
    times = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), size=draws)
    low, high = np.nanpercentile(area(score, attack, times[:, number]), [2.5, 97.5])
    return float(low), float(high)


def cross_validated(
    x: np.ndarray, attack: np.ndarray, subjects: np.ndarray, *, seed: int
) -> dict[str, np.ndarray]:
    """Each classifier's log-odds (N,) for rows of subjects that it has not seen."""
    fold = _folds(subjects, seed=seed)
    told = {name: np.zeros(len(x)) for name in CLASSIFIERS}
    for held in range(FOLDS):
        out = fold == held
        if not out.any():
            continue
        for name, classifier in CLASSIFIERS.items():
            told[name][out] = classifier(x[~out], attack[~out], x[out])
    return told


def presentation_of(name: str, instrument: str, subject: str, camera: str) -> Presentation:
    """What TRUTH names: an attack by that instrument, bona fide where there is none."""
    label = Label.ATTACK if instrument else Label.BONA_FIDE
    return Presentation(path=name, label=label, instrument=instrument, subject=subject, camera=camera)


def write_measured(path: Path, rows: Sequence[ClipStatistics]) -> None:
    """A CSV with a column for each statistic."""
    table: list[list[str]] = [[*TRUTH, *NAMES]]
    for row in rows:
        numbers = [f"{row.statistics[name]:.5g}" for name in NAMES]
        table.append([row.name, row.instrument, row.subject, row.camera, *numbers])
    write_bytes(path, as_csv(table).encode())


def read_measured(path: Path) -> list[ClipStatistics]:
    """From `write_measured`. Raises DataError."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if absent := [name for name in (*TRUTH, *NAMES) if name not in (reader.fieldnames or ())]:
            raise DataError(f"{path} is not a table of camera statistics: no column {', '.join(absent)}")
        return [
            ClipStatistics(
                presentation=presentation_of(*(active(row[name]) for name in TRUTH)),
                statistics={name: float(row[name]) for name in NAMES},
            )
            for row in reader
        ]


def _leak(
    seen: str, family: str, rows: Sequence[ClipStatistics], *, names: Sequence[str], seed: int, draws: int
) -> Leak:
    """How well bona fide is told from the attacks of `family`, or from all of them when it is ""."""
    rows = [row for row in rows if not family or row.family in ("", family)]
    x = np.array([[row.statistics[key] for key in names] for row in rows], float)
    attack = np.array([bool(row.family) for row in rows])
    subjects = np.array([row.subject for row in rows])
    told = cross_validated(x, attack, subjects, seed=seed)
    best = max(told, key=lambda key: float(area(told[key], attack)))
    low, high = area_interval(told[best], attack, subjects, seed=seed, draws=draws)
    return Leak(
        attacks=family or ALL,
        seen=seen,
        classifier=best,
        auc=float(area(told[best], attack)),
        low=low,
        high=high,
        limit=LIMIT_FAMILY if family else LIMIT_ALL,
        attack_clips=int(attack.sum()),
        bona_fide_clips=int((~attack).sum()),
        subjects=len(set(subjects.tolist())),
        alone={key: float(area(x[:, column], attack)) for column, key in enumerate(names)},
    )


def _folds(subjects: np.ndarray, *, seed: int) -> np.ndarray:
    """The fold of each row: the largest subjects first, each into the smallest fold."""
    people, number, count = np.unique(subjects, return_inverse=True, return_counts=True)
    order = np.random.default_rng([seed, 1]).permutation(len(people))
    order = order[np.argsort(-count[order], kind="stable")]
    fold_of, sizes = np.zeros(len(people), int), np.zeros(FOLDS)
    for person in order:
        fold_of[person] = int(sizes.argmin())
        sizes[fold_of[person]] += count[person]
    return fold_of[number]
