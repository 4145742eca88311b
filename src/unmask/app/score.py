"""`unmask score`: presentations -> scores.csv, and the rates of ISO/IEC 30107-3 printed with counts.

Of a labelled folder here; of a data set by a protocol in `score_protocol`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from unmask.app.progress import say
from unmask.app.render import console
from unmask.app.score_protocol import score_protocol
from unmask.app.score_rows import Entry, Output, write_rows
from unmask.data.folder import LABELS, read_labels
from unmask.data.prepare.engines import ray_module
from unmask.detector.detector import packaged
from unmask.detector.scoring import PresentationScorer, thresholds_of
from unmask.files import name_below
from unmask.metrics import Estimate, Rate, over, summarise
from unmask.plain import sentence
from unmask.signature import check_signatures
from unmask.types import DataError, Score, SettingsError, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask score`; `jobs` 0 is a process for each core that is worth one.

    `labels` and `by` belong to a labelled folder, `train` to a `protocol`.
    """

    labels: Path | None = None
    out: Path = Path("scores.csv")
    clips: Path | None = None
    evidence: Path | None = None
    protocol: str = ""
    train: bool = False
    by: str | None = None
    worst_of: str = ""  # what the protocol defines
    models: tuple[Path, ...] = ()
    point: str = "default"
    precision: str = "f32"
    fps: float = 30.0
    engine: str = "processes"
    jobs: int = 0
    trust: Path | None = None


def run(sources: Sequence[str], wishes: Wishes) -> int:
    """Scores every presentation, writes the table, prints the rates; 0 once all that is done.

    A source that ends in .onnx is a model, any other a folder, or NAME=FOLDER.
    """
    models = [source for source in sources if source.endswith(".onnx") and not Path(source).is_dir()]
    folders = [source for source in sources if source not in models]
    if not folders:
        raise SettingsError("there is nothing to score; name a folder")
    if wishes.trust:
        check_signatures([*models, *wishes.models] or packaged(), wishes.trust)
    if wishes.engine == "ray":
        ray_module()  # what is missing is said before the work
    scorer = PresentationScorer(
        models=tuple(map(str, (*models, *wishes.models))),
        point=wishes.point,
        precision=wishes.precision,
        fps=wishes.fps,
        evidence=str(wishes.evidence or ""),
    )
    output = Output(table=wishes.out, clips=wishes.clips, engine=wishes.engine, jobs=wishes.jobs)
    if wishes.protocol:
        if wishes.labels or wishes.by:
            raise SettingsError(
                "--labels and --by belong to a labelled folder; leave them out, or --protocol"
            )
        return score_protocol(
            folders,
            wishes.protocol,
            scorer=scorer,
            output=output,
            train=wishes.train,
            worst_of=wishes.worst_of,
        )
    if len(folders) > 1 or wishes.train:
        raise SettingsError(
            "without --protocol, one labelled folder is scored as a whole; "
            f"name one folder and no --train, not {' '.join(folders)}, or a --protocol"
        )
    return _score_labelled(Path(folders[0]), wishes, scorer=scorer, output=output)


def _score_labelled(folder: Path, wishes: Wishes, *, scorer: PresentationScorer, output: Output) -> int:
    presentations = read_labels(folder, wishes.labels)
    if wishes.by and not any(wishes.by in presentation.cells() for presentation in presentations):
        known = ", ".join(presentations[0].cells()) or "none"
        raise DataError(f"the labels have no free column {wishes.by}; they have {known}")
    entries = [Entry(presentation=p, name=name_below(folder, p.path)) for p in presentations]
    lists = [wishes.labels or folder / LABELS]
    scores = write_rows(entries, scorer, output, title=f"scoring {folder}", lists=lists)
    for title, group in groups(scores, by=wishes.by):
        console().print(table(group, title=title, worst_of=wishes.worst_of))
        for hint in summarise(group, thresholds_of(group), rounds=0).hints():
            console().print(Text(hint))
        console().print()
    say(f"scores: {wishes.out}")
    return 0


def groups(scores: Sequence[Score], *, by: str | None) -> list[tuple[str, list[Score]]]:
    """All scores, then those of each value of the column `by`."""
    found = [("all", list(scores))]
    values = sorted({score.columns.get(by, "") for score in scores}) if by else []
    for value in values:
        found.append((f"{by}: {value}", [s for s in scores if s.columns.get(by or "", "") == value]))
    return found


def table(scores: Sequence[Score], *, title: str, worst_of: str = "") -> Table:
    """The rates of one group: what, how much, of how many, and the 95 % interval."""
    summary = summarise(over(scores, worst_of or "instrument"), thresholds_of(scores))
    drawn = Table(
        title=Text(sentence(title)), title_justify="left", title_style="bold", box=None, pad_edge=False
    )
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
