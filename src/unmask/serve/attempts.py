"""One try of a session: JPEG frames with their times -> what to tell the person, and the decision.

An attempt is used by one thread at a time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from unmask.challenges.injection import InjectionHint
from unmask.challenges.result import ChallengeResult
from unmask.detector.detector import Detector
from unmask.detector.watch import StreamProgress
from unmask.media.images import shown
from unmask.media.limits import Limits
from unmask.media.pictures import kind_of, open_picture
from unmask.serve.hints import NO_FACE, hint_of
from unmask.types import Decision, Face, Reason, SourceError, Verdict, finite

EVIDENCE_FRAMES = 12  # stored of an attempt at most, besides the best one
EVIDENCE_EVERY_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """How a try ended: what the session is decided by, and what that rests on.

    `decision` is that of the detector alone; `challenge` what an active mode says, None in a passive one;
    `injection` are hints, which decide nothing.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    decision: Decision
    challenge: ChallengeResult | None = None
    injection: tuple[InjectionHint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of one frame; `face` is xyxy, each as a share of the picture's width or height.

    `turns` of the head that were made, where they were asked for; `depth` (32, 32) in [0, 1] of the latest
    clip, near is 1.
    """

    hint: str | None
    reasons: tuple[str, ...]
    face: tuple[float, ...] | None
    progress: float
    score: float | None
    result: AttemptResult | None
    turns: int | None = None
    depth: np.ndarray | None = None


class Attempt(Protocol):
    """What a mode has to do; `challenge` is told to the client when the try begins."""

    challenge: Mapping[str, Any] | None

    def take(self, image: np.ndarray, time_s: float) -> Seen:
        """One more picture (H, W, 3) uint8 RGB; SourceError where its time does not rise."""
        ...

    def note(self, event: Mapping[str, Any]) -> None:
        """An event of the client, such as a colour that is now shown; never trusted."""
        ...


class PassiveAttempt:
    """The stream of the detector, nothing else."""

    challenge: Mapping[str, Any] | None = None

    def __init__(self, detector: Detector) -> None:
        self._stream = detector.stream(name="session")

    def take(self, image: np.ndarray, time_s: float) -> Seen:
        decision = self._stream.push(image, time_s)
        result = None
        if decision is not None:
            result = AttemptResult(verdict=decision.verdict, reasons=decision.reasons, decision=decision)
        return seen_of(self._stream.progress(), image, result=result)

    def note(self, event: Mapping[str, Any]) -> None:
        return


def seen_of(
    progress: StreamProgress, image: np.ndarray, *, result: AttemptResult | None, turns: int | None = None
) -> Seen:
    """What is told of a frame after which the stream has come so far."""
    face = progress.face
    return Seen(
        hint=NO_FACE if face is None else hint_of(face.reasons),
        reasons=(NO_FACE,) if face is None else tuple(reason.value for reason in face.reasons),
        face=None if face is None else relative(face.face, image),
        progress=progress.share,
        score=None if math.isnan(progress.score) else finite(progress.score),
        result=result,
        turns=turns,
        depth=progress.depth,
    )


def relative(face: Face, image: np.ndarray) -> tuple[float, ...]:
    """The box of a face as shares of the picture's sides."""
    height, width = image.shape[:2]
    return tuple(round(float(edge), 4) for edge in face.box / (width, height, width, height))


def decoded(jpeg: bytes, *, side_px: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a JPEG; SourceError for anything else, and for one with a longer side."""
    if kind_of(jpeg[:64]) != "JPEG":
        raise SourceError("a frame is not a JPEG; send those of the camera")
    limits = Limits(max_side_px=side_px, max_pixels=side_px * side_px)
    picture = open_picture(jpeg, name="frame", limits=limits)
    if picture.frames != 1:
        raise SourceError("a frame holds several pictures; send those of the camera one by one")
    return shown(picture)


class Keepsakes:
    """The frames that retention allows to store: the best one, and some of the others."""

    def __init__(self, retain: str) -> None:
        self._retain = retain
        self._best: tuple[float, float, bytes] | None = None  # width of the face, time, JPEG
        self._others: list[tuple[float, bytes]] = []

    def offer(self, jpeg: bytes, time_s: float, seen: Seen) -> None:
        """Look at one frame."""
        if self._retain == "nothing" or seen.face is None:
            return
        width = seen.face[2] - seen.face[0]
        if not seen.reasons and (self._best is None or width > self._best[0]):
            self._best = (width, time_s, jpeg)
        if self._retain != "evidence" or len(self._others) >= EVIDENCE_FRAMES:
            return
        if not self._others or time_s - self._others[-1][0] >= EVIDENCE_EVERY_S:
            self._others.append((time_s, jpeg))

    def pictures(self) -> list[tuple[float, bytes]]:
        """(time_s, JPEG), the best one first."""
        best = [] if self._best is None else [self._best[1:]]
        return [*best, *self._others]
