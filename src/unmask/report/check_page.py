"""Decisions -> one HTML file: no scripts, no links outside, pictures within.

It shows for each source the verdict, the score against its threshold, the reasons, the segments, what the
network saw with the depth it made of it, and the scores over time; then what the model's contract says, and
what none of this shows.
"""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, TypeVar

import numpy as np

from unmask.contract import Contract, OperatingPoint
from unmask.plain import address_shown, sentence
from unmask.report.curve import draw, segmented
from unmask.report.explanations import frame_weights, heat_map, pulls, weightiest
from unmask.report.outcomes import REASON_WORDS, Checked, Outcome, number
from unmask.report.pictures import colour_map, jpeg_uri, png_uri
from unmask.report.plain_page import template
from unmask.types import ClipScore, FaceDecision, Segment, Verdict

FACES_SHOWN, CLIPS_SHOWN, FRAMES_SHOWN, SEGMENTS_SHOWN = 4, 8, 4, 40
HEAT_PX = 192  # side of a heat map; shown at two thirds of it on a wide screen

T = TypeVar("T")


def page(outcomes: Sequence[Outcome], *, made_at: datetime) -> str:
    """The page as text; the same outcomes and time give the same page."""
    return template("check_page.html.j2", number, percent, signed).render(
        outcomes=[_outcome(outcome, f"source-{n}") for n, outcome in enumerate(outcomes, start=1)],
        tally=_tally(outcomes),
        models=_models(outcomes),
        made_at=made_at.strftime("%Y-%m-%d %H:%M"),
        version=version("unmask"),
    )


def shown(clips: Sequence[T], *, at_most: int = CLIPS_SHOWN) -> list[T]:
    """At most that many clips, spread evenly, the first and the last among them.

    >>> clips = [ClipScore(time_s=t, score=0.5, depth=None, picture=None) for t in range(10)]
    >>> [clip.time_s for clip in shown(clips, at_most=4)]
    [0, 3, 6, 9]
    """
    if len(clips) <= at_most:
        return list(clips)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, at_most).round().astype(int)]


def percent(share: float) -> str:
    """A share in words of a hundred.

    >>> percent(0.0125), percent(float("nan"))
    ('1.2 %', 'not measured')
    """
    return f"{100 * share:.1f} %" if np.isfinite(share) else "not measured"


def signed(change: float, *, digits: int = 4) -> str:
    """A change of a score with its sign; one too small for a digit has none.

    >>> signed(0.0125), signed(-0.5, digits=1), signed(-0.00001)
    ('+0.0125', '−0.5', '0.0000')
    """
    rounded = round(change, digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"


def _tally(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    verdicts = [o.decision.verdict.value if isinstance(o, Checked) else "UNREADABLE" for o in outcomes]
    return [(name, verdicts.count(name)) for name in (*Verdict, "UNREADABLE") if name in verdicts]


def _outcome(outcome: Outcome, anchor: str) -> dict[str, Any]:
    if not isinstance(outcome, Checked):
        return {
            "anchor": anchor,
            "source": sentence(address_shown(outcome.source)),
            "verdict": "UNREADABLE",
            "sentence": outcome.sentence,
        }
    decision = outcome.decision
    return {
        "anchor": anchor,
        "source": sentence(address_shown(decision.source)),
        "verdict": decision.verdict.value,
        "score": decision.score,
        "threshold": decision.threshold,
        "margin": outcome.half_widths[0] if outcome.half_widths else 0.0,
        "point": decision.operating_point,
        "model": f"{decision.model_name} {decision.model_version}",
        "reasons": [REASON_WORDS[reason] for reason in decision.reasons],
        "faces": [_face(face, outcome) for face in decision.faces[:FACES_SHOWN]],
        "faces_found": len(decision.faces),
        "clips": sum(len(face.clips) for face in decision.faces),
        "timings_ms": decision.timings_ms,
    }


def _face(face: FaceDecision, outcome: Checked) -> dict[str, Any]:
    clips = next((seen.clips for seen in outcome.seen if seen.identity == face.identity), face.clips)
    curve, begins_s = None, [segment.from_s for segment in face.segments]
    if len(clips) > 1:
        curve = draw(
            clips,
            threshold=outcome.decision.threshold,
            half_widths=outcome.half_widths,
            decided_after=len(face.clips),
            score_map=outcome.contract.score_map,
            begins_s=begins_s,
        )
    pulled = _with_pulls(clips, len(face.clips), begins_s)
    pictured = [(clip, clip.picture, pull) for clip, pull in pulled if clip.picture is not None]
    segments = _gravest(face.segments)
    return {
        "verdict": face.verdict.value,
        "score": face.score,
        "reasons": [REASON_WORDS[reason] for reason in face.reasons],
        "segments": [_segment(segment) for segment in segments],
        "segments_left": len(face.segments) - len(segments),
        "clips": [_clip(clip, picture, pull) for clip, picture, pull in shown(pictured)],
        "seen": len(clips),
        "curve": curve,
        "frames": _frames(clips, decided_after=len(face.clips)),
        "gap": abs(face.score - outcome.decision.threshold),
    }


def _with_pulls(
    clips: Sequence[ClipScore], decided_after: int, begins_s: Sequence[float]
) -> list[tuple[ClipScore, float | None]]:
    """Each clip with how far it moved its segment's mean; None for those that had no part in one."""
    moved: list[float | None] = []
    for first, behind in segmented(clips[:decided_after], begins_s):
        alone = behind - first == 1
        moved += [None] if alone else pulls([clip.score for clip in clips[first:behind]])
    return list(zip(clips, [*moved, *[None] * (len(clips) - len(moved))], strict=True))


def _frames(clips: Sequence[ClipScore], *, decided_after: int) -> dict[str, Any] | None:
    frames = frame_weights(clips[:decided_after])
    if not frames:
        return None
    most = sorted(weightiest(frames, at_most=FRAMES_SHOWN), key=lambda frame: frame.time_s)
    rows = [{"time_s": f.time_s, "change": f.change, "picture": jpeg_uri(f.picture)} for f in most]
    return {"rows": rows, "weighed": len(frames)}


def _gravest(segments: Sequence[Segment]) -> list[Segment]:
    """Those that a page has room for, in order of time; none of a single picture."""
    if all(segment.to_s == segment.from_s for segment in segments):
        return []
    order = (Verdict.ATTACK, Verdict.UNDECIDED, Verdict.LIVE)
    gravest = sorted(segments, key=lambda segment: order.index(segment.verdict))[:SEGMENTS_SHOWN]
    return sorted(gravest, key=lambda segment: segment.from_s)


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "from_s": segment.from_s,
        "to_s": segment.to_s,
        "verdict": segment.verdict.value,
        "score": segment.score,
        "reasons": [REASON_WORDS[reason] for reason in segment.reasons],
    }


def _clip(clip: ClipScore, picture: np.ndarray, pull: float | None) -> dict[str, Any]:
    depths = () if clip.depth is None else clip.depth
    heat = heat_map(clip, side=HEAT_PX)
    return {
        "heat": None if heat is None else jpeg_uri(heat),
        "pull": pull,
        "time_s": clip.time_s,
        "score": clip.score,
        "picture": jpeg_uri(picture),
        "depths": [png_uri(colour_map(depth)) for depth in depths],
    }


def _models(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row a model that was used, with the operating points that were."""
    used: dict[str, tuple[Contract, str, dict[str, OperatingPoint]]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Checked):
            decision = outcome.decision
            row = used.setdefault(decision.model_sha256, (outcome.contract, decision.model_sha256, {}))
            for point in outcome.contract.operating_points:
                if point.name == decision.operating_point and point.threshold == decision.threshold:
                    row[2][f"{point.name} {point.precision}"] = point
    return [
        {"contract": c, "sha256": sha, "points": list(points.values())} for c, sha, points in used.values()
    ]
