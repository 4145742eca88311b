"""Time and memory of all point metrics together, on scores in arrays.

    python -m experiments.metrics --scores 10000000

Half of the scores are bona fide, the rest attacks by eight instruments; a hundredth has no score, and with
`--digits` the others are rounded so that most are tied. Peak memory counts the arrays that were given.
"""

import argparse
import resource
import time
import tracemalloc

import numpy as np

from unmask import metrics

INSTRUMENTS = 8
TARGETS = (0.1, 0.05, 0.01)


def main() -> None:
    """Draws scores, times the figures, prints both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scores", type=int, default=10_000_000)
    parser.add_argument("--digits", type=int, help="round scores to that many, so that they tie")
    asked = parser.parse_args()
    bona_fide, attacks = drawn(np.random.default_rng(0), count=asked.scores, digits=asked.digits)
    given_mb = (bona_fide.nbytes + sum(scores.nbytes for scores in attacks.values())) / 1e6
    start = time.perf_counter()
    found = figures(bona_fide, attacks)
    seconds = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, value in found.items():
        print(f"{name:24} {value:.6f}")
    tracemalloc.start()
    figures(bona_fide, attacks)
    extra_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    print(
        f"{asked.scores} scores: {seconds:.2f} s; {given_mb:.0f} MB given, at most {extra_mb:.0f} MB more "
        f"(tracemalloc), {peak_mb:.0f} MB of the process at its peak"
    )


def drawn(
    rng: np.random.Generator, *, count: int, digits: int | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Bona fide scores (count / 2,) and instrument -> scores; each instrument is easier than the last."""
    bona_fide = _group(rng, count // 2, level=0.65, digits=digits)
    each = count // 2 // INSTRUMENTS
    return bona_fide, {
        f"print/{number}": _group(rng, each, level=0.35 - 0.01 * number, digits=digits)
        for number in range(INSTRUMENTS)
    }


def figures(bona_fide: np.ndarray, attacks: dict[str, np.ndarray]) -> dict[str, float]:
    """Every point metric, the threshold that of the EER; sorted once for all of them."""
    ours = metrics.ranked(bona_fide)
    pooled = metrics.ranked(np.concatenate(list(attacks.values())))
    families = {name: metrics.ranked(scores) for name, scores in metrics.families(attacks).items()}
    theirs = {name: metrics.ranked(scores) for name, scores in attacks.items()}
    point = metrics.eer(ours, pooled)
    best = metrics.minimum_acer(ours, theirs)
    return {
        "EER": point.rate,
        "threshold of the EER": point.threshold,
        "APCER, worst instrument": max(metrics.apcer(theirs, point.threshold).values()),
        "APCER, worst family": max(metrics.apcer(families, point.threshold).values()),
        "BPCER": metrics.bpcer(ours, point.threshold),
        "ACER": metrics.acer(ours, theirs, threshold=point.threshold),
        "HTER": metrics.hter(ours, pooled, threshold=point.threshold),
        "AUC": metrics.auc(ours, pooled),
        "APNRR, worst instrument": max(metrics.apnrr(theirs).values()),
        "BPNRR": metrics.bpnrr(ours),
        "minimum ACER (oracle)": best.rate,
        **{f"TPR at FPR {target:.0%}": metrics.tpr_at_fpr(ours, pooled, fpr=target) for target in TARGETS},
        **{
            f"BPCER at APCER {target:.0%}": metrics.bpcer_at_apcer(ours, theirs, apcer=target)
            for target in TARGETS
        },
        "threshold at BPCER 5 %": metrics.threshold_at_bpcer(ours, theirs, target=0.05),
    }


def _group(rng: np.random.Generator, count: int, *, level: float, digits: int | None) -> np.ndarray:
    scores = rng.normal(level, 0.15, count)
    if digits is not None:
        scores = scores.round(digits)
    scores[rng.random(count) < 0.01] = np.nan
    return scores


if __name__ == "__main__":
    main()
