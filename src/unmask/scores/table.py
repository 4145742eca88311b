"""Our own score table.

Columns: presentation, subject, label, instrument, score, then free columns: those of the labels and OURS.
"""

import math
from collections.abc import Sequence

from unmask.plain import as_csv
from unmask.scores.cells import RUN_COLUMNS, csv_rows, header, label_of, number, validated_score
from unmask.types import FREE_FIELDS, Score

FIXED = ("presentation", "subject", "label", "instrument", "score")
# The verdict and its reasons (joined by "|"), and the threshold: pictures and video have models of their own.
OURS = ("verdict", "reasons", "threshold")
KNOWN = (*OURS, *RUN_COLUMNS, *FREE_FIELDS)


def fits(text: str) -> bool:
    """Whether the first line names presentations."""
    return "presentation" in header(text)


def read(text: str, where: str) -> list[Score]:
    """The rows of a table; only the fixed columns must be there."""
    return [_row(row, where=line) for line, row in csv_rows(text, FIXED, where=where, known=KNOWN)]


def write(scores: Sequence[Score]) -> str:
    """The table; the columns of the labels in their order, then OURS."""
    free = list(dict.fromkeys(name for score in scores for name in score.columns))
    free = [*(name for name in free if name not in OURS), *(name for name in OURS if name in free)]
    rows = [[*FIXED, *free]]
    for score in scores:
        cell = repr(float(score.score)) if math.isfinite(score.score) else ""
        fixed = [score.presentation, score.subject, score.label.value, score.instrument, cell]
        rows.append([*fixed, *(score.columns.get(name, "") for name in free)])
    return as_csv(rows)


def _row(row: dict[str, str], *, where: str) -> Score:
    return validated_score(
        row["presentation"],
        label_of(row["label"], where=where),
        number(row["score"], where=where),
        instrument=row["instrument"],
        subject=row["subject"],
        columns={name: cell for name, cell in row.items() if name not in FIXED},
        where=where,
    )
