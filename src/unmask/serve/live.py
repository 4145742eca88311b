"""The sessions that a worker is watching, and for a while the attempts of those whose connection broke."""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from typing import Protocol

from unmask.serve.attempts import Attempt, Keepsakes, Seen, decoded
from unmask.serve.signals import Signals

AHEAD_S, BEHIND_S = 1.0, 5.0  # by which the client's clock may run before and after the server's


class ClockError(Exception):
    """The client's times do not go on as time does."""


@dataclass(slots=True, kw_only=True)
class LiveAttempt:
    """A try that goes on, and what it gathered."""

    connection: int  # the number of the latest one
    attempt: Attempt
    mode: str
    keepsakes: Keepsakes
    signals: Signals
    begun_s: float  # of the server's clock
    parted_s: float = 0.0  # when its connection broke
    _clocks_s: tuple[float, float] | None = None  # of client and server at the first frame
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_time(self, client_s: float, server_s: float) -> None:
        """ClockError where the client says that more or less time went by than did."""
        if self._clocks_s is None:
            self._clocks_s = (client_s, server_s)
        ahead_s = (client_s - self._clocks_s[0]) - (server_s - self._clocks_s[1])
        if not -BEHIND_S <= ahead_s <= AHEAD_S:  # also NaN
            raise ClockError

    def look(self, jpeg: bytes, time_s: float, side_px: int) -> Seen:
        """Decode a frame and look at it; called in a thread. SourceError where it cannot be used."""
        image = decoded(jpeg, side_px=side_px)
        with self._lock:
            seen = self.attempt.take(image, time_s)
            self.keepsakes.offer(jpeg, time_s, seen)
            self.signals.see(image, time_s)
            if seen.result is not None:
                hints = self.signals.hints(self.mode, seen.result.challenge)
                seen = replace(seen, result=replace(seen.result, injection=hints))
        return seen


class OpenConnection(Protocol):
    """A connection that can be told to end, and says when it has."""

    done: asyncio.Event

    def stop(self, why: str) -> None: ...


@dataclass(slots=True)
class LiveSessions:
    """By session: its connection, and the attempts that wait for a connection to come back."""

    connections: dict[str, OpenConnection] = field(default_factory=dict)
    parted: dict[str, LiveAttempt] = field(default_factory=dict)
    joining: int = 0  # connections that are being attached

    def forget(self, *, before_s: float) -> None:
        """Let go of attempts whose connection broke earlier."""
        for name, attempt in list(self.parted.items()):
            if attempt.parted_s < before_s:
                del self.parted[name]

    async def end(self, *, within_s: float, grace_s: float) -> None:
        """Wait until no connection is left, then stop those that are, which fail."""
        await self._gone(within_s)
        for connection in list(self.connections.values()):
            connection.stop("drain")
        await self._gone(grace_s)

    async def _gone(self, within_s: float) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while self.connections and loop.time() < until_s:
            await asyncio.sleep(0.05)
