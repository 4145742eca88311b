"""The options that the benchmarks of many folds share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import Choices

RUN_ENGINES = ("processes", "torchrun", "ray")


@dataclass(frozen=True, kw_only=True)
class FoldOptions:
    """What the benchmarks of many folds share."""

    config: Annotated[str, typer.Option(help="Settings of `unmask train`: a TOML file or a preset's name.")]
    out: Annotated[Path, typer.Option(help="Folder of the runs and of table.csv.")]
    changes: Annotated[
        tuple[str, ...],
        typer.Option("--set", help="A setting in place of the file's, as run.steps=2000; repeatable."),
    ] = ()
    init: Annotated[Path | None, typer.Option(help="Weights to start every run from.")] = None
    seeds: Annotated[int, typer.Option(help="Runs of each fold; mean and deviation.", min=1)] = 1
    engine: Annotated[
        str,
        Choices(RUN_ENGINES),
        typer.Option(
            help="Processes here; torchrun: each run in --jobs processes that share its batches; or the Ray "
            "cluster of RAY_ADDRESS (extra `scale`)."
        ),
    ] = "processes"
    jobs: Annotated[int, typer.Option(help="Runs at once; with torchrun, processes of a run.", min=1)] = 1
