"""The scores of a source over time as the shapes of an inline SVG.

The drawing has no words: it is stretched to the page's width, and the page sets the words around it, so that
they keep their size on a telephone. Coordinates are those of a box of WIDTH x HEIGHT with the score 1 at the
top.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from unmask.contract import ScoreMap
from unmask.types import ClipScore

WIDTH, HEIGHT = 1000.0, 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Shapes in SVG's own notation; y grows downwards.

    `dots` are clip scores, `mean` the line of their running mean, `band` the closed outline of threshold plus
    and minus the margin that n clips still need, `threshold_y` the threshold; `decided_x` where the verdict
    was certain, None if it was not before the last clip; `end_s` ends the time axis, which begins at 0.
    """

    dots: tuple[tuple[float, float], ...]
    mean: str
    band: str
    threshold_y: float
    decided_x: float | None
    end_s: float


def draw(
    clips: Sequence[ClipScore],
    *,
    threshold: float,
    half_widths: Sequence[float],
    decided_after: int,
    score_map: ScoreMap | None = None,
) -> Curve:
    """The curve of one face, whose verdict is that of the first `decided_after` clips.

    `half_widths[n - 1]` is the half-width of the undecided band after n clips. Where scores went through a
    map, so did their mean, not the other way round.

    >>> clip = ClipScore(time_s=0.5, score=0.75, depth=None, picture=None)
    >>> draw([clip], threshold=0.5, half_widths=[0.1], decided_after=1).dots
    ((1000.0, 75.0),)
    """
    end = max(clips[-1].time_s, 1e-6)
    xs = [WIDTH * max(clip.time_s, 0.0) / end for clip in clips]
    raw = [clip.score if score_map is None else score_map.inverse(clip.score) for clip in clips]
    means = [sum(raw[:n]) / n for n in range(1, len(raw) + 1)]
    means = means if score_map is None else [score_map(mean) for mean in means]
    upper = [(x, _y(threshold + half)) for x, half in zip(xs, half_widths, strict=False)]
    lower = [(x, _y(threshold - half)) for x, half in zip(xs, half_widths, strict=False)]
    return Curve(
        dots=tuple((x, _y(clip.score)) for x, clip in zip(xs, clips, strict=True)),
        mean=_points([(x, _y(mean)) for x, mean in zip(xs, means, strict=True)]),
        band=_points(upper + lower[::-1]),
        threshold_y=_y(threshold),
        decided_x=xs[decided_after - 1] if 0 < decided_after < len(xs) else None,
        end_s=end,
    )


def _y(score: float) -> float:
    return HEIGHT * (1.0 - min(max(score, 0.0), 1.0))


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
