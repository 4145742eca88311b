"""Many sources on all cores, in their order, and the same from code that must not be blocked."""

import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from unmask.types import Decision, SettingsError, SourceError

Check = Callable[[Any], Decision]

AHEAD = 4  # sources at work for each core: while a batch is in the network, the others find its next pictures


def listed(sources: Iterable[Any]) -> Iterable[Any]:
    """The sources; SettingsError for what is one source, such as a name, whose letters would be checked."""
    if isinstance(sources, str | bytes | bytearray | Mapping) or not isinstance(sources, Iterable):
        kind = type(sources).__name__
        raise SettingsError(
            f"sources must be a list or an iterator, not {kind}; give [source], or call check"
        )
    return sources


def checked(
    check: Check, sources: Iterable[Any], *, batch: int, progress: bool
) -> Generator[Decision | SourceError, None, None]:
    """The decision of each source in their order, or the SourceError of one that cannot be read.

    At most `batch` sources are taken ahead of the one that is waited for, so an endless iterator is welcome.
    The networks leave Python's lock while they run: threads share the cores. With `progress` a bar with the
    time left is shown on standard error, should that be a terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if batch < 1:
        raise SettingsError(f"batch must be 1 or more, not {batch}")
    total = len(sources) if isinstance(sources, Sized) else None
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = Progress(
        *columns, console=console, transient=True, disable=not (progress and console.is_terminal)
    )
    with ThreadPoolExecutor(min(batch, AHEAD * (os.cpu_count() or 1))) as pool, shown:
        task = shown.add_task("checking", total=total)
        waiting: deque[Future[Decision | SourceError]] = deque()
        try:
            for source in sources:
                waiting.append(pool.submit(_one, check, source))
                if len(waiting) >= batch:
                    yield waiting.popleft().result()
                    shown.advance(task)
            while waiting:
                yield waiting.popleft().result()
                shown.advance(task)
        finally:  # also where nobody asks for the rest
            for future in waiting:
                future.cancel()


async def checked_async(
    check: Check, sources: Iterable[Any], *, batch: int
) -> AsyncIterator[Decision | SourceError]:
    """As `checked`, waiting for none of it in the event loop; `sources` are taken in a thread, too."""
    import asyncio

    found = checked(check, sources, batch=batch, progress=False)
    end = object()
    while (decision := await asyncio.to_thread(next, found, end)) is not end:
        yield decision  # type: ignore[misc]


def _one(check: Check, source: Any) -> Decision | SourceError:
    try:
        return check(source)
    except SourceError as unreadable:
        return unreadable
