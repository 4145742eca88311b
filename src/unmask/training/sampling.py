"""Which clips come together: balanced by class, instrument and domain, or epoch by epoch as published."""

from collections.abc import Sequence

import numpy as np

from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Row
from unmask.training.settings import Batches
from unmask.types import DataError, Label

EPOCH = 0xE90C  # apart from the generators of steps


class Balanced:
    """A fixed share is bona fide; instruments, and domains within a class, may be equally likely."""

    def __init__(self, prepared: PreparedSet, *, batches: Batches) -> None:
        rows, self.batches = prepared.rows, batches
        bona_fide, instruments = by_instrument(rows, origin=str(prepared.root))
        if batches.attacks == "as prepared":
            instruments = [np.sort(np.concatenate(instruments))]
        domains, names = domains_of(rows)
        if batches.domains == "as prepared":
            domains[:] = 0
        elif len(names) < 2 and batches.domains == "equally":
            raise DataError(
                f"{prepared.root} has one domain, {names[0]!r}; drop [batches] domains, or train on several"
            )
        count = round(batches.size * batches.bona_fide)
        self.bona_fide_count = max(1, min(batches.size - 1, count))  # of each part
        self.bona_fide = _by_domain(bona_fide, domains)  # a pool of clips for each domain
        self.attacks = _attacks_by_domain(instruments, domains)  # of each domain, a pool for each instrument

    def numbers(self, rng: np.random.Generator, *, parts: int) -> np.ndarray:
        """The clips of a step (parts, B), bona fide first."""
        size = self.batches.size
        attacks = self._attacks(rng, count=parts * (size - self.bona_fide_count))
        faces = self._faces(rng, count=parts * self.bona_fide_count)
        return self.dealt(np.concatenate([faces, attacks]).astype(np.int64), parts=parts)

    def dealt(self, values: np.ndarray, *, parts: int) -> np.ndarray:
        """Values of a step's clips (parts x B,), bona fide first, -> (parts, B), in each part so again."""
        faces, attacks = np.split(values, [parts * self.bona_fide_count])
        return np.concatenate([faces.reshape(parts, -1), attacks.reshape(parts, -1)], axis=1)

    def _faces(self, rng: np.random.Generator, *, count: int) -> np.ndarray:
        if len(self.bona_fide) == 1:
            return rng.choice(self.bona_fide[0], count)
        homes = _turns(rng, len(self.bona_fide), count=count)
        return np.array([rng.choice(self.bona_fide[home]) for home in homes])

    def _attacks(self, rng: np.random.Generator, *, count: int) -> np.ndarray:
        if len(self.attacks) == 1:
            species = rng.integers(len(self.attacks[0]), size=count)
            return np.array([rng.choice(self.attacks[0][k]) for k in species])
        pools = [self.attacks[home] for home in _turns(rng, len(self.attacks), count=count)]
        return np.array([rng.choice(pool[rng.integers(len(pool))]) for pool in pools])


class Epochs:
    """All clips in a new order each epoch, of each presentation about so many; an incomplete batch is left
    out.
    """

    def __init__(self, rows: Sequence[Row], *, batches: Batches, seed: int) -> None:
        self.batches, self.seed = batches, seed
        presentations: dict[str, list[int]] = {}
        for number, row in enumerate(rows):
            presentations.setdefault(row.name, []).append(number)
        limits = {Label.BONA_FIDE: batches.clips_bona_fide, Label.ATTACK: batches.clips_attack}
        self._clips = [
            (np.array(numbers), _stride(len(numbers), limits[rows[numbers[0]].label]))
            for numbers in presentations.values()
        ]
        # the fewest that any start leaves, so that all epochs are equally long
        self.fewest = sum(len(numbers) // stride for numbers, stride in self._clips)
        self._drawn: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))

    def _thinned(self, rng: np.random.Generator) -> np.ndarray:
        """Every stride-th clip of each presentation, from a start that is drawn."""
        starts = rng.integers([stride for _, stride in self._clips])
        parts = [numbers[start::stride] for (numbers, stride), start in zip(self._clips, starts, strict=True)]
        return np.concatenate(parts)

    def numbers(self, step: int, *, parts: int) -> np.ndarray:
        """The clips of `step` (parts, B)."""
        size = parts * self.batches.size
        steps = self.fewest // size
        epoch, place = divmod(step, steps)
        if self._drawn[0] != epoch:
            rng = np.random.default_rng([self.seed, EPOCH, epoch])
            self._drawn = (epoch, rng.permutation(self._thinned(rng)))
        return self.dealt(self._drawn[1][place * size : (place + 1) * size], parts=parts)

    def dealt(self, values: np.ndarray, *, parts: int) -> np.ndarray:
        """Values of a step's clips (parts x B,) -> (parts, B)."""
        return values.reshape(parts, -1)


def by_instrument(rows: Sequence[Row], *, origin: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers of the bona fide clips, and of the attacks of each instrument in order of its name."""
    labels = np.array([row.label is Label.BONA_FIDE for row in rows])
    names = np.array([row.instrument or "attack" for row in rows], dtype=object)
    if labels.all() or not labels.any():
        kind = "attack" if labels.all() else "bona fide"
        raise DataError(f"{origin} has no {kind} clip; both classes are needed, so prepare more recordings")
    attacks = [np.flatnonzero(~labels & (names == name)) for name in sorted(set(names[~labels]))]
    return np.flatnonzero(labels), attacks


def domains_of(rows: Sequence[Row]) -> tuple[np.ndarray, list[str]]:
    """The number (n,) int64 of each clip's domain among the names, which are in order; without one its
    source.
    """
    named = [row.presentation.domain or row.source for row in rows]
    names = sorted(set(named))
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[name] for name in named], np.int64), names


def _by_domain(numbers: np.ndarray, domains: np.ndarray) -> list[np.ndarray]:
    """The numbers (n,) of each domain that has some, in order of its name."""
    here = domains[numbers]
    return [numbers[here == name] for name in sorted(set(here))]


def _attacks_by_domain(instruments: Sequence[np.ndarray], domains: np.ndarray) -> list[list[np.ndarray]]:
    names = sorted({name for numbers in instruments for name in domains[numbers]})
    pools = [[numbers[domains[numbers] == name] for numbers in instruments] for name in names]
    return [[pool for pool in of_domain if len(pool)] for of_domain in pools]


def _turns(rng: np.random.Generator, kinds: int, *, count: int) -> np.ndarray:
    """`count` numbers below `kinds`, each as often as any other; which ones come once more is drawn."""
    return np.tile(rng.permutation(kinds), -(-count // kinds))[:count]


def _stride(count: int, limit: int) -> int:
    """The published thinning: an integer step to about `limit` of `count` clips; 0 takes all.

    >>> _stride(150, 16), _stride(14, 16), _stride(14, 4), _stride(14, 0)
    (9, 1, 3, 1)
    """
    return max(1, count // limit) if limit else 1
