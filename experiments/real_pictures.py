"""Judge the packaged (or given) models on a labelled folder of real pictures; every run adds a line to a CSV.

    python -m experiments.real_pictures SAMPLES --results results/real_pictures.csv --note "why this run"
    [--model FILE ...]

SAMPLES holds labels.csv with the columns path,label,instrument,source. Pictures that were looked at while
settings were chosen are a development set: what is printed here is a development figure, not a test result.
Prints the table of the README in Markdown. Nothing here may be used to train.
"""

import argparse
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.result_lines import append, commit
from unmask.data.folder import read_labels
from unmask.detector.detector import Detector
from unmask.detector.scoring import score_folder, thresholds_of
from unmask.metrics import Rate, Summary, summarise
from unmask.scores import write_scores
from unmask.types import Label, Score, Verdict

COLUMNS = [
    "date",
    "commit",
    "stage",
    "models",
    "sha256",
    "clip",
    "point",
    "precision",
    "auc",
    "acer",
    "apcer_worst",
    "bpcer",
    "print",
    "replay",
    "mask",
    "bona_fide",
    "attacks",
    "non_responses",
    "live",
    "attack",
    "undecided",
    "note",
]


def main() -> None:
    """Scores, prints, and writes the line."""
    asked = _arguments()
    detector = Detector.load(asked.model or None, point=asked.point, precision=asked.precision)
    scores = score_folder(detector, read_labels(asked.samples), root=asked.samples)
    if asked.scores:
        write_scores(asked.scores, scores)
    summary = summarise(scores, thresholds_of(scores))
    print(_markdown(scores, summary))
    append(asked.results, [_line(asked, detector, scores, summary)], columns=COLUMNS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--results", type=Path, default=Path("results/real_pictures.csv"))
    parser.add_argument("--scores", type=Path, help="also write the score table there")
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--point", default="default")
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--note", required=True)
    return parser.parse_args()


def _line(
    asked: argparse.Namespace, detector: Detector, scores: Sequence[Score], summary: Summary
) -> dict[str, object]:
    verdicts = [score.columns.get("verdict") for score in scores]
    contracts = detector.contracts
    return {
        "date": date.today().isoformat(),
        "commit": commit(),
        "stage": "runtime",
        "models": " ".join(c.name for c in contracts),
        "sha256": " ".join(c.payload_sha256[:12] for c in contracts),
        "clip": " ".join(f"{c.clip.frames}x{c.clip.size_px}px x{c.clip.box_scale}" for c in contracts),
        "point": asked.point,
        "precision": asked.precision,
        "auc": round(summary.auc.value, 4),
        "acer": round(summary.acer.value, 4),
        "apcer_worst": round(summary.apcer, 4),
        "bpcer": round(summary.bpcer.value, 4),
        **{name: _of(summary.families.get(name)) for name in ("print", "replay", "mask")},
        "bona_fide": summary.bona_fide,
        "attacks": summary.attacks,
        "non_responses": summary.bona_fide_non_responses + summary.attack_non_responses,
        **{v.value.lower(): verdicts.count(v.value) for v in Verdict},
        "note": asked.note,
    }


def _markdown(scores: Sequence[Score], summary: Summary) -> str:
    """A row a source and instrument with verdict counts; then the rates with their intervals."""
    rows = [
        "| source | truth | n | LIVE | ATTACK | UNDECIDED | no score |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    keys = sorted({(s.columns.get("source", ""), s.label.value, s.instrument) for s in scores})
    for source, label, instrument in keys:
        group = [
            s
            for s in scores
            if (s.columns.get("source", ""), s.label.value, s.instrument) == (source, label, instrument)
        ]
        counts = [sum(s.columns.get("verdict") == v for s in group) for v in ("LIVE", "ATTACK", "UNDECIDED")]
        silent = sum(not math.isfinite(s.score) for s in group)
        truth = "bona fide" if label == Label.BONA_FIDE else instrument
        rows.append(f"| {source} | {truth} | {len(group)} | {' | '.join(map(str, counts))} | {silent} |")
    rates = [f"APCER {name} {_rate(rate)}" for name, rate in summary.families.items()]
    auc, acer = summary.auc, summary.acer
    rates += [
        f"BPCER {_rate(summary.bpcer)}",
        f"ACER {acer.value:.3f} [{acer.low:.3f}, {acer.high:.3f}]",
        f"AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]",
    ]
    return "\n".join(rows) + "\n\n" + "; ".join(rates)


def _rate(rate: Rate) -> str:
    return f"{rate.value:.3f} ({rate.errors} of {rate.count}) [{rate.low:.3f}, {rate.high:.3f}]"


def _of(rate: Rate | None) -> str:
    return f"{rate.errors}/{rate.count}" if rate else ""


if __name__ == "__main__":
    main()
