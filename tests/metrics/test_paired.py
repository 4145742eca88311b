"""Which of two systems is better: planted scores, and the formulas against loops."""

from dataclasses import replace

import numpy as np
import pytest

from unmask import metrics
from unmask.metrics import Estimate, Trained
from unmask.types import DataError, Label, Presentation, Score

SUBJECTS, EACH, SEEDS = 20, 6, 3


def trained(seed: int, *, gap: float, noise: float = 1.0) -> Trained:
    """Scores of 20 people with 6 presentations each, the bona fide ones `gap` higher on average."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(SUBJECTS):
        for k in range(EACH):
            bona_fide = k % 2 == 0
            rows.append(
                Score(
                    presentation=Presentation(
                        path=f"{person:02}-{k}",
                        label=Label.BONA_FIDE if bona_fide else Label.ATTACK,
                        instrument="" if bona_fide else ("print", "mask")[k // 2 % 2],
                        subject=f"s{person}",
                    ),
                    score=float(gap * bona_fide + noise * rng.normal()),
                )
            )
    return Trained(scores=tuple(rows), threshold=gap / 2)


def system(first_seed: int, *, gap: float) -> list[Trained]:
    return [trained(first_seed + k, gap=gap) for k in range(SEEDS)]


def difference(better: list[Trained], worse: list[Trained], *, figure: str = "auc") -> Estimate:
    found = metrics.figures({"a": better, "b": worse}, rounds=400)
    return found["a"][figure].minus(found["b"][figure])


def test_a_variant_made_better_by_construction_holds() -> None:
    assert metrics.verdict(difference(system(0, gap=3.0), system(10, gap=1.0))) == "holds"


def test_a_variant_made_worse_by_construction_does_not_hold() -> None:
    assert metrics.verdict(difference(system(0, gap=1.0), system(10, gap=3.0))) == "does not hold"


def test_two_variants_alike_are_not_shown() -> None:
    assert metrics.verdict(difference(system(0, gap=1.0), system(10, gap=1.0))) == "not shown"


def test_a_variant_against_itself_differs_by_exactly_nothing() -> None:
    found = difference(system(0, gap=1.0), system(0, gap=1.0))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert metrics.verdict(found) == "not shown"


def test_error_rates_are_better_when_lower() -> None:
    found = difference(system(0, gap=3.0), system(10, gap=1.0), figure="hter")
    assert found.high < 0
    assert metrics.verdict(found, higher_is_better=False) == "holds"


def test_figures_are_the_means_over_seeds_of_what_summarise_says() -> None:
    trainings = system(0, gap=1.0)
    found = metrics.figures({"a": trainings}, rounds=10)["a"]
    summaries = [metrics.summarise(one.scores, one.threshold, rounds=0) for one in trainings]
    expected = {
        "auc": [one.auc.value for one in summaries],
        "hter": [one.hter.value for one in summaries],
        "acer": [one.acer.value for one in summaries],
        "apcer": [one.apcer for one in summaries],
        "bpcer": [one.bpcer.value for one in summaries],
    }
    for name, values in expected.items():
        assert found[name].value == pytest.approx(np.mean(values), abs=1e-12), name


def test_a_draw_is_the_mean_over_drawn_seeds_on_drawn_subjects() -> None:
    trainings = system(0, gap=1.0)
    rounds = 5
    found = metrics.figures({"a": trainings}, seed=4, rounds=rounds)["a"]["auc"].drawn
    rng = np.random.default_rng(4)
    times = [np.bincount(rng.integers(SUBJECTS, size=SUBJECTS), minlength=SUBJECTS) for _ in range(rounds)]
    seeds = rng.integers(SEEDS, size=(rounds, SEEDS))
    for number in range(rounds):
        by_seed = []
        for k in seeds[number]:
            bona_fide: list[float] = []
            attacks: list[float] = []
            for row in trainings[k].scores:
                pool = bona_fide if row.label is Label.BONA_FIDE else attacks
                pool += [row.score] * int(times[number][int(row.subject[1:])])
            by_seed.append(np.mean([[a > b for b in attacks] for a in bona_fide]))
        assert found[number] == pytest.approx(np.mean(by_seed), abs=1e-12)


def test_pairing_narrows_the_interval_of_a_small_difference() -> None:
    base = system(0, gap=1.0)
    rng = np.random.default_rng(3)
    shifted = [
        replace(
            one,
            scores=tuple(
                replace(row, score=row.score + 0.05 * rng.normal() + 0.2 * (row.label is Label.BONA_FIDE))
                for row in one.scores
            ),
        )
        for one in base
    ]
    paired, apart = difference(shifted, base), difference(shifted, system(10, gap=1.0))
    assert paired.high - paired.low < (apart.high - apart.low) / 2
    assert metrics.verdict(paired) == "holds"


def test_the_order_of_the_rows_does_not_matter() -> None:
    turned = [replace(one, scores=one.scores[::-1]) for one in system(0, gap=1.0)]
    found = difference(turned, system(0, gap=1.0))
    assert (found.low, found.high) == (0.0, 0.0)


def test_systems_tested_on_others_are_refused() -> None:
    fewer = [replace(one, scores=one.scores[1:]) for one in system(0, gap=1.0)]
    with pytest.raises(DataError, match="different presentations"):
        difference(fewer, system(0, gap=1.0))


def test_systems_of_fewer_seeds_are_refused() -> None:
    with pytest.raises(DataError, match="same seeds"):
        difference(system(0, gap=1.0)[:2], system(0, gap=1.0))
