"""Outcomes as one JSON object a line, or as a table for a terminal."""

import json
import math
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unmask.report.outcomes import REASON_WORDS, Outcome, Unreadable, number
from unmask.types import Decision, Verdict

STYLES = {Verdict.LIVE: "bold green", Verdict.ATTACK: "bold red", Verdict.UNDECIDED: "bold yellow"}
SEGMENTS_SHOWN = 4  # of a source, in the table
WIDTH_IN_FILES = 120  # a table written into a file or pipe has no terminal to fit


def json_line(outcome: Outcome) -> str:
    """The outcome as docs/json.md describes it: strict JSON, NaN as null."""
    record = _unreadable(outcome) if isinstance(outcome, Unreadable) else outcome.decision.to_dict()
    return json.dumps(record, allow_nan=False, ensure_ascii=False)


def table(outcomes: Sequence[Outcome]) -> Table:
    """One row a source."""
    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    drawn.add_column("source", overflow="fold", ratio=None)
    drawn.add_column("verdict", no_wrap=True)
    drawn.add_column("score", justify="right", no_wrap=True)
    drawn.add_column("threshold", justify="right", no_wrap=True)
    drawn.add_column("time", justify="right", no_wrap=True)
    drawn.add_column("reasons", overflow="fold")
    for outcome in outcomes:
        drawn.add_row(*_row(outcome))
    return drawn


def console() -> Console:
    """Where results go: stdout."""
    wide = WIDTH_IN_FILES if not sys.stdout.isatty() and "COLUMNS" not in os.environ else None
    return Console(width=wide, highlight=False)


def _row(outcome: Outcome) -> list[Text]:
    if isinstance(outcome, Unreadable):
        return [Text(outcome.source), Text("UNREADABLE", "bold magenta"), *(Text("–"),) * 3, Text("")]
    decision = outcome.decision
    return [
        Text(decision.source),
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
    return [*decision.notes, *(["segments: " + ", ".join(apart[:SEGMENTS_SHOWN])] if len(apart) > 1 else [])]


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
