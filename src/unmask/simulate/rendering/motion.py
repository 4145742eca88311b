"""How heads, hands and cameras move: smooth random processes, each a function of time drawn once from a
generator.
"""

from dataclasses import dataclass

import numpy as np

from unmask.simulate.rendering.surfaces import Pose, turn

LONGEST_S = 600.0  # events of a clip are drawn as far as that
GAZE = 0.45  # radians by which a gaze of 1 turns the eyes
FRONT = np.radians(42.0)  # a portrait's yaw, which its own turns hardly ever reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """A smooth random function of time with k values: sums of sines, so any time may be asked for, in any
    order.

    `amplitude` (k, m), `frequency_hz` (k, m), `phase` (k, m) radians; each value's standard deviation is what
    `draw_waves` was asked for.
    """

    amplitude: np.ndarray
    frequency_hz: np.ndarray
    phase: np.ndarray

    def at(self, time_s: float) -> np.ndarray:
        """The values (k,) at that time."""
        angle = 2 * np.pi * self.frequency_hz * time_s + self.phase
        return (self.amplitude * np.sin(angle)).sum(axis=1)


def draw_waves(
    rng: np.random.Generator, deviation: np.ndarray, *, slow_hz: float, fast_hz: float, count: int = 7
) -> Waves:
    """Waves of those standard deviations (k,), between two frequencies, the fast ones smaller (amplitude ~
    1/f).
    """
    shape = (len(deviation), count)
    frequency = np.exp(rng.uniform(np.log(slow_hz), np.log(fast_hz), shape))
    amplitude = rng.uniform(0.3, 1.0, shape) / frequency
    power = np.sqrt((amplitude**2).sum(axis=1, keepdims=True) / 2)
    return Waves(
        amplitude=amplitude / power * np.asarray(deviation, float)[:, None],
        frequency_hz=frequency,
        phase=rng.uniform(0, 2 * np.pi, shape),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A head at one time: `head` and `body` lead from the bust's frame to the world.

    `blink`, `mouth` and `smile` in [0, 1]; `brows` in [-1, 1], up is positive; `gaze` against the head, to
    the picture's right and down, each in [-1, 1].
    """

    head: Pose
    body: Pose
    blink: float
    mouth: float
    smile: float = 0.0
    brows: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Syllables in bursts: the mouth opens and closes once in each; `middle_s`, `length_s`, `size` (k,)."""

    middle_s: np.ndarray
    length_s: np.ndarray
    size: np.ndarray

    def at(self, time_s: float) -> float:
        """How far the mouth is open, 0 between bursts, 1 at the middle of the largest syllable."""
        away = np.abs(time_s - self.middle_s) / (0.6 * self.length_s)  # neighbours overlap: lips seldom meet
        near = away < 1
        return float((self.size[near] * (0.5 + 0.5 * np.cos(np.pi * away[near]))).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Glances:
    """Where the eyes look: from `start_s` (k,) on at `target` (k, 2) radians, to the picture's right and
    down; they jump, as eyes do.
    """

    start_s: np.ndarray
    target: np.ndarray

    def at(self, time_s: float) -> np.ndarray:
        """The direction (2,); a jump takes 50 ms."""
        now = max(0, int(np.searchsorted(self.start_s, time_s, side="right")) - 1)
        share = np.clip((time_s - self.start_s[now]) / 0.05, 0, 1)
        return self.target[max(0, now - 1)] * (1 - share) + self.target[now] * share


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMotion:
    """A bona fide head about `place`: turns and sways, comes nearer and goes, blinks, looks about, talks,
    smiles.

    `turning`: yaw in radians to the picture's left and right that is not gone beyond; `watches`: the share of
    a turn that the eyes make up for, to look where they looked. Smile and brows are `mood` (2,) about
    `manner` (2,).
    """

    place: Pose
    turns: Waves  # yaw, pitch, roll in radians
    sway: Waves  # x, y, z in metres
    trend: np.ndarray  # (3,) m/s, approach or retreat
    rest: np.ndarray  # (3,) radians: how the head is held
    blinks_s: np.ndarray  # when each blink is closed
    speech: Speech
    mouth_gain: float
    turning: tuple[float, float]
    glances: Glances
    watches: float
    mood: Waves
    manner: np.ndarray

    def at(self, time_s: float) -> Moment:
        """The head at that time; the same time gives the same moment."""
        yaw, pitch, roll = self.rest + self.turns.at(time_s)
        yaw = _held(float(yaw), self.turning)
        turned = turn(yaw=float(yaw), pitch=float(pitch), roll=float(roll))
        going = self.sway.at(time_s) + self.trend * np.sin(0.7 * time_s) / 0.7  # comes, and goes back again
        leant = turn(yaw=float(0.25 * yaw), pitch=float(0.15 * pitch), roll=float(0.35 * roll))
        head = Pose(rotation=turned, translation=going.astype(np.float32)).then(self.place)
        body = Pose(rotation=leant, translation=(0.8 * going).astype(np.float32)).then(self.place)
        smile, brows = self.manner + self.mood.at(time_s)
        away = self.glances.at(time_s) - self.watches * np.array([yaw, pitch])
        right, down = np.clip(away / GAZE, -1, 1)
        return Moment(
            head=head,
            body=body,
            blink=self._blink(time_s),
            mouth=self._mouth(time_s),
            smile=float(np.clip(smile, 0, 1)),
            brows=float(np.clip(brows, -1, 1)),
            gaze=(float(right), float(down)),
        )

    def _blink(self, time_s: float) -> float:
        """Lids close in 70 ms and open in 140 ms."""
        late = time_s - self.blinks_s
        closing, opening = np.clip(1 + late / 0.07, 0, 1), np.clip(1 - late / 0.14, 0, 1)
        return float(np.max(np.minimum(closing, opening), initial=0.0))

    def _mouth(self, time_s: float) -> float:
        return float(np.clip(self.mouth_gain * self.speech.at(time_s), 0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class RigidMotion:
    """A thing held in a hand, fixed on a wall, or a camera: `at(time_s)` gives its pose."""

    place: Pose
    turns: Waves
    sway: Waves
    trend: np.ndarray

    def at(self, time_s: float) -> Pose:
        """The pose at that time."""
        yaw, pitch, roll = self.turns.at(time_s)
        going = self.sway.at(time_s) + self.trend * np.sin(0.7 * time_s) / 0.7
        rotation = turn(yaw=float(yaw), pitch=float(pitch), roll=float(roll))
        return Pose(rotation=rotation, translation=going.astype(np.float32)).then(self.place)


def draw_head_motion(
    rng: np.random.Generator,
    *,
    place: Pose,
    liveliness: float = 1.0,
    turning: tuple[float, float] | None = None,
) -> HeadMotion:
    """A head that wanders about `place` (head to world); `liveliness` 0 is a statue, 2 somebody who talks.

    At 1 the standard deviations are about 6, 4 and 2 degrees and 12 mm; each clip draws its own share of
    them. A head with sides has a `turning` (see `Bust`): in two clips of five it turns as far as that.
    """
    own = liveliness * rng.uniform(0.25, 1.6)
    turns = draw_waves(rng, own * np.radians([6.0, 4.0, 2.2]), slow_hz=0.12, fast_hz=0.9)
    sway = draw_waves(rng, own * np.array([0.012, 0.006, 0.014]), slow_hz=0.08, fast_hz=0.7)
    blinks, time_s = [], float(rng.exponential(2.0))
    while time_s < LONGEST_S and liveliness > 0:
        blinks.append(time_s)
        time_s += 0.4 + float(rng.exponential(2.8))
    talks = rng.random() < 0.35
    trend = np.array([0, 0, own * rng.normal(0, 0.03)])
    rest = np.radians(np.clip(rng.normal(0, [9.0, 5.0, 3.5]), [-20, -7, -8], [20, 10, 8]))
    lively = min(1.0, liveliness)
    gain = lively * (rng.uniform(0.4, 1.0) if talks else rng.uniform(0.0, 0.12))
    if turning is not None and rng.random() < 0.4:
        rest[0] = rng.uniform(*turning)
        turns = draw_waves(rng, lively * np.radians([14.0, 4.0, 2.2]), slow_hz=0.12, fast_hz=0.6)
    return HeadMotion(
        place=place,
        turns=turns,
        sway=sway,
        trend=trend,
        rest=rest * min(1.0, 0.3 + liveliness),
        blinks_s=np.array(blinks),
        speech=_draw_speech(rng),
        mouth_gain=float(gain),
        turning=turning or (-FRONT, FRONT),
        glances=_draw_glances(rng, lively),
        watches=float(lively * rng.uniform(0.2, 0.8)),
        mood=draw_waves(rng, lively * rng.uniform(0.02, 0.2) * np.ones(2), slow_hz=0.05, fast_hz=0.5),
        manner=lively * np.array([max(0.0, rng.normal(0.05, 0.3)), rng.normal(0, 0.12)]),
    )


def _held(yaw: float, turning: tuple[float, float]) -> float:
    """A yaw that never goes beyond `turning`: from three quarters of it on more and more slowly."""
    most = turning[1] if yaw > 0 else -turning[0]
    calm, rest = 0.75 * most, max(1e-6, 0.25 * most)
    return float(np.sign(yaw) * (min(abs(yaw), calm) + rest * np.tanh(max(0.0, abs(yaw) - calm) / rest)))


def _draw_speech(rng: np.random.Generator) -> Speech:
    """Bursts of one to four seconds with pauses between, 3 to 6 syllables a second in each."""
    middles, lengths, time_s = [], [], -float(rng.uniform(0, 2))
    while time_s < LONGEST_S:
        stop, pace = time_s + rng.uniform(1.0, 4.0), rng.uniform(3.5, 5.5)
        while time_s < stop:
            lengths.append(min(max(float(rng.normal(1 / pace, 0.02)), 1 / 6), 1 / 3))  # thousands: no np.clip
            middles.append(time_s)
            time_s += lengths[-1]
        time_s += float(rng.uniform(0.3, 2.0))
    size = rng.uniform(0.4, 1.0, len(middles))
    return Speech(middle_s=np.array(middles), length_s=np.array(lengths), size=size)


def _draw_glances(rng: np.random.Generator, lively: float) -> Glances:
    """Looks of a quarter of a second to four; most go where the last but one went, to screen or camera."""
    count = 1500
    start = np.concatenate([[-1.0], np.cumsum(0.25 + rng.exponential(0.9, count - 1))])
    target = rng.normal(0, 1, (count, 2)) * np.radians([7.0, 4.0])
    target[rng.random(count) < 0.5] *= 0.2
    return Glances(start_s=start, target=lively * target)


def draw_rigid_motion(rng: np.random.Generator, *, place: Pose, shake: float = 1.0) -> RigidMotion:
    """An instrument that wanders about `place`; `shake` 0 is fixed, 1 a steady hand, 3 one that tilts and
    sways.
    """
    own = shake * rng.uniform(0.3, 1.6)
    return RigidMotion(
        place=place,
        turns=draw_waves(rng, own * np.radians([3.0, 3.0, 1.8]), slow_hz=0.15, fast_hz=1.8),
        sway=draw_waves(rng, own * np.array([0.008, 0.008, 0.01]), slow_hz=0.12, fast_hz=1.8),
        trend=np.array([0, 0, own * rng.normal(0, 0.02)]),
    )


_CAMERAS = {"tripod": 0.0, "laptop": 0.04, "handheld": 1.0}


def draw_camera_motion(rng: np.random.Generator, *, kind: str | None = None) -> RigidMotion:
    """World to camera; `kind` is "tripod", "laptop" or "handheld", drawn when None; the same draw for every
    class.
    """
    kind = kind or str(rng.choice(list(_CAMERAS), p=[1 / 3, 1 / 6, 1 / 2]))
    own = _CAMERAS[kind] * rng.uniform(0.4, 1.6)
    return RigidMotion(
        place=Pose(),
        turns=draw_waves(rng, own * np.radians([0.9, 0.9, 0.7]), slow_hz=0.2, fast_hz=4.0),
        sway=draw_waves(rng, own * np.array([0.006, 0.006, 0.005]), slow_hz=0.15, fast_hz=2.5),
        trend=np.zeros(3),
    )
