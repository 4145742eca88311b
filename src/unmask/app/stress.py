"""Change recordings on purpose and say what that does to scores, error rates and verdicts.

Resumes an interrupted run.
"""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unmask.app.options import JobOptions, Labels, ModelOptions, Page
from unmask.app.progress import bar, say
from unmask.app.render import console
from unmask.app.score_rows import mark_of, scored_from_json
from unmask.data.folder import LABELS, read_labels
from unmask.detector import scoring
from unmask.detector.scoring import PresentationScorer, Scored
from unmask.evaluation.perturbed import Stresser, Trial
from unmask.files import content_of, keep_inputs, name_below, write_bytes, write_page
from unmask.media.changes import NONE, read_doses
from unmask.parallel import ENGINES, KilledError
from unmask.plain import as_csv
from unmask.scores.journal import Journal, journal, journal_path
from unmask.scores.stress import StressRow, write_stress
from unmask.types import DataError, OutputError, Presentation, SettingsError

MIN_PER_WORKER = 200  # trials of a process that are worth its start


@dataclass(frozen=True, kw_only=True)
class StressOptions(ModelOptions, JobOptions):
    """The options of the command."""

    sources: Annotated[
        tuple[str, ...],
        typer.Argument(
            help="A labelled folder, and a model (.onnx) in place of the packaged ones.",
            metavar="DATA",
        ),
    ]
    out: Annotated[
        Path, typer.Option(help="The table: one row for each change, strength and presentation.")
    ] = Path("stress.csv")
    report: Page = None
    summary: Annotated[
        Path | None,
        typer.Option(help="Write the effects to this table: one row for each change and strength."),
    ] = None
    labels: Labels = None
    changes: Annotated[
        tuple[str, ...],
        typer.Option(
            "--change",
            help="jpeg, h264, size, blur, gamma, noise, box-shift, box-growth, mirror, drops or rate, or "
            "with strengths as jpeg=50,10; all if not given.",
        ),
    ] = ()
    seed: Annotated[int, typer.Option(help="The same seed draws the same noise.", min=0)] = 0


def stress(options: StressOptions) -> int:
    """Scores every presentation under every change, writes what was wished for, prints the effects."""
    models = [source for source in options.sources if source.endswith(".onnx") and not Path(source).is_dir()]
    folders = [Path(source) for source in options.sources if source not in models]
    if len(folders) != 1:
        raise SettingsError(f"one labelled folder is changed and scored, not {len(folders)}; name one folder")
    doses = [(NONE, 0.0), *read_doses(list(options.changes))]
    presentations = read_labels(folders[0], options.labels)
    outputs = {"--out": options.out, "--report": options.report, "--summary": options.summary}
    outputs["the journal"] = journal_path(options.out)
    read: list[str | Path] = [options.labels or folders[0] / LABELS, *models, *options.models]
    keep_inputs(outputs, [*read, *(p.path for p in presentations)])
    trials = [
        Trial(presentation=presentation, number=number, change=change, strength=strength)
        for number, presentation in enumerate(presentations)
        for change, strength in doses
    ]
    scorer = PresentationScorer(
        models=tuple(map(str, (*models, *options.models))),
        point=options.point,
        precision=options.precision,
        device=options.device,
        fps=options.fps,
    )
    rows = _table(trials, Stresser(scorer=scorer, seed=options.seed), options, root=folders[0])
    _show(rows, options)
    return 0


def _table(
    trials: Sequence[Trial], stresser: Stresser, options: StressOptions, *, root: Path
) -> list[StressRow]:
    """All rows, in order of change, strength and presentation, once their table is written."""
    with journal(options.out, _mark(trials, stresser, root=root)) as kept:
        found = _tried(trials, stresser, options, kept=kept)
        rows = [_row(trial, one, root=root) for trial, one in zip(trials, found, strict=True) if one.verdict]
        order = {dose: place for place, dose in enumerate(dict.fromkeys(_dose(t) for t in trials))}
        rows.sort(key=lambda row: order[row.change, row.strength])
        write_stress(options.out, rows)
        kept.remove()
    if not any(row.change == NONE and math.isfinite(row.score.score) for row in rows):
        raise DataError(f"no presentation of {root} has a score; {options.out} says why: look at the files")
    return rows


def _tried(
    trials: Sequence[Trial], stresser: Stresser, options: StressOptions, *, kept: Journal
) -> list[Scored]:
    contents = {path: content_of(path) for path in dict.fromkeys(t.presentation.path for t in trials)}
    same = {
        n
        for n, row in kept.rows.items()
        if row.get("content", {}).get("sha256") == contents[trials[n].presentation.path]["sha256"]
    }
    todo = [(place, trial) for place, trial in enumerate(trials) if place not in same]
    if same:
        say(f"{len(same)} of {len(trials)} trials were done before; going on with the others")
    jobs = options.jobs or max(1, math.ceil(len(todo) / MIN_PER_WORKER))
    told: set[str] = set()
    try:
        results = ENGINES["processes"](stresser, todo, jobs=min(jobs, os.cpu_count() or 1))
        with bar("changing and scoring") as advance, closing(results):
            for done, (place, one) in enumerate(results, start=len(same) + 1):
                kept.keep(place, {**asdict(one), "content": contents[trials[place].presentation.path]})
                if one.sentence and one.sentence not in told:
                    told.add(one.sentence)
                    say(f"unmask: {one.sentence}")
                advance(done, len(trials))
    except KilledError as killed:
        raise OutputError(
            f"a worker process was killed with {len(kept.rows)} of {len(trials)} trials done and kept in "
            f"{kept.path}; run the same command again to go on, with fewer --jobs if memory is short"
        ) from killed
    return [scored_from_json(kept.rows[place]) for place in range(len(trials))]


def _mark(trials: Sequence[Trial], stresser: Stresser, *, root: Path) -> dict[str, str]:
    """All that the rows follow from; a table is continued only by the same."""
    listed = [
        [name_below(root, t.presentation.path), t.presentation.label, t.change, t.strength] for t in trials
    ]
    return {
        **mark_of(stresser.scorer),
        "seed": str(stresser.seed),
        "list of presentations or changes": hashlib.sha256(json.dumps(listed).encode()).hexdigest(),
    }


def _dose(trial: Trial) -> tuple[str, float]:
    return trial.change, trial.strength


def _row(trial: Trial, found: Scored, *, root: Path) -> StressRow:
    presentation: Presentation = trial.presentation
    score = scoring.row(presentation, found, name=name_below(root, presentation.path))
    return StressRow(change=trial.change, strength=trial.strength, score=score)


def _show(rows: Sequence[StressRow], options: StressOptions) -> None:
    """The effects on stdout, and in the page and the table that were wished for."""
    from unmask.evaluation.stress import HEADER, cells, effects

    found = effects(rows)
    drawn = Table(box=None, pad_edge=False)
    for name in ("change", "strength", "n", "bona fide", "attacks", "APCER, all", "BPCER", "flips"):
        drawn.add_column(name, justify="left" if name == "change" else "right", header_style="dim")
    for one in found:
        changes = (f"{x:+.3f}" if math.isfinite(x) else "" for x in (one.bona_fide_change, one.attack_change))
        rates = (f"{rate.errors} of {rate.count}" for rate in (one.attacks_accepted, one.bpcer, one.flips))
        drawn.add_row(one.change, f"{one.strength:g}", str(one.count), *changes, *rates)
    console().print(drawn)
    say(f"stress: {options.out}")
    if options.summary:
        write_bytes(options.summary, as_csv([HEADER, *map(cells, found)]).encode())
        say(f"summary: {options.summary}")
    if options.report:
        from unmask.report.stress_page import page

        write_page(options.report, page(options.out, made_at=datetime.now()))
        say(f"report: {options.report}")
