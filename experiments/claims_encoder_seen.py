"""What the frozen encoder sees of the clips of the claims: looked at once, kept as arrays beside the runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from experiments.out_of_source import crops_of
from unmask.data.folder import read_labels
from unmask.data.prepare.prepared import PreparedSet
from unmask.files import name_below
from unmask.media.assets import imagenet_weights
from unmask.models.encoded import LEVELS
from unmask.models.encoder import FEATURES, TAPS, FrozenEncoder
from unmask.models.export import quiet
from unmask.training.settings import read_settings
from unmask.types import Label, Presentation, Score

PARTS = ("train", "dev", "domain", "instruments", "real")
SCORED = PARTS[1:]
FRAMES = 5
SIZES = {1: 28, 3: 14, 4: 7}  # of the maps of LEVELS, for pictures of 224 px
SHAPES = [(TAPS[tap][1], SIZES[tap], SIZES[tap]) for tap in LEVELS]
COUNTS = [channels * side * side for channels, side, _ in SHAPES]
TRAINED_ON = ("ropensci",)  # owner of photographs of train: its one real item tests nothing

Look = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # pictures (n, S, S, 3) -> maps and features


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the encoder sees of the clips of a part, and their truth; V is 2 in train, with mirror images.

    `maps` (n, V, T, sum of COUNTS) float16 and `features` (n, V, T, FEATURES) float32; `depth` and `mask` (n,
    T, 32, 32) uint8, None of real items; `rows` say of each clip what a score table asks, `judged` by which
    frames networks of single frames tell a clip: the first of a simulated one, all of a real item.
    """

    maps: np.ndarray
    features: np.ndarray
    depth: np.ndarray | None
    mask: np.ndarray | None
    rows: tuple[Score, ...]
    judged: tuple[int, ...]

    @property
    def bona_fide(self) -> np.ndarray:
        """(n,) bool."""
        return np.array([row.label is Label.BONA_FIDE for row in self.rows])


def seen_of(part: str, *, sets: Path, samples: Path, kept: Path) -> Seen:
    """What is seen of the part; made where `kept` does not hold it yet."""
    if part == "real":
        return _of_items(samples, kept / "real")
    prepared = PreparedSet.open(sets / part)
    numbers = range(len(prepared.rows))
    arrays = [prepared.read([number]) for number in numbers]
    clips = [one.clips[0] for one in arrays]
    if part == "train":
        clips = [clip for one in clips for clip in (one, one[:, :, ::-1])]
    maps, features = _kept(kept / part, clips, views=2 if part == "train" else 1)
    return Seen(
        maps=maps,
        features=features,
        depth=np.concatenate([one.depth for one in arrays]),
        mask=np.concatenate([one.mask for one in arrays]),
        rows=tuple(
            Score(
                presentation=row.presentation,
                score=float("nan"),
                columns={"split": "dev" if part == "dev" else "test", "part": part},
            )
            for row in prepared.rows
        ),
        judged=(0,),
    )


def _of_items(samples: Path, kept: Path) -> Seen:
    """Real items, whole and cut tight; a picture is there FRAMES times, of a video FRAMES frames."""
    spec, rows, clips = read_settings("sgtd_e.toml").clip, [], []
    items = read_labels(samples)
    unseen = [one for one in items if one.columns["source"].partition("/")[0] not in TRAINED_ON]
    for item, view, crops in crops_of(unseen, spec=spec):
        if not crops:
            continue
        clips.append(np.stack([crops[k * len(crops) // FRAMES] for k in range(FRAMES)]))
        rows.append(
            Score(
                presentation=Presentation(
                    path=f"{name_below(str(samples), item.path)}, {view}",
                    label=item.label,
                    instrument=item.instrument,
                    subject=item.columns["source"],
                ),
                score=float("nan"),
                columns={"split": "test", "part": "real"},
            )
        )
    maps, features = _kept(kept, clips, views=1)
    judged = tuple(range(FRAMES))
    return Seen(maps=maps, features=features, depth=None, mask=None, rows=tuple(rows), judged=judged)


def _kept(path: Path, clips: Sequence[np.ndarray], *, views: int) -> tuple[np.ndarray, np.ndarray]:
    """Maps and features of clips (T, S, S, 3), `views` of each presentation after one another."""
    names = path.with_suffix(".maps.npy"), path.with_suffix(".features.npy")
    if not names[1].is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = len(clips) // views, views, FRAMES
        maps = np.lib.format.open_memmap(names[0], "w+", np.float16, (*shape, sum(COUNTS)))
        features, look = np.empty((*shape, FEATURES), np.float32), _look()
        for number, clip in enumerate(clips):
            place = number // views, number % views
            maps[place], features[place] = look(clip)
            if number % 100 == 0:
                print(f"{path.name}: {number} of {len(clips)} clips seen", flush=True)
        maps.flush()
        np.save(names[1], features)  # last: without it the part is looked at again
    return np.load(names[0], mmap_mode="r"), np.load(names[1])


class _Levels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = FrozenEncoder()
        self.encoder.net.read(torch.load(imagenet_weights().path, map_location="cpu", weights_only=True))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        maps, features = self.encoder(frames)
        return torch.cat([maps[tap].flatten(1) for tap in LEVELS], dim=1), features


@cache
def _look() -> Look:
    """By ONNX Runtime, which takes a third of torch's time; one graph for all parts."""
    with quiet():
        program = torch.onnx.export(
            _Levels().eval(),
            (torch.zeros(FRAMES, 3, 224, 224),),
            dynamo=True,
            input_names=["frames"],
            output_names=["maps", "features"],
            verbose=False,
        )
    assert program is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        program.model_proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def look(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        planes = np.ascontiguousarray(frames.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        maps, features = session.run(None, {"frames": planes})
        return maps.astype(np.float16), features

    return look
