"""Make the weights that the package ships: simulate, train both stages, leave the files in OUT.

    python benchmarks/shipped_weights.py --portraits DIR --heads FILE --backgrounds DIR --out OUT
    [--train 6000 --dev 400 --seed 1 --start WEIGHTS --steps N --rate R]

`--start` names single-frame weights to begin from, say those of an easier simulator; what is shipped is then
the average of them and of what was trained. Killed at any point, the same command goes on where it was.
`--licences` names a CSV with the columns source,licence for the contract (the part of a portrait's name
before "_" is its source).
"""

import argparse
import csv
import os
import shlex
import sys
from collections import Counter
from pathlib import Path

from unmask.app.precision import add_bf16_points
from unmask.contract import TrainingData
from unmask.data.prepared import PreparedSet
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.simulate.heads import load_heads
from unmask.simulate.make import Series
from unmask.simulate.subjects import load_portraits
from unmask.training.checkpoint import CHECKPOINT
from unmask.training.finish import WEIGHTS, finish
from unmask.training.loop import train
from unmask.training.settings import Settings, read_settings
from unmask.training.simulated import Amounts, prepare_simulated

STAGES = (("single", "sgtd_s_single.toml"), ("multi", "sgtd_s_multi.toml"))


def main() -> None:
    """Simulates and trains."""
    asked = _arguments()
    backgrounds = sorted(p for p in asked.backgrounds.iterdir() if p.suffix.lower() in SUFFIXES)
    portraits = tuple(load_portraits(asked.portraits, finder=FaceFinder.load()))
    sets = prepare_simulated(
        asked.out / "sets",
        series=Series(
            portraits=portraits,
            heads=load_heads(asked.heads),
            backgrounds=tuple(backgrounds),
            seed=asked.seed,
            hd_share=0.08,
            small_share=0.5,
            cache=asked.out / "cache",
        ),
        amounts=Amounts(train=asked.train, dev=asked.dev),
        spec=read_settings(STAGES[0][1]).clip,
        jobs=os.cpu_count() or 1,
        progress=lambda name, done, total: print(f"{name}: {done} of {total} shards", flush=True),
    )
    licences = _licences(asked.licences)
    sources = Counter(portrait.name.partition("_")[0] for portrait in portraits)
    sources["backgrounds"], sources["heads"] = len(backgrounds), 1
    material = [
        TrainingData(name=name, licence=licences.get(name, "not recorded"), items=count)
        for name, count in sorted(sources.items())
    ]
    init = asked.start
    for name, preset in STAGES:
        changes = {}
        if init is asked.start and asked.start is not None:
            changes = {"run.steps": asked.steps, "optimiser.rate": asked.rate}
        settings = read_settings(preset, overrides=changes)
        start = asked.start if changes else None
        init = _stage(asked.out / name, settings, sets=sets, init=init, start=start, material=material)


def _stage(
    run: Path,
    settings: Settings,
    *,
    sets: Path,
    init: Path | None,
    start: Path | None,
    material: list[TrainingData],
) -> Path:
    if not (run / WEIGHTS).is_file():
        resume = (run / CHECKPOINT).is_file()
        train(settings, data=sets, out=run, init=None if resume else init, resume=resume, progress=_tell)
        command = shlex.join(["python", *sys.argv])
        finished = finish(run, data=sets, training_data=material, command=command, start=start)
        dev = PreparedSet.open(sets / "dev")
        add_bf16_points(finished.model, finished.weights, dev=dev, settings=settings.evaluation)
    return run / WEIGHTS


def _tell(done: int, total: int, loss: float) -> None:
    print(f"step {done} of {total}, loss {loss:.4f}", flush=True)


def _licences(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["source"]: row["licence"] for row in csv.DictReader(file)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--heads", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--licences", type=Path)
    parser.add_argument("--train", type=int, default=6000)
    parser.add_argument("--dev", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights of a single-frame network")
    parser.add_argument("--steps", type=int, default=2000, help="of the first stage, with --start")
    parser.add_argument("--rate", type=float, default=7e-4, help="of the first stage, with --start")
    return parser.parse_args()


if __name__ == "__main__":
    main()
