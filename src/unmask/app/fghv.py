"""`unmask fghv`: weights and a prepared set -> a score table of both modules, and the two figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from unmask.app.progress import bar, say
from unmask.data.prepared import SPEC, PreparedSet
from unmask.data.shards import Row
from unmask.media.files import keep_inputs, write_page
from unmask.report.planes import decision_plane, feature_map
from unmask.scores.formats import write_scores
from unmask.types import DataError, Label, SettingsError

SHARE = 0.95  # of the bona fide presentations of training that lie below a line of the decision plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of the command; `train` None is the set "train" beside the one that is scored."""

    out: Path
    train: Path | None
    steps: int
    rate: float
    search: Literal["adam", "descent"]
    plane: Path | None
    features: Path | None
    by: str


def run(weights: Path, prepared: Path, wishes: Wishes) -> int:
    """Writes the table and what is to be drawn, and names the files."""
    from unmask.models.gaussian import Search
    from unmask.models.weights import load
    from unmask.training import verification

    outputs = {"--out": wishes.out, "--plane": wishes.plane, "--features": wishes.features}
    keep_inputs(outputs, [weights, prepared, wishes.train])
    network, _ = load(weights)
    search = Search(steps=wishes.steps, rate=wishes.rate, kind=wishes.search)
    train, asked = PreparedSet.open(_train(prepared, wishes.train)), PreparedSet.open(prepared)
    with bar(f"verifying {train.root}") as advance:
        by, living = verification.standards_of(network, train, search=search, progress=advance)
    with bar(f"verifying {asked.root}") as advance:
        evidence = verification.verify(network, asked, search=search, progress=advance)
    rows, evidence = verification.by_presentation(asked.rows, evidence)
    scores = verification.combined(evidence, by)
    write_scores(wishes.out, verification.table(rows, evidence, scores))
    print(wishes.out)
    bona_fide = _bona_fide(rows)
    if wishes.plane is not None:
        svg = decision_plane(
            evidence.delta_kl,
            evidence.variance,
            bona_fide,
            delta_kl_threshold=float(np.quantile(living.delta_kl, SHARE)),
            variance_threshold=float(np.quantile(living.variance, SHARE)),
            title=f"lines: {SHARE:.0%} of the bona fide presentations of training lie below",
        )
        _draw(wishes.plane, svg)
    if wishes.features is not None:
        domains = _domains(asked, rows, column=wishes.by)
        _draw(wishes.features, feature_map(evidence.feature, bona_fide, domains, title="t-SNE of features"))
    return 0


def _train(prepared: Path, given: Path | None) -> Path:
    train = given or prepared.parent / "train"
    if not (train / SPEC).is_file():
        raise SettingsError(
            f"scores are standardised by the training set, and {train} is no prepared set; name it by --train"
        )
    if train.resolve() == prepared.resolve():
        say(f"{train} is scored by its own statistics; its scores are no measure of the network")
    return train


def _bona_fide(rows: Sequence[Row]) -> np.ndarray:
    return np.array([row.label is Label.BONA_FIDE for row in rows])


def _domains(prepared: PreparedSet, rows: Sequence[Row], *, column: str) -> list[str]:
    """The cell of each presentation in that column of what is known of it."""
    outcomes = [outcome for shard in prepared.shards for outcome in shard.outcomes]
    cells = {outcome.presentation: outcome.columns.get(column, "") for outcome in outcomes}
    if not any(cells.values()):
        known = sorted({name for outcome in outcomes for name in outcome.columns})
        raise DataError(f"{prepared.root} has no column {column}; --by may be one of {', '.join(known)}")
    return [cells[row.presentation] for row in rows]


def _draw(path: Path, svg: str) -> None:
    write_page(path, svg)
    print(path)
