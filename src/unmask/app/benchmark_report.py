"""Write one HTML page: counts, sheets of clips beside their depth, camera statistics, hashes."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from unmask.app.progress import bar
from unmask.data.benchmark import counts, lacking, protocols
from unmask.evaluation.leakage import ClipStatistics, Leak, leak_table, presentation_of
from unmask.files import keep_inputs, read_json, write_page
from unmask.media.statistics import face_statistics
from unmask.media.video import read_video
from unmask.report.benchmark_page import BenchmarkContents, ClipSheet, Listed, ShownClip, page
from unmask.simulate.benchmark import MARK
from unmask.types import DataError

A_SHEET = 6  # clips
MEASURED = 3000  # clips at most: more would change no figure that can be read
MEASURED_FRAMES = 3

Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class BenchmarkReportOptions:
    """The options of the command."""

    folder: Annotated[Path, typer.Argument(help="What `unmask benchmark make` made.")]
    out: Annotated[Path | None, typer.Option(help="The page; FOLDER/report.html if not given.")] = None


def benchmark_report(options: BenchmarkReportOptions) -> int:
    """Writes the page and says where it is."""
    folder = options.folder
    target = options.out or folder / "report.html"
    read = (path for path in folder.rglob("*") if path.name != "report.html" and path.is_file())
    keep_inputs({"--out": target}, read)
    rows, hashes = _table(folder / "labels.csv"), _table(folder / "hashes.csv")
    cv2.setNumThreads(1)
    with bar(f"measuring {folder}") as advance:
        chosen = _spread(rows, MEASURED)
        measured = []
        for row in chosen:
            measured.append(_measured(folder, row))
            advance(len(measured), len(chosen))
    leaks, why = _leaks(measured)
    text = page(
        BenchmarkContents(
            settings=_json(folder / MARK),
            made=_json(folder / "made.json"),
            rows=rows,
            hashes=hashes,
            protocols=list(_listed(rows)),
            sheets=list(_sheets(folder, rows)),
            measured=measured,
            leaks=leaks,
            no_leaks=why,
        )
    )
    write_page(target, text)
    print(target)
    return 0


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise DataError(
            f"{path.parent} is not a finished benchmark, it has no {path.name}; run `unmask benchmark "
            "make` to its end"
        )
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _json(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise DataError(
            f"{path.parent} is not a finished benchmark, it has no {path.name}; run `unmask benchmark "
            "make` to its end"
        )
    return read_json(path, again="run `unmask benchmark make` again")


def _spread(rows: Sequence[Row], at_most: int) -> list[Row]:
    """At most so many, evenly; their order tells nothing of them."""
    picked = np.unique(np.linspace(0, len(rows) - 1, min(at_most, len(rows))).round().astype(int))
    return [rows[i] for i in picked]


def _measured(folder: Path, row: Row) -> ClipStatistics:
    frames, truth = _recording(folder, row)
    picked = np.unique(np.linspace(0, len(frames) - 1, MEASURED_FRAMES).round().astype(int))
    found = face_statistics([frames[i] for i in picked], [truth["meshes"][i] for i in picked])
    return ClipStatistics(
        presentation=presentation_of(row["path"], row["instrument"], row["subject"], row["camera"]),
        statistics=found,
    )


def _recording(folder: Path, row: Row) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    frames = [frame.image for frame in read_video(folder / row["path"])]
    stored = folder / row["path"].replace("videos/", "truth/").replace(".mp4", ".npz")
    if not stored.is_file():
        raise DataError(f"{stored} is missing; run `unmask benchmark make` again, in an empty folder")
    with np.load(stored, allow_pickle=False) as truth:
        return frames, {name: truth[name] for name in truth.files}


def _leaks(measured: Sequence[ClipStatistics]) -> tuple[list[Leak], str]:
    try:
        return leak_table(measured), ""
    except DataError as too_few:
        return [], str(too_few)


def _listed(rows: Sequence[Row]) -> Iterator[Listed]:
    for protocol in protocols(rows):
        yield Listed(
            name=protocol.name,
            held_out=protocol.held_out,
            counts=counts(protocol, rows),
            lacks=lacking(protocol, rows),
        )


def _sheets(folder: Path, rows: Sequence[Row]) -> Iterator[ClipSheet]:
    """One for bona fide, one for each instrument, one for each camera."""
    by_instrument = _grouped(rows, lambda row: row["instrument"] or "bona fide")
    for name in sorted(by_instrument, key=lambda name: (name != "bona fide", name)):
        own = by_instrument[name]
        like = f"as {own[0]['like']} of SiW-M; " if own[0]["like"] else ""
        models = ", ".join(sorted({row["instrument_model"] for row in own} - {"", "any"}))
        note = f"{like}{len(own)} clips{f'; {models}' if models else ''}"
        clips = [_shown(folder, row, by="camera") for row in _spread(own, A_SHEET)]
        yield ClipSheet(title=name, part="instrument", note=note, clips=clips)
    for camera, own in sorted(_grouped(rows, lambda row: row["camera"]).items()):
        bona_fide = _spread([row for row in own if not row["instrument"]], A_SHEET // 2)
        attacks = _spread([row for row in own if row["instrument"]], A_SHEET - len(bona_fide))
        clips = [_shown(folder, row, by="instrument") for row in (*bona_fide, *attacks)]
        yield ClipSheet(title=camera, part="camera", note=f"{len(own)} clips", clips=clips)


def _grouped(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def _shown(folder: Path, row: Row, *, by: str) -> ShownClip:
    frames, truth = _recording(folder, row)
    middle = len(truth["depth_mm"]) // 2
    index = middle * int(truth["depth_every"])
    depth = truth["depth_mm"][middle].astype(np.float32) / 1000
    return ShownClip(
        picture=frames[index],
        depth_m=depth,
        mesh=truth["meshes"][index],
        words=f"{row[by] or 'bona fide'}, {row['place']}, {row['light']}",
        path=row["path"],
    )
