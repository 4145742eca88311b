"""How like real pictures the simulated ones are, for each class: quantiles side by side, and in features.

    python benchmarks/realism.py SAMPLES BONAFIDE SIMULATED... [--results results/real_statistics.csv]
    [--distances results/realism.csv] [--most 300] [--note "what was changed"]

SAMPLES and BONAFIDE hold real pictures with labels.csv or credits.csv (path, label, instrument, framing,
source); SIMULATED are folders of `benchmarks/recaptures.py`, whose labels.csv has the faces' boxes, too. The
quantiles of each class and framing (whole pictures; cut to the face, real ones at 1.2 faces) go to --results,
real and simulated; the distances between real and simulated pictures of each class in features of the
encoder, and the AUC of a linear probe that tells them apart, go to --distances, a line a run.
"""

import argparse
import csv
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from unmask.media.clips import bordered, clip_box, cut_picture
from unmask.media.faces import FaceFinder
from unmask.media.images import read_image
from unmask.metrics.realism import QUANTILES, frechet_distance, kernel_distance, quantiles, told_apart
from unmask.simulate.appearance import NAMES, appearance
from unmask.types import ClipSpec, Label, UnmaskError

CLIP = ClipSpec(frames=1, size_px=224, box_scale=2.8, border="inside")
CUT = 1.2  # faces: how tight real pictures are cut
Features = Callable[[Sequence[np.ndarray]], np.ndarray]  # pictures (S, S, 3) uint8 RGB -> (n, d)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One picture: its face's box as a "mesh" of two corners (2, 3), its class and framing, who it is."""

    image: np.ndarray
    corners: np.ndarray
    bona_fide: bool
    tight: bool
    person: str

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
    """Measures, writes both tables, prints them."""
    asked = _arguments()
    finder = FaceFinder.load(threads=1)
    real = [item for folder in (asked.samples, asked.bonafide) for item in items(folder, finder)]
    real += [item.cut() for item in real if not item.tight]
    made = [item for folder in asked.simulated for item in items(folder, finder)]
    rows = [*table(real, kind="real"), *table(made, kind="simulated")]
    _write(asked.results, rows)
    for row in rows:
        print(*row.values(), sep=",")
    if asked.distances:
        line = {"date": date.today(), "commit": _commit(), "note": asked.note}
        line |= distances(real, made, features=encoder_features(), most=asked.most)
        _append(asked.distances, line)
        print(line)


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
            person = row.get("subject") or f"{row.get('source', '')}/{row['path']}"
            bona_fide = row["label"] == Label.BONA_FIDE.value
            tight = row["framing"] == "crop"
            found.append(Item(image=image, corners=corners, bona_fide=bona_fide, tight=tight, person=person))
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


def distances(
    real: Sequence[Item], made: Sequence[Item], *, features: Features, most: int
) -> dict[str, object]:
    """Of each class: Frechet and kernel distance, and the probe's AUC, on at most `most` pictures a side."""
    line: dict[str, object] = {}
    for name, bona_fide in (("bona_fide", True), ("attack", False)):
        sides = []
        for side in (real, made):
            chosen = [item for item in side if item.bona_fide is bona_fide]
            order = np.random.default_rng(0).permutation(len(chosen))[:most]
            sides.append([chosen[n] for n in order])
        a, b = (features([crop(item) for item in side]) for side in sides)
        scale = a.std(axis=0) + 1e-6
        people = [[item.person for item in side] for side in sides]
        line[f"{name}_real"], line[f"{name}_simulated"] = len(a), len(b)
        line[f"{name}_frechet"] = round(frechet_distance(a / scale, b / scale), 1)
        line[f"{name}_kernel"] = round(kernel_distance(a / scale, b / scale), 4)
        line[f"{name}_probe"] = round(told_apart(a, b, people=people[0], other_people=people[1]), 3)
    return line


def crop(item: Item) -> np.ndarray:
    """What the encoder sees of it (S, S, 3) uint8."""
    box = clip_box(item.corners, scale=CLIP.box_scale)
    return cut_picture(item.image, bordered(box, item.image, spec=CLIP), size_px=CLIP.size_px)


def encoder_features() -> Features:
    """The frozen encoder's, with the published weights."""
    import torch

    from unmask.media.assets import imagenet_weights
    from unmask.models.encoder import encoder

    network = encoder(size_px=CLIP.size_px).eval()
    network.from_imagenet(torch.load(imagenet_weights().path, weights_only=True))

    @torch.no_grad()
    def features(pictures: Sequence[np.ndarray]) -> np.ndarray:
        found = []
        for at in range(0, len(pictures), 16):
            batch = np.stack(pictures[at : at + 16]).transpose(0, 3, 1, 2)
            found.append(network.raw_features(torch.from_numpy(batch).float() / 255).numpy())
        return np.concatenate(found)

    return features


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("bonafide", type=Path)
    parser.add_argument("simulated", type=Path, nargs="+")
    parser.add_argument("--results", type=Path, default=Path("results/real_statistics.csv"))
    parser.add_argument("--distances", type=Path)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--note", default="")
    return parser.parse_args()


def _write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _append(path: Path, line: dict[str, object]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(line), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(line)


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
