"""What the field prints of a cross-set fold: HTER and AUC on the target, of one frame, of two and of videos.

HTER stands at three thresholds: at the EER of the target's own test, as the papers have it, which no user
could know, at the EER of the sources' dev, and at the least HTER that any threshold gives on the test, the
oracle's. On one type of attack HTER is ACER. Clips are scored by the weights that the run ships.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_type_hints

import numpy as np

from unmask import metrics
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Row
from unmask.files import write_bytes
from unmask.plain import as_table
from unmask.training.dev import score_finished
from unmask.training.finish import trained
from unmask.training.run_folder import SETTINGS
from unmask.training.sets import Folders, part_of
from unmask.training.settings import Settings, read_settings
from unmask.training.threshold import presentation_scores

FIELD = "field.csv"
TABLE = "table.csv"
VIEWS = {"1 frame": 1, "2 frames": 2, "video": 0}  # how many clips of a presentation count; 0 is all
WAYS = ("test-eer", "dev-eer", "oracle")
FIGURES = ("hter", "auc", "eer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One run on one fold: `seen` of VIEWS, `threshold_from` of WAYS; rates in [0, 1], over presentations."""

    protocol: str
    seed: int
    seen: str
    threshold_from: str
    threshold: float
    hter: float
    auc: float
    eer: float  # of test, whatever the threshold
    bona_fide: int
    attacks: int


def write_field(out: Path, *, data: Folders, protocol: str) -> list[Fold]:
    """Scores dev and test with the weights that the run in `out` ships; into `out`/FIELD."""
    settings = read_settings(out / SETTINGS)
    network, _ = trained(out, settings)
    scored = {}
    for part in ("dev", "test"):
        prepared = part_of(data, part)
        scored[part] = prepared, score_finished(network, prepared, settings).scores
    found = [fold for seen in VIEWS for fold in _folds(scored, seen, settings, protocol=protocol)]
    write_bytes(out / FIELD, as_table(list(asdict(found[0])), map(asdict, found)).encode())
    return found


def read_field(out: Path) -> list[Fold]:
    """What `write_field` wrote."""
    kinds = get_type_hints(Fold)
    with (out / FIELD).open(newline="", encoding="utf-8") as file:
        return [
            Fold(**{name: kinds[name](cell) for name, cell in row.items()}) for row in csv.DictReader(file)
        ]


def write_table(out: Path, folds: Sequence[Fold]) -> list[dict[str, object]]:
    """Mean and deviation (n - 1) over seeds of each fold's figures, then of the mean over the folds, with the
    deviation over the folds.
    """
    rows: list[dict[str, object]] = []
    protocols = list(dict.fromkeys(fold.protocol for fold in folds))
    for seen in VIEWS:
        for way in WAYS:
            of_seed: dict[int, list[Fold]] = {}
            for fold in folds:
                if (fold.seen, fold.threshold_from) == (seen, way):
                    of_seed.setdefault(fold.seed, []).append(fold)
            for protocol in (*protocols, "mean"):
                rows.append(
                    {
                        "protocol": protocol,
                        "seen": seen,
                        "threshold_from": way,
                        **_spread(of_seed, protocol, whole=len(protocols)),
                    }
                )
    write_bytes(out / TABLE, as_table(list(rows[0]), rows).encode())
    return rows


def first_clips(rows: Sequence[Row], count: int) -> np.ndarray:
    """Numbers of `count` clips of each presentation, spread over it from its first; of 0 all.

    >>> from types import SimpleNamespace
    >>> rows = [SimpleNamespace(name=name) for name in "aaaab"]
    >>> first_clips(rows, 1).tolist(), first_clips(rows, 2).tolist()
    ([0, 4], [0, 2, 4])
    """
    clips: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        clips.setdefault(row.name, []).append(number)
    if not count:
        return np.arange(len(rows))
    spread = [numbers[:: -(-len(numbers) // count)][:count] for numbers in clips.values()]
    return np.array(sorted(number for numbers in spread for number in numbers))


def _folds(
    scored: Mapping[str, tuple[PreparedSet, np.ndarray]], seen: str, settings: Settings, *, protocol: str
) -> list[Fold]:
    classes = {}
    for part, (prepared, scores) in scored.items():
        chosen = first_clips(prepared.rows, VIEWS[seen])
        found = presentation_scores([prepared.rows[n] for n in chosen], scores[chosen])
        classes[part] = found[0], np.concatenate(list(found[1].values()))
    bona_fide, attacks = classes["test"]
    own = metrics.eer(bona_fide, attacks)
    thresholds = {
        "test-eer": own.threshold,
        "dev-eer": metrics.eer(*classes["dev"]).threshold,
        "oracle": metrics.minimum_acer(bona_fide, {"attack": attacks}).threshold,
    }
    folds = []
    for way, threshold in thresholds.items():
        folds.append(
            Fold(
                protocol=protocol,
                seed=settings.run.seed,
                seen=seen,
                threshold_from=way,
                threshold=threshold,
                hter=metrics.hter(bona_fide, attacks, threshold=threshold),
                auc=metrics.auc(bona_fide, attacks),
                eer=own.rate,
                bona_fide=len(bona_fide),
                attacks=len(attacks),
            )
        )
    return folds


def _spread(of_seed: Mapping[int, Sequence[Fold]], protocol: str, *, whole: int) -> dict[str, object]:
    """The spread of one fold, or of the "mean" over the folds of each seed that has all of them."""
    cells: dict[str, object] = {}
    for figure in FIGURES:
        by_fold: dict[str, list[float]] = {}
        for fold in (fold for folds in of_seed.values() for fold in folds):
            by_fold.setdefault(fold.protocol, []).append(getattr(fold, figure))
        values = [
            float(np.mean([getattr(fold, figure) for fold in folds if protocol in (fold.protocol, "mean")]))
            for folds in of_seed.values()
            if (len(folds) == whole if protocol == "mean" else any(f.protocol == protocol for f in folds))
        ]
        cells[figure] = float(np.mean(values)) if values else float("nan")
        cells[f"{figure}_deviation"] = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        means = [float(np.mean(of_fold)) for of_fold in by_fold.values()]
        among = protocol == "mean" and bool(values) and len(means) > 1
        cells[f"{figure}_over_folds"] = float(np.std(means, ddof=1)) if among else float("nan")
        cells["seeds"] = len(values)
    return cells
