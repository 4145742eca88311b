"""Recordings of living people, the same ones cut to 2, 10 and 60 s: how many of each length are not LIVE.

    python -m experiments.lengths --photographs DIR [DIR ...] [--people 8] [--out build/lengths.csv]
    python -m experiments.lengths --quick        # one person, scikit-image's, of 20 s

Photographs of people apart from training become heads that move and blink before a hand-held camera, with
its noise but none of its other faults, for a minute at 5 pictures a second, which is as often as single
frames are scored. Each recording is judged whole, in pieces of 10 s and in pieces of 2 s: the question is
what length does, not how good the model is. Every row is written as soon as it is known; a second call goes
on behind the last person.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from unmask.detector.detector import Detector
from unmask.media.faces import FaceFinder
from unmask.metrics.intervals import rate
from unmask.simulate.people.subjects import astronaut
from unmask.simulate.photographs import Pictured, load_photographs
from unmask.simulate.photographs.motion import draw_sitter, warp_at
from unmask.training.simulated import part_photographs
from unmask.types import Verdict

FPS, SEED = 5, 29
FACE_PX, NOISE = 150, 2.0  # the face's longer side, and grey values
LENGTHS_S, PIECES = (2, 10, 60), 3  # so many pieces of a recording at most, evenly spread
COLUMNS = ("person", "length_s", "from_s", "verdict", "score", "reasons")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, nargs="+")
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("build/lengths.csv"))
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    if not asked.quick and not asked.photographs:
        parser.error("give --photographs or --quick")
    finder = FaceFinder.load(threads=1)
    portraits: Sequence[Pictured] = [astronaut(finder)]
    if not asked.quick:
        portraits = part_photographs(load_photographs(asked.photographs, finder=finder))[1]
    seconds, people = (20, 1) if asked.quick else (LENGTHS_S[-1], asked.people)
    detector = Detector.load(threads=1)
    detector = detector.with_settings(replace(detector.settings, seconds=seconds, timeout_s=36_000.0))

    def rows_of(person: int) -> Iterator[list[object]]:
        rng = np.random.default_rng([SEED, person])
        return judged(detector, recorded(portraits[person], rng, seconds=seconds), person=person)

    add_people(asked.out, COLUMNS, people=min(people, len(portraits)), rows_of=rows_of)
    tell(asked.out)


def add_people(
    path: Path, columns: Sequence[str], *, people: int, rows_of: Callable[[int], Iterable[list[object]]]
) -> None:
    """The rows of each person who is not in the table yet, under the first column "person"; one that is cut
    off goes on with the next person.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", newline="") as table:
        table.seek(0)
        done = {row["person"] for row in csv.DictReader(table)}
        rows = csv.writer(table, lineterminator="\n")
        if not table.tell():
            rows.writerow(columns)
        for person in range(people):
            if str(person) not in done:
                rows.writerows(rows_of(person))
                table.flush()


def recorded(portrait: Pictured, rng: np.random.Generator, *, seconds: int, fps: int = FPS) -> np.ndarray:
    """A recording (N, h, w, 3) uint8 of the person in a photograph, small enough to be cheap."""
    image, mesh = portrait.image, portrait.mesh
    scale = FACE_PX / float(np.ptp(mesh[:, :2], axis=0).max())
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    middle = mesh[:, :2].mean(axis=0) * scale
    low = np.clip(middle - 1.4 * FACE_PX, 0, None).astype(int)
    image = image[low[1] : low[1] + 3 * FACE_PX, low[0] : low[0] + 3 * FACE_PX]
    mesh = (mesh * scale - [*low, 0]).astype(np.float32)
    size, sitter = image.shape[:2], draw_sitter(rng)
    shown = np.empty((seconds * fps, *size, 3), np.uint8)
    for number in range(len(shown)):
        moved = warp_at(sitter, mesh, number / fps, size=size, focal_px=float(max(size))).of(image)
        shown[number] = np.clip(np.rint(moved + rng.normal(0, NOISE, moved.shape)), 0, 255)
    return shown


def judged(detector: Detector, frames: np.ndarray, *, person: int) -> Iterator[list[object]]:
    """The rows of one recording."""
    for length_s in LENGTHS_S:
        pieces = min(PIECES, len(frames) // (length_s * FPS))
        for start in np.linspace(0, len(frames) - length_s * FPS, pieces).astype(int):
            found = detector.check(frames[start : start + length_s * FPS], fps=FPS)
            told = [found.verdict.value, f"{found.score:.3f}", "|".join(found.reasons)]
            yield [person, length_s, start / FPS, *told]


def tell(path: Path) -> None:
    """The table: of each length how many are not LIVE, and for what reasons."""
    found = defaultdict(list)
    with path.open() as table:
        for row in csv.DictReader(table):
            found[int(row["length_s"])].append(row)
    for length_s, rows in found.items():
        people = len({row["person"] for row in rows})
        verdicts = [Verdict(row["verdict"]) for row in rows]
        refused = sum(verdict is not Verdict.LIVE for verdict in verdicts)
        attacks = verdicts.count(Verdict.ATTACK)
        shown = rate(refused, len(rows))
        why = sorted({row["reasons"] for row in rows if row["reasons"]})
        print(f"{length_s} s: {people} people, {refused} of {len(rows)} not LIVE,")
        print(f"    [{shown.low:.2f}, {shown.high:.2f}], {attacks} ATTACK; {', '.join(why) or 'no reasons'}")


if __name__ == "__main__":
    main()
