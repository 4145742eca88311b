"""A score table and a threshold -> all rates with counts and intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.metrics.columns import Columns, by_name, columns
from unmask.metrics.intervals import (
    BOOTSTRAP_ROUNDS,
    Estimate,
    Rate,
    RoundProgress,
    Statistic,
    acer_of,
    area,
    auc_of,
    bootstrap,
    eer_of,
    few_subjects,
    hter_of,
    mean_rates,
    rate,
    wider,
)
from unmask.types import Score, family_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One row of a results table; what a missing class leaves undefined is NaN, its mappings empty.

    `threshold` is NaN where the presentations had different ones.
    `instruments` and `families` (the part before "/") map a name to the share of its attacks accepted,
    `silent_instruments` to the share without a response (APNRR); `worst_instrument` is "" without attacks.
    Non-responses count in the rates as the package says. `few_subjects` is `metrics.few_subjects`.
    """

    threshold: float
    instruments: Mapping[str, Rate]
    families: Mapping[str, Rate]
    silent_instruments: Mapping[str, Rate]
    worst_instrument: str
    apcer: float
    bpcer: Rate
    acer: Estimate
    hter: Estimate
    auc: Estimate
    eer: Estimate
    bpnrr: Rate
    bona_fide: int
    attacks: int
    bona_fide_non_responses: int
    attack_non_responses: int
    few_subjects: str

    def hints(self) -> Iterator[str]:
        """What a reader has to know of the figures, a sentence each."""
        if self.auc.value < 0.5:
            yield (
                f"AUC is {self.auc.value:.3f}, below that of a coin: here a higher score means bona fide; "
                "turn scores of which a higher one means attack (1 - score), or look at the labels."
            )
        if self.few_subjects:
            yield self.few_subjects


def summarise(
    scores: Sequence[Score],
    threshold: float | Sequence[float],
    *,
    seed: int = 0,
    rounds: int = BOOTSTRAP_ROUNDS,
    progress: RoundProgress | None = None,
) -> Summary:
    """All rates of a score table with counts and intervals; `seed` draws the bootstrap, in `rounds` or none.

    `threshold` is one for all, or one for each score where they came from different models.
    """
    table = columns(scores)
    thresholds = np.broadcast_to(np.asarray(threshold, dtype=np.float64), table.values.shape)
    silent = ~np.isfinite(table.values)
    passed = ~silent & (table.values >= thresholds)
    bona_fide, attacks = table.bona_fide, ~table.bona_fide
    instruments = table.instruments[attacks]
    families = np.array([family_of(name) for name in instruments], dtype=object)
    rates = _shares(passed[attacks], instruments)
    worst = max(rates, key=lambda name: (rates[name].value, rates[name].count), default="")
    estimates = _estimates(table, passed, rng=np.random.default_rng(seed), rounds=rounds, progress=progress)
    return Summary(
        threshold=float(thresholds[0]) if len(set(thresholds.tolist())) == 1 else np.nan,
        instruments=rates,
        families=_shares(passed[attacks], families),
        silent_instruments=_shares(silent[attacks], instruments),
        worst_instrument=worst,
        apcer=rates[worst].value if worst else np.nan,
        bpcer=rate(int((~passed[bona_fide]).sum()), int(bona_fide.sum())),
        **estimates,
        bpnrr=rate(int(silent[bona_fide].sum()), int(bona_fide.sum())),
        bona_fide=int(bona_fide.sum()),
        attacks=int(attacks.sum()),
        bona_fide_non_responses=int((silent & bona_fide).sum()),
        attack_non_responses=int((silent & attacks).sum()),
        few_subjects=few_subjects(table),
    )


def _estimates(
    table: Columns,
    passed: np.ndarray,
    *,
    rng: np.random.Generator,
    rounds: int,
    progress: RoundProgress | None,
) -> dict[str, Estimate]:
    statistics: dict[str, Statistic] = {
        "acer": acer_of(table, passed),
        "hter": hter_of(table, passed),
        "auc": auc_of(table),
        "eer": eer_of(table),
    }
    once = np.ones(len(passed), dtype=np.int64)
    values = {name: statistic(once) for name, statistic in statistics.items()}
    if not rounds:
        return {name: Estimate(value=value, low=np.nan, high=np.nan) for name, value in values.items()}
    drawn = bootstrap(table, statistics, rng=rng, rounds=rounds, progress=progress)
    allowed = _allowed(table, passed, values, rng=rng)
    return {name: wider(value, drawn[name], allowed[name]) for name, value in values.items()}


def _allowed(
    table: Columns, passed: np.ndarray, values: Mapping[str, float], *, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """What the counts alone allow each figure."""
    bona_fide, attacks = table.bona_fide, ~table.bona_fide
    refused = int((~passed[bona_fide]).sum()), int(bona_fide.sum())
    instruments = by_name(passed[attacks], table.instruments[attacks])
    each = [(int(accepted.sum()), len(accepted)) for accepted in instruments.values()]
    pooled = int(passed[attacks].sum()), int(attacks.sum())
    finite = np.isfinite(table.values)
    # At the EER both rates are nearly the same: as many errors as make it up, of each class.
    at_eer = [
        (round(float(np.nan_to_num(values["eer"])) * count), count) for count in (refused[1], pooled[1])
    ]
    return {
        "acer": mean_rates(each, refused, rng=rng),
        "hter": mean_rates([pooled], refused, rng=rng),
        "auc": area(values["auc"], int((finite & bona_fide).sum()), int((finite & attacks).sum())),
        "eer": mean_rates([at_eer[1]], at_eer[0], rng=rng),
    }


def _shares(hits: np.ndarray, names: np.ndarray) -> dict[str, Rate]:
    return {name: rate(int(rows.sum()), len(rows)) for name, rows in by_name(hits, names).items()}
