"""The shipped models over the simulated benchmark, by its protocols: results/simulated_protocols.csv.

    python -m experiments.simulated_protocols BENCHMARK --out results/simulated_protocols.csv

BENCHMARK is a folder that `unmask benchmark make` made. Every recording is scored once, as `unmask score`
does it (and goes on where it was broken off), then split by each protocol and evaluated as `unmask evaluate`
does it. Nothing is trained here: a protocol's train is left out, so what it holds out is unseen by the
threshold, and was or was not seen by the weights as their training data says. One line a protocol, with the
threshold of dev's EER; the smallest ACER that any threshold gives on test stands beside it as the oracle's. A
protocol that this benchmark is too small for has a line that says so.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.result_lines import command, stamp
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.data.catalogue import read_set, split_by
from unmask.detector.scoring import PresentationScorer
from unmask.evaluation.figures import Figure, FigureTable, figure_table
from unmask.evaluation.measure import measure
from unmask.evaluation.runs import runs
from unmask.files import name_below, write_bytes
from unmask.metrics import read_rule
from unmask.plain import as_csv
from unmask.types import DataError, Presentation, Score

NAMES = (
    "oulu-1",
    "oulu-2",
    *(f"domains-{k}" for k in range(1, 5)),
    *(f"types-{k}" for k in range(1, 14)),
)
COLUMNS = (
    *(
        "date",
        "commit",
        "command",
        "machine",
        "seed",
        "benchmark",
        "benchmark_seed",
        "hashes_sha256",
        "model",
    ),
    *("protocol", "dev_bona_fide", "dev_attacks", "test_bona_fide", "test_attacks", "test_without_score"),
    *(
        "threshold_dev_eer",
        "apcer_worst_family",
        "worst_family",
        "apcer_worst_instrument",
        "worst_instrument",
    ),
    *("bpcer", "acer", "acer_low", "acer_high", "auc", "auc_low", "auc_high", "oracle_minimum_acer", "note"),
)


def main() -> None:
    """Scores, splits, evaluates, writes the table."""
    asked = _arguments()
    presentations = read_set("simulated", asked.benchmark)
    entries = [_entry(p, asked.benchmark) for p in presentations]
    scores = write_rows(
        entries,
        PresentationScorer(),
        ScoreOutput(table=asked.scores, jobs=asked.jobs),
        title="scoring every recording",
        protocol="simulated",
    )
    by_path = {p.path: score for p, score in zip(presentations, scores, strict=True)}
    run = _run(asked, model=scores[0].columns["model"])
    lines = []
    for name in NAMES:
        lines.append({**run, "protocol": name, **measured(name, presentations, by_path, asked)})
        print(name, {key: lines[-1].get(key) for key in ("acer", "auc", "oracle_minimum_acer", "note")})
    table = [COLUMNS, *([line.get(column, "") for column in COLUMNS] for line in lines)]
    write_bytes(asked.out, as_csv(table).encode())


def measured(
    name: str,
    presentations: Sequence[Presentation],
    by_path: Mapping[str, Score],
    asked: argparse.Namespace,
) -> dict[str, object]:
    """The figures of one protocol, by column; a note where the benchmark does not carry it."""
    try:
        split, _ = split_by(f"simulated/{name}", presentations)
        rows = [
            replace(by_path[p.path], columns={**by_path[p.path].columns, "split": part, "protocol": name})
            for part in ("dev", "test")
            for p in split.parts()[part]
        ]
        (run,) = runs(rows, name=name)
        found = figure_table(measure(run, read_rule("dev-eer"), seed=asked.seed, rounds=asked.rounds))
    except DataError as lacking:
        return {"note": str(lacking)}
    silent = sum(math.isnan(score.score) for score in run.test)
    return {"test_without_score": silent, **_cells(found)}


def _cells(found: FigureTable) -> dict[str, object]:
    figures = {figure.name: figure for figure in (*found.honest, *found.free)}
    families = {
        name.removeprefix("APCER family "): figure
        for name, figure in figures.items()
        if name.startswith("APCER family ")
    }
    worst = figures["APCER, worst"]
    family = max(families, key=lambda name: families[name].value) if families else worst.detail
    cells: dict[str, object] = {
        "dev_bona_fide": found.dev_counts[0],
        "dev_attacks": found.dev_counts[1],
        "test_bona_fide": found.test_counts[0],
        "test_attacks": found.test_counts[1],
        "threshold_dev_eer": _number(figures["threshold"].value),
        "apcer_worst_family": _number((families.get(family) or worst).value),
        "worst_family": family,
        "apcer_worst_instrument": _number(worst.value),
        "worst_instrument": worst.detail,
        "bpcer": _number(figures["BPCER"].value),
        "oracle_minimum_acer": _number(found.value("ACER", oracle=True)),
    }
    for key in ("ACER", "AUC"):
        cells |= _with_interval(key.lower(), figures[key])
    return cells


def _with_interval(key: str, figure: Figure) -> dict[str, object]:
    numbers = zip((key, f"{key}_low", f"{key}_high"), (figure.value, figure.low, figure.high), strict=True)
    return {name: _number(value) for name, value in numbers}


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""


def _entry(p: Presentation, root: Path) -> Entry:
    columns = {"split": p.split, "protocol": "", "model": "", "dataset": "simulated"}
    return Entry(presentation=p, name=name_below(root, p.path), columns=columns)


def _run(asked: argparse.Namespace, *, model: str) -> dict[str, object]:
    settings = json.loads((asked.benchmark / "benchmark.json").read_text())
    hashes = hashlib.sha256((asked.benchmark / "hashes.csv").read_bytes()).hexdigest()
    return {
        **stamp(),
        "command": command(),
        "seed": asked.seed,
        "benchmark": settings["size"],
        "benchmark_seed": settings["seed"],
        "hashes_sha256": hashes,
        "model": model,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benchmark", type=Path, help="what `unmask benchmark make` made")
    parser.add_argument("--scores", type=Path, default=Path("out/simulated_scores.csv"))
    parser.add_argument("--out", type=Path, default=Path("results/simulated_protocols.csv"))
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--rounds", type=int, default=1000, help="draws of the bootstrap")
    parser.add_argument("--jobs", type=int, default=0, help="processes; 0 is one for each core")
    return parser.parse_args()


if __name__ == "__main__":
    main()
