"""How benchmarks/ counts: turns, intervals, ratios, exponents, and that a quick wrong answer fails."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from unmask.types import Decision, Verdict


@pytest.fixture(scope="module", autouse=True)
def _found_from_here() -> Iterator[None]:
    sys.path.append(str(Path(__file__).parents[1]))
    yield
    sys.path.pop()


def test_the_interval_holds_the_median_in_ninety_five_of_a_hundred_runs(rng: np.random.Generator) -> None:
    from benchmarks.timing import interval

    held = 0
    for _ in range(2000):
        found = interval(list(rng.exponential(1, 15)))
        assert found.low <= found.middle <= found.high
        held += found.low <= np.log(2) <= found.high
    assert held / 2000 >= 0.95
    few = interval([3, 1, 2])
    assert (few.low, few.middle, few.high) == (1, 2, 3)


def test_ways_take_turns_after_one_that_does_not_count() -> None:
    from benchmarks.timing import in_turn, ratio

    calls: list[str] = []

    def called(way: str) -> int:
        calls.append(way)
        return len(calls)

    found = in_turn(3, slow=lambda: 2.0 * called("slow"), fast=lambda: called("fast"))
    assert calls == ["slow", "fast"] * 4
    assert found == {"slow": [6, 10, 14], "fast": [4, 6, 8]}
    assert ratio(found["slow"], found["fast"]).middle == pytest.approx(10 / 6)


def test_the_exponent_is_that_of_the_power() -> None:
    from benchmarks.timing import exponent

    assert exponent([1, 10, 100], [3, 30, 300]) == pytest.approx(1)
    assert exponent([1, 2, 4], [5, 20, 80]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("verdict", "score", "agrees"),
    [(Verdict.LIVE, 0.81, True), (Verdict.LIVE, 0.9, False), (Verdict.UNDECIDED, 0.8, False)],
)
def test_a_quick_way_that_answers_otherwise_ends_the_run(verdict: Any, score: float, agrees: bool) -> None:
    from benchmarks.checking import agree
    from benchmarks.timing import DisagreementError

    plain = cast(Decision, SimpleNamespace(verdict=Verdict.LIVE, score=0.8))
    quick = cast(Decision, SimpleNamespace(verdict=verdict, score=score))
    if agrees:
        agree(quick, plain, of="it")
    else:
        with pytest.raises(DisagreementError, match="the plain one"):
            agree(quick, plain, of="it")


def test_the_table_is_markdown_of_as_many_cells_as_its_heading() -> None:
    from benchmarks.__main__ import table
    from benchmarks.growth import Growth
    from benchmarks.timing import Row, interval

    row = Row(work="w", unit="ms", value=interval([1.0]), goal="1", limit="l", ratio=interval([2.0]))
    line = Growth(what="x", sizes=[1, 2], unit="s", costs=[1, 2], far="linear")
    text = table([row], [line])
    first, second = text.split("\n\n")
    for lines, cells in ((first.splitlines(), 6), (second.splitlines(), 5)):
        assert {one.count("|") for one in lines} == {cells + 1}
    assert "1 [1, 1] ms" in text
    assert "| 1.00 |" in second


@pytest.mark.slow
@pytest.mark.parametrize("part", ["checking", "making", "head", "paper_width", "workers", "growth"])
def test_each_part_runs_on_tiny_input_and_writes_nothing(part: str) -> None:
    from benchmarks.__main__ import PARTS

    root = Path(__file__).parents[1]
    before = {path: path.read_bytes() for path in (root / "results").iterdir()}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", part],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name != "UNMASK_MINIFASNET"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n|") >= 3  # a heading, its rule and a row
    assert part in PARTS
    assert {path: path.read_bytes() for path in (root / "results").iterdir()} == before
