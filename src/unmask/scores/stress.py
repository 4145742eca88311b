"""The table of a stress test: a row for each presentation, change and strength.

Columns: change, strength, presentation, subject, label, instrument, score, verdict, threshold, reasons. The
change "none" of strength 0 is the presentation as it is. The score is empty where there is none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.files import write_bytes
from unmask.plain import as_csv
from unmask.scores.cells import csv_rows, label_of, number, table_text, validated_score
from unmask.types import DataError, Score

COLUMNS = (
    "change",
    "strength",
    "presentation",
    "subject",
    "label",
    "instrument",
    "score",
    "verdict",
    "threshold",
    "reasons",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StressRow:
    """What was said of one presentation under one change; `score.columns` hold verdict and threshold."""

    change: str
    strength: float
    score: Score

    @property
    def verdict(self) -> str:
        """LIVE, ATTACK, UNDECIDED or UNREADABLE."""
        return self.score.columns["verdict"]

    @property
    def threshold(self) -> float:
        """What the score was held against; infinite where nothing was scored."""
        cell = self.score.columns["threshold"]
        return float(cell) if cell else math.inf


def write_stress(path: str | Path, rows: Sequence[StressRow]) -> None:
    """The table, whole or not at all."""
    lines: list[Sequence[object]] = [COLUMNS]
    for row in rows:
        one = row.score
        value = repr(float(one.score)) if math.isfinite(one.score) else ""
        own = (one.presentation, one.subject, one.label.value, one.instrument, value)
        told = (one.columns.get(name, "") for name in ("verdict", "threshold", "reasons"))
        lines.append((row.change, f"{row.strength:g}", *own, *told))
    write_bytes(path, as_csv(lines).encode())


def read_stress(path: str | Path) -> list[StressRow]:
    """The rows of such a table; DataError where it is none, is empty or lacks the rows without a change."""
    text = table_text(path, name="name the table of a stress test")
    rows = [
        _row(cells, where=line) for line, cells in csv_rows(text, COLUMNS[:9], where=str(path), known=COLUMNS)
    ]
    if not any(row.change == "none" for row in rows):
        raise DataError(
            f"{path} has no row of the change none, which all others are held against; make the table again"
        )
    return rows


def _row(cells: dict[str, str], *, where: str) -> StressRow:
    strength = number(cells["strength"], where=where)
    if not math.isfinite(strength):
        raise DataError(f"{where}: the strength must be a number, not {cells['strength']!r}")
    number(cells["threshold"], where=where)
    told = {name: cells.get(name, "") for name in ("verdict", "threshold", "reasons")}
    score = validated_score(
        cells["presentation"],
        label_of(cells["label"], where=where),
        number(cells["score"], where=where),
        instrument=cells["instrument"],
        subject=cells["subject"],
        columns=told,
        where=where,
    )
    return StressRow(change=cells["change"], strength=strength, score=score)
