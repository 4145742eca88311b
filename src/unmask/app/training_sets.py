"""What `unmask train` learns from: prepared sets as they are, or a labelled folder that is prepared first."""

import os
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.app.options import MARGIN
from unmask.app.prepare import summary
from unmask.app.progress import bar, say
from unmask.contract import TrainingData
from unmask.data.folder import LABELS, read_labels
from unmask.data.prepare.preparation import Cutting, prepare
from unmask.data.prepare.prepared import SPEC, PreparedSet
from unmask.data.prepare.recordings import TrackedFolder
from unmask.data.prepare.selection import WHOLE
from unmask.data.splits import shared
from unmask.media.faces import FaceFinder
from unmask.media.images import READ_SUFFIXES
from unmask.types import ClipSpec, DataError, Presentation, SettingsError

if TYPE_CHECKING:
    from unmask.training.settings import Settings

DEV_SHARE = 0.2
PARTS = ("train", "dev", "test")


def prepared(data: Path, out: Path, *, settings: "Settings", alone: bool = True) -> Path:
    """A folder with prepared sets in train and dev, perhaps test: `data`, or `out` made from the recordings
    in `data`.

    Only where `data` is `alone`, and this process too, is anything prepared on the way.
    """
    if (data / "train" / SPEC).is_file():
        return data
    if not data.is_dir():
        raise DataError(f"{data} does not exist; name a folder of prepared sets or of labelled recordings")
    if (data / WHOLE / SPEC).is_file():
        raise DataError(
            f"{data} was prepared whole, without train and dev; say by --protocol which parts to take, "
            "`unmask data` lists all"
        )
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
    presentations = read_labels(data)
    parts, spec = split(presentations), _spec(settings, presentations)
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
                cutting=_cutting(spec, part=part, seed=seed),
                jobs=os.cpu_count() or 1,
                progress=advance,
            )
        outcomes = [one for shard in PreparedSet.open(out / part).shards for one in shard.outcomes]
        if not all(one.clips for one in outcomes):
            say(summary(part, outcomes))
    return out


def _spec(settings: "Settings", presentations: Sequence[Presentation]) -> ClipSpec:
    """How clips are cut for the network of the settings.

    A network of single frames learns from clips of several, of which it draws one; a picture has but one.
    SettingsError where the network takes other clips than the settings cut, or more frames than there are.
    """
    from unmask.training.networks import build, frames_of  # torch, which only training needs

    network = build(settings, init=None)
    pictures = [Path(one.path).suffix.lower() in READ_SUFFIXES for one in presentations]
    single = any(pictures) and not network.multi_frame
    spec = replace(settings.clip, frames=1) if single else settings.clip
    frames = frames_of(network, spec)
    if frames > 1 and all(pictures):
        raise SettingsError(
            f"{settings.run.network} learns from clips of {frames} frames, and here are pictures alone; take "
            "a network of single frames, or recordings"
        )
    return spec


def _cutting(spec: ClipSpec, *, part: str, seed: int) -> Cutting:
    """Train with room for crops; the others, and clips that are kept inside the picture, as ever."""
    margin = MARGIN if part == "train" and spec.border == "repeat" else 0.0
    return Cutting(clip=spec, seed=seed, margin=margin)


def split(presentations: list[Presentation]) -> dict[str, list[Presentation]]:
    """Presentations for train and dev, and for test where `split` names one; no subject in two of them.

    Where no presentation has a `split`, the part in which one falls depends on its subject's name alone.
    """
    given = {presentation.split for presentation in presentations}
    if given == {""}:
        parts: dict[str, list[Presentation]] = {"train": [], "dev": []}
        for presentation in presentations:
            parts["dev" if _held_out(presentation) else "train"].append(presentation)
    elif given <= set(PARTS):
        parts = {part: [] for part in PARTS if part in given or part != "test"}
        for presentation in presentations:
            parts[presentation.split].append(presentation)
        if found := shared(parts):
            raise DataError(f"{found[0]}; mend the column split")
    else:
        strange = ", ".join(sorted(map(repr, given - set(PARTS))))
        raise DataError(
            f"the column split holds {strange}; it must be train, dev or test in every row, or empty in all"
        )
    for part, chosen in parts.items():
        if len({presentation.label for presentation in chosen}) < 2:
            raise DataError(
                f"{part} would get no presentation of one class, out of {len(presentations)}; add subjects"
            )
    return parts


def _held_out(presentation: Presentation) -> bool:
    subject = presentation.subject or presentation.path
    return zlib.crc32(subject.encode()) % 100 < 100 * DEV_SHARE


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
