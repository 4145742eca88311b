"""Lines over named places, as an inline SVG that keeps its words readable on a telephone.

A drawing is 360 units wide, about a telephone's width, and is meant to be set side by side with others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 360.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 12.0, 40.0
INK, SOFT, GRID = "#1b1d21", "#5b616b", "#d9dce1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`values` one for each place, NaN where there is none; `dash` is SVG's stroke-dasharray, `width` in
    units of the drawing; only lines with `dots` mark their places.
    """

    values: Sequence[float]
    colour: str
    dash: str = ""
    width: float = 2.0
    dots: bool = True


def draw(
    lines: Sequence[Line],
    places: Sequence[str],
    *,
    low: float,
    high: float,
    unit: str,
    words: str,
    percent: bool = False,
) -> str:
    """The lines over `places`, `low` to `high` upwards; `unit` stands below, `words` are for who cannot see.

    >>> picture = draw([Line(values=[0, 1], colour="#000")], ["a", "b"], low=0, high=1, unit="x", words="w")
    >>> picture.count("<polyline"), picture.count("<circle")
    (1, 2)
    """
    xs = _across(len(places))
    parts = [
        f'<svg class="lines" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(words)}" '
        'xmlns="http://www.w3.org/2000/svg" font-size="12">'
    ]
    for level in ticks(low, high):
        y = _up(level, low, high)
        name = (f"{100 * level:.0f} %" if percent else f"{level:g}").replace("-", "\u2212")
        parts.append(
            f'<path d="M{LEFT:g} {y:.1f}H{WIDTH - RIGHT:g}" stroke="{GRID}" stroke-width="1"/>'
            f'<text x="{LEFT - 6:g}" y="{y + 4:.1f}" text-anchor="end" fill="{SOFT}">{name}</text>'
        )
    parts += [
        f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17:g}" text-anchor="middle" fill="{SOFT}">'
        f"{escape(place)}</text>"
        for x, place in zip(xs, places, strict=True)
    ]
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 6:g}" text-anchor="middle" fill="{SOFT}">'
        f"{escape(unit)}</text>"
    )
    parts += [_line(line, xs, low, high) for line in lines]
    return "".join([*parts, "</svg>"])


def ticks(low: float, high: float) -> list[float]:
    """Three to six round levels in [low, high].

    >>> ticks(0, 1), ticks(-0.13, 0.13)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [-0.1, 0.0, 0.1])
    """
    raw = max(high - low, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 10) for k in range(first, last + 1)]


def _across(count: int) -> list[float]:
    inner = WIDTH - LEFT - RIGHT - 24
    return [LEFT + 12 + inner * k / max(count - 1, 1) for k in range(count)]


def _up(value: float, low: float, high: float) -> float:
    share = (value - low) / max(high - low, 1e-9)
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max(share, 0.0), 1.0)


def _line(line: Line, xs: Sequence[float], low: float, high: float) -> str:
    known = [(x, _up(v, low, high)) for x, v in zip(xs, line.values, strict=True) if math.isfinite(v)]
    if not known:
        return ""
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in known)
    drawn = (
        f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="{line.width:g}"'
        f' stroke-linejoin="round"{dash}/>'
    )
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{line.colour}"/>' for x, y in known)
    return drawn + (dots if line.dots else "")
