"""The five points by which recognition aligns a face, out of the mesh that liveness was judged by."""

import numpy as np

from unmask.types import FaceDecision

LEFT_EYE, RIGHT_EYE = (362, 263), (33, 133)  # corners in the face mesh; left as the person has it
NOSE, RIGHT_MOUTH, LEFT_MOUTH = 4, 61, 291


def five_points(face: FaceDecision) -> np.ndarray:
    """(5, 2) float32 x, y in pixels of the frame, in the order of ArcFace: both eyes, the nose, both corners
    of the mouth, the person's right before the left. ValueError for a face without landmarks.
    """
    if face.landmarks is None:
        raise ValueError("this face has no landmarks; give one of a Detector's decision")
    points = face.landmarks[:, :2]
    right, left = points[list(RIGHT_EYE)].mean(axis=0), points[list(LEFT_EYE)].mean(axis=0)
    return np.stack([right, left, points[NOSE], points[RIGHT_MOUTH], points[LEFT_MOUTH]]).astype(np.float32)
