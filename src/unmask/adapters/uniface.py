"""Results as uniface gives them: a `SpoofingResult` for a picture and a box."""

from typing import Any

import numpy as np

from unmask.adapters.matching import face_at
from unmask.detector.detector import Detector
from unmask.types import SettingsError, Verdict


class Spoofer:
    """Called as uniface's MiniFASNet is: `spoofer.predict(image, bbox)`."""

    def __init__(self, detector: Detector) -> None:
        try:
            from uniface.types import SpoofingResult
        except ImportError as missing:
            raise SettingsError("results of uniface need it; pip install 'uniface[cpu]'") from missing
        self._result = SpoofingResult
        self.detector = detector

    def predict(self, image: np.ndarray, bbox: Any) -> Any:
        """uniface.types.SpoofingResult of the face in `bbox` (x1, y1, x2, y2) of a BGR picture.

        `is_real` is True for LIVE alone; `confidence` is that of what it says, 0 where no face is found.
        """
        decision = self.detector.check(np.ascontiguousarray(image[..., ::-1]))
        face = face_at(decision.faces, np.asarray(bbox, np.float32)[:4])
        if face is None or not np.isfinite(face.score):
            return self._result(is_real=False, confidence=0.0)
        is_real = face.verdict is Verdict.LIVE
        return self._result(is_real=is_real, confidence=float(face.score if is_real else 1 - face.score))

    __call__ = predict
