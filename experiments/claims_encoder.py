"""The claims of the papers again, on the frozen encoder of ImageNet: what is trained stands on its maps.

    python -m experiments.claims_encoder SAMPLES --sets SETS --out OUT [--seeds 3] [--frames 3200]
        [--results results --docs docs/claims_encoder.md] [--report-only]

SETS are those of experiments/claims_encoder_sets.py, SAMPLES is the folder of real items. Every frame of the
sets, and its mirror image in training, is looked at once; what the encoder sees is kept in OUT/seen, so that
a training moves nothing but what stands on it, in minutes. All variants of a family see the same number of
frames with the same optimiser, and start from the same clips in the same order. Each run leaves a table of
scores and a record as those of `unmask experiment claims` do; a run that is there is not made again. The
tables, figures and page come of what is there.
"""

import argparse
import hashlib
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch

from experiments.claims_encoder_scoring import fitted_linear, scored
from experiments.claims_encoder_seen import PARTS, Seen, seen_of
from experiments.claims_encoder_training import begin_from, trained
from experiments.claims_encoder_variants import CLAIMED, VARIANTS, frames_a_step
from experiments.claims_encoder_words import HEAD, METHOD
from unmask.app.claims_report import report
from unmask.claims.runs import DONE, run_folder, table_of
from unmask.files import write_bytes
from unmask.models.encoder import FEATURES
from unmask.scores import write_scores
from unmask.training.run_folder import commit
from unmask.training.settings import Settings, read_settings


def main() -> None:
    """Trains what is not done, and writes the page."""
    asked = _arguments()
    torch.set_num_threads(1)
    if not asked.report_only:
        _all_runs(asked)
    report(
        asked.out,
        claims=CLAIMED,
        results=asked.results,
        docs=asked.docs,
        rounds=1000,
        name="claims_encoder",
        head=HEAD,
        method=METHOD,
    )


def _all_runs(asked: argparse.Namespace) -> None:
    """Looks at everything once, then trains seed by seed."""
    seen = {
        part: seen_of(part, sets=asked.sets, samples=asked.samples, kept=asked.out / "seen") for part in PARTS
    }
    for seed in range(1, asked.seeds + 1):
        for name in VARIANTS:
            folder = run_folder(asked.out, name, seed)
            if not (folder / DONE).is_file():
                _run(name, seed, seen, folder, asked)
                print(f"{name}, seed {seed}", flush=True)


def _settings(name: str, seed: int, asked: argparse.Namespace) -> Settings:
    variant = VARIANTS[name]
    steps = (asked.faces if variant.family == "fghv" else asked.frames) // frames_a_step(variant)
    of_single = {"loss.absolute": 1.0, "loss.contrast": 0.5, "loss.binary": 0.0}
    base = "fghv_e.toml" if variant.family == "fghv" else "sgtd_e.toml"
    return read_settings(
        base,
        overrides={
            "run.seed": seed,
            "run.steps": steps,
            "optimiser.warmup": max(1, steps // 10),
            **(of_single if variant.family == "single" else {}),
            **variant.changes,
        },
    )


def _run(name: str, seed: int, seen: Mapping[str, Seen], folder: Path, asked: argparse.Namespace) -> None:
    started, cpu, variant = time.monotonic(), time.process_time(), VARIANTS[name]
    steps = frames = parameters = 0
    if variant.family == "linear":
        tables = fitted_linear(seen)
        parameters = FEATURES + 1
    else:
        settings = _settings(name, seed, asked)
        torch.manual_seed(seed)
        network = variant.build()
        if variant.start:
            begin_from(network, run_folder(asked.out, variant.start, seed), variant)
        losses = trained(network, variant, seen["train"], settings)
        steps, parameters = settings.run.steps, sum(one.numel() for one in network.parameters())
        frames = steps * frames_a_step(variant)
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), folder / "weights.pt")
        write_bytes(folder / "losses.json", json.dumps([round(loss, 5) for loss in losses]).encode())
        tables = scored(network, variant, seen)
    for system, parts in tables.items():
        rows = [
            replace(row, score=float(score), columns={**row.columns, "model": f"{system} seed {seed}"})
            for part, scores in parts.items()
            for row, score in zip(seen[part].rows, scores, strict=True)
        ]
        write_scores(table_of(folder, system), rows)
    took = {"train_s": time.monotonic() - started, "train_cpu_s": time.process_time() - cpu}
    record = {
        "variant": name,
        "seed": seed,
        "systems": dict(variant.systems),
        "network": {"linear": "encoder", "fghv": "fghv_e"}.get(variant.family, "sgtd_e"),
        "parameters": parameters,
        "steps": steps,
        "images": frames,
        **{key: round(value, 1) for key, value in took.items()},
        "command": shlex.join(["python", "-m", "experiments.claims_encoder", *_words()]),
        "commit": commit()[:7],
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} shared cores",
        "date": date.today().isoformat(),
        "data_sha256": _sha256(asked.sets),
        "preset": "encoder",
    }
    write_bytes(folder / DONE, json.dumps(record, indent=1).encode())


def _sha256(sets: Path) -> str:
    """SHA-256 over the indices of all shards, which hold the hash of every clip."""
    found = hashlib.sha256()
    for index in sorted(sets.glob("*/shard-*.json")):
        found.update(index.read_bytes())
    return found.hexdigest()


def _words() -> list[str]:
    """What was asked, paths by their last part alone."""
    return [Path(word).name if "/" in word else word for word in sys.argv[1:]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--docs", type=Path, default=Path("docs/claims_encoder.md"))
    parser.add_argument("--report-only", action="store_true", help="train nothing")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=3200, help="frames a training of depth sees")
    parser.add_argument("--faces", type=int, default=19_200, help="faces a training of FGHV sees")
    return parser.parse_args()


if __name__ == "__main__":
    main()
