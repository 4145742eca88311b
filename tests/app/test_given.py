"""What people type for a source, and what comes out in which form."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from skimage import data

from unmask.app.given import named, spread, standard_input
from unmask.media.images import write_image
from unmask.types import SourceError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0", "camera:0"),
        ("12", "camera:12"),
        ("/dev/video1", "camera:1"),
        ("rtsp://host/live", "rtsp://host/live"),
        ("123", "123"),  # no machine has so many cameras
    ],
)
def test_cameras_go_by_number(typed: str, meant: str) -> None:
    assert named(typed) == meant


def test_a_file_named_as_a_number_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0").touch()
    monkeypatch.chdir(tmp_path)
    assert named("0") == "0"


def test_a_folder_of_videos_is_its_videos_and_one_of_pictures_is_frames(tmp_path: Path) -> None:
    videos, frames = tmp_path / "videos", tmp_path / "frames"
    for folder, names in ((videos, ("10.mp4", "9.MP4", "note.txt", ".a.mp4", "8.jpg")), (frames, ("1.jpg",))):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    assert spread([str(videos), str(frames), "1"]) == [
        *(str(videos / name) for name in ("8.jpg", "9.MP4", "10.mp4")),
        str(frames),
        "camera:1",
    ]


def test_a_picture_is_piped_in_and_each_form_says_the_same(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "face.png"
    write_image(picture, data.astronaut())

    def piped(*arguments: Any) -> Any:
        with picture.open("rb") as raw:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(raw))
            return unmask("check", "-", *arguments)

    code, out, _ = piped("--format", "json")
    record = json.loads(out)
    assert record["source"] == "-"
    code_csv, out, err = piped("--format", "csv", "--quiet")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["verdict"], row["source"], code_csv, err) == (record["verdict"], "'-", code, "")  # no formula
    assert float(row["score"]) == record["score"]
    code_table, out, err = piped("-v")
    assert record["verdict"] in out
    assert code_table == code
    assert "took" in err


def test_nothing_on_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(SourceError, match="pipe one picture"):
        standard_input()


def test_a_source_is_checked_again_as_often_as_the_seconds_allow(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    picture = tmp_path / "face.png"
    write_image(picture, data.astronaut())
    _, out, _ = unmask("check", picture, "--json", "--every", "0.1", "--seconds", "0.25")
    assert len(out.splitlines()) == 3
