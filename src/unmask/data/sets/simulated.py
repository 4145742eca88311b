"""The folder that `unmask benchmark make` wrote: simulated recordings with true depth."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, stop, whole
from unmask.data.folder import read_labels
from unmask.data.splits import DataSet
from unmask.types import DataError, Presentation

TITLE = "the simulated benchmark"
ASKED = ("split", "camera", "place", "subject")  # fields that its protocols ask after


def simulated(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """What labels.csv lists, with the column "depth": the file of true depth."""
    root = Path(root)
    if not (root / "benchmark.json").is_file():
        raise DataError(f"{root} has no benchmark.json: it is not {TITLE}; `unmask benchmark make` makes one")
    rows = read_labels(root, refuse=refuse)
    for name in ASKED:
        if unsaid := next((row for row in rows if not getattr(row, name)), None):
            refuse(f"{root / 'labels.csv'}: {unsaid.path} has no {name}; make the benchmark again")
    with_depth = each(partial(_with_depth, root=root), rows, refuse=refuse)
    return whole(with_depth, of=TITLE, refuse=refuse)


def _with_depth(row: Presentation, *, root: Path) -> Presentation:
    truth = root / "truth" / f"{Path(row.path).stem}.npz"
    if not truth.is_file():
        raise DataError(f"{row.path} has no true depth in {truth}; make the benchmark again to complete it")
    return replace(row, dataset="simulated", columns={**row.columns, "depth": str(truth)})


SIMULATED = DataSet(
    name="simulated",
    title="The simulated benchmark",
    paper="",
    licence="free: drawn faces; with --portraits or --heads, theirs",
    apply="unmask benchmark make",
    layout="benchmark.json\nlabels.csv\nvideos/*.mp4\ntruth/*.npz\nprotocols/*.csv",
    read=simulated,
)
