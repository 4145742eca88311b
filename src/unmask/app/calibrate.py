"""`unmask calibrate`: a model and a user's own labelled captures -> a model file that knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from rich.table import Table

from unmask.app.progress import say
from unmask.app.render import console
from unmask.app.score_rows import Entry, Output, write_rows
from unmask.contract import Contract
from unmask.data.folder import LABELS, read_labels
from unmask.detector.network import read_file
from unmask.detector.scoring import PresentationScorer
from unmask.evaluation.calibration import (
    OVER,
    Calibrated,
    calibrate,
    first_point,
    raw_scores,
    read_point,
    refuse_impossible,
    write_calibrated,
)
from unmask.files import keep_inputs, name_below, write_page
from unmask.types import Label, Score, SettingsError

FEW = 200  # captures below which a step of an isotonic map stands on a handful


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask calibrate`; `jobs` 0 is a process for each core that is worth one."""

    out: Path
    method: str = "platt"
    points: tuple[str, ...] = ()
    over: str = "instrument"
    report: Path | None = None
    scores: Path | None = None
    labels: Path | None = None
    precision: str = "f32"
    fps: float = 30.0
    seed: int = 0
    jobs: int = 0


def run(model: Path, folder: Path, wishes: Wishes) -> int:
    """Scores the captures, fits, writes the new file, says what it supports; 0 once that is done."""
    wanted = [read_point(text) for text in wishes.points]
    if twice := {one.name for one in wanted if sum(other.name == one.name for other in wanted) > 1}:
        raise SettingsError(f"--point asks for {', '.join(sorted(twice))} twice; name each point once")
    if wishes.over not in OVER:
        raise SettingsError(f"--over is one of {', '.join(OVER)}, not {wishes.over!r}")
    presentations = read_labels(folder, wishes.labels)
    labels = wishes.labels or folder / LABELS
    table = wishes.scores or wishes.out.with_suffix(".scores.csv")
    outputs = {"--out": wishes.out, "--report": wishes.report, "--scores": table}
    keep_inputs(outputs, [model, labels, *(p.path for p in presentations)])
    refuse_impossible(wanted, presentations, over=wishes.over)
    _, contract = read_file(model)
    scorer = PresentationScorer(
        models=(str(model),),
        point=first_point(contract, precision=wishes.precision),
        precision=wishes.precision,
        fps=wishes.fps,
    )
    entries = [Entry(presentation=p, name=name_below(folder, p.path)) for p in presentations]
    output = Output(table=table, jobs=wishes.jobs)
    found = write_rows(entries, scorer, output, title=f"scoring {folder}", lists=[labels])
    scores = raw_scores(found, contract)
    measured_on = _measured_on(folder, scores)
    made = calibrate(
        contract,
        scores,
        method=wishes.method,
        wanted=wanted,
        over=wishes.over,
        precision=wishes.precision,
        measured_on=measured_on,
    )
    written = write_calibrated(model, made.contract, wishes.out)
    _show(made, scores)
    say(f"scores: {table}")
    say(f"model: {wishes.out}, {len(written.operating_points)} operating points in {wishes.precision}")
    if wishes.method == "isotonic" and len(scores) < FEW:
        say(
            f"unmask: {len(scores)} captures are few for isotonic steps (below {FEW}); "
            "--method platt bends less"
        )
    if wishes.report:
        _page(made, contract, scores, wishes, folder=folder)
    return 0


def _measured_on(folder: Path, scores: Sequence[Score]) -> str:
    living = sum(score.label is Label.BONA_FIDE for score in scores)
    name = folder.resolve().name  # not the path: the contract travels
    counts = f"{living} bona fide, {len(scores) - living} attacks"
    return f"own captures {name} ({counts}), {date.today().isoformat()}"


def _show(made: Calibrated, scores: Sequence[Score]) -> None:
    drawn = Table(box=None, pad_edge=False)
    for name in ("point", "threshold", "what the sample supports"):
        drawn.add_column(name, header_style="dim", justify="right" if name == "threshold" else "left")
    for point in made.contract.operating_points:
        drawn.add_row(point.name, f"{point.threshold:.4f}", made.supports[point.name])
    console().print(drawn)


def _page(
    made: Calibrated, before: Contract, scores: Sequence[Score], wishes: Wishes, *, folder: Path
) -> None:
    from unmask.report.calibration_page import page

    assert wishes.report is not None
    text = page(
        made.contract,
        scores,
        supports=made.supports,
        before=before,
        folder=folder.resolve().name,
        seed=wishes.seed,
        made_at=datetime.now(),
    )
    write_page(wishes.report, text)
    say(f"report: {wishes.report}")
