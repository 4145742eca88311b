"""`unmask score`: a labelled folder -> scores.csv, and the rates of ISO/IEC 30107-3 printed with counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from unmask.app.progress import bar, say
from unmask.app.render import console
from unmask.data.folder import read_labels
from unmask.metrics import Estimate, Rate, summarise
from unmask.runtime.detector import Detector
from unmask.runtime.scoring import score_folder, thresholds_of
from unmask.scores import write_scores
from unmask.types import DataError, Score, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask score`."""

    labels: Path | None = None
    out: Path = Path("scores.csv")
    by: str | None = None
    models: tuple[Path, ...] = ()
    point: str = "default"
    precision: str = "f32"
    fps: float = 30.0


def run(folder: Path, wishes: Wishes) -> int:
    """Scores every presentation, writes the table, prints the rates; 0 once all that is done."""
    presentations = read_labels(folder, wishes.labels)
    if wishes.by and not any(wishes.by in presentation.cells() for presentation in presentations):
        known = ", ".join(presentations[0].cells()) or "none"
        raise DataError(f"the labels have no free column {wishes.by}; they have {known}")
    detector = Detector.load(wishes.models or None, point=wishes.point, precision=wishes.precision)
    with bar(f"scoring {folder}") as advance:
        scores = score_folder(
            detector, presentations, root=folder, fps=wishes.fps, tell=complain, progress=advance
        )
    write_scores(wishes.out, scores)
    for title, group in groups(scores, by=wishes.by):
        console().print(table(group, title=title))
        console().print()
    say(f"scores: {wishes.out}")
    return 0


def complain(sentence: str) -> None:
    """A source that could not be read, on stderr."""
    say(f"unmask: {sentence}")


def groups(scores: Sequence[Score], *, by: str | None) -> list[tuple[str, list[Score]]]:
    """All scores, then those of each value of the column `by`."""
    found = [("all", list(scores))]
    values = sorted({score.columns.get(by, "") for score in scores}) if by else []
    for value in values:
        found.append((f"{by}: {value}", [s for s in scores if s.columns.get(by or "", "") == value]))
    return found


def table(scores: Sequence[Score], *, title: str) -> Table:
    """The rates of one group: what, how much, of how many, and the 95 % interval."""
    summary = summarise(scores, thresholds_of(scores))
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    drawn.add_column("figure", header_style="dim")
    for name in ("value", "count", "95 % interval"):
        drawn.add_column(name, justify="right", header_style="dim")
    for name, rate in summary.instruments.items():
        worst = ", the worst" if name == summary.worst_instrument and len(summary.instruments) > 1 else ""
        drawn.add_row(f"APCER {name}{worst}", *_rate(rate))
    drawn.add_row("BPCER", *_rate(summary.bpcer))
    drawn.add_row("ACER", *_estimate(summary.acer, scale=100, unit=" %"))
    drawn.add_row("AUC", *_estimate(summary.auc, scale=1, unit=""))
    living, attacks = summary.bona_fide, summary.attacks
    drawn.add_row("non-responses, bona fide", "", f"{summary.bona_fide_non_responses} of {living}", "")
    drawn.add_row("non-responses, attacks", "", f"{summary.attack_non_responses} of {attacks}", "")
    undecided = sum(score.columns.get("verdict") == Verdict.UNDECIDED for score in scores)
    drawn.add_row("verdict UNDECIDED", "", f"{undecided} of {len(scores)}", "")
    return drawn


def _rate(rate: Rate) -> tuple[str, str, str]:
    if not rate.count:
        return "–", "0 of 0", ""
    interval = f"{100 * rate.low:.1f} to {100 * rate.high:.1f} %"
    return f"{100 * rate.value:.1f} %", f"{rate.errors} of {rate.count}", interval


def _estimate(estimate: Estimate, *, scale: float, unit: str) -> tuple[str, str, str]:
    if not math.isfinite(estimate.value):
        return "–", "", ""
    digits = 1 if unit else 3
    value, low, high = (f"{scale * x:.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    return f"{value}{unit}", "", f"{low} to {high}{unit}"
