"""A client that sends too much is refused: rates of keys and addresses, a bounded number of checks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from limits import RateLimitItem, parse_many
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from unmask.serve.keys import sha256_of
from unmask.serve.metrics import Metrics
from unmask.types import SettingsError


class TooManyError(Exception):
    """Answered 429: come again after so many seconds."""

    def __init__(self, reason: str, sentence: str, *, retry_s: float) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.retry_s = max(1, round(retry_s))


class Rates:
    """Counts what keys and addresses send, in a moving window; addresses are kept hashed, and only there."""

    def __init__(self, *, key: str, address: str, redis: str = "") -> None:
        try:
            self._limits = {"key": _limit(key), "address": _limit(address)}
        except ValueError as odd:
            raise SettingsError(f"a rate is written as 600/minute, not {key!r} or {address!r}") from odd
        try:
            named = {"implementation": "redispy"} if redis else {}
            place = f"async+{redis}" if redis else "async+memory://"
            storage = storage_from_string(place, wrap_exceptions=True, **named)
        except ConfigurationError as missing:
            raise SettingsError(
                "--redis must be redis://HOST:6379, and needs its client: pip install 'unmask[serve,redis]'"
            ) from missing
        assert isinstance(storage, Storage)
        self._storage = storage
        self._limiter = MovingWindowRateLimiter(storage)

    async def close(self) -> None:
        """Let go of the connections to Redis."""
        if isinstance(self._storage, RedisStorage):
            bridge: Any = self._storage.bridge  # that of redis-py
            await bridge.storage.aclose()

    async def count(self, kind: str, who: str) -> None:
        """TooManyError where `who`, a key's id or an address, has sent as many as it may."""
        limit, name = self._limits[kind], sha256_of(who)
        try:
            if await self._limiter.hit(limit, kind, name):
                return
            window = await self._limiter.get_window_stats(limit, kind, name)
        except StorageError as away:
            raise TooManyError("rates", "requests cannot be counted now; come again", retry_s=5) from away
        wait_s = window.reset_time - time.time()
        wait_s = wait_s if 0 < wait_s <= limit.get_expiry() else limit.get_expiry() / limit.amount
        raise TooManyError(f"{kind} rate", f"this {kind} may send {limit}; come again later", retry_s=wait_s)


def _limit(written: str) -> RateLimitItem:
    """What is written, such as 600/minute; ValueError where it is several, or lets nothing through."""
    (limit,) = parse_many(written)
    if limit.amount < 1 or limit.get_expiry() < 1:
        raise ValueError
    return limit


class Gate:
    """Lets so many run at once and so many wait; the next one is TooManyError."""

    def __init__(self, *, running: int, waiting: int, metrics: Metrics) -> None:
        self._places = asyncio.Semaphore(running)
        self._most = running + waiting
        self._inside = 0
        self._waiting = metrics.checks_waiting
        self._running = metrics.checks_running

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for the time of the block, among those that wait."""
        if self._inside >= self._most:
            raise TooManyError("checks", "the service is busy; come again later", retry_s=2)
        self._inside += 1
        self._waiting.inc()
        try:
            yield
        finally:
            self._waiting.dec()
            self._inside -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """To run for the time of the block, of whoever has a place: once nothing more has to arrive, since a
        slow client would keep the others from running.
        """
        await self._places.acquire()
        self._waiting.dec()
        self._running.inc()
        try:
            yield
        finally:
            self._running.dec()
            self._waiting.inc()
            self._places.release()
