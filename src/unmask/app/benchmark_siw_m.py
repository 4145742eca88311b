"""Leave each type of attack of SiW-M out in turn, and print ACER and EER (needs the extra `train`).

13 types in version 1, 14 in version 2; the mean is ± the deviation over the types. Resumes an
interrupted benchmark.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.extras import extra_of
from unmask.app.fold_options import FoldOptions
from unmask.data.protocols import PROTOCOLS
from unmask.files import keep_inputs
from unmask.types import SettingsError

VERSIONS: dict[str, tuple[str, ...]] = {  # the data set's name -> its protocols
    name: tuple(protocol for protocol in PROTOCOLS if protocol.startswith(f"{group}."))
    for name, group in (("siw-m", "siw-m/loo"), ("siw-m-v2", "siw-m-v2/2"))
}


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutOptions(FoldOptions):
    """The options of the command."""

    data: Annotated[Path, typer.Option(help="SiW-M, version 1 or 2, prepared without --protocol.")]


def benchmark_siw_m(options: LeaveOneOutOptions) -> int:
    """Trains what is not trained yet, prints the row, writes table.csv; 0 once all folds are there."""
    keep_inputs({"--out": options.out}, [options.data])
    with extra_of("benchmark siw-m"):
        from unmask.app.cross_set_runs import run_folds
    from unmask.data.prepare.selection import dataset_of

    name = dataset_of(options.data)
    if name not in VERSIONS:
        raise SettingsError(f"{options.data} holds {name}; give one of {', '.join(VERSIONS)}")
    return run_folds(options, VERSIONS[name], data=[options.data])
