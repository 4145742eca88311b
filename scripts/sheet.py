"""A sheet of every instrument: a face crop of each seed, its depth beside it; one row an instrument.

    python scripts/sheet.py --out sheet.png [--portraits DIR] [--backgrounds DIR] [--heads FILE]
    [--instruments print/matt ...] [--columns 4] [--seed 1]

Without portraits it shows scikit-image's astronaut and drawn faces, which may be shown anywhere; sheets of
other people's portraits are for looking at, not for publishing.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from unmask.media.clips import clip_box, cut_picture
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.heads import load_heads
from unmask.simulate.people.subjects import astronaut, load_portraits, procedural_portrait
from unmask.simulate.studio import Request, Simulated, Studio

SIDE = 150  # px of a crop
REACH_M = 0.25  # of depth that the colours span, from what is nearest in the face


def main() -> None:
    """Draws the sheet."""
    asked = _arguments()
    finder = FaceFinder.load()
    if asked.portraits:
        portraits = load_portraits(asked.portraits, finder=finder)
    else:
        drawn = [procedural_portrait(np.random.default_rng(seed)) for seed in range(3)]
        portraits = [astronaut(finder), *drawn]
    backgrounds = ()
    if asked.backgrounds:
        backgrounds = sorted(p for p in asked.backgrounds.iterdir() if p.suffix.lower() in SUFFIXES)
    heads = load_heads(asked.heads) if asked.heads else None
    studio = Studio(portraits=portraits, backgrounds=backgrounds, heads=heads)
    rows = []
    for instrument in asked.instruments or [None, *INSTRUMENTS]:
        cells = [_title(instrument or "bona fide")]
        for column in range(asked.columns):
            subject = (7 * column) % len(portraits)
            request = Request(subject=subject, instrument=instrument, seed=asked.seed + column, frames=1)
            cells += _cells(studio.record(request))
        rows.append(np.concatenate(cells, axis=1))
    cv2.imwrite(str(asked.out), np.concatenate(rows)[..., ::-1])
    print(asked.out)


def _cells(made: Simulated) -> list[np.ndarray]:
    """The crop of the first frame and its depth, near bright, what is beyond the face's reach dark."""
    box = clip_box(made.meshes[0], scale=2.8)
    depth = made.depths[0]
    x, y = np.clip(np.round(made.meshes[0][:, :2]).astype(int), 0, np.array(depth.shape[::-1]) - 1).T
    nearest = np.percentile(depth[y, x], 2)
    level = np.clip(1 - (depth - nearest + 0.05) / REACH_M, 0, 1)
    colours = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    return [cut_picture(picture, box, size_px=SIDE) for picture in (made.frames[0], colours)]


def _title(text: str) -> np.ndarray:
    cell = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for line, part in enumerate(text.split("/")):
        place = (6, SIDE // 2 + 18 * line)
        cv2.putText(cell, part, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return cell


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--heads", type=Path)
    parser.add_argument("--instruments", nargs="*", choices=list(INSTRUMENTS))
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
