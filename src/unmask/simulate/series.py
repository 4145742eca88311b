"""Recordings in numbers: one clip, a series for training, a folder of videos with their truth.

A series is a function of (seed, index) alone: any part can be made anywhere, in any order, on any number of
cores.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unmask.media.clips import cut, mesh_depth, mesh_mask
from unmask.simulate.camera.models import MODELS
from unmask.simulate.folder import Progress, mark_folder, write_labelled
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.heads import HeadModel
from unmask.simulate.people.subjects import Portrait
from unmask.simulate.studio import Request, Simulated, Studio
from unmask.types import Clip, ClipSpec, Face, Frame, Label, PresentationRecord, Sighting

SMALL = (256, 256)  # height, width: what the benchmark delivers, and twice as quick as 640 x 480
CLIPS_A_SUBJECT = 16  # neighbours in a series share a subject, since a bust takes longer than a clip


def simulate_clip(
    portrait: Portrait,
    *,
    instrument: str | None,
    seed: int,
    backgrounds: Sequence[Path] = (),
    others: Sequence[Portrait] = (),
    frames: int = 30,
    fps: float = 30.0,
    camera: str | None = None,
) -> Simulated:
    """One recording of that subject: bona fide when `instrument` is None, else by that row of `INSTRUMENTS`.

    `others` may wear masks. The same arguments give the same bytes.
    """
    studio = Studio(portraits=(portrait,), backgrounds=backgrounds, others=others)
    return studio.record(
        Request(subject=0, instrument=instrument, seed=seed, frames=frames, fps=fps, camera=camera)
    )


@dataclass(frozen=True, kw_only=True)
class Series:
    """Any number of recordings: `series(index)` is a function of the fields and the index; it pickles.

    Half are bona fide, the rest by the shares of `instruments`. A subject keeps `together` neighbouring
    indices.
    `hd_share` of them are 1280 x 720, `small_share` SMALL, a window of the sensor; the others 640 x 480.
    """

    portraits: Sequence[Portrait]
    seed: int
    heads: HeadModel | None = None
    backgrounds: Sequence[Path] = ()
    instruments: tuple[str, ...] = tuple(INSTRUMENTS)
    frames: int = 5
    fps: float = 10.0
    hd_share: float = 0.0
    small_share: float = 0.0
    moire: bool = True
    matched: bool = True
    cameras: tuple[str, ...] = tuple(MODELS)
    cache: Path | None = None
    together: int = CLIPS_A_SUBJECT
    _studio: list[Studio] = field(default_factory=list, init=False, repr=False, compare=False)

    def __call__(self, index: int) -> Simulated:
        return self._open().record(self.request(index))

    def request(self, index: int) -> Request:
        """What is wanted at that index."""
        rng = np.random.default_rng([self.seed, index])
        attack = rng.random() >= 0.5
        shares = np.array([INSTRUMENTS[name].share for name in self.instruments])
        return Request(
            subject=self._subject(index // self.together),
            instrument=str(rng.choice(self.instruments, p=shares / shares.sum())) if attack else None,
            seed=self.seed * 10_000_000 + index,
            frames=self.frames,
            fps=self.fps,
            hd_share=self.hd_share,
            camera=str(rng.choice(self.cameras)),
            size=SMALL if rng.random() < self.small_share else None,
            moire=self.moire,
            matched=self.matched,
        )

    def _subject(self, block: int) -> int:
        """Every subject once before any comes again, each round in another order."""
        count = len(self.portraits)
        order = np.random.default_rng([self.seed, 7, block // count]).permutation(count)
        return int(order[block % count])

    def _open(self) -> Studio:
        if not self._studio:
            self._studio.append(
                Studio(
                    portraits=self.portraits, heads=self.heads, backgrounds=self.backgrounds, cache=self.cache
                )
            )
        return self._studio[0]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_studio": []}  # busts are large and made again where they are needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Example(PresentationRecord):
    """A recording cut as at run time: `clip`; `mask` (T, 32, 32) and `depth` (T, 32, 32) labels, zeros for
    attacks.
    """

    clip: Clip
    mask: np.ndarray
    depth: np.ndarray
    camera: str


def simulate_crops(series: Series, *, indices: Sequence[int], spec: ClipSpec) -> Iterator[Example]:
    """The series' clips at those indices, cut with the true mesh's box."""
    for index in indices:
        made = series(index)
        clip = cut(sightings(made)[: spec.frames], spec=spec)
        masks = np.stack([mesh_mask(mesh, size_px=spec.size_px) for mesh in clip.meshes])
        depths = np.stack([mesh_depth(mesh, size_px=spec.size_px) for mesh in clip.meshes])
        yield Example(
            clip=clip,
            mask=masks,
            depth=depths if made.label is Label.BONA_FIDE else np.zeros_like(depths),
            presentation=made.presentation,
            camera=made.camera,
        )


def sightings(made: Simulated) -> list[Sighting]:
    """The recording's frames with the true mesh as the face that was found."""
    found = []
    for index, (image, time_s, mesh) in enumerate(zip(made.frames, made.times_s, made.meshes, strict=True)):
        box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        found.append(
            Sighting(frame=Frame(image, float(time_s), index), face=Face(box=box, mesh=mesh, presence=1.0))
        )
    return found


def simulate_folder(
    out: Path,
    *,
    portraits: Sequence[Portrait],
    heads: HeadModel | None = None,
    backgrounds: Sequence[Path] = (),
    subjects: int,
    clips: int,
    seed: int,
    seconds: float = 2.0,
    fps: float = 30.0,
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Videos in `out`/videos, their truth in `out`/truth, and `out`/labels.csv, which is returned.

    Names say nothing about the class. Each subject has some of the clips, if there are as many. A folder that
    was left half made is continued; one with other files in it, or of other settings, is refused.
    """
    names = [portrait.name for portrait in portraits[:subjects]]
    together = max(1, min(CLIPS_A_SUBJECT, clips // len(names)))  # so that everybody has a turn
    settings = {"seed": seed, "clips": clips, "seconds": seconds, "fps": fps, "portraits": names}
    settings["clips of a subject in a row"] = together
    if heads is not None:
        settings["heads"] = heads.fingerprint
    mark_folder(out, settings, mark="simulation.json")
    series = Series(
        portraits=tuple(portraits[:subjects]),
        heads=heads,
        backgrounds=tuple(backgrounds),
        seed=seed,
        frames=max(1, round(seconds * fps)),
        fps=fps,
        hd_share=0.25,
        together=together,
    )
    return write_labelled(out, series, clips=clips, seed=seed, fps=fps, jobs=jobs, progress=progress)
