"""A protocol's parts, and the rules that every split keeps: no file and no subject in two parts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from unmask.types import DataError, Label, Presentation

Counts = Mapping[str, tuple[int, int]]  # part -> (bona fide, attacks)


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

        >>> bona_fide = Presentation(path="a", label=Label.BONA_FIDE)
        >>> Split(train=(bona_fide,), dev=(), test=()).counts()
        {'train': (1, 0), 'dev': (0, 0), 'test': (0, 0)}
        """
        found = {}
        for name, part in self.parts().items():
            bona_fide = sum(p.label is Label.BONA_FIDE for p in part)
            found[name] = (bona_fide, len(part) - bona_fide)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One question put to data sets: `split` takes the presentations of all sets in `needs` together.

    `counts`: part -> (bona fide, attacks) as published, or None where no source gives them; "train+dev" is
    the sum of both, where dev is a share of the published train that we draw ourselves. `folds` names the
    group whose mean and deviation are reported, e.g. "oulu-npu/3" of "oulu-npu/3.1"; "" where it stands
    alone. `older`: the counts of earlier editions of the lists, which are as good. `worst`: what its APCER is
    the worst of, each instrument or each family of them.
    """

    name: str
    question: str
    needs: tuple[str, ...]
    split: Callable[[Sequence[Presentation]], Split]
    counts: Counts | None = None
    folds: str = ""
    worst: Literal["instrument", "family"] = "instrument"
    older: tuple[Counts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """One data set: `read` takes the unpacked archive's folder and gives its presentations, sorted by path.

    `counts`: split as shipped -> (bona fide, attacks) as published, or None: "counts unverified". `apply`
    says where and how to get it; `layout` is what the folder looks like, one path a line. `mistakes` looks at
    the folder for what usually goes wrong with this set and gives one sentence for each. `read` takes
    `refuse`, see data.archive. `editions`: words for an edition of the archive -> its counts, where there are
    several; the first has `counts`. `options`: what may follow the name after a colon -> keywords of `read`.
    """

    name: str
    title: str
    paper: str
    licence: str
    apply: str
    layout: str
    read: Callable[..., list[Presentation]]
    counts: Counts | None = None
    mistakes: Callable[[Path], Iterable[str]] | None = None
    options: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    editions: Mapping[str, Counts] = field(default_factory=dict)

    def edition(self, counts: Counts) -> str:
        """The words for the edition that has these counts, each as far as it has that part; "" if none."""
        for words, published in self.editions.items():
            if all(tuple(counts.get(part, (0, 0))) == tuple(pair) for part, pair in published.items()):
                return words
        return ""


def of_set(presentations: Sequence[Presentation], dataset: str) -> list[Presentation]:
    """Those of one data set; DataError where there are none."""
    chosen = [p for p in presentations if p.dataset == dataset]
    if not chosen:
        given = ", ".join(sorted({p.dataset or "no data set" for p in presentations})) or "nothing"
        raise DataError(f"this protocol needs presentations of {dataset}, not of {given}; read that set too")
    return chosen


def in_part(presentations: Iterable[Presentation], part: str) -> list[Presentation]:
    """Those that their data set ships in `part`."""
    return [p for p in presentations if p.split == part]


def miscounted(split: Split, counts: Counts | None, *, older: Sequence[Counts] = ()) -> list[str]:
    """One sentence for each part whose (bona fide, attacks) are not the published ones; none where all are
    those of an `older` edition.

    >>> bona_fide = Presentation(path="a", label=Label.BONA_FIDE)
    >>> split = Split(train=(bona_fide,), dev=(bona_fide,), test=())
    >>> miscounted(split, {"train+dev": (3, 0), "test": (0, 0)})
    ['train+dev has 2 bona fide and 0 attacks, published are 3 and 0']
    """
    if any(not miscounted(split, edition) for edition in older):
        return []
    have = split.counts()
    found = []
    for name, published in (counts or {}).items():
        bona_fide, attacks = (
            sum(pair) for pair in zip(*(have[part] for part in name.split("+")), strict=True)
        )
        if (bona_fide, attacks) != tuple(published):
            found.append(
                f"{name} has {bona_fide} bona fide and {attacks} attacks, "
                f"published are {published[0]} and {published[1]}"
            )
    return found


def leaks(split: Split) -> list[str]:
    """One sentence for each pair of parts that share a file or a subject; empty when it is a clean split.

    Subjects are told apart within their data set; "" is nobody.
    """
    return shared(split.parts())


def shared(parts: Mapping[str, Sequence[Presentation]]) -> list[str]:
    """As `leaks`, of parts by any names."""
    found = []
    pairs = list(parts.items())
    for place, (name, part) in enumerate(pairs):
        for other, second in pairs[place + 1 :]:
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
