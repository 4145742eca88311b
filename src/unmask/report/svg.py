"""Figures of matplotlib as text; it is of the extra `report`, so it is imported where it draws."""

import io
import warnings
from typing import Any

from unmask.plain import escaped


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
    from matplotlib.text import Text

    for text in figure.findobj(Text):  # names of instruments among them: no formulas, no commands
        text.set_text(escaped(text.get_text()))
        text.set_parse_math(False)
    page = io.StringIO()
    with (
        warnings.catch_warnings(),
        matplotlib.rc_context({"svg.hashsalt": "unmask", "svg.fonttype": letters}),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box stands for it
        figure.savefig(page, format="svg", metadata={"Date": None, "Creator": None}, transparent=transparent)
    drawn = page.getvalue()
    return drawn[drawn.index("<svg") :]
