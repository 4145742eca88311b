"""The rows of a stress test -> what each change does at each strength to the same presentations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.media.changes import NONE
from unmask.metrics import Rate, rate, summarise
from unmask.scores.stress import StressRow
from unmask.types import DataError, Label, Verdict

SIDES = (Verdict.LIVE, Verdict.ATTACK)
HEADER = (
    "change",
    "strength",
    "n",
    "mean_change",
    "mean_absolute_change",
    "largest_change",
    "bona_fide_change",
    "attack_change",
    "flips",
    "live_attack_flips",
    "newly_accepted",
    "newly_refused",
    "apcer_worst",
    "worst_instrument",
    "attacks_accepted",
    "attacks",
    "bona_fide_refused",
    "bona_fide",
    "lost",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a change of one strength does to `count` presentations; changes of score are score minus score as
    it is, NaN where no presentation has both.

    `flips` are verdicts that differ, `reversals` those of LIVE against ATTACK or the other way;
    `newly_accepted` attacks were below the threshold, `newly_refused` bona fide presentations were not.
    `worst` is APCER of `worst_instrument`, None without attacks; `attacks_accepted` is over all attacks.
    `lost` had a score and have none.
    """

    change: str
    strength: float
    count: int
    mean_change: float
    mean_absolute_change: float
    largest_change: float
    bona_fide_change: float
    attack_change: float
    flips: Rate
    reversals: int
    newly_accepted: int
    newly_refused: int
    worst: Rate | None
    worst_instrument: str
    attacks_accepted: Rate
    bpcer: Rate
    lost: int


def effects(rows: Sequence[StressRow]) -> list[Effect]:
    """One a change and strength, in the order of the rows, "none" first."""
    before = {row.score.name: row for row in rows if row.change == NONE}
    groups: dict[tuple[str, float], list[StressRow]] = {}
    for row in rows:
        if row.score.name not in before:
            raise DataError(
                f"{row.score.name} was changed by {row.change} and has no row of the change none; "
                "make the table again"
            )
        groups.setdefault((row.change, row.strength), []).append(row)
    return [effect(before, group) for group in groups.values()]


def effect(before: dict[str, StressRow], after: Sequence[StressRow]) -> Effect:
    """The effect of one change and strength; `before` maps a presentation to its row as it is."""
    pairs = [(before[row.score.name], row) for row in after]
    differences = np.array([now.score.score - was.score.score for was, now in pairs])
    bona_fide = np.array([row.score.label is Label.BONA_FIDE for row in after])
    accepted = [(_accepted(was), _accepted(now)) for was, now in pairs]
    summary = summarise([row.score for row in after], [row.threshold for row in after], rounds=0)
    worst = summary.instruments.get(summary.worst_instrument)
    passed = sum(found.errors for found in summary.instruments.values())
    known = differences[np.isfinite(differences)]
    return Effect(
        change=after[0].change,
        strength=after[0].strength,
        count=len(after),
        mean_change=_mean(known),
        mean_absolute_change=_mean(np.abs(known)),
        largest_change=float(known[np.argmax(np.abs(known))]) if len(known) else math.nan,
        bona_fide_change=_mean(differences[bona_fide]),
        attack_change=_mean(differences[~bona_fide]),
        flips=rate(sum(was.verdict != now.verdict for was, now in pairs), len(pairs)),
        reversals=sum({was.verdict, now.verdict} == set(SIDES) for was, now in pairs),
        newly_accepted=_counted(accepted, ~bona_fide, (False, True)),
        newly_refused=_counted(accepted, bona_fide, (True, False)),
        worst=worst,
        worst_instrument=summary.worst_instrument,
        attacks_accepted=rate(passed, summary.attacks),
        bpcer=summary.bpcer,
        lost=sum(math.isfinite(was.score.score) and not math.isfinite(now.score.score) for was, now in pairs),
    )


def cells(found: Effect) -> list[object]:
    """The columns of HEADER."""
    numbers = (
        found.mean_change,
        found.mean_absolute_change,
        found.largest_change,
        found.bona_fide_change,
        found.attack_change,
    )
    return [
        found.change,
        f"{found.strength:g}",
        found.count,
        *(f"{number:.4f}" if math.isfinite(number) else "" for number in numbers),
        found.flips.errors,
        found.reversals,
        found.newly_accepted,
        found.newly_refused,
        f"{found.worst.value:.4f}" if found.worst else "",
        found.worst_instrument,
        found.attacks_accepted.errors,
        found.attacks_accepted.count,
        found.bpcer.errors,
        found.bpcer.count,
        found.lost,
    ]


def _accepted(row: StressRow) -> bool:
    return row.score.score >= row.threshold  # False for NaN


def _counted(pairs: Sequence[tuple[bool, bool]], of: np.ndarray, wanted: tuple[bool, bool]) -> int:
    return sum(counts and pair == wanted for counts, pair in zip(of, pairs, strict=True))


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
