"""The commands for what a model does where it is installed: under stress, calibrated, tested by its users."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import Fps, InPrecision, Jobs, Models, Point, Precision

selftest = typer.Typer(
    help="Plan a test of your own installation, and report what came of it; it is no certificate.",
    no_args_is_help=True,
)


class Method(StrEnum):
    """How scores become calibrated ones."""

    PLATT = "platt"
    ISOTONIC = "isotonic"


class Over(StrEnum):
    """What an APCER that is asked for must hold for."""

    INSTRUMENT = "instrument"
    FAMILY = "family"
    ALL = "all"


def stress(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="A labelled folder, and a model (.onnx) in place of the packaged ones.",
            metavar="DATA",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The table: a row a change, strength and presentation.")] = Path(
        "stress.csv"
    ),
    report: Annotated[Path | None, typer.Option(help="Write one HTML page that needs nothing else.")] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Write the effects to this table: a row a change and strength.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV with path,label,instrument; FOLDER/labels.csv if not given.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            help="jpeg, h264, size, blur, gamma, noise, box-shift, box-growth, mirror, drops or rate, or "
            "with strengths as jpeg=50,10; all if not given."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same noise.", min=0)] = 0,
    model: Models = None,
    point: Point = "default",
    fps: Fps = 30.0,
    precision: InPrecision = Precision.F32,
    jobs: Jobs = 0,
) -> int:
    """Change recordings on purpose and say what that does to scores, error rates and verdicts.

    A run that was broken off goes on where it stood.
    """
    from unmask.app.stress import Wishes, run

    return run(
        sources,
        Wishes(
            out=out,
            report=report,
            summary=summary,
            labels=labels,
            changes=tuple(change or ()),
            seed=seed,
            models=tuple(model or ()),
            point=point,
            precision=precision.value,
            fps=fps,
            jobs=jobs,
        ),
    )


def calibrate(
    model: Annotated[Path, typer.Argument(help="Exported .onnx file.", metavar="MODEL")],
    folder: Annotated[
        Path, typer.Argument(help="Your own captures with labels.csv.", metavar="LABELLED_FOLDER")
    ],
    out: Annotated[Path, typer.Option(help="The model file to write.")],
    method: Annotated[
        Method, typer.Option(help="A logistic curve, or steps, which want hundreds of captures.")
    ] = Method.PLATT,
    point: Annotated[
        list[str] | None,
        typer.Option(help="An operating point, NAME:apcer=0.05 or NAME:bpcer=0.05; may be given again."),
    ] = None,
    over: Annotated[
        Over, typer.Option(help="What its APCER must hold for: each instrument, each family, or all attacks.")
    ] = Over.INSTRUMENT,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page that needs nothing else.")] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Where the model's scores go; beside --out if not given.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV with path,label,instrument; FOLDER/labels.csv if not given.")
    ] = None,
    fps: Fps = 30.0,
    precision: InPrecision = Precision.F32,
    seed: Annotated[int, typer.Option(help="Draws the folds of the page's reliability curve.", min=0)] = 0,
    jobs: Jobs = 0,
) -> int:
    """Fit scores and operating points to your own captures; refuse what so few of them cannot promise.

    A run that was broken off goes on where it stood.
    """
    from unmask.app.calibrate import Wishes, run

    return run(
        model,
        folder,
        Wishes(
            out=out,
            method=method.value,
            points=tuple(point or ()),
            over=over.value,
            report=report,
            scores=scores,
            labels=labels,
            precision=precision.value,
            fps=fps,
            seed=seed,
            jobs=jobs,
        ),
    )


@selftest.command("plan")
def selftest_plan(
    out: Annotated[Path, typer.Option(help="The plan, a CSV to be filled in.")] = Path("plan.csv"),
    checklist: Annotated[Path | None, typer.Option(help="Write the page to print (A4).")] = None,
    subjects: Annotated[int, typer.Option(help="People who take part.", min=1)] = 10,
    per_species: Annotated[
        int, typer.Option(help="Attacks with each species; a third as many bona fide stand between.", min=1)
    ] = 150,
    species: Annotated[
        list[str] | None, typer.Option(help="family/species; given again for each; six if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the order of the subjects.", min=0)] = 0,
) -> int:
    """Plan presentations: species after iBeta level 1, each attack between bona fide presentations."""
    from unmask.app.selftest import plan

    return plan(
        out,
        page=checklist,
        subjects=subjects,
        per_species=per_species,
        species=tuple(species or ()),
        seed=seed,
    )


@selftest.command("report")
def selftest_report(
    plan: Annotated[Path, typer.Argument(help="The plan, filled in.", metavar="PLAN")],
    captures: Annotated[
        Path, typer.Argument(help="The folder of captures, or their scores.csv.", metavar="CAPTURES")
    ],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("selftest.html"),
    scores: Annotated[
        Path | None, typer.Option(help="Where the scores go; beside the page if not given.")
    ] = None,
    model: Models = None,
    point: Point = "default",
    fps: Fps = 30.0,
    precision: InPrecision = Precision.F32,
) -> int:
    """Say what came of a plan, in the words of ISO/IEC 30107-3; a run broken off goes on where it stood."""
    from unmask.app.selftest import Wishes, tell

    return tell(
        plan,
        captures,
        Wishes(
            out=out,
            scores=scores,
            models=tuple(model or ()),
            point=point,
            precision=precision.value,
            fps=fps,
        ),
    )


def add_field_commands(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (stress, calibrate):
        app.command()(command)
    app.add_typer(selftest, name="selftest")
