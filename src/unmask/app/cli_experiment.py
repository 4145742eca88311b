"""The commands that try what papers claim."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

experiment = typer.Typer(help="Try what the papers claim.", no_args_is_help=True)


class Preset(StrEnum):
    """What a trial costs."""

    S = "s"
    M = "m"
    FULL = "full"


@experiment.callback()
def _group() -> None:
    """Keeps `claims` a command of its own while it is the only one."""


@experiment.command("claims")
def claims(
    data: Annotated[
        Path, typer.Option(help="A folder of `unmask benchmark make`; made with seed 1 if it is not there.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for prepared clips and runs; a killed command goes on.")],
    seeds: Annotated[int, typer.Option(help="Trainings of each variant.", min=1)] = 3,
    jobs: Annotated[int, typer.Option(help="Trainings at a time, one thread each.", min=1)] = 2,
    preset: Annotated[
        Preset, typer.Option(help="Narrow networks for a CPU, wider ones, or the paper's for a GPU.")
    ] = Preset.S,
    only: Annotated[list[str] | None, typer.Option(help="A claim to try alone; may be repeated.")] = None,
    steps: Annotated[
        int, typer.Option(help="Of single-frame trainings; others see as many pictures. 0: all.", min=0)
    ] = 0,
    rounds: Annotated[int, typer.Option(help="Draws of the bootstrap.", min=1)] = 1000,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Train nothing; tables and figures from what is there.")
    ] = False,
    results: Annotated[Path, typer.Option(help="Folder for claims*.csv and the figures.")] = Path("results"),
    docs: Annotated[Path | None, typer.Option(help="Write the page to this .md, its figures beside.")] = None,
) -> int:
    """Train each variant; say with intervals which of the papers' claims hold (extras `train`, `report`)."""
    from unmask.app.claims import Wishes, run

    wishes = Wishes(
        seeds=seeds,
        jobs=jobs,
        preset=preset.value,
        only=tuple(only or ()),
        steps=steps,
        rounds=rounds,
        report_only=report_only,
        results=results,
        docs=docs,
    )
    return run(data, out, wishes)
