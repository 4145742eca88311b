"""Whether a network of clips beats the mean over frames on the frozen encoder: sgtd_e, fghv_e and the head.

    python -m experiments.clips_or_mean SAMPLES --portraits DIR --photographs DIR --backgrounds DIR --out OUT
        [--train 160 --dev 64 --steps 120 --size 224] [--results results/clips_or_mean.csv]

All three learn from the same recordings of photographs as scenes, five frames 0.1 s apart, with hand-held
motion: sgtd_e from the clips, fghv_e and the linear head from single frames. On dev, people apart, and on
the videos among the real items (which none of the three saw) the score is sgtd_e's of the clip, and the mean
over the clip's frames of the two others. Reduced counts: a comparison of the three, not figures of a product.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.result_lines import append, stamp
from unmask import metrics
from unmask.data.folder import read_labels
from unmask.data.prepare.preparation import Cutting, Packing, prepare
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.recordings import Simulations
from unmask.media.assets import imagenet_weights
from unmask.media.clips import choose, cut
from unmask.media.faces import FaceFinder
from unmask.media.sources import open_presentation
from unmask.models.encoder import encoder
from unmask.simulate.photographs import Photographs, load_photographs
from unmask.training.checkpoint import CHECKPOINT
from unmask.training.finish import trained
from unmask.training.head import fit_head
from unmask.training.loop import train
from unmask.training.settings import Settings, read_settings
from unmask.training.simulated import part, part_photographs, room
from unmask.types import ClipSpec, Label, Presentation, Sighting

STRENGTH, ROWS = 1e-4, 10_000
REAL_CLIPS = 6  # of a real video, evenly over it
Score = Callable[[np.ndarray], float]  # a clip (T, S, S, 3) uint8 -> higher is more bona fide


def main() -> None:
    """Makes the sets, trains, measures."""
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    spec = _clip(asked)
    sets = _sets(asked, spec)
    clips = {which: _clips(PreparedSet.open(sets / which)) for which in ("train", "dev")}
    real = _real(asked.samples, spec)
    scores: dict[str, Score] = {
        "mean of the head": _head(*clips["train"], size_px=spec.size_px),
        "mean of fghv_e": _single(_trained("fghv_e", sets, asked)),
        "sgtd_e": _several(_trained("sgtd_e", sets, asked)),
    }
    for name, score in scores.items():
        seen, bona_fide = np.array([score(clip) for clip in clips["dev"][0]]), clips["dev"][1]
        videos = np.array([np.mean([score(clip) for clip in found]) for found, _ in real])
        truths = np.array([truth for _, truth in real])
        row = {
            **stamp(),
            "system": name,
            "train": len(clips["train"][1]),
            "steps": 0 if name.endswith("head") else asked.steps,
            "dev": len(bona_fide),
            "dev_auc": f"{metrics.auc(seen[bona_fide], seen[~bona_fide]):.3f}",
            "real_videos": len(truths),
            "real_auc": f"{metrics.auc(videos[truths], videos[~truths]):.3f}",
        }
        print(row, flush=True)
        append(asked.results, [row])


def _clip(asked: argparse.Namespace) -> ClipSpec:
    """How all three are shown their clips."""
    return read_settings("sgtd_e.toml", overrides={"clip.size_px": asked.size}).clip


def _sets(asked: argparse.Namespace, spec: ClipSpec) -> Path:
    pictures = load_photographs([asked.portraits, asked.photographs], finder=FaceFinder.load())
    rooms = part(sorted(asked.backgrounds.glob("*.jpg")), key=room)
    for number, which in enumerate(("train", "dev")):
        series = Photographs(
            photographs=part_photographs(pictures)[number],
            seed=301 + number,
            backgrounds=rooms[number],
            frames=spec.frames,
            fps=1 / spec.stride_s,
            cache=asked.out / "mattes",
        )
        prepare(
            Simulations(series=series),
            asked.out / "sets" / which,
            count=asked.train if which == "train" else asked.dev,
            cutting=Cutting(clip=spec, seed=1),
            packing=Packing(pictures="png"),
            jobs=1,
        )
    return asked.out / "sets"


def _clips(prepared: PreparedSet) -> tuple[list[np.ndarray], np.ndarray]:
    spec = prepared.spec
    found = [
        shard.read(k, frames=spec.frames, size_px=spec.size_px, depth_px=prepared.depth_px)[0]
        for shard in prepared.shards
        for k in range(len(shard.rows))
    ]
    return found, np.array([row.label is Label.BONA_FIDE for row in prepared.rows])


def _real(folder: Path, spec: ClipSpec) -> list[tuple[list[np.ndarray], bool]]:
    """The clips of each real video, and whether it shows a living face."""
    finder, found = FaceFinder.load(), []
    for presentation in read_labels(folder):
        if presentation.columns.get("media") == "video":
            found.append((_of_video(presentation, finder, spec), presentation.label is Label.BONA_FIDE))
    return [(clips, truth) for clips, truth in found if clips]


def _of_video(presentation: Presentation, finder: FaceFinder, spec: ClipSpec) -> list[np.ndarray]:
    frames = list(open_presentation(presentation).frames)
    times = [frame.time_s for frame in frames]
    last = max(0, len(frames) - round((spec.frames - 1) * spec.stride_s * len(frames) / max(times[-1], 0.1)))
    clips = []
    for start in np.unique(np.linspace(0, max(0, last - 2), REAL_CLIPS).astype(int)):
        chosen = choose(times, spec=spec, start=int(start))
        faces = finder.find(frames[start].image) if chosen else []
        if chosen and faces:
            sightings = [Sighting(frame=frames[number], face=faces[0]) for number in chosen]
            clips.append(cut(sightings, spec=spec).pixels)
    return clips


def _head(clips: Sequence[np.ndarray], bona_fide: np.ndarray, *, size_px: int) -> Score:
    network = encoder(size_px=size_px).eval()
    network.from_imagenet(torch.load(imagenet_weights().path, weights_only=True))

    @torch.inference_mode()
    def features(clip: np.ndarray) -> np.ndarray:
        return network.raw_features(_planes(clip)).numpy()

    seen = [features(clip) for clip in clips]
    rows, labels = np.concatenate(seen), np.repeat(bona_fide, [len(one) for one in seen])
    head = fit_head(rows, labels, weights=np.full(len(labels), ROWS / len(labels)), C=STRENGTH)
    return lambda clip: float(head.logits(features(clip)).mean())


def _trained(name: str, sets: Path, asked: argparse.Namespace) -> tuple[nn.Module, Settings]:
    settings = read_settings(
        f"{name}.toml",
        overrides={
            **({"arguments.size_px": asked.size} if name == "sgtd_e" else {}),  # fghv_e takes any size
            "run.steps": asked.steps,
            "run.save_every": asked.steps,
            "evaluation.every": asked.steps,
            "optimiser.warmup": min(20, asked.steps // 4),
            "batches.size": 8,
            "batches.order": "balanced",  # of all three as fghv_e.toml: half of each batch is bona fide
            "batches.clips_bona_fide": 0,
            "batches.clips_attack": 0,
        },
    )
    settings = replace(settings, clip=_clip(asked))
    out = asked.out / name
    if not (out / CHECKPOINT).is_file():
        train(settings, data=sets, out=out, init="imagenet", progress=_tell)
    return trained(out, settings)[0], settings


def _single(made: tuple[nn.Module, Settings]) -> Score:
    @torch.inference_mode()
    def score(clip: np.ndarray) -> float:
        found = made[0](_planes(clip)[:, None]).score
        return float(torch.logit(found.clamp(1e-6, 1 - 1e-6)).mean())

    return score


def _several(made: tuple[nn.Module, Settings]) -> Score:
    @torch.inference_mode()
    def score(clip: np.ndarray) -> float:
        return float(made[0](_planes(clip)[None]).score[0])

    return score


def _planes(clip: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(clip.transpose(0, 3, 1, 2))).float() / 255


def _tell(done: int, total: int, loss: float) -> None:
    print(f"step {done} of {total}, loss {loss:.4f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    for name in ("portraits", "photographs", "backgrounds", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--train", type=int, default=160)
    parser.add_argument("--dev", type=int, default=64)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("results/clips_or_mean.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
