"""Faces as `supervision.Detections`, for its annotators, zones and trackers."""

from typing import Any

import numpy as np

from unmask.types import Decision, SettingsError, Verdict

CLASSES = tuple(Verdict)  # class_id -> verdict


def detections(decision: Decision) -> Any:
    """supervision.Detections of the faces of a decision, each with its latest box.

    `class_id` is 0 LIVE, 1 ATTACK, 2 UNDECIDED; `confidence` the score, 0 without one; `data` holds
    `class_name`, `reasons` and `identity`.
    """
    try:
        import supervision
    except ImportError as missing:
        raise SettingsError("detections need supervision; pip install supervision") from missing
    faces = [face for face in decision.faces if face.box is not None]
    if not faces:
        return supervision.Detections.empty()
    # of a single face the whole source's verdict holds: it is never milder
    verdicts = [decision.verdict] if len(faces) == 1 else [face.verdict for face in faces]
    return supervision.Detections(
        xyxy=np.array([face.box for face in faces], np.float32),
        confidence=np.nan_to_num(np.array([face.score for face in faces], np.float32)),
        class_id=np.array([CLASSES.index(verdict) for verdict in verdicts]),
        data={
            "class_name": np.array([verdict.value for verdict in verdicts]),
            "reasons": np.array([" ".join(face.reasons) for face in faces]),
            "identity": np.array([face.identity for face in faces]),
        },
    )
