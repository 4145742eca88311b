"""The default model, MiniFASNet's published networks, their fusion, and one head on the features of both.

    python -m experiments.second_opinion SAMPLES MINIFASNET.pth MINIFASNET.pth --scores OURS.csv
        [--model encoder.onnx] [--data SET [SET ...] --config encoder.toml --cache FILE]
        [--results results/second_opinion.csv]

OURS.csv is what `experiments/out_of_source.py --scores` wrote: the logit of each real item, whole and tight,
by a head that saw nothing of its source. The fusion is the product's: half of our calibrated log-odds and
half of theirs, where all of their crop lies in the picture, and less of theirs where it does not. With
--data, the mean of our heads and one on the 128 features of the 2.7 network is fitted, too, out of source, to
prepared pictures: that network sees our crop, which is what is prepared, and the 4.0 network cannot be.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.result_lines import append, stamp
from experiments.out_of_source import (
    CPU,
    VIEWS,
    Item,
    face_of,
    figures,
    frames_looked_at,
    out_of_source,
    real_items,
)
from unmask.contract import Contract
from unmask.data.folder import read_labels
from unmask.data.prepare.prepared import PreparedSet
from unmask.detector.detector import model_paths
from unmask.detector.fusion import seen_share
from unmask.detector.model_file import read_file
from unmask.detector.odds import log_odds
from unmask.evaluation.adapt import map_line
from unmask.media.clips import cut, cut_picture
from unmask.media.faces import FaceFinder
from unmask.models.baselines.minifasnet import EMBEDDING
from unmask.models.encoder import Encoder
from unmask.models.silentface import SHARE, SIDE, SilentFace, published_contract, read_published
from unmask.training.features import features_of
from unmask.training.head import FeatureGroup
from unmask.training.networks import build
from unmask.training.sets import part_of
from unmask.training.settings import changes_of, read_settings
from unmask.types import Frame, Sighting

COLUMNS = ("auc", "auc_interval", "auc_whole", "auc_tight", "auc_print", "auc_replay", "auc_mask")
RATES = ("bpcer", "apcer", "bpcer_whole", "apcer_whole", "bpcer_tight", "apcer_tight")


def main() -> None:
    """Scores, fuses, prints, writes."""
    asked = _arguments()
    torch.set_num_threads(1)
    network, files = read_published(asked.files)
    contract = published_contract(files)
    items = [
        Item(presentation, view, np.zeros(1)) for presentation in read_labels(asked.samples) for view in VIEWS
    ]
    theirs, seen = their_log_odds(items, network, contract)
    ours = our_log_odds(items, asked.scores, asked.model)
    share = SHARE * seen
    rows = {"unmask": ours, "MiniFASNet": theirs, "fusion": (1 - share) * ours + share * theirs}
    if asked.data:
        rows["one head on both (2.7 network)"] = joint(asked, network)
    for name, scores in rows.items():
        line = figures(items, scores)
        print(name, line, flush=True)
        if asked.results:
            _write(asked.results, name, line)


def their_log_odds(
    items: Sequence[Item], network: SilentFace, contract: Contract
) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated log-odds (n,) and how much of the wanted crops is seen (n,), the mean over frames; NaN
    without a face.
    """
    finder, found = FaceFinder.load(), []
    assert contract.score_map is not None
    for item in items:
        scores, seen = [], []
        for number, frame in enumerate(frames_looked_at(item.presentation)):
            image, face = face_of(frame, finder, tight=item.view == "tight")
            if face is None:
                continue
            clip = cut([Sighting(frame=Frame(image, 0.0, number), face=face)], spec=contract.clip)
            views = [_planes(one.pixels)[None] for one in (clip, *clip.views)]
            seen.append(seen_share(clip, contract))
            with torch.inference_mode():
                scores.append(float(network(views[0], None, *views[1:]).score[0]))
        odds = log_odds(contract.score_map(float(np.mean(scores)))) if scores else np.nan
        found.append((odds, float(np.mean(seen)) if seen else np.nan))
    log_odds_of, shares = np.array(found).T
    return log_odds_of, shares


def our_log_odds(items: Sequence[Item], table: Path, model: str) -> np.ndarray:
    """Calibrated log-odds (n,) of the raw logits in the table, by the map of the shipped file."""
    with table.open(newline="", encoding="utf-8") as file:
        known = {(row["path"], row["view"]): float(row["logit"]) for row in csv.DictReader(file)}
    (path,) = model_paths(model)
    score_map = read_file(path)[1].score_map
    slope, offset = (1.0, 0.0) if score_map is None else map_line(score_map)
    return np.array([slope * known[item.presentation.path, item.view] + offset for item in items])


def joint(asked: argparse.Namespace, network: SilentFace) -> np.ndarray:
    """Logits (n,) of one head on both networks' features, out of source."""
    settings = read_settings(asked.config, overrides=changes_of(asked.set))
    encoder = build(settings, init="imagenet").eval()
    assert isinstance(encoder, Encoder)
    train = part_of(asked.data, "train")
    features = np.hstack([features_of(encoder, train, device=CPU), _second_features(train, network)])
    own = real_items(asked.samples, encoder, spec=train.spec, cache=asked.cache)
    finder, both = FaceFinder.load(), []
    for item in own:
        crops = []
        for frame in frames_looked_at(item.presentation):
            image, face = face_of(frame, finder, tight=item.view == "tight")
            if face is not None:
                clip = cut([Sighting(frame=Frame(image, 0.0, 0), face=face)], spec=train.spec)
                crops.append(clip.pixels[0])
        seen = _look(network, crops).mean(axis=0) if crops else np.full(EMBEDDING, np.nan)
        both.append(Item(item.presentation, item.view, np.concatenate([item.features, seen])))
    theirs = FeatureGroup(EMBEDDING, settings.head.strength)
    return out_of_source(train, features, both, settings=settings, further=[theirs])


def _second_features(train: PreparedSet, network: SilentFace) -> np.ndarray:
    parts = []
    for shard in train.shards:
        pictures = [
            shard.read(k, frames=1, size_px=train.spec.size_px, depth_px=train.depth_px)[0][0]
            for k in range(len(shard.rows))
        ]
        parts.append(_look(network, pictures))
    return np.concatenate(parts)


@torch.inference_mode()
def _look(network: SilentFace, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Features (n, 128) of the first network, which is shown 80 x 80 px, blue first, 0 to 255."""
    side = np.array([0, 0, *pictures[0].shape[1::-1]], float)
    small = np.stack([cut_picture(picture, side, size_px=SIDE, sampling="linear") for picture in pictures])
    return network.networks[0](_planes(small)[:, [2, 1, 0]] * 255)[0].numpy()


def _planes(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def _write(path: Path, name: str, line: dict[str, str]) -> None:
    row = {**stamp(), "system": name}
    row |= {column: line[column] for column in (*COLUMNS, *RATES)}
    append(path, [row])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--model", default="default", help="whose score map calibrates ours")
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--config", default="encoder.toml")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value of the settings")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--results", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
