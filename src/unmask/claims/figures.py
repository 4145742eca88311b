"""The claims' two figures as SVG: differences with their intervals, and every system with its own.

matplotlib is of the extra `report`, so it is imported where it draws.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unmask.claims.measures import DECIDED_BY, TESTS, Claim, SystemFigures, Tried
from unmask.types import SettingsError

COLOURS = {"holds": "#1a7f37", "does not hold": "#b42318", "not shown": "#6b7280"}
OF_TEST = {
    "domain": "#2a5db0",
    "instruments": "#c2620a",
    "real": "#4d4d4d",
}  # apart for colour-blind eyes, too
STYLE = {"svg.hashsalt": "unmask", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def forest(found: Sequence[Tried], claims: Mapping[str, Claim]) -> bytes:
    """A row a claim, a panel a test: the difference of AUC with its 95 % interval; right of 0 it holds."""
    plt = _pyplot()
    rows = [name for name in claims if any(row.claim == name for row in found)]
    with plt.rc_context(STYLE):
        tests = {test: words for test, words in TESTS.items() if any(row.test == test for row in found)}
        size = 4.5 * len(tests), 1.2 + 0.36 * len(rows)
        figure, axes = plt.subplots(
            1, len(tests), figsize=size, sharey=True, layout="constrained", squeeze=False
        )
        for axis, (test, words) in zip(axes[0], tests.items(), strict=True):
            axis.axvline(0, color="#9ca3af", linewidth=1)
            chosen = {row.claim: row for row in found if row.test == test and row.figure == DECIDED_BY}
            for place, name in enumerate(rows):
                if name in chosen:
                    _interval(axis, chosen[name], height=len(rows) - 1 - place)
            axis.set_title(f"on {words}")
            axis.set_xlabel("difference of AUC, 95 % interval")
        axes[0][0].set_yticks(range(len(rows)), [name.replace("-", " ") for name in reversed(rows)])
        axes[0][0].set_ylim(-0.7, len(rows) - 0.3)
        return _svg(plt, figure)


def networks(found: Sequence[SystemFigures]) -> bytes:
    """A row a system: AUC on both tests with its 95 % interval, the best on the unseen domain at the top."""
    plt = _pyplot()
    by_system = {row.system: row for row in found if row.test == "domain"}
    rows = sorted(by_system, key=lambda name: by_system[name].figures["auc"].value)
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(8, 1.2 + 0.36 * len(rows)), layout="constrained")
        axis.axvline(0.5, color="#9ca3af", linewidth=1)
        for shift, (test, words) in zip((0.2, 0.0, -0.2), TESTS.items(), strict=True):
            estimates = {row.system: row.figures["auc"] for row in found if row.test == test}
            places = [place for place, name in enumerate(rows) if name in estimates]
            if not places:
                continue
            shown = [estimates[rows[place]] for place in places]
            values = np.array([one.value for one in shown])
            spread = np.array([[one.low, one.high] for one in shown]).T
            axis.errorbar(
                values,
                np.array(places) + shift,
                xerr=np.abs(spread - values),
                fmt="o",
                markersize=4,
                capsize=2,
                color=OF_TEST[test],
                label=f"on {words}",
            )
        axis.set_yticks(range(len(rows)), rows)
        axis.set_xlabel("AUC, 95 % interval over subjects and seeds")
        axis.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3)
        return _svg(plt, figure)


def _interval(axis: Any, row: Tried, *, height: int) -> None:
    colour = COLOURS[row.verdict]
    axis.plot([row.difference.low, row.difference.high], [height, height], color=colour, linewidth=2)
    axis.plot([row.difference.value], [height], "o", color=colour, markersize=5)
    axis.annotate(
        row.verdict,
        (row.difference.value, height),
        xytext=(0, 5),
        textcoords="offset points",
        ha="center",
        fontsize=7,
        color=colour,
    )


def _svg(plt: Any, figure: Any) -> bytes:
    """The same figure, the same bytes: no date, no random names."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    plt.close(figure)
    return drawn.getvalue()


def _pyplot() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError as missing:
        raise SettingsError(
            "the figures need the package matplotlib, which is missing; pip install 'unmask[report]'"
        ) from missing
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
