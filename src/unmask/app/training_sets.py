"""What `unmask train` learns from: prepared sets as they are, or a labelled folder that is prepared first."""

import os
import zlib
from collections import Counter
from pathlib import Path

from unmask.app.progress import bar, say
from unmask.contract import TrainingData
from unmask.data.folder import LABELS, read_labels
from unmask.data.prepare import Cutting, prepare
from unmask.data.prepared import SPEC, PreparedSet
from unmask.data.recordings import TrackedFolder
from unmask.media.faces import FaceFinder
from unmask.types import ClipSpec, DataError, Presentation

DEV_SHARE = 0.2


def prepared(data: Path, out: Path, *, spec: ClipSpec, alone: bool = True) -> Path:
    """A folder with prepared sets in train and dev: `data`, or `out` made from the recordings in `data`.

    Only where `data` is `alone`, and this process too, is anything prepared on the way.
    """
    if (data / "train" / SPEC).is_file():
        return data
    if not alone or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise DataError(
            f"{data} holds no prepared sets in train and dev; several folders, or several processes, need "
            "them: make them first with `unmask prepare`"
        )
    if not (data / LABELS).is_file():
        raise DataError(
            f"{data} has neither prepared sets in train and dev nor {LABELS}; make it with `unmask "
            "prepare --protocol` or `unmask simulate`"
        )
    parts = split(read_labels(data))
    for seed, (part, presentations) in enumerate(parts.items(), start=1):
        source = TrackedFolder(
            presentations=presentations, load_finder=FaceFinder.load, stride_s=spec.stride_s
        )
        say(f"{part}: {len(presentations)} presentations")
        with bar(f"preparing {part}") as advance:
            prepare(
                source,
                out / part,
                count=len(presentations),
                cutting=Cutting(clip=spec, seed=seed),
                jobs=os.cpu_count() or 1,
                progress=advance,
            )
    return out


def split(presentations: list[Presentation]) -> dict[str, list[Presentation]]:
    """Presentations for train and dev, no subject in both; where one falls depends on its name alone."""
    parts: dict[str, list[Presentation]] = {"train": [], "dev": []}
    for presentation in presentations:
        subject = presentation.subject or presentation.path
        held_out = zlib.crc32(subject.encode()) % 100 < 100 * DEV_SHARE
        parts["dev" if held_out else "train"].append(presentation)
    for part, chosen in parts.items():
        if len({presentation.label for presentation in chosen}) < 2:
            raise DataError(
                f"{part} would get no presentation of one class, out of {len(presentations)}; add subjects"
            )
    return parts


def training_data(data: Path) -> list[TrainingData]:
    """What the contract says of the material: a row for each source, with its licence."""
    if (data / LABELS).is_file():
        rows = read_labels(data)
        kinds = Counter(
            (row.columns.get("source") or data.name, row.licence or "not recorded") for row in rows
        )
    else:
        kinds = Counter(
            (outcome.source or data.name, outcome.columns.get("licence") or "not recorded")
            for shard in PreparedSet.open(data / "train").shards
            for outcome in shard.outcomes
            if outcome.clips
        )
    return [TrainingData(name=name, licence=licence, items=n) for (name, licence), n in sorted(kinds.items())]
