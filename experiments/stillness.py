"""How often a living person is taken for a still picture, and a still picture for a living person.

    python -m experiments.stillness --photographs DIR [DIR ...] [--people 7] [--out build/stillness.csv]
    python -m experiments.stillness --quick        # one person, scikit-image's

Photographs become heads that move and blink for 20 s before a hand-held camera with noise (as in
experiments.lengths), and the first picture of each becomes a still one that is shaken as a whole, with noise
of 2, 5 or 10 grey values, tilted by up to 10 or 20 degrees, or under moving bands of light two faces, one or
half of one wide, with noise of 2. All are coded as H.264. Pieces of 2.5, 5 and 10 s of them, at 2, 3 and 12
frames/s, are judged by `media.stillness` alone, and so are living ones that are held for 2 s in the middle.
Every row is written as soon as it is known; a second call goes on behind the last person.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from experiments.lengths import FACE_PX, add_people, recorded
from unmask.media.encoding import encode_decode
from unmask.media.faces import FaceFinder
from unmask.media.stillness import Stillness
from unmask.simulate.people.subjects import astronaut
from unmask.simulate.photographs import Pictured, load_photographs
from unmask.types import Frame, Sighting

FPS, SECONDS, SEED, CRF = 12, 20, 29, 23
NOISES = (2.0, 5.0, 10.0)  # grey values
TILTS, BANDS = (10.0, 20.0), (2.0, 1.0, 0.5)  # degrees; widths in faces
RATES, LENGTHS_S = (2, 3, 12), (2.5, 5.0, 10.0)
HELD_S = 2.0
COLUMNS = ("person", "what", "fps", "length_s", "from_s", "moved")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, nargs="+")
    parser.add_argument("--people", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("build/stillness.csv"))
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    if not asked.quick and not asked.photographs:
        parser.error("give --photographs or --quick")
    finder = FaceFinder.load(threads=1)
    portraits: Sequence[Pictured] = [astronaut(finder)]
    if not asked.quick:
        whole = load_photographs(asked.photographs, finder=finder)
        portraits = whole[:: max(1, len(whole) // asked.people)][: asked.people]

    def rows_of(person: int) -> Iterator[list[object]]:
        return judged(finder, portraits[person], person=person)

    add_people(asked.out, COLUMNS, people=len(portraits), rows_of=rows_of)
    tell(asked.out)


def judged(finder: FaceFinder, portrait: Pictured, *, person: int) -> Iterator[list[object]]:
    """The rows of one person."""
    rng = np.random.default_rng([SEED, person])
    lives = recorded(portrait, rng, seconds=SECONDS, fps=FPS)
    lives = lives[:, : lives.shape[1] // 2 * 2, : lives.shape[2] // 2 * 2]
    held = round(HELD_S * FPS)
    parts = {"bona_fide": lives, "held": [*lives[:36], *[lives[35]] * held, *lives[36:60]]}
    for noise in NOISES:
        parts[f"still, noise {noise:g}"] = [shaken(lives[0], k, rng, noise=noise) for k in range(len(lives))]
    for degrees in TILTS:
        flat = [tilted(lives[0], k, degrees=degrees) for k in range(len(lives))]
        parts[f"tilted, {degrees:g} degrees"] = [noisy(picture, rng) for picture in flat]
    for width in BANDS:
        lit = [banded(lives[0], k, wave_px=width * FACE_PX) for k in range(len(lives))]
        parts[f"bands of light, {width:g} faces"] = [noisy(picture, rng) for picture in lit]
    for what, pictures in parts.items():
        faces = followed(finder, encode_decode(list(pictures), codec="libx264", crf=CRF))
        if what == "held":
            yield [person, what, FPS, len(faces) / FPS, 0.0, moved(faces)]
            continue
        for fps in RATES:
            for length_s in LENGTHS_S:
                count = round(length_s * FPS)
                for start in range(0, len(faces) - count + 1, count):
                    piece = faces[start : start + count : FPS // fps]
                    yield [person, what, fps, length_s, start / FPS, moved(piece)]


def shaken(picture: np.ndarray, k: int, rng: np.random.Generator, *, noise: float) -> np.ndarray:
    """A still picture, moved, turned and zoomed as a whole, before a noisy camera."""
    height, width = picture.shape[:2]
    by = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5 * np.sin(k / 5), 1 + 0.03 * np.sin(k / 7))
    by[:, 2] += (4 * np.sin(k / 4), 3 * np.cos(k / 5))
    return noisy(cv2.warpAffine(picture, by, (width, height), borderMode=cv2.BORDER_REPLICATE), rng, noise)


def noisy(picture: np.ndarray, rng: np.random.Generator, noise: float = NOISES[0]) -> np.ndarray:
    return np.clip(np.rint(picture + rng.normal(0, noise, picture.shape)), 0, 255).astype(np.uint8)


def tilted(picture: np.ndarray, k: int, *, degrees: float) -> np.ndarray:
    """A still picture as a flat thing that a hand tilts about its middle, before a camera."""
    height, width = picture.shape[:2]
    down, across = np.radians(degrees) * np.sin([k / 7 + 1, k / 9])
    turn = cv2.Rodrigues(np.array([0.0, across, 0.0]))[0] @ cv2.Rodrigues(np.array([down, 0.0, 0.0]))[0]
    focal = 1.2 * max(width, height)
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    flat = np.column_stack([turn[:, 0], turn[:, 1], [0.0, 0.0, 1.0]])
    by = camera @ flat @ np.linalg.inv(camera)
    return cv2.warpPerspective(picture, by, (width, height), borderMode=cv2.BORDER_REPLICATE)


def banded(picture: np.ndarray, k: int, *, wave_px: float) -> np.ndarray:
    """A still picture under bands of light that move over it."""
    down, across = np.mgrid[: picture.shape[0], : picture.shape[1]]
    slanted = across * np.cos(0.6) + down * np.sin(0.6)
    return picture * (1 + 0.15 * np.sin(2 * np.pi * slanted / wave_px + k / 3))[..., None]


def followed(finder: FaceFinder, pictures: Sequence[np.ndarray]) -> list[Sighting]:
    """The face of each picture, which is there in all of them."""
    seen: list[Sighting] = []
    for k, picture in enumerate(pictures):
        known = finder.follow(picture, seen[-1].face) if seen else None
        found = [known] if known is not None else finder.find(picture)
        if found:
            seen.append(Sighting(frame=Frame(picture, k / FPS, k), face=found[0]))
    return seen


def moved(faces: Sequence[Sighting]) -> bool:
    stillness = Stillness()
    for sighting in faces:
        stillness.add(sighting)
    return stillness.moved


def tell(path: Path) -> None:
    """How many of each kind, rate and length moved."""
    found = defaultdict(list)
    with path.open() as table:
        for row in csv.DictReader(table):
            found[row["what"], row["fps"], row["length_s"]].append(row["moved"] == "True")
    for (what, fps, length_s), rows in found.items():
        print(f"{what}, {fps} frames/s, {length_s} s: {sum(rows)} of {len(rows)} moved")


if __name__ == "__main__":
    main()
