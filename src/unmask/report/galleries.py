"""Which presentations a page shows: the worst errors, the typical cases; and a map of all features."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask.evaluation.measure import Evaluation
from unmask.report.pictures import colour_map, jpeg_uri, png_uri
from unmask.scores.evidence import ClipEvidence
from unmask.types import DataError, Label, Score

WORST, TYPICAL = 8, 8
NEAR = 1e-6  # a row's score and that in its evidence are of one run
MAPPED = 1500  # presentations of a map; more take minutes
LEAST_MAPPED = 12

Read = Callable[[str], ClipEvidence | None]  # presentation -> its evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A presentation on the page; `picture` and `depth` are data URIs, "" where there is no evidence."""

    score: Score
    threshold: float
    picture: str = ""
    depth: str = ""

    @property
    def truth(self) -> str:
        """In the words of the page."""
        return "bona fide" if self.score.label is Label.BONA_FIDE else self.score.instrument or "attack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Cases of one kind; `count` is how many there are of them in all."""

    title: str
    cases: tuple[Case, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What is held of each presentation's evidence: pictures of a large set would not fit into memory."""

    model: str
    features: np.ndarray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvidence:
    """A system's evidence: `found` of the test rows, whose pictures `read` gives; `foreign` files of another
    run, `missing` ones, and a sentence on each that is `broken`.
    """

    read: Read
    found: dict[str, Traces]
    foreign: int = 0
    missing: int = 0
    broken: tuple[str, ...] = ()


NO_EVIDENCE = KeptEvidence(read=lambda _: None, found={})


def kept(system: Evaluation, read: Read) -> KeptEvidence:
    """The evidence of the test rows that have a score; one whose score is another is not theirs."""
    found: dict[str, Traces] = {}
    foreign, missing, broken = 0, 0, []
    for score in system.test:
        if not math.isfinite(score.score):
            continue
        try:
            evidence = read(score.name)
        except DataError as unreadable:  # one file of thousands is not a reason to have no page
            broken.append(str(unreadable))
            continue
        if evidence is None:
            missing += 1
        elif abs(evidence.score - score.score) > NEAR:
            foreign += 1
        else:
            found[score.name] = Traces(model=evidence.model, features=evidence.features)
    return KeptEvidence(read=read, found=found, foreign=foreign, missing=missing, broken=tuple(broken))


def galleries(system: Evaluation, evidence: KeptEvidence) -> list[Gallery]:
    """The worst errors of each kind, then what is typical; those without a picture are named all the same."""
    passed = system.accepted()
    rows = [
        (score, float(threshold), bool(ok))
        for score, threshold, ok in zip(system.test, system.thresholds, passed, strict=True)
    ]
    scored = [row for row in rows if math.isfinite(row[0].score)]
    let_in = [row for row in scored if row[0].label is Label.ATTACK and row[2]]
    turned_away = [row for row in scored if row[0].label is Label.BONA_FIDE and not row[2]]
    let_in.sort(key=lambda row: row[1] - row[0].score)
    turned_away.sort(key=lambda row: row[0].score - row[1])
    typical = _typical([row for row in scored if (row[0].label is Label.BONA_FIDE) == row[2]])
    shown = (
        ("Attacks accepted, the highest scores first", let_in, WORST),
        ("Bona fide refused, the lowest scores first", turned_away, WORST),
        ("Typical: judged rightly, with the middle score of their kind", typical, TYPICAL),
    )
    return [
        Gallery(
            title=title,
            cases=tuple(_case(row[0], row[1], evidence) for row in found[:most]),
            count=len(found),
        )
        for title, found, most in shown
        if found
    ]


def mapped(system: Evaluation, evidence: KeptEvidence) -> tuple[np.ndarray, list[str], str]:
    """(features (n, C), "bona fide" or family of each, model) of the model that judged most; n is 0 where
    there are too few.
    """
    found = evidence.found
    rows = [(score, found[score.name]) for score in system.test if score.name in found]
    rows = [
        (score, one) for score, one in rows if one.features is not None and np.isfinite(one.features).all()
    ]
    models = Counter((one.model, len(_features(one))) for _, one in rows).most_common(1)
    if not models or models[0][1] < LEAST_MAPPED:
        return np.zeros((0, 0)), [], ""
    (model, width), _ = models[0]
    rows = [(score, one) for score, one in rows if (one.model, len(_features(one))) == (model, width)]
    if len(rows) > MAPPED:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, MAPPED).round().astype(int)]
    features = np.stack([_features(one) for _, one in rows])
    names = ["bona fide" if score.label is Label.BONA_FIDE else _family(score) for score, _ in rows]
    return features, names, model


def _typical(rows: Sequence[tuple[Score, float, bool]]) -> list[tuple[Score, float, bool]]:
    """Two bona fide presentations and one attack of each family, the nearest to their medians."""
    groups: dict[str, list[tuple[Score, float, bool]]] = {}
    for row in rows:
        groups.setdefault("" if row[0].label is Label.BONA_FIDE else _family(row[0]), []).append(row)
    found = []
    for name in sorted(groups):
        middle = float(np.median([row[0].score for row in groups[name]]))
        nearest = sorted(groups[name], key=lambda row: (abs(row[0].score - middle), row[0].name))
        found += nearest[: 1 if name else 2]
    return found


def _case(score: Score, threshold: float, evidence: KeptEvidence) -> Case:
    case = Case(score=score, threshold=threshold)
    one = evidence.read(score.name) if score.name in evidence.found else None
    if one is None:
        return case
    depth = "" if one.depth is None else png_uri(colour_map(one.depth.mean(axis=0)))
    return replace(case, picture=jpeg_uri(one.picture, quality=80), depth=depth)


def _family(score: Score) -> str:
    return score.family or "attack"


def _features(one: Traces) -> np.ndarray:
    return np.zeros(0) if one.features is None else one.features
