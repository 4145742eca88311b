"""A linear head refitted to a handful of captures: maximum a posteriori, the shipped head being the prior.

z = features . weight + bias is the log-odds of bona fide. The loss is the log loss, each class with half of
the weight, plus strength / 2 times the squared distance from the prior head, in which D features of variance
1 count as much as the bias. Few captures and many features: all is solved in the space of the captures (the
representer theorem), exactly and in milliseconds.

Slope and offset of the shipped head are fitted to the captures first. Its weights are moved beyond that only
where captures that were left out clearly speak for it: a handful of them is soon followed too closely
(docs/adapt.md has the figures).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from unmask.types import DataError, SettingsError

STRENGTHS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)  # looked through by cross-validation, the strongest first
STEPS = 50  # of Newton's method, at most; some 8 are needed
EXACT = 1e-9
FOLDS = 10  # of captures left out, at most
INNER_FOLDS = 5  # of the rest, which choose the strength without them
CLEARLY = 2.0  # standard errors by which the best strength must be better than a stronger one to be taken
SLOPE_SPREAD, OFFSET_SPREAD = 0.5, 1.0  # of the recalibration's prior: log of the slope, and the offset


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSample:
    """Clips of captures: `features` (n, D), and by clip `labels` (n,) True for bona fide, the number of its
    `capture` (n,) and of its `group` (n,), a subject or a recording, which is left out as a whole.
    """

    features: np.ndarray
    labels: np.ndarray
    capture: np.ndarray
    group: np.ndarray

    def __post_init__(self) -> None:
        if not np.isfinite(self.features).all():
            raise DataError("features of captures must be finite; look at the captures, or leave them out")

    def where(self, chosen: np.ndarray) -> "CaptureSample":
        """The chosen (n,) clips."""
        return CaptureSample(
            features=self.features[chosen],
            labels=self.labels[chosen],
            capture=self.capture[chosen],
            group=self.group[chosen],
        )

    def weights(self) -> np.ndarray:
        """(n,): captures of a class alike, clips of a capture alike, each class half of their count."""
        _, place, clips = np.unique(self.capture, return_inverse=True, return_counts=True)
        each = 1 / clips[place]
        return np.where(
            self.labels,
            each / max(each[self.labels].sum(), EXACT),
            each / max(each[~self.labels].sum(), EXACT),
        ) * (each.sum() / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsHead:
    """Log-odds of bona fide: features (..., D) . `weight` (D,) + `bias`."""

    weight: np.ndarray
    bias: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Features (..., D) -> log-odds (...)."""
        return np.asarray(features @ self.weight + self.bias)

    def stretched(self, slope: float, offset: float) -> "OddsHead":
        """The head whose log-odds are slope * z + offset."""
        return OddsHead(weight=self.weight * slope, bias=self.bias * slope + offset)


def adapted_head(
    *,
    prior_weight: np.ndarray,
    prior_bias: float,
    features: np.ndarray,
    labels: np.ndarray,
    strength: float,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """The head (weight (D,), bias) that is most likely after `features` (n, D) with `labels` (n,), True for
    bona fide; `strength` of the prior above 0, infinite for the prior itself.

    `weights` (n,) of the rows; each class has half of n if not given.

    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    >>> weight, bias = adapted_head(
    ...     prior_weight=np.zeros(2), prior_bias=0.0, features=x, labels=np.array([True, False]), strength=0.1
    ... )
    >>> bool(weight[0] > 1), round(float(weight[1]), 6), round(bias, 6)
    (True, 0.0, 0.0)
    """
    labels = np.asarray(labels, bool)
    if not strength > 0:
        raise SettingsError(f"the strength of a prior is above 0, not {strength}")
    if labels.all() or not labels.any():
        raise DataError("a head is fitted to both classes; add captures of the other one")
    weight, bias = np.asarray(prior_weight, np.float64), float(prior_bias)
    if np.isinf(strength):
        return weight, bias
    x = np.asarray(features, np.float64)
    if weights is None:
        weights = np.where(labels, len(labels) / labels.sum(), len(labels) / (~labels).sum()) / 2
    count = x.shape[1]
    start = x @ weight + bias
    kernel = (x @ x.T) / count + 1.0
    pull = _newton(kernel, start, labels=labels.astype(np.float64), weights=weights, strength=strength)
    return weight + x.T @ pull / count, bias + float(pull.sum())


def _newton(
    kernel: np.ndarray, start: np.ndarray, *, labels: np.ndarray, weights: np.ndarray, strength: float
) -> np.ndarray:
    """The a (n,) that minimises the loss of start + kernel a with the penalty strength / 2 a' kernel a."""

    def loss(a: np.ndarray) -> float:
        z = start + kernel @ a
        return float((weights * (np.logaddexp(0, z) - labels * z)).sum() + strength / 2 * a @ kernel @ a)

    a, now = np.zeros(len(start)), loss(np.zeros(len(start)))
    for _ in range(STEPS):
        p = expit(start + kernel @ a)
        slope = weights * (p - labels) + strength * a
        if np.abs(slope).max() < EXACT:
            break
        curved = (weights * p * (1 - p))[:, None] * kernel + strength * np.eye(len(a))
        step = np.linalg.solve(curved, slope)
        size = 1.0
        while (then := loss(a - size * step)) > now and size > EXACT:
            size /= 2
        a, now = a - size * step, then
    return a


def fitted(prior: OddsHead, sample: CaptureSample, *, strength: float) -> OddsHead:
    """The head adapted to a sample; of infinite strength the prior with its slope and offset fitted anew."""
    prior = prior.stretched(*recalibration(prior(sample.features), sample))
    weight, bias = adapted_head(
        prior_weight=prior.weight,
        prior_bias=prior.bias,
        features=sample.features,
        labels=sample.labels,
        strength=strength,
        weights=sample.weights(),
    )
    return OddsHead(weight=weight, bias=bias)


def folds_of(sample: CaptureSample, *, most: int) -> np.ndarray:
    """(n,) which fold each clip is left out with: groups whole, classes spread evenly."""
    sums = np.zeros((most, 2))
    fold = np.zeros(len(sample.group), int)
    groups, counts = np.unique(sample.group, return_counts=True)
    for group in groups[np.argsort(-counts, kind="stable")]:
        inside = sample.group == group
        kinds = np.array(
            [len(np.unique(sample.capture[inside & (sample.labels == kind)])) for kind in (True, False)]
        )
        place = int(np.argmin((sums @ kinds) * 1000 + sums.sum(axis=1)))
        fold[inside] = place
        sums[place] += kinds
    return np.unique(fold, return_inverse=True)[1]


def chosen_strength(prior: OddsHead, sample: CaptureSample) -> float:
    """The strongest that is not clearly worse on what was left out than the best one, by the log loss.

    Clearly is by CLEARLY standard errors of the difference between groups. Infinite: the prior's weights.
    """
    fold = folds_of(sample, most=INNER_FOLDS)
    strengths = (np.inf, *STRENGTHS)
    losses = np.stack(
        [
            _group_losses(_left_out(prior, sample, fold, strengths=(strength,) * (fold.max() + 1)), sample)
            for strength in strengths
        ]
    )
    worse = losses - losses[losses.mean(axis=1).argmin()]
    groups = losses.shape[1]
    unsure = worse.std(axis=1, ddof=1) / np.sqrt(groups) if groups > 1 else np.full(len(strengths), np.inf)
    return strengths[int(np.argmax(worse.mean(axis=1) <= CLEARLY * unsure + EXACT))]


def left_out(
    prior: OddsHead, sample: CaptureSample, *, progress: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """Log-odds (n,) of each clip by a head that saw nothing of its group, nor did the choice of strength.

    `progress` gets folds done and in all, with one more for the fit to all captures, which comes after.
    """
    fold = folds_of(sample, most=FOLDS)
    strengths = []
    for number in range(fold.max() + 1):
        rest = sample.where(fold != number)
        both = rest.labels.any() and not rest.labels.all()
        strengths.append(chosen_strength(prior, rest) if both else np.inf)
        if progress is not None:
            progress(number + 1, int(fold.max()) + 2)
    return _left_out(prior, sample, fold, strengths=strengths)


def recalibration(said: np.ndarray, sample: CaptureSample) -> tuple[float, float]:
    """(slope, offset) that make left-out log-odds (n,) fit best, with a prior at (1, 0)."""
    from scipy.optimize import minimize

    weights, truths = sample.weights(), sample.labels.astype(np.float64)

    def loss(pair: np.ndarray) -> float:
        z = np.exp(pair[0]) * said + pair[1]
        fit = float((weights * (np.logaddexp(0, z) - truths * z)).sum())
        return fit + (pair[0] / SLOPE_SPREAD) ** 2 / 2 + (pair[1] / OFFSET_SPREAD) ** 2 / 2

    found = minimize(loss, np.zeros(2), method="BFGS").x
    return float(np.exp(found[0])), float(found[1])


def capture_scores(said: np.ndarray, sample: CaptureSample) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds (n,) of clips -> captures' numbers (m,) and their scores (m,), the mean over clips."""
    numbers, place, counts = np.unique(sample.capture, return_inverse=True, return_counts=True)
    return numbers, np.bincount(place, expit(said)) / counts


def _left_out(
    prior: OddsHead, sample: CaptureSample, fold: np.ndarray, *, strengths: Sequence[float]
) -> np.ndarray:
    said = prior(sample.features)
    for number, strength in enumerate(strengths):
        rest = sample.where(fold != number)
        if rest.labels.any() and not rest.labels.all():
            said[fold == number] = fitted(prior, rest, strength=strength)(sample.features[fold == number])
    return said


def _group_losses(said: np.ndarray, sample: CaptureSample) -> np.ndarray:
    """The log loss (groups,) of each group's clips; their mean is proportional to that of the sample."""
    losses = sample.weights() * (np.logaddexp(0, said) - sample.labels * said)
    return np.bincount(np.unique(sample.group, return_inverse=True)[1], losses)
