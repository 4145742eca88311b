"""`unmask prepare`: a data set's folder -> shards of clips with labels, and a manifest."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from unmask.app.options import MARGIN
from unmask.app.progress import bar, say
from unmask.data.catalogue import data_set, read_set, split_by
from unmask.data.catalogue import protocol as catalogue_protocol
from unmask.data.prepare.authors import AuthorsTree
from unmask.data.prepare.depth_labels import DEPTH1D
from unmask.data.prepare.engines import ENGINES, ray_module
from unmask.data.prepare.manifest import CLIPS, MANIFEST, arrow_module, outcomes, write_manifest
from unmask.data.prepare.preparation import (
    RECORDINGS_A_SHARD,
    Cutting,
    Packing,
    Source,
    prepare,
    refuse_others,
)
from unmask.data.prepare.prepared import PREPARATION
from unmask.data.prepare.recordings import READ_S, TrackedFolder
from unmask.data.prepare.selection import WHOLE
from unmask.data.prepare.shards import Outcome, Pictures
from unmask.data.prepare.true_depth import Depth, check_depth
from unmask.files import held, keep_inputs, left_behind, name_below, write_bytes
from unmask.media.faces import FaceFinder
from unmask.types import ClipSpec, DataError, OutputError, Presentation, SettingsError

CLAIM = PREPARATION
FILES = "|".join(map(re.escape, (CLAIM, MANIFEST, CLIPS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask prepare`; `jobs` 0 is one process for each core.

    `depth` is what the labels are drawn from: the mesh of the face, or the maps beside the pictures.

    Clips of the part train, or of all, are stored with a `margin`, in which a training draws its crop anew
    at each reading; or, the older way, each is cut `cuts` times with boxes moved a little. Other parts are
    cut once, as at run time.
    """

    clip: ClipSpec
    protocol: str = ""
    every_s: float = 0.5
    seconds: float = READ_S
    cuts: int = 1
    margin: float = MARGIN
    seed: int = 1
    shard: int = RECORDINGS_A_SHARD
    pictures: Pictures = "npy"
    jobs: int = 0
    engine: str = "processes"
    depth: Depth = "mesh"


def run(dataset: str, root: Path, *, out: Path, wishes: Wishes) -> int:
    """Prepares, writes the manifest, and says what came of it."""
    arrow_module()  # what is missing is said before the work, not after it
    if wishes.engine == "ray":
        ray_module()
    keep_inputs({"--out": out}, [root])
    if wishes.cuts > 1:
        say(
            "unmask: --cuts stores copies with fixed crops and will go; without it, clips are stored once, "
            "with --margin, and a training draws a new crop each time"
        )
    parts = parts_of(dataset, root, protocol=wishes.protocol)
    if wishes.depth == "real":
        check_depth([p for presentations in parts.values() for p in presentations], dataset=dataset)
    refuse_others(out, claim=CLAIM, files=FILES)
    settings = {"dataset": dataset, "protocol": wishes.protocol}
    if wishes.depth != "mesh":  # unsaid: folders of versions that knew nothing else go on
        settings["depth"] = wishes.depth
    with held(out):
        claim(out, settings)
        for name, presentations in parts.items():
            with bar(f"preparing {name}: {len(presentations)} presentations") as advance:
                prepare_part(
                    presentations, root=root, out=out / name, wishes=wishes, part=name, progress=advance
                )
        manifest = write_manifest(out, list(parts))
    for name in parts:
        say(summary(name, [outcome for _, outcome in outcomes(out, name)]))
    if not any(outcome.clips for name in parts for _, outcome in outcomes(out, name)):
        raise DataError(
            f"no clip could be cut from {root}; {manifest} gives the reason for each presentation"
        )
    print(manifest)
    return 0


def parts_of(dataset: str, root: Path, *, protocol: str) -> dict[str, list[Presentation]]:
    """Part -> presentations: those of the protocol that are not empty, or all of the set as one part."""
    if protocol:
        _check_protocol(protocol, data_set(dataset).name)
    presentations = read_set(dataset, root)
    if not protocol:
        return {WHOLE: _dealt(presentations, root)}
    split, differences = split_by(protocol, presentations)
    for sentence in differences:
        say(f"{protocol}: {sentence}; rates on it are not those of the papers")
    return {name: _dealt(part, root) for name, part in split.parts().items() if part}


def _check_protocol(name: str, dataset: str) -> None:
    needs = catalogue_protocol(name).needs
    if tuple(needs) != (dataset,):
        raise SettingsError(
            f"the protocol {name} asks for {' and '.join(needs)}; prepare each of them without --protocol"
        )


def _dealt(presentations: Sequence[Presentation], root: Path) -> list[Presentation]:
    """In the order of their names' hashes, so that each shard is a fair sample and takes about as long."""

    def place(presentation: Presentation) -> tuple[str, str]:
        name = name_below(root, presentation.path)
        return hashlib.sha256(name.encode()).hexdigest(), name

    dealt = sorted(presentations, key=place)
    for one, next_one in pairwise(dealt):
        if one.path == next_one.path:
            raise DataError(f"{one.path} is listed twice; a presentation is prepared once")
    return dealt


def prepare_part(
    presentations: Sequence[Presentation],
    *,
    root: Path,
    out: Path,
    wishes: Wishes,
    part: str,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """The prepared set of one part."""
    source = _source(presentations, root=root, wishes=wishes)
    cutting = Cutting(clip=wishes.clip, seed=wishes.seed, every_s=wishes.every_s, cuts=wishes.cuts)
    if part != "train":
        cutting = replace(cutting, cuts=1, scale_jitter=0.0, shift_jitter=0.0)
    roomy = part in ("train", WHOLE) and wishes.cuts == 1
    if roomy and isinstance(source, TrackedFolder):  # crops of an authors' tree have no margin
        cutting = replace(cutting, margin=wishes.margin)
    return prepare(
        source,
        out,
        count=len(presentations),
        cutting=cutting,
        packing=Packing(
            recordings_a_shard=wishes.shard,
            pictures=wishes.pictures,
            origin=fingerprint(presentations, root=root, seconds=wishes.seconds),
        ),
        jobs=wishes.jobs or os.cpu_count() or 1,
        engine=ENGINES[wishes.engine],
        progress=progress,
    )


def _source(presentations: Sequence[Presentation], *, root: Path, wishes: Wishes) -> Source:
    """Faces are found and followed, but where the set comes with boxes and depth of its own."""
    if presentations and all(DEPTH1D in presentation.columns for presentation in presentations):
        return AuthorsTree(presentations=presentations, root=str(root), seconds=wishes.seconds)
    return TrackedFolder(
        presentations=presentations,
        load_finder=partial(FaceFinder.load, threads=1),
        stride_s=wishes.clip.stride_s,
        root=str(root),
        seconds=wishes.seconds,
        depth=wishes.depth,
    )


def fingerprint(presentations: Sequence[Presentation], *, root: Path, seconds: float) -> str:
    """SHA-256 of the list and of what is read of it, wherever its folder lies."""
    rows = [
        {
            **asdict(p),
            "path": name_below(root, p.path),
            "columns": {k: name_below(root, cell) for k, cell in p.columns.items()},
        }
        for p in presentations
    ]
    return hashlib.sha256(json.dumps([seconds, rows], sort_keys=True).encode()).hexdigest()


def claim(out: Path, settings: dict[str, str]) -> None:
    """Marks `out` as made from this set by this protocol; one of another is refused."""
    text = json.dumps(settings, indent=1)
    claimed = (out / CLAIM).is_file()
    if claimed and (out / CLAIM).read_text() != text:
        raise OutputError(
            f"{out} was prepared from another data set or protocol, or with another --depth "
            f"({out / CLAIM}); choose another folder"
        )
    for path in left_behind(out, FILES):
        path.unlink()
    if not claimed:
        write_bytes(out / CLAIM, text.encode())


def summary(part: str, found: Sequence[Outcome]) -> str:
    """One line: how many presentations and clips, and why some have none.

    >>> summary("test", [])
    'test: 0 presentations with 0 clips'
    """
    line = f"{part}: {len(found)} presentations with {sum(outcome.clips for outcome in found)} clips"
    missed = Counter(outcome.reason for outcome in found if not outcome.clips)
    if not missed:
        return line
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(missed.items()))
    return f"{line}; {missed.total()} of them without a clip: {reasons}"
