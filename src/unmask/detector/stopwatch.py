"""Where the time of a check goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("decode", "faces", "clips", "network")


class Stopwatch:
    """Sums the time spent in each of STAGES; one for each check, used by one thread."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._spent = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def lap(self, stage: str) -> Iterator[None]:
        """Count the time of the block for that stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._spent[stage] += time.perf_counter() - start

    def elapsed_s(self) -> float:
        """Since the stopwatch was made."""
        return time.perf_counter() - self._start

    def timings_ms(self) -> dict[str, float]:
        """Milliseconds of each stage and in total."""
        return {stage: 1e3 * spent for stage, spent in self._spent.items()} | {
            "total": 1e3 * self.elapsed_s()
        }
