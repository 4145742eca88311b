"""A linear head on frozen features: logistic regression with strong L2, fitted to its one optimum in numpy.

The loss is scikit-learn's: |w|^2 / 2 + C sum of weight * log(1 + exp(-y z)), z the logit of standardised
features; the bias is not held back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from unmask.data.prepare.shards import WHOLE, Row
from unmask.models.efficientnet import HEAD
from unmask.models.encoder import DETAIL, FEATURES
from unmask.training.settings import HeadSettings, Settings
from unmask.types import DataError, Label, SettingsError

MOST_STEPS = 1000
REALISM_C = 1e-4  # of the regression that finds what is the simulator's alone
FRAMING_WEIGHT = 20.0  # C times all rows of the regression that knows tight pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class TightFraming:
    """What a picture that is cut tight to the face counts: its features 1 + `gain` times, and `offset` added
    to its logit; whole ones once, and nothing. How tight one is, 0 to 1, is told from its standardised
    features by `weight` (D,) and `bias`.
    """

    weight: np.ndarray
    bias: float
    gain: float
    offset: float

    def tightness(self, units: np.ndarray) -> np.ndarray:
        """How tight each picture is (n,), from standardised features (n, D)."""
        return np.asarray(expit(units @ self.weight + self.bias))


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedHead:
    """logit = (features - mean) / scale @ weight + bias; `mean`, `scale`, `weight` (D,) float64. With a
    `framing`, tight pictures count as it says.
    """

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float
    framing: TightFraming | None = None

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Logits (n,) of bona fide, of raw features (n, D)."""
        return self.read(features) @ self.weight + self.bias

    def read(self, features: np.ndarray) -> np.ndarray:
        """Raw features (n, D) as the head reads them."""
        units = (features - self.mean) / self.scale
        if self.framing is None:
            return units
        tight = self.framing.tightness(units)[:, None]
        return units * (1 + self.framing.gain * tight) + tight * self.shift

    @property
    def shift(self) -> np.ndarray:
        """What is added to the standardised features (D,) of a tight picture, along the head's weight, so
        that its logit grows by the framing's offset: `adapt` finds it in the features.
        """
        along = self.weight @ self.weight
        if self.framing is None or not along:
            return np.zeros_like(self.weight)
        return self.weight * (self.framing.offset / along)


def with_framing(
    head: FittedHead,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    sets: Sequence[Sequence[Row]],
    weights: np.ndarray,
    gain: float,
) -> FittedHead:
    """The head with scores that mean the same in tight pictures and in whole ones.

    There is less to see in a tight picture, so that the logits of both classes lie nearer to each other
    there, and those of bona fide lower. The features of tight pictures count 1 + `gain` times; then the bias
    and what a tight picture's logit is moved by are fitted anew, without a penalty, with the rest as it is.

    `features` (n, D), `labels` (n,) and `weights` (n,) are those of the rows of `sets`; only sets that were
    prepared in both views tell what a tight picture looks like. The head is left as it is where `gain` is 0;
    SettingsError without such a set.
    """
    if not gain:
        return head
    views = np.concatenate([_framings(rows) for rows in sets])
    tight, whole = views == "tight", views == WHOLE
    if not tight.any():
        raise SettingsError("[head] tight_gain needs a set that was prepared whole and tight; set it to 0")
    used = tight | whole
    units = (features - head.mean) / head.scale
    shares = np.where(tight[used], 0.5 / tight.sum(), 0.5 / whole.sum())
    weight, bias = logistic(units[used].astype(np.float32), tight[used], FRAMING_WEIGHT * shares)
    told = TightFraming(weight=weight, bias=bias, gain=gain, offset=0.0)
    found = told.tightness(units)
    logits = (units @ head.weight) * (1 + gain * found)
    moved, offset = _moved(logits, found, labels=labels, weights=weights)
    return replace(head, bias=moved, framing=replace(told, offset=offset))


def _moved(
    logits: np.ndarray, tight: np.ndarray, *, labels: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """The bias, and what tight pictures are moved by, at which the logits (n,) fit the labels (n,) best."""
    signs = np.where(labels, 1.0, -1.0)

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (logits + given[0] + given[1] * tight)
        pulls = -weights * signs * expit(-margins)
        return float(weights @ np.logaddexp(0, -margins)), np.array([pulls.sum(), pulls @ tight])

    bias, offset = minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    return float(bias), float(offset)


def _framings(rows: Sequence[Row]) -> np.ndarray:
    """The views (n,) of a set's rows; "" for all where it has no tight ones: its whole ones may be either."""
    views = np.array([row.view for row in rows])
    return views if (views == "tight").any() else np.full(len(rows), "")


def fit_head(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    C: float = 3e-4,
    real: np.ndarray | None = None,
) -> FittedHead:
    """The head for raw features (n, D) and labels (n,), True for bona fide; `weights` (n,) are 1 without.

    Where `real` (n,) marks rows of real pictures among simulated ones, the head is blind to what tells their
    bona fide apart (`realism_direction`).

    Features are brought to mean 0 and deviation 1 over all rows, whatever their weights. DataError without
    both classes, or where a feature is not finite.

    >>> x = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    >>> head = fit_head(x, np.array([False, False, True, True]), C=1.0)
    >>> head.logits(x).round(2).tolist()
    [-1.27, -0.42, 0.42, 1.27]
    """
    labels = np.asarray(labels, bool)
    if labels.all() or not labels.any():
        raise DataError(
            f"a head needs both classes, and all {len(labels)} rows are of one; add recordings of the other"
        )
    mean = features.mean(axis=0, dtype=np.float64)
    scale = features.std(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all() or not np.isfinite(scale).all():
        raise DataError(
            "features of the training set are not finite; delete its features-*.npy and train again"
        )
    scale[scale < 10 * np.finfo(np.float64).eps * np.abs(mean)] = 1.0  # a constant says nothing
    scale[scale == 0] = 1.0
    kind = np.float32 if features.dtype == np.float32 else np.float64
    units = features - mean.astype(kind)
    units /= scale.astype(kind)
    if real is not None:
        hidden = realism_direction(units[labels], np.asarray(real, bool)[labels])
        units -= np.outer(units @ hidden.astype(kind), hidden.astype(kind))
    weighted = C * (np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64))
    used = weighted > 0
    weight, bias = logistic(units[used], labels[used], weighted[used])
    return FittedHead(mean=mean, scale=scale, weight=weight, bias=bias)


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """`width` neighbouring features that a head of their own reads, fitted with C = `strength`."""

    width: int
    strength: float


def fit_groups(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    groups: Sequence[FeatureGroup],
    weights: np.ndarray | None = None,
    real: np.ndarray | None = None,
) -> FittedHead:
    """One head for groups of features side by side (n, D), whose logit is the mean of those of a head of its
    own for each group (`fit_head`).

    One head fitted to all of them at once leans on the features that tell most of the training set, and does
    worse on real pictures (docs/real_faces.md).
    """
    edges = np.cumsum([0, *(group.width for group in groups)])
    if edges[-1] != features.shape[1]:
        raise ValueError(f"the groups hold {edges[-1]} features and the pictures have {features.shape[1]}")
    parts = [
        fit_head(features[:, start:stop], labels, weights=weights, C=group.strength, real=real)
        for group, (start, stop) in zip(groups, pairwise(edges), strict=True)
    ]
    return FittedHead(
        mean=np.concatenate([part.mean for part in parts]),
        scale=np.concatenate([part.scale for part in parts]),
        weight=np.concatenate([part.weight for part in parts]) / len(parts),
        bias=float(np.mean([part.bias for part in parts])),
    )


def groups_of(settings: Settings) -> tuple[FeatureGroup, ...]:
    """The groups of features of the encoder that the settings describe."""
    if not settings.arguments.get("detail"):
        return (FeatureGroup(FEATURES, settings.head.strength),)
    return FeatureGroup(HEAD, settings.head.strength), FeatureGroup(DETAIL, settings.head.detail)


def fit_as_set(
    features: np.ndarray,
    sets: Sequence[Sequence[Row]],
    *,
    settings: Settings,
    real: np.ndarray | None = None,
    further: Sequence[FeatureGroup] = (),
) -> FittedHead:
    """The head that the settings describe, for raw features (n, D) of the rows of `sets`.

    `further` are groups of features that stand behind those of the encoder; `real` as in `fit_head`.
    """
    labels = np.array([row.label is Label.BONA_FIDE for rows in sets for row in rows])
    weights = row_weights(sets, settings.head)
    groups = (*groups_of(settings), *further)
    head = fit_groups(features, labels, groups=groups, weights=weights, real=real)
    gain = settings.head.tight_gain
    return with_framing(head, features, labels, sets=sets, weights=weights, gain=gain)


def realism_direction(units: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The unit vector (D,) along which real bona fide pictures differ from simulated ones.

    `units` (n, D) are standardised features of bona fide rows, `real` (n,) marks the real ones. It is the
    weight of a logistic regression that tells the two apart, both of equal weight in all. A head that is
    orthogonal to it cannot use what is the simulator's alone (one step of the null-space projection of
    Ravfogel et al., ACL 2020).
    """
    if real.all() or not real.any():
        raise DataError(
            "a head is made blind to real bona fide pictures among simulated ones, and all "
            f"{len(real)} are of one kind; add the other"
        )
    shares = np.where(real, 0.5 / real.sum(), 0.5 / (~real).sum())
    weight, _ = logistic(units, real, REALISM_C * len(real) * shares)
    return weight / np.linalg.norm(weight)


def logistic(units: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Weight (D,) float64 and bias of logistic regression with |w|^2 / 2 as penalty, at its one optimum.

    `units` (n, D), `labels` (n,) bool, `weights` (n,) of each row's loss, C included.
    """
    signs, kind = np.where(labels, 1.0, -1.0), units.dtype

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = given[:-1], given[-1]
        margins = signs * (units @ weight.astype(kind) + bias)
        pulls = -weights * signs * expit(-margins)  # of each row's logit
        slope = units.T @ pulls.astype(kind)
        value = 0.5 * float(weight @ weight) + float(weights @ np.logaddexp(0, -margins))
        return value, np.append(weight + slope, pulls.sum())

    options = {"maxiter": MOST_STEPS, "gtol": 1e-6, "ftol": 1e-11, "maxcor": 20}
    found = minimize(loss, np.zeros(units.shape[1] + 1), jac=True, method="L-BFGS-B", options=options).x
    return found[:-1], float(found[-1])


def row_weights(sets: Sequence[Sequence[Row]], settings: HeadSettings) -> np.ndarray:
    """What each row of the sets counts for, in order of the sets: they sum to `settings.rows`.

    A set has its share (settings.Head), each of its views as much of that as it has rows, and within a view
    both classes the same. Where a view has one class alone, the classes are still made to weigh the same over
    all.
    """
    shares = settings.shares or tuple(float(len(rows)) for rows in sets)
    if len(shares) != len(sets):
        raise SettingsError(
            f"[head] shares has {len(shares)} numbers for {len(sets)} sets; give one for each --data, in "
            "their order"
        )
    parts = [_of_set(rows) * share / sum(shares) for rows, share in zip(sets, shares, strict=True)]
    weights = np.concatenate(parts)
    bona_fide = np.array([row.label is Label.BONA_FIDE for rows in sets for row in rows])
    for kind in (bona_fide, ~bona_fide):
        if weights[kind].sum() > 0:
            weights[kind] *= settings.rows / 2 / weights[kind].sum()
    return weights


def _of_set(rows: Sequence[Row]) -> np.ndarray:
    """Weights (n,) that sum to 1."""
    weights = np.zeros(len(rows))
    cells = np.array([f"{row.view}|{row.label}" for row in rows])
    views = np.array([row.view for row in rows])
    for view in set(views.tolist()):
        share = float(np.mean(views == view))
        inside = sorted(set(cells[views == view].tolist()))
        for cell in inside:
            weights[cells == cell] = share / len(inside) / int((cells == cell).sum())
    return weights
