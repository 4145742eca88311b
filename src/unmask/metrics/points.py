"""A threshold and what it does to scores -> an operating point of a contract."""

from collections.abc import Mapping

import numpy as np

from unmask.contract import OperatingPoint
from unmask.metrics.rates import apcer, bpcer


def measured_point(
    name: str,
    threshold: float,
    *,
    bona_fide: np.ndarray,
    attacks: Mapping[str, np.ndarray],
    margin: float,
    precision: str,
    measured_on: str,
) -> OperatingPoint:
    """The point of that threshold with the error rates that these scores (n,) have there."""
    accepted = apcer(attacks, threshold)
    worst = max(accepted, key=lambda instrument: accepted[instrument])
    return OperatingPoint(
        name=name,
        threshold=threshold,
        margin=margin,
        precision=precision,
        apcer=accepted[worst],
        worst_instrument=worst,
        bpcer=bpcer(bona_fide, threshold),
        attacks=sum(len(scores) for scores in attacks.values()),
        bona_fide=len(bona_fide),
        measured_on=measured_on,
    )
