"""A series of photographs as scenes: any number of recordings, each a function of seed and index.

Indices 2k and 2k + 1 are the same photograph on the same occasion, once as the person, once on paper or on a
display, so that nothing but the instrument tells them apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unmask.simulate.camera.exposure import Exposure, capture
from unmask.simulate.camera.lens import through_lens
from unmask.simulate.camera.wear import wear
from unmask.simulate.photographs.files import Photograph, Pictured
from unmask.simulate.photographs.masks import masked
from unmask.simulate.photographs.occasions import Occasion, draw_occasion
from unmask.simulate.photographs.person import seen_person
from unmask.simulate.photographs.showings import SHOWINGS, recaptured
from unmask.simulate.studio import Simulated, Truth, simulated_presentation
from unmask.types import Presentation


@dataclass(frozen=True, kw_only=True)
class Photographs:
    """Any number of recordings: `series(index)` is a function of the fields and the index; it pickles.

    Even indices are bona fide, odd ones attacks of the same photograph on the same occasion, by the rows
    `instruments` of SHOWINGS and their shares. `cache`: folder for mattes, which are slow to make.
    """

    photographs: Sequence[Pictured]
    seed: int
    backgrounds: Sequence[Path] = ()
    instruments: tuple[str, ...] = tuple(SHOWINGS)
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frames: int = 1
    fps: float = 10.0
    cache: Path | None = None

    def __call__(self, index: int) -> Simulated:
        picture = self._picture(index // 2)
        occasion = self.occasion(index)
        rng = np.random.default_rng([self.seed, index, 2])
        instrument = self.instrument(index)
        models = self.models.get(instrument, SHOWINGS[instrument].models) if instrument else ()
        model = str(rng.choice(models)) if models else ""
        times = tuple(frame / self.fps for frame in range(self.frames))
        exposures = self._presented(rng, occasion, index=index, model=model, times_s=times)
        camera, truth = occasion.camera, Truth(camera=occasion.camera)
        arriving = truth.kept(through_lens(exposures, rng, camera=camera, fps=self.fps))
        frames = capture(
            arriving,
            rng,
            camera=camera,
            fps=self.fps,
            flicker=occasion.stage.light.flicker,
            face_levels=occasion.face_levels,
        )
        if occasion.wear_seed:
            frames = wear(frames, np.random.default_rng(occasion.wear_seed))
        seed = self.seed * 10_000_000 + index
        return Simulated(
            frames=frames,
            times_s=np.array(times),
            depths=np.stack(truth.depths),
            meshes=np.stack(truth.meshes),
            presentation=_shown(picture, seed, instrument=instrument),
            seed=seed,
            camera=camera.model,
            light=occasion.stage.light.kind,
            model=model,
            place="any",
            source=picture.source if isinstance(picture, Photograph) else "simulated",
        )

    def _presented(
        self,
        rng: np.random.Generator,
        occasion: Occasion,
        *,
        index: int,
        model: str,
        times_s: tuple[float, ...],
    ) -> Iterator[Exposure]:
        """What the camera sees: the person, the person in a mask, or the photograph."""
        instrument = self.instrument(index)
        if instrument is not None and SHOWINGS[instrument].present is not None:
            return recaptured(rng, occasion, instrument=instrument, model=model, times_s=times_s)
        if instrument is not None:
            other = self._picture(index // 2 + 1)
            occasion = masked(rng, occasion, other, instrument=instrument, model=model)
        flat = instrument == "mask/paper"
        return seen_person(rng, occasion, times_s=times_s, flat=flat, cache=self.cache)

    def occasion(self, index: int) -> Occasion:
        """What the recordings 2k and 2k + 1 share."""
        pair = index // 2
        rng = np.random.default_rng([self.seed, pair, 1])
        return draw_occasion(rng, self._picture(pair), backgrounds=self.backgrounds)

    def instrument(self, index: int) -> str | None:
        """The instrument at that index, None where it is bona fide."""
        if index % 2 == 0:
            return None
        shares = np.array([SHOWINGS[name].share for name in self.instruments])
        rng = np.random.default_rng([self.seed, index, 3])
        return str(rng.choice(self.instruments, p=shares / shares.sum()))

    def _picture(self, pair: int) -> Pictured:
        """Every photograph once before any comes again, each round in another order."""
        count = len(self.photographs)
        order = np.random.default_rng([self.seed, 7, pair // count]).permutation(count)
        return self.photographs[int(order[pair % count])]


def _shown(picture: Pictured, seed: int, *, instrument: str | None) -> Presentation:
    if isinstance(picture, Photograph):
        return simulated_presentation(
            seed, subject=picture.subject, instrument=instrument, licence=picture.licence
        )
    return simulated_presentation(seed, subject=picture.name, instrument=instrument)
