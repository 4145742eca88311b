"""Speed, side by side: one table, and how the cost grows.

    python -m benchmarks [--quick] [--repeats 15] [--minifasnet FOLDER] [--only PART ...]

Needs no arguments. Lines go to results/performance.csv and results/growth.csv; what is printed is Markdown
for docs/performance.md. Each figure is the median of the repeats, with an interval that holds the median with
95 % or more; ways that are compared take turns. FOLDER, or UNMASK_MINIFASNET, holds the weights of
Silent-Face's two networks; without it their rows are left out. Exits 1 where a quick way and the plain one
give different answers. `--quick` runs everything once on tiny input, and writes nothing.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks import checking, growth
from benchmarks.result_lines import append, stamp
from benchmarks.timing import DisagreementError, Row
from unmask.media.engine import ov

PARTS = ("checking", "making", "head", "paper_width", "workers", "growth")
FEW = 5  # repeats of what takes minutes: workers that start, and growth
RESULTS = Path(__file__).parents[1] / "results"


def main() -> int:
    """Measures, writes and prints; the exit code."""
    asked = _arguments()
    repeats = 0 if asked.quick else asked.repeats
    rows: list[Row] = []
    lines: list[growth.Growth] = []
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            if "checking" in asked.only:
                _take(
                    rows,
                    checking.rows(folder, repeats=repeats, quick=asked.quick, minifasnet=asked.minifasnet),
                )
            for part in ("making", "head", "paper_width", "workers"):
                if part in asked.only:
                    module = import_module(f"benchmarks.{part}")  # torch, numba
                    some = min(repeats, FEW) if part == "workers" else repeats
                    _take(rows, module.rows(folder, repeats=some, quick=asked.quick))
            if "growth" in asked.only:
                _take(lines, growth.lines(folder, repeats=min(repeats, FEW), quick=asked.quick))
        except DisagreementError as wrong:
            print(f"benchmarks: {wrong}", file=sys.stderr)
            return 1
    said = f"{_processor()}, OpenVINO {ov.__version__.split('-')[0]}, load before {load:.1f}"
    if not asked.quick:
        first = stamp() | {"load": f"{load:.1f}", "repeats": repeats}
        append(RESULTS / "performance.csv", [first | row.cells() for row in rows])
        append(RESULTS / "growth.csv", [first | line.cells() for line in lines])
    print(
        f"{stamp()['date']}, commit {stamp()['commit']}, {said}, {repeats} repeats, "
        f"{time.monotonic() - began:.0f} s in all.\n"
    )
    print(table(rows, lines))
    return 0


def table(rows: Sequence[Row], lines: Sequence[growth.Growth]) -> str:
    """Both tables as Markdown."""
    out: list[str] = []
    if rows:
        out += ["| work | median [interval] | goal | beside | ratio | what limits it |", "| --- " * 6 + "|"]
        for row in rows:
            cells = (row.work, f"{row.value} {row.unit}", row.goal, row.against, row.ratio or "", row.limit)
            out.append("| " + " | ".join(map(str, cells)) + " |")
        out.append("")
    if lines:
        out += ["| cost against | sizes | cost | exponent | at 10 and 1,000 times |", "| --- " * 5 + "|"]
        for line in lines:
            c = line.cells()
            out.append(
                f"| {c['what']} | {c['sizes']} | {c['costs']} {c['unit']} | {c['exponent']} | {c['far']} |"
            )
    return "\n".join(out)


def _take(found: list, made) -> None:  # type: ignore[no-untyped-def, type-arg]
    for one in made:
        found.append(one)
        print(f"  {one.cells()}", file=sys.stderr, flush=True)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return f"{os.cpu_count()} shared cores, {names[0] if names else platform.machine()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="python -m benchmarks"
    )
    parser.add_argument("--quick", action="store_true", help="everything once, on tiny input; writes nothing")
    parser.add_argument("--repeats", type=int, default=15)
    peer = os.environ.get("UNMASK_MINIFASNET")
    parser.add_argument("--minifasnet", type=Path, default=Path(peer) if peer else None, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
