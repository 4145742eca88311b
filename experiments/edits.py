"""What changes the score of real pictures when it is edited: tone, colour, sharpness, room, light, crop?

    python -m experiments.edits SAMPLES [--model FILE.onnx] [--results results/edits.csv] [--sheet FILE.jpg]

Each picture of SAMPLES/labels.csv (of a video its first frame with a face) is edited, and its face found and
scored anew by the Detector, the one path from pixels to score. The table has the mean change of score by edit
and group. What moves living faces towards attacks, or attacks towards living faces, is what the network
has learnt beside the instruments' traces. SAMPLES is a development set; nothing here trains.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from benchmarks.result_lines import append, commit
from experiments.clips import looked_at, read_labels
from unmask.detector.detector import Detector
from unmask.media.clips import clip_box
from unmask.media.faces import FaceFinder
from unmask.media.images import write_image
from unmask.media.topology import OUTLINE

COLUMNS = ["date", "commit", "model", "edit", "group", "pictures", "before", "change", "spread", "unscored"]
NETWORK_PX, BOX_SCALE = 128, 2.8  # at which blur and noise are meant, whatever the size of the picture


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One real picture: `image` (H, W, 3) uint8, the mesh of its widest face, and its group."""

    name: str
    group: str
    image: np.ndarray
    mesh: np.ndarray

    @property
    def pixel(self) -> float:
        """Pixels of the picture in one pixel of a network."""
        return float(np.ptp(clip_box(self.mesh, scale=BOX_SCALE)[::2])) / NETWORK_PX

    def head(self) -> np.ndarray:
        """The face with some of the head around it, (H, W, 1) float32 in [0, 1], with a soft rim."""
        return self._soft([self._outline(1.2)])

    def person(self) -> np.ndarray:
        """Head, neck and shoulders down to the border, roughly: what stays where the room is replaced."""
        x0, y0, x1, _ = clip_box(self.mesh, scale=1.0)
        side, bottom = x1 - x0, float(len(self.image))
        neck, shoulder = y0 + 0.75 * side, y0 + 1.45 * side
        left, right = [(x0 + 0.2 * side, neck), (x0 - 0.6 * side, shoulder)], x1
        body = [*left, (x0 - 0.7 * side, bottom), (right + 0.7 * side, bottom)]
        body += [(right + 0.6 * side, shoulder), (right - 0.2 * side, neck)]
        return self._soft([self._outline(1.45), np.array(body, np.int32)])

    def _outline(self, scale: float) -> np.ndarray:
        points = self.mesh[list(OUTLINE), :2]
        middle = points.mean(axis=0)
        return (middle + (points - middle) * scale).astype(np.int32)

    def _soft(self, areas: Sequence[np.ndarray]) -> np.ndarray:
        mask = np.zeros(self.image.shape[:2], np.float32)
        for area in areas:
            cv2.fillPoly(mask, [area], 1.0)
        return cv2.GaussianBlur(mask, (0, 0), 2 * self.pixel + 0.5)[..., None]


Edit = Callable[[Picture], np.ndarray]  # gives (H, W, 3) float, clipped afterwards


def contrast(factor: float) -> Edit:
    """Around the mean of the face."""

    def edit(picture: Picture) -> np.ndarray:
        head = picture.head()
        middle = (picture.image * head).sum() / (3 * head.sum())
        return middle + factor * (picture.image - middle)

    return edit


def saturation(factor: float) -> Edit:
    """0 is grey."""

    def edit(picture: Picture) -> np.ndarray:
        grey = cv2.cvtColor(picture.image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
        return grey + factor * (picture.image - grey)

    return edit


def brightness(factor: float, *, of: str = "all") -> Edit:
    """Brightness of the whole picture, the head or the room."""

    def edit(picture: Picture) -> np.ndarray:
        where = {"all": 1.0, "head": picture.head(), "room": 1 - picture.person()}[of]
        return picture.image * (1 + (factor - 1) * where)

    return edit


def blur(sigma: float, *, of: str = "all") -> Edit:
    """By `sigma` px of the network; below 0 sharpened (unsharp mask of that radius)."""

    def edit(picture: Picture) -> np.ndarray:
        image = picture.image.astype(np.float32)
        soft = cv2.GaussianBlur(image, (0, 0), abs(sigma) * picture.pixel)
        changed = soft if sigma > 0 else image + (image - soft)
        where = {"all": 1.0, "head": picture.head(), "room": 1 - picture.person()}[of]
        return image + (changed - image) * where

    return edit


def plain_room(picture: Picture) -> np.ndarray:
    """Grey that falls from top to bottom in place of all but the person."""
    fall = np.linspace(170, 90, len(picture.image))[:, None, None]
    person = picture.person()
    return picture.image * person + fall * (1 - person)


def room_of(other: np.ndarray) -> Edit:
    """A room in place of all but the person."""

    def edit(picture: Picture) -> np.ndarray:
        height, width = picture.image.shape[:2]
        person = picture.person()
        return picture.image * person + cv2.resize(other, (width, height)) * (1 - person)

    return edit


def light(across: float, down: float) -> Edit:
    """Light on the head that grows by that share from left to right and from top to bottom."""

    def edit(picture: Picture) -> np.ndarray:
        x0, y0, x1, y1 = clip_box(picture.mesh, scale=1.2)
        rows, columns = np.mgrid[: picture.image.shape[0], : picture.image.shape[1]]
        u, v = (columns - x0) / (x1 - x0) - 0.5, (rows - y0) / (y1 - y0) - 0.5
        gain = 1 + across * u.clip(-0.5, 0.5) + down * v.clip(-0.5, 0.5)
        return picture.image * (1 + (gain[..., None] - 1) * picture.head())

    return edit


def noise(deviation: float) -> Edit:
    """Grey noise of a network's pixel."""

    def edit(picture: Picture) -> np.ndarray:
        rng = np.random.default_rng(len(picture.name))
        grain = rng.normal(size=picture.image.shape[:2]).astype(np.float32)
        return picture.image + deviation * max(1.0, picture.pixel) * grain[..., None]

    return edit


def jpeg(quality: int) -> Edit:
    """Once more through a JPEG."""

    def edit(picture: Picture) -> np.ndarray:
        coded = cv2.imencode(".jpg", picture.image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)

    return edit


def tight(scale: float) -> Edit:
    """The picture cut to `scale` times the face: the rest of the crop becomes padding."""

    def edit(picture: Picture) -> np.ndarray:
        height, width = picture.image.shape[:2]
        x0, y0, x1, y1 = clip_box(picture.mesh, scale=scale).astype(int)
        return picture.image[max(0, y0) : min(height, y1), max(0, x0) : min(width, x1)]

    return edit


def shifted(share: float) -> Edit:
    """Turned by that share of a right angle, in the picture's plane: the crop moves, its content does not."""

    def edit(picture: Picture) -> np.ndarray:
        height, width = picture.image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 90 * share, 1.0)
        return cv2.warpAffine(picture.image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)

    return edit


def edits(room: np.ndarray | None) -> dict[str, Edit]:
    """All of them by name; `room` (H, W, 3) to put behind the heads."""
    found: dict[str, Edit] = {"none": lambda picture: picture.image}
    found |= {f"contrast x{f}": contrast(f) for f in (0.6, 0.8, 1.25, 1.5)}
    found |= {f"saturation x{f}": saturation(f) for f in (0.0, 0.5, 1.5)}
    found |= {f"brightness x{f}": brightness(f) for f in (0.6, 1.4)}
    found |= {f"brightness of {of} x{f}": brightness(f, of=of) for of in ("head", "room") for f in (0.6, 1.4)}
    found |= {f"blur {s} px": blur(s) for s in (0.6, 1.2, 2.0)} | {"sharpened 1 px": blur(-1.0)}
    found |= {"head blurred 1.2 px": blur(1.2, of="head"), "room blurred 4 px": blur(4.0, of="room")}
    found |= {"plain room": plain_room} | ({} if room is None else {"another room": room_of(room)})
    found |= {"light from the right": light(1.0, 0.0), "light from above": light(0.0, -1.0)}
    found |= {"light from below": light(0.0, 1.0), "noise 3": noise(3.0), "noise 8": noise(8.0)}
    found |= {
        "jpeg 30": jpeg(30),
        "cut to x1.4": tight(1.4),
        "cut to x2": tight(2.0),
        "turned 4 deg": shifted(0.045),
    }
    found |= {"mirrored": lambda picture: picture.image[:, ::-1]}
    return found


def applied(edit: Edit, picture: Picture) -> np.ndarray:
    """The edited picture, uint8."""
    return np.ascontiguousarray(np.clip(np.round(edit(picture)), 0, 255).astype(np.uint8))


def main() -> None:
    """Scores every picture under every edit, prints the table, adds its lines."""
    asked = _arguments()
    detector = Detector.load(asked.model or None, threads=1)
    pictures = _pictures(asked.samples)
    room = cv2.imread(str(asked.room))[..., ::-1] if asked.room else None
    every = edits(room)
    if asked.sheet:
        write_image(asked.sheet, _sheet(pictures[0], every))
    scores = {
        name: np.array([detector.check(applied(edit, picture)).score for picture in pictures])
        for name, edit in every.items()
    }
    groups = np.array([picture.group for picture in pictures])
    lines = _lines(
        scores, groups, model=min(detector.contracts, key=lambda c: c.clip.frames).payload_sha256[:12]
    )
    print(_table(lines, sorted(set(groups.tolist()))))
    append(asked.results, lines, columns=COLUMNS)


def _pictures(folder: Path) -> list[Picture]:
    finder, found = FaceFinder.load(), []
    for row in read_labels(folder):
        frames, meshes = looked_at(folder / row["path"], finder)
        if frames:
            truth = "bona_fide" if row["label"] == "bona_fide" else row["instrument"]
            group = f"{row['source'].partition('/')[0]} {truth}"
            found.append(Picture(name=row["path"], group=group, image=frames[0], mesh=meshes[0]))
    return found


def _lines(scores: dict[str, np.ndarray], groups: np.ndarray, *, model: str) -> list[dict[str, object]]:
    run = {"date": date.today().isoformat(), "commit": commit(), "model": model}
    lines: list[dict[str, object]] = []
    for name, values in scores.items():
        for group in sorted(set(groups.tolist())):
            here = groups == group
            change = (values - scores["none"])[here]
            scored = change[np.isfinite(change)]
            before = scores["none"][here]
            before = before[np.isfinite(before)]
            lines.append(
                run
                | {
                    "edit": name,
                    "group": group,
                    "pictures": int(here.sum()),
                    "before": _mean(before),
                    "change": _mean(scored),
                    "spread": round(float(scored.std()), 4) if scored.size else math.nan,
                    "unscored": int((~np.isfinite(values[here])).sum()),
                }
            )
    return lines


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 4) if values.size else math.nan


def _table(lines: Sequence[dict[str, object]], groups: Sequence[str]) -> str:
    of = {(line["edit"], line["group"]): line for line in lines}
    rows = [f"| edit | {' | '.join(groups)} |", "| --- |" + " --- |" * len(groups)]
    rows.append(f"| score before | {' | '.join(format(of['none', g]['before'], '.3f') for g in groups)} |")
    for name in dict.fromkeys(line["edit"] for line in lines):
        rows.append(f"| {name} | {' | '.join(format(of[name, g]['change'], '+.3f') for g in groups)} |")
    return "\n".join(rows)


def _sheet(picture: Picture, every: dict[str, Edit], *, side: int = 200, columns: int = 7) -> np.ndarray:
    """The picture under each edit, to be looked at."""
    tiles = []
    for name, edit in every.items():
        tile = cv2.resize(applied(edit, picture), (side, side), interpolation=cv2.INTER_AREA)
        tiles.append(cv2.putText(tile, name, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 0), 1))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[at : at + columns]) for at in range(0, len(tiles), columns)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--model", type=Path, help="a single-frame .onnx; the packaged one by default")
    parser.add_argument("--room", type=Path, help="a picture to put behind the heads")
    parser.add_argument("--results", type=Path, default=Path("results/edits.csv"))
    parser.add_argument("--sheet", type=Path, help="also the first picture under each edit, to be looked at")
    return parser.parse_args()


if __name__ == "__main__":
    main()
