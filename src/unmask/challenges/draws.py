"""Random choices of a challenge: from the operating system's secrets, or from a seeded generator in tests."""

import secrets
from typing import Protocol

import numpy as np


class Chooser(Protocol):
    """Something that picks a whole number: `random.Random`, `secrets.SystemRandom`."""

    def randrange(self, stop: int, /) -> int:
        """A whole number from 0 to `stop` - 1, each as likely."""
        ...


def chooser(rng: Chooser | np.random.Generator | None) -> Chooser:
    """`rng`, or the operating system's secrets where it is None."""
    if rng is None:
        return secrets.SystemRandom()
    return _Seeded(rng) if isinstance(rng, np.random.Generator) else rng


def draw_walk(rng: Chooser, *, choices: int, steps: int) -> tuple[int, ...]:
    """Numbers below `choices`, `steps` of them, no two neighbours equal, each of the others as likely."""
    walk = [rng.randrange(choices)]
    while len(walk) < steps:
        walk.append((walk[-1] + 1 + rng.randrange(choices - 1)) % choices)
    return tuple(walk)


class _Seeded:
    """A numpy generator as a `Chooser`."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def randrange(self, stop: int, /) -> int:
        return int(self._rng.integers(stop))
