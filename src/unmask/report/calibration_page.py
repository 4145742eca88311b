"""A calibration -> one page: what the sample supports, operating points, whether scores mean shares."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from unmask.contract import Contract, ScoreMap
from unmask.metrics.bounds import captures_needed, upper_bound
from unmask.metrics.calibration import Bin, brier, held_out, reliability
from unmask.report.lines import GRID, SOFT, ticks
from unmask.report.plain_page import plain_page, template
from unmask.types import Label, Score

TARGETS = (0.2, 0.1, 0.05, 0.01)
SIDE, LEFT, BOTTOM, TOP = 300.0, 40.0, 38.0, 10.0
COLOUR = "#1f6fb2"


def page(
    contract: Contract,
    scores: Sequence[Score],
    *,
    supports: Mapping[str, str],
    before: Contract,
    folder: str,
    seed: int,
    made_at: datetime,
) -> str:
    """The page as text; `scores` are raw, `contract` is the new one, `seed` draws the folds."""
    assert contract.score_map is not None
    known = [score for score in scores if math.isfinite(score.score)]
    raw = np.array([score.score for score in known])
    truths = np.array([score.label is Label.BONA_FIDE for score in known])
    people = np.array([score.subject or score.name for score in known])
    after = held_out(raw, truths, people, method=contract.score_map.method, seed=seed)
    said = np.isfinite(after)
    body = template("calibration_page.html.j2").render(
        contract=contract,
        folder=folder,
        kinds=_kinds(scores),
        targets=[(f"{100 * target:g} %", captures_needed(target)) for target in TARGETS],
        points=[
            (point, supports[point.name], _before(before, point.name, precision=point.precision))
            for point in contract.operating_points
        ],
        before=_figure(raw, truths),
        after=_figure(after[said], truths[said]) if said.any() else None,
        curve=_curve(contract.score_map),
        scored=len(known),
        captures=len(scores),
        subjects=len({score.subject for score in scores if score.subject}),
        share=float(truths.mean()),
    )
    return plain_page(f"Calibration of {contract.name} on {folder}", body, made_at=made_at)


def _kinds(scores: Sequence[Score]) -> list[dict[str, Any]]:
    groups: dict[str, list[float]] = {}
    for score in scores:
        name = "bona fide" if score.label is Label.BONA_FIDE else score.instrument or "attack"
        groups.setdefault(name, []).append(score.score)
    rows = []
    for name in sorted(groups, key=lambda name: (name != "bona fide", name)):
        scored = sum(math.isfinite(value) for value in groups[name])
        # a bona fide capture without a score is an error, so it counts; an attack without one tested nothing
        counts = len(groups[name]) if name == "bona fide" else scored
        least = len(groups[name]) - scored if name == "bona fide" else 0
        bound = f"{100 * upper_bound(least, counts):.1f} %" if counts else "nothing"
        rows.append(
            {
                "name": name,
                "count": len(groups[name]),
                "scored": scored,
                "bound": bound,
                "least": least,
                "of": counts,
            }
        )
    return rows


def _before(contract: Contract, name: str, *, precision: str) -> float | None:
    return next(
        (p.threshold for p in contract.operating_points if (p.name, p.precision) == (name, precision)), None
    )


def _figure(scores: np.ndarray, truths: np.ndarray) -> dict[str, Any]:
    bins = reliability(scores, truths)
    return {"picture": _reliability(bins), "brier": brier(scores, truths), "bins": bins}


def _axes(x_unit: str, y_unit: str, words: str) -> list[str]:
    parts = [
        f'<svg class="lines square" viewBox="0 0 {SIDE:g} {SIDE:g}" role="img" aria-label="{words}" '
        'xmlns="http://www.w3.org/2000/svg" font-size="12">'
    ]
    for level in ticks(0, 1):
        x, y = _at(level, level)
        parts.append(
            f'<path d="M{LEFT:g} {y:.1f}H{SIDE - TOP:g}M{x:.1f} {TOP:g}V{SIDE - BOTTOM:g}" stroke="{GRID}"/>'
            f'<text x="{LEFT - 6:g}" y="{y + 4:.1f}" text-anchor="end" fill="{SOFT}">{level:g}</text>'
            f'<text x="{x:.1f}" y="{SIDE - BOTTOM + 16:g}" text-anchor="middle" fill="{SOFT}">'
            f"{level:g}</text>"
        )
    middle = (LEFT + SIDE - TOP) / 2
    parts.append(f'<text x="{middle:g}" y="{SIDE - 5:g}" text-anchor="middle" fill="{SOFT}">{x_unit}</text>')
    parts.append(
        f'<text transform="translate(11 {(TOP + SIDE - BOTTOM) / 2:g}) rotate(-90)" text-anchor="middle" '
        f'fill="{SOFT}">{y_unit}</text>'
    )
    return parts


def _at(x: float, y: float) -> tuple[float, float]:
    wide, high = SIDE - TOP - LEFT, SIDE - BOTTOM - TOP
    return LEFT + wide * min(max(x, 0.0), 1.0), SIDE - BOTTOM - high * min(max(y, 0.0), 1.0)


def _reliability(bins: Sequence[Bin]) -> str:
    """Share of bona fide against the score, with exact intervals; scores that mean it lie on the diagonal."""
    (x0, y0), (x1, y1) = _at(0, 0), _at(1, 1)
    parts = _axes("mean score of the bin", "share bona fide", "Share of bona fide against the score")
    parts.append(f'<path d="M{x0:g} {y0:g}L{x1:g} {y1:g}" stroke="{SOFT}" stroke-dasharray="5 4"/>')
    for one in bins:
        x, y = _at(one.score, one.share)
        low, high = _at(one.score, one.low)[1], _at(one.score, one.high)[1]
        parts.append(
            f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{COLOUR}" stroke-width="1.5"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOUR}"/>'
        )
    return "".join([*parts, "</svg>"])


def _curve(score_map: ScoreMap) -> str:
    points = " ".join(
        "{:.1f},{:.1f}".format(*_at(x, y)) for x, y in zip(score_map.raw, score_map.calibrated, strict=True)
    )
    parts = _axes("score of the network", "calibrated score", "The score map")
    parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOUR}" stroke-width="2"/>')
    return "".join([*parts, "</svg>"])
