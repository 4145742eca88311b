"""Write a score table in another format: ours, bob's two, `score label`, or that of OULU-NPU."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import Choices
from unmask.app.progress import say
from unmask.files import keep_inputs
from unmask.scores import FORMATS, read_scores, write_scores


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """The options of the command."""

    scores: Annotated[Path, typer.Argument(help="A score table.")]
    out: Annotated[Path, typer.Argument(help="The table to write.")]
    to: Annotated[str, Choices(FORMATS), typer.Option(help="Its format.")] = "unmask"
    form: Annotated[
        str | None, Choices(FORMATS), typer.Option("--format", help="Format of SCORES, if not shown.")
    ] = None


def convert(options: ConvertOptions) -> int:
    """Writes the rows of `scores` to `out`; 0 once done."""
    keep_inputs({"the output": options.out}, [options.scores])
    rows = read_scores(options.scores, options.form)
    write_scores(options.out, rows, options.to)
    say(f"{len(rows)} scores: {options.out}")
    return 0
