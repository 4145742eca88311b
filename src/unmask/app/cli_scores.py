"""The commands that make, read and write score tables."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import Engine, Fps, InEngine, InPrecision, Jobs, Models, Point, Precision, Trust


class ScoreFormat(StrEnum):
    """Of a score table; docs/evaluation.md shows a row of each."""

    UNMASK = "unmask"
    BOB = "bob"
    BOB_4 = "bob-4"
    SCORE_LABEL = "score-label"
    OULU = "oulu"


class WorstOf(StrEnum):
    """What the worst APCER is taken over."""

    INSTRUMENT = "instrument"
    FAMILY = "family"


Worst = Annotated[
    WorstOf | None,
    typer.Option(
        help="What the worst APCER is taken over; if not given, what the protocol defines (OULU-NPU: "
        "family), else each instrument."
    ),
]


def score(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="A labelled folder, and a model (.onnx) in place of the packaged ones; with --protocol the "
            "unpacked folder of its data set, or NAME=FOLDER for each of several.",
            metavar="DATA",
        ),
    ],
    protocol: Annotated[
        str, typer.Option(help="Score the dev and test of this protocol, which `unmask data` lists.")
    ] = "",
    labels: Annotated[
        Path | None, typer.Option(help="CSV with path,label,instrument; FOLDER/labels.csv if not given.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the score of each presentation goes.")] = Path(
        "scores.csv"
    ),
    clips: Annotated[Path | None, typer.Option(help="Write the score of each clip to this table.")] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(help="Keep a picture, depth map and features of each presentation here, for `report`."),
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Score the protocol's train too.")] = False,
    by: Annotated[str | None, typer.Option(help="A column of the labels to split the figures by.")] = None,
    worst: Worst = None,
    model: Models = None,
    point: Point = "default",
    fps: Fps = 30.0,
    precision: InPrecision = Precision.F32,
    engine: InEngine = Engine.PROCESSES,
    jobs: Jobs = 0,
    trust: Trust = None,
) -> int:
    """Score a data set by a protocol, or a labelled folder; print error rates with counts and intervals.

    A run that was broken off goes on where it stood.
    """
    from unmask.app.score import Wishes, run

    wishes = Wishes(
        protocol=protocol,
        labels=labels,
        out=out,
        clips=clips,
        evidence=evidence,
        train=train,
        by=by,
        worst_of=worst.value if worst else "",
        models=tuple(model or ()),
        point=point,
        fps=fps,
        precision=precision.value,
        engine=engine.value,
        jobs=jobs,
        trust=trust,
    )
    return run(sources, wishes)


def evaluate(
    scores: Annotated[
        list[Path], typer.Argument(help="Score tables; several are systems.", metavar="SCORES")
    ],
    dev: Annotated[
        list[Path] | None,
        typer.Option(help="Dev scores of the same system, one for each table; or use a column split."),
    ] = None,
    threshold: Annotated[
        str, typer.Option(help="dev-eer, dev-apcer=0.05, dev-bpcer=0.01, fixed=0.5 or oracle.")
    ] = "dev-eer",
    name: Annotated[list[str] | None, typer.Option(help="Of each system; the file's if not given.")] = None,
    folds: Annotated[
        bool, typer.Option("--folds", help="The tables are folds of one system: mean and deviation.")
    ] = False,
    worst: Worst = None,
    form: Annotated[
        ScoreFormat | None, typer.Option("--format", help="Of the tables, where it cannot be told.")
    ] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Write all figures to this table.")] = None,
    rounds: Annotated[int, typer.Option(help="Draws of the bootstrap; 0 for no intervals.", min=0)] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same intervals.", min=0)] = 0,
) -> int:
    """Print the error rates of score tables, at a threshold from dev and at the oracle's beside it.

    One table: every instrument with counts and 95 % intervals. Several: a leaderboard.
    """
    from unmask.app.evaluate import Wishes, run

    return run(
        scores,
        Wishes(
            dev=tuple(dev or ()),
            names=tuple(name or ()),
            threshold=threshold,
            folds=folds,
            worst_of=worst.value if worst else "",
            form=form.value if form else None,
            table=table,
            rounds=rounds,
            seed=seed,
        ),
    )


def convert(
    scores: Annotated[Path, typer.Argument(help="A score table.")],
    out: Annotated[Path, typer.Argument(help="The table to write.")],
    to: Annotated[ScoreFormat, typer.Option(help="Its format.")] = ScoreFormat.UNMASK,
    form: Annotated[
        ScoreFormat | None, typer.Option("--format", help="Of SCORES, where it cannot be told.")
    ] = None,
) -> int:
    """Write a score table in another format: ours, bob's two, `score label`, or that of OULU-NPU."""
    from unmask.app.convert import run

    return run(scores, out, to=to.value, form=form.value if form else None)
