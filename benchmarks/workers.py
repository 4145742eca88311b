"""Scoring and preparing by one worker and by two, in processes of this machine and on a local Ray cluster.

    python benchmarks/workers.py [--quick]

Rates are those after the start: from the result that ends every worker's first tasks to the last one, so that
loading models, which a long job does once, is not in them but told beside them. Ways take turns; the ratio is
that of two workers to one of the same engine in the same turn. Both engines must give the same scores.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from result_lines import append, stamp

from unmask.app.demo import RECORDINGS
from unmask.data.prepare.preparation import Cutting, Packing, prepare
from unmask.data.prepare.recordings import TrackedFolder
from unmask.detector.scoring import PresentationScorer
from unmask.media.faces import FaceFinder
from unmask.media.given import open_given
from unmask.parallel import ENGINES
from unmask.types import ClipSpec, Label, Presentation

PICTURES, RECORDED = 60, 12  # tasks of a turn
REPEATS, QUICK = 15, 1
WAYS = [(engine, jobs) for engine in ("processes", "ray") for jobs in (1, 2)]
OUT = Path("results/workers.csv")


@dataclass(frozen=True, slots=True)
class Turn:
    """What a way did: tasks a second after the start, seconds until then, and what came of each task.

    `work_s`: of this process for a task, which is all of it where one worker works in this very process.
    """

    rate: float
    start_s: float
    work_s: float
    results: dict[Any, Any]


def main() -> None:
    """Prints and keeps a line for each work and engine; fails where engines disagree."""
    asked = _arguments()
    rounds = QUICK if asked.quick else REPEATS
    with tempfile.TemporaryDirectory() as folder:
        pictures = written_pictures(Path(folder), PICTURES // (3 if asked.quick else 1))
        videos = [_presentation(path) for path in sorted(RECORDINGS.glob("*.mp4"))]
        count = RECORDED // (2 if asked.quick else 1)  # more than both workers start with
        works: dict[str, Callable[[str, int], Turn]] = {
            "score pictures": lambda engine, jobs: scored(engine, jobs, pictures),
            "prepare videos": lambda engine, jobs: prepared(engine, jobs, videos, count=count),
        }
        for name, work in works.items():
            lines = table(name, measured(work, rounds=rounds))
            for one in lines:
                print("  ".join(f"{key} {value}" for key, value in one.items()), flush=True)
            if not asked.quick:
                append(OUT, [{**stamp(), **one} for one in lines])


def measured(work: Callable[[str, int], Turn], *, rounds: int) -> dict[tuple[str, int], list[Turn]]:
    """All turns of each way, in turns; exits where two ways give other results."""
    turns: dict[tuple[str, int], list[Turn]] = {way: [] for way in WAYS}
    first = None
    for _ in range(rounds):
        for way in WAYS:
            turn = work(*way)
            first = first or turn
            if turn.results != first.results:
                sys.exit(f"{way[0]} with {way[1]} workers give other results than {WAYS[0]}")
            turns[way].append(turn)
    return turns


def table(work: str, turns: dict[tuple[str, int], list[Turn]]) -> list[dict[str, object]]:
    """A line an engine."""
    lines = []
    for engine in dict(WAYS):
        one, two = (np.array([turn.rate for turn in turns[engine, jobs]]) for jobs in (1, 2))
        low, high = np.percentile(two / one, [2.5, 97.5])
        starts = [turn.start_s for turn in turns[engine, 2]]
        lines.append(
            {
                "work": work,
                "engine": engine,
                "cores": os.cpu_count(),
                "one_a_second": f"{np.median(one):.2f}",
                "two_a_second": f"{np.median(two):.2f}",
                "two_over_one": f"{np.median(two / one):.2f} [{low:.2f}, {high:.2f}]",
                "start_s": f"{np.median(starts):.1f}",
                "work_ms_of_one": f"{1e3 * np.median([t.work_s for t in turns['processes', 1]]):.0f}",
                "repeats": len(one),
            }
        )
    return lines


def scored(engine: str, jobs: int, presentations: Sequence[Presentation]) -> Turn:
    """One turn of `unmask score`'s engine."""
    tasks = [(number, one, Path(one.path).name) for number, one in enumerate(presentations)]
    with _cluster(engine):
        ends, found = [_now()], {}
        for number, score in ENGINES[engine](PresentationScorer(), tasks, jobs=jobs):
            ends.append(_now())
            found[number] = (score.verdict, round(score.score, 4))
    return _turn(ends, found, jobs=jobs)


def prepared(engine: str, jobs: int, videos: Sequence[Presentation], *, count: int) -> Turn:
    """One turn of `unmask prepare`'s engine; a shard is one recording."""
    many = [videos[number % len(videos)] for number in range(count)]
    source = TrackedFolder(presentations=many, load_finder=FaceFinder.load, stride_s=0.1)
    ends: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder, _cluster(engine):
        ends.append(_now())
        prepare(
            source,
            Path(folder) / "set",
            count=count,
            cutting=Cutting(clip=ClipSpec(frames=5), seed=1),
            packing=Packing(recordings_a_shard=1),
            jobs=jobs,
            engine=ENGINES[engine],
            progress=lambda done, _: ends.append(_now()) if done else None,
        )
        found = {path.name: path.read_bytes() for path in sorted((Path(folder) / "set").glob("*.tar"))}
    return _turn(ends, found, jobs=jobs)


def written_pictures(folder: Path, count: int) -> list[Presentation]:
    """So many frames of the demo's recordings as picture files."""
    found: list[Presentation] = []
    for path in sorted(RECORDINGS.glob("*.mp4")):
        for number, frame in enumerate(open_given(str(path)).frames):
            if number * len(list(RECORDINGS.glob("*.mp4"))) >= count:
                break
            file = folder / f"{path.stem}-{number}.png"
            cv2.imwrite(str(file), frame.image[..., ::-1])
            found.append(_presentation(file))
    return found[:count]


def _presentation(path: Path) -> Presentation:
    return Presentation(path=str(path), label=Label.BONA_FIDE, instrument="", subject=path.stem)


def _now() -> tuple[float, float]:
    """Seconds by the clock, and of this process's work."""
    return time.perf_counter(), time.process_time()


def _turn(ends: Sequence[tuple[float, float]], found: dict[Any, Any], *, jobs: int) -> Turn:
    """The turn between the moment before the first task and the end of each."""
    begun = 2 * jobs  # tasks until every worker has loaded its models
    (clock_s, work_s), tasks = np.subtract(ends[-1], ends[begun]), len(ends) - 1 - begun
    return Turn(tasks / clock_s, ends[begun][0] - ends[0][0], work_s / tasks, found)


@contextmanager
def _cluster(engine: str) -> Iterator[None]:
    """A Ray cluster of its own for each turn: one that is there keeps its number of processors."""
    yield
    if engine == "ray":
        import ray

        ray.shutdown()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short turn, and no line in the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
