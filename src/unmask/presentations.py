"""A presentation with its truth, and the records that hold one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self


def family_of(instrument: str) -> str:
    """The first part of an instrument's name: "print" of "print/a4-matt", "" of ""."""
    return instrument.partition("/")[0]


class Label(StrEnum):
    """The truth of a presentation."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """One recording of one face with its truth: a row of a manifest.

    `instrument` is family/species, e.g. "print/a4-matt"; "" when bona fide. The others are "" where a data
    set does not say: `dataset` is a key of DATASETS, `split` the part in which the data set itself ships it,
    `subject`, `session`, `camera`, `place`, `instrument_model` and `domain` what protocols ask after. `turns`
    quarter turns clockwise bring its frames upright, where the file does not say so itself. `columns` keeps
    free columns as they came.
    """

    path: str
    label: Label
    instrument: str = ""
    dataset: str = ""
    split: str = ""
    subject: str = ""
    session: str = ""
    camera: str = ""
    place: str = ""
    instrument_model: str = ""
    domain: str = ""
    licence: str = ""
    turns: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The family of its instrument."""
        return family_of(self.instrument)

    def cells(self) -> dict[str, str]:
        """What is known beyond path, label and instrument, by column: the filled fields, then `columns`."""
        known = {name: str(getattr(self, name)) for name in FREE_FIELDS}
        return {name: cell for name, cell in known.items() if cell not in ("", "0")} | dict(self.columns)

    @classmethod
    def of_cells(
        cls, path: str, label: Label, *, instrument: str = "", cells: Mapping[str, str]
    ) -> "Presentation":
        """The presentation of which `cells` say what is known, as `cells()` gives it; ValueError where
        `turns` is not a number.

        >>> known = {"subject": "s1", "turns": "1", "weather": "rain"}
        >>> Presentation.of_cells("a.mp4", Label.BONA_FIDE, cells=known).cells() == known
        True
        """
        fixed = {name: cells[name] for name in FREE_FIELDS if name in cells and name != "turns"}
        free = {name: cell for name, cell in cells.items() if name not in FREE_FIELDS}
        turns = int(cells.get("turns", "") or 0)
        return cls(path=path, label=label, instrument=instrument, turns=turns, columns=free, **fixed)


FREE_FIELDS = tuple(
    f.name for f in fields(Presentation) if f.name not in ("path", "label", "instrument", "columns")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationRecord:
    """What is known of one presentation: the record holds the presentation, and its truth is read there."""

    presentation: Presentation

    @property
    def name(self) -> str:
        """The presentation's path, or what it is called where there is no file."""
        return self.presentation.path

    @property
    def label(self) -> Label:
        """Its truth."""
        return self.presentation.label

    @property
    def instrument(self) -> str:
        """That of an attack; "" when bona fide."""
        return self.presentation.instrument

    @property
    def family(self) -> str:
        """The family of its instrument."""
        return self.presentation.family

    @property
    def subject(self) -> str:
        """Who is seen; "" where nobody is named."""
        return self.presentation.subject

    def of(self, **changes: Any) -> Self:
        """The same record with other fields of its presentation."""
        return replace(self, presentation=replace(self.presentation, **changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score(PresentationRecord):
    """One row of the score table: what a model said about one presentation; NaN is a failure to acquire.

    `columns` are the row's other cells: those of the labels, and what came of the scoring beside the score.
    """

    score: float
    columns: Mapping[str, str] = field(default_factory=dict)
