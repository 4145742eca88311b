"""The map that brings a network's score to 0.5 at its default operating point, and points seen through it.

The score is a probability only between equally many bona fide and attacks like those of dev; what it is for
is that 0.5 means the same decision in every model, and 0.9 about the same sureness.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import expit, logit

from unmask.contract import OperatingPoint, ScoreMap
from unmask.data.prepare.shards import Row
from unmask.metrics.calibration import platt_curve
from unmask.training.threshold import presentation_scores
from unmask.types import DataError

KNOTS = np.linspace(-10, 10, 161)  # log-odds of the calibrated score; 0 is one of them
EDGE = 1e-7  # raw scores nearer to 0 and 1 lie on one straight line


def fitted_map(rows: Sequence[Row], scores: np.ndarray, *, threshold: float, alone: bool) -> ScoreMap:
    """Platt's curve on the log-odds of dev's presentations, moved so that `threshold` becomes 0.5 exactly.

    DataError where bona fide do not score higher than attacks.
    """
    bona_fide, attacks = presentation_scores(rows, scores, alone=alone)
    pooled = np.concatenate([bona_fide, *attacks.values()])
    odds = logit(np.clip(pooled, EDGE, 1 - EDGE))
    slope, _ = platt_curve(odds, np.arange(len(pooled)) < len(bona_fide))
    if slope <= 0:
        raise DataError(
            "bona fide clips of dev do not score higher than its attacks, so no rising map fits them; look "
            'at the training, or set [evaluation] calibrate = "none"'
        )
    middle = float(np.clip(threshold, 2 * EDGE, 1 - 2 * EDGE))
    raw = expit(KNOTS / slope + logit(middle))
    raw[len(KNOTS) // 2] = middle  # not a bit beside it
    kept = (raw > EDGE) & (raw < 1 - EDGE) & (np.diff(raw, prepend=0.0) > 0)
    return ScoreMap(
        method="platt",
        raw=(0.0, *raw[kept].tolist(), 1.0),
        calibrated=(0.0, *expit(KNOTS)[kept].tolist(), 1.0),
    )


def through(points: Sequence[OperatingPoint], score_map: ScoreMap | None) -> tuple[OperatingPoint, ...]:
    """Points of raw scores in units of the mapped score; their rates are the same."""
    if score_map is None:
        return tuple(points)
    mapped = []
    for point in points:
        low, middle, high = (score_map(point.threshold + point.margin * side) for side in (-1, 0, 1))
        mapped.append(replace(point, threshold=middle, margin=max(high - middle, middle - low)))
    return tuple(mapped)
