"""What a training says where nobody watches a bar."""

import io
import re
import time

import numpy as np
import pytest
from rich.console import Console

from unmask import metrics
from unmask.app import progress
from unmask.types import Label, Presentation, Score


def test_losses_and_the_time_left_are_lines_where_stderr_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
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
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal would be shown."""
    shown = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=shown, force_terminal=True, width=100, height=20)
    )
    return shown


def test_one_bar_goes_over_the_bootstraps_of_all_tables(terminal: io.StringIO) -> None:
    told: list[tuple[int, int | None]] = []

    def advance(done: int, total: int | None = None, title: str = "", /) -> None:
        told.append((done, total))

    moved = [progress.rounds_of(place, 2, rounds=10, advance=advance) for place in (0, 1)]
    for one in moved:
        for done in (5, 10):
            one(done)
    assert told == [(5, 20), (10, 20), (15, 20), (20, 20)]


def test_work_without_an_end_in_sight_says_what_it_is_and_takes_no_output(
    terminal: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.busy("exporting a.onnx"):
        print("a.onnx")
    assert "exporting a.onnx" in terminal.getvalue()
    assert capsys.readouterr().out == "a.onnx\n"
    with progress.loudness(quiet=True, verbose=False), progress.busy("nothing of this"):
        pass
    assert "nothing of this" not in terminal.getvalue()


def test_a_narrow_terminal_keeps_the_end_of_the_name_the_count_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=shown, force_terminal=True, width=40, color_system=None)
    )
    clock = iter(np.arange(0.0, 1000.0, 10.0))
    monkeypatch.setattr("rich.progress.monotonic", lambda: float(next(clock)), raising=False)
    with progress.bar("/home/anna/recordings/of/the/door/replay.mp4") as advance:
        for done in range(4):
            advance(done, 75)
    lines = [line for line in shown.getvalue().replace("\r", "\n").splitlines() if "/75" in line]
    assert all("replay.mp4" in line and "3/75" in line for line in lines[-1:])
    assert re.search(r"\d:\d\d:\d\d|-:--:--", lines[-1])
    assert len(re.sub(r"\x1b\[[0-9?;]*[A-Za-z]", "", lines[-1])) <= 40


def test_what_is_said_while_a_bar_lives_stands_above_it(terminal: io.StringIO) -> None:
    with progress.bar("scoring captures") as advance:
        advance(1, 3)
        progress.say("unmask: a.mp4 is broken; copy it again")
    said = [line for line in terminal.getvalue().splitlines() if "a.mp4 is broken" in line]
    assert len(said) == 1
    assert said[0].rpartition("\x1b[2K")[2] == "unmask: a.mp4 is broken; copy it again"


def test_an_inner_command_is_as_quiet_as_the_outer_one_which_alone_says_how_long_it_took(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.loudness(quiet=True, verbose=False), progress.loudness(quiet=False, verbose=False):
        progress.say("nothing of this")
    assert "nothing" not in capsys.readouterr().err
    with progress.loudness(quiet=False, verbose=True), progress.loudness(quiet=False, verbose=True):
        pass
    assert capsys.readouterr().err.count("took") == 1


def test_parts_add_up_to_the_whole() -> None:
    told: list[tuple[int, int | None]] = []

    def advance(done: int, total: int | None = None, title: str = "", /) -> None:
        told.append((done, total))

    add = progress.adding(advance, 10)
    for more in (4, 5, 1):
        add(more)
    assert told == [(4, 10), (9, 10), (10, 10)]


def test_each_round_of_the_bootstrap_is_told() -> None:
    rng = np.random.default_rng(0)
    scores = [
        Score(
            presentation=Presentation(
                path=f"p{k}",
                label=Label.ATTACK if k % 2 else Label.BONA_FIDE,
                instrument="print" if k % 2 else "",
                subject=f"s{k % 5}",
            ),
            score=float(rng.random()),
        )
        for k in range(40)
    ]
    told: list[int] = []
    metrics.summarise(scores, 0.5, rounds=7, progress=told.append)
    assert told == [1, 2, 3, 4, 5, 6, 7]
