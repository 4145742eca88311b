"""The light challenge: colours on the whole screen, unlike those of any other session, and what the face
sends back of them.

The page shows the colours one after the other and reports when each appeared. The judge asks three things:
is this session's sequence in the light of the face, and soon enough; does the face send back more than what
is beside it; is the answer shaped like a face, not like a sheet, nor like a picture behind glass.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.challenges.draws import Chooser, chooser, draw_walk
from unmask.challenges.response import Response, measure_response, motion_of
from unmask.challenges.result import ChallengeResult
from unmask.challenges.samples import Sample, sample
from unmask.challenges.sequence import Match, Schedule, Steps, find_sequence, steps_in
from unmask.media.faces import LEFT_EYE, RIGHT_EYE
from unmask.types import Face, Frame, Reason, SettingsError, Verdict

HIGH, LOW = 255, 40  # of each primary on the screen
# Black and white would make the automatic exposure swing; every other colour turns one or two primaries on.
PRIMARIES = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1))
PALETTE = tuple(tuple(HIGH if on else LOW for on in row) for row in PRIMARIES)
STEPS = 12
HOLD_MS = 400  # 1.25 pairs of changes a second: below the three flashes a second that may harm
FASTEST_MS = 334  # three changes a second: below the limit of three flashes (pairs) with a margin
HURRIED, DELAYED = 0.8, 1.4  # of the time that a colour is held: what a busy browser makes of it
MOST_FRAMES = 900  # kept as numbers; what comes later in a session is not looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class LightLimits:
    """Where the tests of the light challenge end; docs/challenges.md has the rates at the defaults."""

    chance: float = 1e-4  # of a video that knows nothing of the sequence
    latest_s: float = 0.35  # from the screen to the time of a frame
    late_until_s: float = 1.5  # later answers are not looked for
    frames_a_step: float = 2.5
    eye_distance_px: float = 28.0
    beside_most: float = 0.6  # share that comes from beside a head,
    beside_sure: float = 0.4  # and where a lamp at one side makes shares uneven
    shape_least: float = 0.03
    shape_sure: float = 2.0  # times what noise alone gives
    shape_noise_most: float = 0.015  # above it a face is not called flat
    mirror_least: float = -0.6
    uneven_most: float = 0.33
    weak: float = 0.1  # change of a face's light, below which lamps and mirrors look alike
    other_least: float = 0.05  # of steps of another sequence: their size,
    other_explained: float = 0.9  # the share of the signal that they are,
    other_sharp: float = 6.0  # and how sharply they come at the challenge's rhythm
    dark: float = 0.004  # linear light of a face in which nothing can be measured


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

    def to_dict(self) -> dict[str, Any]:
        """What the page is told."""
        return {"colours": [list(colour) for colour in self.colours], "hold_ms": self.hold_ms}


class LightJudge:
    """Reads frames as they come and keeps numbers alone; times of frames and colours are of one clock."""

    def __init__(self, challenge: LightChallenge, *, limits: LightLimits = LightLimits()) -> None:
        self.challenge, self.limits = challenge, limits
        self._shown_s: dict[int, float] = {}
        self._samples: list[Sample] = []
        self._small = 0

    def shown(self, index: int, time_ms: float) -> None:
        """Colour `index` of the challenge appeared on the screen at that time."""
        if not 0 <= index < len(self.challenge.indices):
            raise SettingsError(
                f"the challenge has colours 0 to {len(self.challenge.indices) - 1}, not {index}"
            )
        self._shown_s.setdefault(index, float(time_ms) / 1000)

    def push(self, frame: Frame, face: Face | None) -> None:
        """The next frame with the face that is being checked, None where none was found."""
        if face is not None and self._is_next(frame.time_s):
            self.take(sample(frame.image, face, time_s=frame.time_s))

    def take(self, one: Sample) -> None:
        """The next frame as numbers; what does not come after the others is left out."""
        if not self._is_next(one.time_s):
            return
        apart = float(np.linalg.norm(one.mesh[LEFT_EYE] - one.mesh[RIGHT_EYE]))
        self._small += apart < self.limits.eye_distance_px
        self._samples.append(one)

    def decide(self) -> ChallengeResult:
        """The result of what was seen; UNDECIDED while colours or frames are missing."""
        schedule = self._schedule()
        if schedule is None or not self._seen_throughout(schedule):
            return _undecided(Reason.TOO_SHORT if self._samples else Reason.NO_FACE)
        return self.judged(self._samples, schedule)

    def judged(self, samples: list[Sample], schedule: Schedule) -> ChallengeResult:
        """The result of those samples under that schedule."""
        limits, times_s = self.limits, np.array([one.time_s for one in samples])
        light = _mean_light(samples)
        if self._small > 0.5 * len(samples):
            return _undecided(Reason.FACE_TOO_SMALL)
        if float(np.median(light.mean(axis=1))) < limits.dark:
            return _undecided(Reason.TOO_DARK)
        signal, indices = np.log(light), self.challenge.indices
        motion, lags = motion_of(samples), (0.0, limits.latest_s)
        found = find_sequence(signal, times_s, indices, schedule, lags_s=lags, motion=motion)
        if found.chance > limits.chance:
            lags = (limits.latest_s, limits.late_until_s)
            late = find_sequence(signal, times_s, indices, schedule, lags_s=lags, motion=motion)
            return _not_found(found, late, steps_in(signal, times_s, schedule), limits)
        response = measure_response(samples, indices, schedule, found)
        verdict, reasons = read(response, limits)
        return ChallengeResult(verdict=verdict, reasons=reasons, evidence=_evidence(found, response))

    def _is_next(self, time_s: float) -> bool:
        """Whether a frame of that time is wanted: time does not run back, nor stand still."""
        after = not self._samples or time_s > self._samples[-1].time_s
        return after and len(self._samples) < MOST_FRAMES

    def _schedule(self) -> Schedule | None:
        """When each colour appeared; what was not reported follows the one before; None without the first."""
        if 0 not in self._shown_s:
            return None
        hold_s, shown = self.challenge.hold_ms / 1000, [self._shown_s[0]]
        for index in range(1, len(self.challenge.indices)):
            shown.append(self._shown_s.get(index, shown[-1] + hold_s))
        gaps = np.diff(shown) / hold_s
        if gaps.size and (gaps.min() < HURRIED or gaps.max() > DELAYED):
            return None  # times chosen afterwards would make any video fit
        return Schedule(shown_s=np.array(shown), hold_s=hold_s, primaries=2 * np.array(PRIMARIES) - 1)

    def _seen_throughout(self, schedule: Schedule) -> bool:
        """Whether frames with a face came during all the colours, but for one at either end."""
        times_s = np.array([one.time_s for one in self._samples])
        ends = np.append(schedule.shown_s, schedule.shown_s[-1] + schedule.hold_s)
        counts = np.histogram(times_s, bins=ends)[0]
        enough = counts.sum() >= self.limits.frames_a_step * len(counts)
        return bool(enough and (counts > 0).sum() >= len(counts) - 1)


def read(response: Response, limits: LightLimits) -> tuple[Verdict, tuple[Reason, ...]]:
    """The verdict on an answer whose sequence was found."""
    against = []
    beside, noise = response.beside, response.beside_noise
    if beside is not None and beside - 2 * noise > limits.beside_most:
        against.append(Reason.NO_DEPTH)
    shape, shape_noise = response.shape, response.shape_noise
    if shape is not None and shape < limits.shape_least and shape_noise < limits.shape_noise_most:
        against.append(Reason.FLAT)
    glassy = response.mirror is not None and response.mirror + 2 * response.mirror_noise < limits.mirror_least
    if against:
        return Verdict.ATTACK, (*against, Reason.MIRROR) if glassy else tuple(against)
    if glassy or (response.uneven is not None and response.uneven > limits.uneven_most):
        weak = float(response.change.mean()) < limits.weak
        return Verdict.UNDECIDED, (Reason.TOO_BRIGHT if weak else Reason.MIRROR,)
    deep = beside is None or beside <= limits.beside_most
    if response.uneven is not None and np.hypot(response.uneven, response.lamp) > limits.uneven_most:
        deep = _surely_deep(response, limits)
    shaped = shape is not None and shape >= max(limits.shape_least, limits.shape_sure * shape_noise)
    if deep and shaped:
        return Verdict.LIVE, ()
    return Verdict.UNDECIDED, (Reason.TOO_BRIGHT,)


def _surely_deep(response: Response, limits: LightLimits) -> bool:
    """Whether nothing mirrors and little comes back from beside the head: then a lamp makes shares uneven."""
    if response.beside is None or response.mirror is None:
        return False
    behind = response.beside + 2 * response.beside_noise < limits.beside_sure
    return behind and response.mirror - 2 * response.mirror_noise > limits.mirror_least


def _not_found(found: Match, late: Match, steps: Steps, limits: LightLimits) -> ChallengeResult:
    """Too late is an attack, so is another sequence; nothing at all may be a bright room, not a guess."""
    if late.chance <= limits.chance:
        evidence = _matched(late)
        return ChallengeResult(verdict=Verdict.ATTACK, reasons=(Reason.LIGHT_LATE,), evidence=evidence)
    if (
        steps.size >= limits.other_least
        and steps.explained >= limits.other_explained
        and steps.sharp >= limits.other_sharp
    ):
        evidence = _matched(found) | {"steps": round(steps.size, 4)}
        return ChallengeResult(verdict=Verdict.ATTACK, reasons=(Reason.LIGHT_OTHER,), evidence=evidence)
    return ChallengeResult(
        verdict=Verdict.UNDECIDED,
        reasons=(Reason.LIGHT_ABSENT, Reason.TOO_BRIGHT),
        evidence=_matched(found),
    )


def _undecided(reason: Reason) -> ChallengeResult:
    return ChallengeResult(verdict=Verdict.UNDECIDED, reasons=(reason,))


def _mean_light(samples: list[Sample]) -> np.ndarray:
    """The face's mean linear light (T, 3) over the places that are seen in all frames, or nearly."""
    skin = np.stack([one.skin for one in samples])
    seen = np.isfinite(skin).all(axis=2).mean(axis=0) > 0.9
    seen |= not seen.any()
    known = np.nan_to_num(skin[:, seen])
    count = np.maximum(np.isfinite(skin[:, seen]).sum(axis=1), 1)
    return np.asarray(np.maximum(known.sum(axis=1) / count, 1e-5), np.float64)


def _matched(match: Match) -> dict[str, Any]:
    return {
        "chance": match.chance,
        "fit": round(match.fit, 4),
        "lag_s": round(match.lag_s, 4),
        "automatics_s": None if np.isinf(match.automatics_s) else match.automatics_s,
        "change": [round(float(value), 4) for value in match.change],
    }


def _evidence(match: Match, response: Response) -> dict[str, Any]:
    numbers = {
        "beside": (response.beside, response.beside_noise),
        "shape": (response.shape, response.shape_noise),
        "mirror": (response.mirror, response.mirror_noise),
    }
    uneven = None if response.uneven is None else round(response.uneven, 4)
    return {
        **_matched(match),
        "uneven": uneven,
        "lamp": round(response.lamp, 4),
    } | {
        name: None if value is None else {"value": round(value, 4), "noise": round(noise, 4)}
        for name, (value, noise) in numbers.items()
    }
