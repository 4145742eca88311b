"""A plain folder with `labels.csv` -> presentations.

The file, parted by commas, semicolons or tabs, has the columns path, label, instrument (family/species;
empty when bona fide), the other fields of a Presentation where they are known, and as many free columns as
wanted; paths are relative to the folder. A path may be a video, a picture or a folder of frames.
"""

import csv
import io
import re
from collections import Counter
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, stop
from unmask.files import is_there
from unmask.plain import active
from unmask.scores.cells import SEPARATORS, delimiter, table_text
from unmask.types import FREE_FIELDS, DataError, Label, Presentation

LABELS = "labels.csv"
COLUMNS = ("path", "label", "instrument")
KNOWN = (*COLUMNS, *FREE_FIELDS)  # found in capitals, too


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
    rows = _rows(table)
    make = partial(_presentation, root=root, table=table)
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


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = table_text(table, name="name a table of labels")
        comma = delimiter(text)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma)
        header = [active(name.strip()) for name in reader.fieldnames or ()]
        reader.fieldnames = header = [name.lower() if name.lower() in KNOWN else name for name in header]
        if absent := [name for name in COLUMNS if name not in header]:
            raise DataError(
                f"{table} has the columns {', '.join(header)[:200]}, parted by {SEPARATORS[comma]}, without "
                f"{', '.join(absent)}; add them to its first line"
            )
        if twice := next((name for name in header if name and header.count(name) > 1), None):
            raise DataError(f"{table} has two columns {twice!r}; name each once")
        return [(reader.line_num, row) for row in reader]
    except csv.Error as broken:
        raise DataError(f"{table} is not a CSV table in UTF-8 ({broken}); save it as such") from broken


def _presentation(numbered: tuple[int, dict[str, str]], *, root: Path, table: Path) -> Presentation:
    line, row = numbered
    where = f"{table}, line {line}"
    if None in row or None in row.values():
        raise DataError(f"{where}: not as many cells as the first line has; quote cells that hold separators")
    cells = {name: active(cell.strip()) for name, cell in row.items()}
    if not cells["path"]:
        raise DataError(f"{where}: the path is empty; name a file relative to {root}")
    try:
        label = Label(re.sub("[ -]+", "_", cells["label"].lower()))
    except ValueError:
        known = " or ".join(Label)
        raise DataError(f"{where}: the label is {cells['label'][:80]!r}; it must be {known}") from None
    if label is Label.BONA_FIDE and cells["instrument"]:
        raise DataError(
            f"{where}: bona_fide with the instrument {cells['instrument']!r}; leave it empty, or label the "
            "row attack"
        )
    fixed = {name: cells[name] for name in FREE_FIELDS if name in cells and name != "turns"}
    return Presentation(
        path=str(root / cells["path"]),
        label=label,
        instrument=cells["instrument"],
        turns=_turns(cells.get("turns", ""), where=where),
        columns={name: cell for name, cell in cells.items() if name not in (*COLUMNS, *FREE_FIELDS)},
        **fixed,
    )


def _turns(cell: str, *, where: str) -> int:
    if cell not in ("", "0", "1", "2", "3"):
        raise DataError(
            f"{where}: turns is {cell!r}; it must be the quarter turns clockwise, 0 to 3, or empty"
        )
    return int(cell or 0)
