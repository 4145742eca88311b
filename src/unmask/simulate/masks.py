"""Paper masks: a printed face on its own, held, or worn by another head; its true depth is the paper's."""

from dataclasses import dataclass

import numpy as np

from unmask.simulate.motion import HeadMotion, RigidMotion
from unmask.simulate.scene import Bust, Shot, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperMask:
    """How a mask is cut and worn."""

    bend_m: float  # radius of the bend round the vertical axis; 0 is flat
    rim_m: float  # white paper left outside the face
    eye_holes: bool
    mouth_hole: bool
    worn: bool  # before the wearer's moving head; else held or hanging alone


def draw_paper_mask(rng: np.random.Generator) -> PaperMask:
    """How this one is cut and worn."""
    raise NotImplementedError


def paper_mask(
    mask: PaperMask,
    stage: Stage,
    *,
    picture: np.ndarray,  # (h, w, 3) float32 linear reflectance of the print (from prints.py)
    picture_mesh: np.ndarray,  # (468, 3) the printed face in its pixels
    wearer: Bust | None,
    motion: HeadMotion | RigidMotion,
    time_s: float,
) -> Shot:
    """The mask on the stage, with the wearer behind it when worn."""
    raise NotImplementedError
