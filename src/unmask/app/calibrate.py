"""Fit scores and operating points to your own captures; refuse what so few of them cannot promise.

Resumes an interrupted run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unmask.app.options import Choices, InferenceOptions, JobOptions, Labels, ModelOut, Page
from unmask.app.progress import say
from unmask.app.render import console
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.contract import Contract
from unmask.data.folder import LABELS, read_labels
from unmask.detector.model_file import read_file
from unmask.detector.scoring import PresentationScorer
from unmask.evaluation.calibration import (
    OVER,
    Calibrated,
    calibrate as fitted,
    first_point,
    raw_scores,
    read_point,
    refuse_impossible,
    write_calibrated,
)
from unmask.files import keep_inputs, name_below, write_page
from unmask.metrics.calibration import METHODS
from unmask.types import Label, Score, SettingsError

FEW = 200  # captures below which a step of an isotonic map stands on a handful


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions(InferenceOptions, JobOptions):
    """The options of the command."""

    model: Annotated[Path, typer.Argument(help="Exported .onnx file.", metavar="MODEL")]
    folder: Annotated[
        Path, typer.Argument(help="Your own captures with labels.csv.", metavar="LABELLED_FOLDER")
    ]
    out: ModelOut
    method: Annotated[
        str,
        Choices(METHODS),
        typer.Option(help="A logistic curve, or steps, which want hundreds of captures."),
    ] = "platt"
    points: Annotated[
        tuple[str, ...],
        typer.Option(
            "--point", help="An operating point, NAME:apcer=0.05 or NAME:bpcer=0.05; may be given again."
        ),
    ] = ()
    over: Annotated[
        str,
        Choices(OVER),
        typer.Option(help="What its APCER must hold for: each instrument, each family, or all attacks."),
    ] = "instrument"
    report: Page = None
    scores: Annotated[
        Path | None, typer.Option(help="Where the model's scores go; beside --out if not given.")
    ] = None
    labels: Labels = None
    seed: Annotated[int, typer.Option(help="Draws the folds of the page's reliability curve.", min=0)] = 0


def calibrate(options: CalibrateOptions) -> int:
    """Scores the captures, fits, writes the new file, says what it supports; 0 once that is done."""
    model, folder = options.model, options.folder
    wanted = [read_point(text) for text in options.points]
    if twice := {one.name for one in wanted if sum(other.name == one.name for other in wanted) > 1}:
        raise SettingsError(f"--point asks for {', '.join(sorted(twice))} twice; name each point once")
    presentations = read_labels(folder, options.labels)
    labels = options.labels or folder / LABELS
    table = options.scores or options.out.with_suffix(".scores.csv")
    outputs = {"--out": options.out, "--report": options.report, "--scores": table}
    keep_inputs(outputs, [model, labels, *(p.path for p in presentations)])
    refuse_impossible(wanted, presentations, over=options.over)
    _, contract = read_file(model)
    scorer = PresentationScorer(
        models=(str(model),),
        point=first_point(contract, precision=options.precision),
        precision=options.precision,
        device=options.device,
        fps=options.fps,
    )
    entries = [Entry(presentation=p, name=name_below(folder, p.path)) for p in presentations]
    output = ScoreOutput(table=table, jobs=options.jobs)
    found = write_rows(entries, scorer, output, title=f"scoring {folder}", lists=[labels])
    scores = raw_scores(found, contract)
    measured_on = _measured_on(folder, scores)
    made = fitted(
        contract,
        scores,
        method=options.method,
        wanted=wanted,
        over=options.over,
        precision=options.precision,
        measured_on=measured_on,
    )
    written = write_calibrated(model, made.contract, options.out)
    _show(made, scores)
    say(f"scores: {table}")
    say(f"model: {options.out}, {len(written.operating_points)} operating points in {options.precision}")
    if options.method == "isotonic" and len(scores) < FEW:
        say(
            f"unmask: {len(scores)} captures are few for isotonic steps (below {FEW}); "
            "--method platt bends less"
        )
    if options.report:
        _page(made, contract, scores, options, folder=folder)
    return 0


def _measured_on(folder: Path, scores: Sequence[Score]) -> str:
    bona_fide = sum(score.label is Label.BONA_FIDE for score in scores)
    name = folder.resolve().name  # not the path: the contract travels
    counts = f"{bona_fide} bona fide, {len(scores) - bona_fide} attacks"
    return f"own captures {name} ({counts}), {date.today().isoformat()}"


def _show(made: Calibrated, scores: Sequence[Score]) -> None:
    drawn = Table(box=None, pad_edge=False)
    for name in ("point", "threshold", "what the sample supports"):
        drawn.add_column(name, header_style="dim", justify="right" if name == "threshold" else "left")
    for point in made.contract.operating_points:
        drawn.add_row(point.name, f"{point.threshold:.4f}", made.supports[point.name])
    console().print(drawn)


def _page(
    made: Calibrated, before: Contract, scores: Sequence[Score], options: CalibrateOptions, *, folder: Path
) -> None:
    from unmask.report.calibration_page import page

    assert options.report is not None
    text = page(
        made.contract,
        scores,
        supports=made.supports,
        before=before,
        folder=folder.resolve().name,
        seed=options.seed,
        made_at=datetime.now(),
    )
    write_page(options.report, text)
    say(f"report: {options.report}")
