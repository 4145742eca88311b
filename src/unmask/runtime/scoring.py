"""A labelled folder -> the rows of its score table."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from unmask.runtime.detector import Detector
from unmask.scores import OURS
from unmask.scores.table import FIXED
from unmask.types import Decision, Presentation, Reason, Score, SourceError

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

    >>> from unmask.types import Label
    >>> held = {"threshold": "0.5"}
    >>> thresholds_of([Score(presentation="a", label=Label.ATTACK, instrument="", score=0.1, columns=held)])
    [0.5]
    """
    given = [score.columns.get("threshold", "") for score in scores]
    return [float(threshold) if threshold else math.inf for threshold in given]


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
