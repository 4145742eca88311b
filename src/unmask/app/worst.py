"""What the worst APCER is taken over: the grouping that the protocol defines, unless the user asks otherwise.

OULU-NPU's metric takes the worse of print and display, not of its two printers and two displays.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from unmask.app.options import Choices
from unmask.data.protocols import PROTOCOLS
from unmask.evaluation.runs import Run

DEFAULT = "instrument"
WORST_OF = ("instrument", "family")  # what unmask.metrics.over takes

Worst = Annotated[
    str | None,
    Choices(WORST_OF),
    typer.Option(
        "--worst",
        help="What the worst APCER is taken over; if not given, what the protocol defines (OULU-NPU: "
        "family), else each instrument.",
    ),
]


def worst_of(run: Run, asked: str | None = None) -> str:
    """`asked`, "instrument" or "family"; of None what the run's protocol defines, by its scores' column."""
    if asked:
        return asked
    protocol = run.test[0].columns.get("protocol", "") if run.test else ""
    return PROTOCOLS[protocol].worst if protocol in PROTOCOLS else DEFAULT


def worst_notes(runs: Sequence[Run], asked: str | None = None) -> Iterator[str]:
    """A sentence for each protocol whose own grouping is not that of the standard, where it is used."""
    names = {run.test[0].columns.get("protocol", "") for run in runs if run.test}
    for name in sorted(names & PROTOCOLS.keys()):
        if not asked and PROTOCOLS[name].worst != DEFAULT:
            yield (
                f"APCER is the worse of the families of instruments, as {name} defines it; --worst "
                "instrument takes each instrument, as ISO/IEC 30107-3 does"
            )
