"""FGHV's two figures as inline SVG: the decision plane and the map of features.

Matplotlib and scikit-learn draw them (extra `report`); they are imported where they are used.
"""

from collections.abc import Sequence

import numpy as np

from unmask.report.svg import plain_figure, svg_of

BONA_FIDE, ATTACK = "#2166ac", "#b2182b"  # blue and red that colour-blind eyes tell apart
MARKERS = "osD^vP*Xhd"
LEAST_FACES = 5  # of a map: t-SNE wants neighbours


def decision_plane(
    delta_kl: np.ndarray,
    variance: np.ndarray,
    bona_fide: np.ndarray,
    *,
    delta_kl_threshold: float | None = None,
    variance_threshold: float | None = None,
    title: str = "",
) -> str:
    """Presentations by what GHVM and FHVM doubt of them, an SVG of 5 x 4 inches.

    `delta_kl`, `variance` (n,), `bona_fide` (n,) bool. Real faces are expected in the corner where both are
    low: the box below the thresholds, where those are given. What is not finite is left out and counted.
    """
    delta_kl, variance = np.asarray(delta_kl, float), np.asarray(variance, float)
    bona_fide = np.asarray(bona_fide, bool)
    shown = np.isfinite(delta_kl) & np.isfinite(variance)
    figure, axes = plain_figure(5, 4)
    for kind, colour, word in ((True, BONA_FIDE, "bona fide"), (False, ATTACK, "attack")):
        chosen = shown & (bona_fide == kind)
        label = f"{word} ({chosen.sum()})"
        axes.scatter(delta_kl[chosen], variance[chosen], s=12, c=colour, alpha=0.6, lw=0, label=label)
    if delta_kl_threshold is not None:
        axes.axvline(delta_kl_threshold, color="0.3", lw=1, ls="--")
    if variance_threshold is not None:
        axes.axhline(variance_threshold, color="0.3", lw=1, ls="--")
    left_out = f", {(~shown).sum()} without a score left out" if not shown.all() else ""
    axes.set_title(f"{title}{left_out}".strip(", "), fontsize=9)
    axes.set_xlabel("delta-KL of the latent vectors (GHVM)")
    axes.set_ylabel("variance of the correlations (FHVM)")
    axes.locator_params(nbins=5)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return svg_of(figure)


def feature_map(
    features: np.ndarray,
    bona_fide: np.ndarray,
    domains: Sequence[str],
    *,
    title: str = "",
    seed: int = 0,
) -> str:
    """t-SNE of features (n, D) in two dimensions, an SVG of 5 x 4 inches: colour is class, shape is domain.

    Lengths and the distances between groups say nothing in such a map; what lies beside what does.
    `bona_fide` (n,) bool; `domains` n names. The same seed gives the same map.
    """
    features, bona_fide = np.asarray(features, float), np.asarray(bona_fide, bool)
    names = np.asarray(domains, dtype=str)
    places = tsne(features, seed=seed)
    figure, axes = plain_figure(5, 4)
    for number, name in enumerate(sorted(set(names.tolist()))):
        shape = MARKERS[number % len(MARKERS)]
        for kind, colour in ((True, BONA_FIDE), (False, ATTACK)):
            chosen = (names == name) & (bona_fide == kind)
            axes.scatter(*places[chosen].T, s=14, c=colour, alpha=0.6, lw=0, marker=shape)
        count = (names == name).sum()
        axes.scatter([], [], s=14, c="0.4", lw=0, marker=shape, label=f"{name} ({count})".strip())
    for kind, colour, word in ((True, BONA_FIDE, "bona fide"), (False, ATTACK, "attack")):
        axes.scatter([], [], s=30, c=colour, lw=0, marker="s", label=f"{word} ({(bona_fide == kind).sum()})")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=9)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=7)
    return svg_of(figure)


def tsne(features: np.ndarray, *, seed: int) -> np.ndarray:
    """(n, D) -> (n, 2) by van der Maaten and Hinton's t-SNE, of directions: FGHV compares by the cosine."""
    from sklearn.manifold import TSNE

    if len(features) < LEAST_FACES:
        raise ValueError(f"a map takes {LEAST_FACES} features or more, not {len(features)}; give more")
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(lengths, 1e-12)
    perplexity = min(30.0, (len(features) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(unit)
