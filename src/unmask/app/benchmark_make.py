"""Make train, dev and test recordings of different people, with depth, protocols and hashes.

Resumes an interrupted run.
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from unmask.app.options import Backgrounds, Choices, JobOptions, Portraits
from unmask.app.progress import bar, say
from unmask.app.simulate import pictures
from unmask.data.benchmark import lacking, protocols
from unmask.files import keep_inputs, write_bytes
from unmask.media.faces import FaceFinder
from unmask.simulate.benchmark import FEWEST, SIZES, PlannedRecording, Recordings, Size, make_benchmark, plan
from unmask.simulate.folder import Progress, write_table
from unmask.simulate.people.heads import load_heads
from unmask.simulate.people.subjects import Portrait, load_portraits, procedural_portrait
from unmask.types import DataError, OutputError

MADE = "made.json"
# Measured on one core of a small server; for the sentence before a run, not a promise.
SECONDS_A_CLIP, SECONDS_A_FRAME, SECONDS_A_SUBJECT = 0.5, 0.05, 1.0
BYTES_A_FRAME = 17_000  # of video and truth


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions(JobOptions):
    """The options of the command."""

    out: Annotated[Path, typer.Option(help="Folder for the videos, their truth, labels and protocols.")]
    size: Annotated[str, Choices(SIZES), typer.Option(help="Some 1,200 clips, 4,800, or 20,000.")] = "small"
    seed: Annotated[int, typer.Option(help="The same seed gives the same frames.", min=0)] = 1
    portraits: Portraits = None
    heads: Annotated[Path | None, typer.Option(help="The head model, ict_facekit.npz.")] = None
    backgrounds: Backgrounds = None


def benchmark_make(options: BenchmarkOptions) -> int:
    """Makes the folder, or what is missing of it, and prints the hash of the whole."""
    out = options.out
    keep_inputs({"--out": out}, [options.portraits, options.backgrounds, options.heads])
    started = time.monotonic()
    size, jobs = SIZES[options.size], options.jobs or os.cpu_count() or 1
    portraits = _portraits(options, size)
    backgrounds = pictures(options.backgrounds) if options.backgrounds else []
    planned = plan(size, seed=options.seed, subjects=[portrait.name for portrait in portraits])
    wanted = {clip.subject for clip in planned}
    recordings = Recordings(
        planned=planned,
        portraits=tuple(portrait for portrait in portraits if portrait.name in wanted),
        size=size,
        backgrounds=tuple(backgrounds),
        heads=load_heads(options.heads) if options.heads else None,
    )
    announce(out, planned, size=size, jobs=jobs)
    with _showing(f"making {out}") as show:
        rows = make_benchmark(
            out,
            recordings,
            settings=_settings(recordings, options),
            seed=options.seed,
            jobs=jobs,
            progress=show,
        )
    write_protocols(out, rows)
    whole = hashlib.sha256((out / "hashes.csv").read_bytes()).hexdigest()
    seconds = round(time.monotonic() - started)
    made = {"command": _command(), "seconds": seconds, "jobs": jobs, "sha256": whole}
    write_bytes(out / MADE, json.dumps(made, indent=1).encode())
    print(f"{whole}  {out / 'hashes.csv'}")
    say(f"made in {seconds / 60:.1f} minutes; `unmask benchmark report {out}` makes a page of it")
    return 0


def _portraits(options: BenchmarkOptions, size: Size) -> list[Portrait]:
    if options.portraits is None:
        say(f"drawing {size.subjects} faces")
        rng = np.random.default_rng([options.seed, 3])
        return [procedural_portrait(rng) for _ in range(size.subjects)]
    if not options.portraits.is_dir():
        raise DataError(f"{options.portraits} is not a folder; name a folder of portraits")
    found = load_portraits(options.portraits, finder=FaceFinder.load(), progress=say)
    if len(found) < FEWEST:
        raise DataError(
            f"a benchmark needs portraits of {FEWEST} people with the face towards the camera, so that those "
            f"in train, dev and test are different ones, and {options.portraits} has {len(found)}; add "
            "portraits, or leave --portraits out"
        )
    return found


def _settings(recordings: Recordings, options: BenchmarkOptions) -> dict[str, object]:
    """All that the bytes follow from: a folder is continued only by the same."""
    portraits = hashlib.sha256()
    for portrait in recordings.portraits:
        portraits.update(portrait.name.encode())
        portraits.update(portrait.image.tobytes())
        portraits.update(portrait.mesh.tobytes())
    plan_text = json.dumps([asdict(clip) for clip in recordings.planned])
    return {
        "size": options.size,
        "seed": options.seed,
        "frames": recordings.size.frames,
        "fps": recordings.size.fps,
        "side_px": recordings.size.side_px,
        "portraits": "drawn" if options.portraits is None else portraits.hexdigest(),
        "backgrounds": _digest(recordings.backgrounds),
        "heads": _digest([options.heads]) if options.heads else "none",
        "plan": hashlib.sha256(plan_text.encode()).hexdigest(),
    }


def _digest(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.name.encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest() if paths else "drawn"


def announce(out: Path, planned: Sequence[PlannedRecording], *, size: Size, jobs: int) -> None:
    """Says what is coming; OutputError where the disk has no room for it."""
    subjects, frames = len({clip.subject for clip in planned}), len(planned) * size.frames
    seconds = len(planned) * SECONDS_A_CLIP + frames * SECONDS_A_FRAME + subjects * SECONDS_A_SUBJECT
    needed = frames * BYTES_A_FRAME
    free = shutil.disk_usage(_existing(out)).free
    say(
        f"{len(planned):,} clips of {size.frames} frames ({size.side_px} x {size.side_px}, {size.fps:g} a "
        f"second), {subjects} subjects, seed {planned[0].seed // 10_000_000}"
    )
    say(
        f"about {seconds / jobs / 60:.0f} minutes on {jobs} {'process' if jobs == 1 else 'processes'}, "
        f"about {needed / 1e9:.1f} GB of disk ({free / 1e9:.0f} GB free); what is made already is kept"
    )
    if needed > free + _used(out):
        raise OutputError(
            f"{out} needs about {needed / 1e9:.1f} GB and its disk has {free / 1e9:.1f} GB free; make room "
            "or choose another place"
        )


def _existing(path: Path) -> Path:
    return next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())


def _used(out: Path) -> int:
    return sum(path.stat().st_size for path in out.glob("*/*") if path.is_file())


@contextmanager
def _showing(title: str) -> Iterator[Callable[[Progress], None]]:
    """A bar, or a line for every twentieth where stderr is not a terminal."""
    started = time.monotonic()
    first: list[int] = []

    def tell(progress: Progress) -> None:
        advance(progress.done, progress.total)
        if not first:
            first.append(progress.done)
        step = max(1, progress.total // 20)
        if not sys.stderr.isatty() and progress.done % step == 0 and progress.done > first[0]:
            pace = (time.monotonic() - started) / (progress.done - first[0] + 1)
            left = (progress.total - progress.done) * pace
            say(f"{progress.done} of {progress.total}, about {left / 60:.1f} minutes left")

    with bar(title) as advance:
        yield tell


def write_protocols(out: Path, rows: Sequence[dict[str, str]]) -> None:
    """protocols/NAME.csv for each that has bona fide recordings and attacks in every part."""
    for protocol in protocols(rows):
        if lack := lacking(protocol, rows):
            say(f"protocol {protocol.name} is left out: it has no {lack} at this size")
            continue
        columns = ("path", "split", "depth") if protocol.depths else ("path", "split")
        write_table(out / "protocols" / f"{protocol.name}.csv", columns, protocol.rows())


def _command() -> str:
    return " ".join(["unmask", *sys.argv[1:]])
