"""Scoring and preparing by one worker and by two, in processes of this machine and on a local Ray cluster.

Rates are those after the start: from the result that ends every worker's first tasks to the last one, so that
loading models, which a long job does once, is not in them. Ways take turns, and all must give the same.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2

from benchmarks.timing import DisagreementError, Row, in_turn, interval, ratio
from unmask.app.demo import RECORDINGS
from unmask.data.prepare.preparation import Cutting, Packing, prepare
from unmask.data.prepare.recordings import TrackedFolder
from unmask.detector.scoring import PresentationScorer
from unmask.media.faces import FaceFinder
from unmask.media.given import open_given
from unmask.parallel import ENGINES
from unmask.types import ClipSpec, Label, Presentation

PICTURES, FEW_PICTURES = 60, 6
RECORDED, FEW_RECORDED = 24, 6  # more than both workers start with; of 12 the last one alone was an eighth
ENGINE = {"processes": "processes of this machine", "ray": "a local Ray cluster"}
Work = Callable[[str, int], tuple[float, object]]  # engine, workers -> tasks a second, what came of them


def rows(folder: Path, *, repeats: int, quick: bool) -> Iterator[Row]:
    """A row for each work and engine; DisagreementError where two ways give other results."""
    pictures = written_pictures(folder, FEW_PICTURES if quick else PICTURES)
    count = FEW_RECORDED if quick else RECORDED
    works: dict[str, Work] = {
        "scoring, pictures/s": lambda engine, jobs: scored(engine, jobs, pictures),
        "preparing, recordings/s": lambda engine, jobs: prepared(engine, jobs, count=count),
    }
    engines = ["processes"] if quick else list(ENGINE)  # a cluster takes half a minute to start
    for name, work in works.items():
        yield from _compared(name, work, engines, repeats=repeats)


def _compared(name: str, work: Work, engines: Sequence[str], *, repeats: int) -> Iterator[Row]:
    results: list[object] = []

    def rate(engine: str, jobs: int) -> float:
        found, result = work(engine, jobs)
        results.append(result)
        if result != results[0]:
            raise DisagreementError(
                f"{name}: {engine} with {jobs} workers gives other results than one before"
            )
        return found

    ways = {(engine, jobs): f"{engine} {jobs}" for engine in engines for jobs in (1, 2)}
    found = in_turn(repeats, **{way: (lambda e=e, j=j: rate(e, j)) for (e, j), way in ways.items()})
    for engine in engines:
        one, two = (found[ways[engine, jobs]] for jobs in (1, 2))
        yield Row(
            work=f"{name.split(',')[0]} by two workers, {ENGINE[engine]}",
            unit=name.split(", ")[1],
            value=interval(two),
            goal="1.8 x one worker",
            against=f"one worker: {interval(one).middle:.1f}",
            ratio=ratio(two, one),
            limit="cores",
        )


def scored(engine: str, jobs: int, presentations: Sequence[Presentation]) -> tuple[float, object]:
    """One turn of `unmask score`'s engine."""
    tasks = [(number, one, Path(one.path).name) for number, one in enumerate(presentations)]
    with _cluster(engine):
        ends, found = [time.perf_counter()], {}
        for number, score in ENGINES[engine](PresentationScorer(), tasks, jobs=jobs):
            ends.append(time.perf_counter())
            found[number] = (score.verdict, round(score.score, 4))
    return _rate(ends, jobs=jobs), found


def prepared(engine: str, jobs: int, *, count: int) -> tuple[float, object]:
    """One turn of `unmask prepare`'s engine on recordings of the demo; a shard is one recording."""
    videos = [_presentation(path) for path in sorted(RECORDINGS.glob("*.mp4"))]
    many = [videos[number % len(videos)] for number in range(count)]
    source = TrackedFolder(presentations=many, load_finder=partial(FaceFinder.load, threads=1), stride_s=0.1)
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder, _cluster(engine):
        ends.append(time.perf_counter())
        prepare(
            source,
            Path(folder) / "set",
            count=count,
            cutting=Cutting(clip=ClipSpec(frames=5), seed=1),
            packing=Packing(recordings_a_shard=1),
            jobs=jobs,
            engine=ENGINES[engine],
            progress=lambda done, _: ends.append(time.perf_counter()) if done else None,
        )
        found = {path.name: path.read_bytes() for path in sorted((Path(folder) / "set").glob("*.tar"))}
    return _rate(ends, jobs=jobs), found


def written_pictures(folder: Path, count: int) -> list[Presentation]:
    """So many frames of the demo's recordings as picture files."""
    found: list[Presentation] = []
    videos = sorted(RECORDINGS.glob("*.mp4"))
    for path in videos:
        for number, frame in enumerate(open_given(str(path)).frames):
            if number * len(videos) >= count:
                break
            file = folder / f"{path.stem}-{number}.png"
            cv2.imwrite(str(file), frame.image[..., ::-1])
            found.append(_presentation(file))
    return found[:count]


def _presentation(path: Path) -> Presentation:
    return Presentation(path=str(path), label=Label.BONA_FIDE, instrument="", subject=path.stem)


def _rate(ends: Sequence[float], *, jobs: int) -> float:
    """Tasks a second, of the moment before the first task and the end of each."""
    begun = 2 * jobs  # tasks until every worker has loaded its models
    return (len(ends) - 1 - begun) / (ends[-1] - ends[begun])


@contextmanager
def _cluster(engine: str) -> Iterator[None]:
    """A Ray cluster of its own for each turn: one that is there keeps its number of processors."""
    yield
    if engine == "ray":
        import ray

        ray.shutdown()
