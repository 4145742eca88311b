"""A labelled folder -> scores.csv: what scoring writes and reporting reads.

Columns: presentation, subject, label, instrument, score, then free columns: those of the labels and OURS.
An empty score is a failure to acquire.
"""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from unmask.media.files import write_bytes
from unmask.runtime.detector import Detector
from unmask.types import DataError, Decision, Label, Presentation, Reason, Score, SourceError

FIXED = ("presentation", "subject", "label", "instrument", "score")
# The verdict and its reasons (joined by "|"), and the threshold: pictures and video have models of their own.
OURS = ("verdict", "reasons", "threshold")
UNREADABLE = "UNREADABLE"  # in place of a verdict


def score_folder(
    detector: Detector,
    presentations: Sequence[Presentation],
    *,
    root: Path | None = None,
    fps: float = 30.0,
    tell: Callable[[str], None] = print,
    progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Each presentation's score, the mean of up to `max_clips` clips, no early stop; its columns hold OURS.

    So scores do not depend on the threshold. A file that cannot be read is a failure to acquire; `tell`
    gets the sentence that says why. Names are relative to `root`. `progress` gets presentations done and in
    all.
    """
    patient = detector.with_settings(replace(detector.settings, early_stop=False))
    scores = []
    for count, presentation in enumerate(presentations, start=1):
        try:
            scores.append(_judged(presentation, patient.check(presentation, fps=fps), root=root))
        except SourceError as unreadable:
            tell(str(unreadable))
            scores.append(_score(presentation, math.nan, root=root, ours=(UNREADABLE, "", "")))
        if progress is not None:
            progress(count, len(presentations))
    return scores


def thresholds_of(scores: Sequence[Score]) -> list[float]:
    """Of each row its own threshold, for `metrics.summarise`; infinite where nothing was scored.

    >>> held = {"threshold": "0.5"}
    >>> thresholds_of([Score(presentation="a", label=Label.ATTACK, instrument="", score=0.1, columns=held)])
    [0.5]
    """
    given = [score.columns.get("threshold", "") for score in scores]
    return [float(threshold) if threshold else math.inf for threshold in given]


def write_scores(path: str | Path, scores: Sequence[Score]) -> None:
    """The table as CSV, whole or not at all; the columns of the labels in their order, then OURS."""
    free = list(dict.fromkeys(name for score in scores for name in score.columns))
    free = [*(name for name in free if name not in OURS), *(name for name in OURS if name in free)]
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*FIXED, *free])
    for score in scores:
        number = repr(score.score) if math.isfinite(score.score) else ""
        fixed = [score.presentation, score.subject, score.label.value, score.instrument, number]
        table.writerow([*fixed, *(score.columns.get(name, "") for name in free)])
    write_bytes(path, text.getvalue().encode())


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


def _judged(presentation: Presentation, decision: Decision, *, root: Path | None) -> Score:
    # EVIDENCE_WEAK keeps its score: what a score is worth is the threshold's question. A failure has none.
    failed = {Reason.TIMED_OUT, Reason.NOT_FINITE} & set(decision.reasons)
    ours = (decision.verdict.value, "|".join(decision.reasons), repr(decision.threshold))
    return _score(presentation, math.nan if failed else decision.score, root=root, ours=ours)


def _score(presentation: Presentation, value: float, *, root: Path | None, ours: Sequence[str]) -> Score:
    path = Path(presentation.path)
    below = root is not None and path.is_relative_to(root)
    free = {name: cell for name, cell in presentation.cells().items() if name not in FIXED}
    return Score(
        presentation=str(path.relative_to(root) if root is not None and below else path),
        label=presentation.label,
        instrument=presentation.instrument,
        score=value,
        subject=presentation.subject,
        columns={**free, **dict(zip(OURS, ours, strict=True))},
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
