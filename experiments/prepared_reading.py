"""Clips a second that training reads from a prepared set: tars by their index, against plain arrays.

    python -m experiments.prepared_reading [--clips 400] [--size 256] [--rounds 30]

The same clips are kept as one .npy file (the form before the tars, mapped into memory), as tars of plain
bytes, as tars of PNG strips and as plain tars with a margin of 0.1, whose clips are cut anew at each reading.
Random batches of 32 are read from each in turns, once over all clips before anything counts: what is compared
is the processor time of reading, not the disk. Clips of tars are held against their hashes, arrays are not.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from unmask.data.prepare.prepared import DEPTH_PX, PreparedSet, depth_with_margin, with_margin
from unmask.data.prepare.shards import Arrays, Pictures, Prepared, RecordingOutcome, Row, write_shard
from unmask.training.augment import Augmentation
from unmask.training.batches import sides
from unmask.types import ClipSpec, Label

FRAMES, BATCH, A_SHARD = 5, 32, 100
MARGIN, MOVED = 0.1, "with a margin"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        arrays = noisy_faces(asked.clips, size_px=asked.size)
        sets = {name: write_set(Path(folder) / name, arrays, pictures=name) for name in ("npy", "png")}
        spec = with_margin(ClipSpec(size_px=asked.size, box_scale=1.3), MARGIN)
        wide = noisy_faces(asked.clips, size_px=spec.size_px, depth_px=depth_with_margin(DEPTH_PX, MARGIN))
        sets[MOVED] = write_set(Path(folder) / "wide", wide, size_px=asked.size, margin=MARGIN)
        for name in ("clips", "depth", "mask"):
            np.save(Path(folder) / f"{name}.npy", getattr(arrays, name))
        mapped = Arrays(
            *(np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in ("clips", "depth", "mask"))
        )
        sizes = {name: sum(p.stat().st_size for p in held.root.glob("*.tar")) for name, held in sets.items()}
        times = measure(mapped, sets, rounds=asked.rounds)
    usual = {name: float(np.median(seconds)) for name, seconds in times.items()}
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, seconds in usual.items():
        size = f", {sizes[name] / asked.clips / 1000:.0f} kB a clip" if name in sizes else ""
        best = BATCH / min(times[name])
        print(f"{name:>13}: {BATCH / seconds:7.0f} clips/s of a core, at best {best:.0f}{size}")


def noisy_faces(clips: int, *, size_px: int, depth_px: int = DEPTH_PX) -> Arrays:
    """The astronaut's face with a camera's noise, as compressible as a photograph."""
    rng = np.random.default_rng(0)
    face = cv2.resize(data.astronaut()[:256, 96:352], (size_px, size_px)).astype(np.int16)
    pixels = np.empty((clips, FRAMES, size_px, size_px, 3), np.uint8)
    for clip in pixels:
        clip[:] = np.clip(face + np.rint(rng.normal(0, 2, clip.shape)), 0, 255)
    maps = rng.integers(0, 256, (clips, FRAMES, depth_px, depth_px), dtype=np.uint8)
    return Arrays(pixels, maps, maps.copy())


def write_set(
    root: Path, arrays: Arrays, *, pictures: Pictures = "npy", size_px: int = 0, margin: float = 0.0
) -> PreparedSet:
    """A prepared set of these clips, each of a recording of its own; `size_px`: without the margin."""
    root.mkdir()
    side = size_px or arrays.clips.shape[2]
    spec = {"frames": FRAMES, "stride_s": 0.1, "size_px": side, "box_scale": 1.3}
    (root / "spec.json").write_text(json.dumps({"clip": spec, "margin": margin}))
    for shard, first in enumerate(range(0, len(arrays.clips), A_SHARD)):
        numbers = range(first, min(first + A_SHARD, len(arrays.clips)))
        tar = root / f"shard-{shard:06d}.tar"
        write_shard(tar, (one(arrays, k) for k in numbers), pictures=pictures)
    return PreparedSet.open(root)


def one(arrays: Arrays, k: int) -> Prepared:
    """Clip `k` as a recording."""
    truth = {
        "presentation": str(k),
        "label": Label.BONA_FIDE,
        "instrument": "",
        "subject": str(k),
        "source": "",
    }
    return Prepared(
        outcome=RecordingOutcome(recording=k, clips=1, **truth),
        rows=(Row(number=0, **truth),),
        arrays=Arrays(*(part[k : k + 1] for part in (arrays.clips, arrays.depth, arrays.mask))),
        times_s=np.zeros((1, FRAMES)),
    )


def measure(mapped: Arrays, sets: dict[str, PreparedSet], *, rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each batch; forms without a margin give the same clips."""
    rng, times = np.random.default_rng(1), {"arrays": [], **{name: [] for name in sets}}
    for held in sets.values():
        held.read(range(len(mapped.clips)))
    sum(int(clip.sum()) for clip in mapped.clips)
    for _ in range(rounds):
        numbers = rng.integers(len(mapped.clips), size=BATCH)
        since = time.process_time()
        plain = Arrays(
            *(np.stack([part[k] for k in numbers]) for part in (mapped.clips, mapped.depth, mapped.mask))
        )
        times["arrays"].append(time.process_time() - since)
        for name, held in sets.items():
            since = time.process_time()
            crops = sides(rng, BATCH, settings=Augmentation()) if held.margin else None
            read = held.read(numbers, crops=crops)
            times[name].append(time.process_time() - since)
            if not held.margin:
                assert np.array_equal(read.clips, plain.clips)
                assert np.array_equal(read.mask, plain.mask)
    return times


if __name__ == "__main__":
    main()
