"""Rates, counted by one worker or by all of them in Redis; what cannot be counted is not let in."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unmask.serve.limiting import Gate, Rates, TooManyError
from unmask.serve.metrics import Metrics
from unmask.types import SettingsError


@pytest.fixture
def port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.fixture
def redis(port: int, tmp_path: Path) -> Iterator[str]:
    """The address of a server of its own, which keeps nothing."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: `apt-get install redis-server` brings it")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}"
    server.terminate()
    server.wait()


def counted(rates: list[Rates], who: str = "k1") -> list[bool]:
    """Which of six requests, spread over the workers, are let in."""

    async def count() -> list[bool]:
        let_in = []
        for number in range(6):
            try:
                await rates[number % len(rates)].count("key", who)
                let_in.append(True)
            except TooManyError as refused:
                let_in.append(not 1 <= refused.retry_s <= 60)
        for one in rates:
            await one.close()
        return let_in

    return asyncio.run(count())


def test_a_worker_counts_by_itself() -> None:
    assert counted([Rates(key="4/minute", address="1/minute")]) == [True] * 4 + [False] * 2
    two = [Rates(key="4/minute", address="1/minute") for _ in range(2)]
    assert counted(two) == [True] * 6


def test_all_workers_count_together_in_redis(redis: str) -> None:
    two = [Rates(key="4/minute", address="1/minute", redis=redis) for _ in range(2)]
    assert counted(two) == [True] * 4 + [False] * 2


def test_what_cannot_be_counted_is_not_let_in(port: int) -> None:
    rates = Rates(key="4/minute", address="1/minute", redis=f"redis://127.0.0.1:{port}")
    assert counted([rates]) == [False] * 6


@pytest.mark.parametrize("written", ["", "many", "5/fortnight", "-1/minute", "0/minute", "5/minute;1/second"])
def test_a_rate_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(SettingsError, match="600/minute"):
        Rates(key=written, address="1/minute")


def test_a_redis_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError):
        Rates(key="1/minute", address="1/minute", redis="other://x")


def test_the_queue_is_bounded_and_gives_its_places_back() -> None:
    gate = Gate(running=1, waiting=1, metrics=Metrics())

    async def pass_through() -> list[str]:
        told: list[str] = []
        free = asyncio.Event()

        async def check(name: str) -> None:
            try:
                async with gate.place(), gate.turn():
                    told.append(f"{name} runs")
                    await free.wait()
            except TooManyError:
                told.append(f"{name} is sent away")

        tasks = [asyncio.create_task(check(name)) for name in "abc"]
        await asyncio.sleep(0.01)
        tasks[1].cancel()  # its client hung up while it waited
        free.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        await check("d")
        return told

    assert asyncio.run(pass_through()) == ["a runs", "c is sent away", "d runs"]
