"""Two ways to tell two classes apart by a table of numbers: a line (logistic) and trees (gradient boosting).

Small, seedless and in numpy alone, so that a report needs no machine learning library; the tests hold them
against scikit-learn's. Classes weigh the same whatever their numbers, so that scores of different folds may
be pooled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDS, DEPTH, BINS = 80, 3, 32
RATE = 0.08
SMALLEST_LEAF = 8  # rows
RIDGE = 1.0  # of leaves and coefficients


def boosted(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Log-odds (M,) of `new` (M, F) by boosted trees learnt from `x` (N, F) and `y` (N,) bool."""
    edges = np.quantile(x, np.linspace(0, 1, BINS + 1)[1:-1], axis=0).T  # (F, BINS - 1)
    bins, new_bins = _binned(x, edges), _binned(new, edges)
    weight = _balanced(y)
    found, told = np.zeros(len(y)), np.zeros(len(new))
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-found))
        tree = _Tree.grown(bins, weight * (y - chance), weight * chance * (1 - chance))
        found += RATE * tree(bins)
        told += RATE * tree(new_bins)
    return told


def logistic(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Log-odds (M,) of `new` (M, F) by a logistic regression on standardised columns."""
    middle, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    design, asked = (np.column_stack([(t - middle) / scale, np.ones(len(t))]) for t in (x, new))
    ridge = np.diag([*np.full(x.shape[1], RIDGE), 1e-6])
    weight, found = _balanced(y), np.zeros(design.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (weight * (y - chance)) - ridge @ found
        curve = (design * (weight * chance * (1 - chance))[:, None]).T @ design + ridge
        step = np.linalg.solve(curve, slope)
        found = found + step
        if np.abs(step).max() < 1e-6:
            break
    return asked @ found


CLASSIFIERS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "boosted trees": boosted,
    "logistic": logistic,
}


@dataclass(frozen=True, slots=True)
class _Tree:
    """A whole binary tree: splits of the inner nodes in order of level, values of the leaves."""

    features: np.ndarray
    limits: np.ndarray  # a row goes right where its bin is above
    values: np.ndarray

    def __call__(self, bins: np.ndarray) -> np.ndarray:
        node = np.zeros(len(bins), int)
        rows = np.arange(len(bins))
        for _ in range(DEPTH):
            node = 2 * node + 1 + (bins[rows, self.features[node]] > self.limits[node])
        return self.values[node - (2**DEPTH - 1)]

    @staticmethod
    def grown(bins: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> "_Tree":
        inner = 2**DEPTH - 1
        features, limits = np.zeros(inner, int), np.full(inner, BINS)
        held: list[np.ndarray] = [np.arange(len(bins))]
        for number in range(inner):
            rows = held[number]
            feature, limit = _best_split(bins[rows], slope[rows], curve[rows])
            features[number], limits[number] = feature, limit
            right = bins[rows, feature] > limit
            held += [rows[~right], rows[right]]
        leaves = held[inner:]
        values = np.array([slope[rows].sum() / (curve[rows].sum() + RIDGE) for rows in leaves])
        return _Tree(features, limits, values)


def _best_split(bins: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> tuple[int, int]:
    """The feature and the last bin to its left that gain most; a limit of BINS sends all to the left."""
    if len(bins) < 2 * SMALLEST_LEAF:
        return 0, BINS
    count = bins.shape[1]
    cell = (bins + np.arange(count) * BINS).ravel()
    sums = [
        np.bincount(cell, np.repeat(w, count), count * BINS).reshape(count, BINS).cumsum(axis=1)
        for w in (slope, curve, np.ones(len(bins)))
    ]
    left, left_curve, left_count = sums
    right, right_curve = left[:, -1:] - left, left_curve[:, -1:] - left_curve
    gain = left**2 / (left_curve + RIDGE) + right**2 / (right_curve + RIDGE)
    allowed = (left_count >= SMALLEST_LEAF) & (len(bins) - left_count >= SMALLEST_LEAF)
    gain = np.where(allowed, gain, -1.0)
    feature, limit = np.unravel_index(int(gain.argmax()), gain.shape)
    return (int(feature), int(limit)) if gain[feature, limit] >= 0 else (0, BINS)


def _binned(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.column_stack([np.searchsorted(edge, column) for edge, column in zip(edges, x.T, strict=True)])


def _balanced(y: np.ndarray) -> np.ndarray:
    """Weights whose mean is 1 and of which each class has half."""
    share = np.clip(y.mean(), 1e-9, 1 - 1e-9)
    return np.where(y, 0.5 / share, 0.5 / (1 - share))
