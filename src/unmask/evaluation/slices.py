"""Error rates by camera, place, light, size, pose and skin tone: counts and intervals of every cell."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from unmask.evaluation.measure import FEW, Evaluation
from unmask.media.looks import ITA_CLASSES, ita_class
from unmask.metrics import Rate, rate
from unmask.types import Label, Score

NAMED = ("camera", "place", "session", "light", "domain", "dataset", "source", "media")
MOST_CELLS = 24  # of a column: one with more values is a list of names, not a condition
NOT_MEASURED, NOT_NAMED = "not measured", "not named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value of a column: `refused` of the bona fide, `accepted` of all attacks pooled, `silent` without a
    score.
    """

    name: str
    refused: Rate
    accepted: Rate
    silent: int

    @property
    def small(self) -> bool:
        """Whether either class has too few presentations to say much, though it has some."""
        return any(0 < found.count < FEW for found in (self.refused, self.accepted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A table: `words` say how the column was measured, "" where the data set says it."""

    title: str
    words: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BinnedNumber:
    """A column of numbers: `name` gives the class of a number, `order` those classes in theirs."""

    column: str
    title: str
    words: str
    name: Callable[[float], str]
    order: tuple[str, ...]


def _bands(edges: Sequence[int], unit: str) -> tuple[Callable[[float], str], tuple[str, ...]]:
    """A class for each stretch between edges, by the size of a number."""
    first, last = f"under {edges[0]}{unit}", f"{edges[-1]}{unit} or more"
    between = [f"{low} to {high}{unit}" for low, high in pairwise(edges)]
    names = (first, *between, last)
    return lambda value: names[int(np.searchsorted(edges, abs(value), side="right"))], names


_LIGHT, _SIZE, _YAW, _PITCH = (
    _bands(edges, unit)
    for edges, unit in (((60, 100, 150), ""), ((80, 160, 320), " px"), ((10, 20), "°"), ((10, 20), "°"))
)
MEASURED = (
    BinnedNumber(
        column="face_luma",
        title="Light on the face",
        words="mean grey value of the face in the camera's picture, 0 to 255",
        name=_LIGHT[0],
        order=_LIGHT[1],
    ),
    BinnedNumber(
        column="face_px",
        title="Size of the face",
        words="longer side of the face in the original frame",
        name=_SIZE[0],
        order=_SIZE[1],
    ),
    BinnedNumber(
        column="face_yaw",
        title="Head turned to a side",
        words="degrees of yaw to either side, from the face mesh",
        name=_YAW[0],
        order=_YAW[1],
    ),
    BinnedNumber(
        column="face_pitch",
        title="Head turned up or down",
        words="degrees of pitch either way, from the face mesh",
        name=_PITCH[0],
        order=_PITCH[1],
    ),
    BinnedNumber(
        column="face_ita",
        title="Skin tone",
        words="individual typology angle on cheeks and forehead as the camera shows them, in the classes of "
        "the literature (very light over 55°, light 41°, intermediate 28°, tan 10°, brown -30°, dark below); "
        "of an attack it is the tone of the instrument",
        name=ita_class,
        order=tuple(name for name, _ in ITA_CLASSES),
    ),
)


def slices(system: Evaluation, *, by: Sequence[str] = ()) -> list[Slice]:
    """A slice for each column that is there and has two values or more; `by` names further ones."""
    found = [*_named(system, by), *(_of_numbers(system, measured) for measured in MEASURED)]
    return [one for one in found if one is not None and len(one.cells) > 1]


def _named(system: Evaluation, by: Sequence[str]) -> Iterator[Slice | None]:
    for column in dict.fromkeys((*NAMED, *by)):
        values = [score.columns.get(column, "") for score in system.test]
        known = sorted(set(values) - {""}, key=_natural)
        if not known or (len(known) > MOST_CELLS and column not in by):
            continue
        cells = _cells(system, [value or NOT_NAMED for value in values], [*known, NOT_NAMED])
        yield Slice(title=column.replace("_", " ").capitalize(), words="", cells=tuple(cells))


def _of_numbers(system: Evaluation, measured: BinnedNumber) -> Slice | None:
    values = [_number(score, measured.column) for score in system.test]
    if not any(math.isfinite(value) for value in values):
        return None
    names = [measured.name(value) if math.isfinite(value) else NOT_MEASURED for value in values]
    cells = _cells(system, names, (*measured.order, NOT_MEASURED))
    return Slice(title=measured.title, words=measured.words, cells=tuple(cells))


def _natural(value: str) -> tuple[float, str]:
    """Numbers by their size, then words."""
    return (float(value), "") if value.isdecimal() else (math.inf, value)


def _number(score: Score, column: str) -> float:
    try:
        return float(score.columns.get(column, "") or "nan")
    except ValueError:
        return math.nan


def _cells(system: Evaluation, names: Sequence[str], order: Sequence[str]) -> Iterator[Cell]:
    """The cells in that order, without empty ones."""
    passed = system.accepted()
    bona_fide = np.array([score.label is Label.BONA_FIDE for score in system.test])
    silent = np.array([not math.isfinite(score.score) for score in system.test])
    of = np.array(names, dtype=object)
    for name in order:
        here = of == name
        if here.any():
            yield Cell(
                name=name,
                refused=rate(int((here & bona_fide & ~passed).sum()), int((here & bona_fide).sum())),
                accepted=rate(int((here & ~bona_fide & passed).sum()), int((here & ~bona_fide).sum())),
                silent=int((here & silent).sum()),
            )
