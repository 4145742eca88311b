"""A folder of recordings that may be broken off at any moment and continued, on any number of processes."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from unmask.files import atomic_path, read_json, write_bytes
from unmask.media.video import read_video, write_video
from unmask.parallel import KilledError, in_single_threads
from unmask.plain import as_table
from unmask.simulate.studio import Simulated
from unmask.types import OutputError

COLUMNS = ("path", "label", "instrument", "subject", "camera", "light", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a folder is: `done` of `total` videos."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How recordings are kept: `crf` of the H.264 videos; depth of each `depth_every`-th frame and
    `depth_step`-th pixel.

    `hashed` adds the columns `frames_sha256` (of the frames that the video decodes to) and `truth_sha256` (of
    depth and meshes).
    """

    fps: float
    crf: float = 17.0
    depth_every: int = 3
    depth_step: int = 2
    hashed: bool = False


def mark_folder(out: Path, settings: Mapping[str, object], *, mark: str) -> None:
    """Marks the folder as made by these settings; one with other files, or of other settings, is refused."""
    text = json.dumps(settings, indent=1)
    if (out / mark).exists():
        if (out / mark).read_bytes() != text.encode():
            raise OutputError(
                f"{out} was made with other settings ({_differing(out / mark, settings)}); choose an empty "
                "folder, or the same settings to continue it"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} holds other files; choose an empty folder")
    write_bytes(out / mark, text.encode())


def shuffled_names(seed: int, count: int) -> list[str]:
    """Shuffled numbers: neither order nor name tells what is in a video."""
    order = np.random.default_rng([seed, 11]).permutation(count)
    return [f"{number:06d}" for number in order]


def write_recordings(
    out: Path,
    *,
    source: Callable[[int], Simulated],
    names: Sequence[str],
    delivery: Delivery,
    jobs: int,
    together: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> list[dict[str, str]]:
    """`out`/videos/NAME.mp4 and `out`/truth/NAME.npz of each `source(index)`, those already there left alone;
    a row of COLUMNS and `instrument_model`, `place`, `source`, `licence` for each name, in their order.

    `jobs` processes, each of one thread; 0 is this process. `source` pickles where there are any. Each takes
    `together` neighbours at a time.
    """
    for part in out.glob("*/*.part"):  # of a run that was killed
        part.unlink()
    missing = [index for index, name in enumerate(names) if not _row_file(out, name).exists()]
    tasks = [(index, names[index]) for index in missing]
    done = len(names) - len(missing)
    work = partial(_make_one, source=source, out=out, delivery=delivery)
    try:
        made = in_single_threads(work, tasks, jobs=jobs, together=together) if jobs else map(work, tasks)
        for _ in made:
            done += 1
            if progress is not None:
                progress(Progress(done=done, total=len(names)))
    except KilledError as killed:
        kept = sum(_row_file(out, name).exists() for name in names)
        raise OutputError(
            f"a worker process was killed, perhaps for want of memory, with {kept} of {len(names)} videos in "
            f"{out} made; run the same command again to go on, with fewer --jobs if memory is short"
        ) from killed
    again = "delete it and run the same command again"
    return [read_json(_row_file(out, name), again=again) for name in names]


def write_labelled(
    out: Path,
    source: Callable[[int], Simulated],
    *,
    clips: int,
    seed: int,
    fps: float,
    jobs: int,
    progress: Callable[[Progress], None] | None,
    columns: Sequence[str] = COLUMNS,
) -> Path:
    """All videos of a folder that was claimed, under names that say nothing, and its labels.csv."""
    rows = write_recordings(
        out,
        source=source,
        names=shuffled_names(seed, clips),
        delivery=Delivery(fps=fps),
        jobs=jobs if jobs > 1 else 0,
        progress=progress,
    )
    write_table(out / "labels.csv", columns, sorted(rows, key=lambda row: row["path"]))
    return out / "labels.csv"


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """A CSV file of those columns of the rows."""
    write_bytes(path, as_table(columns, rows).encode())


def _differing(mark: Path, settings: Mapping[str, object]) -> str:
    try:
        before = json.loads(mark.read_text())
    except ValueError:
        return f"{mark.name} cannot be read"
    now = json.loads(json.dumps(settings))
    return ", ".join(sorted(key for key in {*before, *now} if before.get(key) != now.get(key)))


def _row_file(out: Path, name: str) -> Path:
    return out / "truth" / f"{name}.json"


def _make_one(
    task: tuple[int, str], *, source: Callable[[int], Simulated], out: Path, delivery: Delivery
) -> None:
    index, name = task
    made = source(index)
    video = out / "videos" / f"{name}.mp4"
    write_video(video, made.frames, fps=delivery.fps, crf=delivery.crf)
    every, step = delivery.depth_every, delivery.depth_step
    depth = np.clip(made.depths[::every, ::step, ::step] * 1000, 0, 65535).astype(np.uint16)
    meshes = made.meshes.astype(np.float32)
    with atomic_path(out / "truth" / f"{name}.npz") as part, part.open("wb") as file:
        np.savez_compressed(file, depth_mm=depth, depth_every=every, meshes=meshes)
    row = {
        "path": f"videos/{name}.mp4",
        "label": made.label.value,
        "instrument": made.instrument,
        "subject": made.subject,
        "camera": made.camera,
        "light": made.light,
        "seed": str(made.seed),
        "instrument_model": made.model,
        "place": made.place,
        "source": made.source,
        "licence": made.presentation.licence,
    }
    if delivery.hashed:
        row["frames_sha256"] = _sha256(frame.image for frame in read_video(video))
        row["truth_sha256"] = _sha256((depth, meshes))
    write_bytes(_row_file(out, name), json.dumps(row).encode())  # last: what has a row is whole


def _sha256(arrays: Iterable[np.ndarray]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()
