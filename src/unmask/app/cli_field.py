"""The commands for what a model does where it is installed: under stress, calibrated, tested by its users."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import Fps, InPrecision, Jobs, Models, Point, Precision


def stress(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="A labelled folder, and a model (.onnx) in place of the packaged ones.", metavar="[MODEL] DATA"
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
            help="jpeg, h264, size, blur, gamma, noise, box-shift, box-growth, mirror, drops or rate, or with "
            "strengths as jpeg=50,10; all if not given."
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
