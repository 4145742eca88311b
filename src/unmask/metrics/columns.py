"""A score table as arrays, one entry a presentation."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.types import Label, Presentation as Presentation, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """`values` (n,) float64; `bona_fide` (n,) bool; `instruments` (n,) of str, whatever for bona fide;
    `subjects` (n,), "" is nobody.
    """

    values: np.ndarray
    bona_fide: np.ndarray
    instruments: np.ndarray
    subjects: tuple[str, ...]

    def bona_fide_scores(self) -> np.ndarray:
        """The bona fide scores (m,)."""
        return self.values[self.bona_fide]

    def living(self) -> np.ndarray:
        """The bona fide scores (m,), under the name that they had in 0.1 and 0.2."""
        warnings.warn("living() is called bona_fide_scores()", DeprecationWarning, stacklevel=2)
        return self.bona_fide_scores()

    def attacks(self) -> dict[str, np.ndarray]:
        """Instrument -> scores (k,), by name."""
        return by_name(self.values[~self.bona_fide], self.instruments[~self.bona_fide])


def columns(scores: Sequence[Score]) -> Columns:
    """The table's columns that figures are made of.

    >>> attack = Presentation(path="a", label=Label.ATTACK, instrument="print")
    >>> columns([Score(presentation=attack, score=0.1)]).attacks()
    {'print': array([0.1])}
    """
    return Columns(
        values=np.array([score.score for score in scores], dtype=np.float64),
        bona_fide=np.array([score.label is Label.BONA_FIDE for score in scores], dtype=bool),
        # An attack that came without an instrument must not vanish from the worst case: "attack" names it.
        instruments=np.array([score.instrument or "attack" for score in scores], dtype=object),
        subjects=tuple(_person(score) for score in scores),
    )


def over(scores: Sequence[Score], worst_of: str) -> list[Score]:
    """The scores, their instruments cut down to what the worst is taken over: "instrument" or "family".

    >>> attack = Presentation(path="a", label=Label.ATTACK, instrument="print/photo")
    >>> [one.instrument for one in over([Score(presentation=attack, score=0.1)], "family")]
    ['print']
    """
    if worst_of == "instrument":
        return list(scores)
    return [score.of(instrument=score.family) for score in scores]


def by_name(values: np.ndarray, names: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> its values (k,), by name."""
    return {str(name): values[names == name] for name in sorted(set(names))}


def _person(score: Score) -> str:
    """Subjects are told apart within their data set."""
    home = score.columns.get("dataset", "")
    return f"{home}:{score.subject}" if home and score.subject else score.subject
