"""Figures hold names of instruments as they are: no formula, no command, no warning on the terminal."""

import warnings

import pytest

from unmask.report.svg import plain_figure, svg_of


@pytest.mark.parametrize("name", ["$\\nonsense$", "a\x1b[2Jb", "mask/漢字", "50 $ and 60 $"])
def test_any_name_can_be_drawn(name: str) -> None:
    figure, axes = plain_figure(2, 2)
    axes.plot([0, 1], label=name)
    axes.legend()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = svg_of(figure, letters="none")
    assert "\x1b" not in drawn
    assert name.replace("\x1b", "\\x1b") in drawn
