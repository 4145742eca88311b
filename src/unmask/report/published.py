"""Published error rates by protocol, to put a row of one's own below them: the table published.csv.

Figures are per cent, as printed, with the deviation over folds where a protocol has several. `source` says
where each row was read.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from unmask.types import SettingsError

LISTS, ALL_LISTS = "ocim/", "ocim-all/"
FIGURES = ("APCER", "BPCER", "ACER", "HTER", "AUC", "EER")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One row: `figures` maps names out of FIGURES to what was printed, e.g. "3.1±1.8"."""

    protocol: str
    method: str
    figures: Mapping[str, str]
    source: str


@cache
def every() -> tuple[PublishedRow, ...]:
    """All rows, in the order of the table."""
    text = files("unmask.report").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(
        PublishedRow(
            protocol=row["protocol"],
            method=row["method"],
            figures={name: row[name] for name in FIGURES if row[name]},
            source=row["source"],
        )
        for row in csv.DictReader(io.StringIO(text))
    )


def published(protocol: str) -> list[PublishedRow]:
    """The rows of a protocol, of a fold those of its group; SettingsError names the protocols that have some.

    The field's table of O, C, I and M has methods by train lists and methods by all lists, so that its rows
    are of both protocols.

    >>> published("oulu-npu/1")[0].method, published("oulu-npu/3.2")[0].protocol
    ('GRADIANT', 'oulu-npu/3')
    """
    for name in (protocol, protocol.rpartition(".")[0], protocol.replace(ALL_LISTS, LISTS)):
        if found := [row for row in every() if row.protocol == name]:
            own = protocol if protocol.startswith(ALL_LISTS) else name
            return [replace(row, protocol=own) for row in found]
    known = ", ".join(dict.fromkeys(row.protocol for row in every()))
    raise SettingsError(f"no published figures of {protocol!r} are here; there are some of {known}")


def names(rows: Sequence[PublishedRow]) -> list[str]:
    """The figures that some of the rows have, in the order of FIGURES."""
    return [name for name in FIGURES if any(name in row.figures for row in rows)]


def markdown() -> str:
    """All rows as tables, one a protocol."""
    lines: list[str] = []
    for protocol in dict.fromkeys(row.protocol for row in every()):
        rows = published(protocol)
        shown = names(rows)
        lines += [f"### `{protocol}`", "", f"| method | {' | '.join(shown)} | source |"]
        lines.append(f"| --- |{' --- |' * len(shown)} --- |")
        for row in rows:
            cells = " | ".join(row.figures.get(name, "") for name in shown)
            lines.append(f"| {row.method} | {cells} | {row.source} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
