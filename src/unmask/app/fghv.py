"""Score a prepared set by both modules of FGHV, in torch (needs the extra `train`).

Columns: score (the best on dev of FHVM, variance, delta-KL and their combinations), fhvm (what the
exported file gives), variance and delta_kl (lower is more bona fide). Standardised by the bona fide
presentations of the training set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from unmask.app.extras import extra_of
from unmask.app.options import ScoresOut
from unmask.app.progress import bar, say
from unmask.data.prepare.prepared import SPEC, PreparedSet
from unmask.data.prepare.shards import Row
from unmask.files import keep_inputs, write_page
from unmask.report.planes import decision_plane, feature_map
from unmask.scores.formats import write_scores
from unmask.types import DataError, Label, SettingsError

SHARE = 0.95  # of the bona fide presentations of training that lie below a line of the decision plane


@dataclass(frozen=True, kw_only=True)
class FghvOptions:
    """The options of the command."""

    weights: Annotated[Path, typer.Argument(help="Weights of an FGHV, .safetensors.")]
    prepared: Annotated[Path, typer.Argument(help="A prepared set: dev or test.")]
    out: ScoresOut = Path("scores.csv")
    train: Annotated[
        Path | None,
        typer.Option(help="The prepared set the weights learned from; `train` beside PREPARED if not given."),
    ] = None
    dev: Annotated[
        Path | None,
        typer.Option(
            help="The prepared set that weighs the parts of the score; `dev` beside PREPARED if not given."
        ),
    ] = None
    steps: Annotated[int, typer.Option(help="Steps of the search for latent vectors.", min=0)] = 10
    rate: Annotated[float, typer.Option(help="Step size of the search.", min=1e-6)] = 0.05
    search: Annotated[Literal["adam", "descent"], typer.Option(help="Adam, or plain gradient descent.")] = (
        "adam"
    )
    plane: Annotated[
        Path | None, typer.Option(help="Draw the decision plane there, .svg (extra `report`).")
    ] = None
    features: Annotated[
        Path | None, typer.Option(help="Draw the t-SNE map of features there, .svg (extra `report`).")
    ] = None
    by: Annotated[str, typer.Option(help="Column of the manifest that is the domain on the map.")] = "dataset"


def fghv(options: FghvOptions) -> int:
    """Writes the table and what is to be drawn, and names the files."""
    with extra_of("fghv"):
        from unmask.models.fghv.gaussian import Search
        from unmask.models.weights import load
        from unmask.training import verification
    weights, prepared = options.weights, options.prepared
    outputs = {"--out": options.out, "--plane": options.plane, "--features": options.features}
    keep_inputs(outputs, [weights, prepared, options.train])
    network, _ = load(weights)
    search = Search(steps=options.steps, rate=options.rate, kind=options.search)
    train, asked = PreparedSet.open(_train(prepared, options.train)), PreparedSet.open(prepared)
    with bar(f"verifying {train.root}") as advance:
        by, standards = verification.standards_of(network, train, search=search, progress=advance)
    dev = _dev(prepared, options.dev)
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
    write_scores(options.out, verification.table(rows, evidence, scores))
    print(options.out)
    bona_fide = _bona_fide(rows)
    if options.plane is not None:
        svg = decision_plane(
            evidence.delta_kl,
            evidence.variance,
            bona_fide,
            delta_kl_threshold=float(np.quantile(standards.delta_kl, SHARE)),
            variance_threshold=float(np.quantile(standards.variance, SHARE)),
            title=f"lines: {SHARE:.0%} of the bona fide presentations of training lie below",
        )
        _draw(options.plane, svg)
    if options.features is not None:
        domains = _domains(asked, rows, column=options.by)
        _draw(options.features, feature_map(evidence.feature, bona_fide, domains, title="t-SNE of features"))
    return 0


def _train(prepared: Path, given: Path | None) -> Path:
    train = given or prepared.parent / "train"
    if not (train / SPEC).is_file():
        raise SettingsError(
            f"scores are standardised by the training set, and {train} is not a prepared set; name it by "
            "--train"
        )
    if train.resolve() == prepared.resolve():
        say(f"{train} is scored by its own statistics; its scores are no measure of the network")
    return train


def _dev(prepared: Path, given: Path | None) -> Path:
    dev = given or prepared.parent / "dev"
    if not (dev / SPEC).is_file():
        raise SettingsError(
            f"the parts of the score are weighed by dev, and {dev} is not a prepared set; name it by --dev"
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
    cells = {outcome.name: outcome.columns.get(column, "") for outcome in outcomes}
    if not any(cells.values()):
        known = sorted({name for outcome in outcomes for name in outcome.columns})
        raise DataError(f"{prepared.root} has no column {column}; --by may be one of {', '.join(known)}")
    return [cells[row.name] for row in rows]


def _draw(path: Path, svg: str) -> None:
    write_page(path, svg)
    print(path)
