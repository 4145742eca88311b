"""What is written is whole, or not there."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from unmask.files import atomic_path, keep_inputs, write_bytes
from unmask.types import OutputError


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that takes no more than `size` bytes a file, as a full one does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_target_appears_only_when_the_block_ended(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.txt"
    with atomic_path(target) as part:
        part.write_text("whole")
        assert not target.exists()
        assert part.parent == target.parent  # a rename across disks would not be atomic
        assert part.suffix == ".part"
    assert target.read_text() == "whole"
    assert names(target.parent) == ["a.txt"]


def write_half(target: Path, failure: BaseException) -> None:
    with atomic_path(target) as part:
        part.write_text("half")
        raise failure


def test_the_bytes_are_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append("fsync"))
    monkeypatch.setattr(os, "replace", lambda part, target: calls.append("replace"))
    write_bytes(tmp_path / "a.txt", b"")
    assert calls == ["fsync", "replace", "fsync"]  # the second is the folder's, which holds the name


@pytest.mark.parametrize("failure", [RuntimeError("halfway"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: Any) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(type(failure)):
        write_half(target, failure)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_two_writers_of_one_target_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target) as first, atomic_path(target) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert target.read_text() == "first"  # the outer block ended last
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        largest_file(1000),
        pytest.raises(OutputError, match=r"cannot write .*a\.txt: .*choose another place"),
    ):
        write_bytes(tmp_path / "a.txt", bytes(2000))
    assert names(tmp_path) == []


def test_no_space_left_is_told_as_a_full_disk(tmp_path: Path) -> None:
    def fill(part: Path) -> None:
        part.write_bytes(b"half")
        Path("/dev/full").write_bytes(b"more")

    with (
        pytest.raises(OutputError, match="the disk is full; free some space"),
        atomic_path(tmp_path / "a") as part,
    ):
        fill(part)
    assert names(tmp_path) == []


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(OutputError, match="not a plain file"), atomic_path("/dev/full"):
        raise AssertionError("not reached")


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not a plain file"), atomic_path(tmp_path):
        raise AssertionError("not reached")


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file stands where its folder should be"):
        write_bytes(tmp_path / "file" / "a.txt", b"")


def test_the_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_bytes(tmp_path / "link.txt", b"new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_errors_of_others_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="another"), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "another.txt").read_text()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    ["https://admin:S3cret@host/a.html", "http:/admin:S3cret@host/a", "rtsp://h/S3cret", "s3://bucket/a.csv"],
)
def test_an_address_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=r"--report is an address, .*; name a file on a disk"):
        keep_inputs({"--report": Path(name)}, [])
