"""What became of a source that was checked, with all that a page needs to tell it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unmask.contract import Contract
from unmask.types import Decision, FaceDecision, Reason, Verdict

REASON_WORDS: dict[Reason, str] = {
    Reason.NO_FACE: "no face was found",
    Reason.FACE_TOO_SMALL: "the face has too few pixels",
    Reason.FACE_CUT: "the face touches the border of the picture",
    Reason.FACE_TURNED: "the face is turned too far away",
    Reason.BLURRED: "the face is blurred",
    Reason.TOO_DARK: "the face is too dark",
    Reason.TOO_BRIGHT: "the face is overexposed",
    Reason.SEVERAL_FACES: "there is a second large face",
    Reason.TOO_SHORT: "the face was seen for too short a time",
    Reason.TIMED_OUT: "the time allowed ran out",
    Reason.NOT_FINITE: "the network gave no number",
    Reason.EVIDENCE_WEAK: "the scores stayed too near to the threshold",
    Reason.SCORE_DROPPED: "for a second or more the scores were those of an attack",
    Reason.STILL_PICTURE: "nothing moved in the face, at least for a part: a still picture shown as a video",
    Reason.NOT_CONTINUOUS: "the face was not seen continuously: cuts, jumps or other faces",
    Reason.TOO_FEW_FRAMES: "there are too few frames a second",
    Reason.DAMAGED: "too much of the recording is damaged",
    Reason.NO_COLOUR: "the picture is grey or infrared, for which the model was not made",
    Reason.LIGHT_ABSENT: "the face does not send back the colours of the screen",
    Reason.LIGHT_OTHER: "the face sends back other colours than those shown",
    Reason.LIGHT_LATE: "the colours come back later than a camera takes",
    Reason.NO_DEPTH: "what is beside the face sends back as much of the screen's light as the face",
    Reason.FLAT: "the screen's light lies on the face as on a sheet",
    Reason.MIRROR: "glass mirrors the screen's light, skin would not",
    Reason.WRONG_TURNS: "the head turned in another order than it was asked to",
    Reason.NO_PARALLAX: "the picture of the face moved as a sheet does",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A source with its decision and the contract of the model that scored it.

    `seen` are the decision's faces with all clips and boxes of the source, also those after the verdict was
    certain; the decision's own where a source can be read once only. `half_widths[n - 1]` is the half-width
    of the undecided band around the threshold after n clips.
    """

    decision: Decision
    contract: Contract
    seen: tuple[FaceDecision, ...]
    half_widths: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A source that could not be read; `sentence` says why and what to do."""

    source: str
    sentence: str


Outcome = Checked | Unreadable


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """3 if any source was unreadable, else 1 if any is ATTACK, else 2 if any is UNDECIDED, else 0.

    No source at all is 3, so that nothing can pass by not being there.

    >>> exit_code([Unreadable(source="a.mp4", sentence="a.mp4 is missing")]), exit_code([])
    (3, 3)
    """
    checked = [outcome.decision.verdict for outcome in outcomes if isinstance(outcome, Checked)]
    if len(checked) < len(outcomes) or not checked:
        return 3
    if Verdict.ATTACK in checked:
        return 1
    return 0 if all(verdict is Verdict.LIVE for verdict in checked) else 2


def number(value: float, *, digits: int = 3) -> str:
    """A score in fixed decimals; a dash when there is none.

    >>> number(0.5), number(float("nan"))
    ('0.500', '–')
    """
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
