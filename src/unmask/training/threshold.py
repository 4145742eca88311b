"""Dev scores -> operating points, margins, and how alike the clips of one presentation are; dev only."""

from collections.abc import Mapping, Sequence

import numpy as np

from unmask import metrics
from unmask.contract import OperatingPoint
from unmask.data.prepare.shards import Row
from unmask.metrics.points import measured_point
from unmask.training.settings import EvaluationSettings
from unmask.types import Label

CORRELATION_UNKNOWN = 0.5  # between clips of one presentation, where dev has one clip of each
FEW_ATTACKS = 50  # of a family: below, its APCER steers no threshold
LEAST = 1e-9  # of a threshold: at 0 nothing would be refused
DECIDED_AT_ONCE = 0.85  # of the right clips, at least: a picture is one clip, and undecided is not an answer


def presentation_scores(
    rows: Sequence[Row], scores: np.ndarray, *, alone: bool = False
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Clip scores (len(rows),) averaged over presentations: bona fide (n,), and instrument -> attacks (n,).

    With `alone` every clip counts as a presentation of its own, as a picture does.
    """
    clips: dict[tuple[str, int], list[int]] = {}
    for number, row in enumerate(rows):
        clips.setdefault((row.name, number if alone else 0), []).append(number)
    bona_fide: list[float] = []
    attacks: dict[str, list[float]] = {}
    for numbers in clips.values():
        row = rows[numbers[0]]
        kind = (
            bona_fide if row.label is Label.BONA_FIDE else attacks.setdefault(row.instrument or "attack", [])
        )
        kind.append(float(np.mean(scores[numbers])))
    return np.array(bona_fide), {name: np.array(attacks[name]) for name in sorted(attacks)}


def margin(bona_fide: np.ndarray, attacks: np.ndarray, threshold: float, *, error: float) -> float:
    """Half-width of the band round `threshold` where one clip is weak evidence; single clips' scores (n,).

    The narrowest that leaves at most `error` of the attack clips at threshold + margin or above, and as many
    of the bona fide ones below threshold - margin; but never so wide that less than DECIDED_AT_ONCE of the
    clips on their right side get out of it.

    >>> bona_fide, attack = np.array([0.45, 0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.3, 0.52])
    >>> round(margin(bona_fide, attack, 0.5, error=0.0), 3)
    0.05
    """
    # "higher" takes a score that occurs, so at most `error` of them lie beyond it
    above = float(np.quantile(attacks, 1 - error, method="higher")) - threshold
    below = threshold - float(np.quantile(bona_fide, error, method="lower"))
    right = [(bona_fide - threshold)[bona_fide >= threshold], (threshold - attacks)[attacks < threshold]]
    widest = min((float(np.quantile(side, 1 - DECIDED_AT_ONCE)) for side in right if len(side)), default=0.0)
    return float(np.clip(max(above, below), 0.0, max(widest, 0.0)))


def correlation(rows: Sequence[Row], scores: np.ndarray) -> float:
    """Intraclass correlation in [0, 1] of clip scores within presentations, class means taken off.

    One-way ANOVA (Shrout and Fleiss 1979, ICC(1,1)) with Donner's mean size for unequal groups; 0.5 where no
    presentation has two clips.
    """
    labels = np.array([row.label is Label.BONA_FIDE for row in rows])
    residuals = np.array(scores, dtype=np.float64)
    for kind in (True, False):
        if (labels == kind).any():
            residuals[labels == kind] -= residuals[labels == kind].mean()
    _, group = np.unique([row.name for row in rows], return_inverse=True)
    sizes = np.bincount(group)
    groups, count = len(sizes), len(residuals)
    if count == groups or groups < 2:
        return CORRELATION_UNKNOWN
    means = np.bincount(group, weights=residuals) / sizes
    between = float((sizes * (means - residuals.mean()) ** 2).sum()) / (groups - 1)
    within = float(((residuals - means[group]) ** 2).sum()) / (count - groups)
    size = (count - (sizes**2).sum() / count) / (groups - 1)
    spread = between + (size - 1) * within
    return float(np.clip((between - within) / spread, 0, 1)) if spread > 0 else CORRELATION_UNKNOWN


def large_families(attacks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores by the family of the instrument, the part of its name before "/".

    Families of fewer than FEW_ATTACKS presentations are left out: one attack of ten moves a rate too far to
    set a threshold. Where all are that small they are taken together.

    >>> found = large_families({"print/a": np.zeros(60), "print/b": np.zeros(2), "mask/c": np.zeros(3)})
    >>> {name: len(scores) for name, scores in found.items()}
    {'print': 62}
    """
    joined = metrics.families(attacks)
    many = {name: found for name, found in joined.items() if len(found) >= FEW_ATTACKS}
    rest = [found for name, found in joined.items() if name not in many]
    return many | ({"others": np.concatenate(rest)} if rest and not many else {})


def operating_points(
    rows: Sequence[Row],
    scores: np.ndarray,
    *,
    settings: EvaluationSettings,
    alone: bool,
    precision: str,
    measured_on: str,
) -> tuple[OperatingPoint, ...]:
    """default, strict and lenient (see settings.Evaluation) with the error rates that dev had there.

    A network that is not trained yet may give attacks a score of 1: no threshold keeps them out, and theirs
    is 1, with the rates that it has.
    """
    bona_fide, attacks = presentation_scores(rows, scores, alone=alone)
    clips = presentation_scores(rows, scores, alone=True)
    families = large_families(attacks)
    thresholds = {
        "default": metrics.threshold_at_apcer(bona_fide, families, target=settings.default_apcer),
        "strict": metrics.threshold_at_apcer(bona_fide, families, target=settings.strict_apcer),
        "lenient": metrics.threshold_at_bpcer(bona_fide, attacks, target=settings.lenient_bpcer),
    }
    within = {name: min(max(threshold, LEAST), 1.0) for name, threshold in thresholds.items()}
    return tuple(
        measured_point(
            name,
            threshold,
            bona_fide=bona_fide,
            attacks=attacks,
            margin=margin(
                clips[0], np.concatenate(list(clips[1].values())), threshold, error=settings.early_error
            ),
            precision=precision,
            measured_on=measured_on,
        )
        for name, threshold in within.items()
    )
