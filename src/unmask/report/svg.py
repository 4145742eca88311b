"""Figures of matplotlib as text; it is of the extra `report`, so it is imported where it draws."""

import io
from typing import Any


def plain_figure(width_in: float, height_in: float) -> tuple[Any, Any]:
    """A figure and its axes, open to the right and at the top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")  # no pyplot: no state, no window
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg_of(figure: Any, *, letters: str = "path", transparent: bool = False) -> str:
    """The picture from `<svg` on, without a date and with the same names each time; `letters` as paths, or
    "none" for the reader's own fonts.
    """
    import matplotlib

    page = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "unmask", "svg.fonttype": letters}):
        figure.savefig(page, format="svg", metadata={"Date": None, "Creator": None}, transparent=transparent)
    text = page.getvalue()
    return text[text.index("<svg") :]
