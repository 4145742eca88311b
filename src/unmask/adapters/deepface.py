"""Results as deepface gives them: `extract_faces(anti_spoofing=True)`, and the `analyze` of its Fasnet.

deepface's pictures are BGR, as OpenCV reads them; its `antispoof_score` belongs to what `is_real` says: the
nearer to 1, the surer.
"""

from typing import Any

import numpy as np

from unmask.adapters.five_points import LEFT_EYE, RIGHT_EYE
from unmask.adapters.matching import face_at
from unmask.detector.detector import Detector
from unmask.types import FaceDecision, Verdict


def extract_faces(image: np.ndarray, detector: Detector) -> list[dict[str, Any]]:
    """The faces of a picture (H, W, 3) uint8 BGR, the largest first, with deepface's keys.

    `face` is RGB float in [0, 1], `facial_area` x, y, w, h and the eyes, in pixels; `is_real` is True for
    LIVE alone. `unmask_verdict` tells ATTACK from UNDECIDED, which deepface has no word for.
    """
    decision = detector.check(np.ascontiguousarray(image[..., ::-1]))
    alone = len(decision.faces) == 1
    return [
        _as_deepface(face, image, verdict=decision.verdict if alone else face.verdict)
        for face in decision.faces
        if face.box is not None
    ]


class Antispoofing:
    """In place of deepface's Fasnet: give it to `deepface.modules.modeling` or call it yourself."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    def analyze(self, img: np.ndarray, facial_area: tuple[int, int, int, int]) -> tuple[bool, float]:
        """(is_real, antispoof_score) of the face in x, y, w, h; (False, 0.0) where no face is found there."""
        x, y, width, height = facial_area
        decision = self.detector.check(np.ascontiguousarray(img[..., ::-1]))
        face = face_at(decision.faces, np.array([x, y, x + width, y + height]))
        if face is None:
            return False, 0.0
        return face.verdict is Verdict.LIVE, _sureness(face)


def _as_deepface(face: FaceDecision, image: np.ndarray, *, verdict: Verdict) -> dict[str, Any]:
    assert face.box is not None
    height, width = image.shape[:2]
    limits = (width, height, width, height)
    left, top, right, bottom = (
        int(min(max(edge, 0), limit)) for edge, limit in zip(face.box, limits, strict=True)
    )
    area: dict[str, Any] = {"x": left, "y": top, "w": right - left, "h": bottom - top}
    for name, corners in (("left_eye", LEFT_EYE), ("right_eye", RIGHT_EYE)):
        area[name] = None if face.landmarks is None else _middle(face.landmarks, corners)
    return {
        "face": image[top:bottom, left:right, ::-1].astype(np.float64) / 255,
        "facial_area": area,
        "confidence": 1.0,
        "is_real": verdict is Verdict.LIVE,
        "antispoof_score": _sureness(face),
        "unmask_verdict": verdict.value,
    }


def _middle(mesh: np.ndarray, corners: tuple[int, int]) -> tuple[int, int]:
    x, y = mesh[list(corners), :2].mean(axis=0)
    return int(x), int(y)


def _sureness(face: FaceDecision) -> float:
    if not np.isfinite(face.score):
        return 0.0
    return float(face.score if face.verdict is Verdict.LIVE else 1 - face.score)
