"""How far each real picture lies from the simulated ones, without its label: is it like anything made?

A space of numbers (camera statistics, a network's features) is standardised and whitened by the simulated
clips. The distance of a picture to a class is the mean to its nearest clips. A picture is outside a class if
it lies farther than 99 % of the class's own clips lie from those of other subjects, and outside when it is
so for both classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.types import DataError

NEIGHBOURS = 5
OUTSIDE = 0.99  # share of a class's own clips that lie nearer
KEPT = 0.01  # of the variance: directions with less are chance
FEWEST = 20  # clips of a class


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A picture's distances to simulated clips of both classes.

    `bona_fide_rank` and `attack_rank` in [0, 1]: the share of the class's own clips that lie nearer to it.
    """

    name: str
    bona_fide: float
    attack: float
    bona_fide_rank: float
    attack_rank: float

    @property
    def outside(self) -> bool:
        """Beyond both classes."""
        return min(self.bona_fide_rank, self.attack_rank) > OUTSIDE

    @property
    def nearer(self) -> str:
        """The class in which it lies deeper."""
        return "bona_fide" if self.bona_fide_rank <= self.attack_rank else "attack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Where a group of pictures lies among the simulated clips in one statistic.

    `rank` in [0, 1]: the middle of the pictures' ranks among all simulated clips, 0.5 when they lie alike;
    `below`, `above`: the share of pictures under the 2.5th, over the 97.5th percentile (0.025 expected).
    `real`, `bona_fide`, `attack`: medians.
    """

    statistic: str
    rank: float
    below: float
    above: float
    real: float
    bona_fide: float
    attack: float


class Space:
    """Numbers of simulated clips (N, D) of known class and subject, ready to be asked."""

    def __init__(self, points: np.ndarray, *, attack: np.ndarray, subjects: np.ndarray) -> None:
        """`attack` (N,) bool, `subjects` (N,). Raises DataError where a class has too few clips."""
        if (fewest := int(min(attack.sum(), (~attack).sum()))) < FEWEST:
            raise DataError(f"coverage needs {FEWEST} simulated clips of each class, not {fewest}; make more")
        self._middle = np.median(points, axis=0)
        low, high = np.percentile(points, [25, 75], axis=0)
        self._scale = np.maximum((high - low) / 1.349, 1e-6)  # a normal deviation, whatever the tails
        scaled = np.clip(self._scaled(points), -6, 6)
        values, directions = np.linalg.eigh(np.cov(scaled, rowvar=False))
        kept = values > KEPT * values.sum()
        self._whiten = directions[:, kept] / np.sqrt(values[kept])
        self._classes = {}
        for name, chosen in (("bona_fide", ~attack), ("attack", attack)):
            held = scaled[chosen] @ self._whiten
            same = subjects[chosen][:, None] == subjects[chosen][None]
            own = _to_nearest(held, held, barred=same)
            self._classes[name] = (held, np.sort(own[np.isfinite(own)]))

    def cover(self, points: np.ndarray, names: Sequence[str]) -> list[Covered]:
        """The distances of each row of `points` (M, D); rows are known by `names`."""
        asked = np.clip(self._scaled(points), -60, 60) @ self._whiten
        found = {}
        for name, (held, own) in self._classes.items():
            distance = _to_nearest(asked, held)
            found[name] = (distance, np.searchsorted(own, distance) / len(own))
        return [
            Covered(
                name=name,
                bona_fide=float(found["bona_fide"][0][row]),
                attack=float(found["attack"][0][row]),
                bona_fide_rank=float(found["bona_fide"][1][row]),
                attack_rank=float(found["attack"][1][row]),
            )
            for row, name in enumerate(names)
        ]

    def _scaled(self, points: np.ndarray) -> np.ndarray:
        return (points - self._middle) / self._scale


def apart(
    pictures: Sequence[Mapping[str, float]], simulated: Sequence[Mapping[str, float]], *, attack: np.ndarray
) -> list[Apart]:
    """Each statistic of `pictures` among those of `simulated` (`attack` (N,) bool), the farthest first."""
    found = []
    for name in simulated[0]:
        made = np.array([row[name] for row in simulated])
        real = np.array([row[name] for row in pictures])
        low, high = np.percentile(made, [2.5, 97.5])
        ranks = np.searchsorted(np.sort(made), real) / len(made)
        found.append(
            Apart(
                statistic=name,
                rank=float(np.median(ranks)),
                below=float((real < low).mean()),
                above=float((real > high).mean()),
                real=float(np.median(real)),
                bona_fide=float(np.median(made[~attack])),
                attack=float(np.median(made[attack])),
            )
        )
    return sorted(found, key=lambda one: (-max(one.below, one.above), -abs(one.rank - 0.5)))


def extremes(
    picture: Mapping[str, float], simulated: Sequence[Mapping[str, float]], *, most: int = 4
) -> list[tuple[str, float]]:
    """The statistics in which a picture is most unlike the simulated clips, with how many deviations.

    >>> made = [{"noise": float(n % 7), "contrast": 5.0 + n % 5} for n in range(70)]
    >>> extremes({"noise": 3.0, "contrast": 30.0}, made, most=1)[0][0]
    'contrast'
    """
    found = []
    for name in simulated[0]:
        made = np.array([row[name] for row in simulated])
        low, middle, high = np.percentile(made, [25, 50, 75])
        found.append((name, float((picture[name] - middle) / max((high - low) / 1.349, 1e-6))))
    return sorted(found, key=lambda one: -abs(one[1]))[:most]


def _to_nearest(asked: np.ndarray, held: np.ndarray, *, barred: np.ndarray | None = None) -> np.ndarray:
    """Mean distances (M,) of `asked` (M, D) to their nearest of `held` (N, D), some pairs barred (M, N)."""
    square = (asked**2).sum(axis=1)[:, None] + (held**2).sum(axis=1)[None] - 2 * asked @ held.T
    distance = np.sqrt(np.maximum(square, 0))
    if barred is not None:
        distance = np.where(barred, np.inf, distance)
    count = min(NEIGHBOURS, distance.shape[1])
    return np.partition(distance, count - 1, axis=1)[:, :count].mean(axis=1)
