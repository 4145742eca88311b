"""What has been gathered about one face of one source: sightings -> clips -> scores -> the decision on it.

Memory is bounded: a window holds the frames of one clip in the making, and a face the scores and one
picture of each of at most `max_clips` clips.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unmask.media.clips import choose
from unmask.runtime.decision import Reading, Rule, read
from unmask.types import ClipScore, ClipSpec, FaceDecision, Reason, Sighting, Verdict

# A reason that held for this share of a face's sightings is named when no verdict comes about.
COMMON = 0.25


class Window:
    """Sightings as they come -> the T of them that make the next clip, by `media.clips.choose`."""

    def __init__(self, spec: ClipSpec, *, every_s: float | None = None) -> None:
        self.spec = spec
        self.every_s = every_s  # from one clip's start to the next; None: no frame in two clips
        self._sightings: list[Sighting] = []
        self._after_s = -np.inf  # the next clip starts later than this

    def add(self, sighting: Sighting) -> list[Sighting] | None:
        """The T sightings of a clip as soon as they are there."""
        if sighting.frame.time_s <= self._after_s:
            return None
        self._sightings.append(sighting)
        self._thin()
        return self._next(last=False)

    def end(self) -> list[Sighting] | None:
        """The T sightings of a last clip, when nothing more will come."""
        return self._next(last=True)

    def clear(self) -> None:
        """Forget the sightings: what comes next is another face, or the same one found again."""
        self._sightings.clear()

    def _next(self, *, last: bool) -> list[Sighting] | None:
        reach_s = (self.spec.frames - 1) * self.spec.stride_s
        while self._sightings:
            times = [s.frame.time_s for s in self._sightings]
            seen_s = times[-1] - times[0]
            if seen_s < reach_s - 1e-6 and not last:
                return None
            chosen = choose(times, spec=self.spec, start=0)
            if chosen:
                return self._take(chosen)
            if seen_s < 1.5 * reach_s and not last:
                return None  # a slow camera may still complete it
            self._sightings.pop(0)
        return None

    def _take(self, chosen: Sequence[int]) -> list[Sighting]:
        clip = [self._sightings[i] for i in chosen]
        start_s, end_s = clip[0].frame.time_s, clip[-1].frame.time_s
        period_s = self.spec.frames * self.spec.stride_s if self.every_s is None else self.every_s
        self._after_s = start_s + period_s - 1e-6
        if self.every_s is None:
            self._after_s = max(self._after_s, end_s)
        self._sightings = [s for s in self._sightings if s.frame.time_s > self._after_s]
        return clip

    def _thin(self) -> None:
        """Of the frames around one moment of the clip keep the nearest and the last: no other can be chosen.

        A 240 frames/s camera would otherwise fill the memory with pictures that no clip takes.
        """
        start_s, stride_s = self._sightings[0].frame.time_s, self.spec.stride_s
        nearest: dict[int, tuple[float, Sighting]] = {}
        last: dict[int, Sighting] = {}
        for sighting in self._sightings:
            time_s = sighting.frame.time_s
            moment = round((time_s - start_s) / stride_s)
            off_s = abs(time_s - (start_s + moment * stride_s))
            if moment not in nearest or off_s < nearest[moment][0]:
                nearest[moment] = (off_s, sighting)
            last[moment] = sighting
        kept = {id(s) for s in (*(near for _, near in nearest.values()), *last.values())}
        self._sightings = [s for s in self._sightings if id(s) in kept]


@dataclass(slots=True, kw_only=True)
class Evidence:
    """The running account of one face: fill it with `saw` and `scored`, ask `reading` and `decided`."""

    identity: int
    rule: Rule
    spec: ClipSpec
    overlap: int = 1  # clips that share frames: each counts as one part in so many
    clips: list[ClipScore] = field(default_factory=list)
    boxes: list[tuple[float, np.ndarray]] = field(default_factory=list)
    refusals: Counter[Reason] = field(default_factory=Counter)

    def saw(self, sighting: Sighting, refused: Sequence[Reason]) -> None:
        """Count a sighting and the reasons for which it may not be used."""
        self.boxes.append((sighting.frame.time_s, sighting.face.box))
        self.refusals.update(set(refused))

    def reading(self) -> Reading:
        """What the scores say so far."""
        count = 1 + (len(self.clips) - 1) / self.overlap
        return read([clip.score for clip in self.clips], self.rule, clips=max(1.0, count))

    def decided(self) -> bool:
        """Whether more clips are not needed: the verdict is there, or a score was no number."""
        reading = self.reading()
        return reading.verdict is not Verdict.UNDECIDED or Reason.NOT_FINITE in reading.reasons

    def decision(self, *, timed_out: bool = False) -> FaceDecision:
        """The decision when nothing more comes; when time ran out it is UNDECIDED, whatever the scores."""
        reading = self.reading()
        verdict, reasons = reading.verdict, reading.reasons
        if timed_out and not (self.clips and Reason.NOT_FINITE in reasons):
            verdict, reasons = Verdict.UNDECIDED, (Reason.TIMED_OUT,)
        if verdict is Verdict.UNDECIDED and Reason.NOT_FINITE not in reasons:
            reasons = self._why_undecided(reasons)
        return FaceDecision(
            identity=self.identity,
            verdict=verdict,
            score=reading.score,
            reasons=reasons,
            clips=tuple(replace(clip, score=self.rule.calibrated(clip.score)) for clip in self.clips),
            boxes=tuple(self.boxes),
        )

    def _why_undecided(self, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        common = tuple(
            reason for reason, count in self.refusals.most_common() if count >= COMMON * len(self.boxes)
        )
        seen_s = self.boxes[-1][0] - self.boxes[0][0] if self.boxes else 0.0
        if seen_s < (self.spec.frames - 1) * self.spec.stride_s - 1e-6:
            return (*(r for r in reasons if r is not Reason.TOO_SHORT), Reason.TOO_SHORT, *common)
        kept = tuple(r for r in reasons if r is not Reason.TOO_SHORT or not common)
        return (*kept, *common)
