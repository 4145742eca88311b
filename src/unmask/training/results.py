"""What a run came to: error rates of its best and its last weights, and their mean over seeds.

Thresholds are those of the EER on dev. Rates of test at thresholds that were chosen on test itself stand in
rows of their own: "oracle" has the smallest ACER that any threshold gives there, "test-eer" is at the EER of
test. No system could have known either. APCER is the worst of what the protocol defines.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from unmask import metrics
from unmask.data.prepare.prepared import PreparedSet, protocol_of
from unmask.data.protocols import PROTOCOLS
from unmask.files import write_bytes
from unmask.models.network import TrainableNetwork
from unmask.plain import active, as_table
from unmask.training import checkpoint as checkpoints
from unmask.training.checkpoint import BEST, CHECKPOINT
from unmask.training.dev import score_finished
from unmask.training.networks import build
from unmask.training.run_folder import SETTINGS
from unmask.training.sets import Folders, folders_of, has_part, part_of
from unmask.training.settings import Settings, read_settings
from unmask.training.threshold import presentation_scores

RESULTS = "results.csv"
SUMMARY = "summary.csv"
FIGURES = ("auc", "eer", "acer", "bpcer", "worst_apcer")
Key = tuple[str, str, str]  # weights, part, threshold_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rates over presentations of a `part`, "dev" or "test", with the `weights` "best" (on dev) or "last"."""

    weights: str
    step: int
    part: str
    threshold_from: str  # "dev", "oracle" or "test-eer"
    threshold: float
    auc: float
    eer: float
    acer: float
    bpcer: float
    worst_apcer: float
    worst_instrument: str
    bona_fide: int
    attacks: int
    worst_of: str = "instrument"  # or "family"


def write_results(out: Path, *, data: Folders, scored: Callable[[int], None] | None = None) -> list[Result]:
    """Scores dev, and test where there is one, with the best and the last weights of the run in `out`.

    `scored` is told of clips as they are scored.
    """
    settings = read_settings(out / SETTINGS)
    parts = {part: part_of(data, part) for part in ("dev", "test") if has_part(data, part)}
    worst = worst_of(settings, data)
    found: list[Result] = []
    for weights, name in (("best", BEST), ("last", CHECKPOINT)):
        state = checkpoints.read(out / name)
        network = build(settings, init=None)
        network.load_state_dict(state.average or state.network)
        found += _of_weights(
            network.eval(),
            parts,
            settings,
            worst=worst,
            weights=weights,
            step=state.history.step,
            scored=scored,
        )
    write_bytes(out / RESULTS, as_table(list(asdict(found[0])), map(asdict, found)).encode())
    return found


def read_results(out: Path) -> list[Result]:
    """What `write_results` wrote."""
    kinds = get_type_hints(Result)
    with (out / RESULTS).open(newline="", encoding="utf-8") as file:
        return [
            Result(**{name: kinds[name](active(cell)) for name, cell in row.items()})
            for row in csv.DictReader(file)
        ]


def write_summary(out: Path, runs: Mapping[int, Sequence[Result]]) -> list[dict[str, object]]:
    """Mean and standard deviation (n - 1) of each figure over the runs, seed -> results."""
    values: dict[Key, dict[str, list[float]]] = {}
    for results in runs.values():
        for result in results:
            key = (result.weights, result.part, result.threshold_from)
            for figure in FIGURES:
                values.setdefault(key, {}).setdefault(figure, []).append(float(getattr(result, figure)))
    rows: list[dict[str, object]] = [
        {
            "weights": weights,
            "part": part,
            "threshold_from": threshold_from,
            "figure": figure,
            "mean": float(np.mean(numbers)),
            "deviation": float(np.std(numbers, ddof=1)) if len(numbers) > 1 else float("nan"),
            "seeds": " ".join(map(str, runs)),
            "values": " ".join(f"{number:.6g}" for number in numbers),
        }
        for (weights, part, threshold_from), of_figures in values.items()
        for figure, numbers in of_figures.items()
    ]
    write_bytes(out / SUMMARY, as_table(list(rows[0]), rows).encode())
    return rows


def worst_of(settings: Settings, data: Folders) -> str:
    """What APCER is the worst of: as the settings say, or as the protocol that the clips were prepared by."""
    if settings.evaluation.worst != "protocol":
        return settings.evaluation.worst
    rows = [PROTOCOLS.get(protocol_of(folder)) for folder in folders_of(data)]
    return "family" if all(row is not None and row.worst == "family" for row in rows) else "instrument"


def _of_weights(
    network: TrainableNetwork,
    parts: Mapping[str, PreparedSet],
    settings: Settings,
    *,
    worst: str,
    weights: str,
    step: int,
    scored: Callable[[int], None] | None,
) -> list[Result]:
    found: list[Result] = []
    threshold = float("nan")
    for part, prepared in parts.items():
        scores = score_finished(network, prepared, settings, scored=scored).scores
        bona_fide, attacks = presentation_scores(prepared.rows, scores)
        if worst == "family":
            attacks = metrics.families(attacks)
        own = metrics.eer(bona_fide, np.concatenate(list(attacks.values()))).threshold
        ways = {"dev": own if part == "dev" else threshold}
        if part != "dev":
            ways |= {"oracle": metrics.minimum_acer(bona_fide, attacks).threshold, "test-eer": own}
        threshold = ways["dev"]
        for way, at in ways.items():
            rates = _rates(bona_fide, attacks, at) | {"worst_of": worst}
            found.append(Result(weights=weights, step=step, part=part, threshold_from=way, **rates))
    return found


def _rates(bona_fide: np.ndarray, attacks: Mapping[str, np.ndarray], threshold: float) -> dict[str, Any]:
    pooled = np.concatenate(list(attacks.values()))
    accepted = metrics.apcer(attacks, threshold)
    worst = max(accepted, key=lambda instrument: accepted[instrument])
    return {
        "threshold": threshold,
        "auc": metrics.auc(bona_fide, pooled),
        "eer": metrics.eer(bona_fide, pooled).rate,
        "acer": metrics.acer(bona_fide, attacks, threshold=threshold),
        "bpcer": metrics.bpcer(bona_fide, threshold),
        "worst_apcer": accepted[worst],
        "worst_instrument": worst,
        "bona_fide": len(bona_fide),
        "attacks": len(pooled),
    }
