"""What is kept of a try's frames to look for signs of injection: times, and small parts of a few pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from unmask.challenges.injection import InjectionHint, injection_hints
from unmask.challenges.result import ChallengeResult
from unmask.types import Reason

FRAMES, SIDE_PX = 24, 256
TIMES = 3000
NO_LIGHT = {Reason.LIGHT_ABSENT, Reason.LIGHT_OTHER, Reason.LIGHT_LATE}


class Signals:
    """Gathers, and says at the end which hints there are."""

    def __init__(self, client: Mapping[str, Any]) -> None:
        self._client = client
        self._times_s: list[float] = []
        self._parts: list[np.ndarray] = []

    def see(self, image: np.ndarray, time_s: float) -> None:
        """One more frame."""
        if len(self._times_s) < TIMES:
            self._times_s.append(time_s)
        if len(self._parts) < FRAMES:
            part = middle(image)
            if not self._parts or self._parts[0].shape == part.shape:
                self._parts.append(part)

    def hints(self, mode: str, challenge: ChallengeResult | None) -> tuple[InjectionHint, ...]:
        """The hints on all that was seen."""
        light = None
        if mode == "light" and challenge is not None:
            light = not NO_LIGHT & set(challenge.reasons)
        found = injection_hints(self._times_s, self._client, frames=self._parts, light_found=light)
        return tuple(found)


def middle(image: np.ndarray) -> np.ndarray:
    """The middle of a picture, with the blocks of 16 pixels where they were."""
    top, left = (max(0, (side - SIDE_PX) // 2) // 16 * 16 for side in image.shape[:2])
    return image[top : top + SIDE_PX, left : left + SIDE_PX].copy()
