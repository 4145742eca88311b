"""Which clips a step sees: a function of seed and step alone, so that a resumed run is the same run."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from unmask.data.prepared import PreparedSet
from unmask.data.shards import Arrays, Row
from unmask.training.augment import Augmentation, Batch, augment, recompress
from unmask.training.settings import Batches
from unmask.types import DataError, Label

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Drawn:
    """The raw clips of a step: `numbers` in the set, and the generator that goes on to draw their changes."""

    numbers: np.ndarray
    arrays: Arrays
    bona_fide: np.ndarray  # (B,) bool
    rng: np.random.Generator


class Drawer:
    """Draws balanced batches: a fixed share is bona fide; each instrument is as likely as any other, or each
    attack clip.

    `frames` 1 takes one random frame of each clip, else it takes all.
    """

    def __init__(self, prepared: PreparedSet, *, batches: Batches, seed: int, frames: int) -> None:
        self.prepared, self.batches, self.seed, self.frames = prepared, batches, seed, frames
        self.bona_fide, self.instruments = by_instrument(prepared.rows, origin=str(prepared.root))
        if batches.attacks == "as prepared":
            self.instruments = [np.sort(np.concatenate(self.instruments))]

    def numbers(self, rng: np.random.Generator) -> np.ndarray:
        """The clips of one batch (B,), bona fide first."""
        living = max(1, min(self.batches.size - 1, round(self.batches.size * self.batches.bona_fide)))
        species = rng.integers(len(self.instruments), size=self.batches.size - living)
        attacks = [rng.choice(self.instruments[k]) for k in species]
        return np.concatenate([rng.choice(self.bona_fide, living), attacks]).astype(np.int64)

    def draw(self, step: int, *, rank: int = 0, augmentation: Augmentation | None = None) -> Drawn:
        """The clips of `step` (from 0) on the device `rank`, after JPEG, the one change that needs bytes."""
        rng = np.random.default_rng([self.seed, step, rank])
        numbers = self.numbers(rng)
        arrays = self.prepared.read(numbers)
        if self.frames == 1:
            arrays = one_frame(arrays, rng.integers(self.prepared.spec.frames, size=len(numbers)))
        if augmentation is not None and augmentation.jpeg:
            recompress(arrays.clips, rng, settings=augmentation)
        bona_fide = np.isin(numbers, self.bona_fide, assume_unique=False)
        return Drawn(numbers, arrays, bona_fide, rng)


def by_instrument(rows: Sequence[Row], *, origin: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers of the bona fide clips, and of the attacks of each instrument in order of its name."""
    labels = np.array([row.label is Label.BONA_FIDE for row in rows])
    names = np.array([row.instrument or "attack" for row in rows], dtype=object)
    if labels.all() or not labels.any():
        kind = "attack" if labels.all() else "bona fide"
        raise DataError(f"{origin} has no {kind} clip; both classes are needed, so prepare more recordings")
    attacks = [np.flatnonzero(~labels & (names == name)) for name in sorted(set(names[~labels]))]
    return np.flatnonzero(labels), attacks


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


def changed(drawn: Drawn, *, settings: Augmentation, device: torch.device) -> Batch:
    """The batch that training sees."""
    return augment(to_batch(drawn.arrays, drawn.bona_fide, device=device), drawn.rng, settings=settings)


def ahead(make: Callable[[int], T], steps: Sequence[int], *, depth: int = 2) -> Iterator[tuple[int, T]]:
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
