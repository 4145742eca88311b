"""Any folder with a labels.csv: path, label, instrument, and other fields where known."""

from dataclasses import replace
from pathlib import Path

from unmask.data.archive import Refuse, stop, whole
from unmask.data.folder import read_labels
from unmask.data.splits import DataSet
from unmask.types import Presentation


def labelled_folder(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """What labels.csv lists, by path."""
    rows = (replace(row, dataset=row.dataset or "folder") for row in read_labels(root, refuse=refuse))
    return whole(rows, of="a labelled folder", refuse=refuse)


FOLDER = DataSet(
    name="folder",
    title="Any folder with labels.csv",
    paper="",
    licence="that of the folder",
    apply="your own recordings",
    layout="labels.csv (path,label,instrument and other fields)",
    read=labelled_folder,
)
