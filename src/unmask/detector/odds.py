"""Scores in [0, 1] as log-odds, in which calibrated scores add up."""

import numpy as np
from scipy.special import expit, logit

from unmask.contract import OperatingPoint

SUREST = 1e-6  # a score nearer to 0 or 1 has the log-odds of this one


def log_odds(score: float) -> float:
    """Of a score in [0, 1], kept finite; NaN stays NaN.

    >>> log_odds(0.5), round(log_odds(1.0), 2)
    (0.0, 13.82)
    """
    return float(logit(np.clip(score, SUREST, 1 - SUREST)))


def width(point: OperatingPoint) -> float:
    """The point's margin in log-odds, on its wider side."""
    middle = log_odds(point.threshold)
    above, below = log_odds(point.threshold + point.margin), log_odds(point.threshold - point.margin)
    return max(above - middle, middle - below)


def margin(middle: float, *, width: float) -> float:
    """Half the width of the band `middle` +- `width` of log-odds as a score, on its wider side.

    >>> round(margin(0.0, width=1.0), 3)
    0.231
    """
    threshold = float(expit(middle))
    return max(float(expit(middle + width)) - threshold, threshold - float(expit(middle - width)))
