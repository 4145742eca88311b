"""What `unmask prepare` takes in time and disk, on this machine: the rates of docs/prepare.md.

    python -m experiments.prepare_rates [--videos 8] [--pictures 400] [--jobs 2]

Videos are 720p of 10 seconds at 30 frames/s, pictures 640x640 JPEG; clips of 5 frames (pictures: 1) at 256
pixels. Each is prepared with plain bytes and with PNG, by the given number of processes; what their start and
their first presentations take is measured and taken off. Processor time is counted over all processes: that
is what a core gives, however busy the machine is; the wall's clock stands beside it.
"""

import argparse
import contextlib
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from experiments.depth_labels import moving_head
from unmask.app.prepare import PrepareOptions, prepare
from unmask.data.prepare.prepared import PreparedSet
from unmask.media.images import write_image
from unmask.media.video import write_video
from unmask.types import ClipSpec

HEADER = "path,label,instrument,subject\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    if min(asked.videos, asked.pictures) <= asked.jobs:
        parser.error(
            f"--videos {asked.videos} and --pictures {asked.pictures} are more than --jobs {asked.jobs}: the "
            "start of the processes is taken off by a run of one each; give more"
        )
    print(f"{asked.jobs} processes, load before {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        base, frames = Path(folder), moving_head()
        videos, pictures = base / "videos", base / "pictures"
        for root, count in ((videos, asked.videos), (pictures, asked.pictures)):
            root.mkdir()
            suffix = "mp4" if root is videos else "jpg"
            names = [f"{n}.{suffix}" for n in range(count)]
            write_labels(root, names)
            for n, name in enumerate(names):
                if root is videos:
                    write_video(root / name, frames[n:] + frames[:n], fps=30)
                else:
                    write_image(root / name, face_picture(frames[n % len(frames)]))
        for root, spec in ((videos, ClipSpec()), (pictures, ClipSpec(frames=1))):
            for packed in ("npy", "png"):
                measure(root, spec, packed=packed, jobs=asked.jobs, out=base / f"{root.name}-{packed}")
    return 0


def face_picture(frame: np.ndarray) -> np.ndarray:
    """The part of a 720p frame with the head, 640x640."""
    return np.ascontiguousarray(cv2.resize(frame[:, 200:920], (640, 640), interpolation=cv2.INTER_AREA))


def write_labels(root: Path, names: list[str]) -> None:
    (root / "labels.csv").write_text(HEADER + "".join(f"{n},bona_fide,,s{n}\n" for n in names))


def measure(root: Path, spec: ClipSpec, *, packed: str, jobs: int, out: Path) -> None:
    """Prints seconds, clips and bytes of preparing `root`, less what `jobs` presentations take."""
    names = [line.split(",")[0] for line in (root / "labels.csv").read_text().splitlines()[1:]]
    few = out.with_name(f"{out.name}-few")
    few.mkdir()
    for name in names[:jobs]:
        (few / name).symlink_to(root / name)
    write_labels(few, names[:jobs])
    start_s = timed(few, spec, packed=packed, jobs=jobs, out=out.with_name(f"{out.name}-few-out"))
    whole_s = timed(root, spec, packed=packed, jobs=jobs, out=out)
    clips = len(PreparedSet.open(out / "all").rows)
    disk = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    core_ms, wall_ms = 1000 * (whole_s - start_s) / (len(names) - jobs)
    disk_kb = disk / clips / 1000
    print(
        f"{root.name:>9} {packed}: {core_ms:.0f} ms of a core each ({wall_ms:.0f} by the wall), "
        f"start {start_s[0]:.1f} s of a core; {clips / len(names):.0f} clips each, {disk_kb:.0f} kB a clip"
    )


def timed(root: Path, spec: ClipSpec, *, packed: str, jobs: int, out: Path) -> np.ndarray:
    """Seconds (of processors, of the wall)."""
    core_s, wall_s = spent(), time.perf_counter()
    count = len((root / "labels.csv").read_text().splitlines()) - 1
    shard = 1 if spec.frames > 1 or count <= jobs else 20  # each process starts, for few presentations too
    options = PrepareOptions(
        dataset="folder",
        root=root,
        out=out,
        clip_frames=spec.frames,
        clip_stride=spec.stride_s,
        clip_size=spec.size_px,
        clip_scale=spec.box_scale,
        margin=0.0,
        pictures=packed,
        jobs=jobs,
        shard=shard,
    )
    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        prepare(options)
    return np.array([spent() - core_s, time.perf_counter() - wall_s])


def spent() -> float:
    """Processor seconds of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
