"""A labelled folder -> scores.csv: what scoring writes and reporting reads.

Columns: presentation, subject, label, instrument, score, then the free columns of the labels, then verdict
and reasons (joined by "|"). An empty score is a failure to acquire.
"""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unmask.media.files import write_bytes
from unmask.runtime.detector import Detector
from unmask.types import DataError, Decision, Label, Presentation, Reason, Score, SourceError, Verdict

FIXED = ("presentation", "subject", "label", "instrument", "score")
UNREADABLE = "UNREADABLE"  # in place of a verdict: the file could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A presentation's row; `verdict` is None where the file could not be read."""

    score: Score
    verdict: Verdict | None
    reasons: tuple[Reason, ...] = ()


def score_folder(
    detector: Detector,
    presentations: Sequence[Presentation],
    *,
    root: Path,
    fps: float = 30.0,
    tell: Callable[[str], None] = print,
    progress: Callable[[int, int], None] | None = None,
) -> list[Scored]:
    """Each presentation's score: the mean of up to `max_clips` clips, without the early stop.

    So scores do not depend on the threshold. A file that cannot be read is a failure to acquire; `tell` gets
    the sentence that says why. `progress` gets presentations done and in all.
    """
    patient = detector.with_settings(replace(detector.settings, early_stop=False))
    rows = []
    for count, presentation in enumerate(presentations, start=1):
        try:
            rows.append(_row(presentation, patient.check(presentation.path, fps=fps), root=root))
        except SourceError as unreadable:
            tell(str(unreadable))
            rows.append(Scored(score=_score(presentation, math.nan, root=root), verdict=None))
        if progress is not None:
            progress(count, len(presentations))
    return rows


def write_scores(path: str | Path, rows: Sequence[Scored]) -> None:
    """The table as CSV, whole or not at all."""
    free = sorted({name for row in rows for name in row.score.columns})
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*FIXED, *free, "verdict", "reasons"])
    for row in rows:
        score = row.score
        number = repr(score.score) if math.isfinite(score.score) else ""
        fixed = [score.presentation, score.subject, score.label.value, score.instrument, number]
        ending = [row.verdict.value if row.verdict else UNREADABLE, "|".join(row.reasons)]
        table.writerow([*fixed, *(score.columns.get(name, "") for name in free), *ending])
    write_bytes(Path(path), text.getvalue().encode())


def read_scores(path: str | Path) -> list[Score]:
    """The scores of a table, ours or anybody's: only the fixed columns must be there. Raises DataError."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            if absent := [name for name in FIXED if name not in (reader.fieldnames or ())]:
                raise DataError(
                    f"{path} has no column {', '.join(absent)}; a score table has {','.join(FIXED)}"
                )
            return [_read_row(row, where=f"{path}, line {reader.line_num}") for row in reader]
    except OSError as missing:
        raise DataError(f"{path} cannot be read ({missing.strerror}); name a score table") from missing
    except (UnicodeDecodeError, csv.Error) as broken:
        raise DataError(f"{path} is not a CSV table in UTF-8 ({broken}); save it as such") from broken


def _row(presentation: Presentation, decision: Decision, *, root: Path) -> Scored:
    # A score without a verdict still counts: which scores suffice is the threshold's question.
    failed = Reason.TIMED_OUT in decision.reasons or Reason.NOT_FINITE in decision.reasons
    score = _score(presentation, math.nan if failed else decision.score, root=root)
    return Scored(score=score, verdict=decision.verdict, reasons=decision.reasons)


def _score(presentation: Presentation, value: float, *, root: Path) -> Score:
    path = Path(presentation.path)
    return Score(
        presentation=str(path.relative_to(root)) if path.is_relative_to(root) else str(path),
        label=presentation.label,
        instrument=presentation.instrument,
        score=value,
        subject=presentation.columns.get("subject", ""),
        columns={name: value for name, value in presentation.columns.items() if name not in FIXED},
    )


def _read_row(row: dict[str, str], *, where: str) -> Score:
    if None in row or None in row.values():
        raise DataError(f"{where}: not as many cells as the first line has; quote cells that hold commas")
    try:
        label = Label(row["label"])
        value = float(row["score"]) if row["score"].strip() else math.nan
    except ValueError as broken:
        raise DataError(
            f"{where}: the label must be {' or '.join(Label)} and the score a number or empty, "
            f"not {row['label']!r} and {row['score']!r}"
        ) from broken
    return Score(
        presentation=row["presentation"],
        label=label,
        instrument=row["instrument"],
        score=value,
        subject=row["subject"],
        columns={name: cell for name, cell in row.items() if name not in FIXED},
    )
