"""How far simulated pictures are from real ones: quantiles side by side, and distances between features."""

from collections.abc import Mapping, Sequence

import numpy as np

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
FOLDS = 5
_RIDGE = 1.0  # of the probe, times the mean square of its features' length


def quantiles(rows: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    """For each name in the rows the values at QUANTILES (7,)."""
    return {name: np.quantile([row[name] for row in rows], QUANTILES) for name in rows[0]}


def within(rows: Sequence[Mapping[str, float]], real: Mapping[str, np.ndarray]) -> dict[str, float]:
    """For each name of `real` (values at QUANTILES) the share of the rows between its outermost two.

    >>> within([{"noise": 0.0}, {"noise": 9.0}], {"noise": np.arange(7.0)})
    {'noise': 0.5}
    """
    return {
        name: float(np.mean([values[0] <= row[name] <= values[-1] for row in rows]))
        for name, values in real.items()
    }


def frechet_distance(features: np.ndarray, others: np.ndarray) -> float:
    """Squared Frechet distance of the normal distributions of features (n, d) and (m, d) (Heusel et al.).

    It falls with n and m: compare equal numbers.
    """
    a, b = np.asarray(features, float), np.asarray(others, float)
    shift = a.mean(axis=0) - b.mean(axis=0)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    # The trace of the root of both covariances' product is the sum of the singular values of a b'.
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum() / np.sqrt(len(a) * len(b))
    return float(shift @ shift + (a * a).sum() / len(a) + (b * b).sum() / len(b) - 2 * shared)


def kernel_distance(features: np.ndarray, others: np.ndarray) -> float:
    """Squared maximum mean discrepancy under (x y / d + 1)^3, unbiased (Binkowski et al. 2018): 0 when alike,
    whatever the numbers.
    """
    a, b = np.asarray(features, float), np.asarray(others, float)

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / a.shape[1] + 1) ** 3

    own = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(a, a), kernel(b, b))]
    return float(sum(own) - 2 * kernel(a, b).mean())


def told_apart(
    features: np.ndarray, others: np.ndarray, *, people: Sequence[str], other_people: Sequence[str]
) -> float:
    """AUC of a linear probe that tells features (n, d) from (m, d), on people whom it never saw.

    A ridge regression on standardised features, fitted without one fold of people at a time. 0.5 when they
    cannot be told apart, 1 when always.
    """
    x = np.concatenate([features, others]).astype(float)
    y = np.concatenate([np.ones(len(features)), -np.ones(len(others))])
    names = np.array([*people, *other_people])
    known = np.unique(names)
    order = np.random.default_rng(0).permutation(len(known))
    fold = dict(zip(known[order], np.arange(len(known)) % FOLDS, strict=True))
    held = np.array([fold[name] for name in names])
    areas = []
    for k in range(FOLDS):
        train, test = held != k, held == k
        if len(np.unique(y[test])) < 2:
            continue
        mean, scale = x[train].mean(axis=0), x[train].std(axis=0) + 1e-6
        seen, unseen = (x[train] - mean) / scale, (x[test] - mean) / scale
        target = y[train] - y[train].mean()
        gram = seen @ seen.T
        weight = np.linalg.solve(gram + _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)), target)
        scores = unseen @ (seen.T @ weight)
        real, made = scores[y[test] > 0], scores[y[test] < 0]
        areas.append(float((real[:, None] > made).mean() + 0.5 * (real[:, None] == made).mean()))
    return float(np.mean(areas))
