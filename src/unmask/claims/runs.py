"""One training of the claims, from settings to score tables; a run that was killed goes on."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unmask.claims.data import TESTS
from unmask.claims.settings import VARIANTS, settings_of, systems_of
from unmask.data.prepare.prepared import PreparedSet
from unmask.files import held, write_bytes
from unmask.models.network import TrainableNetwork
from unmask.models.weights import save
from unmask.scores import write_scores
from unmask.training.checkpoint import BEST, CHECKPOINT
from unmask.training.dev import score_finished
from unmask.training.finish import WEIGHTS, trained, unmeasured
from unmask.training.loop import train
from unmask.training.networks import frames_of
from unmask.training.run_folder import SETTINGS
from unmask.training.settings import Settings, to_toml
from unmask.training.verification import combined, standards_of, verify
from unmask.types import Score

DONE = "run.json"  # written last: a run without it is not done
SCORED = ("dev", *TESTS)
COMMAND = "unmask experiment claims"

Scorer = Callable[[PreparedSet], np.ndarray]  # clip scores (n,), in the set's order


def run_folder(out: Path, variant: str, seed: int) -> Path:
    """Where a run lies."""
    return out / "runs" / f"{variant}-{seed}"


def table_of(folder: Path, system: str) -> Path:
    """The score table of a system in the folder of its run."""
    return folder / f"scores-{system}.csv"


def bf16_here() -> bool:
    """Whether this machine multiplies in bf16 at speed; without, float32 is faster."""
    return torch.cuda.is_available() or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def run_variant(
    variant: str,
    *,
    seed: int,
    preset: str,
    steps: int,
    sets: Path,
    out: Path,
    about: Mapping[str, str],
) -> None:
    """Trains, scores dev and both tests, writes a table for each system, and then that the run is done.

    `sets` holds the prepared parts, `out`/runs all runs; `about` goes into the record of the run.
    """
    folder = run_folder(out, variant, seed)
    settings = settings_of(variant, preset=preset, seed=seed, steps=steps, bf16=bf16_here())
    with held(folder):  # a worker whose parent was killed may still be at it
        _run(variant, settings, sets=sets, folder=folder, out=out, about=about)


def _run(
    variant: str,
    settings: Settings,
    *,
    sets: Path,
    folder: Path,
    out: Path,
    about: Mapping[str, str],
) -> None:
    started, cpu, seed = time.monotonic(), time.process_time(), settings.run.seed
    resume = (folder / CHECKPOINT).is_file() and _same_settings(folder, settings)
    if not resume:  # killed before its first checkpoint, or of other settings
        for name in (DONE, SETTINGS, CHECKPOINT, BEST):
            (folder / name).unlink(missing_ok=True)
    start = VARIANTS[variant].start
    init = None if resume or not start else run_folder(out, start, seed) / WEIGHTS
    train(settings, data=sets, out=folder, resume=resume, init=init)
    network, done = trained(folder, settings)
    save(folder / WEIGHTS, network, unmeasured(settings, command=COMMAND))
    took = {"train_s": time.monotonic() - started, "train_cpu_s": time.process_time() - cpu}
    for system, (way, _) in systems_of(variant).items():
        scorer = SCORERS[way](network, sets, settings)
        rows = [row for part in SCORED for row in _scored(PreparedSet.open(sets / part), part, scorer)]
        write_scores(table_of(folder, system), [_of(row, system=system, seed=seed) for row in rows])
    took |= {"all_s": time.monotonic() - started, "all_cpu_s": time.process_time() - cpu}
    record = {
        "variant": variant,
        "seed": seed,
        "systems": {system: words for system, (_, words) in systems_of(variant).items()},
        "network": settings.run.network,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "steps": done,
        "images": done * settings.batches.size * frames_of(network, settings.clip),
        "resumed": resume,
        **{name: round(value, 1) for name, value in took.items()},
        **about,
    }
    write_bytes(folder / DONE, json.dumps(record, indent=1).encode())


def is_done(out: Path, variant: str, seed: int, *, preset: str, steps: int) -> bool:
    """Whether that run is there, whole, and of these settings; one of others is made anew."""
    folder = run_folder(out, variant, seed)
    settings = settings_of(variant, preset=preset, seed=seed, steps=steps, bf16=bf16_here())
    return (folder / DONE).is_file() and _same_settings(folder, settings)


def _same_settings(folder: Path, settings: Settings) -> bool:
    written = folder / SETTINGS
    return written.is_file() and written.read_bytes() == to_toml(settings).encode()


def _scored(prepared: PreparedSet, part: str, scorer: Scorer) -> list[Score]:
    """A row for each presentation of the part: the mean of its clips; NaN where none could be cut."""
    values = scorer(prepared)
    clips: dict[str, list[float]] = {}
    for row, value in zip(prepared.rows, values, strict=True):
        clips.setdefault(row.name, []).append(float(value))
    return [
        Score(
            presentation=outcome.presentation,
            score=float(np.mean(clips.get(outcome.name, [np.nan]))),
            columns={"split": "dev" if part == "dev" else "test", "part": part},
        )
        for shard in prepared.shards
        for outcome in shard.outcomes
    ]


def _of(row: Score, *, system: str, seed: int) -> Score:
    return replace(row, columns={**row.columns, "model": f"{system} seed {seed}"})


def _own_score(network: TrainableNetwork, sets: Path, settings: Settings) -> Scorer:
    """In the precision of the training: a third of the time of float32, the same for all systems."""
    bf16 = settings.compute.precision == "bf16-mixed"
    if bf16:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def score(prepared: PreparedSet) -> np.ndarray:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return score_finished(network, prepared, settings).scores

    return score


def _ghvm(network: TrainableNetwork, sets: Path, settings: Settings) -> Scorer:
    return lambda prepared: -verify(network, prepared).delta_kl


def _both(network: TrainableNetwork, sets: Path, settings: Settings) -> Scorer:
    """FHVM's score less variance and delta-KL, on the scale that bona fide clips of training have."""
    by, _ = standards_of(network, PreparedSet.open(sets / "train"))
    return lambda prepared: combined(verify(network, prepared), by)


SCORERS: dict[str, Callable[[TrainableNetwork, Path, Settings], Scorer]] = {
    "": _own_score,
    "ghvm": _ghvm,
    "both": _both,
}
