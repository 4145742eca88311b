"""How like real pictures the simulated ones are, for each class: quantiles side by side.

    python -m experiments.realism SAMPLES BONAFIDE SIMULATED... [--results results/real_statistics.csv]

SAMPLES and BONAFIDE hold real pictures with labels.csv or credits.csv (path, label, instrument, framing,
source); SIMULATED are folders of `experiments/recaptures.py`, whose labels.csv has the faces' boxes, too. The
quantiles of each class and framing (whole pictures; cut to the face, real ones at 1.2 faces) go to --results,
real and simulated. How far apart they are to the encoder: `experiments/realism_sets.py`.
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unmask.media.faces import FaceFinder
from unmask.media.images import read_image
from unmask.metrics.realism import QUANTILES, quantiles
from unmask.simulate.appearance import NAMES, appearance
from unmask.types import Label, UnmaskError

CUT = 1.2  # faces: how tight real pictures are cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One picture: its face's box as a "mesh" of two corners (2, 3), its class and framing."""

    image: np.ndarray
    corners: np.ndarray
    bona_fide: bool
    tight: bool

    def cut(self) -> "Item":
        """The face, CUT times as wide as its box."""
        low, high = self.corners[0, :2], self.corners[1, :2]
        half = CUT * float((high - low).max()) / 2
        height, width = self.image.shape[:2]
        x0, y0 = np.maximum(0, (low + high) / 2 - half).astype(int)
        x1, y1 = np.minimum([width, height], (low + high) / 2 + half).astype(int)
        moved = self.corners - np.array([x0, y0, 0])
        return replace(self, image=self.image[y0:y1, x0:x1], corners=moved, tight=True)


def main() -> None:
    """Measures, writes the table, prints it."""
    asked = _arguments()
    finder = FaceFinder.load(threads=1)
    real = [item for folder in (asked.samples, asked.bonafide) for item in items(folder, finder)]
    real += [item.cut() for item in real if not item.tight]
    made = [item for folder in asked.simulated for item in items(folder, finder)]
    rows = [*table(real, kind="real"), *table(made, kind="simulated")]
    _write(asked.results, rows)
    for row in rows:
        print(*row.values(), sep=",")


def items(folder: Path, finder: FaceFinder) -> list[Item]:
    """The pictures of a labelled folder in which a face is known or found."""
    table = next(path for name in ("labels.csv", "credits.csv") if (path := folder / name).exists())
    found = []
    with table.open(newline="") as rows:
        for row in csv.DictReader(rows):
            if row.get("media", "image") != "image":
                continue
            try:
                image = read_image(folder / row["path"])
            except UnmaskError as unreadable:
                print(f"{row['path']} passed over: {unreadable}")
                continue
            corners = _corners(row, image, finder)
            if corners is None:
                continue
            bona_fide = row["label"] == Label.BONA_FIDE.value
            tight = row["framing"] == "crop"
            found.append(Item(image=image, corners=corners, bona_fide=bona_fide, tight=tight))
    return found


def _corners(row: dict[str, str], image: np.ndarray, finder: FaceFinder) -> np.ndarray | None:
    if "x0" in row:
        x0, y0, x1, y1 = (float(row[name]) for name in ("x0", "y0", "x1", "y1"))
        return np.array([[x0, y0, 0], [x1, y1, 0]])
    faces = finder.find(image)
    return np.stack([faces[0].mesh.min(axis=0), faces[0].mesh.max(axis=0)]) if faces else None


def table(found: Sequence[Item], *, kind: str) -> list[dict[str, object]]:
    """A row for each class, framing and statistic with its quantiles."""
    rows: list[dict[str, object]] = []
    for bona_fide in (True, False):
        for tight in (False, True):
            chosen = [item for item in found if item.bona_fide is bona_fide and item.tight is tight]
            if not chosen:
                continue
            values = quantiles([appearance(item.image, item.corners) for item in chosen])
            for name in NAMES:
                row: dict[str, object] = {"pictures": kind, "class": "bona_fide" if bona_fide else "attack"}
                row |= {"framing": "tight" if tight else "whole", "statistic": name, "count": len(chosen)}
                rows.append(
                    row | {f"q{q:g}": f"{v:.3f}" for q, v in zip(QUANTILES, values[name], strict=True)}
                )
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("bonafide", type=Path)
    parser.add_argument("simulated", type=Path, nargs="+")
    parser.add_argument("--results", type=Path, default=Path("results/real_statistics.csv"))
    return parser.parse_args()


def _write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
