"""The two pages of a self-test: the checklist that is printed before, the report that is read after."""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from unmask.evaluation.selftest import NOBODY, SelftestOutcome
from unmask.metrics import Rate
from unmask.metrics.bounds import captures_needed
from unmask.report.plain_page import plain_page, template
from unmask.scores.plan import SPECIES, PlannedPresentation

SHOWN = 20  # names of errors, before the others are only counted


def checklist(plan: Sequence[PlannedPresentation], *, made_at: datetime) -> str:
    """The page to print: rules, what each species is, and a box to tick for each presentation."""
    blocks = [(name, list(rows)) for name, rows in groupby(plan, key=lambda row: row.block)]
    body = template("selftest_checklist.html.j2").render(
        blocks=blocks,
        species=SPECIES,
        subjects=sorted({row.subject for row in plan}),
        attacks=sum(bool(row.instrument) for row in plan),
        bona_fide=sum(not row.instrument for row in plan),
        needed=captures_needed(0.05),
    )
    return plain_page("Self-test: checklist", body, made_at=made_at, wide=False)


def report(outcome: SelftestOutcome, *, model: str, where: str, made_at: datetime) -> str:
    """The page that says what came of the plan, and that it is not a certificate."""
    attacks = [kind for kind in outcome.kinds if kind.name != NOBODY and kind.errors.count]
    worst = max(attacks, key=lambda kind: (kind.errors.value, kind.bound), default=None)
    bona_fide = next((kind for kind in outcome.kinds if kind.name == NOBODY and kind.errors.count), None)
    body = template("selftest_report.html.j2").render(
        outcome=outcome,
        worst=worst,
        bona_fide=bona_fide,
        model=model,
        where=where,
        nobody=NOBODY,
        shown=SHOWN,
        share=_share,
        bound=_bound,
        needed=captures_needed(0.05),
    )
    return plain_page("Self-test: report", body, made_at=made_at)


def _share(found: Rate) -> str:
    if not found.count:
        return "none made"
    interval = f"{100 * found.low:.1f}\u2013{100 * found.high:.1f}"
    return f"{100 * found.value:.1f} % ({found.errors} of {found.count}), {interval}"


def _bound(value: float) -> str:
    return f"\u2264 {100 * value:.1f} %" if math.isfinite(value) else "\u2013"
