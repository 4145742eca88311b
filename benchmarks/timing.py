"""Repeats in turn, medians with intervals, and the rows of the table."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Cost = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A median, and the order statistics that hold it in 95 of 100 such runs; of fewer than 6, all."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.middle)} [{_short(self.low)}, {_short(self.high)}]"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: `value` of `work` in `unit`, its `goal`; `ratio` to what `against` names."""

    work: str
    unit: str
    value: Interval
    goal: str
    limit: str
    against: str = ""
    ratio: Interval | None = None

    def cells(self) -> dict[str, object]:
        """As a line of results/performance.csv."""
        ratio = self.ratio or Interval(middle=np.nan, low=np.nan, high=np.nan)
        return {
            "work": self.work,
            "unit": self.unit,
            "median": _short(self.value.middle),
            "low": _short(self.value.low),
            "high": _short(self.value.high),
            "goal": self.goal,
            "against": self.against,
            "ratio": _short(ratio.middle),
            "ratio_low": _short(ratio.low),
            "ratio_high": _short(ratio.high),
            "limit": self.limit,
        }


class DisagreementError(Exception):
    """The fast and the plain way gave different answers: their speed is not worth a comparison."""


def in_turn(repeats: int, **ways: Cost) -> dict[str, list[float]]:
    """The costs of each way, once before and then `repeats` times, one after the other in turn: what else the
    machine does falls on all alike. With 0 the first ones are what is found.
    """
    first = {name: [way()] for name, way in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            found[name].append(way())
    return found if repeats else first


def interval(values: Sequence[float]) -> Interval:
    """The interval of the median of these values.

    >>> interval([5, 1, 2, 4, 3, 6, 7, 9, 8])
    Interval(middle=5.0, low=2.0, high=8.0)
    """
    ordered = np.sort(np.asarray(values, np.float64))
    count, low = len(ordered), 0
    if count >= 6:
        chance = 0.5**count
        below = chance
        while below + chance * (count - low) / (low + 1) <= 0.025:
            low += 1
            chance *= (count - low + 1) / low
            below += chance
    return Interval(
        middle=float(np.median(ordered)), low=float(ordered[low]), high=float(ordered[count - 1 - low])
    )


def ratio(over: Sequence[float], under: Sequence[float]) -> Interval:
    """The interval of the quotients of two ways that were measured in turn."""
    return interval([a / b for a, b in zip(over, under, strict=True)])


def walled(work: Callable[[], object]) -> Cost:
    """Seconds of the clock on the wall."""

    def cost() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return cost


def cored(work: Callable[[], object]) -> Cost:
    """Seconds of processors, over all threads."""

    def cost() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return cost


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that ended: seconds of processors and of the wall, and its most resident memory in MB."""

    core_s: float
    wall_s: float
    memory_mb: float


# Run by a small Python in between: a child's peak of memory begins at that of the process that started it.
BETWEEN = """
import json, os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
said = child.stderr.read()
_, status, used = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
spent = [used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024]
print(json.dumps([child.returncode, said.decode(errors="replace")[-500:], *spent]))
"""


def process(*words: str, ok: Sequence[int] = (0,)) -> Ended:
    """Runs this Python with those words to its end; it may keep bytecode, as a user's."""
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    told = subprocess.run(
        [sys.executable, "-c", BETWEEN, *words], capture_output=True, text=True, env=settings, check=True
    )
    code, said, core_s, wall_s, memory_mb = json.loads(told.stdout)
    if code not in ok:
        raise RuntimeError(f"python {' '.join(words)} ended with {code}: {said}")
    return Ended(core_s=core_s, wall_s=wall_s, memory_mb=memory_mb)


def memory_mb() -> float:
    """The most memory that this process was resident with so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident_mb() -> float:
    """The memory that this process is resident with now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of log cost over log size: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def _short(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
