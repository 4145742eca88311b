"""Curves and histograms of scores as SVG pictures; matplotlib draws them (extra `report`).

The same scores give the same bytes: no dates, and names from a fixed salt.
"""

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from unmask import metrics
from unmask.evaluation.measure import Evaluation
from unmask.report.svg import plain_figure, svg_of
from unmask.types import SettingsError

# Okabe and Ito (2008), told apart by colour-blind eyes; the dashes do so on a grey printer.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = "osD^vP*X"
DASHES = ("-", "--", "-.", ":")
BONA_FIDE, ATTACK, INK, SOFT = "#0072b2", "#d55e00", "#1b1d21", "#5b616b"
TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99)
LEAST = 5e-4  # rates of a DET curve end there: probit of 0 is infinite
BINS = 24
STEPS = 1000  # that a curve is drawn in, each way


def need_matplotlib() -> None:
    """SettingsError where the extra is missing."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as missing:
        raise SettingsError(
            "a report needs the package matplotlib, which is missing; pip install 'unmask[report]'"
        ) from missing


def det(systems: Sequence[Evaluation]) -> str:
    """APCER of the worst instrument or family against BPCER on normal deviates, as a data URI.

    Each system is a line. A full marker is the honest threshold, a hollow one the oracle's. "" where no
    system has both classes.
    """
    curves = [(system, rates_of(system, worst=True)) for system in systems if system.oracle]
    if not curves:
        return ""
    figure, axes = _figure(4.6, 4.3)
    for number, (system, (apcer, bpcer)) in enumerate(curves):
        style = _style(number)
        axes.plot(*thinned(_deviate(apcer), _deviate(bpcer)), label=_short(system.name), **style)
        for summary, full in ((system.oracle, False), (system.honest, True)):
            if summary:
                where = _deviate([summary.apcer]), _deviate([summary.bpcer.value])
                _mark(axes, where, style["color"], full=full)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(_deviate(TICKS), [f"{100 * tick:g}" for tick in TICKS])
    limits = _deviate([LEAST, 1 - LEAST])
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    kind = kind_of([system for system, _ in curves])
    axes.set(xlabel=f"APCER of the worst {kind}, %" if kind else "worst APCER, %", ylabel="BPCER, %")
    return _finished(figure, axes, legend=len(curves) > 1)


def kind_of(systems: Sequence[Evaluation]) -> str:
    """What APCER is the worst of, "instrument" or "family"; "" where the systems differ."""
    kinds = {system.worst_of for system in systems}
    return kinds.pop() if len(kinds) == 1 else ""


def roc(systems: Sequence[Evaluation]) -> str:
    """The share of all attacks accepted against that of the bona fide, one line per system, as a data URI."""
    curves = [(system, rates_of(system, worst=False)) for system in systems if system.oracle]
    if not curves:
        return ""
    figure, axes = _figure(4.6, 4.3)
    axes.plot([0, 100], [0, 100], color="#d9dce1", lw=1)
    for number, (system, (accepted, bpcer)) in enumerate(curves):
        style = _style(number)
        axes.plot(*thinned(100 * accepted, 100 * (1 - bpcer)), label=_short(system.name), **style)
        for summary, full in ((system.oracle, False), (system.honest, True)):
            if summary:
                where = [100 * _pooled(summary)], [100 * (1 - summary.bpcer.value)]
                _mark(axes, where, style["color"], full=full)
    axes.set(xlim=(-2, 102), ylim=(-2, 102), aspect="equal")
    axes.set(xlabel="attacks accepted (all instruments pooled), %", ylabel="bona fide accepted, %")
    return _finished(figure, axes, legend=len(curves) > 1)


def histograms(system: Evaluation) -> dict[str, str]:
    """Instrument, or "bona fide", -> its scores as shares of its own, over those of the bona fide."""
    table = metrics.columns(system.test)
    bona_fide = _finite(table.bona_fide_scores())
    finite = [bona_fide, *map(_finite, table.attacks().values())]
    if not any(map(len, finite)):
        return {}
    every = np.concatenate(finite)
    edges = np.linspace(*_span(every), BINS + 1)
    groups: dict[str, np.ndarray] = {"bona fide": bona_fide} if len(bona_fide) else {}
    groups |= {name: _finite(scores) for name, scores in table.attacks().items()}
    return {
        name: _histogram(
            scores, bona_fide, edges, system.levels(), colour=BONA_FIDE if name == "bona fide" else ATTACK
        )
        for name, scores in groups.items()
        if len(scores)
    }


def scatter(places: np.ndarray, names: Sequence[str]) -> str:
    """Points (n, 2) with their kind by colour and shape, the bona fide first."""
    figure, axes = _figure(4.6, 4.3)
    kinds = sorted(set(names), key=lambda name: (name != "bona fide", name))
    for number, kind in enumerate(kinds):
        chosen = np.array([name == kind for name in names])
        axes.scatter(
            *places[chosen].T,
            s=20,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            lw=0,
            alpha=0.75,
            label=f"{kind} ({chosen.sum()})",
        )
    axes.set(xticks=[], yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    return _finished(figure, axes, legend=True, columns=3)


def uri(svg: str) -> str:
    """An SVG as the source of an <img>: its names stay its own, and nothing in it can run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _span(scores: np.ndarray) -> tuple[float, float]:
    """Where histograms begin and end: a little beyond the scores."""
    low, high = float(scores.min()), float(scores.max())
    room = 0.05 * (high - low) or 0.05
    return low - room, high + room


def _histogram(
    scores: np.ndarray, bona_fide: np.ndarray, edges: np.ndarray, levels: Sequence[float], *, colour: str
) -> str:
    figure, axes = _figure(2.5, 1.35)
    shares = np.histogram(scores, edges)[0] / len(scores)
    axes.stairs(100 * shares, edges, fill=True, color=colour, alpha=0.85, lw=0)
    if colour != BONA_FIDE and len(bona_fide):
        axes.stairs(100 * np.histogram(bona_fide, edges)[0] / len(bona_fide), edges, color=BONA_FIDE, lw=1)
    for level in levels[:4]:
        axes.axvline(level, color=INK, lw=1, ls="--")
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, None), yticks=[])
    axes.locator_params(axis="x", nbins=4)
    axes.spines["left"].set_visible(False)
    return _finished(figure, axes)


def rates_of(system: Evaluation, *, worst: bool) -> tuple[np.ndarray, np.ndarray]:
    """(APCER of what is the worst or of all attacks pooled, BPCER) at each threshold, from the lowest."""
    table = metrics.columns(metrics.over(system.test, system.worst_of))
    bona_fide = metrics.ranked(table.bona_fide_scores())
    attacks = [metrics.ranked(scores) for scores in table.attacks().values()]
    levels = np.unique(np.concatenate([bona_fide.finite, *(one.finite for one in attacks)]))
    levels = np.append(levels, np.nextafter(levels[-1], math.inf))
    if worst:
        passed = np.max([one.accepted(levels) / one.count for one in attacks], axis=0)
    else:
        passed = np.sum([one.accepted(levels) for one in attacks], axis=0) / sum(one.count for one in attacks)
    return passed, bona_fide.refused(levels) / bona_fide.count


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line (n,), (n,) without points that no eye could tell from the one before: a million scores would
    make a page of a hundred megabytes.
    """
    steps = np.stack([x / max(np.ptp(x), 1e-9), y / max(np.ptp(y), 1e-9)]) * STEPS
    moved = np.any(np.diff(steps.round(), axis=1) != 0, axis=0)
    kept = np.concatenate([[True], moved])
    kept[:-1] |= moved  # where a stretch ends, so that corners stay corners
    kept[-1] = True
    return x[kept], y[kept]


def _pooled(summary: metrics.Summary) -> float:
    return sum(one.errors for one in summary.instruments.values()) / summary.attacks


def _deviate(rates: Sequence[float] | np.ndarray) -> np.ndarray:
    return ndtri(np.clip(np.asarray(rates, np.float64), LEAST, 1 - LEAST))


def _finite(scores: np.ndarray) -> np.ndarray:
    return scores[np.isfinite(scores)]


def _style(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "ls": DASHES[number % len(DASHES)], "lw": 1.6}


def _mark(axes: Any, where: tuple[Any, Any], colour: str, *, full: bool) -> None:
    face = colour if full else "white"
    axes.plot(*where, marker="o", ms=7, mec=colour, mfc=face, mew=1.5, ls="", zorder=3, clip_on=False)


def _short(name: str) -> str:
    return name if len(name) <= 44 else f"{name[:41]}..."


def _figure(width_in: float, height_in: float) -> tuple[Any, Any]:
    need_matplotlib()
    figure, axes = plain_figure(width_in, height_in)
    axes.tick_params(labelsize=8, colors=SOFT, length=3)
    for spine in axes.spines.values():
        spine.set_color("#b6bbc3")
    return figure, axes


def _finished(figure: Any, axes: Any, *, legend: bool = False, columns: int = 1) -> str:
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(size=9, color=INK)
    if legend:
        figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=8)
    return uri(svg_of(figure, letters="none", transparent=True))
