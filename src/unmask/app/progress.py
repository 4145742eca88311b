"""Progress on stderr, for people: a bar is shown in a terminal alone, losses of a training everywhere."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from rich.console import Console

from unmask.plain import sentence

LINES = 50  # of a training that is written down and not watched


class Advance(Protocol):
    """Moves a bar: done so far, the total if known, and another title."""

    def __call__(self, done: int, total: int | None = None, title: str = "", /) -> None: ...


_QUIET = ContextVar("quiet", default=False)


@contextmanager
def loudness(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """While the block runs: `quiet` leaves out bars and notes, `verbose` ends with how long it took."""
    token, started, worked = _QUIET.set(quiet), time.monotonic(), time.process_time()
    if verbose:
        os.environ["UNMASK_DEBUG"] = "1"
    if quiet:
        os.environ["UNMASK_QUIET"] = "1"
    try:
        yield
    finally:
        _QUIET.reset(token)
        if verbose:
            spent = time.monotonic() - started
            say(f"took {spent:.1f} s, {time.process_time() - worked:.1f} s of a processor")


@contextmanager
def bar(title: str) -> Iterator[Advance]:
    """A bar that lives while the block runs; the block is given a function to move it."""
    console = Console(stderr=True)
    if not console.is_terminal or _QUIET.get():
        yield lambda done, total=None, title="": None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    title = sentence(title)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)

        def advance(done: int, total: int | None = None, named: str = "", /) -> None:
            progress.update(task, completed=done, total=total, description=named or title)

        yield advance


@contextmanager
def busy(title: str) -> Iterator[None]:
    """For work of which nobody knows how much is left: what it is, and how long it has taken."""
    console = Console(stderr=True)
    if not console.is_terminal or _QUIET.get():
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    # What is printed meanwhile stays on its own stream.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        progress.add_task(sentence(title), total=None)
        yield


def rounds_of(place: int, count: int, *, rounds: int, advance: Advance) -> Callable[[int], None]:
    """Moves one bar over the bootstraps of `count` tables, for that of the table at `place`."""
    return lambda done: advance(place * rounds + done, count * rounds)


@contextmanager
def losses(title: str) -> Iterator[Callable[[int, int, float], None]]:
    """The steps of a training with its loss and the time that is left: a bar in a terminal, else lines.

    The block is given a function of steps done, steps in all and the loss. About LINES lines are printed.
    """
    began, first, last = 0.0, 0, 0
    terminal = Console(stderr=True).is_terminal

    def line(done: int, total: int, loss: float) -> None:
        nonlocal began, first, last
        if not first:  # what came before, as of a resumed run, is not the rate of what comes
            began, first = time.monotonic(), done
        if done < total and done - last < total / LINES:
            return
        last = done
        spent = time.monotonic() - began
        rate = max(done - first, 1) / max(spent, 1e-9)
        left = f", {_duration((total - done) / rate)} left" if first < done < total else ""
        say(f"{title}: step {done} of {total}, loss {loss:.4f}{left}")

    if not terminal:
        yield line
        return
    with bar(title) as advance:

        def move(done: int, total: int, loss: float) -> None:
            advance(done, total, f"{title}, loss {loss:.4f}")

        yield move


def _duration(seconds: float) -> str:
    """In words of a sensible size.

    >>> _duration(40), _duration(400), _duration(40000)
    ('40 s', '7 min', '11.1 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def say(text: str) -> None:
    """One line on stderr, without credentials or control characters; quietly warnings alone, which begin with
    "unmask:".
    """
    if _QUIET.get() and not text.startswith("unmask:"):
        return
    try:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(sentence(text))
    except OSError:  # nobody reads it: no reason to end the work
        return
