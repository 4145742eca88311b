"""Many sources on all cores, in their order, and the same from code that must not be blocked."""

import numbers
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sized
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from unmask.types import Decision, SettingsError, SourceError

Progress = Callable[[int, int | None], None]  # frames done, frames in all if known


class Check(Protocol):
    """Judges a source, and tells `progress` of each frame: what that raises ends it."""

    def __call__(self, source: Any, *, progress: Progress) -> Decision: ...


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

    if isinstance(batch, bool) or not isinstance(batch, numbers.Integral) or batch < 1:
        raise SettingsError(f"batch must be a whole number, 1 or more, not {batch!r:.40}")
    total = len(sources) if isinstance(sources, Sized) else None
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = Progress(
        *columns, console=console, transient=True, disable=not (progress and console.is_terminal)
    )
    with ThreadPoolExecutor(min(batch, AHEAD * (os.cpu_count() or 1))) as pool, shown:
        task = shown.add_task("checking", total=total)
        waiting: deque[Future[Decision | SourceError]] = deque()
        ended = threading.Event()
        try:
            for source in sources:
                waiting.append(pool.submit(_one, check, source, ended))
                if len(waiting) >= batch:
                    yield _awaited(waiting.popleft())
                    shown.advance(task)
            while waiting:
                yield _awaited(waiting.popleft())
                shown.advance(task)
        finally:  # also where nobody asks for the rest
            ended.set()
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


def _one(check: Check, source: Any, ended: threading.Event) -> Decision | SourceError:
    def goes_on(done: int, total: int | None) -> None:
        if ended.is_set():
            raise CancelledError

    try:
        return check(source, progress=goes_on)
    except SourceError as unreadable:
        return unreadable


def _awaited(future: Future[Decision | SourceError]) -> Decision | SourceError:
    """Its result; Ctrl-C is noticed meanwhile, also where the signal woke another thread than this one."""
    while not wait([future], timeout=0.2).done:
        pass
    return future.result()
