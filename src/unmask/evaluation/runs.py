"""Score tables -> runs: dev and test scores of one system, with the rules that make their rates honest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unmask.types import DataError, Label, Score

PARTS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One system on one test set: `dev` may be empty, `test` holds both classes, or one where that was let
    pass; `fold` tells runs of a system apart, and may be "".
    """

    system: str
    fold: str
    dev: tuple[Score, ...]
    test: tuple[Score, ...]


def runs(
    scores: Sequence[Score], *, name: str, dev: Sequence[Score] = (), one_class: bool = False
) -> list[Run]:
    """The runs in one table: one for each model and protocol that its columns name.

    The column split (train, dev, test) parts the rows; without one all are test. `dev` holds scores from
    another table of the same system; those of the same model and protocol where it names them. Rows of train
    are left out. `one_class` lets a test pass that holds one class alone. Raises DataError with the first
    broken rule.
    """
    found = []
    groups = _groups(scores)
    others = _groups(dev)
    for key, rows in groups.items():
        label = " ".join(part for part in key if part)
        title = f"{name} {label}" if len(groups) > 1 else name
        parts = _parts(rows, title)
        apart = _dev_for(key, others, title)
        if parts["dev"] and apart:
            raise DataError(f"{title} has dev rows of its own and a dev table besides; leave out one")
        tuned = parts["dev"] or apart
        _check(tuned, parts["test"], title=title, one_class=one_class)
        found.append(Run(system=title, fold=label, dev=tuple(tuned), test=tuple(parts["test"])))
    return found


def same_presentations(found: Sequence[Run]) -> bool:
    """Whether all runs were tested on the same presentations, so that their rates can be compared."""
    sets = [{score.name for score in run.test} for run in found]
    return all(names == sets[0] for names in sets)


def _groups(scores: Sequence[Score]) -> dict[tuple[str, str], list[Score]]:
    """(model, protocol) -> rows, in the order of the table."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        key = (score.columns.get("model", ""), score.columns.get("protocol", ""))
        groups.setdefault(key, []).append(score)
    return groups


def _parts(rows: Sequence[Score], title: str) -> dict[str, list[Score]]:
    parts: dict[str, list[Score]] = {name: [] for name in PARTS}
    named = any(score.columns.get("split") for score in rows)
    for score in rows:
        part = score.columns.get("split", "") if named else "test"
        if part not in parts:
            raise DataError(
                f"{title}: the split of {score.name} is {part!r}; it must be {', '.join(PARTS)}, or "
                "the column left out"
            )
        parts[part].append(score)
    return parts


def _dev_for(key: tuple[str, str], others: Mapping[tuple[str, str], list[Score]], title: str) -> list[Score]:
    """The rows of a dev table that belong to a run; those of its parts train and test are left out."""
    if not others:
        return []
    rows = others.get(key) or others.get(("", ""))
    if rows is None:
        raise DataError(f"{title}: the dev table has no rows of its model and protocol; score dev with them")
    tuned = [score for score in rows if score.columns.get("split", "") in ("dev", "")]
    if not tuned:
        raise DataError(f"{title}: the dev table has no row whose split is dev; name another")
    return tuned


def _check(dev: Sequence[Score], test: Sequence[Score], *, title: str, one_class: bool) -> None:
    if not test:
        raise DataError(f"{title} has no test row; give a table of test scores, or correct its column split")
    for part, scores in (("test", () if one_class else test), ("dev", dev)):
        for label, words in ((Label.BONA_FIDE, "bona fide presentation"), (Label.ATTACK, "attack")):
            if scores and not any(score.label is label for score in scores):
                raise DataError(
                    f"{title}: {part} holds {len(scores)} presentations and no {words}; rates need both "
                    "classes"
                )
    for kind, shared in (
        ("subject", _people(dev) & _people(test)),
        ("presentation", _names(dev) & _names(test)),
    ):
        if shared:
            raise DataError(
                f"{title}: dev and test share {len(shared)} {kind}s, {min(shared)} among them; a threshold "
                "is honest only where nobody is in both, so split by subject"
            )


def _people(scores: Sequence[Score]) -> set[str]:
    return {
        f"{home}:{score.subject}" if (home := score.columns.get("dataset", "")) else score.subject
        for score in scores
        if score.subject
    }


def _names(scores: Sequence[Score]) -> set[str]:
    return {score.name for score in scores}
