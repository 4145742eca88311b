"""The prepared sets of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.data.prepared import SPEC, PreparedSet
from unmask.training.dev import refuse_shared_subjects
from unmask.training.sampling import by_instrument

Folders = str | Path | Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class Sets:
    """`train` to learn from and `dev` for thresholds; no person is in both."""

    train: PreparedSet
    dev: PreparedSet

    @staticmethod
    def open(data: Folders) -> "Sets":
        """The sets in the folders train and dev of `data`, each of both classes; several folders are put
        together.
        """
        sets = Sets(part_of(data, "train"), part_of(data, "dev"))
        refuse_shared_subjects(sets.train, sets.dev)
        for prepared in (sets.train, sets.dev):  # said now, not at the first evaluation
            by_instrument(prepared.rows, origin=str(prepared.root))
        return sets


def folders_of(data: Folders) -> list[Path]:
    """One folder or several, as a list."""
    return [Path(data)] if isinstance(data, str | Path) else [Path(folder) for folder in data]


def part_of(data: Folders, part: str) -> PreparedSet:
    """The part "train", "dev" or "test" of all folders."""
    return PreparedSet.joined([PreparedSet.open(folder / part) for folder in folders_of(data)])


def has_part(data: Folders, part: str) -> bool:
    """Whether every folder has it."""
    return all((folder / part / SPEC).is_file() for folder in folders_of(data))
