"""How a face in one frame lies and looks, before it is judged and scored."""

from dataclasses import dataclass, replace

import numpy as np

from unmask.media.tracks import appearance
from unmask.media.upright import upright
from unmask.types import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A sighting as it was found and `upright`, after so many `turns` (quarter turns counter-clockwise).

    `look` (468, 3) is its appearance (media.tracks).
    """

    found: Sighting
    upright: Sighting
    turns: int
    look: np.ndarray


def measure(sighting: Sighting, turns: int, *, before: Measured | None = None) -> Measured:
    """The sighting measured; what was measured `before` counts on where that was the same face in the same
    picture, which is still shown.
    """
    if before is not None and before.turns == turns and sighting.still_shows(before.found):
        frame = before.upright.frame.again_at(sighting.frame.time_s)
        return replace(before, found=sighting, upright=replace(before.upright, frame=frame))
    look = appearance(sighting.frame.image, sighting.face.mesh)
    return Measured(found=sighting, upright=upright(sighting, turns), turns=turns, look=look)
