"""Outcomes as one JSON object a line, or as a table for a terminal."""

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from unmask.plain import address_shown, escaped, sentence
from unmask.report.outcomes import REASON_WORDS, Outcome, Unreadable, number
from unmask.types import Decision, Verdict

STYLES = {Verdict.LIVE: "bold green", Verdict.ATTACK: "bold red", Verdict.UNDECIDED: "bold yellow"}
SEGMENTS_SHOWN = 4  # of a source, in the table
WIDTH_IN_FILES = 120  # a table written into a file or pipe has no terminal to fit
MOST_WIDE = 1000  # columns of a table that is shown whole
HEADER = ("source", "verdict", "score", "threshold", "time", "reasons")
REASONS_AT_LEAST = 20  # columns that reasons are folded into
VERDICT_WIDTH = 12
CSV_HEADER = ("source", "verdict", "score", "threshold", "operating_point", "reasons", "time_ms", "error")
NOT_UTF_8 = re.compile("[\ud800-\udfff]+")


def json_line(outcome: Outcome, *, ascii_only: bool = False) -> str:
    """The outcome as docs/json.md describes it: strict JSON, NaN as null, valid UTF-8 whatever the name."""
    record = _unreadable(outcome) if isinstance(outcome, Unreadable) else outcome.decision.to_dict()
    record["source"] = NOT_UTF_8.sub(lambda found: escaped(found[0]), address_shown(record["source"]))
    line = json.dumps(record, allow_nan=False, ensure_ascii=ascii_only)
    # JSON lets signs through that turn the line round, end it, or command a terminal.
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)


def csv_row(outcome: Outcome) -> list[object]:
    """The cells below CSV_HEADER; what is not known is an empty cell."""
    if isinstance(outcome, Unreadable):
        name = sentence(address_shown(outcome.source))
        return [name, Verdict.UNDECIDED.value, "", "", "", "UNREADABLE", "", outcome.sentence]
    record = outcome.decision.to_dict()
    return [
        sentence(address_shown(record["source"])),
        *(record[key] for key in ("verdict", "score", "threshold", "operating_point")),
        " ".join(record["reasons"]),
        record["timings_ms"].get("total"),
        "",
    ]


def table(outcomes: Sequence[Outcome], *, width: int) -> Table | Text:
    """One row a source; some lines each where `width` columns cannot hold names and verdicts in one piece."""
    rows = [_row(outcome) for outcome in outcomes]
    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for name in HEADER[:-1]:
        right = name not in ("source", "verdict")
        drawn.add_column(name, justify="right" if right else "left", no_wrap=True)
    drawn.add_column(HEADER[-1], overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    columns = zip(HEADER, *([cell.plain for cell in row] for row in rows), strict=True)
    *fixed, reasons = (max(map(cell_len, cells)) for cells in columns)
    if sum(fixed) + 3 * len(fixed) + min(reasons, REASONS_AT_LEAST) <= width:
        return drawn
    return Text("\n").join(line for row in rows for line in _lines(row, width=width))


class EscapingConsole(Console):
    """Shows control characters, as of a name in somebody's table, by their codes."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            lines = segment.text.split("\n")
            if segment.control or all(map(str.isprintable, lines)):
                yield segment
            else:
                yield Segment("\n".join(map(escaped, lines)), segment.style)


def console() -> Console:
    """Where results go: stdout."""
    wide = WIDTH_IN_FILES if not sys.stdout.isatty() and "COLUMNS" not in os.environ else None
    return EscapingConsole(width=wide, highlight=False)


def print_whole(table: Table) -> None:
    """A table none of whose cells is cut: wider than the terminal, where the terminal is narrower."""
    out = console()
    roomy = Console(width=MOST_WIDE, highlight=False)
    width = max(out.width, Measurement.get(roomy, roomy.options, table).maximum)
    EscapingConsole(width=width, highlight=False).print(table, crop=False)


def _lines(row: Sequence[Text], *, width: int) -> Iterator[Text]:
    """The cells of a row below each other: verdict and name, the name broken only between its folders."""
    name, verdict, *numbers, reasons = row
    room = max(1, width - VERDICT_WIDTH)
    pieces = [""]
    for part in re.findall(r"[^/]*/|[^/]+", name.plain):
        if pieces[-1] and cell_len(pieces[-1] + part) > room:
            pieces.append("")
        pieces[-1] += part
    yield Text(verdict.plain.ljust(VERDICT_WIDTH), verdict.style).append(pieces[0], "not bold default")
    for piece in pieces[1:]:
        yield Text(" " * VERDICT_WIDTH + piece)
    for title, cell in zip(HEADER[2:], [*numbers, reasons], strict=True):
        if cell.plain not in ("", "–"):
            yield Text(f"  {title} {cell.plain}")


def _row(outcome: Outcome) -> list[Text]:
    if isinstance(outcome, Unreadable):
        name = sentence(address_shown(outcome.source))
        return [Text(name), Text("UNREADABLE", "bold magenta"), *(Text("–"),) * 3, Text("")]
    decision = outcome.decision
    return [
        Text(sentence(address_shown(decision.source))),
        Text(decision.verdict, STYLES[decision.verdict]),
        Text(number(decision.score)),
        Text(number(decision.threshold)),
        Text(_time(decision.timings_ms.get("total", math.nan))),
        Text("; ".join([*(REASON_WORDS[reason] for reason in decision.reasons), *_more(decision)])),
    ]


def _more(decision: Decision) -> list[str]:
    """The notes, and which segments are not what the whole is, where there are several."""
    apart = [
        f"{segment.from_s:.1f} to {segment.to_s:.1f} s {segment.verdict.value} {number(segment.score)}"
        for segment in decision.segments
    ]
    return [
        *map(sentence, decision.notes),
        *(["segments: " + ", ".join(apart[:SEGMENTS_SHOWN])] if len(apart) > 1 else []),
    ]


def _time(total_ms: float) -> str:
    if not math.isfinite(total_ms):
        return "–"
    return f"{total_ms:.0f} ms" if total_ms < 1000 else f"{total_ms / 1000:.1f} s"


def _unreadable(outcome: Unreadable) -> dict[str, Any]:
    # The same keys, so that a reader needs no second schema; the verdict is one that lets nobody pass.
    return {
        "source": outcome.source,
        "verdict": Verdict.UNDECIDED.value,
        "score": None,
        "threshold": None,
        "operating_point": None,
        "reasons": ["UNREADABLE"],
        "faces": [],
        "model": None,
        "clips": 0,
        "timings_ms": {},
        "segments": [],
        "notes": [],
        "error": outcome.sentence,
    }
