"""Many sources at once: none that is under way is waited for where no more are asked for."""

import threading
import time
from collections.abc import Callable
from typing import Any

from unmask.detector.many import checked
from unmask.types import Decision, SourceError

FRAMES = 30_000  # some half a minute of them


def test_sources_under_way_end_where_nobody_asks_for_more() -> None:
    begun, to_their_end = threading.Semaphore(0), []

    def check(source: Any, *, progress: Callable[[int, int | None], None]) -> Decision:
        if source == 0:
            raise SourceError("it cannot be read; copy it again")
        for frame in range(FRAMES):
            progress(frame, FRAMES)
            begun.release()
            time.sleep(0.001)
        to_their_end.append(source)
        raise AssertionError("nobody asked for it")

    found = checked(check, range(4), batch=3, progress=False)
    assert isinstance(next(found), SourceError)
    assert begun.acquire(timeout=30)
    found.close()
    assert to_their_end == []
