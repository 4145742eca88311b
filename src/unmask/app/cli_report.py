"""The command that makes the page for third parties."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.app.cli_scores import ScoreFormat, Worst


def report(
    scores: Annotated[
        list[Path], typer.Argument(help="Score tables; several are systems side by side.", metavar="SCORES")
    ],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    evidence: Annotated[
        list[Path] | None,
        typer.Option(help="What `unmask score --evidence` kept, one folder for each table."),
    ] = None,
    stress: Annotated[Path | None, typer.Option(help="The table of `unmask stress`.")] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="The .onnx files that scored, for their contracts; not needed with --evidence."),
    ] = None,
    dev: Annotated[
        list[Path] | None,
        typer.Option(help="Dev scores of the same system, one for each table; or use a column split."),
    ] = None,
    threshold: Annotated[
        str,
        typer.Option(
            help="dev-eer, dev-apcer=0.05, dev-bpcer=0.01, fixed=0.5 or oracle; if not given, dev's EER, "
            "without dev the thresholds in the table."
        ),
    ] = "",
    name: Annotated[list[str] | None, typer.Option(help="Of each system; the file's if not given.")] = None,
    by: Annotated[list[str] | None, typer.Option(help="A further column to slice by.")] = None,
    beside: Annotated[
        str, typer.Option(help="Put the rows below the published figures of this protocol, as oulu-npu/1.")
    ] = "",
    title: Annotated[str, typer.Option(help="Of the page.")] = "",
    worst: Worst = None,
    form: Annotated[
        ScoreFormat | None, typer.Option("--format", help="Of the tables, where it cannot be told.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Draws of the bootstrap; 0 for no intervals.", min=0)] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same page.", min=0)] = 0,
) -> int:
    """Write one HTML page for third parties: what was tested, rates in ISO words, curves, slices, errors.

    Needs the extra `report`. Two tables whose names differ in `last` and `best` are two epochs of one run.
    """
    from unmask.app.report import Wishes, run

    return run(
        scores,
        Wishes(
            out=out,
            evidence=tuple(evidence or ()),
            stress=stress,
            models=tuple(model or ()),
            dev=tuple(dev or ()),
            threshold=threshold,
            names=tuple(name or ()),
            by=tuple(by or ()),
            beside=beside,
            title=title,
            worst_of=worst.value if worst else "",
            form=form.value if form else None,
            rounds=rounds,
            seed=seed,
        ),
    )
