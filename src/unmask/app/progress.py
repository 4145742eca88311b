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
WIDE = 60  # columns of a terminal from which on a bar has room beside what it is of, and the time left
FIGURES_WIDTH = 23  # the spinner, 99999/99999 and 0:00:00
BAR_WIDTH = 9  # what is left of a bar at least
RATE_S = 600.0  # the time left follows from so long: steps may take a minute each


class Advance(Protocol):
    """Moves a bar: done so far, the total if known, and another title."""

    def __call__(self, done: int, total: int | None = None, title: str = "", /) -> None: ...


_QUIET = ContextVar("quiet", default=False)
_VERBOSE = ContextVar("verbose", default=False)
_LIVE: ContextVar[Console | None] = ContextVar(
    "live", default=None
)  # where a bar lives, which lines stand above


@contextmanager
def loudness(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """While the block runs: `quiet` leaves out bars and notes, `verbose` ends with how long it took.

    A block within another is as quiet, and the outer one says how long it took.
    """
    told = verbose and not _VERBOSE.get()
    was_quiet, was_verbose = _QUIET.set(quiet or _QUIET.get()), _VERBOSE.set(verbose or _VERBOSE.get())
    started, worked = time.monotonic(), time.process_time()
    if verbose:
        os.environ["UNMASK_DEBUG"] = "1"
    if quiet:
        os.environ["UNMASK_QUIET"] = "1"
    try:
        yield
    finally:
        _QUIET.reset(was_quiet)
        _VERBOSE.reset(was_verbose)
        if told:
            spent = time.monotonic() - started
            say(f"took {spent:.1f} s, {time.process_time() - worked:.1f} s of a processor")


@contextmanager
def _live(console: Console) -> Iterator[None]:
    before = _LIVE.set(console)
    try:
        yield
    finally:
        _LIVE.reset(before)


def is_shown(console: Console) -> bool:
    """Whether somebody watches it, and wants to see how things go."""
    return console.is_terminal and not _QUIET.get()


@contextmanager
def bar(title: str) -> Iterator[Advance]:
    """A bar that lives while the block runs; the block is given a function to move it."""
    console = Console(stderr=True)
    if not is_shown(console):
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

    wide = console.width >= WIDE
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *((BarColumn(),) if wide else ()),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    room = console.width - (FIGURES_WIDTH + BAR_WIDTH if wide else FIGURES_WIDTH)
    title = sentence(title)
    with (
        _live(console),
        Progress(*columns, console=console, transient=True, speed_estimate_period=RATE_S) as progress,
    ):
        task = progress.add_task(_cut(title, room), total=None)

        def advance(done: int, total: int | None = None, named: str = "", /) -> None:
            progress.update(task, completed=done, total=total, description=_cut(named or title, room))

        yield advance


@contextmanager
def busy(title: str) -> Iterator[None]:
    """For work of which nobody knows how much is left: what it is, and how long it has taken."""
    console = Console(stderr=True)
    if not is_shown(console):
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    # What is printed meanwhile stays on its own stream.
    with (
        _live(console),
        Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress,
    ):
        progress.add_task(_cut(sentence(title), console.width - FIGURES_WIDTH), total=None)
        yield


def _cut(title: str, room: int) -> str:
    """The title with its end whole, which names the file: figures and the time left stay in the terminal.

    >>> _cut("recordings/anna.mp4", 14), _cut("anna.mp4", 14)
    ('…ings/anna.mp4', 'anna.mp4')
    """
    return title if len(title) <= room else f"…{title[len(title) - max(room, 8) + 1 :]}"


def adding(advance: Advance, total: int) -> Callable[[int], None]:
    """Moves the bar by so many more of `total`."""
    done = 0

    def add(more: int) -> None:
        nonlocal done
        done += more
        advance(done, total)

    return add


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
        console = _LIVE.get() or Console(stderr=True)
        console.print(sentence(text), soft_wrap=True, highlight=False, markup=False)
    except OSError:  # nobody reads it: no reason to end the work
        return
