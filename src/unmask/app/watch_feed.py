"""A camera that is followed for as long as somebody wants: frames, and when it was lost and came back."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait as wait_for
from dataclasses import dataclass

from unmask.media.sources import Source, open_source
from unmask.media.standing import standing
from unmask.types import Frame, SourceError

FIRST_S, LONGEST_S = 1.0, 30.0  # between two tries to reach a camera that is away
STEP_S = 0.2  # after which a signal is heard


@dataclass(frozen=True, slots=True)
class Lost:
    """The camera gives no more frames; `sentence` says why, and the next try comes after `again_s`."""

    sentence: str
    again_s: float


@dataclass(frozen=True, slots=True)
class FeedConnected:
    """Frames follow; their times begin anew. A `still` source gives single pictures."""

    still: bool


News = Frame | Lost | FeedConnected
Wait = Callable[[float], bool]  # waits so many seconds; True where the watching is to end


def follow(source: str, *, fps: float, every_s: float, wait: Wait) -> Iterator[News]:
    """All that comes of a source until `wait` says that it is to end, or until a file ends.

    Cameras and streams are opened again, after 1 s, 2 s, 4 s and at most 30 s. What gives a single picture,
    as a camera's snapshot address, is asked for another one `every_s`, 0 for once a second of addresses and
    once of files. A source that could not be opened even once is tried again only if it is an address or a
    camera.
    """
    away_s = FIRST_S
    while True:
        try:
            opened = open_source(source, fps=fps)
        except SourceError as error:
            if not _may_come(source, every_s):
                raise
            yield Lost(str(error), away_s)
        else:
            seen = yield from _frames(opened)
            away_s = FIRST_S if seen else away_s
            if opened.kind == "image":
                pause_s = every_s or (1.0 if "://" in source else 0.0)
                if not pause_s or wait(pause_s):
                    return
                continue
            if not opened.is_live:
                return
        if wait(away_s):
            return
        away_s = min(2 * away_s, LONGEST_S)


def until(ended: threading.Event, news: Iterator[News]) -> Iterator[News]:
    """The news until `ended`, got by a second thread: a camera that stalls is not waited for."""
    getter = ThreadPoolExecutor(1, thread_name_prefix="feed")
    try:
        while not ended.is_set():
            coming = getter.submit(next, news, None)
            while not wait_for([coming], timeout=STEP_S).done:
                if ended.is_set():
                    return
            one = coming.result()
            if one is None:
                return
            yield one
    finally:
        getter.shutdown(wait=False)


def _frames(opened: Source) -> Generator[News, None, bool]:
    """The frames of one connection, and why it ended; True where there was any."""
    seen, is_recording = False, not opened.is_live and opened.kind != "image"
    try:
        for frame in opened.frames if opened.is_live else standing(opened):
            if not seen:
                yield FeedConnected(still=opened.kind == "image")
            seen = True
            yield frame
        why = f"{opened.name} ended"
    except SourceError as error:
        if is_recording:
            raise
        why = str(error)
    finally:
        opened.close()
    if opened.is_live or not seen:
        yield Lost(why, FIRST_S)
    return seen


def _may_come(source: str, every_s: float) -> bool:
    return source.startswith("camera:") or "://" in source or every_s > 0


def sleep_or_end(ended: Callable[[float], bool]) -> Wait:
    """A `Wait` of an event's `wait`, in steps short enough for a signal to be heard."""

    def wait(seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if ended(min(left, STEP_S)):
                return True
        return ended(0)

    return wait
