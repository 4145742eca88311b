"""Make the weights that the package ships: simulate, train both stages, leave the files in OUT.

    python -m experiments.shipped_weights --portraits DIR --heads FILE --backgrounds DIR --out OUT
    [--pictures 6000 --clips 1500 --dev 400 --seed 1 --jobs N --preset s|m]
    [--only sets|single|multi|finish ...] [--start WEIGHTS] [--licences FILE]

Stage 1 learns from pictures, one frame of each recording, stage 2 from clips of five; dev has other people
and rooms. An interrupted command is resumed when it is given again. The parts of --only may run on
different machines: sets and training on one with a GPU (without OpenVINO, where the portraits' meshes were
cached beside them), `finish`, which measures the operating points on dev, on any. Training may start while
the sets still grow; killed and started again it sees what has been added. What is shipped is, with `--start`
(say, weights of an easier simulator), the average of those weights and of what was trained. `--licences`
names a CSV with the columns source,licence for the contract (the part of a portrait's name before "_" is its
source).
"""

import argparse
import csv
import json
import os
import shlex
import sys
from collections import Counter
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from unmask.contract import TrainingData
from unmask.data.prepare.preparation import Cutting, prepare
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.recordings import Simulations
from unmask.media.images import SUFFIXES
from unmask.models.weights import save
from unmask.simulate.people.heads import load_heads
from unmask.simulate.people.subjects import Portrait, load_portraits
from unmask.simulate.series import Series
from unmask.training import checkpoint as checkpoints
from unmask.training.checkpoint import CHECKPOINT
from unmask.training.finish import finish, trained, unmeasured
from unmask.training.loop import train
from unmask.training.run_folder import SETTINGS
from unmask.training.settings import Settings, read_settings
from unmask.training.simulated import DEV_FRAMES, part, person, room

STAGES = ("single", "multi")
SETS = {"single": "pictures", "multi": "clips"}  # what each stage learns from
PARTS = ("sets", *STAGES, "finish")
HD_SHARE, SMALL_SHARE = 0.3, 0.15  # of the recordings: 1280 x 720, and a window of 256 x 256


def main() -> None:
    """Simulates and trains."""
    asked = _arguments()
    if "sets" in asked.only:
        _simulate(asked)
    for name in STAGES:
        if name in asked.only:
            _train(asked, name)
        if "finish" in asked.only:
            _finish(asked, name)


def _simulate(asked: argparse.Namespace) -> None:
    """OUT/dev, OUT/pictures and OUT/clips, no person or room of dev in the others."""
    everything = Series(
        portraits=_portraits(asked.portraits),
        heads=load_heads(asked.heads),
        backgrounds=tuple(_backgrounds(asked)),
        seed=asked.seed,
        hd_share=HD_SHARE,
        small_share=SMALL_SHARE,
        cache=asked.out / "cache",
    )
    people, others = part(everything.portraits, key=person)
    rooms, other_rooms = part(everything.backgrounds, key=room)
    train = replace(everything, portraits=people, backgrounds=rooms)
    dev = replace(everything, portraits=others, backgrounds=other_rooms, seed=asked.seed + 1)
    clip = _settings(asked, "multi").clip
    for name, source, count, cutting in (
        ("dev", replace(dev, frames=DEV_FRAMES), asked.dev, Cutting(clip=clip, seed=dev.seed)),
        (
            "pictures",
            replace(train, frames=1),
            asked.pictures,
            Cutting(clip=replace(clip, frames=1), seed=train.seed, cuts=2),
        ),
        ("clips", replace(train, seed=train.seed + 2), asked.clips, Cutting(clip=clip, seed=train.seed)),
    ):
        prepare(
            Simulations(series=source),
            asked.out / name,
            count=count,
            cutting=cutting,
            jobs=asked.jobs,
            progress=partial(_shards, name),
        )


def _both(out: Path, stage: str) -> Path:
    """A folder with the stage's train and dev."""
    both = out / f"{stage}-sets"
    both.mkdir(parents=True, exist_ok=True)
    for name, of in (("train", SETS[stage]), ("dev", "dev")):
        if not (both / name).is_symlink():
            (both / name).symlink_to((out / of).resolve(), target_is_directory=True)
    return both


def _settings(asked: argparse.Namespace, stage: str) -> Settings:
    changes = {key: json.loads(value) for key, _, value in (one.partition("=") for one in asked.set)}
    both = {key: value for key, value in changes.items() if key.partition(".")[0] not in STAGES}
    own = {key.partition(".")[2]: value for key, value in changes.items() if key.startswith(f"{stage}.")}
    return read_settings(f"sgtd_{asked.preset}_{stage}.toml", overrides=both | own)


def _train(asked: argparse.Namespace, stage: str) -> None:
    run, settings = asked.out / stage, _settings(asked, stage)
    resume = (run / CHECKPOINT).is_file()
    if resume and checkpoints.read(run / CHECKPOINT).history.step >= settings.run.steps:
        return
    if not resume:
        (run / SETTINGS).unlink(missing_ok=True)  # of a run that was killed before its first checkpoint
    start = asked.start if stage == "single" else _backbone(asked)
    init = None if resume else start
    train(settings, data=_both(asked.out, stage), out=run, init=init, resume=resume, progress=_tell)


def _backbone(asked: argparse.Namespace) -> Path:
    """Weights that stage 2 begins from: those that stage 1 ships, before `finish` has measured them, too."""
    run, settings = asked.out / "single", _settings(asked, "single")
    network, _ = trained(run, settings, start=asked.start)
    save(run / "backbone.safetensors", network, unmeasured(settings))
    return run / "backbone.safetensors"


def _finish(asked: argparse.Namespace, name: str) -> None:
    settings, start = _settings(asked, name), asked.start if name == "single" else None
    licences = _licences(asked.licences)
    sources = Counter(portrait.name.partition("_")[0] for portrait in _portraits(asked.portraits))
    sources["backgrounds"], sources["heads"] = len(_backgrounds(asked)), 1
    material = [
        TrainingData(name=source, licence=licences.get(source, "not recorded"), items=count)
        for source, count in sorted(sources.items())
    ]
    command = shlex.join(["python", *sys.argv])
    sets = _both(asked.out, name)
    finished = finish(asked.out / name, data=sets, training_data=material, command=command, start=start)
    if finished.uncalibrated:
        raise SystemExit(finished.uncalibrated)
    from unmask.app.precision import add_bf16_points  # only here: it needs OpenVINO

    add_bf16_points(
        finished.model, finished.weights, dev=PreparedSet.open(sets / "dev"), settings=settings.evaluation
    )


@cache  # reading them all takes ten seconds, and three parts want them
def _portraits(folder: Path) -> tuple[Portrait, ...]:
    """Their meshes from the cache beside them; or found, where the face models are at hand."""
    try:
        from unmask.media.faces import FaceFinder

        finder = FaceFinder.load()
    except ModuleNotFoundError:
        finder = None
    return tuple(load_portraits(folder, finder=finder))


def _backgrounds(asked: argparse.Namespace) -> list[Path]:
    return sorted(p for p in asked.backgrounds.iterdir() if p.suffix.lower() in SUFFIXES)


def _shards(name: str, done: int, total: int) -> None:
    print(f"{name}: {done} of {total} shards", flush=True)


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
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--clips", type=int, default=1500)
    parser.add_argument("--dev", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--preset", choices=["s", "m"], default="s", help="the narrow one, or that for a GPU")
    parser.add_argument("--start", type=Path, help="weights of a single-frame network to begin from")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value, or stage.section.key=value")
    return parser.parse_args()


if __name__ == "__main__":
    main()
