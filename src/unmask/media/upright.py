"""Faces that lie on their side or stand on their head -> upright ones, in a picture that is turned with them.

Phones are held in every way, and files that should say so do not always. A quarter turn loses no pixel, so
that a face gets the same score whichever way up it was recorded.
"""

import numpy as np

from unmask.media.quality import pose_of
from unmask.types import Face, Frame, Sighting

STAYS = 60.0  # degrees from upright: a face that tilts is not turned to and fro


def quarter_turns(face: Face, before: int = 0) -> int:
    """How many quarter turns counter-clockwise bring a face upright, 0 to 3; as `before` while it is near."""
    roll = pose_of(face.mesh).roll
    off = (roll - 90 * before + 180) % 360 - 180
    return before if abs(off) <= STAYS else round(roll / 90) % 4


def upright(sighting: Sighting, turns: int) -> Sighting:
    """The sighting in its picture after so many quarter turns counter-clockwise.

    >>> mesh = np.array([[9.0, 0, 1]], np.float32)
    >>> face = Face(box=np.array([9.0, 0, 9, 0]), mesh=mesh, presence=1.0)
    >>> seen = Sighting(frame=Frame(np.zeros((4, 10, 3), np.uint8), 0.0, 0), face=face)
    >>> found = upright(seen, 1)  # the upper right corner comes to the upper left
    >>> found.frame.image.shape, found.face.mesh.tolist()
    ((10, 4, 3), [[0.0, 0.0, 1.0]])
    """
    if turns % 4 == 0:
        return sighting
    frame, mesh = sighting.frame, sighting.face.mesh.copy()
    height, width = frame.image.shape[:2]
    for _ in range(turns % 4):
        mesh[:, 0], mesh[:, 1] = mesh[:, 1].copy(), width - 1 - mesh[:, 0]
        height, width = width, height
    box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
    image = np.ascontiguousarray(np.rot90(frame.image, turns))
    face = Face(box=box, mesh=mesh, presence=sighting.face.presence)
    return Sighting(frame=Frame(image, frame.time_s, frame.index), face=face)
