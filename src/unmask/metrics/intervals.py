"""How sure a figure is: exact intervals of rates; for the others what subjects drawn again and what the
counts alone allow, whichever is wider.

Drawing subjects again finds no spread where none was observed: of 12 bona fide presentations without an
error each draw has none. What the counts alone allow says how much so few can hide.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from unmask.metrics.columns import Columns
from unmask.types import DataError

BOOTSTRAP_ROUNDS = 1000
PRIOR = 0.5  # Jeffreys': that much of an error and of a success is added to each count
Z = 1.959964  # standard errors of a 95 % interval
FEW_SUBJECTS = 5  # of a class; fewer of them, drawn again, say next to nothing of other people
Statistic = Callable[[np.ndarray], float]  # how often each presentation was drawn (n,) -> the figure
RoundProgress = Callable[[int], None]  # rounds of the bootstrap that are done


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`errors` of `count` presentations with the exact (Clopper-Pearson) 95 % interval; NaN if none."""

    errors: int
    count: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval; NaN where none was asked for or a class is missing."""

    value: float
    low: float
    high: float


def rate(errors: int, count: int, *, confidence: float = 0.95) -> Rate:
    """`errors` of `count` with the exact interval of Clopper and Pearson (1934).

    >>> rate(0, 10).high.__round__(4)  # 1 - 0.025 ** (1 / 10)
    0.3085
    """
    if not 0 <= errors <= count:
        raise DataError(
            f"a rate needs 0 <= errors <= count, not {errors} of {count}; count presentations once"
        )
    if not count:
        return Rate(errors=0, count=0, value=np.nan, low=np.nan, high=np.nan)
    tail = (1 - confidence) / 2
    low = 0.0 if errors == 0 else float(betaincinv(errors, count - errors + 1, tail))
    high = 1.0 if errors == count else float(betaincinv(errors + 1, count - errors, 1 - tail))
    return Rate(errors=errors, count=count, value=errors / count, low=low, high=high)


def bootstrap(
    columns: Columns,
    statistics: Mapping[str, Statistic],
    *,
    rng: np.random.Generator,
    rounds: int,
    progress: RoundProgress | None = None,
) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each statistic when subjects are drawn again; NaN if there is but one of a kind.

    A presentation without a subject is a subject of its own. Drawing is within the groups of bona fide only,
    attack only and mixed subjects, so that no draw loses a class. Rounds in which a statistic is NaN are left
    out. `progress` is told after each round.
    """
    drawn: dict[str, list[float]] = {name: [] for name in statistics}
    for done, weights in enumerate(draws(columns, rng=rng, rounds=rounds), start=1):
        for name, statistic in statistics.items():
            drawn[name].append(statistic(weights))
        if progress is not None:
            progress(done)
    return {name: middle(np.array(values)) for name, values in drawn.items()}


def auc_of(columns: Columns) -> Statistic:
    """AUC when each presentation counts as often as it was drawn; NaN where a class has no finite score."""
    order, starts = _tied(columns)
    bona_fide = columns.bona_fide[order]

    def statistic(weights: np.ndarray) -> float:
        drawn = weights[order]
        ours, theirs = _sums(drawn * bona_fide, starts), _sums(drawn * ~bona_fide, starts)
        pairs = 2 * int(ours.sum()) * int(theirs.sum())
        below = np.cumsum(theirs) - theirs
        return int((ours * (2 * below + theirs)).sum()) / pairs if pairs else np.nan

    return statistic


def eer_of(columns: Columns) -> Statistic:
    """EER, by the rules of `metrics.eer`; NaN where a class is missing or no score is finite."""
    order, starts = _tied(columns)
    bona_fide = columns.bona_fide[order]

    def statistic(weights: np.ndarray) -> float:
        drawn = weights[order]
        all_bona_fide, all_attacks = (
            int(weights[columns.bona_fide].sum()),
            int(weights[~columns.bona_fide].sum()),
        )
        if not all_bona_fide or not all_attacks or not drawn.any():
            return np.nan
        ours, theirs = _sums(drawn * bona_fide, starts), _sums(drawn * ~bona_fide, starts)
        silent = all_bona_fide - int(ours.sum())
        refused = silent + np.concatenate([[0], np.cumsum(ours)])  # at each threshold, from the lowest
        passed = int(theirs.sum()) - np.concatenate([[0], np.cumsum(theirs)])
        far, frr = passed * all_bona_fide, refused * all_attacks
        after = int(np.searchsorted(frr - far, 0, side="right"))  # frr - far rises
        near = range(max(after - 1, 0), min(after + 1, len(far)))
        total = min((abs(int(far[k] - frr[k])), int(far[k] + frr[k])) for k in near)[1]
        return total / (2 * all_bona_fide * all_attacks)

    return statistic


def acer_of(columns: Columns, passed: np.ndarray) -> Statistic:
    """ACER of the decisions `passed` (n,) bool; NaN where a class was not drawn."""
    _, codes = np.unique(columns.instruments.astype(str), return_inverse=True)
    bona_fide, attacks = columns.bona_fide, ~columns.bona_fide

    def statistic(weights: np.ndarray) -> float:
        people = weights[bona_fide].sum()
        counts = np.bincount(codes[attacks], weights[attacks])
        accepted = np.bincount(codes[attacks], weights[attacks] * passed[attacks])
        if not people or not counts.any():
            return np.nan
        worst = (accepted[counts > 0] / counts[counts > 0]).max()
        return float(worst + (weights[bona_fide] * ~passed[bona_fide]).sum() / people) / 2

    return statistic


def hter_of(columns: Columns, passed: np.ndarray) -> Statistic:
    """HTER of the decisions `passed` (n,) bool; NaN where a class was not drawn."""
    bona_fide, attacks = columns.bona_fide, ~columns.bona_fide

    def statistic(weights: np.ndarray) -> float:
        people, tries = weights[bona_fide].sum(), weights[attacks].sum()
        if not people or not tries:
            return np.nan
        refused = (weights[bona_fide] * ~passed[bona_fide]).sum() / people
        return float(refused + (weights[attacks] * passed[attacks]).sum() / tries) / 2

    return statistic


def wider(value: float, *intervals: tuple[float, float]) -> Estimate:
    """The value with the narrowest interval that holds it and all `intervals`, those with NaN left out.

    >>> wider(1.0, (1.0, 1.0), (0.8, 0.99), (np.nan, np.nan))
    Estimate(value=1.0, low=0.8, high=1.0)
    """
    known = [bound for bounds in intervals if not np.isnan(bounds).any() for bound in bounds]
    if np.isnan(value) or not known:
        return Estimate(value=value, low=np.nan, high=np.nan)
    return Estimate(value=value, low=min(value, *known), high=max(value, *known))


def mean_rates(
    errors: Sequence[tuple[int, int]], bona_fide: tuple[int, int], *, rng: np.random.Generator
) -> tuple[float, float]:
    """What the counts allow ACER, the mean of the worst of the attacks' rates and of the bona fide's.

    `errors` are (errors, count) of each instrument, pooled for HTER. Each rate is drawn from its posterior
    under Jeffreys' prior, every presentation by itself; the bounds hold the middle 95 %. NaN without both.
    """
    if not bona_fide[1] or not any(count for _, count in errors):
        return np.nan, np.nan
    rates = [
        rng.beta(wrong + PRIOR, count - wrong + PRIOR, BOOTSTRAP_ROUNDS)
        for wrong, count in (*(one for one in errors if one[1]), bona_fide)
    ]
    return middle((np.max(rates[:-1], axis=0) + rates[-1]) / 2)


def area(value: float, bona_fide: int, attacks: int) -> tuple[float, float]:
    """What the counts allow an AUC: the areas that lie within 1.96 standard errors, each by itself, of it.

    A score interval, as Wilson's of a rate (Newcombe 2006, method 5): it has a width at 0 and 1, too.

    >>> low, high = area(1.0, 12, 36)
    >>> round(low, 2), high
    (0.89, 1.0)
    """
    if not bona_fide or not attacks or np.isnan(value):
        return np.nan, np.nan
    areas = np.linspace(0, 1, 10_001)
    half = (bona_fide + attacks) / 2 - 1
    spread = 1 + half * (1 - areas) / (2 - areas) + half * areas / (1 + areas)
    variance = areas * (1 - areas) * spread / (bona_fide * attacks)
    inside = areas[np.abs(areas - value) <= Z * np.sqrt(variance) + 1e-12]
    return (float(inside[0]), float(inside[-1])) if len(inside) else (value, value)


def few_subjects(columns: Columns) -> str:
    """A sentence where there are too few people to say anything of others; "" where there are enough."""
    counts = {}
    for name, rows in (("bona fide", columns.bona_fide), ("attack", ~columns.bona_fide)):
        named = [subject for subject, chosen in zip(columns.subjects, rows, strict=True) if chosen]
        counts[name] = len({subject for subject in named if subject}) + named.count("")
    name = min(counts, key=lambda key: counts[key])
    if not 0 < counts[name] < FEW_SUBJECTS:
        return ""
    return (
        f"The {name} presentations are of {counts[name]} "
        f"{'person' if counts[name] == 1 else 'people'}: intervals speak of these, not of others."
    )


def draws(columns: Columns, *, rng: np.random.Generator, rounds: int) -> Iterator[np.ndarray]:
    """How often each presentation counts (n,) int64, for each round; see `bootstrap`."""
    if not rounds:
        return
    members: dict[str, list[int]] = {}
    for row, subject in enumerate(columns.subjects):
        members.setdefault(f"subject {subject}" if subject else f"row {row}", []).append(row)
    owner = np.zeros(len(columns.values), dtype=np.int64)
    kinds: dict[tuple[bool, bool], list[int]] = {}
    for number, rows in enumerate(members.values()):
        owner[rows] = number
        kind = (bool(columns.bona_fide[rows].any()), bool(columns.bona_fide[rows].all()))
        kinds.setdefault(kind, []).append(number)
    groups = [np.array(group) for group in kinds.values()]
    if all(len(group) == 1 for group in groups):
        return  # drawing one of one again and again would look like certainty
    times = np.zeros(len(members), dtype=np.int64)
    for _ in range(rounds):
        for group in groups:
            times[group] = np.bincount(rng.integers(len(group), size=len(group)), minlength=len(group))
        yield times[owner]


def middle(drawn: np.ndarray) -> tuple[float, float]:
    """The bounds of the middle 95 % of what is finite; NaN where nothing is."""
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return np.nan, np.nan
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _tied(columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """The rows with a finite score in ascending order, and where in it each distinct score begins."""
    rows = np.flatnonzero(np.isfinite(columns.values))
    order = rows[np.argsort(columns.values[rows], kind="stable")]
    values = columns.values[order]
    return order, np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])[: len(values)])


def _sums(weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.add.reduceat(weights, starts) if len(starts) else np.zeros(0, dtype=np.int64)
