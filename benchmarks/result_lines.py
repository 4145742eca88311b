"""Lines of a table in results/, and the cells that say which day, commit, machine and command made them."""

import csv
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path


def stamp() -> dict[str, object]:
    """The cells date, commit and machine, which most tables begin with."""
    return {"date": date.today().isoformat(), "commit": commit(), "machine": machine()}


def append(path: Path, rows: Sequence[Mapping[str, object]], *, columns: Sequence[str] = ()) -> None:
    """Adds the rows; a new file gets a heading. Without `columns` all rows have those of the first one."""
    if not rows:
        return
    fresh = not path.is_file() or not path.stat().st_size
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), lineterminator="\n", restval="")
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def command() -> str:
    """The command line without this machine's folders: the last part of each path."""
    return shlex.join(["python", *(Path(word).name if "/" in word else word for word in sys.argv)])


def commit() -> str:
    """The short hash of the working tree's commit."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def machine() -> str:
    """The kind of machine, with its cores, which others may use beside us."""
    return f"{platform.machine()} {platform.system()}, {os.cpu_count()} shared cores"
