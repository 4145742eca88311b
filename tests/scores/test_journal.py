"""A table in the making keeps its whole rows, and is never taken for another one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unmask.scores.journal import journal
from unmask.types import OutputError

CLAIM = {"protocol": "p", "model": "m 1"}


def filled(table: Path, rows: int) -> Path:
    with journal(table, CLAIM) as kept:
        for n in range(rows):
            kept.keep(n, {"score": n / 4})
    return kept.path


def test_rows_are_there_again(tmp_path: Path) -> None:
    filled(tmp_path / "deep" / "scores.csv", 3)
    with journal(tmp_path / "deep" / "scores.csv", CLAIM) as kept:
        assert kept.rows == {0: {"score": 0.0}, 1: {"score": 0.25}, 2: {"score": 0.5}}
        kept.remove()
    assert not list((tmp_path / "deep").iterdir())


def test_wherever_a_kill_cuts_the_file_whole_rows_stay_and_no_other(tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    path = filled(table, 3)
    whole = path.read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with journal(table, CLAIM) as kept:
            assert len(kept.rows) == max(0, sum(end <= length for end in ends) - 1)
            for n in range(3):
                if n not in kept.rows:
                    kept.keep(n, {"score": n / 4})
        assert path.read_bytes() == whole


def test_lines_after_a_damaged_one_are_scored_again(tmp_path: Path) -> None:
    path = filled(tmp_path / "scores.csv", 3)
    lines = path.read_bytes().split(b"\n")
    lines[2] = b"\0" * 12  # what a lost machine may leave
    path.write_bytes(b"\n".join(lines))
    with journal(tmp_path / "scores.csv", CLAIM) as kept:
        assert list(kept.rows) == [0]


@pytest.mark.parametrize(
    ("other", "word"), [({"protocol": "q", "model": "m 1"}, "protocol"), (CLAIM | {"model": "m 2"}, "model")]
)
def test_that_of_another_run_is_refused_and_kept(tmp_path: Path, other: Any, word: str) -> None:
    before = filled(tmp_path / "scores.csv", 2).read_bytes()
    with (
        pytest.raises(OutputError, match=f"was broken off with another {word}; finish that run, delete"),
        journal(tmp_path / "scores.csv", other),
    ):
        pass
    assert (tmp_path / "scores.csv.partial").read_bytes() == before


@pytest.mark.parametrize(
    "content", ["presentation,score\na,1\n", "[1]\n", "notes", json.dumps({"protocol": 1}) + "\n"]
)
def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path, content: Any) -> None:
    (tmp_path / "scores.csv.partial").write_text(content)
    with (
        pytest.raises(OutputError, match="is not a table that was broken off; move it away"),
        journal(tmp_path / "scores.csv", CLAIM),
    ):
        pass
    assert (tmp_path / "scores.csv.partial").read_text() == content


def test_without_a_row_nothing_is_left(tmp_path: Path) -> None:
    filled(tmp_path / "scores.csv", 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="files are not locked there")
def test_two_runs_do_not_write_one_table(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from unmask.scores.journal import journal
with journal(Path({str(tmp_path / "scores.csv")!r}), {CLAIM!r}):
    pass
"""
    with journal(tmp_path / "scores.csv", CLAIM) as kept:
        kept.keep(0, {})
        second = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "another process writes to" in second.stderr
    assert kept.path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits")
def test_a_full_disk_is_named_and_the_rows_before_it_stay(tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    filled(tmp_path / "scores.csv", 3)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))  # larger files are refused, as by a full disk
    try:
        with (
            pytest.raises(OutputError, match=r"cannot write .*scores.csv.partial: the file would be larger"),
            journal(tmp_path / "scores.csv", CLAIM) as kept,
        ):
            kept.keep(3, {"reasons": "x" * 400})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with journal(tmp_path / "scores.csv", CLAIM) as kept:
        assert list(kept.rows) == [0, 1, 2]
