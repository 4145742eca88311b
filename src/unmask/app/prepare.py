"""Cut a data set into clips with depth labels and masks: shards and a manifest (needs the extra `data`).

Resumes an interrupted run.
"""

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
from typing import Annotated

import typer

from unmask.app.options import MARGIN, EngineOptions
from unmask.app.progress import bar, say
from unmask.data.catalogue import data_set, protocol as catalogue_protocol, read_set, split_by
from unmask.data.prepare.authors import AuthorsTree
from unmask.data.prepare.depth_labels import DEPTH1D
from unmask.data.prepare.manifest import CLIPS, MANIFEST, arrow_module, outcomes, write_manifest
from unmask.data.prepare.preparation import (
    Cutting,
    Packing,
    Source,
    prepare as prepared,
    refuse_others,
)
from unmask.data.prepare.prepared import PREPARATION
from unmask.data.prepare.recordings import TrackedFolder
from unmask.data.prepare.selection import WHOLE
from unmask.data.prepare.shards import Pictures, RecordingOutcome
from unmask.data.prepare.true_depth import Depth, check_depth
from unmask.files import held, keep_inputs, left_behind, name_below, write_bytes
from unmask.media.faces import FaceFinder
from unmask.parallel import ENGINES, ray_module
from unmask.types import Border, ClipSpec, DataError, OutputError, Presentation, SettingsError

MARK = PREPARATION
FILES = "|".join(map(re.escape, (MARK, MANIFEST, CLIPS)))


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(EngineOptions):
    """The options of the command."""

    dataset: Annotated[str, typer.Argument(help="Name of the data set; `folder` is any with labels.csv.")]
    root: Annotated[Path, typer.Argument(help="The folder that was unpacked.")]
    out: Annotated[Path, typer.Option(help="Folder for the shards and the manifest.")]
    protocol: Annotated[str, typer.Option(help="Prepare the parts of this protocol; else all as one.")] = ""
    clip_frames: Annotated[int, typer.Option(help="Frames of a clip.", min=1)] = 5
    clip_stride: Annotated[float, typer.Option(help="Seconds between its frames.", min=0.001)] = 0.1
    clip_size: Annotated[int, typer.Option(help="Pixels of its side.", min=32)] = 256
    clip_scale: Annotated[
        float, typer.Option(help="Crop side divided by the longer side of the face box.", min=1.0)
    ] = 1.3
    clip_border: Annotated[
        Border,
        typer.Option(
            help="Where a crop reaches beyond the picture: repeat its last pixels, or move the crop inside, "
            "as networks on the encoder have it; then there is no --margin."
        ),
    ] = "repeat"
    every_s: Annotated[
        float, typer.Option("--every", help="Seconds between the starts of clips.", min=0.001)
    ] = 0.5
    seconds: Annotated[float, typer.Option(help="Read at most this many seconds of each video.", min=0.1)] = (
        10.0
    )
    margin: Annotated[
        float,
        typer.Option(help="Room around clips of train, in which each reading draws its crop anew.", min=0.0),
    ] = MARGIN
    seed: Annotated[int, typer.Option(help="The same seed moves the boxes alike.", min=0)] = 1
    shard: Annotated[
        int, typer.Option(help="Presentations in a shard; an interrupted process loses one at most.", min=1)
    ] = 16
    pictures: Annotated[
        Pictures, typer.Option(help="Plain bytes, or PNG: half the disk, read much slower. Both lossless.")
    ] = "npy"
    depth: Annotated[
        Depth, typer.Option(help="What labels are drawn from: the face mesh, or the set's own depth maps.")
    ] = "mesh"

    @property
    def clip(self) -> ClipSpec:
        """The clips that are cut."""
        return ClipSpec(
            frames=self.clip_frames,
            stride_s=self.clip_stride,
            size_px=self.clip_size,
            box_scale=self.clip_scale,
            border=self.clip_border,
        )


def prepare(options: PrepareOptions) -> int:
    """Prepares, writes the manifest, and says what came of it."""
    dataset, root, out = options.dataset, options.root, options.out
    arrow_module()  # what is missing is said before the work, not after it
    if options.engine == "ray":
        ray_module()
    keep_inputs({"--out": out}, [root])
    parts = parts_of(dataset, root, protocol=options.protocol)
    if options.depth == "real":
        check_depth([p for presentations in parts.values() for p in presentations], dataset=dataset)
    refuse_others(out, mark=MARK, files=FILES)
    settings = {"dataset": dataset, "protocol": options.protocol}
    if options.depth != "mesh":  # unsaid: folders of versions that knew nothing else go on
        settings["depth"] = options.depth
    with held(out):
        mark(out, settings)
        for name, presentations in parts.items():
            with bar(f"preparing {name}: {len(presentations)} presentations") as advance:
                prepare_part(
                    presentations, root=root, out=out / name, options=options, part=name, progress=advance
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
    options: PrepareOptions,
    part: str,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """The prepared set of one part."""
    source = _source(presentations, root=root, options=options)
    cutting = Cutting(clip=options.clip, seed=options.seed, every_s=options.every_s)
    if part != "train":
        cutting = replace(cutting, scale_jitter=0.0, shift_jitter=0.0)
    roomy = part in ("train", WHOLE) and options.clip_border == "repeat"
    if roomy and isinstance(source, TrackedFolder):  # crops of an authors' tree have no margin
        cutting = replace(cutting, margin=options.margin)
    return prepared(
        source,
        out,
        count=len(presentations),
        cutting=cutting,
        packing=Packing(
            recordings_a_shard=options.shard,
            pictures=options.pictures,
            origin=fingerprint(presentations, root=root, seconds=options.seconds),
        ),
        jobs=options.jobs or os.cpu_count() or 1,
        engine=ENGINES[options.engine],
        progress=progress,
    )


def _source(presentations: Sequence[Presentation], *, root: Path, options: PrepareOptions) -> Source:
    """Faces are found and followed, but where the set comes with boxes and depth of its own."""
    if presentations and all(DEPTH1D in presentation.columns for presentation in presentations):
        return AuthorsTree(presentations=presentations, root=str(root), seconds=options.seconds)
    return TrackedFolder(
        presentations=presentations,
        load_finder=partial(FaceFinder.load, threads=1),
        stride_s=options.clip.stride_s,
        root=str(root),
        seconds=options.seconds,
        depth=options.depth,
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


def mark(out: Path, settings: dict[str, str]) -> None:
    """Marks `out` as made from this set by this protocol; one of another is refused."""
    text = json.dumps(settings, indent=1)
    marked = (out / MARK).is_file()
    if marked and (out / MARK).read_bytes() != text.encode():
        raise OutputError(
            f"{out} was prepared from another data set or protocol, or with another --depth "
            f"({out / MARK}); choose another folder"
        )
    for path in left_behind(out, FILES):
        path.unlink()
    if not marked:
        write_bytes(out / MARK, text.encode())


def summary(part: str, found: Sequence[RecordingOutcome]) -> str:
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
