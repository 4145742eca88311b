"""A stream of frames -> a decision as soon as it is safe, and for as long as somebody asks for it."""

import math
import numbers
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from unmask.contract import Contract
from unmask.detector.decision import Rule
from unmask.detector.stopwatch import Stopwatch
from unmask.detector.watch import StreamProgress, Watch, decided
from unmask.media.given import frame_of
from unmask.types import Decision, Frame, SourceError, Verdict

Answer = TypeVar("Answer")
LATEST_S = 1e12  # of a clock in seconds: beyond, the time between two frames is lost in rounding


class Stream:
    """Frames of one presentation as they come; used by one thread, or awaited: frames are looked at in the
    order in which they were given.

    They go through the same code as those of a file, and score the same. Times are seconds of any clock and
    must rise: a frame that is late, doubled or of an earlier time is a SourceError and changes nothing, so
    that the caller may drop it and go on. A gap of more than half a second, and another size of the
    picture, begin a new segment.
    """

    def __init__(self, watch: Watch, *, name: str, contract: Contract, rule: Rule, clock: Stopwatch) -> None:
        self._watch = watch
        self._name = name
        self._contract = contract
        self._rule = rule
        self._clock = clock
        self._count = 0
        self._times_s = (math.nan, math.nan)  # of the first and the latest frame
        self._decision: Decision | None = None  # that of `push` and `finish`, or the latest of `watch`
        self._final = False
        self._worker = ThreadPoolExecutor(1)  # of the async forms; it starts no thread before its first task

    def push(self, image: np.ndarray, time_s: float) -> Decision | None:
        """One more picture (H, W, 3) uint8 RGB and its time: the decision, once there is one; it stays.

        ATTACK comes with half a second that was judged or later, LIVE after a second or more.
        `WatchSettings.live_s` after the first frame the stream is UNDECIDED if it was not decided before.
        """
        if self._decision is not None:
            return self._decision
        picture, since_s = self._next(image, time_s)
        if since_s > self._watch.settings.live_s:
            return self._end(timed_out=True)
        self._see(picture, since_s)
        return self._end(timed_out=False) if self._watch.done() else None

    def watch(self, image: np.ndarray, time_s: float) -> Decision | None:
        """As `push`, but it goes on after the first decision: the one on the latest `WatchSettings.seconds`.

        None until there is one. LIVE may turn into UNDECIDED, when another segment begins, and into ATTACK,
        which stays; `segments` say from when to when.
        """
        if self._final:
            return self._decision
        self._see(*self._next(image, time_s))
        if self._decision is None and not self._watch.done():
            return None
        self._decision = self._decided(timed_out=False)
        self._final = self._decision.verdict is Verdict.ATTACK
        return self._decision

    def progress(self) -> StreamProgress:
        """How far it has come: what a person in front of the camera is told between two frames."""
        return self._watch.progress()

    def finish(self) -> Decision:
        """The decision on what was seen, when no more frames come."""
        if self._final and self._decision is not None:
            return self._decision
        self._watch.end()
        return self._end(timed_out=False)

    async def push_async(self, image: np.ndarray, time_s: float) -> Decision | None:
        """As `push`; the event loop goes on while a thread does the work."""
        return await self._in_turn(self.push, image, time_s)

    async def watch_async(self, image: np.ndarray, time_s: float) -> Decision | None:
        """As `watch`; the event loop goes on while a thread does the work."""
        return await self._in_turn(self.watch, image, time_s)

    async def finish_async(self) -> Decision:
        """As `finish`; the event loop goes on while a thread does the work."""
        return await self._in_turn(self.finish)

    async def _in_turn(self, work: Callable[..., Answer], *given: object) -> Answer:
        """In one thread, after all that was asked before; no cancellation breaks off what has begun."""
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(self._worker, partial(work, *given))

    def _next(self, image: np.ndarray, time_s: float) -> tuple[np.ndarray, float]:
        """The picture and the seconds since the first; SourceError unless it comes after the others."""
        picture = frame_of(image, name=self._name)
        first_s, latest_s = self._times_s
        is_number = isinstance(time_s, numbers.Real) and not isinstance(time_s, bool)
        if not is_number or not abs(time_s) < LATEST_S:
            raise SourceError(
                f"{self._name}: a time must be a number of seconds below {LATEST_S:g}, not {time_s!r:.40}; "
                "give that of the camera"
            )
        if time_s <= latest_s:
            raise SourceError(
                f"{self._name}: times must rise, not {time_s!r:.40} after "
                f"{latest_s if self._count else 'no frame'}; give those of the camera, in seconds"
            )
        self._times_s = (time_s if self._count == 0 else first_s, time_s)
        return picture, time_s - self._times_s[0]

    def _see(self, image: np.ndarray, since_s: float) -> None:
        self._watch.see(Frame(image=image, time_s=since_s, index=self._count))
        self._count += 1

    def _end(self, *, timed_out: bool) -> Decision:
        self._decision = self._decided(timed_out=timed_out)
        self._final = True
        return self._decision

    def _decided(self, *, timed_out: bool) -> Decision:
        decision = decided(
            self._name,
            self._watch,
            contract=self._contract,
            rule=self._rule,
            timed_out=timed_out,
            live=True,
        )
        return replace(decision, timings_ms=self._clock.timings_ms())
