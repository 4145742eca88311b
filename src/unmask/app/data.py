"""List the data sets that are read, their protocols, licences and where to apply; or show one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unmask.app.render import console
from unmask.data.catalogue import data_set, protocols_with
from unmask.data.protocols import PROTOCOLS
from unmask.data.sets import DATASETS
from unmask.data.splits import DataSet, Protocol

UNVERIFIED = "counts unverified"
NAMED = 5  # protocols that the list names of one set
LEGEND = "Counts are bona fide + attacks; where dev is in train, the count is that of both together."
Counts = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The options of the command."""

    name: Annotated[str | None, typer.Argument(help="A data set, to see one; without it, all.")] = None


def data(options: DataOptions) -> int:
    """Prints all sets, or the one of that name."""
    out = console()
    out.print(every_set() if options.name is None else one_set(data_set(options.name)))
    return 0


def every_set() -> Group:
    """Tables of the sets, of how to get them, and of the protocols that need several."""
    sets = _table()
    sets.add_column("data set", no_wrap=True)
    sets.add_column("bona fide + attacks", no_wrap=True)
    sets.add_column("protocols", ratio=1)
    licences = _table(title="\nlicences, and how to get them")
    licences.add_column("data set", no_wrap=True)
    licences.add_column("", overflow="fold", ratio=1)
    for row in DATASETS.values():
        sets.add_row(row.name, total(row.counts), _names(row))
        licences.add_row(row.name, f"{row.licence}\n{row.apply}")
    several = _table(title="\nprotocols over several data sets")
    several.add_column("protocol", no_wrap=True)
    several.add_column("question", ratio=1)
    for protocol in PROTOCOLS.values():
        if len(protocol.needs) > 1:
            several.add_row(protocol.name, protocol.question)
    hint = "`unmask data NAME` shows one of them, `unmask doctor NAME FOLDER` examines a copy."
    return Group(sets, licences, several, Text(f"\n{hint}"))


def one_set(row: DataSet) -> Group:
    """What one set is and looks like, and its protocols with their counts."""
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    if row.paper:
        facts.add_row("paper", row.paper)
    facts.add_row("licence", row.licence)
    facts.add_row("to get it", row.apply)
    facts.add_row("layout", Text(row.layout))
    facts.add_row("counts", _parts(row.counts))
    if row.options:
        facts.add_row("options", " or ".join(f"{row.name}:{option}" for option in row.options))
    known = protocols_with(row.name)
    alone = [protocol for protocol in known if protocol.needs == (row.name,)]
    others = [protocol for protocol in known if protocol.needs != (row.name,)]
    parts: list[RenderableType] = [Text(row.title, style="bold"), facts]
    if alone:
        parts.append(_protocols(alone, title="protocols"))
    if others:  # whose names say what they ask
        parts.append(_protocols(others, title="protocols with other data sets", questions=False))
    if any(protocol.counts for protocol in known):
        parts.append(Text(f"\n{LEGEND}"))
    return Group(*parts)


def _protocols(chosen: Sequence[Protocol], *, title: str, questions: bool = True) -> Table:
    counted = any(protocol.counts for protocol in chosen)
    drawn = _table(title=f"\n{title}" if counted else f"\n{title}, {UNVERIFIED}")
    drawn.add_column("protocol", no_wrap=True)
    if questions:
        drawn.add_column("question", ratio=1)
    for part in ("train", "dev", "test") if counted else ():
        drawn.add_column(part, justify="right", no_wrap=True)
    for protocol in chosen:
        words = (protocol.question,) if questions else ()
        drawn.add_row(protocol.name, *words, *(_cells(protocol.counts) if counted else ()))
    return drawn


def _table(title: str | None = None) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="dim",
        padding=(0, 2, 0, 0),
    )


def total(counts: Counts | None) -> str:
    """All parts together.

    >>> total({"train": (714, 1703), "test": (599, 1462)})
    '1,313 + 3,165'
    """
    if counts is None:
        return UNVERIFIED
    return _pair(
        (sum(bona_fide for bona_fide, _ in counts.values()), sum(attacks for _, attacks in counts.values()))
    )


def _parts(counts: Counts | None) -> str:
    if counts is None:
        return "unverified: no source at hand gives them"
    return ", ".join(f"{part or 'in no part'} {_pair(pair)}" for part, pair in counts.items())


def _cells(counts: Counts | None) -> tuple[str, str, str]:
    """Counts of train, dev and test; a dev part drawn from train has no published count of its own."""
    if counts is None:
        return "unverified", "", ""
    if "train+dev" in counts:
        return _pair(counts["train+dev"]), "in train", _pair(counts["test"])
    train, dev, test = (_pair(counts[part]) if part in counts else "–" for part in ("train", "dev", "test"))
    return train, dev, test


def _pair(pair: tuple[int, int]) -> str:
    return f"{pair[0]:,} + {pair[1]:,}"


def _names(row: DataSet) -> str:
    """The protocols of a set without its name, folds counted."""
    names: dict[str, int] = {}
    for protocol in protocols_with(row.name):
        if protocol.needs == (row.name,):
            group = (protocol.folds or protocol.name).removeprefix(f"{row.name}/")
            names[group] = names.get(group, 0) + 1
    words = [f"{name} ({count} folds)" if count > 1 else name for name, count in names.items()]
    more = [f"and {len(words) - NAMED} more"] if len(words) > NAMED else []
    return ", ".join([*words[:NAMED], *more]) or "–"
