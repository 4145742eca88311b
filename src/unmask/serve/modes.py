"""The modes of a session: a function from a detector to a new try, each."""

from collections.abc import Callable

from unmask.detector.detector import Detector
from unmask.serve.attempts import Attempt, PassiveAttempt
from unmask.serve.challenged import HeadAttempt, LightAttempt

MODES: dict[str, Callable[[Detector], Attempt]] = {
    "passive": PassiveAttempt,
    "light": LightAttempt,
    "head": HeadAttempt,
}
