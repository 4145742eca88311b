"""Events of a watching: kept in a file, and delivered to others in their order until each has arrived."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unmask.app.progress import say
from unmask.files import write_bytes
from unmask.media.regular import refuse_special
from unmask.types import OutputError, UnmaskError

FIRST_S, LONGEST_S = 1.0, 60.0  # between two tries of a delivery
BEGIN = b'{"event": "'  # of each line of the file
Event = dict[str, Any]


class DeliveryError(UnmaskError):
    """A receiver that did not take an event; it is tried again."""


class EventFile:
    """JSON lines that grow by one an event, on disk before anybody is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = _lines_of(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
        except OSError as refused:
            raise OutputError(f"cannot write {path} ({refused.strerror}); name another file") from refused

    def add(self, event: Event) -> None:
        """Write the event; OutputError where the disk is full."""
        try:
            self._file.write(json.dumps(event, allow_nan=False) + "\n")
            self._file.flush()
        except OSError as refused:
            raise OutputError(f"cannot write {self.path} ({refused.strerror}); make room") from refused

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Courier:
    """Delivers events to one receiver, one after the other, and tries each until it has arrived.

    `arrived`, if given, is a file that holds how many lines of the events' file have been taken: what a run
    could not deliver, the next one does, from `backlog`. `tell` is told when the receiver is away and back.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[Event], None],
        *,
        arrived: Path | None = None,
        backlog: list[str] | None = None,
        tell: Callable[[str], None] = say,
    ) -> None:
        self.name = name
        self._deliver, self._tell = deliver, tell
        self._arrived = arrived
        self._count = _count_in(arrived)
        lines = backlog or []
        self._count = min(self._count, len(lines)) if arrived else 0
        self._waiting: deque[Event] = deque(json.loads(line) for line in lines[self._count :])
        self._news = threading.Condition()
        self._over = False
        self._uncounted = False  # that was said already
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"unmask {name}")
        self._thread.start()

    def send(self, event: Event) -> None:
        """Take an event; returns at once."""
        with self._news:
            self._waiting.append(event)
            self._news.notify()

    def finish(self, *, within_s: float) -> int:
        """Wait so long for what is under way; how many events have not arrived."""
        with self._news:
            self._over = True
            self._news.notify()
        self._thread.join(within_s)
        return len(self._waiting)

    def _run(self) -> None:
        away_s, told = FIRST_S, False
        while True:
            with self._news:
                while not self._waiting and not self._over:
                    self._news.wait()
                if not self._waiting:
                    return
                event = self._waiting[0]
            try:
                self._deliver(event)
            except Exception as error:  # whatever it is, the event has not arrived
                if not told:
                    why = str(error) if isinstance(error, DeliveryError) else repr(error)
                    self._tell(f"unmask: {self.name}: {why}; trying again, {len(self._waiting)} events wait")
                told = True
                self._pause(away_s)
                away_s = min(2 * away_s, LONGEST_S)
                continue
            if told:
                self._tell(f"{self.name}: reached again")
            away_s, told = FIRST_S, False
            with self._news:
                self._waiting.popleft()
            self._count += 1
            self._keep_count()

    def _keep_count(self) -> None:
        """Where it cannot be written, events go on, and some come twice after the next start."""
        if self._arrived is None:
            return
        try:
            write_bytes(self._arrived, str(self._count).encode())
        except (OSError, UnmaskError) as full:
            if not self._uncounted:
                self._tell(
                    f"unmask: {self.name}: {self._arrived} cannot be written ({full}); make room, or events "
                    "come twice"
                )
            self._uncounted = True

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._over:
            time.sleep(0.05)
        if self._over:  # the last tries come close together
            time.sleep(0.2)


def _lines_of(path: Path) -> list[str]:
    """The whole lines that the file holds; a last one that was cut off is taken away.

    OutputError where it is not a file of events: another file stays as it was, to the last byte.
    """
    refuse_special(path, error=OutputError)
    if not path.is_file():
        return []
    content = path.read_bytes()
    *whole, cut = content.split(b"\n")
    begins = cut.startswith(BEGIN) or BEGIN.startswith(cut)
    if not begins or not all(_is_event(line) for line in whole):
        raise OutputError(f"{path} holds something else than events; name another file for them")
    if cut:
        write_bytes(path, content[: len(content) - len(cut)])
    return [line.decode() for line in whole]


def _is_event(line: bytes) -> bool:
    try:
        event = json.loads(line.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(event, dict) and "event" in event


def _count_in(path: Path | None) -> int:
    try:
        return int(path.read_text()) if path else 0
    except (OSError, ValueError):
        return 0
