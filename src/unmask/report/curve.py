"""The scores of a source over time as the shapes of an inline SVG.

The drawing has no words: it is stretched to the page's width, and the page sets the words around it, so that
they keep their size on a telephone. Coordinates are those of a box of WIDTH x HEIGHT with the score 1 at the
top.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from unmask.contract import ScoreMap
from unmask.types import ClipScore

WIDTH, HEIGHT = 1000.0, 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Shapes in SVG's own notation; y grows downwards.

    `dots` are clip scores; of each segment `means` has the line of their running mean, `bands` the closed
    outline of threshold plus and minus the margin that n clips still need; `breaks_x` is where a segment
    ended and another began. `threshold_y` is the threshold; `decided_x` where the verdict was certain, None
    if it was not before the last clip; `end_s` ends the time axis, which begins at 0.
    """

    dots: tuple[tuple[float, float], ...]
    means: tuple[str, ...]
    bands: tuple[str, ...]
    breaks_x: tuple[float, ...]
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
    begins_s: Sequence[float] = (),
) -> Curve:
    """The curve of one face, whose verdict is that of the first `decided_after` clips.

    `half_widths[n - 1]` is the half-width of the undecided band after n clips. Where scores went through a
    map, so did their mean, not the other way round. `begins_s` are the times at which its segments begin:
    nothing is averaged across them.

    >>> clip = ClipScore(time_s=0.5, score=0.75, depth=None, picture=None)
    >>> draw([clip], threshold=0.5, half_widths=[0.1], decided_after=1).dots
    ((1000.0, 75.0),)
    """
    end = max(clips[-1].time_s, 1e-6)
    xs = [WIDTH * max(clip.time_s, 0.0) / end for clip in clips]
    means, bands, breaks = [], [], []
    for first, behind in segmented(clips, begins_s):
        part = clips[first:behind]
        raw = [clip.score if score_map is None else score_map.inverse(clip.score) for clip in part]
        running = [sum(raw[:n]) / n for n in range(1, len(raw) + 1)]
        running = running if score_map is None else [score_map(mean) for mean in running]
        places = xs[first:behind]
        upper = [(x, _y(threshold + half)) for x, half in zip(places, half_widths, strict=False)]
        lower = [(x, _y(threshold - half)) for x, half in zip(places, half_widths, strict=False)]
        means.append(_points([(x, _y(mean)) for x, mean in zip(places, running, strict=True)]))
        bands.append(_points(upper + lower[::-1]))
        breaks.append((xs[max(first - 1, 0)] + xs[first]) / 2)
    return Curve(
        dots=tuple((x, _y(clip.score)) for x, clip in zip(xs, clips, strict=True)),
        means=tuple(means),
        bands=tuple(bands),
        breaks_x=tuple(breaks[1:]),
        threshold_y=_y(threshold),
        decided_x=xs[decided_after - 1] if 0 < decided_after < len(xs) else None,
        end_s=end,
    )


def segmented(clips: Sequence[ClipScore], begins_s: Sequence[float]) -> list[tuple[int, int]]:
    """(first, behind the last) of the clips, in order of time, of each segment that has any.

    >>> clips = [ClipScore(time_s=t, score=0.5, depth=None, picture=None) for t in (0.0, 1.0, 2.0)]
    >>> segmented(clips, [0.0, 0.5, 0.7, 1.8]), segmented(clips, [])
    ([(0, 1), (1, 2), (2, 3)], [(0, 3)])
    >>> segmented([], [0.0])
    []
    """
    starts = sorted(begins_s)
    numbers = [bisect_right(starts, clip.time_s + 1e-6) for clip in clips]
    firsts = [place for place in range(len(clips)) if place == 0 or numbers[place] != numbers[place - 1]]
    return list(pairwise([*firsts, len(clips)]))


def _y(score: float) -> float:
    return HEIGHT * (1.0 - min(max(score, 0.0), 1.0))


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
