"""A plan and what came of it -> counts in the words of ISO/IEC 30107-3.

A presentation is one try; a retry is a presentation of its own. One that causes no response counts towards
APNRR or BPNRR; APCER and BPCER are over those with a response. A transaction is a planned presentation with
its retries: an attack succeeds in it by one acceptance, a bona fide subject fails in it without any.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unmask.metrics import Rate, rate
from unmask.metrics.bounds import upper_bound
from unmask.scores.plan import SILENT, PlannedPresentation, split_retry
from unmask.types import DataError, Label, Score

NOBODY = "bona fide"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFigures:
    """Bona fide presentations, or those of one species.

    `errors` are over responses, `silent` over presentations, `failed` over transactions: attacks that
    succeeded, bona fide subjects that did not. `bound` is the one-sided 95 % bound of `errors`, NaN without
    any response.
    """

    name: str
    planned: int
    missing: int
    silent: Rate
    errors: Rate
    failed: Rate
    retries: int
    undecided: int
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestOutcome:
    """`kinds`, bona fide first; `strangers` are captures that no plan names; `accepted` names the attacks
    that were, `refused` the bona fide presentations that were not.
    """

    kinds: tuple[KindFigures, ...]
    strangers: tuple[str, ...]
    accepted: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Planned presentations that were not made."""
        return sum(kind.missing for kind in self.kinds)

    @property
    def planned(self) -> int:
        """All that were."""
        return sum(kind.planned for kind in self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    row: PlannedPresentation
    retry: int
    score: float
    threshold: float
    verdict: str

    @property
    def responded(self) -> bool:
        return math.isfinite(self.score)

    @property
    def accepted(self) -> bool:
        return self.score >= self.threshold  # False for NaN


def counted(plan: Sequence[PlannedPresentation], scores: Sequence[Score]) -> SelftestOutcome:
    """What came of the plan; `scores` bear its names, whatever folder and suffix stand around them.

    DataError where nothing of the plan was made, or where a score has no threshold to be held against.
    """
    tries, strangers = _tries(plan, scores)
    if not tries:
        raise DataError(
            f"none of the {len(plan)} presentations of the plan was made: no capture bears such a name and "
            f"no response is {SILENT!r}; name captures as in the column presentation, {plan[0].name} "
            "the first"
        )
    names = [NOBODY, *dict.fromkeys(row.instrument for row in plan if row.instrument)]
    kinds = tuple(kind for name in names if (kind := _kind(name, plan, tries)) is not None)
    return SelftestOutcome(
        kinds=kinds,
        strangers=tuple(strangers),
        accepted=tuple(_name(t) for t in tries if t.row.label is Label.ATTACK and t.accepted),
        refused=tuple(
            _name(t) for t in tries if t.row.label is Label.BONA_FIDE and t.responded and not t.accepted
        ),
    )


def stem(name: str) -> str:
    """The name of a capture without folders and suffix.

    >>> stem("day1/0007_s01_print-matt_r2.mp4")
    '0007_s01_print-matt_r2'
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return last.rpartition(".")[0] or last


def _tries(plan: Sequence[PlannedPresentation], scores: Sequence[Score]) -> tuple[list[_Try], list[str]]:
    rows = {row.name: row for row in plan}
    tries = [
        _Try(row=row, retry=0, score=math.nan, threshold=math.inf, verdict="")
        for row in plan
        if row.response == SILENT
    ]
    strangers, seen = [], {(t.row.name, 0) for t in tries}
    for score in scores:
        name, retry = split_retry(stem(score.name))
        if name not in rows:
            strangers.append(score.name)
            continue
        if (name, retry) in seen:
            raise DataError(
                f"{score.name} is there twice, or its response is {SILENT!r} in the plan; a retry is "
                f"named {name}_r1"
            )
        seen.add((name, retry))
        tries.append(
            _Try(
                row=rows[name],
                retry=retry,
                score=score.score,
                threshold=_threshold(score),
                verdict=score.columns.get("verdict", ""),
            )
        )
    return tries, strangers


def _threshold(score: Score) -> float:
    cell = score.columns.get("threshold", "")
    if cell:
        return float(cell)
    if math.isfinite(score.score):
        raise DataError(
            f"{score.name} has a score and no threshold; add a column threshold, as `unmask score` does"
        )
    return math.inf


def _kind(name: str, plan: Sequence[PlannedPresentation], tries: Sequence[_Try]) -> KindFigures | None:
    rows = [row for row in plan if (row.instrument or NOBODY) == name]
    if not rows:
        return None
    own = [t for t in tries if (t.row.instrument or NOBODY) == name]
    responded = [t for t in own if t.responded]
    wrong = sum(t.accepted is (name != NOBODY) for t in responded)
    made = {t.row.name for t in own}
    passed = {t.row.name for t in own if t.accepted}
    failed = len(made - passed) if name == NOBODY else len(passed)
    return KindFigures(
        name=name,
        planned=len(rows),
        missing=len(rows) - len(made),
        silent=rate(len(own) - len(responded), len(own)),
        errors=rate(wrong, len(responded)),
        failed=rate(failed, len(made)),
        retries=sum(t.retry > 0 for t in own),
        undecided=sum(t.verdict == "UNDECIDED" and t.responded for t in own),
        bound=upper_bound(wrong, len(responded)) if responded else math.nan,
    )


def _name(one: _Try) -> str:
    return one.row.name + (f"_r{one.retry}" if one.retry else "")
