"""Memory of a training run against the size of its data set: clips are streamed, so it should hardly grow.

    python -m experiments.training_memory [--recordings 200 2000] [--steps 40]

Each size is a set of noise with four clips a recording, trained on in a process of its own by ResNet-18 at an
eighth of its width, so that the data and not the network would show. Prints the peak of resident memory, and
how much of it the larger set adds; exits 1 where that is more than a twentieth of the pixels it adds. What
grows is the index: a row for each clip.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from unmask.data.prepare.prepared import DEPTH_PX
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row, write_shard
from unmask.types import Label, Presentation

CLIPS, SIZE_PX, A_SHARD = 4, 128, 50  # of a recording; a side; recordings
SETTINGS = """
[run]
name = "memory"
network = "resnet18"
steps = {steps}
save_every = 1000
loggers = []
[batches]
size = 32
[loss]
absolute = 0.0
contrast = 0.0
binary = 1.0
[evaluation]
every = 1000
[compute]
accelerator = "cpu"
threads = 1
[arguments]
width = 8
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, nargs=2, default=(200, 2000))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(peak_bytes(asked.measure, steps=asked.steps))
        return 0
    peaks, pixels = [], []
    for recordings in asked.recordings:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_set(root / "train", recordings=recordings, first=0)
            write_set(root / "dev", recordings=20, first=recordings)
            pixels.append(sum(tar.stat().st_size for tar in (root / "train").glob("*.tar")))
            command = [
                sys.executable,
                "-m",
                "experiments.training_memory",
                "--measure",
                folder,
                "--steps",
                str(asked.steps),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks.append(int(done.stdout.split()[-1]))
        print(
            f"{recordings:6d} recordings, {pixels[-1] / 1e6:6.0f} MB of shards: "
            f"{peaks[-1] / 1e6:5.0f} MB at most",
            flush=True,
        )
    added = (peaks[1] - peaks[0]) / (pixels[1] - pixels[0])
    print(f"of what the larger set adds, {added:.1%} is held in memory")
    return 0 if added < 0.05 else 1


def peak_bytes(root: Path, *, steps: int) -> int:
    """Trains on the set in `root`; the most memory this process ever held."""
    from unmask.training.loop import train
    from unmask.training.settings import read_settings

    (root / "run.toml").write_text(SETTINGS.format(steps=steps))
    train(read_settings(root / "run.toml"), data=root, out=root / "run")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def write_set(root: Path, *, recordings: int, first: int) -> None:
    """Shards of noise; the numbers of the recordings begin at `first`."""
    root.mkdir()
    spec = {"frames": 1, "stride_s": 0.1, "size_px": SIZE_PX, "box_scale": 1.3}
    (root / "spec.json").write_text(json.dumps({"clip": spec}))
    rng = np.random.default_rng(first)
    for shard, start in enumerate(range(0, recordings, A_SHARD)):
        numbers = range(first + start, first + min(start + A_SHARD, recordings))
        write_shard(root / f"shard-{shard:06d}.tar", [recording(number, rng) for number in numbers])


def recording(number: int, rng: np.random.Generator) -> Prepared:
    """One of `CLIPS` clips of a single frame."""
    truth = {
        "presentation": Presentation(
            path=f"recording-{number}",
            label=Label.ATTACK if number % 2 else Label.BONA_FIDE,
            instrument="print" if number % 2 else "",
            subject=f"subject-{number}",
        ),
        "source": "noise",
    }
    maps = rng.integers(0, 256, (CLIPS, 1, DEPTH_PX, DEPTH_PX), dtype=np.uint8)
    pixels = rng.integers(0, 256, (CLIPS, 1, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    return Prepared(
        outcome=RecordingOutcome(recording=number, **truth),
        rows=tuple(Row(number=k, **truth) for k in range(CLIPS)),
        arrays=Arrays(pixels, maps, maps),
        times_s=np.zeros((CLIPS, 1)),
    )


if __name__ == "__main__":
    sys.exit(main())
