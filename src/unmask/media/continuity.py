"""Whether what is seen goes on: scene cuts of a picture, jumps and changes of one face.

A presentation is one face continuously seen. What breaks it begins a new segment (detector.evidence), so the
limits lie well above what cameras and living people do from frame to frame, and well below what a cut does.
Measured from frame to frame: fast turns of a head at 12 frames/s change the structure of a face by up to
0.23 and its place by 0.07 of its size, another face in its place changes it by 0.3 to 1.3; hand-held cameras
change the scene by up to 0.07, a cut by 0.5 to 1.1.
"""

import cv2
import numpy as np

from unmask.media.clips import cut_picture
from unmask.types import Face, Frame

SCENE_SIDE = 32  # cells of the picture that are compared
SCENE_CUT = 0.35
LEAST_CONTRAST = 4.0  # grey values: a picture without contrast is like every other
FACE_CHANGE = 0.28  # of structure, from one sighting to the next
JUMP, SPEED = 0.35, 4.0  # sizes of the face, and sizes a second
GROWTH, GROWTH_SPEED = 1.25, 2.0  # ratio of sizes, and its share a second


def scene(frame: Frame) -> np.ndarray:
    """The picture as (32 * 32,) float32 of mean 0: exposure and tint cancel. For a video it is read from the
    grey values as they are stored, so that every frame can be compared with the one before.
    """
    luma = frame.luma()
    image = frame.image if luma is None else luma
    height, width = image.shape[:2]
    coarse = max(1, min(height, width) // (4 * SCENE_SIDE))
    small = np.ascontiguousarray(image[::coarse, ::coarse])
    whole = np.array([0, 0, small.shape[1], small.shape[0]])
    cells = cut_picture(small, whole, size_px=SCENE_SIDE)
    grey = (cells if cells.ndim == 2 else cv2.cvtColor(cells, cv2.COLOR_RGB2GRAY)).astype(np.float32)
    grey -= grey.mean()
    return (grey / max(float(grey.std()), LEAST_CONTRAST)).ravel()


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether two scenes, one frame after the other, are not of one shot."""
    return float(np.mean(np.square(before - after))) / 2 > SCENE_CUT


def structure_change(look: np.ndarray, other: np.ndarray) -> float:
    """How far two appearances (tracks.appearance) differ but for light and tint: 0 not at all, about 1 as two
    strangers.
    """
    one, two = (seen - seen.mean(axis=0) for seen in (look, other))
    scale = float(np.linalg.norm(one) * np.linalg.norm(two))
    return 1 - float(np.sum(one * two)) / scale if scale > 1e-3 else 0.0


def jumps(before: Face, after: Face, *, seconds: float) -> bool:
    """Whether a face is elsewhere, or of another size, than any head can be so soon after."""
    sizes = [float(np.max(face.box[2:] - face.box[:2])) for face in (before, after)]
    small, large = max(min(sizes), 1.0), max(sizes)
    moved = float(np.linalg.norm(_middle(after) - _middle(before))) / small
    return moved > JUMP + SPEED * seconds or large / small > GROWTH + GROWTH_SPEED * seconds


def _middle(face: Face) -> np.ndarray:
    return (face.box[:2] + face.box[2:]) / 2
