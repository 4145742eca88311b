"""A simulated benchmark -> the prepared sets that all runs of the claims share, one for each part."""

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from unmask.app.benchmark_make import BenchmarkOptions, benchmark_make
from unmask.app.prepare import fingerprint
from unmask.app.progress import bar, say
from unmask.claims.data import WithTrueDepth, claim_parts
from unmask.data.catalogue import read_set
from unmask.data.prepare.preparation import RECORDINGS_A_SHARD, Cutting, Packing, prepare
from unmask.data.prepare.recordings import TrackedFolder
from unmask.media.faces import FaceFinder
from unmask.types import ClipSpec, Presentation

SETS = "sets"
SIZE = "medium"  # of the benchmark where none is given: on the small one's 18 people every network overfits
TRAIN_CUTS = 2  # of each clip, with boxes moved a little
TRAIN_EVERY_S = 0.3  # two clips of the eight frames of a small benchmark's recording


def prepared_sets(data: Path, out: Path, *, clip: ClipSpec, jobs: int) -> Path:
    """The folder with a prepared set for each of PARTS; what is there is not made again."""
    if not (data / "labels.csv").is_file():
        say(f"{data} is not there yet: making it")
        benchmark_make(BenchmarkOptions(out=data, size=SIZE, jobs=jobs))
    sets = out / SETS
    for number, (part, presentations) in enumerate(claim_parts(read_set("simulated", data)).items()):
        _prepare(presentations, data=data, out=sets / part, clip=clip, seed=number, jobs=jobs)
    return sets


def data_hash(data: Path) -> str:
    """SHA-256 of the benchmark's table of frame hashes: the same recordings, the same hash."""
    return hashlib.sha256((data / "hashes.csv").read_bytes()).hexdigest()


def _prepare(
    presentations: Sequence[Presentation], *, data: Path, out: Path, clip: ClipSpec, seed: int, jobs: int
) -> None:
    """Train: each clip cut twice, boxes moved; the other parts: one clip of a recording, as at run time."""
    tracked = TrackedFolder(
        presentations=presentations,
        load_finder=partial(FaceFinder.load, threads=1),
        stride_s=clip.stride_s,
        root=str(data),
    )
    if out.name == "train":
        cutting = Cutting(clip=clip, seed=seed, every_s=TRAIN_EVERY_S, cuts=TRAIN_CUTS)
    else:
        cutting = Cutting(clip=clip, seed=seed, every_s=60.0, scale_jitter=0.0, shift_jitter=0.0)
    origin = fingerprint(presentations, root=data, seconds=tracked.seconds)
    with bar(f"preparing {out.name}: {len(presentations)} recordings") as advance:
        prepare(
            WithTrueDepth(tracked=tracked),
            out,
            count=len(presentations),
            cutting=cutting,
            packing=Packing(recordings_a_shard=RECORDINGS_A_SHARD, origin=origin),
            jobs=jobs or os.cpu_count() or 1,
            progress=advance,
        )
