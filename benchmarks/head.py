"""A head on the frozen encoder: features looked at once, then every further head in seconds.

The pictures are noise in a prepared set, since what they show costs nothing more or less. The first head
looks at all pictures; further ones find the features beside the shards.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import DisagreementError, Row, cored, in_turn, interval, ratio
from unmask.data.prepare.prepared import SPEC, PreparedSet
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row as ShardRow, write_shard
from unmask.files import write_bytes
from unmask.models import MODELS
from unmask.models.encoder import FEATURES, Encoder
from unmask.training.features import features_of
from unmask.training.head import FittedHead, fit_head
from unmask.types import Label, Presentation

SIDE, TINY = 320, 64
PICTURES, FEW = 120, 4


def rows(folder: Path, *, repeats: int, quick: bool) -> Iterator[Row]:
    """The row; DisagreementError where a head of kept features differs from the one that looked at the
    pictures.
    """
    side, count = (TINY, FEW) if quick else (SIDE, PICTURES)
    torch.manual_seed(0)
    network = MODELS["encoder"](size_px=side).eval()
    assert isinstance(network, Encoder)
    root = folder / "head"
    root.mkdir()
    written(root, count=count, side=side)
    prepared, heads = PreparedSet.open(root), []

    def fit() -> None:
        heads.append(head_of(network, prepared))

    def fit_anew() -> None:
        for kept in root.glob("*.npy"):
            kept.unlink()
        fit()

    found = in_turn(repeats, first=cored(fit_anew), later=cored(fit))
    probe = np.eye(1, FEATURES)
    if not all(np.array_equal(head.logits(probe), heads[0].logits(probe)) for head in heads):
        raise DisagreementError("a head of kept features differs from the one that looked at the pictures")
    first = float(np.median(found["first"]))
    yield Row(
        work=f"a further head on the frozen encoder, {count} pictures of {side} px",
        unit="core s",
        value=interval(found["later"]),
        goal="minutes",
        against=f"the first head, which looks at the pictures: {first:.1f} core s",
        ratio=ratio(found["first"], found["later"]),
        limit="L-BFGS; reading the kept features",
    )


def head_of(network: Encoder, prepared: PreparedSet) -> FittedHead:
    """The head, from features that are kept beside the shards where they are there."""
    features = features_of(network, prepared, device=torch.device("cpu"))
    return fit_head(features, np.array([row.label is Label.BONA_FIDE for row in prepared.rows]), C=1e-4)


def written(root: Path, *, count: int, side: int) -> None:
    """A prepared set of so many pictures of noise, every other one coarser."""
    spec = {"frames": 1, "stride_s": 0.1, "size_px": side, "box_scale": 2.8, "border": "inside"}
    write_bytes(root / SPEC, json.dumps({"clip": spec}).encode())
    rng = np.random.default_rng(0)

    def recordings() -> Iterator[Prepared]:
        for number in range(count):
            coarse = 2 if number % 2 else 1
            noise = rng.integers(0, 256, (side // coarse, side // coarse, 3), dtype=np.uint8)
            picture = noise.repeat(coarse, 0).repeat(coarse, 1)
            about = {
                "presentation": Presentation(
                    path=str(number),
                    label=Label.ATTACK if number % 2 else Label.BONA_FIDE,
                    instrument="print/matt" if number % 2 else "",
                    subject=str(number),
                ),
                "source": "noise",
            }
            maps = np.zeros((1, 1, 32, 32), np.uint8)
            yield Prepared(
                outcome=RecordingOutcome(recording=number, clips=1, **about),
                rows=(ShardRow(number=0, **about),),
                arrays=Arrays(picture[None, None], maps, maps + 255),
                times_s=np.zeros((1, 1)),
            )

    write_shard(root / "shard-000000.tar", recordings())
