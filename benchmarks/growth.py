"""How the cost grows: with faces, length, resolution, batch, cores and rows; each an exponent."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import material
from benchmarks.checking import rate_on
from benchmarks.timing import Cost, cored, exponent, in_turn, resident_mb
from experiments import metrics
from unmask.detector.detector import Detector


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Median costs in `unit` over `sizes` of `what`, and what the exponent means far out."""

    what: str
    sizes: Sequence[float]
    unit: str
    costs: Sequence[float]
    far: str

    def cells(self) -> dict[str, object]:
        """As a line of results/growth.csv."""
        return {
            "what": self.what,
            "sizes": " ".join(f"{size:g}" for size in self.sizes),
            "unit": self.unit,
            "costs": " ".join(f"{cost:.3g}" for cost in self.costs),
            "exponent": f"{exponent(self.sizes, self.costs):.2f}",
            "far": self.far,
        }


def lines(folder: Path, *, repeats: int, quick: bool) -> Iterator[Growth]:
    """The lines of this file."""
    detector = Detector.load(threads=1)
    yield from _of_one_source(detector, folder, repeats=repeats, quick=quick)
    path = material.picture(folder / "many.jpg")
    yield _measured(
        "sources of one `check_many`",
        [2, 4] if quick else [8, 16, 32, 64],
        lambda count: lambda: list(detector.check_many([path] * int(count), progress=False)),
        "core s",
        1,
        "linear; at most `batch` sources are under way, so memory stays as it is",
        repeats,
    )
    yield _memory(detector, path, count=4 if quick else 200)
    yield _cores(path, repeats=repeats, count=2 if quick else 24)
    yield _measured(
        "rows of a score table, all figures",
        [1_000, 2_000] if quick else [10_000, 100_000, 1_000_000],
        _rows,
        "core s",
        1,
        "x10 and x1,000: sorting, so a little above linear; 24 bytes a row are held",
        repeats,
    )


def _of_one_source(detector: Detector, folder: Path, *, repeats: int, quick: bool) -> Iterator[Growth]:
    """With the faces, the length and the pixels of one picture or video."""
    everybody = detector.with_settings(replace(detector.settings, all_faces=True))
    yield _measured(
        "faces in a 1280x720 picture, all judged",
        [1, 2] if quick else [1, 2, 4, 8],
        lambda count: _file(
            everybody, material.picture(folder / f"f{count}.jpg", height=720, width=1280, faces=round(count))
        ),
        "ms of a core",
        1e3,
        "x10: ten encoder runs more; x1,000: no picture holds so many faces of 28 px between the eyes",
        repeats,
    )
    yield _measured(
        "seconds of 720p video",
        [0.5, 1] if quick else [2.5, 5, 10, 20],
        lambda s: _file(detector, material.video(folder / f"s{s}.mp4", seconds=s)),
        "core s",
        1,
        "from 30 s on a file is judged on its first 30 s: the cost stays; a stream keeps the latest 30 s",
        repeats,
    )
    yield _measured(
        "megapixels of a picture, one face a third of its height",
        [0.3, 1] if quick else [0.3, 1, 3, 12],
        lambda mp: _file(detector, _of(folder, mp)),
        "ms of a core",
        1e3,
        "x10 (120 MP): decoded at a quarter of its sides; x1,000: refused by its header",
        repeats,
    )
    yield _measured(
        "pixels of a video's frames, 2 s",
        [0.23, 0.92] if quick else [0.23, 0.92, 2.07],
        lambda mp: _file(detector, _video_of(folder, mp)),
        "core s",
        1,
        "decoding and RGB grow with the pixels, the rest does not; x10 is 4K and more; x1,000 is refused",
        repeats,
    )


def _measured(
    what: str,
    sizes: Sequence[float],
    work: Callable[[float], Callable[[], object]],
    unit: str,
    factor: float,
    far: str,
    repeats: int,
) -> Growth:
    ways: dict[str, Cost] = {f"n{size:g}": cored(work(size)) for size in sizes}
    found = in_turn(repeats, **ways)
    costs = [factor * float(np.median(found[name])) for name in ways]
    return Growth(what=what, sizes=sizes, unit=unit, costs=costs, far=far)


def _file(detector: Detector, path: Path) -> Callable[[], object]:
    return lambda: detector.check(path)


def _of(folder: Path, megapixels: float) -> Path:
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    return material.picture(folder / f"p{megapixels}.jpg", height=height, width=height * 4 // 3)


def _video_of(folder: Path, megapixels: float) -> Path:
    height = round((megapixels * 1e6 * 9 / 16) ** 0.5 / 2) * 2
    return material.video(folder / f"v{megapixels}.mp4", seconds=2, height=height, width=height * 8 // 9 * 2)


def _rows(count: float) -> Callable[[], object]:
    bona_fide, attacks = metrics.drawn(np.random.default_rng(0), count=int(count), digits=None)
    return lambda: metrics.figures(bona_fide, attacks)


def _memory(detector: Detector, path: Path, *, count: int) -> Growth:
    """Resident memory after that many pictures, and after four times as many."""
    held = []
    for many in (count, 3 * count):
        for _ in detector.check_many([path] * many, progress=False):
            pass
        held.append(resident_mb())
    return Growth(
        what="memory after so many pictures of `check_many`",
        sizes=[count, 4 * count],
        unit="MB",
        costs=held,
        far="flat: nothing is kept of a source once its decision was taken",
    )


def _cores(path: Path, *, repeats: int, count: int) -> Growth:
    cores = sorted(os.sched_getaffinity(0))[:2]
    ways = {f"n{n}": lambda n=n: 1 / rate_on([cores[:n]], [path] * count) for n in range(1, len(cores) + 1)}
    found = in_turn(min(repeats, 5), **ways)
    sizes = list(range(1, len(cores) + 1))
    return Growth(
        what="cores of `check_many`",
        sizes=sizes if len(sizes) > 1 else [1, 1.0001],
        unit="s a picture",
        costs=[float(np.median(found[name])) for name in ways] * (1 if len(sizes) > 1 else 2),
        far="beyond some 8 cores give each process its own: `unmask score --jobs`, or Ray",
    )
