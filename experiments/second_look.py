"""Does it help to look at a picture a second time, without its finest detail?

    python -m experiments.second_look SAMPLES --data SET [SET ...] --cache FOLDER [--config encoder.toml]
        [--set head.strength=1e-4 ...] [--difference 3e-5] [--results results/out_of_source.csv]

A copy of each picture at half its resolution, enlarged again, lacks the detail in which recaptures differ,
and shows the same person, room and light. So the features of the picture minus those of the copy say what the
detail adds, and little about who is seen. One head reads the picture, one the difference (--difference: its
C), and the mean of their logits is the third line. All is measured out of source (experiments.out_of_source),
on prepared SETs, one of which holds the real items. --cache keeps the features.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch

from benchmarks.result_lines import append
from experiments.out_of_source import (
    COLUMNS,
    VIEWS,
    Item,
    crops_of,
    figures,
    out_of_source,
    result_line,
)
from unmask.data.folder import read_labels
from unmask.data.prepare.prepared import PreparedSet
from unmask.models.encoder import FEATURES, Encoder
from unmask.models.export import features_graph
from unmask.training.networks import build
from unmask.training.sets import part_of
from unmask.training.settings import Settings, changes_of, read_settings

BATCH = 8


def main() -> None:
    """Looks, fits, prints, and adds the lines."""
    asked = _arguments()
    settings = read_settings(asked.config, overrides=changes_of(asked.set))
    looks = Looks(settings, threads=torch.get_num_threads())
    asked.cache.mkdir(parents=True, exist_ok=True)
    train = part_of(asked.data, "train")
    seen = np.concatenate([_of_set(looks, folder / "train", asked.cache) for folder in asked.data])
    items, both = _of_items(looks, asked.samples, settings, asked.cache)

    detail = replace(settings, head=replace(settings.head, strength=asked.difference))

    def scores(rows: np.ndarray, of_items: np.ndarray, recipe: Settings) -> np.ndarray:
        read = [replace(item, features=found) for item, found in zip(items, of_items, strict=True)]
        return out_of_source(train, rows, read, settings=recipe)

    picture = scores(seen[:, 0], both[:, 0], settings)
    difference = scores(seen[:, 0] - seen[:, 1], both[:, 0] - both[:, 1], detail)
    lines = {
        "the picture": (settings, picture),
        "what the detail adds": (detail, difference),
        "the mean of both logits": (settings, (picture + difference) / 2),
    }
    for name, (recipe, found) in lines.items():
        row = result_line(
            recipe, train, figures(items, found), recipe=f"second look: {name}", note=asked.note
        )
        print(f"{name:26s}", *(f"{column} {row[column]}" for column in COLUMNS if row[column]), flush=True)
        if asked.results:
            append(asked.results, [row])


class Looks:
    """Features (n, 2, D) of pictures (n, S, S, 3) uint8: as they are, and at half their resolution."""

    def __init__(self, settings: Settings, *, threads: int) -> None:
        network = build(settings, init="imagenet").eval()
        assert isinstance(network, Encoder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            features_graph(network), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, pictures: list[np.ndarray]) -> np.ndarray:
        return np.stack([self._one_way(pictures), self._one_way([halved(one) for one in pictures])], axis=1)

    def _one_way(self, pictures: list[np.ndarray]) -> np.ndarray:
        parts = []
        for start in range(0, len(pictures), BATCH):
            planes = np.stack(pictures[start : start + BATCH]).transpose(0, 3, 1, 2).astype(np.float32) / 255
            parts.append(self._session.run(None, {"frames": np.ascontiguousarray(planes)})[0])
        return np.concatenate(parts)


def halved(picture: np.ndarray) -> np.ndarray:
    """The picture (S, S, 3) as a camera of half the resolution would have seen it, in its own size."""
    side = picture.shape[0]
    small = cv2.resize(picture, (side // 2, side // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)


def _of_set(looks: Looks, folder: Path, cache: Path) -> np.ndarray:
    """(rows, 2, D) of a prepared set."""
    kept = cache / f"{folder.parent.name}.npy"
    if kept.is_file():
        return np.asarray(np.load(kept))
    prepared = PreparedSet.open(folder)
    frames, size = prepared.spec.frames, prepared.spec.size_px
    parts = []
    for shard in prepared.shards:
        rows = range(len(shard.rows))
        read = [shard.read(k, frames=frames, size_px=size, depth_px=prepared.depth_px)[0] for k in rows]
        parts.append(looks([clip[0] for clip in read]))
    found = np.concatenate(parts)
    np.save(kept, found)
    return found


def _of_items(looks: Looks, samples: Path, settings: Settings, cache: Path) -> tuple[list[Item], np.ndarray]:
    """Both views of the real items, and features (n, 2, D), the mean over frames; NaN without a face."""
    presentations, kept = read_labels(samples), cache / "items.npy"
    items = [Item(one, view, np.empty(0)) for one in presentations for view in VIEWS]
    if kept.is_file():
        return items, np.asarray(np.load(kept))
    unseen = np.full((2, FEATURES), np.nan, np.float32)
    crops = (crops for _, _, crops in crops_of(presentations, spec=settings.clip))
    found = np.stack([looks(faces).mean(axis=0) if faces else unseen for faces in crops])
    np.save(kept, found)
    return items, found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--config", default="encoder.toml")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value of the settings")
    parser.add_argument("--difference", type=float, default=3e-5, help="C of the head on the difference")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--note", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
