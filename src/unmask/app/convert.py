"""`unmask convert`: a score table from one format into another."""

from pathlib import Path

from unmask.app.progress import say
from unmask.files import keep_inputs
from unmask.scores import read_scores, write_scores


def run(scores: Path, out: Path, *, to: str, form: str | None) -> int:
    """Writes the rows of `scores` to `out`; 0 once done."""
    keep_inputs({"the output": out}, [scores])
    rows = read_scores(scores, form)
    write_scores(out, rows, to)
    say(f"{len(rows)} scores: {out}")
    return 0
