"""Pairs from one picture: taken as a bona fide face, and recaptured from a display, paper or a mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.simulate.people.subjects import procedural_portrait
from unmask.simulate.photographs.files import Photograph, Pictured
from unmask.simulate.recapture.attacks import AttackRequest, attack
from unmask.simulate.recapture.bona_fide import TakenPicture, photographed
from unmask.simulate.recapture.paste import CANDIDATES, nearest_in_pose
from unmask.simulate.recapture.takes import Base, draw_framing, framed, side_of
from unmask.simulate.studio import Simulated, simulated_presentation
from unmask.types import DataError, Label

FACE_WIDTH_M = 0.15
AWAY_M = 0.5  # of all that is flat


@dataclass(frozen=True, kw_only=True)
class Recaptures:
    """Any number of pictures: `series(index)` is a function of the fields and the index; it pickles.

    Each picture of `bases` (portraits, photographs with a `subject`, or bona fide recordings of the
    simulator, whose middle frame counts) is used twice: index 2k is taken as a bona fide face, 2k + 1
    recaptured; both with the same kind of framing. Every picture comes once before any comes again, each
    round in another order.
    `rooms`: pictures of rooms, for reflections and backgrounds; drawn ones when empty.
    """

    bases: Sequence[Pictured | Simulated]
    seed: int
    rooms: Sequence[Path] = ()

    def __call__(self, index: int) -> Simulated:
        """One frame with its truth; `light` says how it was framed, `model` how it was made."""
        if not len(self.bases):
            raise DataError("recaptures are made of pictures with a face, and none were given; give some")
        pair, attacked = divmod(index, 2)
        rng = np.random.default_rng([self.seed, index, 41])
        base = _base(self.bases[self._number(pair)])
        tight = draw_framing(np.random.default_rng([self.seed, pair, 43])).tight
        framing = draw_framing(rng, tight=tight)
        instrument: str | None = None
        if attacked:
            attempt = AttackRequest(
                base=base, framing=framing, other=lambda: self._other(base, rng), rooms=self.rooms
            )
            instrument, shown = attack(attempt, rng)
        else:
            shown = photographed(framed(base, framing), rng)
        seed = self.seed * 10_000_000 + index
        return Simulated(
            frames=[shown.image],
            times_s=np.zeros(1),
            depths=_depth(shown, flat=bool(attacked))[None],
            meshes=shown.mesh[None],
            presentation=simulated_presentation(
                seed, subject=base.subject, instrument=instrument, licence=base.licence
            ),
            seed=seed,
            camera="recapture",
            light="tight" if tight else "wide",
            model=shown.model,
            place="any",
            source=base.source,
        )

    def _number(self, pair: int) -> int:
        count = len(self.bases)
        order = np.random.default_rng([self.seed, 7, pair // count]).permutation(count)
        return int(order[pair % count])

    def _other(self, base: Base, rng: np.random.Generator) -> Base:
        """Somebody else who looks about the same way; drawn where the pictures show one person alone."""
        drawn = [_base(self.bases[int(n)]) for n in rng.integers(0, len(self.bases), CANDIDATES)]
        others = [other for other in drawn if other.subject != base.subject]
        if not others:
            return _base(procedural_portrait(rng))
        return others[nearest_in_pose([other.mesh for other in others], base.mesh)]


def _base(item: Pictured | Simulated) -> Base:
    if isinstance(item, Simulated):
        if item.label is not Label.BONA_FIDE:
            raise DataError(
                f"recaptures are made of bona fide pictures, and {item.subject} shows an attack; leave it out"
            )
        middle = len(item.frames) // 2
        return Base(subject=item.subject, image=item.frames[middle], mesh=item.meshes[middle])
    if isinstance(item, Photograph):
        return Base(
            subject=item.subject,
            image=item.image,
            mesh=item.mesh,
            source=item.source,
            licence=item.licence,
        )
    return Base(subject=item.name, image=item.image, mesh=item.mesh)


def _depth(shown: TakenPicture, *, flat: bool) -> np.ndarray:
    """Depth (H, W) float32 metres: a plane, from which a bona fide face stands out by its mesh's bulge."""
    height, width = shown.image.shape[:2]
    depth = np.full((height, width), AWAY_M, np.float32)
    if flat:
        return depth
    middle, side = shown.mesh[:, :2].mean(axis=0), side_of(shown.mesh)
    x = (np.arange(width, dtype=np.float32) - middle[0]) / np.float32(side / 2)
    y = (np.arange(height, dtype=np.float32) - middle[1]) / np.float32(side / 2)
    bulge = np.maximum(0, 1 - (x * x)[None] - (y * y)[:, None])
    return depth - np.float32(FACE_WIDTH_M / 2) * bulge
