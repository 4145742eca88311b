"""A decision -> the evidence that scoring keeps of it, and columns on what the face looks like."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unmask.media.looks import looks_of
from unmask.scores.evidence import ClipEvidence, evidence_path, write_evidence
from unmask.types import ClipScore, Decision

# Medians over the presentation's clips: mean grey value of the face, its longer side in pixels of the
# original frame, degrees to the picture's right and down, individual typology angle (see media.looks).
LOOKS = ("face_luma", "face_px", "face_yaw", "face_pitch", "face_ita")


def save_evidence(decision: Decision, score: float, *, name: str, folder: str | Path) -> None:
    """Write the evidence of the main face of the presentation `name`, whose score is `score`; where no clip
    was scored there is none, and that of an earlier run goes.
    """
    clips = [clip for face in decision.faces[:1] for clip in face.clips if clip.picture is not None]
    if not clips:
        evidence_path(folder, name).unlink(missing_ok=True)
        return
    chosen = representative_clip(clips, score)
    assert chosen.picture is not None
    features = [clip.features for clip in clips if clip.features is not None]
    write_evidence(
        folder,
        ClipEvidence(
            presentation=name,
            score=score,
            model=f"{decision.model_name} {decision.model_version}".strip(),
            time_s=chosen.time_s,
            picture=chosen.picture,
            depth=chosen.depth,
            features=np.mean(features, axis=0) if features else None,
        ),
    )


def representative_clip(clips: Sequence[ClipScore], score: float) -> ClipScore:
    """The clip whose score is nearest to `score`, the first of equals; the first where it is not a number."""
    if not math.isfinite(score):
        return clips[0]
    return min(clips, key=lambda clip: abs(clip.score - score) if math.isfinite(clip.score) else math.inf)


def looks(decision: Decision) -> dict[str, str]:
    """The columns LOOKS of a decision's main face; a cell is empty where nothing could be measured."""
    clips = [clip for face in decision.faces[:1] for clip in face.clips]
    seen = [
        looks_of(clip.picture, clip.mesh)
        for clip in clips
        if clip.mesh is not None and clip.picture is not None
    ]
    sides = [float((box[2:] - box[:2]).max()) for face in decision.faces[:1] for _, box in face.boxes]
    return {
        "face_luma": _median([one.luma for one in seen]),
        "face_px": _median(sides),
        "face_yaw": _median([one.yaw for one in seen]),
        "face_pitch": _median([one.pitch for one in seen]),
        "face_ita": _median([one.ita for one in seen]),
    }


def looks_without_face() -> dict[str, str]:
    """The columns LOOKS, all empty."""
    return dict.fromkeys(LOOKS, "")


def _median(values: Sequence[float]) -> str:
    finite = [value for value in values if math.isfinite(value)]
    return f"{np.median(finite):.1f}" if finite else ""
