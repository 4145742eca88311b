"""The prepared sets of a run."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.data.prepare.prepared import SPEC, PreparedSet
from unmask.data.prepare.shards import Row
from unmask.training.dev import refuse_shared_subjects
from unmask.training.sampling import by_instrument
from unmask.training.settings import HeadSettings
from unmask.types import DataError, SettingsError

Folders = str | Path | Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class Sets:
    """`train` to learn from and `dev` for thresholds; no person is in both.

    A folder may have no dev, as one of a single class, if another has one.
    """

    train: PreparedSet
    dev: PreparedSet

    @staticmethod
    def open(data: Folders) -> "Sets":
        """The sets in the folders train and dev of `data`, each of both classes; several folders are put
        together.
        """
        sets = Sets(part_of(data, "train"), part_of(data, "dev"))
        if sets.train.spec != sets.dev.spec:  # thresholds would be those of other pictures
            raise DataError(
                f"{sets.dev.root} holds clips cut as {sets.dev.spec}, {sets.train.root} as "
                f"{sets.train.spec}; prepare them alike"
            )
        refuse_shared_subjects(sets.train, sets.dev)
        for prepared in (sets.train, sets.dev):  # said now, not at the first evaluation
            by_instrument(prepared.rows, origin=str(prepared.root))
        return sets

    def fingerprint(self) -> str:
        """SHA-256 over the clips of both parts and their labels, wherever their folders lie."""
        digest = hashlib.sha256()
        for prepared in (self.train, self.dev):
            for line in prepared.lines():
                digest.update(line)
        return digest.hexdigest()


def rows_by_set(prepared: PreparedSet) -> dict[Path, list[Row]]:
    """The rows of each folder that was put together, in order; a folder is SET/train or SET/dev."""
    found: dict[Path, list[Row]] = {}
    starts = np.cumsum([0, *(len(shard.rows) for shard in prepared.shards)])
    for shard, start in zip(prepared.shards, starts[:-1], strict=True):
        found.setdefault(shard.tar.parent, []).extend(prepared.rows[start : start + len(shard.rows)])
    return found


def real_rows(prepared: PreparedSet, settings: HeadSettings) -> np.ndarray | None:
    """Which rows (n,) are of the sets that [head] blind_to names; None where it names none."""
    if not settings.blind_to:
        return None
    sets = rows_by_set(prepared)
    names = [folder.parent.name for folder in sets]
    if strange := sorted(set(settings.blind_to) - set(names)):
        raise SettingsError(
            f"[head] blind_to names {strange}; it must name folders of --data: {', '.join(names)}"
        )
    parts = zip(names, sets.values(), strict=True)
    return np.concatenate([np.full(len(rows), name in settings.blind_to) for name, rows in parts])


def folders_of(data: Folders) -> list[Path]:
    """One folder or several, as a list."""
    return [Path(data)] if isinstance(data, str | Path) else [Path(folder) for folder in data]


def part_of(data: Folders, part: str) -> PreparedSet:
    """The part "train", "dev" or "test" of all folders; dev of those that have one."""
    folders = folders_of(data)
    if part == "dev":
        folders = [folder for folder in folders if (folder / part / SPEC).is_file()] or folders
    several = len(folders_of(data)) > 1
    return PreparedSet.joined([PreparedSet.open(folder / part) for folder in folders], named=several)


def has_part(data: Folders, part: str) -> bool:
    """Whether every folder has it, of dev whether one has."""
    found = [(folder / part / SPEC).is_file() for folder in folders_of(data)]
    return any(found) if part == "dev" else all(found)
