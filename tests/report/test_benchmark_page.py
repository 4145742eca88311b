import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask.app.benchmark_report import BenchmarkReportOptions, benchmark_report
from unmask.evaluation.leakage import ClipStatistics, presentation_of
from unmask.files import write_bytes
from unmask.media.statistics import NAMES
from unmask.media.video import write_video
from unmask.report.benchmark_page import (
    BenchmarkContents,
    ClipSheet,
    Listed,
    ShownClip,
    nearness,
    page,
    statistics,
)
from unmask.types import DataError

SETTINGS = {
    "size": "tiny",
    "seed": 7,
    "frames": 2,
    "fps": 10.0,
    "side_px": 64,
    "portraits": "drawn",
    "backgrounds": "drawn",
    "heads": "none",
    "versions": {"unmask": "0.0", "numpy": "0.0"},
}
MADE = {"command": "unmask benchmark make --seed 7", "seconds": 90, "jobs": 2, "sha256": "ab" * 32}
OVAL = np.column_stack(
    [32 + 14 * np.cos(np.arange(468)), 32 + 18 * np.sin(np.arange(468)), np.zeros(468)]
).astype(np.float32)


def row(number: Any, **changes: Any) -> Any:
    return {
        "path": f"videos/{number:06d}.mp4",
        "label": "attack",
        "instrument": "print/<bent>",
        "subject": f"p{number}",
        "camera": "new-phone",
        "light": "office",
        "seed": str(number),
        "instrument_model": "inkjet",
        "place": "home",
        "session": "1",
        "domain": "home",
        "split": "train",
        "like": "Print",
        **changes,
    }


LIVING = {"label": "bona_fide", "instrument": "", "instrument_model": "", "like": "", "domain": ""}
ROWS = [row(0), row(1, split="test"), row(2, **LIVING), row(3, **LIVING, split="dev", camera="terminal")]
HASHES = [{"path": r["path"], "frames_sha256": "12" * 32, "truth_sha256": "34" * 32} for r in ROWS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished benchmark of four clips."""
    rng = np.random.default_rng(1)
    for index, entry in enumerate(ROWS):
        frames = [rng.integers(40 * index, 40 * index + 60, (64, 64, 3)).astype(np.uint8) for _ in range(2)]
        write_video(tmp_path / entry["path"], frames, fps=10.0)
        stored = tmp_path / entry["path"].replace("videos", "truth").replace("mp4", "npz")
        stored.parent.mkdir(exist_ok=True)
        depth = np.full((1, 64, 64), 600, np.uint16)
        np.savez_compressed(stored, depth_mm=depth, depth_every=2, meshes=np.stack([OVAL, OVAL]))
    for name, rows in (("labels.csv", ROWS), ("hashes.csv", HASHES)):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    write_bytes(tmp_path / "benchmark.json", json.dumps(SETTINGS).encode())
    write_bytes(tmp_path / "made.json", json.dumps(MADE).encode())
    return tmp_path


def measured(instrument: Any, value: Any, camera: str = "new-phone") -> Any:
    return ClipStatistics(
        presentation=presentation_of("clip", instrument, "p", camera), statistics=dict.fromkeys(NAMES, value)
    )


def contents(**changes: Any) -> Any:
    picture = np.full((64, 64, 3), 90, np.uint8)
    shown = ShownClip(
        picture=picture, depth_m=np.full((64, 64), 0.5), mesh=OVAL, words="new-phone, home", path="videos/0"
    )
    known = {
        "settings": SETTINGS,
        "made": MADE,
        "rows": ROWS,
        "hashes": HASHES,
        "protocols": [
            Listed(
                name="oulu-1",
                held_out="place <shop>",
                counts={"train": (1, 2), "dev": (3, 4), "test": (5, 6)},
                lacks="",
            ),
            Listed(
                name="oulu-2",
                held_out="models",
                counts={"train": (0, 2), "dev": (3, 4), "test": (5, 6)},
                lacks="bona fide recordings in train",
            ),
        ],
        "sheets": [ClipSheet(title="print/<bent>", part="instrument", note="2 clips", clips=[shown])],
        "measured": [measured("", 1.0), measured("print/flat", 3.0)],
        "leaks": [],
        "no_leaks": "too few subjects",
        **changes,
    }
    return BenchmarkContents(**known)


class Reader(HTMLParser):
    """What is open, what is referred to, and the words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: Any, attributes: Any) -> None:
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag: Any) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: Any) -> None:
        self.words += data.split()


def read(text: Any) -> Any:
    reader = Reader()
    reader.feed(text)
    assert not reader.open
    return reader


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    reader = read(page(contents()))
    assert all(source.startswith(("data:image/jpeg;base64,", "#")) for source in reader.sources)
    assert sum(source.startswith("data:") for source in reader.sources) == 2  # a clip and its depth
    words = " ".join(reader.words)
    for shown in (
        "unmask benchmark make --seed 7",
        "ab" * 32,
        "numpy 0.0",
        "print/<bent>",
        "5 + 6",
        "34" * 32,
    ):
        assert shown in words
    assert "left out: no bona fide recordings in train" in words
    assert "Not measured: too few subjects" in words


def test_the_same_contents_give_the_same_page() -> None:
    assert page(contents()) == page(contents())


def test_counts_are_by_split() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(contents())))
    assert "terminal 0 1 0 1" in text  # train, dev, test, all
    assert "print/&lt;bent&gt; 1 0 1 2" in text
    assert "4 subjects: 2 in train, 1 in dev, 1 in test" in text


def test_statistics_are_medians_of_each_group_the_living_first() -> None:
    rows = [measured("print/flat", v) for v in (1.0, 2.0, 9.0)] + [measured("", 5.0, camera="terminal")]
    found = statistics(rows)
    assert list(found) == ["bona fide", "print"]
    assert found["print"]["noise"][1] == 2.0
    assert found["print"]["noise"][0] < 2.0 < found["print"]["noise"][2]
    assert list(statistics(rows, by=lambda row: row.camera)) == ["new-phone", "terminal"]


def test_near_is_bright_and_a_face_spans_more_than_a_plane() -> None:
    relief = np.full((64, 64), 1.0)
    relief[12:53, 16:48] = 0.5
    found = nearness(relief, OVAL)
    assert found[32, 32] > 0.6
    assert found[0, 0] == 0.0
    assert np.ptp(nearness(np.full((64, 64), 0.7), OVAL)) == 0.0


def test_a_folder_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark_report(BenchmarkReportOptions(folder=folder)) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    reader = read((folder / "report.html").read_text())
    # Sheets: the living, the instrument, each camera; a picture and a depth for each clip.
    assert sum(source.startswith("data:") for source in reader.sources) == 2 * (2 + 2 + 3 + 1)
    assert "needs 10 subjects, not 4" in " ".join(reader.words)


def test_an_unfinished_benchmark_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "hashes.csv").unlink()
    with pytest.raises(DataError, match=r"not a finished benchmark, it has no hashes\.csv"):
        benchmark_report(BenchmarkReportOptions(folder=folder))
    assert not (folder / "report.html").exists()
