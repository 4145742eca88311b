"""Images a second of training: the plain way (PNG files, float32, picture by picture) and ours.

    python -m experiments.training --network sgtd_s_single --steps 8
    python -m experiments.training --network sgtd_multi --size 256 --batch 2 --steps 3 --only ours
    python -m experiments.training --network auxiliary --size 256 --batch 4 --steps 3 --csv FILE

The plain way is what a first script does: decode each picture, change it alone, collate, float32, the default
layout. Ours: mapped bytes, one vectorised change of the batch, bf16 with channels_last, the next batch read
in the background; beside its rate stand the share of the time that no batch was ready, and the most memory
that the process held so far. The second line above is a step at the paper's widths, to stay under 6 GB; the
third adds a row to FILE. Both ways see clips of the same size, the same network, loss and optimiser; the best
of the steps counts on a busy machine.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.result_lines import append, command, stamp
from unmask.data.prepare.prepared import DEPTH_PX, PreparedSet
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row, write_shard
from unmask.models import MODELS
from unmask.training.augment import Augmentation, Batch, augment
from unmask.training.batches import BatchSampler, changed, one_frame, prefetch, to_batch
from unmask.training.objective import loss_of
from unmask.training.settings import Batches, Loss
from unmask.types import Label, Presentation

CLIPS = 64
EVERY = Augmentation(gamma=0.3, colour=0.3, grey=0.1, light=0.3, blur=0.3, noise=0.3, jpeg=0.2)


def write_set(root: Path, *, frames: int, size_px: int) -> PreparedSet:
    """A prepared set of noise, and the same pictures as PNG files."""
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (CLIPS, frames, size_px, size_px, 3), dtype=np.uint8)
    maps = rng.integers(0, 256, (CLIPS, frames, DEPTH_PX, DEPTH_PX), dtype=np.uint8)
    write_shard(
        root / "shard-000000.tar",
        [_prepared(k, Arrays(clips[k : k + 1], maps[k : k + 1], maps[k : k + 1])) for k in range(CLIPS)],
    )
    (root / "spec.json").write_text(
        f'{{"clip": {{"frames": {frames}, "stride_s": 0.1, "size_px": {size_px}, "box_scale": 1.3}}}}'
    )
    for k, clip in enumerate(clips):
        for t, frame in enumerate(clip):
            cv2.imwrite(str(root / f"{k}-{t}.png"), frame)
    return PreparedSet.open(root)


def _prepared(k: int, arrays: Arrays) -> Prepared:
    """Recording `k`, of one clip."""
    truth = {
        "presentation": Presentation(
            path=str(k),
            label=Label.ATTACK if k % 2 else Label.BONA_FIDE,
            instrument="print" if k % 2 else "",
            subject=str(k),
        ),
        "source": "",
    }
    return Prepared(
        outcome=RecordingOutcome(recording=k, **truth),
        rows=(Row(number=0, **truth),),
        arrays=arrays,
        times_s=np.zeros((1, arrays.clips.shape[1])),
    )


def network_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    network = MODELS[name]()
    if "multi" in name:
        network.freeze()
    return network.train()


def step_of(network: nn.Module) -> Callable[[Batch, bool], None]:
    """One update on a batch, in bf16 or in f32."""
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-4)
    settings = Loss(binary=0.8)

    def step(batch: Batch, bf16: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            output = network(batch.clips, batch.mask[:, 0])
        optimiser.zero_grad()
        loss_of(output, batch, settings=settings).backward()
        optimiser.step()

    return step


def plain(prepared: PreparedSet, *, network: str, batch: int, frames: int, steps: int) -> list[float]:
    """Seconds of each step."""
    step, rng, seconds = step_of(network_of(network)), np.random.default_rng(0), []
    for _ in range(steps):
        since = time.perf_counter()
        parts = []
        for number in rng.integers(CLIPS, size=batch):
            pictures = [cv2.imread(str(prepared.root / f"{number}-{t}.png")) for t in range(frames)]
            arrays = prepared.read([number])
            maps = one_frame(arrays, np.zeros(1, dtype=int)) if frames == 1 else arrays
            one = to_batch(maps, np.array([number % 2 == 0]), device=torch.device("cpu"))
            clip = torch.from_numpy(np.stack(pictures)).float().div(255).permute(0, 3, 1, 2)[None]
            parts.append(augment(Batch(clip, one.depth, one.mask, one.bona_fide), rng, settings=EVERY))
        columns = ([getattr(p, name) for p in parts] for name in Batch.__slots__)
        joined = [None if some[0] is None else torch.cat(some).contiguous() for some in columns]
        step(Batch(*joined), False)
        seconds.append(time.perf_counter() - since)
    return seconds


def ours(
    prepared: PreparedSet, *, network: str, batch: int, frames: int, steps: int, bf16: bool = True
) -> tuple[list[float], float]:
    """Seconds of each step, and the share of them that went by waiting for a batch, the first left out."""
    module = network_of(network)
    module.to(memory_format=torch.channels_last)
    step, seconds, waited, since = step_of(module), [], [], time.perf_counter()
    drawer = BatchSampler(prepared, batches=Batches(size=batch), seed=1, frames=frames)
    for _, drawn in prefetch(lambda n: drawer.draw(n, augmentation=EVERY), range(steps)):
        waited.append(time.perf_counter() - since)
        step(changed(drawn, settings=EVERY, device=torch.device("cpu")), bf16)
        seconds.append(time.perf_counter() - since)
        since = time.perf_counter()
    return seconds, sum(waited[1:]) / sum(seconds[1:])


def peak_bytes() -> int:
    """The most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", default="sgtd_s_single", choices=sorted(MODELS))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=0, help="0: torch's own choice")
    parser.add_argument("--f32", action="store_true", help="ours in float32, as sgtd_multi.toml has it")
    parser.add_argument("--csv", type=Path, help="add a row to this table")
    parser.add_argument("--only", choices=("plain", "ours"), help="one way: its memory is not the other's")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    frames = 5 if "multi" in given.network else 1
    ways = (
        [given.only] * 2 if given.only else ["plain", "ours"] * 2
    )  # in turns: a busy neighbour falls on both
    best: dict[str, float] = {}
    most = 0.0
    with tempfile.TemporaryDirectory() as folder:
        prepared = write_set(Path(folder), frames=frames, size_px=given.size)
        asked = {"network": given.network, "batch": given.batch, "frames": frames, "steps": given.steps}
        for way in ways:
            waiting = ""
            if way == "plain":
                seconds = plain(prepared, **asked)
            else:
                seconds, share = ours(prepared, **asked, bf16=not given.f32)
                most = max(most, share)
                waiting = f", {share:.1%} of the time waiting for a batch"
            rate = given.batch * frames / min(seconds[1:])
            best[way] = max(rate, best.get(way, rate))
            print(f"{way:6s} {rate:7.1f} images/s{waiting}, {peak_bytes() / 1e9:.2f} GB at most", flush=True)
    if not given.only:
        print(f"ratio  {best['ours'] / best['plain']:7.2f}")
        if given.csv:
            _add(given, best, waiting=most)


def _add(given: argparse.Namespace, best: dict[str, float], *, waiting: float) -> None:
    row = {
        "network": given.network,
        "side_px": given.size,
        "batch": given.batch,
        "plain_images_s": f"{best['plain']:.2f}",
        "ours_images_s": f"{best['ours']:.2f}",
        "ratio": f"{best['ours'] / best['plain']:.2f}",
        "waiting": f"{waiting:.3f}",
        "memory_gb": f"{peak_bytes() / 1e9:.2f}",
        "threads": torch.get_num_threads(),
        **stamp(),
        "command": command(),
    }
    append(given.csv, [row], columns=list(row))


if __name__ == "__main__":
    main()
