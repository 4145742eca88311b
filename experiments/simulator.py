"""Finished frames a second and core of the simulator: from portraits to encoded video files, busts included.

Clips are those of a series: half of them bona fide, the rest over all instruments, sixteen of one subject
together. Each is written with H.264 as the benchmark's clips are. Run on one process, then on `--jobs`; the
profile names what takes the time.

    python -m experiments.simulator --portraits DIR [--backgrounds DIR] [--heads FILE] [--clips 64] [--jobs 2]
"""

import argparse
import cProfile
import io
import multiprocessing
import os
import platform
import pstats
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from unmask.media.faces import FaceFinder
from unmask.media.video import write_video
from unmask.simulate.people.head_model import load_heads
from unmask.simulate.people.subjects import load_portraits
from unmask.simulate.series import CLIPS_A_SUBJECT, Series
from unmask.simulate.studio import Studio

SIZES = ((256, 256), (480, 640))
WARM_UP = 64  # clips, so that every instrument's kernels are compiled or loaded


@dataclass(frozen=True, kw_only=True)
class Work:
    """What to make: clips of `series` in that size, into `folder`."""

    series: Series
    size: tuple[int, int]
    folder: Path
    _studio: list[Studio] = field(default_factory=list)

    def clip(self, index: int) -> tuple[str, float]:
        """Makes and writes one clip; its instrument and the processor's seconds."""
        began = time.process_time()
        if not self._studio:
            s = self.series
            self._studio.append(Studio(portraits=s.portraits, heads=s.heads, backgrounds=s.backgrounds))
        request = replace(self.series.request(index), size=self.size)
        made = self._studio[0].record(request)
        path = self.folder / f"{os.getpid()}.mp4"
        write_video(path, made.frames, fps=self.series.fps, crf=17)
        return request.instrument or "bona fide", time.process_time() - began


def main() -> None:
    """Prints frames a second and core for each size, its scaling, and the profile's top."""
    wanted = _arguments()
    cv2.setNumThreads(1)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {wanted.frames} frames a clip"
    )
    series = _series(wanted)
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            work = Work(series=series, size=size, folder=Path(folder))
            for index in range(WARM_UP):
                work.clip(index + 10_000)
            print(f"\n{size[1]} x {size[0]}")
            alone = one_process(work, wanted.clips)
            _table(alone, series.frames)
            if wanted.jobs > 1:
                rate = wanted.clips * series.frames / sum(seconds for _, seconds in alone)
                many = several(work, wanted.clips, jobs=wanted.jobs) * series.frames
                print(f"{wanted.jobs} processes: {many:.1f} frames/s, {many / rate:.2f} times one process")
        print("\n" + profile(Work(series=series, size=SIZES[0], folder=Path(folder)), wanted.clips))


def one_process(work: Work, clips: int) -> list[tuple[str, float]]:
    """Instrument and seconds of each clip."""
    return [work.clip(index) for index in range(clips)]


def several(work: Work, clips: int, *, jobs: int) -> float:
    """Clips a second by the wall clock with that many processes, each warm."""
    blocks = [range(k * clips, (k + 1) * clips) for k in range(jobs)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        jobs, mp_context=spawn, initializer=_start, initargs=(replace(work, _studio=[]),)
    ) as pool:
        list(pool.map(_warm, range(jobs)))
        began = time.perf_counter()
        list(pool.map(_make, blocks))
        return jobs * clips / (time.perf_counter() - began)


_of_this_worker: list[Work] = []


def _start(work: Work) -> None:
    cv2.setNumThreads(1)
    _of_this_worker[:] = [work]
    for index in range(WARM_UP):
        work.clip(index + 10_000)


def _warm(_: int) -> None:
    time.sleep(1.0)  # so that each of the workers takes one, and has started


def _make(block: Sequence[int]) -> None:
    for index in block:
        _of_this_worker[0].clip(index)


def profile(work: Work, clips: int, *, top: int = 15) -> str:
    """The functions that take the most time themselves, busts made anew."""
    profiler = cProfile.Profile()
    profiler.runcall(one_process, work, clips)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(top)
    return text.getvalue()


def _table(made: list[tuple[str, float]], frames: int) -> None:
    seconds = np.array([took for _, took in made])
    rates = frames / seconds
    print(
        f"one process: {frames * len(made) / seconds.sum():.1f} frames/s and core, busts included; "
        f"clips p50 {np.median(rates):.1f}, slowest 5 % below {np.percentile(rates, 5):.1f}"
    )
    by = defaultdict(list)
    for instrument, took in made:
        by[instrument].append(took)
    for instrument, took in sorted(by.items()):
        print(f"  {instrument:24} {len(took):4} clips {frames / np.mean(took):8.1f} frames/s")


def _series(wanted: argparse.Namespace) -> Series:
    portraits = load_portraits(wanted.portraits, finder=FaceFinder.load())
    pictures = sorted(wanted.backgrounds.glob("*.jpg")) if wanted.backgrounds else []
    few = portraits[: max(2, -(-wanted.clips * wanted.jobs // CLIPS_A_SUBJECT))]
    heads = load_heads(wanted.heads) if wanted.heads else None
    return Series(
        portraits=tuple(few), heads=heads, backgrounds=tuple(pictures), seed=1, frames=wanted.frames, fps=10.0
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--heads", type=Path)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
