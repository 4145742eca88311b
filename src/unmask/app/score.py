"""Score a data set by a protocol, or a labelled folder; print error rates with counts and intervals.

Resumes an interrupted run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from unmask.app.options import EngineOptions, Labels, ModelOptions, ScoresOut, Trust
from unmask.app.progress import say
from unmask.app.render import console
from unmask.app.score_protocol import score_protocol
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.app.worst import Worst
from unmask.data.folder import LABELS, read_labels
from unmask.detector.detector import model_paths
from unmask.detector.scoring import PresentationScorer, contracts_of, thresholds_of
from unmask.files import keep_inputs, name_below
from unmask.metrics import Estimate, Rate, over, summarise
from unmask.parallel import ray_module
from unmask.plain import sentence
from unmask.signature import signature_path
from unmask.types import DataError, Score, SettingsError, Verdict


@dataclass(frozen=True, kw_only=True)
class ScoreOptions(ModelOptions, EngineOptions):
    """The options of the command."""

    sources: Annotated[
        tuple[str, ...],
        typer.Argument(
            help="A labelled folder, and a model (.onnx) in place of the packaged ones; with --protocol the "
            "unpacked folder of its data set, or NAME=FOLDER for each of several.",
            metavar="DATA",
        ),
    ]
    protocol: Annotated[
        str, typer.Option(help="Score the dev and test of this protocol, which `unmask data` lists.")
    ] = ""
    labels: Labels = None
    out: ScoresOut = Path("scores.csv")
    clips: Annotated[Path | None, typer.Option(help="Write the score of each clip to this table.")] = None
    evidence: Annotated[
        Path | None,
        typer.Option(help="Keep a picture, depth map and features of each presentation here, for `report`."),
    ] = None
    train: Annotated[bool, typer.Option("--train", help="Score the protocol's train too.")] = False
    by: Annotated[str | None, typer.Option(help="A column of the labels to split the figures by.")] = None
    worst_of: Worst = None
    trust: Trust = None


def score(options: ScoreOptions) -> int:
    """Scores every presentation, writes the table, prints the rates; 0 once all that is done.

    A source that ends in .onnx is a model, any other a folder, or NAME=FOLDER.
    """
    models = [source for source in options.sources if source.endswith(".onnx") and not Path(source).is_dir()]
    folders = [source for source in options.sources if source not in models]
    if not folders:
        raise SettingsError("there is nothing to score; name a folder")
    if options.trust:
        judges = model_paths((*models, *options.models) or None, precision=options.precision)
        keep_inputs(
            {"--out": options.out, "--clips": options.clips},
            [options.trust, *map(signature_path, judges)],
        )
    if options.engine == "ray":
        ray_module()  # what is missing is said before the work
    scorer = PresentationScorer(
        models=tuple(map(str, (*models, *options.models))),
        point=options.point,
        precision=options.precision,
        device=options.device,
        fps=options.fps,
        evidence=str(options.evidence or ""),
        trusted=str(options.trust or ""),
    )
    if options.trust:
        contracts_of(scorer)  # whatever else is wrong, models of strangers are named first
    output = ScoreOutput(table=options.out, clips=options.clips, engine=options.engine, jobs=options.jobs)
    if options.protocol:
        if options.labels or options.by:
            raise SettingsError(
                "--labels and --by belong to a labelled folder; leave them out, or --protocol"
            )
        return score_protocol(
            folders,
            options.protocol,
            scorer=scorer,
            output=output,
            train=options.train,
            worst_of=options.worst_of,
        )
    if len(folders) > 1 or options.train:
        raise SettingsError(
            "without --protocol, one labelled folder is scored as a whole; "
            f"name one folder and no --train, not {' '.join(folders)}, or a --protocol"
        )
    return _score_labelled(Path(folders[0]), options, scorer=scorer, output=output)


def _score_labelled(
    folder: Path, options: ScoreOptions, *, scorer: PresentationScorer, output: ScoreOutput
) -> int:
    presentations = read_labels(folder, options.labels)
    if options.by and not any(options.by in presentation.cells() for presentation in presentations):
        known = ", ".join(presentations[0].cells()) or "none"
        raise DataError(f"the labels have no free column {options.by}; they have {known}")
    entries = [Entry(presentation=p, name=name_below(folder, p.path)) for p in presentations]
    lists = [options.labels or folder / LABELS]
    scores = write_rows(entries, scorer, output, title=f"scoring {folder}", lists=lists)
    for title, group in groups(scores, by=options.by):
        console().print(table(group, title=title, worst_of=options.worst_of))
        for hint in summarise(group, thresholds_of(group), rounds=0).hints():
            console().print(Text(hint))
        console().print()
    say(f"scores: {options.out}")
    return 0


def groups(scores: Sequence[Score], *, by: str | None) -> list[tuple[str, list[Score]]]:
    """All scores, then those of each value of the column `by`."""
    found = [("all", list(scores))]
    values = sorted({score.columns.get(by, "") for score in scores}) if by else []
    for value in values:
        found.append((f"{by}: {value}", [s for s in scores if s.columns.get(by or "", "") == value]))
    return found


def table(scores: Sequence[Score], *, title: str, worst_of: str | None = None) -> Table:
    """The rates of one group: what, how much, of how many, and the 95 % interval."""
    summary = summarise(over(scores, worst_of or "instrument"), thresholds_of(scores))
    drawn = Table(
        title=Text(sentence(title)), title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    drawn.add_column("figure", header_style="dim")
    for name in ("value", "count", "95 % interval"):
        drawn.add_column(name, justify="right", header_style="dim")
    for name, rate in summary.instruments.items():
        worst = ", the worst" if name == summary.worst_instrument and len(summary.instruments) > 1 else ""
        drawn.add_row(f"APCER {name}{worst}", *_rate(rate))
    drawn.add_row("BPCER", *_rate(summary.bpcer))
    drawn.add_row("ACER", *_estimate(summary.acer, scale=100, unit=" %"))
    drawn.add_row("AUC", *_estimate(summary.auc, scale=1, unit=""))
    bona_fide, attacks = summary.bona_fide, summary.attacks
    drawn.add_row("non-responses, bona fide", "", f"{summary.bona_fide_non_responses} of {bona_fide}", "")
    drawn.add_row("non-responses, attacks", "", f"{summary.attack_non_responses} of {attacks}", "")
    undecided = sum(score.columns.get("verdict") == Verdict.UNDECIDED for score in scores)
    drawn.add_row("verdict UNDECIDED", "", f"{undecided} of {len(scores)}", "")
    return drawn


def _rate(rate: Rate) -> tuple[str, str, str]:
    if not rate.count:
        return "–", "0 of 0", ""
    interval = f"{100 * rate.low:.1f} to {100 * rate.high:.1f} %"
    return f"{100 * rate.value:.1f} %", f"{rate.errors} of {rate.count}", interval


def _estimate(estimate: Estimate, *, scale: float, unit: str) -> tuple[str, str, str]:
    if not math.isfinite(estimate.value):
        return "–", "", ""
    digits = 1 if unit else 3
    value, low, high = (f"{scale * x:.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    return f"{value}{unit}", "", f"{low} to {high}{unit}"
