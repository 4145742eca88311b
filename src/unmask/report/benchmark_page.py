"""A benchmark's contents -> one HTML file: counts, sheets of clips beside their depth, statistics, hashes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.evaluation.leakage import ClipStatistics, Leak
from unmask.media.clips import cut_picture
from unmask.media.statistics import NAMES
from unmask.report.pictures import colour_map, jpeg_uri
from unmask.report.plain_page import template

SIDE_PX = 160  # of a picture on a sheet
NEARER_M, FARTHER_M = 0.08, 0.16  # of the middle of the face: what the colours of depth span
COUNTED = ("instrument", "like", "camera", "place", "light", "domain")
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClip:
    """A clip on a sheet: `picture` (H, W, 3) uint8, `depth_m` (h, w), `mesh` (468, 3) px of the picture."""

    picture: np.ndarray
    depth_m: np.ndarray
    mesh: np.ndarray
    words: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSheet:
    """Clips of one instrument or camera: `part` says which."""

    title: str
    part: str
    note: str
    clips: Sequence[ShownClip]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A protocol: `counts` split -> (bona fide, attacks); `lacks` why it was left out, else empty."""

    name: str
    held_out: str
    counts: Mapping[str, tuple[int, int]]
    lacks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkContents:
    """All that the page shows.

    `rows` of labels.csv, `hashes` of hashes.csv; `settings` and `made` as they were written; `no_leaks` why
    `leaks` is empty.
    """

    settings: Mapping[str, Any]
    made: Mapping[str, Any]
    rows: Sequence[Mapping[str, str]]
    hashes: Sequence[Mapping[str, str]]
    protocols: Sequence[Listed]
    sheets: Sequence[ClipSheet]
    measured: Sequence[ClipStatistics]
    leaks: Sequence[Leak]
    no_leaks: str = ""


def page(contents: BenchmarkContents) -> str:
    """The page as text; the same contents give the same page."""
    rows = contents.rows
    return template("benchmark_page.html.j2").render(
        settings=contents.settings,
        made=contents.made,
        clips=len(rows),
        subjects={split: len({row["subject"] for row in rows if row["split"] == split}) for split in SPLITS},
        counted=[(column, _counts(rows, column)) for column in COUNTED],
        whole=_counts(rows, "label"),
        splits=SPLITS,
        protocols=contents.protocols,
        sheets=[_sheet(sheet) for sheet in contents.sheets],
        statistics=statistics(contents.measured),
        by_camera=statistics(contents.measured, by=lambda row: row.camera),
        measured=len(contents.measured),
        leaks=contents.leaks,
        alone=[leak for leak in contents.leaks if leak.seen == contents.leaks[-1].seen],
        no_leaks=contents.no_leaks,
        names=NAMES,
        hashes=contents.hashes,
        before_cm=round(100 * NEARER_M),
        behind_cm=round(100 * FARTHER_M),
        colours=", ".join(_css(level) for level in np.linspace(0, 1, 9)),
    )


def statistics(
    measured: Sequence[ClipStatistics], *, by: Any = lambda row: row.family or "bona fide"
) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Group -> statistic -> (5th percentile, median, 95th) over its clips; the groups in order of name, the
    bona fide first.
    """
    groups: dict[str, list[ClipStatistics]] = {}
    for row in measured:
        groups.setdefault(by(row), []).append(row)
    found = {}
    for group in sorted(groups, key=lambda name: (name != "bona fide", name)):
        table = np.array([[row.statistics[name] for name in NAMES] for row in groups[group]])
        low, middle, high = np.percentile(table, [5, 50, 95], axis=0)
        found[group] = {
            name: (float(low[i]), float(middle[i]), float(high[i])) for i, name in enumerate(NAMES)
        }
    return found


def nearness(depth_m: np.ndarray, mesh: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Depth (h, w) as [0, 1], 1 is NEARER_M before the face's middle and 0 FARTHER_M behind; `scale` is px of
    depth a px of the mesh.

    >>> flat = np.full((4, 4), 0.5)
    >>> float(nearness(flat, np.ones((468, 3)))[0, 0].round(2))
    0.67
    """
    points = np.round(mesh[:, :2] * scale).astype(int)
    height, width = depth_m.shape
    inside = (points >= 0).all(axis=1) & (points < [width, height]).all(axis=1)
    face = depth_m[points[inside, 1], points[inside, 0]] if inside.any() else depth_m
    return np.clip((np.median(face) + FARTHER_M - depth_m) / (NEARER_M + FARTHER_M), 0.0, 1.0)


def _counts(rows: Sequence[Mapping[str, str]], column: str) -> list[tuple[str, dict[str, int]]]:
    """(value, split -> how many), in order of name; bona fide has an empty instrument, and no domain."""
    empty = {"instrument": "bona fide", "like": "bona fide", "domain": "recorded anywhere"}.get(column, "")
    values = sorted({row[column] for row in rows})
    return [
        (
            value or empty,
            {split: sum(row[column] == value and row["split"] == split for row in rows) for split in SPLITS},
        )
        for value in values
    ]


def _sheet(sheet: ClipSheet) -> dict[str, Any]:
    return {
        "title": sheet.title,
        "part": sheet.part,
        "note": sheet.note,
        "clips": [_shown(clip) for clip in sheet.clips],
    }


def _shown(clip: ShownClip) -> dict[str, str]:
    depth = colour_map(nearness(clip.depth_m, clip.mesh, scale=len(clip.depth_m) / len(clip.picture)))
    return {
        "picture": jpeg_uri(_small(clip.picture), quality=80),
        "depth": jpeg_uri(_small(depth), quality=80),
        "words": clip.words,
        "path": clip.path,
    }


def _small(picture: np.ndarray) -> np.ndarray:
    """The whole of it in a square; what a longer side leaves over is edge."""
    side = max(picture.shape[:2])
    return cut_picture(picture, np.array([0, 0, side, side]), size_px=SIDE_PX)


def _css(level: float) -> str:
    red, green, blue = colour_map(np.array([[level]]))[0, 0]
    return f"rgb({red} {green} {blue})"
