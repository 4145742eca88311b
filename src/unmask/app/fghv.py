"""`unmask fghv`: weights and a prepared set -> a score table of both modules, and the two figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from unmask.app.progress import bar, say
from unmask.data.prepare.prepared import SPEC, PreparedSet
from unmask.data.prepare.shards import Row
from unmask.files import keep_inputs, write_page
from unmask.report.planes import decision_plane, feature_map
from unmask.scores.formats import write_scores
from unmask.types import DataError, Label, SettingsError

SHARE = 0.95  # of the bona fide presentations of training that lie below a line of the decision plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of the command; `train` and `dev` None are the sets of these names beside the one that is
    scored.
    """

    out: Path
    train: Path | None
    dev: Path | None
    steps: int
    rate: float
    search: Literal["adam", "descent"]
    plane: Path | None
    features: Path | None
    by: str


def run(weights: Path, prepared: Path, wishes: Wishes) -> int:
    """Writes the table and what is to be drawn, and names the files."""
    from unmask.models.fghv.gaussian import Search
    from unmask.models.weights import load
    from unmask.training import verification

    outputs = {"--out": wishes.out, "--plane": wishes.plane, "--features": wishes.features}
    keep_inputs(outputs, [weights, prepared, wishes.train])
    network, _ = load(weights)
    search = Search(steps=wishes.steps, rate=wishes.rate, kind=wishes.search)
    train, asked = PreparedSet.open(_train(prepared, wishes.train)), PreparedSet.open(prepared)
    with bar(f"verifying {train.root}") as advance:
        by, living = verification.standards_of(network, train, search=search, progress=advance)
    dev = _dev(prepared, wishes.dev)
    measured = {}
    for path in dict.fromkeys([prepared, dev]):
        one = asked if path == prepared else PreparedSet.open(path)
        with bar(f"verifying {one.root}") as advance:
            found = verification.verify(network, one, search=search, progress=advance)
        measured[path] = verification.by_presentation(one.rows, found)
    weights_of = verification.fitted(*measured[dev], by)
    rows, evidence = measured[prepared]
    for sentence in _sentences(measured, by, weights_of, prepared=prepared, dev=dev):
        say(sentence)
    scores = verification.combined(evidence, by, weights=weights_of)
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


def _dev(prepared: Path, given: Path | None) -> Path:
    dev = given or prepared.parent / "dev"
    if not (dev / SPEC).is_file():
        raise SettingsError(
            f"the parts of the score are weighed by dev, and {dev} is no prepared set; name it by --dev"
        )
    return prepared if dev.resolve() == prepared.resolve() else dev


def _sentences(
    measured: Mapping[Path, Any], by: Any, weights: Any, *, prepared: Path, dev: Path
) -> Iterator[str]:
    """What was fitted, and the AUC of the score and of its three parts."""
    from unmask.training.verification import PARTS, auc_of

    alone = [name for name, one in PARTS.items() if one == weights]
    yield (
        f"score by dev: {alone[0]} alone, no combination was better"
        if alone
        else f"score by dev: FHVM - {weights.variance:g} variance - {weights.delta_kl:g} delta-KL"
    )
    for path in dict.fromkeys([dev, prepared]):
        rows, evidence = measured[path]
        ways = {"score": weights, **PARTS}
        parts = (f"{name} {auc_of(rows, evidence, by, one):.4f}" for name, one in ways.items())
        if len({row.label for row in rows}) == 2:
            yield f"AUC on {path.name}: {', '.join(parts)}"


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
