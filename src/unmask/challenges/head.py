"""The head challenge: turns in a random order, and depth that shows while the head turns."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.challenges.draws import Chooser, chooser, draw_walk
from unmask.challenges.result import ChallengeResult
from unmask.types import Face, Frame, Reason, SettingsError, Verdict

TURNS = ("left", "right", "up")  # as the person sees it: their own left
STEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadChallenge:
    """Turns of the head in that `order`, names of TURNS; between two the head comes back to the middle."""

    order: tuple[str, ...]

    @classmethod
    def draw(cls, rng: Chooser | np.random.Generator | None = None, *, steps: int = STEPS) -> "HeadChallenge":
        """`steps` turns, no two neighbours alike; from the system's secrets without `rng`."""
        walk = draw_walk(chooser(rng), choices=len(TURNS), steps=steps)
        return cls(order=tuple(TURNS[index] for index in walk))

    def to_dict(self) -> dict[str, Any]:
        """What the page is told."""
        return {"order": list(self.order)}


class HeadJudge:
    """Follows the head through the frames; times of frames and prompts are of one clock."""

    def __init__(self, challenge: HeadChallenge) -> None:
        self.challenge = challenge
        self._shown_ms: dict[int, float] = {}
        self._frames = 0

    @property
    def done(self) -> int:
        """How many of the turns have been made so far: the page goes on to the next."""
        return 0

    def shown(self, index: int, time_ms: float) -> None:
        """The prompt for turn `index` appeared at that time."""
        if not 0 <= index < len(self.challenge.order):
            raise SettingsError(f"the challenge has turns 0 to {len(self.challenge.order) - 1}, not {index}")
        self._shown_ms.setdefault(index, float(time_ms))

    def push(self, frame: Frame, face: Face | None) -> None:
        """The next frame with the face that is being checked, None where none was found."""
        self._frames += face is not None

    def decide(self) -> ChallengeResult:
        """The result of what was seen; UNDECIDED while turns are missing."""
        return ChallengeResult(verdict=Verdict.UNDECIDED, reasons=(Reason.TOO_SHORT,))
