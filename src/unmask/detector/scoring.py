"""Presentations -> the rows of a score table."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from unmask.contract import Contract
from unmask.detector.decision import rule_of
from unmask.detector.detector import Detector, model_paths
from unmask.detector.fusion import fused_contracts
from unmask.detector.model_file import read_file
from unmask.detector.saved_evidence import looks, looks_without_face, save_evidence
from unmask.files import name_below
from unmask.scores import OURS
from unmask.scores.table import FIXED
from unmask.types import Decision, Presentation, Reason, Score, SourceError, Verdict

# What is UNDECIDED for these has a score that counts.
SCORED = {Reason.EVIDENCE_WEAK, Reason.SCORE_DROPPED, Reason.SEVERAL_FACES, Reason.STILL_PICTURE}
UNREADABLE = "UNREADABLE"  # in place of a verdict, and as the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What came of one presentation; `score` is NaN where it is a failure to acquire.

    `reasons` are joined by "|"; `threshold` and `model` (name and version) are "" where no network judged;
    `clips` holds (time_s of the last frame, score); `sentence` says why it could not be read. `looks` are the
    columns of `detector.saved_evidence.LOOKS` where they were measured.
    """

    score: float
    verdict: str
    reasons: str
    threshold: str = ""
    model: str = ""
    clips: tuple[tuple[float, float], ...] = ()
    sentence: str = ""
    looks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationScorer:
    """Scores one presentation of a list, in whatever process it is called: each loads the models once.

    `models` are files, none for the packaged ones. On one thread, so that scores do not depend on how many
    processes there are. With `evidence`, a folder, it writes there what scores.evidence says, and measures
    the columns of `detector.saved_evidence.LOOKS`. With `trusted`, a public key, its owner must have signed
    the models.
    """

    models: tuple[str, ...] = ()
    point: str = "default"
    precision: str = "f32"
    device: str = "auto"
    fps: float = 30.0
    evidence: str = ""
    trusted: str = ""

    def __call__(self, task: tuple[int, Presentation, str]) -> tuple[int, Scored]:
        """(number, presentation, its name in the table) -> (number, what came of it).

        Evidence is written before: whoever has the row has it. Raises ModelError, AssetError, DataError,
        OutputError.
        """
        number, presentation, name = task
        detector = loaded(self)
        if not self.evidence:
            return number, score_presentation(detector, presentation, fps=self.fps)
        decision = _decision(detector, presentation, fps=self.fps)
        if isinstance(decision, Scored):
            return number, replace(decision, looks=looks_without_face())
        found = judged(decision)
        save_evidence(decision, found.score, name=name, folder=self.evidence)
        return number, replace(found, looks=looks(decision))


def contracts_of(scorer: PresentationScorer) -> list[Contract]:
    """The contracts that a scorer judges by, read from the files: nothing is compiled to know a name.

    Raises ModelError, and SettingsError where a contract has no such operating point.
    """
    files = model_paths(scorer.models or None, precision=scorer.precision)
    read = [read_file(path, trusted=scorer.trusted or None)[1] for path in files]
    contracts = fused_contracts(read, precision=scorer.precision)
    for contract in contracts:
        rule_of(contract, point=scorer.point, precision=scorer.precision)
    return contracts


@lru_cache(maxsize=1)
def loaded(scorer: PresentationScorer) -> Detector:
    """The detector of a scorer, loaded by the first call in a process."""
    return without_early_stop(
        Detector.load(
            scorer.models or None,
            point=scorer.point,
            precision=scorer.precision,
            device=scorer.device,
            threads=1,
            with_features=bool(scorer.evidence),
            trusted=scorer.trusted or None,
        )
    )


def without_early_stop(detector: Detector) -> Detector:
    """The same detector that reads to the end: scores must not depend on the threshold."""
    return detector.with_settings(replace(detector.settings, early_stop=False))


def score_presentation(detector: Detector, presentation: Presentation, *, fps: float = 30.0) -> Scored:
    """The score of the decision; a file that cannot be read is a failure to acquire."""
    decision = _decision(detector, presentation, fps=fps)
    return decision if isinstance(decision, Scored) else judged(decision)


def score_folder(
    detector: Detector,
    presentations: Sequence[Presentation],
    *,
    root: Path | None = None,
    fps: float = 30.0,
    tell: Callable[[str], None] = print,
    progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Each presentation's row, scored in this process without early stop; its columns hold OURS.

    `tell` gets the sentence that says why a file cannot be read. Names are relative to `root`. `progress`
    gets presentations done and in all.
    """
    scores = []
    detector = without_early_stop(detector)
    for count, presentation in enumerate(presentations, start=1):
        found = score_presentation(detector, presentation, fps=fps)
        if found.sentence:
            tell(found.sentence)
        scores.append(row(presentation, found, name=name_below(root, presentation.path)))
        if progress is not None:
            progress(count, len(presentations))
    return scores


def row(
    presentation: Presentation, found: Scored, *, name: str, columns: Mapping[str, str] | None = None
) -> Score:
    """The row of a table under that name: `columns` first, then the presentation's other cells, then OURS."""
    given = columns or {}
    taken = (*FIXED, *given, *found.looks)
    free = {key: cell for key, cell in presentation.cells().items() if key not in taken}
    ours = dict(zip(OURS, (found.verdict, found.reasons, found.threshold), strict=True))
    named = replace(presentation, path=name)
    return Score(presentation=named, score=found.score, columns={**given, **free, **found.looks, **ours})


def thresholds_of(scores: Sequence[Score]) -> list[float]:
    """The threshold of each row, for `metrics.summarise`; infinite where nothing was scored.

    >>> from unmask.types import Label
    >>> attack = Presentation(path="a", label=Label.ATTACK)
    >>> thresholds_of([Score(presentation=attack, score=0.1, columns={"threshold": "0.5"})])
    [0.5]
    """
    given = [score.columns.get("threshold", "") for score in scores]
    return [float(threshold) if threshold else math.inf for threshold in given]


def _decision(detector: Detector, presentation: Presentation, *, fps: float) -> Decision | Scored:
    """The decision on a presentation, or what came of one that cannot be read."""
    try:
        return detector.check(presentation, fps=fps)
    except SourceError as unreadable:
        return Scored(score=math.nan, verdict=UNREADABLE, reasons=UNREADABLE, sentence=str(unreadable))


def judged(decision: Decision) -> Scored:
    """What the row of a decision holds."""
    # A weak or dropped score is kept: what it is worth is the threshold's question. A failure has none.
    failed = decision.verdict is Verdict.UNDECIDED and not SCORED & set(decision.reasons)
    clips = tuple(
        (float(clip.time_s), float(clip.score)) for face in decision.faces[:1] for clip in face.clips
    )
    return Scored(
        score=math.nan if failed else float(decision.score),
        verdict=decision.verdict.value,
        reasons="|".join(decision.reasons),
        threshold=repr(decision.threshold),
        model=f"{decision.model_name} {decision.model_version}".strip(),
        clips=clips,
    )
