"""A head on the frozen encoder: features looked at once, then every further head in seconds.

    python benchmarks/head.py [--quick]

The pictures are noise in a prepared set, since what they show costs nothing more or less. Told are the first
head, which looks at all pictures, further ones, which find the features beside the shards, and what a loop of
100 epochs that looked at every picture in each would take. The benchmark fails where two heads differ.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from result_lines import append, stamp

from unmask.data.prepare.prepared import SPEC, PreparedSet
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row, write_shard
from unmask.files import write_bytes
from unmask.models import MODELS
from unmask.models.encoder import FEATURES, Encoder
from unmask.training.features import features_of
from unmask.training.head import FittedHead, fit_head
from unmask.types import Label

SIDE = 320
PICTURES, QUICK = 480, 32
EPOCHS = 100  # of a loop that would look at each picture in each
REPEATS = 15  # of the second head
OUT = Path("results/head.csv")


def main() -> None:
    """Prints the line, and adds it to the results unless it is quick."""
    asked = _arguments()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = MODELS["encoder"](size_px=SIDE).eval()
    assert isinstance(network, Encoder)
    count = QUICK if asked.quick else PICTURES
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), count)
        prepared = PreparedSet.open(folder)
        first_s, first = timed(network, prepared)
        later = [timed(network, prepared) for _ in range(2 if asked.quick else REPEATS)]
    probe = np.eye(1, FEATURES)
    if not all(np.array_equal(head.logits(probe), first.logits(probe)) for _, head in later):
        sys.exit("a head of kept features differs from the one that looked at the pictures")
    seconds = np.array([spent for spent, _ in later])
    ratio = first_s / seconds
    low, high = np.percentile(ratio, [2.5, 97.5])
    line = {
        "pictures": count,
        "cores": f"1 of {os.cpu_count()}",
        "first_head_s": f"{first_s:.2f}",
        "ms_a_picture": f"{1e3 * first_s / count:.1f}",
        "next_head_s": f"{np.median(seconds):.3f}",
        "times_quicker": f"{np.median(ratio):.0f} [{low:.0f}, {high:.0f}]",
        "looking_anew_100_epochs_s": f"{EPOCHS * (first_s - np.median(seconds)):.0f}",
        "repeats": len(seconds),
    }
    print("  ".join(f"{key} {value}" for key, value in line.items()))
    if not asked.quick:
        append(OUT, [{**stamp(), **line}])


def timed(network: Encoder, prepared: PreparedSet) -> tuple[float, FittedHead]:
    """Seconds until a head is there, and the head."""
    start = time.perf_counter()
    features = features_of(network, prepared, device=torch.device("cpu"))
    head = fit_head(features, np.array([row.label is Label.BONA_FIDE for row in prepared.rows]), C=1e-4)
    return time.perf_counter() - start, head


def written(root: Path, count: int) -> None:
    """A prepared set of so many pictures of noise, every other one coarser."""
    spec = {"frames": 1, "stride_s": 0.1, "size_px": SIDE, "box_scale": 2.8, "border": "inside"}
    write_bytes(root / SPEC, json.dumps({"clip": spec}).encode())
    rng = np.random.default_rng(0)

    def recordings() -> Iterator[Prepared]:
        for number in range(count):
            label = Label.ATTACK if number % 2 else Label.BONA_FIDE
            picture = (
                rng.integers(0, 256, (SIDE // 2, SIDE // 2, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1)
            )
            if not number % 2:
                picture = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            about = {
                "presentation": str(number),
                "label": label,
                "instrument": "print/matt" if number % 2 else "",
                "subject": str(number),
                "source": "noise",
            }
            maps = np.zeros((1, 1, 32, 32), np.uint8)
            yield Prepared(
                outcome=RecordingOutcome(recording=number, clips=1, **about),
                rows=(Row(number=0, **about),),
                arrays=Arrays(picture[None, None], maps, maps + 255),
                times_s=np.zeros((1, 1)),
            )

    write_shard(root / "shard-000000.tar", recordings())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few pictures, and no line in the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
