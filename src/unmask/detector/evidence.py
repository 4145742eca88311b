"""What has been gathered about one face of one source: sightings -> segments and clips -> the decision on it.

Memory is bounded: a window holds the frames of one clip in the making; a face keeps what lies within
`WatchSettings.seconds`, and pictures, depth and features of at most `PICTURES` clips, however long that is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

from unmask.detector.decision import ROUNDING, Gathered, Judged, Rule, judge
from unmask.media.clips import choose
from unmask.media.stillness import Stillness
from unmask.types import ClipScore, ClipSpec, FaceDecision, Reason, Segment, Sighting, Verdict

STEP_S = 0.2  # between single frames that are scored, in the mean: no more than five network runs a second
PICTURES = 64  # of a face at most; where they become more, half of them go
GOLDEN = 0.6180339887498949  # its multiples fall evenly into [0, 1) and never repeat


class Window:
    """Sightings as they come -> the T of them that make the next clip, by `media.clips.choose`.

    No frame is in two clips, and their starts keep no beat, so that attack frames which are shown by turns
    with bona fide ones cannot keep out of all of them: single frames follow each other after 0.13 to 0.27 s,
    a clip of T begins up to a stride later than it could.
    """

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec
        self._sightings: list[Sighting] = []
        self._after_s = -np.inf  # the next clip starts later than this
        self._clips = 0

    def add(self, sighting: Sighting) -> list[Sighting] | None:
        """The T sightings of a clip as soon as they are there."""
        if sighting.frame.time_s <= self._after_s:
            return None
        self._sightings.append(sighting)
        self._thin()
        return self._next(last=False)

    def wants(self, time_s: float, *, step_s: float) -> bool:
        """Whether a sighting of that time, so long after the frame before, may become part of the next clip:
        of clips of several frames it is the nearest to one of their moments, or the first after it.
        """
        if time_s <= self._after_s:
            return False
        if not self._sightings:
            return True
        start_s, stride_s = self._sightings[0].frame.time_s, self.spec.stride_s
        moment = round((time_s - start_s) / stride_s)
        off_s = time_s - (start_s + moment * stride_s)
        held = any(round((s.frame.time_s - start_s) / stride_s) == moment for s in self._sightings)
        return abs(off_s) <= step_s / 2 + 1e-6 or (off_s > 0 and not held)

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
        self._clips += 1
        share = self._clips * GOLDEN % 1
        if self.spec.frames == 1:
            period_s = STEP_S * (2 + 2 * share) / 3
        else:
            period_s = (self.spec.frames + share) * self.spec.stride_s
        self._after_s = max(start_s + period_s - 1e-6, end_s)
        self._sightings = [s for s in self._sightings if s.frame.time_s > self._after_s]
        return clip

    def _thin(self) -> None:
        """Keep the nearest and the last of the frames around one moment of the clip: no other can be chosen.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _FrameSeen:
    """One sighting: how long it stands for, and why it was refused."""

    time_s: float
    seconds: float
    refused: frozenset[Reason]


@dataclass(slots=True, kw_only=True)
class _Part:
    """A segment in the making."""

    identity: int
    stillness: Stillness
    seen: list[_FrameSeen] = field(default_factory=list)
    clips: list[ClipScore] = field(default_factory=list)

    def gathered(self, *, still: bool) -> Gathered:
        refused: Counter[Reason] = Counter()
        refused_s = 0.0
        spans = self.stillness.repeated
        for one in self.seen:
            reasons = set(one.refused)
            if any(from_s < one.time_s <= to_s for from_s, to_s in spans):
                reasons.add(Reason.STILL_PICTURE)  # time that is refused for something else, too, counts once
            refused_s += one.seconds if reasons else 0.0
            for reason in reasons:
                refused[reason] += one.seconds  # type: ignore[assignment]
        return Gathered(
            from_s=self.seen[0].time_s,
            to_s=self.seen[-1].time_s,
            times_s=tuple(clip.time_s for clip in self.clips),
            scores=tuple(clip.score for clip in self.clips),
            seen_s=sum(one.seconds for one in self.seen),
            look_s=median(one.seconds for one in self.seen),
            refused_s=refused_s,
            refused=dict(refused),
            moved=still or self.stillness.moved,
        )


@dataclass(slots=True, kw_only=True)
class Evidence:
    """The running account of one face: fill it with `begin`, `saw` and `scored`, ask `judged`, `decision`.

    `still`: it is a single picture, in which nothing can move.
    """

    identity: int
    rule: Rule
    still: bool = False
    boxes: list[tuple[float, np.ndarray]] = field(default_factory=list)
    parts: list[_Part] = field(default_factory=list)
    mesh: np.ndarray | None = None  # (468, 3) of the latest sighting, in pixels of the frame
    pictures: int = 0  # kept, or a few more where some were forgotten

    def begin(self, identity: int) -> None:
        """A new segment: what comes next is not, or cannot be shown to be, what went before."""
        self.parts.append(_Part(identity=identity, stillness=Stillness()))

    def saw(
        self, sighting: Sighting, refused: Sequence[Reason], *, seconds: float, unseen_s: float = 0.0
    ) -> None:
        """Count a sighting that stands for so many seconds, and the reasons for which it may not be used.

        `unseen_s` before it the face was to be seen and was not.
        """
        if not self.parts:
            self.begin(self.identity)
        part, now_s = self.parts[-1], sighting.frame.time_s
        self.boxes.append((now_s, sighting.face.box))
        self.mesh = sighting.face.mesh
        if unseen_s > 0:
            lost = frozenset((Reason.NOT_CONTINUOUS,))
            part.seen.append(_FrameSeen(time_s=now_s, seconds=unseen_s, refused=lost))
        part.seen.append(_FrameSeen(time_s=now_s, seconds=seconds, refused=frozenset(refused)))
        if not self.still and not set(refused) - {Reason.SEVERAL_FACES}:
            part.stillness.add(sighting)

    def scored(self, clips: Sequence[ClipScore]) -> None:
        """Add clips of the segment that is being seen."""
        if clips:
            self.parts[-1].clips.extend(clips)
            self.pictures += len(clips)
            if self.pictures > PICTURES:
                self._thin()

    def forget(self, before_s: float) -> None:
        """Let go of what is older."""
        while self.boxes and self.boxes[0][0] < before_s:
            self.boxes.pop(0)
        self.parts = [part for part in self.parts if part.seen[-1].time_s >= before_s]
        if self.parts and self.parts[0].seen[0].time_s < before_s:
            first = self.parts[0]
            first.seen = [one for one in first.seen if one.time_s >= before_s]
            first.clips = [clip for clip in first.clips if clip.time_s >= before_s]
            first.stillness.forget(before_s)

    def waits(self) -> bool:
        """Whether the very next frame is needed, to tell the motion of the face from noise."""
        return not self.still and bool(self.parts) and self.parts[-1].stillness.waits

    def watched_s(self) -> float:
        """From the first sighting to the latest."""
        return self.boxes[-1][0] - self.boxes[0][0] if self.boxes else 0.0

    def judged_s(self) -> float:
        """How much of the time in which it was seen was judged."""
        return sum(one.seconds for part in self.parts for one in part.seen if not one.refused)

    def depth(self) -> np.ndarray | None:
        """The depth map (32, 32) of the latest clip, None where there is none."""
        clips = self.parts[-1].clips if self.parts else []
        return clips[-1].depth[-1] if clips and clips[-1].depth is not None else None

    def judged(self) -> Judged:
        """What the evidence says so far."""
        return judge([part.gathered(still=self.still) for part in self.parts], self.rule)

    def decision(self, *, timed_out: bool = False, slow: bool = False, least_s: float = 0.0) -> FaceDecision:
        """The decision when nothing more comes; when time ran out it is UNDECIDED, whatever the scores, and
        so it is where less than `least_s` was judged.

        `slow`: the source has too few frames a second for the model's clips.
        """
        judged = self.judged()
        verdict, reasons = judged.reading.verdict, judged.reading.reasons
        if verdict is not Verdict.UNDECIDED and self.judged_s() < least_s - ROUNDING:
            verdict, reasons = Verdict.UNDECIDED, (Reason.TOO_SHORT,)
        short = {Reason.TOO_SHORT, Reason.NOT_CONTINUOUS, Reason.STILL_PICTURE}
        if slow and verdict is Verdict.UNDECIDED and short & set(reasons):
            reasons = (Reason.TOO_FEW_FRAMES, *(reason for reason in reasons if reason not in short))
        if timed_out and Reason.NOT_FINITE not in reasons:
            kept = reasons if verdict is Verdict.UNDECIDED else ()
            verdict, reasons = Verdict.UNDECIDED, (Reason.TIMED_OUT, *kept)
        return FaceDecision(
            identity=self.identity,
            verdict=verdict,
            score=judged.reading.score,
            reasons=reasons,
            clips=tuple(
                replace(clip, score=self.rule.calibrated(clip.score))
                for part in self.parts
                for clip in part.clips
            ),
            boxes=tuple(self.boxes),
            landmarks=self.mesh,
            segments=tuple(
                Segment(
                    identity=part.identity,
                    from_s=part.seen[0].time_s,
                    to_s=part.seen[-1].time_s,
                    verdict=reading.verdict,
                    score=reading.score,
                    reasons=reading.reasons,
                )
                for part, reading in zip(self.parts, judged.segments, strict=True)
            ),
        )

    def _thin(self) -> None:
        """Keep the pictures of half as many clips, evenly spread in time, with the worst and the latest."""
        held = [clip for part in self.parts for clip in part.clips if clip.picture is not None]
        self.pictures = len(held)
        if len(held) <= PICTURES:
            return
        times_s = np.array([clip.time_s for clip in held])
        wanted = np.linspace(times_s[0], times_s[-1], PICTURES // 2)
        kept = {int(np.abs(times_s - time_s).argmin()) for time_s in wanted}
        kept.add(min(range(len(held)), key=lambda place: held[place].score))
        gone = {id(clip) for place, clip in enumerate(held) if place not in kept}
        for part in self.parts:
            part.clips = [_bare(clip) if id(clip) in gone else clip for clip in part.clips]
        self.pictures -= len(gone)


def _bare(clip: ClipScore) -> ClipScore:
    """The clip with its time and score alone."""
    return ClipScore(time_s=clip.time_s, score=clip.score, depth=None, picture=None)
