import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.data.prepared import PreparedSet, Row, write_table
from unmask.training.batches import Drawer
from unmask.training.checkpoint import BEST, CHECKPOINT, read
from unmask.training.loop import TrainingError, train
from unmask.training.settings import from_mapping
from unmask.types import DataError, Label, SettingsError

torch.set_num_threads(1)
SIZE, FRAMES = 32, 3
POOLS = [1, 1, 1]  # a 32 px clip is not shrunk, so that its map is 32x32


def write_toy(root, *, seed, subjects, recordings=12, frames=FRAMES):
    """Bona fide: a bright blob with a depth of its own. Attacks: the same blob behind stripes, two instruments."""
    (root / "shard-00000").mkdir(parents=True)
    (root / "spec.json").write_text(
        '{"clip": {"frames": %d, "stride_s": 0.1, "size_px": 32, "box_scale": 1.3}}' % frames
    )
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    rows, clips, depths, masks = [], [], [], []
    for number in range(recordings):
        kind = ("bona_fide", "print/flat", "bona_fide", "replay/photo")[number % 4]
        blob = np.exp(-((x - 16 - rng.normal()) ** 2 + (y - 16 - rng.normal()) ** 2) / 60)
        for k in range(2):
            picture = 40 + 170 * blob + rng.normal(0, 4, (frames, SIZE, SIZE))
            if kind != "bona_fide":
                picture += 60 * ((x if kind == "print/flat" else y) // 2 % 2)
            label = Label.BONA_FIDE if kind == "bona_fide" else Label.ATTACK
            rows.append(
                Row(
                    presentation=f"{seed}-{number}",
                    number=k,
                    label=label,
                    instrument="" if kind == "bona_fide" else kind,
                    subject=f"{subjects}-{number}",
                    source="toy",
                )
            )
            clips.append(np.repeat(np.clip(picture, 0, 255)[..., None], 3, axis=-1))
            depths.append(np.broadcast_to(255 * blob, (frames, SIZE, SIZE)))
            masks.append(np.broadcast_to(255 * (blob > 0.2), (frames, SIZE, SIZE)))
    for name, arrays in (("clips", clips), ("depth", depths), ("mask", masks)):
        np.save(root / "shard-00000" / f"{name}.npy", np.array(arrays).astype(np.uint8))
    write_table(root / "shard-00000" / "table.csv", rows)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    write_toy(root / "train", seed=1, subjects="a")
    write_toy(root / "dev", seed=2, subjects="b")
    return root


def toy_settings(*, steps=6, network="sgtd_s_single", **changes):
    given = {
        "run": {
            "name": "toy",
            "network": network,
            "steps": steps,
            "save_every": 3,
            "log_every": 1,
            "ema": 0.9,
        },
        "batches": {"size": 4},
        "optimiser": {"rate": 2e-3, "schedule": "cosine", "warmup": 2},
        "augmentation": {"light": 0.5, "noise": 0.5, "blur": 0.5, "jpeg": 0.5},
        "evaluation": {"every": 4, "batch": 8},
        "compute": {"accelerator": "cpu", "threads": 1},
        "arguments": {"pools": POOLS},
    }
    for section, values in changes.items():
        given.setdefault(section, {}).update(values)
    return from_mapping(given, origin="test")


def losses(run):
    return [loss for _, loss in read(run / CHECKPOINT).history.losses]


def test_a_run_that_was_stopped_and_resumed_is_the_unbroken_run(toy, tmp_path):
    whole = train(toy_settings(), data=toy, out=tmp_path / "whole")

    class Power(Exception):
        pass

    def cut_off(done, steps, loss):
        if done == 5:  # two steps after the checkpoint, one after the evaluation
            raise Power

    with pytest.raises(Power):
        train(toy_settings(), data=toy, out=tmp_path / "broken", progress=cut_off)
    resumed = train(toy_settings(), data=toy, out=tmp_path / "broken", resume=True)

    assert losses(whole) == losses(resumed)
    one, other = read(whole / CHECKPOINT), read(resumed / CHECKPOINT)
    assert one.history == other.history
    for name, tensor in one.network.items():
        assert torch.equal(tensor, other.network[name]), name
    for name, tensor in one.average.items():
        assert torch.equal(tensor, other.average[name]), name
