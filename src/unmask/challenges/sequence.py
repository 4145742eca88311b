"""Is the session's own sequence in a signal, and how late: by comparison with sequences that were not shown.

A video that knows nothing of the sequence answers to it as it answers to any other. So the sequence is held
against random ones drawn by the same rule; the share of them that fits as well or better, at the best delay
and the best model of the camera's automatics for each, is the chance of a false acceptance. It holds for any
video whatever, since all chance is in the draw (a randomisation test).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np

from unmask.challenges.draws import chooser, draw_walk

EXPOSURE_S = 0.03  # over which a frame gathers light, about
AUTOMATICS_S = (np.inf, 1.0, 0.35)  # time constants of automatic exposure and white balance
SLOW = 4  # cosines that turning heads and clouds may take up: up to 1.5 periods in the whole
STILL = 1e-3  # of the motion's spread: less is that of the mesh
DRAWS = 12_000
FEW = 400  # draws after which a hopeless sequence is given up
LAG_STEP_S = 0.035
# Red against green, blue against both, all: a head that moves changes the last most.
OPPONENT = np.array([[1, -1, 0], [-0.5, -0.5, 1], [1 / 3, 1 / 3, 1 / 3]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How well a sequence fits a signal: `chance` that another one fits as well (1 in DRAWS at best).

    `lag_s` from a colour on the screen to its light in a frame's time; `automatics_s` the time constant that
    fits best; `change` (3,) the change of the signal from a primary's low to its high.
    """

    chance: float
    fit: float
    lag_s: float
    automatics_s: float
    change: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When colours appeared: `shown_s` (n,), `hold_s`; `primaries` (m, 3) in {-1, 1} that may be drawn."""

    shown_s: np.ndarray
    hold_s: float
    primaries: np.ndarray


def find_sequence(
    signal: np.ndarray,
    times_s: np.ndarray,
    indices: Sequence[int],
    schedule: Schedule,
    *,
    lags_s: tuple[float, float],
    motion: np.ndarray | None = None,
) -> Match:
    """The best match of the sequence `indices` in the signal (T, 3), between those lags.

    What follows the `motion` (T, k) of the head is taken out of the signal first.
    """
    models = [
        (lag, constant, _Model(signal, times_s, schedule, motion, lag_s=lag, constant_s=constant))
        for lag in np.arange(lags_s[0], lags_s[1] + 1e-9, LAG_STEP_S)
        for constant in AUTOMATICS_S
    ]
    own = schedule.primaries[list(indices)]
    fits = np.array([model.fit((own @ OPPONENT.T).astype(np.float32)[None])[0] for *_, model in models])
    lag, constant, model = models[int(fits.argmax())]
    chance = _chance(float(fits.max()), models, schedule, steps=len(indices))
    return Match(
        chance=chance,
        fit=float(fits.max()),
        lag_s=float(lag),
        automatics_s=float(constant),
        change=model.change(own),
    )


def false_acceptance(*, steps: int, choices: int, mistakes: int = 0, lags: int = 1) -> float:
    """The chance that a video without the sequence shows it in all but `mistakes` of its steps, at one of so
    many delays.

    Each step is one of `choices` - 1 (the first: of `choices`), so a step is hit with a chance of 1 in
    `choices` - 1 at most, whatever the video shows; delays add up at most.

    >>> false_acceptance(steps=12, choices=6) < 1e-8
    True
    """
    hit = 1 / (choices - 1)
    tail = sum(comb(steps, k) * hit ** (steps - k) * (1 - hit) ** k for k in range(mistakes + 1))
    return min(1.0, lags * tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How much a signal looks like steps of any height at the rhythm of a schedule.

    `size`: root mean square of the signal without slow changes. `explained`: the share of its power that
    steps explain at the best delay; `sharp`: how many times more is left at the worst delay, which for a
    smooth course is about 1.
    """

    size: float
    explained: float
    sharp: float


def steps_in(signal: np.ndarray, times_s: np.ndarray, schedule: Schedule) -> Steps:
    """Steps of any height in the signal (T, 3), at any delay within one colour's time."""
    left, sizes = [], []
    for lag in np.arange(0, schedule.hold_s, LAG_STEP_S):
        shares = step_shares(times_s - lag, schedule)
        lit = shares.sum(axis=1) > 0.999
        if lit.sum() < 2 * shares.shape[1]:
            continue
        basis = slow_basis(times_s[lit])
        own, shares = without(signal[lit], basis), without(shares[lit], basis)
        rest = own - shares @ np.linalg.lstsq(shares, own, rcond=None)[0]
        sizes.append(float(np.sqrt((own**2).mean())))
        left.append(float((rest**2).mean()) / max(sizes[-1] ** 2, 1e-12))
    if not left:
        return Steps(size=0.0, explained=0.0, sharp=1.0)
    return Steps(size=max(sizes), explained=1 - min(left), sharp=max(left) / max(min(left), 1e-6))


def _chance(best: float, models: list[Any], schedule: Schedule, *, steps: int) -> float:
    others = _drawn(len(schedule.primaries), steps, DRAWS)
    as_good = 0
    for part in (others[:FEW], others[FEW:]):
        bits = np.moveaxis(schedule.primaries[part] @ OPPONENT.T, 2, 0).astype(np.float32)
        bits = np.moveaxis(bits, 0, 2)  # a colour's numbers side by side
        fits = np.max([model.fit(bits) for *_, model in models], axis=0)
        as_good += int((fits >= best).sum())
        if as_good > 2:
            return (1 + as_good) / (1 + len(part))
    return (1 + as_good) / (1 + DRAWS)


@lru_cache(maxsize=8)
def _drawn(choices: int, steps: int, count: int) -> np.ndarray:
    rng = chooser(np.random.default_rng(20181))
    return np.array([draw_walk(rng, choices=choices, steps=steps) for _ in range(count)])


class _Model:
    """The signal against sequences at one lag and one time constant."""

    def __init__(
        self,
        signal: np.ndarray,
        times_s: np.ndarray,
        schedule: Schedule,
        motion: np.ndarray | None,
        *,
        lag_s: float,
        constant_s: float,
    ) -> None:
        steps = step_shares(times_s - lag_s, schedule)
        lit = steps.sum(axis=1) > 0.999
        steps, signal, times_s = steps[lit], signal[lit], times_s[lit]
        self._steps = self._signal = np.zeros((0, 3))
        known = SLOW + (0 if motion is None else motion.shape[1])
        if len(steps) < known + 3:
            self.weight = np.zeros((steps.shape[1], 3), np.float32)
            self.gram, self.power = np.eye(steps.shape[1], dtype=np.float32), np.ones(3)
            return
        basis = slow_basis(times_s, None if motion is None else motion[lit])
        steps = without(_followed(steps, times_s, constant_s), basis)
        signal = without(signal, basis)
        self._steps, self._signal = steps, signal
        signal = signal @ OPPONENT.T
        self.power = np.maximum((signal**2).sum(axis=0), 1e-12)
        self.weight = (steps.T @ signal).astype(np.float32)  # (n, 3)
        self.gram = (steps.T @ steps).astype(np.float32)

    def fit(self, bits: np.ndarray) -> np.ndarray:
        """How well each of the sequences (m, n, 3), in opponent colours, fits: the logarithm of a likelihood
        ratio per frame.
        """
        total = np.zeros(len(bits))
        for c in range(3):
            own = bits[:, :, c]
            norm = np.einsum("mn,mn->m", own @ self.gram, own)
            agreement = np.maximum(own @ self.weight[:, c], 0) ** 2 / np.maximum(norm * self.power[c], 1e-12)
            total -= 0.5 * np.log(np.maximum(1 - agreement, 1e-6))
        return np.asarray(total)

    def change(self, bits: np.ndarray) -> np.ndarray:
        """By how much (3,) red, green and blue change from low to high under this sequence (n, 3)."""
        if not len(self._steps):
            return np.zeros(3)
        colours = self._steps @ bits
        power = np.maximum((colours**2).sum(axis=0), 1e-9)
        return np.asarray(2 * (colours * self._signal).sum(axis=0) / power)


def step_shares(moments_s: np.ndarray, schedule: Schedule) -> np.ndarray:
    """The share (T, n) of each colour in exposures that end at those moments on the screen's clock."""
    begins = schedule.shown_s
    ends = np.append(begins[1:], begins[-1] + schedule.hold_s)
    first, last = (moments_s - EXPOSURE_S)[:, None], moments_s[:, None]
    return np.asarray(np.clip(np.minimum(last, ends) - np.maximum(first, begins), 0, None) / EXPOSURE_S)


def slow_basis(times_s: np.ndarray, motion: np.ndarray | None = None) -> np.ndarray:
    """What cannot be an answer (T, SLOW + k), orthonormal: a constant, half cosines over the whole time, and
    the `motion` (T, k) of the head, by which light changes, too.
    """
    share = (times_s - times_s[0]) / max(times_s[-1] - times_s[0], 1e-9)
    slow = np.cos(np.pi * share[:, None] * np.arange(SLOW))
    if motion is not None:
        spread = np.maximum(motion.std(axis=0), STILL)
        slow = np.column_stack([slow, (motion - motion.mean(axis=0)) / spread])
    basis, sizes, _ = np.linalg.svd(slow, full_matrices=False)
    return np.asarray(basis[:, sizes > 1e-6 * sizes[0]])  # a head that keeps still adds nothing


def without(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """`values` (T, k) with what the orthonormal basis (T, m) explains taken out."""
    return np.asarray(values - basis @ (basis.T @ values))


def _followed(steps: np.ndarray, times_s: np.ndarray, constant_s: float) -> np.ndarray:
    """The steps (T, n) as a camera shows them whose gain goes against every change with that constant."""
    if not np.isfinite(constant_s):
        return steps
    shares = 1 - np.exp(-np.diff(times_s, prepend=times_s[0]) / constant_s)
    gain, out = -steps[0], np.empty_like(steps)
    for k, share in enumerate(shares):
        gain = gain + share * (-steps[k] - gain)
        out[k] = steps[k] + gain
    return out
