"""A sheet of what the encoder is trained on: bona fide above, attacks below, photographs and recapture pairs.

    python scripts/training_sheet.py --out docs/training.jpg [--columns 10] [--rows 3] [--seed 1] [--size 120]

Every face is scikit-image's astronaut (NASA, public domain) or drawn, so that the sheet may be shown
anywhere. Each tile is what the network is given: the crop of 2.8 faces that is kept inside the picture.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from unmask.media.clips import bordered, clip_box, cut_picture
from unmask.media.faces import FaceFinder
from unmask.simulate.people.subjects import astronaut, procedural_portrait
from unmask.simulate.photographs import Photographs
from unmask.simulate.recapture import Recaptures
from unmask.simulate.studio import Simulated
from unmask.types import ClipSpec, Label

CLIP = ClipSpec(frames=1, size_px=320, box_scale=2.8, border="inside")
DRAWN = 3  # faces, beside the astronaut
GAP = 6  # px between the classes


def main() -> None:
    """Draws it."""
    asked = _arguments()
    faces = [astronaut(FaceFinder.load())]
    faces += [procedural_portrait(np.random.default_rng(seed)) for seed in range(DRAWN)]
    people = faces[:1] * (3 * DRAWN) + faces[1:]  # the astronaut mostly: she is a photograph
    series = (Photographs(photographs=people, seed=asked.seed), Recaptures(bases=people, seed=asked.seed))
    rows: dict[Label, list[np.ndarray]] = {Label.BONA_FIDE: [], Label.ATTACK: []}
    wanted = asked.rows * asked.columns
    for index in range(2 * wanted):
        made = series[index // 2 % 2](index)
        if len(rows[made.label]) < wanted:
            rows[made.label].append(_tile(made, side=asked.size))
    halves = [_grid(rows[label], columns=asked.columns) for label in (Label.BONA_FIDE, Label.ATTACK)]
    gap = np.full((GAP, halves[0].shape[1], 3), 255, np.uint8)
    sheet = np.vstack([halves[0], gap, halves[1]])
    cv2.imwrite(str(asked.out), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def _tile(made: Simulated, *, side: int) -> np.ndarray:
    image = made.frames[0]
    box = bordered(clip_box(made.meshes[0], scale=CLIP.box_scale), image, spec=CLIP)
    return cut_picture(image, box, size_px=side)


def _grid(tiles: list[np.ndarray], *, columns: int) -> np.ndarray:
    return np.vstack([np.hstack(tiles[at : at + columns]) for at in range(0, len(tiles), columns)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=120)
    return parser.parse_args()


if __name__ == "__main__":
    main()
