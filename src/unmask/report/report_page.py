"""Systems -> one HTML file that a third party can read: what was tested, how, the figures with their counts
and intervals, where it breaks, and what none of it shows. No scripts, no links outside, pictures within.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from markupsafe import Markup

from unmask.contract import Contract
from unmask.evaluation.measure import FEW, Evaluation, epochs
from unmask.evaluation.slices import slices
from unmask.metrics import Estimate, Rate
from unmask.report import charts
from unmask.report.galleries import NO_EVIDENCE, Gallery, KeptEvidence, galleries, mapped
from unmask.report.outcomes import number
from unmask.report.plain_page import template
from unmask.report.planes import decision_plane, tsne
from unmask.report.published import PublishedRow, names
from unmask.types import Label, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a system was tested, as far as its files say.

    `table` and `sha256` of the score file; `contracts` of the models; `settings` of the run; `data` rows of
    (data set or source, licence, presentations). `evidence` None where none was given.
    """

    table: str
    sha256: str
    contracts: tuple[Contract, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    data: tuple[tuple[str, str, int], ...] = ()
    evidence: KeptEvidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the page shows; `provenance` is that of each system, in order; `stress` is HTML of our own.

    `beside`: published rows that those of the systems stand below.
    """

    systems: tuple[Evaluation, ...]
    provenance: tuple[Provenance, ...]
    notes: tuple[str, ...]
    by: tuple[str, ...] = ()
    beside: tuple[PublishedRow, ...] = ()
    stress: str = ""
    title: str = ""
    seed: int = 0


def page(report: Report, *, made_at: datetime) -> str:
    """The page as text; the same report and time give the same page. Needs matplotlib (SettingsError)."""
    charts.need_matplotlib()
    systems = [
        _system(system, provenance, report, anchor=f"system-{n}")
        for n, (system, provenance) in enumerate(zip(report.systems, report.provenance, strict=True), start=1)
    ]
    return template("report_page.html.j2", number, share, interval, counted, estimate).render(
        title=report.title or ", ".join(system.name for system in report.systems),
        systems=systems,
        worst_of=charts.kind_of(report.systems),
        notes=report.notes,
        det=charts.det(report.systems),
        roc=charts.roc(report.systems),
        epochs=[(_epoch(last), _epoch(best)) for last, best in epochs(report.systems)],
        beside=_beside(report),
        stress=Markup(report.stress),
        few_count=FEW,
        made_at=made_at.strftime("%Y-%m-%d %H:%M"),
        version=version("unmask"),
    )


def _beside(report: Report) -> dict[str, Any]:
    """Published rows, and those of the systems under the same figures; empty without `beside`."""
    if not report.beside:
        return {}
    shown = names(report.beside)
    rows = [(row.method, [row.figures.get(name, "") for name in shown], row.source) for row in report.beside]
    own = [(system.name, [_printed(system, name) for name in shown]) for system in report.systems]
    return {"protocol": report.beside[0].protocol, "figures": shown, "rows": rows, "own": own}


def _printed(system: Evaluation, name: str) -> str:
    """A figure in per cent, as papers print it; "" where there is none."""
    found = system.shown
    if found is None:
        return ""
    values = {
        "APCER": found.apcer,
        "BPCER": found.bpcer.value,
        "ACER": found.acer.value,
        "HTER": found.hter.value,
        "AUC": found.auc.value,
        "EER": found.eer.value,
    }
    return f"{100 * values[name]:.2f}" if np.isfinite(values[name]) else ""


def share(found: Rate | None, *, digits: int = 1) -> str:
    """A rate in per cent; a dash where nothing was counted.

    >>> share(Rate(errors=1, count=8, value=0.125, low=0.0, high=0.5)), share(None)
    ('12.5 %', '–')
    """
    return f"{100 * found.value:.{digits}f} %" if found and found.count else "–"


def interval(found: Rate | Estimate | None, *, scale: float = 100.0, digits: int | None = None) -> str:
    """Its 95 % interval, in per cent or as it is with `scale` 1."""
    if found is None or not np.isfinite(found.low):
        return ""
    if digits is None:
        digits = 1 if scale == 100 else 3
    return f"{scale * found.low:.{digits}f} to {scale * found.high:.{digits}f}"


def counted(found: Rate | None) -> str:
    """Errors of all, e.g. "3 of 40"."""
    return f"{found.errors} of {found.count}" if found and found.count else "0 of 0"


def estimate(found: Estimate | None, *, scale: float = 100.0) -> str:
    """A number in per cent, or as it is with `scale` 1; a dash where there is none."""
    if found is None or not np.isfinite(found.value):
        return "–"
    return f"{scale * found.value:.1f} %" if scale == 100 else f"{found.value:.3f}"


def _system(system: Evaluation, provenance: Provenance, report: Report, *, anchor: str) -> dict[str, Any]:
    shown: list[Gallery] = galleries(system, provenance.evidence or NO_EVIDENCE)
    bona_fide = sum(score.label is Label.BONA_FIDE for score in system.test)
    return {
        "anchor": anchor,
        "name": system.name,
        "provenance": provenance,
        "notes": system.notes,
        "honest": system.honest,
        "oracle": system.oracle,
        "shown": system.shown,
        "worst_of": system.worst_of,
        "rule": system.rule_words or "the oracle, chosen on test",
        "levels": system.levels(),
        "bona_fide": bona_fide,
        "attacks": len(system.test) - bona_fide,
        "subjects": len({score.subject for score in system.test if score.subject}),
        "dev": system.dev_counts,
        "points": system.points,
        "histograms": charts.histograms(system),
        "slices": slices(system, by=report.by),
        "galleries": shown,
        "silent": _silent(system.test),
        "map": _map(system, provenance, seed=report.seed),
        "plane": _plane(system),
    }


def _silent(scores: Sequence[Score]) -> list[tuple[str, int, int]]:
    """(reason, bona fide, attacks) of the presentations without a score, the most frequent first."""
    reasons: dict[str, list[int]] = {}
    for score in scores:
        if not np.isfinite(score.score):
            words = score.columns.get("reasons", "").replace("|", ", ") or "no reason given"
            reasons.setdefault(words, [0, 0])[score.label is Label.ATTACK] += 1
    return [(words, n[0], n[1]) for words, n in sorted(reasons.items(), key=lambda row: -sum(row[1]))]


def _map(system: Evaluation, provenance: Provenance, *, seed: int) -> dict[str, Any] | None:
    features, names, model = mapped(system, provenance.evidence or NO_EVIDENCE)
    if not len(features):
        return None
    picture = charts.scatter(tsne(features, seed=seed), names)
    return {"picture": picture, "count": len(features), "model": model}


def _plane(system: Evaluation) -> dict[str, Any] | None:
    """FGHV's decision plane, where the table has its columns."""
    rows = [score for score in system.test if score.columns.get("variance") and score.columns.get("delta_kl")]
    try:
        variance, delta_kl = (
            np.array([float(row.columns[name]) for row in rows]) for name in ("variance", "delta_kl")
        )
    except ValueError:  # columns of that name with other things in them
        return None
    if not (np.isfinite(variance) & np.isfinite(delta_kl)).any():
        return None
    bona_fide = np.array([row.label is Label.BONA_FIDE for row in rows])
    return {"picture": charts.uri(decision_plane(delta_kl, variance, bona_fide)), "count": len(rows)}


def _epoch(system: Evaluation) -> dict[str, Any]:
    return {"name": system.name, "honest": system.honest, "oracle": system.oracle}
