"""Methods that learn across domains beside a plain classifier, with seeds, on a simulated benchmark.

    unmask benchmark make --out BENCHMARK
    python -m experiments.across --data BENCHMARK [--steps 60] [--seeds 3] [--work runs] [--out TABLE]

The split is that of the claims: train and dev of three domains, tests on a domain of its own and on three
instruments that are in neither. Each method is trained by its own settings, shortened, on the same clips;
a line is the last weights of one seed, at dev's EER threshold. A line that is there is not made again. No
weights of ImageNet are in the narrow ResNets, so no published figure is to be expected of them.
"""

import argparse
import csv
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from benchmarks.result_lines import append, command, stamp
from unmask import metrics
from unmask.app.claims_sets import data_hash, prepared_sets
from unmask.claims.data import TESTS
from unmask.data.prepare.prepared import PreparedSet
from unmask.training.dev import score_finished
from unmask.training.finish import trained
from unmask.training.loop import train
from unmask.training.settings import Settings, read_settings
from unmask.training.threshold import presentation_scores
from unmask.types import ClipSpec

ENCODED = {"clip.size_px": 128}
DOMAINS = {"arguments.domains": 4}  # three, and what was recorded in none of them
METHODS: Mapping[str, tuple[str, Mapping[str, object]]] = {  # method -> its settings, and what is changed
    "resnet18_s": ("resnet18_s", {}),
    "ssdg_s": ("ssdg_s", DOMAINS),
    "ssan_s": ("ssan_s", DOMAINS),
    "sa_fas_s": ("sa_fas_s", {**DOMAINS, "arguments.align_after": 20}),
    "linear_probe": ("linear_probe", {**ENCODED, "arguments.size_px": 128}),
    "adapters": ("adapters", {**ENCODED, "arguments.size_px": 128}),
    "fghv_e": ("fghv_e", {**ENCODED, "optimiser.schedule": "constant"}),
    "fghv_e, depth head": (
        "fghv_e",
        {**ENCODED, "optimiser.schedule": "constant", "arguments.depth_head": True, "loss.absolute": 0.1},
    ),
}
PRETRAINED = ("linear_probe", "adapters", "fghv_e")
COLUMNS = (
    *("date", "commit", "machine", "data", "method", "steps", "pictures", "seed", "test", "dev_auc", "auc"),
    *("hter", "bona_fide", "attacks", "cpu_s", "command"),
)


def main() -> None:
    """Trains what has no line yet, then prints mean and deviation of each method."""
    asked = _arguments()
    torch.set_num_threads(1)
    sets = prepared_sets(asked.data, asked.work, clip=ClipSpec(size_px=128, box_scale=2.8), jobs=asked.jobs)
    done = {(line["method"], line["seed"], line["test"]) for line in _lines(asked.out)}
    for seed in range(1, asked.seeds + 1):
        for name in METHODS:
            if (name, str(seed), TESTS[0]) not in done:
                append(asked.out, _measured(name, seed, sets, asked), columns=COLUMNS)
    for name in METHODS:
        for test in TESTS:
            own = [row for row in _lines(asked.out) if (row["method"], row["test"]) == (name, test)]
            aucs = [float(row["auc"]) for row in own]
            spread = np.std(aucs, ddof=1) if len(aucs) > 1 else float("nan")
            print(f"{name:20s} {test:12s} AUC {np.mean(aucs):.3f} +- {spread:.3f} over {len(aucs)} seeds")


def _settings(name: str, seed: int, asked: argparse.Namespace) -> Settings:
    config, changes = METHODS[name]
    return read_settings(
        config,
        overrides={
            "run.steps": asked.steps,
            "run.seed": seed,
            "run.save_every": 10**6,
            "run.ema": 0.0,
            "run.loggers": [],
            "batches.size": 24,
            "optimiser.warmup": asked.steps // 6,
            "evaluation.every": 10**6,
            "evaluation.keep": "last",
            "compute.threads": 1,
            "compute.accelerator": "cpu",
            **changes,
        },
    )


def _measured(name: str, seed: int, sets: Path, asked: argparse.Namespace) -> list[dict[str, object]]:
    settings, words = _settings(name, seed, asked), name.replace(", ", "-").replace(" ", "-")
    out = asked.work / "runs" / f"{words}-{asked.steps}-{seed}"
    since = time.process_time()
    train(settings, data=sets, out=out, init="imagenet" if METHODS[name][0] in PRETRAINED else None)
    network, steps = trained(out, settings)
    spent = time.process_time() - since
    found = {}
    for part in ("dev", *TESTS):
        prepared = PreparedSet.open(sets / part)
        bona_fide, attacks = presentation_scores(
            prepared.rows, score_finished(network, prepared, settings).scores
        )
        found[part] = bona_fide, np.concatenate(list(attacks.values()))
    threshold = metrics.eer(*found["dev"]).threshold
    return [
        {
            **stamp(),
            "data": data_hash(asked.data)[:16],
            "method": name,
            "steps": steps,
            "pictures": steps * settings.batches.size,
            "seed": seed,
            "test": test,
            "dev_auc": f"{metrics.auc(*found['dev']):.4f}",
            "auc": f"{metrics.auc(*found[test]):.4f}",
            "hter": f"{metrics.hter(*found[test], threshold=threshold):.4f}",
            "bona_fide": len(found[test][0]),
            "attacks": len(found[test][1]),
            "cpu_s": f"{spent:.0f}",
            "command": command(),
        }
        for test in TESTS
    ]


def _lines(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of `unmask benchmark make`")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="processes that prepare clips")
    parser.add_argument("--work", type=Path, default=Path("out/across"), help="prepared clips and runs")
    parser.add_argument("--out", type=Path, default=Path("results/across.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
