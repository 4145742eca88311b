"""Scores in [0, 1] as log-odds, in which calibrated scores add up."""

import math

from unmask.contract import OperatingPoint

SUREST = 1e-6  # a score nearer to 0 or 1 has the log-odds of this one


def log_odds(score: float) -> float:
    """The log odds of a score in [0, 1], kept finite; NaN stays NaN.

    >>> log_odds(0.5), round(log_odds(1.0), 2)
    (0.0, 13.82)
    """
    if math.isnan(score):
        return math.nan
    kept = min(max(score, SUREST), 1 - SUREST)
    return math.log(kept / (1 - kept))


def from_log_odds(odds: float) -> float:
    """The score in [0, 1] of such log-odds; NaN stays NaN.

    >>> from_log_odds(0.0), from_log_odds(-1000.0)
    (0.5, 0.0)
    """
    return 0.0 if odds < -700 else 1 / (1 + math.exp(-odds))


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
    threshold = from_log_odds(middle)
    return max(from_log_odds(middle + width) - threshold, threshold - from_log_odds(middle - width))
