"""Which of FGHV's inferred settings matter: one short run for each, on simulated domains kept apart.

    unmask prepare simulated BENCHMARK --protocol simulated/domains-1 --clip-size 128 --clip-scale 2.8
    --out SETS
    python -m experiments.fghv_sweep --data SETS [--steps 200] [--seed 1] [--out results/fghv_sweep.csv]

SETS holds prepared sets in train, dev and test; the test domain is in neither of the others, so that neither
weights nor thresholds have seen it. Each run changes one setting of `fghv_s.toml`. A run is scored on dev and
test by FHVM, by both modules and by each alone; the threshold of HTER is dev's EER. A line is written when
its run is done, and a run that has one is left out, so that a sweep that was broken off goes on. The settings
to keep are those of the best dev AUC; test is in the table to see whether dev chose well.
"""

import argparse
import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.result_lines import append, command, stamp
from unmask import metrics
from unmask.data.prepare.prepared import PreparedSet
from unmask.training.finish import trained
from unmask.training.loop import train
from unmask.training.sets import Sets
from unmask.training.settings import Settings, read_settings
from unmask.training.threshold import presentation_scores
from unmask.training.trainer import TrainingError
from unmask.training.verification import HypothesisEvidence, by_presentation, combined, standards_of, verify

RUNS: Mapping[str, Mapping[str, Any]] = {
    "as inferred": {},
    "tau 0.05": {"arguments.tau": 0.05},
    "tau 0.2": {"arguments.tau": 0.2},
    "variance 0.1": {"loss.variance": 0.1},
    "variance 10": {"loss.variance": 10.0},
    "variance of both": {"loss.variance_of": "both"},
    "distribution 0.1": {"loss.distribution": 0.1},
    "RGB alone": {"arguments.channels": 3},
    "10 latent vectors": {"arguments.draws": 10},
    "hinge": {"loss.relative_form": "hinge"},
    "linear": {"loss.relative_form": "linear"},
    "no margin of DDC": {"loss.distribution_margin": 1.0, "loss.collapse": 0.0},
}
SCORES = ("both", "fhvm", "variance", "delta_kl")
COLUMNS = (
    *("date", "commit", "machine", "data", "seed", "steps", "run", "changed", "seconds", "collapse"),
    *(f"{part}_auc_{name}" for part in ("dev", "test") for name in SCORES),
    *("test_hter_both", "test_hter_fhvm", "test_presentations", "note", "command"),
)


def main() -> None:
    """Trains what has no line yet; prints the lines by their dev AUC."""
    asked = _arguments()
    done = {key for line in _lines(asked.out) if (key := _key(line))}
    for name in asked.runs:
        line = _identity(name, asked)
        if _key(line) not in done:
            line |= _measured(name, asked)
            append(asked.out, [line], columns=COLUMNS)
            print(name, {key: value for key, value in line.items() if "auc" in key or "hter" in key})
    ours = [line for line in _lines(asked.out) if line["dev_auc_fhvm"] and _same_sweep(line, asked)]
    for line in sorted(ours, key=lambda line: -float(line["dev_auc_fhvm"])):
        print(f"dev AUC {line['dev_auc_fhvm']} (FHVM), test {line['test_auc_fhvm']}: {line['run']}")


def _measured(name: str, asked: argparse.Namespace) -> dict[str, object]:
    out = asked.work / f"{name.replace(' ', '-')}-{asked.steps}-{asked.seed}"
    settings = _settings(name, asked)
    since = time.perf_counter()
    try:
        train(settings, data=asked.data, out=out, resume=(out / "checkpoint.safetensors").is_file())
    except TrainingError as stopped:
        return {"note": str(stopped).replace(str(out), "RUN"), "seconds": _seconds(since)}
    network, _ = trained(out, settings)
    sets = Sets.open(asked.data)
    parts = {"dev": sets.dev, "test": PreparedSet.open(asked.data / "test")}
    found = {part: by_presentation(one.rows, verify(network, one)) for part, one in parts.items()}
    by, _ = standards_of(network, sets.train, most=100)
    cells: dict[str, object] = {"seconds": _seconds(since), "test_presentations": len(found["test"][0])}
    rates = {}
    for part in ("dev", "test"):
        rows, evidence = found[part]
        for score, values in _scores(evidence, combined(evidence, by)).items():
            bona_fide, attacks = presentation_scores(rows, values)
            pooled = np.concatenate(list(attacks.values()))
            rates[part, score] = (bona_fide, pooled)
            cells[f"{part}_auc_{score}"] = f"{metrics.auc(bona_fide, pooled):.4f}"
    for score in ("both", "fhvm"):
        threshold = metrics.eer(*rates["dev", score]).threshold
        bona_fide, pooled = rates["test", score]
        hter = ((bona_fide < threshold).mean() + (pooled >= threshold).mean()) / 2
        cells[f"test_hter_{score}"] = f"{hter:.4f}"
    return cells | {"collapse": _collapse(network)}


def _scores(evidence: HypothesisEvidence, both: np.ndarray) -> dict[str, np.ndarray]:
    columns = (both, evidence.fhvm, -evidence.variance, -evidence.delta_kl)
    return dict(zip(SCORES, columns, strict=True))


def _collapse(network: Any) -> str:
    """Mean cosine of two features that the finished network makes up for real faces."""
    from unmask.models.fghv.hypotheses import collapse

    return f"{float(collapse(network.generate(network.latents)[0].detach())):.4f}"


def _settings(name: str, asked: argparse.Namespace) -> Settings:
    overrides = {
        "run.steps": asked.steps,
        "run.seed": asked.seed,
        "run.save_every": max(1, asked.steps // 4),
        "evaluation.every": asked.steps,
        "optimiser.warmup": min(100, asked.steps // 10),
        "compute.threads": asked.threads,
    }
    return read_settings("fghv_s.toml", overrides={**overrides, **RUNS[name]})


def _identity(name: str, asked: argparse.Namespace) -> dict[str, object]:
    return {
        **stamp(),
        "data": asked.data.name,
        "seed": asked.seed,
        "steps": asked.steps,
        "run": name,
        "changed": "; ".join(f"{key} = {value}" for key, value in RUNS[name].items()),
        "command": command(),
    }


def _key(line: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(line[column]) for column in ("data", "seed", "steps", "run"))


def _same_sweep(line: Mapping[str, str], asked: argparse.Namespace) -> bool:
    return _key(line)[:3] == (asked.data.name, str(asked.seed), str(asked.steps))


def _lines(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _seconds(since: float) -> str:
    return f"{time.perf_counter() - since:.0f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="prepared sets in train, dev and test")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", nargs="+", choices=list(RUNS), default=list(RUNS), help="all if not given")
    parser.add_argument("--work", type=Path, default=Path("out/fghv_sweep"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path("results/fghv_sweep.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
