"""What is read off one frame: linear light at points of the face, and beside the head where the room is."""

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.media.clips import clip_box, cut_picture, mesh_in_clip
from unmask.media.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    MOUTH_LOWER,
    MOUTH_UPPER,
    OUTLINE,
    POINTS,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.types import Face

SIDE = 96  # pixels of the square that is sampled; the face takes half of it
SCALE = 2.0
BLACK, FULL = 3, 250  # grey values beyond which nothing can be told
# Places beside the head, in face heights from the face's middle: left and right of cheeks and temples, above.
RING = np.array(
    [(side * x, y) for side in (-1, 1) for x in (0.72, 0.82, 0.92) for y in (-0.45, -0.25, -0.05, 0.15)]
    + [(x, y) for x in (-0.3, 0.0, 0.3) for y in (-0.98, -0.86)],
    np.float32,
)
_OPENINGS = {
    *RIGHT_EYE_UPPER, *RIGHT_EYE_LOWER, *LEFT_EYE_UPPER, *LEFT_EYE_LOWER, *MOUTH_UPPER, *MOUTH_LOWER,
}  # fmt: skip
SKIN = np.array([point for point in range(POINTS) if point not in _OPENINGS | set(OUTLINE)][::2])
_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One frame in numbers: `skin` (k, 3) and `ring` (r, 3) float32 linear light 0 to 1, NaN where too dark,
    burnt out or outside the picture; `mesh` (468, 3) float32 px.
    """

    time_s: float
    skin: np.ndarray
    ring: np.ndarray
    mesh: np.ndarray


def sample(image: np.ndarray, face: Face, *, time_s: float) -> Sample:
    """The light of a frame (H, W, 3) uint8 at the points SKIN of the face's mesh and at RING beside it."""
    box = clip_box(face.mesh, scale=SCALE)
    square = cut_picture(image, box, size_px=SIDE)
    soft = cv2.blur(_LINEAR[square], (3, 3))
    clipped = ((square <= BLACK) | (square >= FULL)).astype(np.float32)
    soft[cv2.blur(clipped, (3, 3)) > 0.34] = np.nan
    mesh = mesh_in_clip(face.mesh, box, size_px=SIDE)[:, :2]
    tall = np.ptp(mesh[:, 1])
    ring = (mesh.min(axis=0) + mesh.max(axis=0)) / 2 + RING * tall
    return Sample(
        time_s=time_s,
        skin=_at(soft, mesh[SKIN]),
        ring=np.where(_inside(ring, box, image)[:, None], _at(soft, ring), np.nan).astype(np.float32),
        mesh=face.mesh.astype(np.float32),
    )


def _at(soft: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = np.clip(np.rint(points), 0, SIDE - 1).astype(int).T
    return np.asarray(soft[y, x], np.float32)


def _inside(points: np.ndarray, box: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Whether points (n, 2) of the square lie on the picture, with a margin."""
    scale = float(box[2] - box[0]) / SIDE
    there = points * scale + box[:2]
    height, width = image.shape[:2]
    low, high = 1.0 * scale, np.array([width, height]) - 1.0 * scale
    in_square = ((points >= 0) & (points <= SIDE - 1)).all(axis=1)
    return np.asarray(in_square & (there >= low).all(axis=1) & (there <= high).all(axis=1))
