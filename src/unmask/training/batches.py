"""Which clips a step sees: a function of seed and step alone, so that a resumed run is the same run."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Arrays
from unmask.training.augment import Augmentation, Batch, augment, recompress
from unmask.training.sampling import Balanced, Epochs, by_instrument, domains_of
from unmask.training.settings import Batches
from unmask.types import DataError

T = TypeVar("T")
CROPS = 0xC409  # apart from the generators of what else is drawn


@dataclass(frozen=True, slots=True)
class RawBatch:
    """The raw clips of a step: `numbers` in the set, and the generator that goes on to draw their changes."""

    numbers: np.ndarray
    arrays: Arrays
    bona_fide: np.ndarray  # (B,) bool
    domain: np.ndarray  # (B,) int64
    rng: np.random.Generator


class BatchSampler:
    """Draws the batches of a run as its settings say (settings.Batches).

    A step has as many parts as devices times accumulated batches; each is `batches.size` clips. The clips of
    a step are drawn together and then dealt, so that they do not depend on how many devices share the work.
    `frames` 1 takes one random frame of each clip, else it takes all.
    """

    def __init__(
        self, prepared: PreparedSet, *, batches: Batches, seed: int, frames: int, parts: int = 1
    ) -> None:
        self.prepared, self.batches, self.seed, self.frames = prepared, batches, seed, frames
        self.parts = parts
        self.bona_fide, _ = by_instrument(prepared.rows, origin=str(prepared.root))
        self.domains, _ = domains_of(prepared.rows)
        self._balanced = Balanced(prepared, batches=batches)
        self._epochs = Epochs(prepared.rows, batches=batches, seed=seed)
        if batches.order == "epochs" and self._epochs.fewest < batches.size * parts:
            raise DataError(
                f"{prepared.root} has {self._epochs.fewest} clips an epoch, fewer than the {batches.size} x "
                f"{parts} of a step; prepare more, or lower [batches] size"
            )

    def numbers(self, rng: np.random.Generator) -> np.ndarray:
        """The clips of one balanced batch (B,), bona fide first."""
        return self._balanced.numbers(rng, parts=1)[0]

    def draw(self, step: int, *, part: int = 0, augmentation: Augmentation | None = None) -> RawBatch:
        """The clips of a part of `step` (from 0), after JPEG, the one change that needs bytes."""
        rng = np.random.default_rng([self.seed, step, 0])
        if self.batches.order == "epochs":
            order: Balanced | Epochs = self._epochs
            dealt = self._epochs.numbers(step, parts=self.parts)
        else:
            order = self._balanced
            dealt = self._balanced.numbers(rng, parts=self.parts)
        frames = None
        if self.frames == 1:
            drawn = rng.integers(self.prepared.spec.frames, size=dealt.size)
            frames = order.dealt(drawn, parts=self.parts)
        if part:
            rng = np.random.default_rng([self.seed, step, part])
        numbers = dealt[part]
        arrays = self.prepared.read(numbers, crops=self._crops(step, part=part, augmentation=augmentation))
        if frames is not None:
            arrays = one_frame(arrays, frames[part])
        if augmentation is not None and augmentation.jpeg:
            recompress(arrays.clips, rng, settings=augmentation)
        return RawBatch(numbers, arrays, np.isin(numbers, self.bona_fide), self.domains[numbers], rng)

    def _crops(self, step: int, *, part: int, augmentation: Augmentation | None) -> np.ndarray | None:
        """The crops of a part of a step; None where clips have no margin to move them in."""
        margin = self.prepared.margin
        if not margin or augmentation is None or not augmentation.crop:
            return None
        if augmentation.crop_most > 1 + margin + 1e-6:
            raise DataError(
                f"[augmentation] crop_most = {augmentation.crop_most:.3f} needs clips with a margin of "
                f"{augmentation.crop_most - 1:.3f}, not {margin}; prepare them with that --margin, or lower "
                "crop_most"
            )
        rng = np.random.default_rng([self.seed, step, part, CROPS])
        return sides(rng, self.batches.size, settings=augmentation)


def sides(rng: np.random.Generator, count: int, *, settings: Augmentation) -> np.ndarray:
    """How far the four sides of each crop (count, 4) lie from its middle, in halves of its side."""
    drawn = rng.uniform(settings.crop_least, settings.crop_most, (count, 4))
    return np.where(rng.random((count, 1)) < settings.crop, drawn, 1.0)


def one_frame(arrays: Arrays, frames: np.ndarray) -> Arrays:
    """One frame of each clip (B,), T becomes 1."""
    clips = np.arange(len(frames))
    return Arrays(*(part[clips, frames][:, None] for part in (arrays.clips, arrays.depth, arrays.mask)))


def to_batch(arrays: Arrays, bona_fide: np.ndarray, *, device: torch.device) -> Batch:
    """Bytes -> floats; the clips' memory stays (B, T, H, W, 3), which is channels_last for a network."""
    clips, depth, mask = (
        torch.from_numpy(part).to(device, non_blocking=True).float().div_(255)
        for part in (arrays.clips, arrays.depth, arrays.mask)
    )
    return Batch(clips.movedim(-1, 2), depth, mask, torch.from_numpy(bona_fide).to(device))


def changed(drawn: RawBatch, *, settings: Augmentation, device: torch.device) -> Batch:
    """The batch that training sees."""
    batch = to_batch(drawn.arrays, drawn.bona_fide, device=device)
    batch = replace(batch, domain=torch.from_numpy(drawn.domain).to(device))
    return augment(batch, drawn.rng, settings=settings)


def prefetch(
    make: Callable[[int], T], steps: Sequence[int], *, depth: int = 2
) -> Generator[tuple[int, T], None, None]:
    """(step, make(step)) in order, made in one background thread up to `depth` steps ahead."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        waiting: deque[tuple[int, Future[T]]] = deque()
        for step in steps:
            waiting.append((step, pool.submit(make, step)))
            if len(waiting) > depth:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
