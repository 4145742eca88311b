"""A plain folder with `labels.csv` -> presentations.

The file, parted by commas, semicolons, tabs or vertical bars, has the columns path, label, instrument
(family/species; empty when bona fide), the other fields of a Presentation where they are known, and as many
free columns as wanted; paths are relative to the folder. A path may be a video, a picture or a folder of
frames.
"""

from collections import Counter
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, stop
from unmask.files import is_there
from unmask.plain import address_shown
from unmask.scores.cells import label_of, raw_rows, row_cells, table_text
from unmask.types import FREE_FIELDS, DataError, Label, Presentation

LABELS = "labels.csv"
COLUMNS = ("path", "label", "instrument")


def read_labels(
    root: str | Path, labels: str | Path | None = None, *, refuse: Refuse = stop
) -> list[Presentation]:
    """The presentations that `labels` (default: labels.csv in `root`) lists, in its order; all of them exist.

    `Presentation.path` is the path of the file, below `root`. Broken rules are refused: see data.archive.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; name the folder that holds the presentations")
    table = Path(labels) if labels is not None else root / LABELS
    if not table.is_file():
        raise DataError(
            f"{root} has no labels: {table} does not exist; write one with the columns {','.join(COLUMNS)}"
        )
    text = table_text(table, name="name a table of labels")
    rows = list(raw_rows(text, COLUMNS, where=str(table), known=FREE_FIELDS))
    make = partial(_presentation, root=root)
    presentations = list(each(make, rows, refuse=refuse))
    if not presentations:
        raise DataError(f"{table} lists no presentation; write one line for each")
    for path, count in Counter(p.path for p in presentations).items():
        if count > 1:
            refuse(f"{table} lists {path} twice; a presentation is one row")
    if missing := [p.path for p in presentations if not is_there(p.path)]:
        refuse(
            f"{table} lists {len(missing)} paths of {len(presentations)} that do not exist, {missing[0]} the "
            f"first; paths are relative to {root}"
        )
    return presentations


def _presentation(numbered: tuple[str, dict[str, str]], *, root: Path) -> Presentation:
    where, row = numbered
    cells = row_cells(row, where=where)
    if not cells["path"]:
        raise DataError(f"{where}: the path is empty; name a file relative to {root}")
    if "://" in cells["path"]:
        raise DataError(
            f"{where}: {address_shown(cells['path'])} is an address, and tables list files; fetch it first"
        )
    label = label_of(cells["label"], where=where)
    if label is Label.BONA_FIDE and cells["instrument"]:
        raise DataError(
            f"{where}: bona_fide with the instrument {cells['instrument']!r}; leave it empty, or label the "
            "row attack"
        )
    if (turns := cells.get("turns", "")) not in ("", "0", "1", "2", "3"):
        raise DataError(
            f"{where}: turns is {turns!r}; it must be the quarter turns clockwise, 0 to 3, or empty"
        )
    known = {name: cell for name, cell in cells.items() if name not in COLUMNS}
    path = str(root / cells["path"])
    return Presentation.of_cells(path, label, instrument=cells["instrument"], cells=known)
