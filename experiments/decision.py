"""How often a living person is refused for the length of the recording, and an attack in it missed.

Scores are drawn, not measured: normal about each person's level, their neighbours 0.2 s apart correlated.
The first table holds false alarms of the scan alone, and what the decision makes of recordings of 2, 10 and
60 s of the same person; the second one an attack of a second in a recording of that length.

    python -m experiments.decision [--people 1000] [--seed 1]
"""

import argparse

import numpy as np

from unmask.detector.decision import Gathered, Rule, dip, read_segment
from unmask.types import Verdict

STEP_S, SPREAD = 0.2, 0.1
RULE = Rule(name="default", threshold=0.5, margin=SPREAD, correlation=0.5)
LENGTHS_S = (2, 10, 60)
LEVELS = (0.6, 0.65, 0.7, 0.8)


def main() -> None:
    wanted = _arguments()
    print("living people: alarms of the scan, BPCER of all rules (ATTACK or UNDECIDED)")
    print(f"{'level':>8}{'correlation':>13}" + "".join(f"{f'{length} s':>17}" for length in LENGTHS_S))
    for level in LEVELS:
        for correlation in (0.5, 0.85):
            rng = np.random.default_rng(wanted.seed)
            scores = drawn(rng, people=wanted.people, level=level, correlation=correlation)
            cells = [rates(scores[:, : round(length / STEP_S)]) for length in LENGTHS_S]
            row = "".join(f"{alarm:9.3f}{refused:8.3f}" for alarm, refused in cells)
            print(f"{level:8.2f}{correlation:13.2f}{row}")
    print("attacks of 1 s at 0.25 in recordings of a person at 0.8: share that ends LIVE")
    rng = np.random.default_rng(wanted.seed)
    scores = drawn(rng, people=wanted.people, level=0.8, correlation=0.7)
    scores[:, 3:8] += 0.25 - 0.8
    for length in LENGTHS_S:
        print(f"{length:8} s {passed(scores[:, : round(length / STEP_S)]):.3f}")


def drawn(rng: np.random.Generator, *, people: int, level: float, correlation: float) -> np.ndarray:
    """Scores (people, n) of recordings of the longest length."""
    fresh = rng.normal(size=(people, round(LENGTHS_S[-1] / STEP_S)))
    scores = np.empty_like(fresh)
    scores[:, 0] = fresh[:, 0]
    for n in range(1, fresh.shape[1]):
        scores[:, n] = correlation * scores[:, n - 1] + np.sqrt(1 - correlation**2) * fresh[:, n]
    return level + SPREAD * scores


def rates(scores: np.ndarray) -> tuple[float, float]:
    """The share of recordings in which the scan finds an attack, and of those that are not LIVE."""
    times_s = STEP_S * np.arange(scores.shape[1])
    alarms = [dip(times_s, list(row), RULE) is not None for row in scores]
    return float(np.mean(alarms)), 1 - passed(scores)


def passed(scores: np.ndarray) -> float:
    """The share that is LIVE."""
    times_s = tuple(STEP_S * np.arange(scores.shape[1]))
    found = [Gathered(from_s=0, to_s=times_s[-1], times_s=times_s, scores=tuple(row)) for row in scores]
    return float(np.mean([read_segment(one, RULE).verdict is Verdict.LIVE for one in found]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
