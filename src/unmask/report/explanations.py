"""Explanations of clip scores -> what page and video show: heat on the face, the frames that weighed most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.media.clips import cut_picture
from unmask.types import ClipScore

ROOM = 0.15  # around the face, of its longer side
HEAT = 0.85  # of the glow where it is hottest; the rest is the picture in grey
COLD, HOT = (200.0, 30.0, 0.0), (255.0, 215.0, 40.0)  # apart from the colours of depth
WEAK_AND_STRONG = (
    5.0,
    99.0,
)  # percentiles of the face's cells that end the scale: one cell shall not dim all


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameWeight:
    """A frame of a face: with its neighbour in its place the score of its clip would be lower by `change`."""

    time_s: float
    change: float
    picture: np.ndarray  # (S, S, 3) uint8, as the network saw it


def heat_map(clip: ClipScore, *, side: int) -> np.ndarray | None:
    """The gradient of a clip's first frame over the face, (side, side, 3) uint8 RGB, cut to the face.

    The scale is the clip's own, from its weakest to its strongest cells. None where nothing was worked out.
    """
    gradient = None if clip.explanation is None else clip.explanation.gradient
    if gradient is None or clip.picture is None or not np.isfinite(gradient).any():
        return None
    known = np.isfinite(gradient)
    low, high = np.percentile(gradient[known], WEAK_AND_STRONG)
    level = np.where(known, (gradient - low) / max(float(high - low), 1e-6), 0)
    box = _face_box(known)  # in cells
    grey = clip.picture.mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8)
    picture = cut_picture(grey, box * (len(grey) / len(level)), size_px=side).astype(np.float32)
    heat = cut_picture((np.clip(level, 0, 1) * 255).astype(np.uint8), box, size_px=side)[..., None] / 255
    glow = np.array(COLD) * (1 - heat) + np.array(HOT) * heat
    return (picture * (1 - HEAT * heat) + glow * HEAT * heat).round().astype(np.uint8)


def frame_weights(clips: Sequence[ClipScore]) -> list[FrameWeight]:
    """The weights of all frames that were weighed, in order of time."""
    found = []
    for clip in clips:
        explanation = clip.explanation
        if explanation is not None and explanation.weights is not None:
            parts = (explanation.times_s, explanation.weights, explanation.frames)
            for time_s, weight, picture in zip(*parts, strict=True):
                found.append(FrameWeight(time_s=float(time_s), change=float(weight), picture=picture))
    return [frame for frame in found if np.isfinite(frame.change)]


def weightiest(frames: Sequence[FrameWeight], *, at_most: int) -> list[FrameWeight]:
    """Those that change their clip's score most, either way, the weightiest first.

    >>> frames = [FrameWeight(time_s=t, change=c, picture=None) for t, c in ((0, 0.1), (1, -0.3), (2, 0.2))]
    >>> [frame.time_s for frame in weightiest(frames, at_most=2)]
    [1, 2]
    """
    return sorted(frames, key=lambda frame: -abs(frame.change))[:at_most]


def pulls(scores: Sequence[float]) -> list[float]:
    """By how much each score raises the mean of all: the mean less that of the others; none for one score.

    >>> pulls([0.5, 0.5, 0.8])
    [-0.05, -0.05, 0.1]
    """
    if len(scores) < 2:
        return []
    mean = sum(scores) / len(scores)
    return [round((score - mean) / (len(scores) - 1), 12) for score in scores]


def _face_box(known: np.ndarray) -> np.ndarray:
    """The square (4,) xyxy around the true cells, with some room."""
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    low = np.array([columns[0], rows[0]], float)
    high = np.array([columns[-1] + 1, rows[-1] + 1], float)
    half = (0.5 + ROOM) * float((high - low).max())
    middle = (low + high) / 2
    return np.round(np.concatenate([middle - half, middle + half]))  # whole cells
