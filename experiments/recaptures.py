"""Write recaptures as pictures, with their truth, and a sheet of each class to look at.

    python -m experiments.recaptures PORTRAITS OUT [--count 600] [--seed 1] [--rooms FOLDER]
    [--photographs FOLDER]

PORTRAITS and --photographs are folders of pictures of one person each; OUT gets the pictures, labels.csv with
the columns of `experiments/realism.py`, bona_fide.png and attack.png.
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np

from unmask.media.faces import FaceFinder
from unmask.simulate.people.subjects import load_portraits
from unmask.simulate.recapture import Recaptures
from unmask.simulate.studio import Simulated

COLUMNS = ["path", "label", "instrument", "framing", "subject", "model", "x0", "y0", "x1", "y1"]
TILE_PX, ACROSS, ON_A_SHEET = 180, 10, 60


def main() -> None:
    """Writes pictures, table and sheets."""
    asked = _arguments()
    finder = FaceFinder.load(threads=1)
    folders = [asked.portraits, *asked.photographs]
    bases = [portrait for folder in folders for portrait in load_portraits(folder, finder=finder)]
    rooms = sorted(asked.rooms.glob("*.jpg")) if asked.rooms else []
    series = Recaptures(bases=bases, seed=asked.seed, rooms=rooms)
    asked.out.mkdir(parents=True, exist_ok=True)
    tiles: dict[str, list[np.ndarray]] = {"bona_fide": [], "attack": []}
    with (asked.out / "labels.csv").open("w", newline="") as table:
        rows = csv.DictWriter(table, COLUMNS)
        rows.writeheader()
        for index in range(asked.count):
            made = series(index)
            name = f"{index:06d}.png"
            cv2.imwrite(str(asked.out / name), made.frames[0][..., ::-1])
            rows.writerow(_row(name, made))
            tiles[made.label.value].append(_tile(made))
    for label, pictures in tiles.items():
        cv2.imwrite(str(asked.out / f"{label}.png"), _sheet(pictures[:ON_A_SHEET])[..., ::-1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("portraits", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rooms", type=Path)
    parser.add_argument("--photographs", type=Path, action="append", default=[])
    return parser.parse_args()


def _row(name: str, made: Simulated) -> dict[str, object]:
    mesh = made.meshes[0]
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    return {
        "path": name,
        "label": made.label.value,
        "instrument": made.instrument,
        "framing": "crop" if made.light == "tight" else "full",
        "subject": made.subject,
        "model": made.model,
        **dict(zip(("x0", "y0", "x1", "y1"), np.round([*low, *high], 1).tolist(), strict=True)),
    }


def _tile(made: Simulated) -> np.ndarray:
    """The picture in a square, named below."""
    image = made.frames[0]
    factor = TILE_PX / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    tile = np.full((TILE_PX, TILE_PX, 3), 60, np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    name = f"{made.instrument or 'bona fide'} {made.model}"
    cv2.putText(tile, name, (2, TILE_PX - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255, 255, 0), 1, cv2.LINE_AA)
    return tile


def _sheet(tiles: list[np.ndarray]) -> np.ndarray:
    empty = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
    filled = tiles + [empty] * (-len(tiles) % ACROSS)
    return np.vstack([np.hstack(filled[at : at + ACROSS]) for at in range(0, len(filled), ACROSS)])


if __name__ == "__main__":
    main()
