"""The commands for what a model does where it is installed: under stress, calibrated, tested by its users."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.cli_train import train_extra
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


def adapt(
    model: Annotated[
        Path,
        typer.Argument(
            help="Exported .onnx file with a linear head; `default` is the packaged one.", metavar="MODEL"
        ),
    ],
    folder: Annotated[
        Path,
        typer.Argument(
            help="3 to 20 bona fide captures of your own camera and as many attacks, with labels.csv.",
            metavar="LABELLED_FOLDER",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The model file to write.")],
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV with path,label,instrument,subject; FOLDER/labels.csv if not given."),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            help="Plan of `unmask selftest plan` whose names the captures bear, in place of labels."
        ),
    ] = None,
    fps: Fps = 30.0,
    precision: InPrecision = Precision.F32,
) -> int:
    """Refit a model's head to a handful of captures of your own camera, and say what that gained."""
    from unmask.app.adapt import AdaptOptions, run

    return run(
        model,
        folder,
        AdaptOptions(out=out, labels=labels, plan=plan, precision=precision.value, fps=fps),
    )


class ImportedNetwork(StrEnum):
    """Networks of others whose published files can be read."""

    MINIFASNET = "minifasnet"


def import_published(
    network: Annotated[ImportedNetwork, typer.Argument(help="Whose files they are.", metavar="NETWORK")],
    files: Annotated[
        list[Path], typer.Argument(help="The published .pth files: both, or one of them.", metavar="FILE")
    ],
    out: Annotated[Path, typer.Option(help="The model file to write.")] = Path("minifasnet.onnx"),
) -> int:
    """Make a model file of published weights, for a second opinion (needs the extra `train`).

    minifasnet: 2.7_80x80_MiniFASNetV2.pth and 4_0_0_80x80_MiniFASNetV1SE.pth of
    github.com/minivision-ai/Silent-Face-Anti-Spoofing, resources/anti_spoof_models.
    """
    with train_extra("import"):
        from unmask.app.import_published import run

        return run(network.value, files, out=out)


@selftest.command("plan")
def selftest_plan(
    out: Annotated[Path, typer.Option(help="The plan, a CSV to be filled in.")] = Path("plan.csv"),
    checklist: Annotated[Path | None, typer.Option(help="Write the page to print (A4).")] = None,
    subjects: Annotated[
        int | None, typer.Option(help="People who take part: 10, or 2 with --adapt, if not given.", min=1)
    ] = None,
    per_species: Annotated[
        int | None,
        typer.Option(
            help="Attacks with each species: 150, a third as many bona fide between them, or 5 with --adapt, "
            "if not given.",
            min=1,
        ),
    ] = None,
    species: Annotated[
        list[str] | None,
        typer.Option(
            help="family/species; given again for each; six, or print/matt and replay/phone with --adapt, if "
            "not given."
        ),
    ] = None,
    for_adapt: Annotated[
        bool,
        typer.Option("--adapt", help="A short plan for `unmask adapt`: as many bona fide as attacks."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws the order of the subjects.", min=0)] = 0,
) -> int:
    """Plan presentations: species after iBeta level 1, each attack between bona fide presentations."""
    from unmask.app.selftest import plan

    few = ("print/matt", "replay/phone") if for_adapt else ()
    return plan(
        out,
        page=checklist,
        subjects=subjects or (2 if for_adapt else 10),
        per_species=per_species or (5 if for_adapt else 150),
        species=tuple(species or few),
        seed=seed,
        attacks_per_bona_fide=1 if for_adapt else 3,
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
    for command in (stress, calibrate, adapt):
        app.command()(command)
    app.command("import")(import_published)
    app.add_typer(selftest, name="selftest")
