"""Clips as the benchmarks of picture quality measure them: statistics, and the crop that a network sees."""

import csv
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from unmask.evaluation.leakage import ClipStatistics, presentation_of
from unmask.media.clips import clip_box, cut_picture, mesh_in_clip, mesh_mask
from unmask.media.faces import FaceFinder
from unmask.media.sources import open_source
from unmask.media.statistics import CROP, NAMES, face_statistics
from unmask.media.video import read_video
from unmask.simulate.series import CLIPS_A_SUBJECT, Series
from unmask.types import family_of

A_SUBJECT = 3  # clips of a class from one run of neighbours, which share a subject
RAREST = 200  # requests looked through for each clip wanted, so that a rare family ends the search
APART_S = 0.5  # between the frames of a video that are looked at
FRAMES = 5  # of a video


@dataclass(frozen=True, kw_only=True)
class Clips:
    """N clips: `rows`; `crops` (N, S, S, 3) uint8 and `masks` (N, 32, 32) of one frame of each."""

    rows: tuple[ClipStatistics, ...]
    crops: np.ndarray
    masks: np.ndarray

    def save(self, path: Path) -> None:
        """As one .npz file."""
        table = np.array([[row.statistics[name] for name in NAMES] for row in self.rows], np.float32)
        truth = np.array([[row.name, row.instrument, row.subject, row.camera] for row in self.rows])
        np.savez(path, names=np.array(NAMES), table=table, truth=truth, crops=self.crops, masks=self.masks)

    @staticmethod
    def load(path: Path) -> "Clips":
        """From `save`."""
        with np.load(path, allow_pickle=False) as held:
            names, rows = held["names"].tolist(), []
            for truth, values in zip(held["truth"], held["table"], strict=True):
                numbers = dict(zip(names, map(float, values), strict=True))
                rows.append(
                    ClipStatistics(
                        presentation=presentation_of(*map(str, truth)),
                        statistics=numbers,
                    )
                )
            return Clips(rows=tuple(rows), crops=held["crops"], masks=held["masks"])


def simulated(series: Series, *, a_class: int, jobs: int) -> Clips:
    """The first `a_class` bona fide clips of the series and as many of each family of instruments."""
    wanted = chosen(series, a_class=a_class)
    if jobs <= 1:
        return _gathered(map(_simulated_one, [series] * len(wanted), wanted))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_start, initargs=(series,)) as pool:
        return _gathered(pool.map(_in_worker, wanted, chunksize=4))


def chosen(series: Series, *, a_class: int) -> list[int]:
    """Indices of the series in its order: `a_class` of each class, A_SUBJECT of a subject at most."""
    families = {"", *(family_of(name) for name in series.instruments)}
    found: Counter[str] = Counter()
    of_subject: Counter[tuple[str, int]] = Counter()
    wanted = []
    for index in range(RAREST * a_class):
        family = family_of(series.request(index).instrument or "")
        place = (family, index // CLIPS_A_SUBJECT)
        if found[family] < a_class and of_subject[place] < A_SUBJECT:
            found[family] += 1
            of_subject[place] += 1
            wanted.append(index)
        if all(found[name] >= a_class for name in families):
            break
    return wanted


def of_benchmark(folder: Path) -> Clips:
    """All clips of a folder of `unmask benchmark make` or `unmask simulate`, with their true meshes."""
    return _gathered(_stored(folder, row) for row in read_labels(folder))


def pictures(folder: Path) -> Clips:
    """Real pictures: those of `folder`/labels.csv (path,label,instrument,source) in which a face is found.

    Labels are read for the tables' rows; nothing is measured by them. `camera` is the source.
    """
    finder = FaceFinder.load()
    return _gathered(found for row in read_labels(folder) if (found := _picture(folder, row, finder)))


_One = tuple[ClipStatistics, np.ndarray, np.ndarray]


def measured(
    frames: Sequence[np.ndarray],
    meshes: Sequence[np.ndarray],
    *,
    name: str,
    instrument: str,
    subject: str,
    camera: str,
) -> _One:
    """The row of a recording, and crop and mask of its last frame."""
    box = clip_box(meshes[-1], scale=CROP.box_scale)
    crop = cut_picture(frames[-1], box, size_px=CROP.size_px)
    mask = mesh_mask(mesh_in_clip(meshes[-1], box, size_px=CROP.size_px), size_px=CROP.size_px)
    numbers = face_statistics(frames, meshes)
    truth = presentation_of(name, instrument, subject, camera)
    row = ClipStatistics(presentation=truth, statistics=numbers)
    return row, crop, mask


def _simulated_one(series: Series, index: int) -> _One:
    made = series(index)
    return measured(
        made.frames,
        list(made.meshes),
        name=str(index),
        instrument=made.instrument,
        subject=made.subject,
        camera=made.camera,
    )


_of_this_worker: list[Series] = []


def _start(series: Series) -> None:
    cv2.setNumThreads(1)
    _of_this_worker[:] = [series]


def _in_worker(index: int) -> _One:
    return _simulated_one(_of_this_worker[0], index)


def _stored(folder: Path, row: dict[str, str]) -> _One:
    frames = [frame.image for frame in read_video(folder / row["path"])]
    truth = Path(row["path"].replace("videos/", "truth/")).with_suffix(".npz")
    with np.load(folder / truth, allow_pickle=False) as held:
        meshes = held["meshes"]
    picked = np.unique(np.linspace(0, len(frames) - 1, 2).round().astype(int))
    return measured(
        [frames[i] for i in picked],
        [meshes[i] for i in picked],
        name=row["path"],
        instrument=row["instrument"],
        subject=row["subject"],
        camera=row["camera"],
    )


def looked_at(path: Path, finder: FaceFinder) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames of a picture, or up to FRAMES of a video, in which a face is found, and the widest meshes."""
    source = open_source(path)
    step = max(1, round(APART_S * (source.fps or 1)))
    frames, meshes = [], []
    for frame in islice(source.frames, 0, step * FRAMES, step):
        if faces := finder.find(frame.image):
            frames.append(frame.image)
            meshes.append(max(faces, key=lambda face: float(np.ptp(face.mesh[:, 0]))).mesh)
    source.close()
    return frames, meshes


def read_labels(folder: Path) -> list[dict[str, str]]:
    """The rows of `folder`/labels.csv (path,label,instrument,source)."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _picture(folder: Path, row: dict[str, str], finder: FaceFinder) -> _One | None:
    frames, meshes = looked_at(folder / row["path"], finder)
    if not frames:
        return None
    return measured(
        frames,
        meshes,
        name=row["path"],
        instrument="" if row["label"] == "bona_fide" else row["instrument"],
        subject=row["path"],
        camera=row.get("source", ""),
    )


def _gathered(found: Iterator[_One]) -> Clips:
    rows, crops, masks = zip(*found, strict=True)
    return Clips(rows=tuple(rows), crops=np.stack(crops), masks=np.stack(masks).astype(np.float32))
