"""A protocol's parts out of sets that were prepared whole: lists of presentations, no clip is copied.

`unmask prepare` without --protocol makes one part, "all", of each set. `select` asks a protocol which of its
presentations belong where and writes a folder of parts like any prepared one, whose clips lie in the sets.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.data.catalogue import protocol as catalogue_protocol, split_by
from unmask.data.prepare.prepared import PREPARATION, SELECTED, SPEC, PreparedSet, Selection
from unmask.data.prepare.shards import RecordingOutcome
from unmask.files import read_json, write_bytes
from unmask.media.sources import MAX_FRAMES
from unmask.types import DataError, Presentation

WHOLE = "all"  # the part of a set that was prepared without a protocol


def select(folders: Sequence[Path], *, protocol: str, out: Path) -> list[str]:
    """The parts of `protocol` in `out`, from sets prepared whole; a sentence for each part that is miscounted
    and each with presentations of which no clip could be cut, which are left out.

    DataError where a set that the protocol needs is not among them, or one that it does not need is. Written
    again, the same call writes the same.
    """
    row = catalogue_protocol(protocol)
    homes = homes_of(folders)
    if missing := [name for name in row.needs if name not in homes]:
        raise DataError(
            f"{protocol} needs prepared clips of {' and '.join(missing)}, not only of "
            f"{', '.join(sorted(homes)) or 'nothing'}; prepare each set without --protocol and name them all"
        )
    if surplus := sorted(homes.keys() - set(row.needs)):
        raise DataError(f"{protocol} does not use {surplus[0]}; leave out {homes[surplus[0]]}")
    wholes = {name: PreparedSet.open(homes[name] / WHOLE) for name in row.needs}
    presentations: list[Presentation] = []
    without: set[str] = set()
    for name, whole in wholes.items():
        before = f"{name}/" if len(row.needs) > 1 else ""  # two sets may have files of one name
        outcomes = [one for shard in whole.shards for one in shard.outcomes]
        presentations += [_presentation(one, dataset=name, before=before) for one in outcomes]
        without |= {before + one.name for one in outcomes if not one.clips}
    split, notes = split_by(protocol, presentations)
    for part, rows in split.parts().items():
        if lacking := sum(one.path in without for one in rows):
            notes.append(
                f"{part} has {lacking} of {len(rows)} presentations without a clip, which count nowhere"
            )
        if any(MAX_FRAMES in one.columns for one in rows):
            raise DataError(
                f"{protocol} takes the first frames of each video alone, which clips cut before do not know; "
                f"run `unmask prepare` with --protocol {protocol}"
            )
        if rows:
            chosen: dict[str, list[str]] = defaultdict(list)
            for one in rows:
                before = f"{one.dataset}/" if len(row.needs) > 1 else ""
                chosen[one.dataset].append(one.path.removeprefix(before))
            _write(
                out / part, [_selection(wholes[name], names, dataset=name) for name, names in chosen.items()]
            )
    known = {"dataset": "+".join(row.needs), "protocol": protocol}
    write_bytes(out / PREPARATION, json.dumps(known, indent=1).encode())
    return notes


def unselect(out: Path) -> None:
    """Take away what `select` wrote into `out`, and the folders that are empty then; what else lies there
    stays.
    """
    for spec in out.glob(f"*/{SPEC}"):
        if SELECTED in read_json(spec, again="select it again"):
            spec.unlink()
            _remove_if_empty(spec.parent)
    (out / PREPARATION).unlink(missing_ok=True)
    _remove_if_empty(out)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def homes_of(folders: Sequence[Path]) -> dict[str, Path]:
    """Data set -> the folder that it lies in, prepared whole; DataError where two folders hold one set."""
    homes: dict[str, Path] = {}
    for folder in folders:
        name = dataset_of(folder)
        if name in homes:
            raise DataError(f"{homes[name]} and {folder} both hold {name}; name one of them")
        homes[name] = folder
    return homes


def dataset_of(folder: Path) -> str:
    """The data set that lies prepared whole in `folder`; DataError where none does."""
    if not (folder / WHOLE / SPEC).is_file():
        raise DataError(
            f"{folder} holds no set that was prepared whole; make it with `unmask prepare SET ROOT --out "
            f"{folder}`, without --protocol"
        )
    try:
        return str(json.loads((folder / PREPARATION).read_text(encoding="utf-8"))["dataset"]).partition(":")[
            0
        ]
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise DataError(f"{folder / PREPARATION} does not name a data set; prepare it again") from broken


def selected_from(out: Path) -> set[Path]:
    """The folders, absolute, that the parts in `out` were selected from by `select`."""
    specs = [read_json(spec, again="select it again") for spec in sorted(out.glob(f"*/{SPEC}"))]
    return {Path(one["set"]).parent for spec in specs for one in spec[SELECTED]}


def _presentation(outcome: RecordingOutcome, *, dataset: str, before: str) -> Presentation:
    return replace(outcome.presentation, path=before + outcome.name, dataset=dataset)


def _selection(whole: PreparedSet, presentations: Sequence[str], *, dataset: str) -> Selection:
    """These presentations of a set that was prepared whole, as it is now."""
    names = frozenset(presentations)
    clips = whole.only(names).fingerprint()
    return Selection(folder=whole.root.resolve(), presentations=names, dataset=dataset, clips=clips)


def _write(part: Path, chosen: Sequence[Selection]) -> None:
    spec = read_json(chosen[0].folder / SPEC, again="prepare the set again")
    lists = [one.json() for one in chosen]
    write_bytes(part / SPEC, json.dumps({**spec, SELECTED: lists}, indent=1).encode())
