"""What a training says where nobody watches a bar."""

import io

import numpy as np
import pytest
from rich.console import Console

from unmask import metrics
from unmask.app import progress
from unmask.types import Label, Score


def test_losses_and_the_time_left_are_lines_where_stderr_is_no_terminal(capsys, monkeypatch):
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "LINES", 2)
    with progress.losses("training x") as advance:
        for done, loss in ((25, 1.0), (50, 0.5), (100, 0.25)):
            advance(done, 100, loss)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "training x: step 50 of 100, loss 0.5000, 20 s left",
        "training x: step 100 of 100, loss 0.2500",
    ]


@pytest.fixture
def terminal(monkeypatch) -> io.StringIO:
    """What a terminal would be shown."""
    shown = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=shown, force_terminal=True, width=100, height=20)
    )
    return shown


def test_one_bar_goes_over_the_bootstraps_of_all_tables(terminal):
    told = []
    moved = [
        progress.rounds_of(place, 2, rounds=10, advance=lambda done, total: told.append((done, total)))
        for place in (0, 1)
    ]
    for one in moved:
        for done in (5, 10):
            one(done)
    assert told == [(5, 20), (10, 20), (15, 20), (20, 20)]


def test_work_without_an_end_in_sight_says_what_it_is_and_takes_no_output(terminal, capsys):
    with progress.busy("exporting a.onnx"):
        print("a.onnx")
    assert "exporting a.onnx" in terminal.getvalue()
    assert capsys.readouterr().out == "a.onnx\n"
    with progress.loudness(quiet=True, verbose=False), progress.busy("nothing of this"):
        pass
    assert "nothing of this" not in terminal.getvalue()


def test_each_round_of_the_bootstrap_is_told():
    rng = np.random.default_rng(0)
    scores = [
        Score(presentation=f"p{k}", label=Label.ATTACK if k % 2 else Label.BONA_FIDE,
              instrument="print" if k % 2 else "", score=float(rng.random()), subject=f"s{k % 5}")
        for k in range(40)
    ]  # fmt: skip
    told = []
    metrics.summarise(scores, 0.5, rounds=7, progress=told.append)
    assert told == [1, 2, 3, 4, 5, 6, 7]
