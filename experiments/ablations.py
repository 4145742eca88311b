"""Which part of the simulator does what? Short trainings without one part each, judged where none trained.

    python -m experiments.ablations --portraits DIR --backgrounds DIR --out OUT [--heads FILE] [--samples DIR]
    [--runs full ...] [--train 800] [--test 320] [--steps 500] [--seed 1] [--start WEIGHTS]

Each run simulates a set, trains the narrow single-frame network on it for a short budget, and scores a test
set of the full simulator with people, rooms, cameras and a seed that no run trains on, cut as the run cuts.
With --samples the real pictures beside it, by real_pictures.py: a line there, too. Real pictures are a
development set: their figures choose nothing but what is simulated. A run that is done is not done again; a
killed one goes on. With --start all runs begin from those single-frame weights, at a third of the rate: from
scratch a few hundred steps of the full simulator teach nothing that could be taken away. About six minutes a
run on two idle cores. Every run adds a line to the results.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.result_lines import append, command, stamp
from unmask import metrics
from unmask.data.prepare.preparation import Cutting, prepare
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.recordings import Simulations
from unmask.evaluation.leakage import area, area_interval
from unmask.files import write_bytes
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.models.weights import load
from unmask.scores import read_scores
from unmask.simulate.camera.models import MODELS
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.head_model import load_heads
from unmask.simulate.people.subjects import load_portraits
from unmask.simulate.series import Series
from unmask.training.checkpoint import CHECKPOINT
from unmask.training.dev import score_set
from unmask.training.finish import MODEL, WEIGHTS, finish
from unmask.training.loop import train
from unmask.training.settings import Settings, read_settings
from unmask.training.simulated import part, person, room
from unmask.types import ClipSpec, Label

PRESET = "sgtd_s_single.toml"
HELD_OUT = ("old-phone", "terminal")  # cameras of the test set alone
TRAINED = tuple(sorted(set(MODELS) - set(HELD_OUT)))
DONE = "line.json"


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What a run leaves out: `changes` of the series, the crop's `box_scale`."""

    changes: dict[str, Any] = field(default_factory=dict)
    box_scale: float = 2.8


RUNS: dict[str, Ablation] = {
    "full": Ablation(),
    "without matching": Ablation(changes={"matched": False}),
    "without moire": Ablation(changes={"moire": False}),
    "without context": Ablation(box_scale=1.3),
    "tighter crop": Ablation(box_scale=2.0),
    "without masks": Ablation(
        changes={"instruments": tuple(name for name in INSTRUMENTS if not name.startswith("mask/"))}
    ),
    "one camera": Ablation(changes={"cameras": ("laptop-webcam",)}),
}
FAMILIES = ("print", "replay", "mask", "makeup", "partial")
COLUMNS = [
    "date",
    "commit",
    "machine",
    "run",
    "box_scale",
    "steps",
    "train",
    "test",
    "seed",
    "auc",
    "low",
    "high",
]
COLUMNS += [
    *FAMILIES,
    "eer",
    "real_auc",
    *(f"real_{name}" for name in FAMILIES[:3]),
    "real_pictures",
    "command",
]


def main() -> None:
    """Runs what is not done yet."""
    asked = _arguments()
    torch.set_num_threads(asked.jobs)
    everything = _series(asked)
    for name in asked.runs:
        out = asked.out / name.replace(" ", "-")
        if (out / DONE).is_file():
            print(f"{name}: done before, see {out / DONE}")
            continue
        line = run(name, everything, out=out, asked=asked)
        append(asked.results, [line], columns=COLUMNS)
        write_bytes(out / DONE, json.dumps(line).encode())
        print(
            ", ".join(f"{key} {line[key]}" for key in ("run", "auc", *FAMILIES, "real_auc") if key in line),
            flush=True,
        )


def run(name: str, everything: Series, *, out: Path, asked: argparse.Namespace) -> dict[str, object]:
    """The line of one run; its sets, checkpoint and model stay in `out`."""
    settings = _settings(RUNS[name], asked)
    sets = _sets(RUNS[name], everything, out=out, asked=asked, clip=settings.clip)
    trained = out / "run"
    if not (trained / WEIGHTS).is_file():
        resume = (trained / CHECKPOINT).is_file()
        init = None if resume else asked.start
        train(settings, data=sets, out=trained, resume=resume, init=init, progress=_tell)
        finish(trained, data=sets, training_data=(), command=command())
    line: dict[str, object] = {
        **stamp(),
        "run": name,
        "box_scale": RUNS[name].box_scale,
        "steps": asked.steps,
        "train": asked.train,
        "test": asked.test,
        "seed": asked.seed,
        "command": command(),
    }
    pictures = {} if asked.samples is None else _on_pictures(name, trained / MODEL, asked, into=out)
    return line | _on_test(trained / WEIGHTS, PreparedSet.open(sets / "dev"), settings) | pictures


def _sets(
    ablation: Ablation, everything: Series, *, out: Path, asked: argparse.Namespace, clip: ClipSpec
) -> Path:
    """`out`/sets: in train the run's own set, in dev the test set that all runs of that crop share."""
    people, others = part(everything.portraits, key=person)
    rooms, other_rooms = part(everything.backgrounds, key=room)
    if not people or not others:
        raise SystemExit(f"{len(everything.portraits)} portraits cannot be parted; give more")
    test = replace(
        everything, portraits=others, backgrounds=other_rooms, cameras=HELD_OUT, seed=asked.seed + 1
    )
    own = replace(everything, portraits=people, backgrounds=rooms, cameras=TRAINED)
    own = replace(own, **ablation.changes)
    shared = asked.out / f"test-x{ablation.box_scale}"
    cutting = Cutting(clip=clip, seed=asked.seed, every_s=1 / everything.fps)
    prepare(Simulations(series=test), shared, count=asked.test, cutting=cutting, jobs=asked.jobs)
    sets = out / "sets"
    sets.mkdir(parents=True, exist_ok=True)
    if not (sets / "dev").exists():
        (sets / "dev").symlink_to(shared.resolve(), target_is_directory=True)
    twice = replace(cutting, cuts=2)
    prepare(Simulations(series=own), sets / "train", count=asked.train, cutting=twice, jobs=asked.jobs)
    return sets


def _on_test(weights: Path, test: PreparedSet, settings: Settings) -> dict[str, object]:
    """AUC on the test set with its interval over subjects, and of each family."""
    network, _ = load(weights)
    device = torch.device("cpu")
    scored = score_set(network, test, frames=1, size=32, settings=settings.loss, device=device).scores
    attack = np.array([row.label is Label.ATTACK for row in test.rows])
    subjects = np.array([row.subject for row in test.rows])
    low, high = area_interval(-scored, attack, subjects)
    families = np.array([row.family for row in test.rows])
    return {
        "auc": round(float(area(-scored, attack)), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "eer": round(metrics.eer(scored[~attack], scored[attack]).rate, 4),
    } | _by_family(scored, families, prefix="")


def _on_pictures(name: str, model: Path, asked: argparse.Namespace, *, into: Path) -> dict[str, object]:
    """AUC on the real pictures; real_pictures.py adds its line."""
    table = into / "scores.csv"
    note = f"ablation, {name}: {asked.steps} steps on {asked.train} recordings; not a choice"
    words = [
        sys.executable,
        "-m",
        "experiments.real_pictures",
        asked.samples,
        "--model",
        model,
        "--scores",
        table,
        "--note",
        note,
    ]
    words += ["--results", asked.pictures_results]
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    scores = [score for score in read_scores(table) if math.isfinite(score.score)]
    values = np.array([score.score for score in scores])
    attack = np.array([score.label is Label.ATTACK for score in scores])
    families = np.array([score.family for score in scores])
    found: dict[str, object] = {
        "real_auc": round(float(area(-values, attack)), 4),
        "real_pictures": len(scores),
    }
    return found | _by_family(values, families, prefix="real_", names=FAMILIES[:3])


def _by_family(
    scores: np.ndarray, families: np.ndarray, *, prefix: str, names: Sequence[str] = FAMILIES
) -> dict[str, object]:
    """AUC of each family that is there."""
    found: dict[str, object] = {}
    for name in names:
        kept = np.isin(families, ["", name])
        if (families == name).any():
            found[prefix + name] = round(float(area(-scores[kept], families[kept] == name)), 4)
    return found


def _settings(ablation: Ablation, asked: argparse.Namespace) -> Settings:
    changes = {
        "clip.frames": 1,
        "clip.box_scale": ablation.box_scale,
        "run.steps": asked.steps,
        "run.seed": asked.seed,
        "run.save_every": 100,
        "optimiser.warmup": min(100, asked.steps // 5),
        "evaluation.every": asked.steps,
        "batches.size": min(32, asked.train),
        "compute.threads": asked.jobs,
    }
    if asked.start is not None:
        changes["optimiser.rate"] = 7e-4
    return read_settings(PRESET, overrides=changes)


def _series(asked: argparse.Namespace) -> Series:
    portraits = load_portraits(asked.portraits, finder=FaceFinder.load())
    backgrounds = sorted(p for p in asked.backgrounds.iterdir() if p.suffix.lower() in SUFFIXES)
    return Series(
        portraits=tuple(portraits),
        heads=load_heads(asked.heads) if asked.heads else None,
        backgrounds=tuple(backgrounds),
        seed=asked.seed,
        frames=1,
        cache=asked.out / "cache",
    )


def _tell(done: int, total: int, loss: float) -> None:
    print(f"step {done} of {total}, loss {loss:.4f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--heads", type=Path)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=Path, help="real pictures with labels.csv")
    parser.add_argument("--runs", nargs="*", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--train", type=int, default=800, help="recordings a run, four clips of each")
    parser.add_argument("--test", type=int, default=320)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights that every run begins from")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=Path("results/ablations.csv"))
    parser.add_argument("--pictures-results", type=Path, default=Path("results/real_pictures.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
