"""A score table in the making: each finished row is a line of TABLE.partial, until the table is whole.

An interrupted command resumes from those lines. A line that was not written to its end is not a row.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from unmask.files import lock_file, refusals
from unmask.types import OutputError

SUFFIX = ".partial"


class Journal:
    """`rows`: number -> what was kept of it; made by `journal`."""

    def __init__(self, path: Path, file: FileIO, rows: dict[int, dict[str, Any]]) -> None:
        self.path = path
        self.rows = rows
        self._file = file

    def keep(self, number: int, row: dict[str, Any]) -> None:
        """Writes the row at once; OutputError on a full disk, where the rows before it stay."""
        with refusals(self.path):
            _write(self._file, [number, row])
        self.rows[number] = row

    def remove(self) -> None:
        """Its table is whole."""
        self._file.close()  # Windows removes no open file
        self.path.unlink(missing_ok=True)


def journal_path(table: Path) -> Path:
    """Where the journal of a table lies.

    >>> journal_path(Path("scores.csv")).name
    'scores.csv.partial'
    """
    return table.with_name(table.name + SUFFIX)


@contextmanager
def journal(table: Path, claim: Mapping[str, str]) -> Iterator[Journal]:
    """The journal of `table`, for this process alone; it begins with `claim`: protocol, model and so on.

    OutputError where another process writes it, where it was begun with another claim, or where it is no
    journal. One that holds no row is not left behind.
    """
    path = journal_path(table)
    with refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)  # what is written is out of this process, or refused
    with file:
        lock_file(file.fileno(), name=path)
        file.seek(0)
        rows, whole = _read(file.read(), claim, path=path)
        with refusals(path):
            file.truncate(whole)
            if not whole:
                _write(file, dict(claim))
        kept = Journal(path, file, rows)
        try:
            yield kept
        finally:
            if not rows:
                kept.remove()


def _write(file: FileIO, content: Any) -> None:
    line = f"{json.dumps(content)}\n".encode()
    while line:  # a disk may take a part of it before it is full
        line = line[file.write(line) :]


def _read(content: bytes, claim: Mapping[str, str], *, path: Path) -> tuple[dict[int, dict[str, Any]], int]:
    """(the rows, bytes that are whole); lines from the first broken one on are not."""
    first, *lines = content.split(b"\n")
    if not lines and json.dumps(dict(claim)).encode().startswith(first):  # new, or killed in its first line
        return {}, 0
    begun = _parsed(first)
    if not isinstance(begun, dict) or set(begun) != set(claim):
        raise OutputError(f"{path} is not a table that was broken off; move it away, or choose another --out")
    if other := next((name for name, value in claim.items() if begun[name] != value), None):
        raise OutputError(
            f"{path} was broken off with another {other}; finish that run, delete the file to start anew, or "
            "choose another --out"
        )
    rows, whole = {}, len(first) + 1
    for line in lines[:-1]:
        match _parsed(line):
            case [int(number), dict(row)]:
                rows[number] = row
            case _:
                break
        whole += len(line) + 1
    return rows, whole


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
