"""Train every fold of O, C, I and M, and print one row of the field's table (needs the extra `train`).

Resumes an interrupted benchmark.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.extras import extra_of
from unmask.app.fold_options import FoldOptions
from unmask.app.options import Choices

LEAVE_ONE_OUT = ("ocm-to-i", "oci-to-m", "omi-to-c", "icm-to-o")
TASKS: dict[str, tuple[str, ...]] = {  # name -> its protocols
    "lists": tuple(f"ocim/{ways}" for ways in LEAVE_ONE_OUT),
    "all-lists": tuple(f"ocim-all/{ways}" for ways in LEAVE_ONE_OUT),
    "celeba": tuple(f"ocim-celeba/{ways}" for ways in LEAVE_ONE_OUT),
    "limited": ("ocim/mi-to-c", "ocim/mi-to-o"),
    "pairs": tuple(f"ocim/{a}-to-{b}" for a in "ocim" for b in "ocim" if a != b),
    "wcs": ("wcs/cs-to-w", "wcs/sw-to-c", "wcs/cw-to-s"),
}


@dataclass(frozen=True, kw_only=True)
class CrossSetOptions(FoldOptions):
    """The options of the command."""

    data: Annotated[
        tuple[Path, ...],
        typer.Option(help="A set prepared without --protocol; once for each set of the task."),
    ]
    task: Annotated[
        str,
        Choices(TASKS),
        typer.Option(
            help="lists: train lists to the target's test list, as SSAN; all-lists: as MADDG and SSDG; "
            "celeba: lists, with CelebA-Spoof; limited: M and I to C, and to O; pairs: one set to one; wcs: "
            "WMCA, CeFA and CASIA-SURF."
        ),
    ] = "lists"


def benchmark_ocim(options: CrossSetOptions) -> int:
    """Trains what is not trained yet, prints the row, writes table.csv; 0 once all folds are there."""
    with extra_of("benchmark ocim"):
        from unmask.app.cross_set_runs import run_folds
    return run_folds(options, TASKS[options.task], data=options.data)
