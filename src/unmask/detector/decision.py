"""Clip scores -> verdict: pure functions, whose every rule is written out in docs/decision.md.

Three steps. `read`: the mean of a segment's scores against the threshold, by Wald's sequential test. `dip`:
the worst second of it, by a scan whose allowance grows with the segment's length. `judge`: of all segments
that count the worst one, unless too much of what was seen could not be judged.

A score is a mean of clip scores through the contract's map where it was calibrated: here and nowhere else.
Clips of one presentation resemble each other, so n count only as n / (1 + (n - 1) rho), the size of as many
independent ones (Kish 1965). A decided verdict always agrees with score >= threshold.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from statistics import median

import numpy as np

from unmask.contract import Contract, OperatingPoint, ScoreMap
from unmask.types import FaceDecision, ModelError, Reason, Verdict

SEVERITY = {Verdict.LIVE: 0, Verdict.UNDECIDED: 1, Verdict.ATTACK: 2}

SUSTAINED_S = 1.0  # an attack that is shown for so long is never outvoted
# What is shown for a second is seen for a second less a look, and by more than one.
SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.1, 0.45
STRETCH_S = 3.0  # so much time the worst second is gathered from: frames by turns are one attack
LARGEST_SPREAD = 0.1  # of one person's clip scores; more is not put down to chance
ALLOWANCE, ALLOWANCE_GROWTH, SHORT_S = 2.5, 0.4, 5.0  # standard deviations; see `allowance`
UNJUDGED_SHARE = 0.25  # of the time in which a face was seen
SEVERAL_S = 0.5  # so long a second large face is passed over
ROUNDING = 1e-6  # of seconds that were added up


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the test needs of a contract: a point's threshold and margin, the clips' correlation rho, and the
    map that scores are read through.
    """

    name: str
    threshold: float
    margin: float
    correlation: float
    score_map: ScoreMap | None = None

    def calibrated(self, score: float) -> float:
        """What a mean of clip scores, or one clip's score, is worth in units of the threshold."""
        return score if self.score_map is None else self.score_map(score)

    def half_width(self, clips: float) -> float:
        """Half the width of the undecided band after so many clips that do not overlap (1 or more).

        >>> Rule(name="default", threshold=0.5, margin=0.2, correlation=0.5).half_width(3)
        0.13333333333333333
        """
        return self.margin / independent(clips, correlation=self.correlation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The model behind a decision and, after 1, 2, ... clips, half the width of its undecided band."""

    contract: Contract
    half_widths: tuple[float, ...]


def judge_of(contract: Contract, rule: Rule, faces: Sequence[FaceDecision]) -> Judge:
    """The judge behind a decision on these faces."""
    most = max([1, *(len(face.clips) for face in faces)])
    return Judge(contract=contract, half_widths=tuple(rule.half_width(n) for n in range(1, most + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the evidence says so far; `score` is NaN without clips. More clips may decide an UNDECIDED."""

    verdict: Verdict
    score: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What one segment gave: a face that was seen from `from_s` to `to_s` without a break.

    `times_s` and `scores` are those of its clips, in order, before calibration. `seen_s` is the time in which
    it was seen, `refused` how much of that for which reason (several may hold at once), `refused_s` for any.
    `moved`: the face changed more than noise explains and never stood still for long, or a single picture was
    given. `look_s`: between two looks at it, as a rule.
    """

    from_s: float
    to_s: float
    times_s: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    seen_s: float = 0.0
    refused_s: float = 0.0
    refused: Mapping[Reason, float] = field(default_factory=dict)
    moved: bool = True
    look_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A face's verdict with the reading of each of its segments, in their order."""

    reading: Reading
    segments: tuple[Reading, ...]


def rule_of(contract: Contract, *, point: str, precision: str) -> Rule:
    """The rule at an operating point; ModelError where its numbers are none: NaN would let anything pass."""
    chosen: OperatingPoint = contract.point(point, precision=precision)
    rho = contract.evidence_correlation
    if not (math.isfinite(chosen.threshold) and 0 <= chosen.margin < math.inf and 0 <= rho <= 1):
        raise ModelError(
            f"model {contract.name} has threshold {chosen.threshold}, margin {chosen.margin} and correlation "
            f"{rho} at point {point}; they must be finite, >= 0 and in [0, 1]: calibrate it again"
        )
    return Rule(
        name=chosen.name,
        threshold=chosen.threshold,
        margin=chosen.margin,
        correlation=rho,
        score_map=contract.score_map,
    )


def independent(clips: float, *, correlation: float) -> float:
    """How many independent clips tell as much as `clips` with that correlation between any two of them.

    >>> independent(4, correlation=0.0), independent(4, correlation=1.0), independent(3, correlation=0.5)
    (4.0, 1.0, 1.5)
    """
    return clips / (1 + (clips - 1) * correlation)


def read(scores: Sequence[float], rule: Rule) -> Reading:
    """The sequential test on the mean of clip scores.

    For scores of equal variance in both classes Wald's test stops where the mean of n leaves the band
    threshold -+ margin / n.

    >>> rule = Rule(name="default", threshold=0.5, margin=0.3, correlation=0.0)
    >>> [read(scores, rule).verdict.value for scores in ([0.9], [0.7], [0.7, 0.7], [0.1])]
    ['LIVE', 'UNDECIDED', 'LIVE', 'ATTACK']
    """
    if not scores:
        return Reading(verdict=Verdict.UNDECIDED, score=math.nan, reasons=(Reason.TOO_SHORT,))
    if not all(math.isfinite(score) for score in scores):
        return Reading(verdict=Verdict.UNDECIDED, score=math.nan, reasons=(Reason.NOT_FINITE,))
    mean = rule.calibrated(math.fsum(scores) / len(scores))
    band = rule.half_width(len(scores))
    if mean >= rule.threshold + band:
        return Reading(verdict=Verdict.LIVE, score=mean)
    if mean < rule.threshold - band:
        return Reading(verdict=Verdict.ATTACK, score=mean)
    return Reading(verdict=Verdict.UNDECIDED, score=mean, reasons=(Reason.EVIDENCE_WEAK,))


def allowance(seconds: float) -> float:
    """By how many standard deviations the worst second of a living person may lie below their own level.

    One recording in a hundred exceeds it, whatever its length: the quantile of the scan for normal scores
    whose neighbours, 0.2 s apart, are correlated by up to 0.85 (experiments/decision.py).

    >>> [round(allowance(seconds), 2) for seconds in (2, 10, 60)]
    [2.5, 2.78, 3.49]
    """
    return ALLOWANCE + ALLOWANCE_GROWTH * math.log(max(seconds, SHORT_S) / SHORT_S)


def worst_second(times_s: Sequence[float], scores: Sequence[float]) -> tuple[float, int]:
    """The mean of the lowest scores, a second's worth, within any stretch of `STRETCH_S`; and their number.

    >>> worst_second([0, 0.5, 1, 1.5, 2], [0.9, 0.9, 0.1, 0.3, 0.9])
    (0.2, 2)
    """
    steps = np.diff(times_s)
    count = 1 if not len(steps) else max(1, round(SUSTAINED_S / max(float(np.median(steps)), 1e-3)))
    count = min(count, len(scores))
    ends = np.searchsorted(times_s, np.asarray(times_s) + STRETCH_S - 1e-6)
    stretches = [scores[first:end] for first, end in enumerate(ends) if end - first >= count]
    return min(math.fsum(sorted(stretch)[:count]) / count for stretch in stretches or [scores]), count


def dip(times_s: Sequence[float], scores: Sequence[float], rule: Rule) -> Reading | None:
    """The reading of the worst second where it is not chance: below the threshold, and further below the
    person's own level than `allowance` explains.

    Level and spread are those of the upper half of the scores, which an attack that is shown for less than
    half of the time leaves alone; the spread is at least the margin of one clip.
    """
    worth = [rule.calibrated(score) for score in scores]
    middle, upper, high = np.quantile(worth, [0.5, 0.75, 0.9])
    wide, narrow = float(high - middle) / 1.2816, float(upper - middle) / 0.6745
    spread = max(rule.margin, min(wide, narrow, LARGEST_SPREAD))
    level = float(upper) - 0.6745 * spread
    worst, count = worst_second(times_s, worth)
    explained = allowance(times_s[-1] - times_s[0]) * spread
    if worst >= rule.threshold or worst >= level - explained:
        return None
    sure = worst < rule.threshold - rule.half_width(count)
    verdict = Verdict.ATTACK if sure else Verdict.UNDECIDED
    return Reading(verdict=verdict, score=worst, reasons=(Reason.SCORE_DROPPED,))


def read_segment(gathered: Gathered, rule: Rule) -> Reading:
    """One segment by itself: its mean, its worst second, most of its scores, and whether anything moved."""
    reading = read(gathered.scores, rule)
    if reading.verdict is Verdict.ATTACK or not math.isfinite(reading.score):
        return reading
    found = dip(gathered.times_s, gathered.scores, rule)
    if found is not None:
        return found
    if reading.verdict is Verdict.LIVE and rule.calibrated(median(gathered.scores)) < rule.threshold:
        return replace(reading, verdict=Verdict.UNDECIDED, reasons=(Reason.EVIDENCE_WEAK,))
    if reading.verdict is Verdict.LIVE and not gathered.moved:
        return replace(reading, verdict=Verdict.UNDECIDED, reasons=(Reason.STILL_PICTURE,))
    return reading


def judge(segments: Sequence[Gathered], rule: Rule) -> Judged:
    """One face: the worst of the segments that count, and never LIVE on a rest of what was seen.

    A segment shorter than a second, a glimpse, counts where it is LIVE, where all such that are ATTACK last
    as long together, and where no longer one was scored. What does not count, and what was refused, was not
    judged.
    """
    readings = tuple(read_segment(segment, rule) for segment in segments)
    counted = _that_count(segments, readings)
    worst_first = sorted(
        (readings[place] for place in counted),
        key=lambda reading: (-SEVERITY[reading.verdict], np.nan_to_num(reading.score, nan=-1.0)),
    )
    seen_s = sum(segment.seen_s for segment in segments)
    unjudged_s = sum(
        segment.refused_s if place in counted else segment.seen_s for place, segment in enumerate(segments)
    )
    too_much = unjudged_s > UNJUDGED_SHARE * seen_s + ROUNDING
    beside_s = sum(segment.refused.get(Reason.SEVERAL_FACES, 0.0) for segment in segments)
    several = beside_s >= SEVERAL_S - ROUNDING
    if not worst_first:
        broken = len(segments) > 1 and seen_s >= SUSTAINED_S
        why = _why_unjudged(segments) or (Reason.NOT_CONTINUOUS if broken else Reason.TOO_SHORT,)
        nothing = Reading(verdict=Verdict.UNDECIDED, score=math.nan, reasons=why)
        return Judged(reading=nothing, segments=readings)
    found = worst_first[0]
    if found.verdict is Verdict.LIVE and (too_much or several):
        why = _why_unjudged(segments) if too_much else ()
        why = (*why, Reason.SEVERAL_FACES) if several and Reason.SEVERAL_FACES not in why else why
        found = replace(found, verdict=Verdict.UNDECIDED, reasons=why or (Reason.NOT_CONTINUOUS,))
    elif found.verdict is Verdict.LIVE and _breaks_up(segments, readings, counted, rule):
        found = replace(found, verdict=Verdict.UNDECIDED, reasons=(Reason.SCORE_DROPPED,))
    elif found.verdict is Verdict.ATTACK and beside_s > UNJUDGED_SHARE * seen_s + ROUNDING:
        # So long that nothing tells whom it is about.
        found = replace(found, verdict=Verdict.UNDECIDED, reasons=_why_unjudged(segments))
    elif found.verdict is Verdict.UNDECIDED and Reason.NOT_FINITE not in found.reasons:
        also = [reason for reason in _why_unjudged(segments) if reason not in found.reasons]
        found = replace(found, reasons=(*found.reasons, *also))
    return Judged(reading=found, segments=readings)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """ATTACK before UNDECIDED before LIVE; nothing at all is UNDECIDED.

    >>> worst([Verdict.LIVE, Verdict.UNDECIDED]).value, worst([]).value
    ('UNDECIDED', 'UNDECIDED')
    """
    return max(verdicts, key=SEVERITY.__getitem__, default=Verdict.UNDECIDED)


def _is_a_second(seen_s: float, looks_s: Iterable[float]) -> bool:
    """Whether what was seen for so long, with looks so far apart, may have been shown for a second."""
    look_s = min(max([SHORTEST_LOOK_S, *looks_s]), LONGEST_LOOK_S)
    return seen_s >= SUSTAINED_S - look_s - ROUNDING


def _that_count(segments: Sequence[Gathered], readings: Sequence[Reading]) -> set[int]:
    """The places of the segments that count."""
    scored = [place for place, segment in enumerate(segments) if segment.scores]
    short = [p for p in scored if not _is_a_second(segments[p].seen_s, [segments[p].look_s])]
    flashes = [p for p in short if readings[p].verdict is Verdict.ATTACK]
    counted = {p for p in scored if p not in short or readings[p].verdict is Verdict.LIVE}
    counted |= {p for p in short if Reason.NOT_FINITE in readings[p].reasons}
    if _is_a_second(sum(segments[p].seen_s for p in flashes), [segments[p].look_s for p in flashes]):
        counted |= set(flashes)
    return counted or set(scored)


def _breaks_up(
    segments: Sequence[Gathered], readings: Sequence[Reading], counted: set[int], rule: Rule
) -> bool:
    """Whether an attack of a second breaks into parts none of which counts: glimpses, some perhaps too short
    for a score, and what lies below the threshold at the ends of the segments before and after.
    """
    seen_s, looks_s, attacked = 0.0, [0.0], False
    for place, segment in enumerate(segments):
        looks_s.append(segment.look_s)
        if place not in counted:
            seen_s += segment.seen_s
            attacked = attacked or readings[place].verdict is Verdict.ATTACK
        else:
            begin_s, is_attack = _low_end(segment, rule, back=False)
            seen_s, attacked = seen_s + begin_s, attacked or is_attack
        if attacked and _is_a_second(seen_s, looks_s):
            return True
        if place in counted:
            (seen_s, attacked), looks_s = _low_end(segment, rule, back=True), [segment.look_s]
    return False


def _low_end(segment: Gathered, rule: Rule, *, back: bool) -> tuple[float, bool]:
    """How long the clips at the start of a segment, or at its end, lie below the threshold, and whether they
    are those of an attack.
    """
    order = -1 if back else 1
    scores, times_s = segment.scores[::order], segment.times_s[::order]
    low = list(takewhile(lambda score: rule.calibrated(score) < rule.threshold, scores))
    if not low:
        return 0.0, False
    first_s, last_s = (segment.from_s, segment.to_s)[::order]
    beyond_s = times_s[len(low)] if len(low) < len(times_s) else last_s
    lasts_s = abs((times_s[len(low) - 1] + beyond_s) / 2 - first_s)
    return lasts_s, read(low, rule).verdict is Verdict.ATTACK


def _why_unjudged(segments: Sequence[Gathered]) -> tuple[Reason, ...]:
    """The reasons that held for a large share of the time, the longest first."""
    seen_s = sum(segment.seen_s for segment in segments)
    held: Counter[Reason] = Counter()
    for segment in segments:
        for reason, seconds in segment.refused.items():
            held[reason] += seconds  # type: ignore[assignment]
    return tuple(reason for reason, seconds in held.most_common() if 0 < seconds >= UNJUDGED_SHARE * seen_s)
