"""Which of the faces that were judged is the one that another library found."""

from collections.abc import Sequence

import numpy as np

from unmask.types import FaceDecision

LEAST = 0.3  # of the union of two boxes that they must share: detectors differ in how much of a head they box


def face_at(faces: Sequence[FaceDecision], box: np.ndarray) -> FaceDecision | None:
    """The face whose box shares most with `box` (4,) xyxy; None where none shares enough."""
    shares = [(shared(face.box, box), face) for face in faces if face.box is not None]
    best = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] >= LEAST else None


def shared(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes.

    >>> shared(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2]))
    0.3333333333333333
    """
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    inside = float(np.prod(np.clip(high - low, 0, None)))
    areas = sum(float(np.prod(box[2:] - box[:2])) for box in (one, other))
    return inside / (areas - inside) if areas > inside else 0.0
