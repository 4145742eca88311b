"""The next frames of a recording are decoded by a second thread while the latest is looked at."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields, replace
from typing import cast

from unmask.media.account import Account
from unmask.media.sources import Source
from unmask.types import Frame

AHEAD = 3  # frames: as many as a decoder gives while one is looked at


def ahead(source: Source) -> Source:
    """The same source: the same frames and errors in the same order, and the account that goes with each.

    Only for sources that never wait, such as files: to close it waits for the frame that is being decoded.
    """
    account = replace(source.account)
    frames = _frames(source, account)
    next(frames)  # into its block, so that the source is closed also if no frame is ever asked for
    return replace(source, frames=frames, account=account)


def _frames(source: Source, account: Account) -> Generator[Frame, None, None]:
    waiting: deque[Future[tuple[Frame | None, Account]]] = deque()
    try:
        with ThreadPoolExecutor(1) as decoder:
            try:
                yield cast(Frame, None)
                waiting.extend(decoder.submit(_next, source) for _ in range(AHEAD))
                while True:
                    frame, told = waiting.popleft().result()
                    for one in fields(Account):
                        setattr(account, one.name, getattr(told, one.name))
                    if frame is None:
                        return
                    waiting.append(decoder.submit(_next, source))
                    yield frame
            finally:
                for future in waiting:
                    future.cancel()
    finally:
        source.close()


def _next(source: Source) -> tuple[Frame | None, Account]:
    """The next frame, None after the last, and what the account says then."""
    frame = next(source.frames, None)
    return frame, replace(source.account, notes=list(source.account.notes))
