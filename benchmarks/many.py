"""What `Detector.check_many` gains over one `check` after the other, side by side in one run.

Pictures of one face, moved about, so that each is another picture. `sizes` says how many pictures were in a
run of the network. Wall seconds depend on what else the machine does: read the ratio, and the seconds of
computing.

    python benchmarks/many.py [--pictures 64] [--rounds 5] [--threads 0] [--quick]
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from skimage import data

from unmask.detector import many
from unmask.detector.detector import Detector
from unmask.types import Clip, ClipScore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="8 pictures, once")
    wanted = parser.parse_args()
    count, rounds = (8, 1) if wanted.quick else (wanted.pictures, wanted.rounds)
    detector, sizes = Detector.load(threads=wanted.threads), Counter[int]()
    _counted(detector, sizes)
    pictures = moved(count)
    for picture in pictures[:2]:
        detector.check(picture)
    ways: dict[str, Callable[[], Sequence[float]]] = {
        "check": lambda: [detector.check(picture).score for picture in pictures],
        "check_many": lambda: [one.score for one in detector.check_many(pictures, progress=False)],
    }
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    scores: dict[str, Sequence[float]] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            sizes.clear()
            wall, computing = time.perf_counter(), time.process_time()
            scores[name] = way()
            spent[name].append((time.perf_counter() - wall, time.process_time() - computing))
            took, worked = spent[name][-1]
            print(f"{name}: {took:.2f} s, computing {worked:.2f} s, sizes {dict(sizes)}")
    walls, works = np.median(np.array([spent["check"], spent["check_many"]]), axis=1).T
    off = np.max(np.abs(np.subtract(*scores.values())))
    print(f"{count} pictures, median of {rounds}, {many.AHEAD} sources at work a core: check_many is")
    print(f"{walls[0] / walls[1]:.2f} times as fast by the clock on the wall")
    print(f"{works[0] / works[1]:.2f} times as fast in computing; scores differ by {off:.1e}")


def moved(count: int) -> list[np.ndarray]:
    """Pictures (480, 480, 3) uint8 of a face, each at another place."""
    portrait = cv2.resize(data.astronaut()[:320, 60:380], (480, 480), interpolation=cv2.INTER_CUBIC)
    shifts = np.random.default_rng(1).uniform(-20, 20, (count, 2))
    return [
        cv2.warpAffine(
            portrait, np.array([[1, 0, x], [0, 1, y]]), (480, 480), borderMode=cv2.BORDER_REPLICATE
        )
        for x, y in shifts
    ]


def _counted(detector: Detector, sizes: Counter[int]) -> None:
    """Count how many clips each call of the network gets."""
    for network in detector._networks:
        plain = network.score

        def score(clips: Sequence[Clip], plain: Callable = plain) -> list[ClipScore]:
            sizes[len(clips)] += 1
            return plain(clips)

        network.score = score  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
