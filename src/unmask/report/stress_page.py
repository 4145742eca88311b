"""The table of a stress test -> a part of a page: what each change does, as curves and as a table."""

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from unmask.evaluation.stress import Effect, effects
from unmask.media.changes import CHANGES, NONE
from unmask.metrics import Rate
from unmask.report.lines import INK, Line, draw
from unmask.report.plain_page import plain_page, template
from unmask.scores.stress import StressRow, read_stress
from unmask.types import Label

BONA_FIDE, ATTACKS, FLIPS = "#1f6fb2", "#a8201a", INK
PEER_GROWTH = 1.2  # 121 to 145 px
AS_IT_IS = "as is"


def page(path: Path, *, made_at: datetime) -> str:
    """A page of its own around `section`."""
    return plain_page("What a change of the picture does to the score", section(path), made_at=made_at)


def section(path: Path) -> str:
    """The part of a page, with a style of its own for all that is in it; raises DataError."""
    rows = read_stress(path)
    found = effects(rows)
    whole = next(one for one in found if one.change == NONE)
    sizes = [(one.bona_fide_change, one.attack_change, one.mean_absolute_change) for one in found]
    limit = max([0.02, *(abs(x) for three in sizes for x in three if math.isfinite(x))])
    charts = [
        _change(name, [one for one in found if one.change == name], rows, limit=limit)
        for name in dict.fromkeys(one.change for one in found if one.change != NONE)
    ]
    return template("stress_page.html.j2").render(
        whole=whole,
        charts=charts,
        effects=found,
        title={name: change.title for name, change in CHANGES.items()} | {NONE: "As it is"},
        growth=_growth(rows),
        worst=_worst(found),
        few=[kind for kind, count in _counts(rows).items() if count < 30],
        signed=_signed,
        share=_share,
        interval=_interval,
    )


def _change(name: str, found: Sequence[Effect], rows: Sequence[StressRow], *, limit: float) -> dict[str, Any]:
    """One change's words and two drawings; the recordings as they are stand where they belong on the axis."""
    known = CHANGES.get(name)
    by = {one.strength: one for one in found}
    inside = [one.score.name for one in rows if one.change == name and one.strength == found[0].strength]
    as_is = _as_it_is(rows, set(inside))
    at = _place(sorted(by), name) if known and known.unchanged else 0
    order = sorted(by) if known and known.unchanged else list(by)
    line = [by[s] for s in order]
    line.insert(at, as_is)
    places = [f"{s:g}" for s in order]
    places.insert(at, AS_IT_IS)
    unit = known.unit if known else "strength"
    title = known.title if known else name
    return {
        "title": title,
        "bona_fide": found[0].bpcer.count,
        "attacks": found[0].attacks_accepted.count,
        "scores": draw(
            [
                Line(values=[one.mean_absolute_change for one in line], colour=FLIPS, dash="2 3"),
                Line(values=[one.bona_fide_change for one in line], colour=BONA_FIDE),
                Line(values=[one.attack_change for one in line], colour=ATTACKS, dash="6 3"),
            ],
            places,
            low=-limit,
            high=limit,
            unit=unit,
            words=f"{title}: mean change of the score",
        ),
        "rates": draw(
            [
                Line(values=[one.flips.value for one in line], colour=FLIPS, dash="2 3"),
                Line(values=[one.bpcer.value for one in line], colour=BONA_FIDE),
                Line(values=[one.attacks_accepted.value for one in line], colour=ATTACKS, dash="6 3"),
            ],
            places,
            low=0.0,
            high=1.0,
            unit=unit,
            words=f"{title}: error rates and verdicts that differ",
            percent=True,
        ),
    }


def _place(strengths: Sequence[float], name: str) -> int:
    """Where the unchanged stands among ascending strengths of a change with two sides: at 1."""
    return sum(strength < 1 for strength in strengths)


def _as_it_is(rows: Sequence[StressRow], inside: set[str]) -> Effect:
    """The recordings that a change means something to, unchanged: the origin of its curves."""
    return effects([row for row in rows if row.change == NONE and row.score.name in inside])[0]


def _growth(rows: Sequence[StressRow]) -> dict[str, Any] | None:
    """Scores of each presentation against the growth of its box, and what the peer's growth does to ours."""
    strengths = sorted({row.strength for row in rows if row.change == "box-growth"})
    if not strengths:
        return None
    scores = {(row.score.name, row.strength): row.score.score for row in rows if row.change == "box-growth"}
    first = [row for row in rows if row.change == NONE]
    places = sorted([*strengths, 1.0]) if 1.0 not in strengths else strengths
    for row in first:
        scores[row.score.name, 1.0] = row.score.score
    lines = [
        Line(
            values=[scores.get((row.score.name, place), math.nan) for place in places],
            colour=BONA_FIDE if row.score.label is Label.BONA_FIDE else ATTACKS,
            width=0.9,
            dots=False,
            dash="" if row.score.label is Label.BONA_FIDE else "5 3",
        )
        for row in first
    ]
    known = [value for line in lines for value in line.values if math.isfinite(value)] or [0.0, 1.0]
    shown = draw(
        lines,
        [f"{place:g}" for place in places],
        low=math.floor(10 * min(known)) / 10,
        high=math.ceil(10 * max(known)) / 10,
        unit="side of the box, times what it should be",
        words="The score of each presentation against the growth of its box",
    )
    peer = [row for row in rows if row.change == "box-growth" and math.isclose(row.strength, PEER_GROWTH)]
    asked = effects([*first, *peer])[1] if peer else None
    off = [abs(row.score.score - row.threshold) for row in first if math.isfinite(row.score.score)]
    return {"curve": shown, "peer": asked, "typical": float(np.median(off)) if off else math.nan}


def _worst(found: Sequence[Effect]) -> Effect | None:
    """The change under which most verdicts differ."""
    return max((one for one in found if one.change != NONE), key=lambda one: one.flips.value, default=None)


def _counts(rows: Sequence[StressRow]) -> dict[str, int]:
    first = [row.score.label for row in rows if row.change == NONE]
    return {
        "bona fide presentations": sum(label is Label.BONA_FIDE for label in first),
        "attacks": sum(label is Label.ATTACK for label in first),
    }


def _signed(number: float) -> str:
    """A change in three decimals, with its sign unless it is none; a dash where it is not known."""
    if not math.isfinite(number):
        return "\u2013"
    return "0.000" if round(number, 3) == 0 else f"{number:+.3f}".replace("-", "\u2212")


def _share(found: Rate | None) -> str:
    """A rate in words of a hundred with its count; a dash where there is none."""
    if found is None or not found.count:
        return "\u2013"
    return f"{100 * found.value:.0f} % ({found.errors} of {found.count})"


def _interval(found: Rate | None) -> str:
    """Its 95 % interval in words of a hundred."""
    return f"{100 * found.low:.0f}\u2013{100 * found.high:.0f}" if found is not None and found.count else ""
