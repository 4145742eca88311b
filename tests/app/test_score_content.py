"""A score belongs to the content of a file: what has changed since is scored again."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unmask.app import score_rows
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.detector.scoring import PresentationScorer, Scored
from unmask.files import content_of, is_same
from unmask.parallel import ENGINES
from unmask.types import Label, Presentation


def write(path: Any, content: bytes, *, age_s: float = 0.0) -> Any:
    path.write_bytes(content)
    times = os.stat(path).st_mtime - age_s
    os.utime(path, (times, times))
    return path


def test_a_file_is_the_same_while_nothing_touched_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", b"one")
    before = content_of(path)
    assert is_same(path, before)
    os.utime(path, (1, 1))
    assert is_same(path, before)  # another time, the same content


def test_a_file_that_was_copied_elsewhere_is_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", b"one")
    (tmp_path / "other").mkdir()
    shutil.copy(path, tmp_path / "other")
    assert is_same(tmp_path / "other" / "a.mp4", content_of(path))


def test_other_content_of_the_same_size_and_time_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", b"one", age_s=60)
    before, times = content_of(path), os.stat(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not is_same(path, before)


def test_a_folder_of_frames_is_its_pictures(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    write(frames / "1.png", b"one")
    before = content_of(frames)
    assert is_same(frames, before)
    write(frames / "2.png", b"two")
    assert not is_same(frames, before)


@pytest.mark.parametrize("content", [{}, {"about": "", "sha256": ""}])
def test_what_is_not_known_is_not_the_same(tmp_path: Path, content: Any) -> None:
    assert not is_same(write(tmp_path / "a.mp4", b"one"), content)
    assert not is_same(tmp_path / "gone.mp4", content)
    assert content_of(tmp_path / "gone.mp4") == {"about": "", "sha256": ""}


class BrokenOffError(Exception):
    pass


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Names in the order in which they were scored, by their length; the run is broken off before "stop"."""
    names: list[str] = []

    def engine(work: Any, tasks: Any, *, jobs: Any) -> Iterator[Any]:
        for number, presentation, name in tasks:
            content = content_of(presentation.path)
            if os.path.getsize(presentation.path) == 0:
                raise BrokenOffError
            names.append(name)
            size = os.path.getsize(presentation.path) / 100
            yield (
                number,
                Scored(score=size, verdict="LIVE", reasons="", threshold="0.1", model="m 1"),
                content,
            )

    monkeypatch.setitem(ENGINES, "processes", engine)
    monkeypatch.setattr(score_rows, "mark_of", lambda scorer: {"model": "m 1"})
    return names


def test_a_run_that_goes_on_scores_changed_files_again(tmp_path: Path, scored: Any) -> None:
    for name in ("a.mp4", "b.mp4"):
        write(tmp_path / name, b"12345")
    write(tmp_path / "c.mp4", b"")
    entries = [
        Entry(presentation=Presentation(path=str(tmp_path / name), label=label), name=name)
        for name, label in (("a.mp4", Label.BONA_FIDE), ("b.mp4", Label.ATTACK), ("c.mp4", Label.ATTACK))
    ]
    output = ScoreOutput(table=tmp_path / "scores.csv", jobs=1)
    with pytest.raises(BrokenOffError):
        write_rows(entries, PresentationScorer(), output, title="t")
    assert scored == ["a.mp4", "b.mp4"]
    write(tmp_path / "b.mp4", b"1234567")
    write(tmp_path / "c.mp4", b"1")
    rows = write_rows(entries, PresentationScorer(), output, title="t")
    assert scored == ["a.mp4", "b.mp4", "b.mp4", "c.mp4"]
    assert [row.score for row in rows] == [0.05, 0.07, 0.01]
