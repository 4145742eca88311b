"""What BlazeFace (short range) says of a picture: anchors, decoding, merging, where to look for small faces.

After MediaPipe's graphs (Bazarevsky et al. 2019): 896 anchors of unit size; boxes that overlap are blended.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

DETECTOR_SIDE = 128
MIN_SCORE = 0.5
MAX_OVERLAP = 0.3  # IoU above which two detections are one face
SMALLEST_TILE_PX = 160  # a tile shows faces from a seventh of its side on; below 24 px none can be judged
MOST_TILES = 80  # a level with more tiles is not searched: the face would be a speck in a huge picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What BlazeFace says: `box` (4,) xyxy and `points` (6, 2: eyes, nose, mouth, ears) in pixels."""

    box: np.ndarray
    points: np.ndarray
    score: float  # in [0, 1]


@cache
def anchors() -> np.ndarray:
    """Centres (896, 2) of BlazeFace's anchors in [0, 1]: 2 a cell of a 16x16 map, then 6 a cell of an 8x8.

    >>> anchors()[0], anchors()[512]
    (array([0.03125, 0.03125], dtype=float32), array([0.0625, 0.0625], dtype=float32))
    """
    maps = []
    for cells, each in ((16, 2), (8, 6)):
        y, x = np.divmod(np.arange(cells * cells), cells)
        maps.append(np.repeat((np.column_stack([x, y]) + 0.5) / cells, each, axis=0))
    centres = np.concatenate(maps).astype(np.float32)
    centres.setflags(write=False)
    return centres


def decode(regressors: np.ndarray, logits: np.ndarray, *, min_score: float = MIN_SCORE) -> list[Detection]:
    """BlazeFace's outputs (896, 16) and (896,) as detections in pixels of its input, best first."""
    scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))  # beyond 80 float32 overflows
    kept = np.flatnonzero(scores >= min_score)
    if not len(kept):
        return []
    centres = anchors()[kept] * DETECTOR_SIDE
    raw = regressors[kept].reshape(-1, 8, 2).copy()
    raw[:, 0] += centres
    raw[:, 2:] += centres[:, None]
    boxes = np.concatenate([raw[:, 0] - raw[:, 1] / 2, raw[:, 0] + raw[:, 1] / 2], axis=1)
    found = [
        Detection(box=b, points=p, score=float(s))
        for b, p, s in zip(boxes, raw[:, 2:], scores[kept], strict=True)
    ]
    return merged(found)


def merged(found: list[Detection]) -> list[Detection]:
    """Non-maximum suppression that blends: a survivor is the mean, weighted by score, of its group."""
    if not found:
        return []
    left = sorted(found, key=lambda d: -d.score)
    boxes, points = np.stack([d.box for d in left]), np.stack([d.points for d in left])
    scores = np.array([d.score for d in left])
    kept = []
    while len(scores):
        same = overlap(boxes[0], boxes) > MAX_OVERLAP
        same[0] = True
        weights = scores[same][:, None]
        whole = weights.sum(axis=0)
        kept.append(
            Detection(
                box=(boxes[same] * weights).sum(axis=0) / whole,
                points=(points[same] * weights[..., None]).sum(axis=0) / whole,
                score=float(scores[0]),
            )
        )
        boxes, points, scores = boxes[~same], points[~same], scores[~same]
    return kept


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one xyxy box (4,) with n boxes (n, 4).

    >>> overlap(np.array([0, 0, 2, 2]), np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).round(3)
    array([1.   , 0.333, 0.   ])
    """
    sides = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None)
    shared = sides.prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return shared / np.maximum(areas - shared, 1e-9)


def tiles(height: int, width: int) -> list[list[np.ndarray]]:
    """Levels of squares (xyxy) to search, coarse to fine; each covers all, neighbours overlap by half.

    >>> [len(level) for level in tiles(720, 1280)]
    [1, 3, 21]
    """
    levels = [[_square(width / 2, height / 2, max(width, height))]]
    side = min(height, width) if max(height, width) > 1.1 * min(height, width) else min(height, width) / 2
    while level := level_of(height, width, side):
        levels.append(level)
        side /= 2
    return levels


def level_of(height: int, width: int, side: float) -> list[np.ndarray]:
    """The squares (xyxy) of that side which cover a picture, neighbours overlapping by half; none where they
    would be too small or too many.

    >>> len(level_of(480, 640, 440)), level_of(480, 640, 100)
    (4, [])
    """
    if side < SMALLEST_TILE_PX:
        return []
    centres_x, centres_y = _spread(width, side), _spread(height, side)
    if len(centres_x) * len(centres_y) > MOST_TILES:
        return []
    return [_square(x, y, side) for y in centres_y for x in centres_x]


def _square(x: float, y: float, side: float) -> np.ndarray:
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])


def _spread(length: float, side: float) -> np.ndarray:
    count = 1 + int(np.ceil((length - side) / (side / 2) - 1e-6))
    return np.linspace(side / 2, length - side / 2, count) if count > 1 else np.array([length / 2])
