"""`unmask score`: a labelled folder -> scores.csv, and the rates of ISO/IEC 30107-3 printed with counts."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from unmask.app.progress import bar, say
from unmask.app.render import console
from unmask.data.folder import read_labels
from unmask.media.files import write_bytes
from unmask.metrics import Estimate, Rate, Summary, summarise
from unmask.runtime.detector import Detector
from unmask.runtime.scoring import score_folder
from unmask.types import DataError, Score

COLUMNS = ("presentation", "subject", "label", "instrument", "score")


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
    if wishes.by and wishes.by not in presentations[0].columns:
        known = ", ".join(presentations[0].columns) or "none"
        raise DataError(f"the labels have no free column {wishes.by}; they have {known}")
    detector = Detector.load(wishes.models or None, point=wishes.point, precision=wishes.precision)
    with bar(f"scoring {folder}") as advance:
        scores = score_folder(detector, presentations, fps=wishes.fps, progress=advance)
    write_bytes(wishes.out, scores_csv(scores).encode())
    threshold = detector.contracts[-1].point(wishes.point, precision=wishes.precision).threshold
    for title, group in groups(scores, by=wishes.by):
        console().print(table(summarise(group, threshold), title=title))
        console().print()
    say(f"scores: {wishes.out}")
    return 0


def scores_csv(scores: Sequence[Score]) -> str:
    """The table that reports read; NaN is a failure to acquire.

    >>> from unmask.types import Label
    >>> row = Score(presentation="a.jpg", label=Label.ATTACK, instrument="print/a4", score=0.25)
    >>> print(scores_csv([row]), end="")
    presentation,subject,label,instrument,score
    a.jpg,,attack,print/a4,0.25
    """
    free = list(dict.fromkeys(name for score in scores for name in score.columns if name not in COLUMNS))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *free])
    for score in scores:
        fixed = [score.presentation, score.subject, score.label.value, score.instrument, f"{score.score:.6g}"]
        writer.writerow([*fixed, *(score.columns.get(name, "") for name in free)])
    return text.getvalue()


def groups(scores: Sequence[Score], *, by: str | None) -> list[tuple[str, list[Score]]]:
    """All scores, then those of each value of the column `by`."""
    found = [("all", list(scores))]
    values = sorted({score.columns.get(by, "") for score in scores}) if by else []
    return found + [
        (f"{by}: {value}", [s for s in scores if s.columns.get(by or "", "") == value]) for value in values
    ]


def table(summary: Summary, *, title: str) -> Table:
    """The rates of one group: what, how much, of how many, and the 95 % interval."""
    drawn = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False
    )
    drawn.add_column("figure")
    drawn.add_column("value", justify="right")
    drawn.add_column("count", justify="right")
    drawn.add_column("95 % interval", justify="right")
    for name, rate in summary.instruments.items():
        worst = " (worst)" if name == summary.worst_instrument and len(summary.instruments) > 1 else ""
        drawn.add_row(f"APCER {name}{worst}", *_rate(rate))
    drawn.add_row("BPCER", *_rate(summary.bpcer))
    drawn.add_row("ACER", *_estimate(summary.acer, percent=True))
    drawn.add_row("AUC", *_estimate(summary.auc, percent=False))
    silent = summary.bona_fide_non_responses + summary.attack_non_responses
    drawn.add_row("non-responses", "", f"{silent} of {summary.bona_fide + summary.attacks}", "")
    drawn.add_row(
        "", "", f"bona fide {summary.bona_fide_non_responses}, attacks {summary.attack_non_responses}", ""
    )
    return drawn


def _rate(rate: Rate) -> tuple[str, str, str]:
    if not rate.count:
        return "–", "0 of 0", ""
    return (
        f"{100 * rate.value:.1f} %",
        f"{rate.errors} of {rate.count}",
        f"{100 * rate.low:.1f} to {100 * rate.high:.1f} %",
    )


def _estimate(estimate: Estimate, *, percent: bool) -> tuple[str, str, str]:
    if not math.isfinite(estimate.value):
        return "–", "", ""
    if percent:
        return f"{100 * estimate.value:.1f} %", "", f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} %"
    return f"{estimate.value:.3f}", "", f"{estimate.low:.3f} to {estimate.high:.3f}"
