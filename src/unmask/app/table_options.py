"""The options of the commands that compare score tables, `evaluate` and `report`."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import Choices
from unmask.scores import FORMATS

DevTables = Annotated[
    tuple[Path, ...],
    typer.Option(help="Dev scores of the same system, one for each table; or use a column split."),
]
SystemNames = Annotated[
    tuple[str, ...], typer.Option("--name", help="Name of each system; that of its file if not given.")
]
TableFormat = Annotated[
    str | None,
    Choices(FORMATS),
    typer.Option("--format", help="Format of the tables, if they do not show it."),
]
