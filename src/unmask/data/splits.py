"""A protocol's parts, and the rules that every split keeps: no file and no subject in two parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unmask.types import DataError, Label, Presentation

ALL = "all"  # of counts: every presentation of a set
LEARNED = "train+dev"  # of counts: both together


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Who learns, who sets thresholds, who is tested; `dev` is empty where a data set has none."""

    train: tuple[Presentation, ...]
    dev: tuple[Presentation, ...]
    test: tuple[Presentation, ...]

    def parts(self) -> dict[str, tuple[Presentation, ...]]:
        """Name -> presentations."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    def counts(self) -> dict[str, tuple[int, int]]:
        """Part -> (bona fide, attacks).

        >>> living = Presentation(path="a", label=Label.BONA_FIDE)
        >>> Split(train=(living,), dev=(), test=()).counts()
        {'train': (1, 0), 'dev': (0, 0), 'test': (0, 0)}
        """
        return {name: _count(part) for name, part in self.parts().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One question put to data sets: `split` takes the presentations of all sets in `needs` together.

    `counts`: part -> (bona fide, attacks) as published, or None where no source gives them; a part may be
    missing, and LEARNED is train and dev together, for sets whose dev is drawn here. `folds` names the group
    whose mean and deviation are reported, e.g. "oulu-npu/3" of "oulu-npu/3.1"; "" where it stands alone.
    """

    name: str
    question: str
    needs: tuple[str, ...]
    split: Callable[[Sequence[Presentation]], Split]
    counts: Mapping[str, tuple[int, int]] | None = None
    folds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """One data set: `read` takes the unpacked archive's folder and gives its presentations, sorted by path.

    `counts`: split as shipped (or ALL, the whole) -> (bona fide, attacks) as published, or None: "counts
    unverified". `apply` says where and how to get it; `layout` is what the folder looks like, a line a path.
    """

    name: str
    title: str
    paper: str
    licence: str
    apply: str
    layout: str
    read: Callable[..., list[Presentation]]
    counts: Mapping[str, tuple[int, int]] | None = None


def shipped(presentations: Sequence[Presentation]) -> dict[str, tuple[int, int]]:
    """Split as shipped, and ALL -> (bona fide, attacks), to be held against `DataSet.counts`.

    >>> shipped([Presentation(path="a", label=Label.BONA_FIDE, split="test")])
    {'test': (1, 0), 'all': (1, 0)}
    """
    parts = {name: tuple(p for p in presentations if p.split == name) for name in _splits(presentations)}
    return {name: _count(part) for name, part in [*parts.items(), (ALL, presentations)]}


def miscounted(published: Mapping[str, tuple[int, int]], found: Mapping[str, tuple[int, int]]) -> list[str]:
    """One sentence for each published count that was not found; parts that `published` leaves out pass.

    >>> miscounted({"train+dev": (3, 4)}, {"train": (2, 4), "dev": (1, 1), "test": (9, 9)})
    ['train+dev holds 3 bona fide and 5 attacks, published are 3 and 4']
    """
    none = (0, 0)
    learned = [found.get("train", none), found.get("dev", none)]
    known = {LEARNED: (sum(pair[0] for pair in learned), sum(pair[1] for pair in learned)), **found}
    return [
        f"{part or 'no split'} holds {known.get(part, none)[0]} bona fide and {known.get(part, none)[1]} "
        f"attacks, published are {counts[0]} and {counts[1]}"
        for part, counts in published.items()
        if known.get(part, none) != counts
    ]


def leaks(split: Split) -> list[str]:
    """One sentence for each pair of parts that share a file or a subject; empty when it is a clean split.

    Subjects are told apart within their data set; "" is nobody.
    """
    found = []
    parts = list(split.parts().items())
    for place, (name, part) in enumerate(parts):
        for other, second in parts[place + 1 :]:
            files = {p.path for p in part} & {p.path for p in second}
            people = _people(part) & _people(second)
            for kind, shared in (("file", files), ("subject", people)):
                if shared:
                    found.append(f"{name} and {other} share {len(shared)} {kind}s, {min(shared)} among them")
    return found


def checked(split: Split, *, name: str) -> Split:
    """The split itself; DataError when it leaks or has an empty test."""
    if found := leaks(split):
        raise DataError(f"protocol {name}: {found[0]}; the folder holds files of another set or wrong lists")
    if not split.test:
        raise DataError(f"protocol {name} has nothing to test; `unmask doctor` says what is missing")
    return split


def _people(part: Sequence[Presentation]) -> set[str]:
    return {f"{p.dataset}:{p.subject}" for p in part if p.subject}


def _splits(presentations: Sequence[Presentation]) -> list[str]:
    return sorted({p.split for p in presentations})


def _count(part: Sequence[Presentation]) -> tuple[int, int]:
    living = sum(p.label is Label.BONA_FIDE for p in part)
    return living, len(part) - living
