"""Lines of a table in results/: each begins with the day, the commit and the machine that made it."""

import csv
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path


def stamp() -> dict[str, object]:
    """The first three cells of a line."""
    return {"date": date.today().isoformat(), "commit": _commit(), "machine": _machine()}


def append(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Adds the rows, which all have the columns of the first one; a new file gets a heading."""
    if not rows:
        return
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return asked.stdout.strip()


def _machine() -> str:
    return f"{platform.machine()} {platform.system()}, {os.cpu_count()} shared cores"
