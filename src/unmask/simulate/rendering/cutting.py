"""What scissors leave of a printed face: the head along its outline, or the face alone; holes for eyes."""

import cv2
import numpy as np

from unmask.media.topology import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    OUTLINE,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
)
from unmask.simulate.rendering.mattes import matte

EYES = ((RIGHT_EYE_UPPER, RIGHT_EYE_LOWER), (LEFT_EYE_UPPER, LEFT_EYE_LOWER))
WORK_PX = 320


def head_outline(frame: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """The head with its hair and a little neck, as scissors follow it: (h, w) float32 of the frame's size."""
    scale = WORK_PX / max(frame.shape[:2])
    size = (max(8, round(frame.shape[1] * scale)), max(8, round(frame.shape[0] * scale)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    alpha = matte(small, mesh * np.float32(scale))
    points = mesh[:, :2] * scale
    chin, tall = float(points[152, 1]), float(np.ptp(points[:, 1]))
    left, right = float(points[:, 0].min()), float(points[:, 0].max())
    y, x = np.mgrid[: size[1], : size[0]]
    wide = 0.25 * (right - left)
    keep = (y < chin + 0.16 * tall) & (x > left - wide) & (x < right + wide)
    head = np.where(keep & (y > points[:, 1].min() - 0.5 * tall), alpha, 0.0).astype(np.float32)
    head = np.maximum(head, face_outline(small.shape[:2], points))
    smooth = cv2.GaussianBlur(head, (0, 0), 0.02 * tall + 1)  # scissors do not follow every hair
    sharp = np.clip((smooth - 0.35) * 8 + 0.5, 0, 1)
    return np.asarray(cv2.resize(sharp, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def face_outline(shape: tuple[int, ...], points: np.ndarray, *, rim: float = 1.0) -> np.ndarray:
    """The face's oval, `rim` times as wide as the mesh's: (h, w) float32."""
    outline = points[list(OUTLINE), :2]
    centre = outline.mean(axis=0)
    return filled(centre + (outline - centre) * rim, shape)


def eye_holes(shape: tuple[int, ...], points: np.ndarray, *, widen: float = 1.3) -> np.ndarray:
    """The openings of the eyes in `points` (468, 2 or more) px: (h, w) float32, 1 in the holes."""
    holes = np.zeros(shape[:2], np.float32)
    for upper, lower in EYES:
        ring = points[[*upper, *lower[-2:0:-1]], :2]
        centre = ring.mean(axis=0)
        taller = np.array([widen, widen * 1.5])
        holes = np.maximum(holes, filled(centre + (ring - centre) * taller, shape))
    return holes


def filled(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Coverage (h, w) float32 of a polygon, its edge one pixel soft."""
    cover = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(cover, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cover.astype(np.float32) / 255
