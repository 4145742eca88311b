"""Two ways to tell two classes apart by a table of numbers: a line (logistic) and trees (gradient boosting).

Both are scikit-learn's (extra `report`). Classes weigh the same whatever their numbers, so that scores of
different folds may be pooled; neither draws anything, so that the same rows give the same scores.
"""

from collections.abc import Callable

import numpy as np

ROUNDS, DEPTH, BINS = 80, 3, 32
RATE = 0.08
SMALLEST_LEAF = 8  # rows
RIDGE = 1.0  # of leaves and coefficients


def boosted(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Log-odds (M,) of `new` (M, F) by boosted trees learnt from `x` (N, F) and `y` (N,) bool."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        learning_rate=RATE,
        max_iter=ROUNDS,
        max_depth=DEPTH,
        max_bins=BINS,
        min_samples_leaf=SMALLEST_LEAF,
        l2_regularization=RIDGE,
        class_weight="balanced",
        early_stopping=False,
    )
    return np.asarray(trees.fit(x, y).decision_function(new))


def logistic(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Log-odds (M,) of `new` (M, F) by a logistic regression on standardised columns."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    line = make_pipeline(StandardScaler(), LogisticRegression(C=1 / RIDGE, class_weight="balanced"))
    return np.asarray(line.fit(x, y).decision_function(new))


CLASSIFIERS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "boosted trees": boosted,
    "logistic": logistic,
}
