"""What a person in front of the camera is told, out of what the server's own quality gate refuses."""

from collections.abc import Sequence

from unmask.types import Reason

NO_FACE, SLOW, TURN_AS_ASKED = "NO_FACE", "SLOW", "TURN_AS_ASKED"
# The first one that fits is told: of several faults the one that hides the others.
HINTS = {
    Reason.TOO_DARK: "TOO_DARK",
    Reason.TOO_BRIGHT: "TOO_BRIGHT",
    Reason.SEVERAL_FACES: "ONE_PERSON",
    Reason.FACE_TOO_SMALL: "COME_CLOSER",
    Reason.FACE_CUT: "MOVE_INTO_FRAME",
    Reason.FACE_TURNED: "TURN_TO_CAMERA",
    Reason.BLURRED: "HOLD_STILL",
    Reason.NO_COLOUR: "NO_COLOUR",
}
# After a whole try; the screen's light is lost in a bright room.
ADVICE = HINTS | {
    Reason.NO_FACE: NO_FACE,
    Reason.LIGHT_ABSENT: "TOO_BRIGHT",
    Reason.WRONG_TURNS: TURN_AS_ASKED,
    Reason.TOO_FEW_FRAMES: SLOW,
    Reason.TOO_SHORT: SLOW,
}


def hint_of(reasons: Sequence[Reason]) -> str | None:
    """The hint for why a frame is refused, None where it is not."""
    return next((hint for reason, hint in HINTS.items() if reason in reasons), None)


def advice_of(reasons: Sequence[Reason]) -> str | None:
    """The hint for the next try after one that was unclear, None where none of them would help."""
    return next((hint for reason, hint in ADVICE.items() if reason in reasons), None)
