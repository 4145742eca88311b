"""Tries with a challenge: the detector watches as ever, a judge beside it, and both have to say LIVE."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from unmask.challenges.head import PATIENCE_S, HeadChallenge, HeadJudge
from unmask.challenges.light import LightChallenge, LightJudge
from unmask.challenges.result import fused
from unmask.detector.detector import Detector
from unmask.serve.attempts import AttemptResult, Seen, seen_of
from unmask.types import Frame, Reason, SettingsError, Verdict

LIGHT_S, HEAD_S = 25.0, 45.0  # that a try takes at most, of the client's clock
LARGEST_MS = 1e15  # of a client's clock
SETTLE_S = 0.6  # after the last turn, in which the head comes back


class ChallengedAttempt:
    """What both challenges share; `_is_over` says when the judge has seen enough."""

    def __init__(self, detector: Detector, judge: LightJudge | HeadJudge, *, most_s: float) -> None:
        self.challenge: Mapping[str, Any] | None = judge.challenge.to_dict()
        self._stream = detector.stream(name="session")
        self._judge = judge
        self._most_s = most_s
        self._begun_s: float | None = None
        self._count = 0
        self._result: AttemptResult | None = None

    def take(self, image: np.ndarray, time_s: float) -> Seen:
        passive = self._stream.watch(image, time_s) if self._result is None else None
        progress = self._stream.progress()
        if self._result is None:
            self._begun_s = time_s if self._begun_s is None else self._begun_s
            frame = Frame(image=image, time_s=time_s, index=self._count)
            self._judge.push(frame, None if progress.face is None else progress.face.face)
            self._count += 1
            attacked = passive is not None and passive.verdict is Verdict.ATTACK
            late = time_s - self._begun_s > self._most_s
            if attacked or late or self._is_over(time_s):
                self._result = self._decided(late=late)
        return seen_of(progress, image, result=self._result, turns=self._turns())

    def note(self, event: Mapping[str, Any]) -> None:
        index, time_ms = event.get("index"), event.get("time_ms")
        if (
            event.get("event") != "shown"
            or not isinstance(index, int)
            or not isinstance(time_ms, int | float)
        ):
            return
        if abs(time_ms) < LARGEST_MS:  # also no NaN
            with suppress(SettingsError):  # an index that the challenge does not have
                self._judge.shown(index, float(time_ms))
                self._shown(index, time_ms / 1000)

    def _decided(self, *, late: bool) -> AttemptResult:
        passive, active = self._stream.finish(), self._judge.decide()
        verdict = fused(passive.verdict, active.verdict)
        reasons = dict.fromkeys((*passive.reasons, *active.reasons))
        if late and verdict is not Verdict.ATTACK:
            verdict, reasons = Verdict.UNDECIDED, {Reason.TIMED_OUT: None} | reasons
        return AttemptResult(verdict=verdict, reasons=tuple(reasons), decision=passive, challenge=active)

    def _is_over(self, time_s: float) -> bool:
        raise NotImplementedError

    def _shown(self, index: int, at_s: float) -> None:
        """A colour or a prompt appeared."""

    def _turns(self) -> int | None:
        return None


class LightAttempt(ChallengedAttempt):
    """Colours on the screen, drawn anew for each try."""

    def __init__(self, detector: Detector) -> None:
        self._light = LightJudge(LightChallenge.draw())
        self._last_s: float | None = None  # when the last colour appeared
        super().__init__(detector, self._light, most_s=LIGHT_S)

    def _shown(self, index: int, at_s: float) -> None:
        if index == len(self._light.challenge.colours) - 1 and self._last_s is None:
            self._last_s = at_s

    def _is_over(self, time_s: float) -> bool:
        after_s = self._light.challenge.hold_ms / 1000 + self._light.limits.late_until_s
        return self._last_s is not None and time_s > self._last_s + after_s


class HeadAttempt(ChallengedAttempt):
    """Turns of the head, drawn anew for each try."""

    def __init__(self, detector: Detector) -> None:
        self._head = HeadJudge(HeadChallenge.draw())
        self._done_s: float | None = None  # when the last turn was made
        self._prompts_s: dict[int, float] = {}
        super().__init__(detector, self._head, most_s=HEAD_S)

    def _turns(self) -> int | None:
        return self._head.done

    def _shown(self, index: int, at_s: float) -> None:
        self._prompts_s.setdefault(index, at_s)

    def _is_over(self, time_s: float) -> bool:
        if self._head.failed:
            return True
        if self._head.done == len(self._head.challenge.order) and self._done_s is None:
            self._done_s = time_s
        if self._done_s is not None:
            return time_s > self._done_s + SETTLE_S
        asked_s = self._prompts_s.get(self._head.done)
        return asked_s is not None and time_s > asked_s + PATIENCE_S + SETTLE_S  # no turn counts any more
