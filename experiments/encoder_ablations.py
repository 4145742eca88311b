"""What the frozen encoder and the crop kept inside the picture are worth, on real items and on simulated dev.

    python -m experiments.encoder_ablations SAMPLES --portraits DIR --backgrounds DIR --out OUT
        [--train 1200 --dev 320 --steps 200 --size 224] [--results results/encoder_ablations.csv]

Every run learns from the same recapture pairs of portraits, no real item among them, so that all real items
are unseen; they are judged whole and cut tight (experiments/out_of_source.py). The runs: the frozen encoder
with the crop kept inside the picture; the same with the crop that is padded at the border, in training and
in use; the encoder fine-tuned as a whole, and the same network from nothing, both with a linear head on its
last means, for `--steps` steps of 16 pictures. A run that is in --results is not repeated.
"""

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.result_lines import append, stamp
from experiments.out_of_source import DRAWS, Item, crops_of, figures
from unmask import metrics
from unmask.data.folder import read_labels
from unmask.data.prepare.preparation import Cutting, Packing, prepare
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.recordings import Simulations
from unmask.media.assets import imagenet_weights
from unmask.media.faces import FaceFinder
from unmask.models.encoder import encoder, one_way
from unmask.simulate.photographs.files import load_photographs
from unmask.simulate.recapture import Recaptures
from unmask.training.head import fit_head
from unmask.training.simulated import part, part_photographs, room
from unmask.types import ClipSpec, Label

RUNS = ("frozen", "frozen, padded crop", "fine-tuned", "from nothing")
BATCH, RATE, STRENGTH = 16, 3e-4, 1e-4
Judge = Callable[[np.ndarray], np.ndarray]  # pictures (n, S, S, 3) uint8 -> logits (n,)
COLUMNS = ("auc", "auc_interval", "auc_whole", "auc_tight", "bpcer", "apcer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """`pixels` (n, S, S, 3) uint8 and `bona_fide` (n,)."""

    pixels: np.ndarray
    bona_fide: np.ndarray


class Tuned(nn.Module):
    """The encoder's network with one linear head on its last means; frames (N, 3, S, S) -> logits (N,)."""

    def __init__(self, *, size_px: int, published: bool) -> None:
        super().__init__()
        whole = encoder(size_px=size_px)
        if published:
            whole.from_imagenet(torch.load(imagenet_weights().path, weights_only=True))
        self.net = whole.backbone.net.requires_grad_(True)
        self.head = nn.Linear(1280, 1)

    def forward(self, frames: Tensor) -> Tensor:
        return self.head(self.net((frames * 255 - 127) / 128)[1].mean(dim=(2, 3)))[:, 0]


def main() -> None:
    """Makes the sets, runs what is not in the results yet."""
    asked = _arguments()
    torch.set_num_threads(1)
    done = set()
    if asked.results.exists():
        with asked.results.open(newline="", encoding="utf-8") as file:
            done = {row["run"] for row in csv.DictReader(file)}
    for run in (run for run in RUNS if run not in done):
        spec = ClipSpec(
            frames=1,
            size_px=asked.size,
            box_scale=2.8,
            border="repeat" if "padded" in run else "inside",
        )
        train, dev = (_pictures(asked, spec, which) for which in ("train", "dev"))
        judge = _frozen(train, asked) if run.startswith("frozen") else _tuned(train, asked, run)
        line = figures(*_real(asked.samples, spec, judge))
        seen = judge(dev.pixels)
        _write(asked, run, line, simulated=metrics.auc(seen[dev.bona_fide], seen[~dev.bona_fide]))
        print(run, line, flush=True)


def _pictures(asked: argparse.Namespace, spec: ClipSpec, which: str) -> Pictures:
    """The set of that crop, made where it is not there yet."""
    out = asked.out / spec.border / which
    everyone = load_photographs([asked.portraits], finder=FaceFinder.load())
    rooms = sorted(asked.backgrounds.glob("*.jpg"))
    number = ("train", "dev").index(which)
    series = Recaptures(
        bases=part_photographs(everyone)[number], seed=11 + number, rooms=part(rooms, key=room)[number]
    )
    count = asked.train if which == "train" else asked.dev
    cutting, packing = Cutting(clip=spec, seed=11), Packing(pictures="png")
    prepare(Simulations(series=series), out, count=count, cutting=cutting, packing=packing, jobs=1)
    made = PreparedSet.open(out)
    pixels = [
        shard.read(k, frames=1, size_px=spec.size_px, depth_px=made.depth_px)[0][0]
        for shard in made.shards
        for k in range(len(shard.rows))
    ]
    bona_fide = np.array([row.label is Label.BONA_FIDE for row in made.rows])
    return Pictures(pixels=np.stack(pixels), bona_fide=bona_fide)


def _frozen(train: Pictures, asked: argparse.Namespace) -> Judge:
    network = encoder(size_px=asked.size).eval()
    network.from_imagenet(torch.load(imagenet_weights().path, weights_only=True))

    @torch.inference_mode()
    def features(pixels: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [network.raw_features(_planes(pixels[at : at + 8])).numpy() for at in range(0, len(pixels), 8)]
        )

    count = len(train.bona_fide)
    head = fit_head(
        features(train.pixels), train.bona_fide, weights=np.full(count, 10_000 / count), C=STRENGTH
    )
    return lambda pixels: head.logits(features(pixels))


def _tuned(train: Pictures, asked: argparse.Namespace, run: str) -> Judge:
    torch.manual_seed(1)
    network = Tuned(size_px=asked.size, published=run == "fine-tuned")
    network.train(run != "fine-tuned")  # published statistics stay, or else they are learnt
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=asked.steps)
    rng = np.random.default_rng(1)
    for step in range(asked.steps):
        chosen = rng.integers(0, len(train.bona_fide), BATCH)
        frames = _planes(train.pixels[chosen])
        frames = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, frames, frames.flip(-1))
        truth = torch.from_numpy(train.bona_fide[chosen]).float()
        loss = nn.functional.binary_cross_entropy_with_logits(network(frames), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 20 == 19:
            print(f"{run}: step {step + 1} of {asked.steps}, loss {float(loss):.3f}", flush=True)
    network.eval()

    @torch.inference_mode()
    def judge(pixels: np.ndarray) -> np.ndarray:
        parts = [network(one_way(_planes(pixels[at : at + 8]))[0]).numpy() for at in range(0, len(pixels), 8)]
        return np.concatenate(parts)

    return judge


def _planes(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def _real(folder: Path, spec: ClipSpec, judge: Judge) -> tuple[list[Item], np.ndarray]:
    """Both views of all items and their logits, of video the mean over its frames; NaN without a face."""
    items, scores = [], []
    for presentation, view, crops in crops_of(read_labels(folder), spec=spec):
        scores.append(float(judge(np.stack(crops)).mean()) if crops else np.nan)
        items.append(Item(presentation, view, np.full(1, scores[-1])))
    return items, np.array(scores)


def _write(asked: argparse.Namespace, run: str, line: dict[str, str], *, simulated: float) -> None:
    row = {
        **stamp(),
        "run": run,
        **{name: line[name] for name in COLUMNS},
        "simulated_dev": f"{simulated:.3f}",
        "note": f"{asked.train} pictures of pairs, {asked.size} px; {asked.steps} steps where tuned; "
        f"{DRAWS} draws of sources",
    }
    append(asked.results, [row])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--train", type=int, default=1200)
    parser.add_argument("--dev", type=int, default=320)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--results", type=Path, default=Path("results/encoder_ablations.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
