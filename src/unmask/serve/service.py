"""What the handlers of one worker share."""

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

from unmask.detector.decision import rule_of
from unmask.detector.detector import Detector, model_paths
from unmask.detector.model_file import read_file
from unmask.detector.watch import WatchSettings
from unmask.media.limits import Limits
from unmask.serve.database import Database
from unmask.serve.limiting import Gate, Rates
from unmask.serve.live import LiveSessions
from unmask.serve.metrics import Metrics
from unmask.serve.settings import ServeSettings
from unmask.serve.signing import Signer

Answer = TypeVar("Answer")


@dataclass(slots=True, kw_only=True)
class Service:
    """One worker: its database, detectors by operating point, threads, counters and running sessions."""

    settings: ServeSettings
    database: Database
    detectors: dict[str, Detector]
    threads: ThreadPoolExecutor
    metrics: Metrics
    rates: Rates
    gate: Gate
    signer: Signer | None
    live: LiveSessions = field(default_factory=LiveSessions)
    worker: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")
    draining: bool = False

    @classmethod
    def load(cls, settings: ServeSettings, metrics: Metrics, loaded: Detector | None = None) -> "Service":
        """Opens and migrates the database and loads the models; UnmaskError where that cannot be."""
        database = Database(settings.database)
        database.migrate()
        watching = WatchSettings(seconds=30.0, timeout_s=settings.request_s, live_s=settings.attempt_s)
        detector = loaded or Detector.load(settings.models or None, point=settings.points[0], threads=1)
        detector = detector.with_settings(watching)
        return cls(
            settings=settings,
            database=database,
            detectors={point: detector.with_point(point) for point in settings.points},
            threads=ThreadPoolExecutor(settings.threads, thread_name_prefix="judge"),
            metrics=metrics,
            rates=Rates(key=settings.key_rate, address=settings.address_rate, redis=settings.redis),
            gate=Gate(running=settings.threads, waiting=settings.checks_waiting, metrics=metrics),
            signer=Signer(settings.signing_key, issuer=settings.issuer) if settings.signing_key else None,
        )

    @classmethod
    def of(cls, connection: HTTPConnection) -> "Service":
        """That of the application which was called."""
        service = connection.app.state.service
        assert isinstance(service, Service)
        return service

    async def compute(self, function: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        """Run what decodes or computes in one of the threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: function(*arguments, **named))

    def limits(self) -> Limits:
        """What an upload may cost."""
        return replace(Limits(), timeout_s=min(10.0, self.settings.request_s))

    def close(self) -> None:
        """Waits for what runs."""
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.database.close()


def refuse_impossible(settings: ServeSettings) -> None:
    """An UnmaskError for what cannot work, told before anything listens: rates, the address of Redis, the
    signing key, models that cannot be read, operating points that they do not have.
    """
    Rates(key=settings.key_rate, address=settings.address_rate, redis=settings.redis)
    if settings.signing_key is not None:
        Signer(settings.signing_key, issuer=settings.issuer)
    for path in model_paths(settings.models or None):
        _, contract = read_file(path)
        for point in settings.points:
            rule_of(contract, point=point, precision="f32")


def now() -> float:
    """Seconds since 1970."""
    return time.time()
