"""Progress on stderr, for people: nothing is shown where stderr is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from unmask.plain import sentence

Advance = Callable[[int, int | None], None]  # (done so far, total if known)


@contextmanager
def bar(title: str) -> Iterator[Advance]:
    """A bar that lives while the block runs; the block is given a function to move it."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    title = sentence(title)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)

        def advance(done: int, total: int | None = None) -> None:
            progress.update(task, completed=done, total=total)

        yield advance


def say(text: str) -> None:
    """One line on stderr, without credentials or control characters."""
    try:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(sentence(text))
    except OSError:  # nobody reads it: no reason to end the work
        return
