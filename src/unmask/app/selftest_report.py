"""Say what came of a plan, in the words of ISO/IEC 30107-3.

Resumes an interrupted run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import ModelOptions
from unmask.app.progress import say
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.detector.scoring import PresentationScorer, contracts_of
from unmask.evaluation.selftest import NOBODY, SelftestOutcome, counted, stem
from unmask.files import keep_inputs, name_below, write_page
from unmask.report.selftest_page import report
from unmask.scores import read_scores
from unmask.scores.plan import (
    PlannedPresentation,
    read_plan,
    split_retry,
)
from unmask.types import DataError, Presentation, Score


@dataclass(frozen=True, kw_only=True)
class SelftestOptions(ModelOptions):
    """The options of the command."""

    plan: Annotated[Path, typer.Argument(help="The plan, filled in.", metavar="PLAN")]
    captures: Annotated[
        Path, typer.Argument(help="The folder of captures, or their scores.csv.", metavar="CAPTURES")
    ]
    out: Annotated[Path, typer.Option(help="The page.")] = Path("selftest.html")
    scores: Annotated[
        Path | None, typer.Option(help="Where the scores go; beside the page if not given.")
    ] = None


def selftest_report(options: SelftestOptions) -> int:
    """Scores the captures, or reads their scores, and writes the report."""
    table, captures = options.plan, options.captures
    planned = read_plan(table)
    kept = options.scores or options.out.with_suffix(".scores.csv")
    read = [table, *options.models, *([] if captures.is_dir() else [captures])]
    keep_inputs({"--out": options.out, **({"--scores": kept} if captures.is_dir() else {})}, read)
    if captures.is_dir():
        scores, model = _scored(planned, captures, options, plan_file=table)
    else:
        scores, model = read_scores(captures), f"the scores in {captures.name}"
    outcome = counted(planned, scores)
    text = report(outcome, model=model, where=_where(outcome, captures), made_at=datetime.now())
    write_page(options.out, text)
    for kind in outcome.kinds:
        name = "BPCER" if kind.name == NOBODY else f"APCER {kind.name}"
        print(
            f"{name}: {kind.errors.errors} of {kind.errors.count}; "
            f"no response {kind.silent.errors} of {kind.silent.count}"
        )
    if outcome.missing:
        say(f"unmask: {outcome.missing} of {outcome.planned} planned presentations were not made")
    say(f"report: {options.out}; it is not a certificate")
    return 0


def _where(outcome: SelftestOutcome, captures: Path) -> str:
    made = sum(kind.silent.count for kind in outcome.kinds)
    return f"{made} presentations of {captures.resolve().name}"


def _scored(
    planned: Sequence[PlannedPresentation], folder: Path, options: SelftestOptions, *, plan_file: Path
) -> tuple[list[Score], str]:
    entries = _captured(planned, folder)
    if not entries:
        return [], "no model: nothing was captured"
    scorer = PresentationScorer(
        models=tuple(map(str, options.models)),
        point=options.point,
        precision=options.precision,
        device=options.device,
        fps=options.fps,
    )
    kept = options.scores or options.out.with_suffix(".scores.csv")
    keep_inputs({"--out": options.out}, [entry.presentation.path for entry in entries])
    output = ScoreOutput(table=kept, jobs=1)
    found = write_rows(entries, scorer, output, title=f"scoring {folder}", lists=[plan_file])
    say(f"scores: {kept}")
    names = " and ".join(f"{c.name} {c.version}" for c in contracts_of(scorer))
    return found, f"{names} at the operating point {options.point} ({options.precision})"


def planned_captures(table: Path, folder: Path) -> list[Presentation]:
    """What the folder holds of a plan, in the order of its files; DataError where that is nothing."""
    return [entry.presentation for entry in _captured(read_plan(table), folder)]


def _captured(planned: Sequence[PlannedPresentation], folder: Path) -> list[Entry]:
    """The captures of the folder that bear a name of the plan; none where the plan says so."""
    rows = {row.name: row for row in planned}
    entries, strangers = [], []
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or not (path.is_file() or _frames_of(path, rows)):
            continue
        row = rows.get(split_retry(stem(path.name))[0])
        if row is not None:
            entries.append(_entry(path, row, folder))
        elif path.parent == folder and path.suffix.lower() not in (".csv", ".html", ".txt", ".partial"):
            strangers.append(path.name)
    if not entries:
        if any(row.response for row in planned):
            return []
        raise DataError(
            f"{folder} holds no capture with a name of the plan, such as {planned[0].name}.mp4; name "
            "captures as in the column presentation"
        )
    for name in strangers[:1]:
        say(f"unmask: {len(strangers)} files of {folder} bear no name of the plan, {name} the first")
    return entries


def _frames_of(path: Path, rows: dict[str, PlannedPresentation]) -> bool:
    """Whether a folder is a capture: one of frames."""
    return path.is_dir() and split_retry(path.name)[0] in rows


def _entry(path: Path, row: PlannedPresentation, folder: Path) -> Entry:
    presentation = Presentation(
        path=str(path), label=row.label, instrument=row.instrument, subject=row.subject
    )
    return Entry(presentation=presentation, name=name_below(folder, str(path)))
