"""The light challenge: colours on the whole screen, unlike those of any other session, and what the face
sends back of them.

The page shows the colours one after the other and reports when each appeared; the judge reads the face and
what is behind it off the frames and decides by `response.decided`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.challenges.draws import Chooser, chooser, draw_walk
from unmask.challenges.result import ChallengeResult
from unmask.types import Face, Frame, Reason, SettingsError, Verdict

HIGH, LOW = 255, 40  # of each primary on the screen
# Black and white would make the automatic exposure swing; every other colour turns one or two primaries on.
PRIMARIES = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1))
PALETTE = tuple(tuple(HIGH if on else LOW for on in row) for row in PRIMARIES)
STEPS = 12
HOLD_MS = 400  # 1.25 pairs of changes a second: below the three flashes a second that may harm
FASTEST_MS = 334  # three changes a second: below the limit of three flashes (pairs) with a margin


@dataclass(frozen=True, slots=True, kw_only=True)
class LightChallenge:
    """A sequence of colours: `indices` into PALETTE, each shown for `hold_ms`."""

    indices: tuple[int, ...]
    hold_ms: int = HOLD_MS

    def __post_init__(self) -> None:
        if self.hold_ms < FASTEST_MS:
            raise SettingsError(
                f"a colour is held for at least {FASTEST_MS} ms, not {self.hold_ms}: "
                "faster flashes may cause seizures"
            )

    @classmethod
    def draw(
        cls, rng: Chooser | np.random.Generator | None = None, *, steps: int = STEPS, hold_ms: int = HOLD_MS
    ) -> "LightChallenge":
        """A sequence of `steps` colours, no two neighbours alike; from the system's secrets without `rng`."""
        return cls(indices=draw_walk(chooser(rng), choices=len(PALETTE), steps=steps), hold_ms=hold_ms)

    @property
    def colours(self) -> tuple[tuple[int, ...], ...]:
        """The colours to show, RGB 0 to 255, in order."""
        return tuple(PALETTE[index] for index in self.indices)

    @property
    def bits(self) -> np.ndarray:
        """(steps, 3) in {-1, 1}: whether red, green and blue are high."""
        return 2 * np.array([PRIMARIES[index] for index in self.indices]) - 1

    def to_dict(self) -> dict[str, Any]:
        """What the page is told."""
        return {"colours": [list(colour) for colour in self.colours], "hold_ms": self.hold_ms}


class LightJudge:
    """Reads frames as they come and keeps numbers alone; times of frames and colours are of one clock."""

    def __init__(self, challenge: LightChallenge) -> None:
        self.challenge = challenge
        self._shown_ms: dict[int, float] = {}
        self._frames = 0

    def shown(self, index: int, time_ms: float) -> None:
        """Colour `index` of the challenge appeared on the screen at that time."""
        if not 0 <= index < len(self.challenge.indices):
            raise SettingsError(
                f"the challenge has colours 0 to {len(self.challenge.indices) - 1}, not {index}"
            )
        self._shown_ms.setdefault(index, float(time_ms))

    def push(self, frame: Frame, face: Face | None) -> None:
        """The next frame with the face that is being checked, None where none was found."""
        self._frames += face is not None

    def decide(self) -> ChallengeResult:
        """The result of what was seen; UNDECIDED while colours or frames are missing."""
        return ChallengeResult(verdict=Verdict.UNDECIDED, reasons=(Reason.TOO_SHORT,))
