"""Many sources share the network's runs, and each gets what it asked for."""

import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from unmask.contract import Contract
from unmask.detector.together import Together
from unmask.types import ModelError


class Slow:
    """Gives each clip ten times its number; its first run lasts until `go`."""

    contract = cast(Contract, SimpleNamespace(name="slow"))
    precision, threads, graph = "f32", 1, b""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.began, self.go = threading.Event(), threading.Event()

    def score(self, clips: Sequence[Any]) -> list[Any]:
        self.runs.append(list(clips))
        if len(self.runs) == 1:
            self.began.set()
            assert self.go.wait(20)
        if 13 in clips:
            raise ModelError("clip 13 cannot be scored")
        return [10 * clip for clip in clips]


def _asked(groups: Any) -> Any:
    """What each of the groups of clips gets, asked for by a thread of its own while the first run lasts."""
    network = Slow()
    together = Together(network)
    got: dict[int, list[Any] | str] = {}

    def ask(number: int, clips: list[Any]) -> None:
        try:
            got[number] = together.score(clips)
        except ModelError as broken:
            got[number] = str(broken)

    threads = [threading.Thread(target=ask, args=one) for one in enumerate(groups)]
    threads[0].start()
    assert network.began.wait(20)
    for thread in threads[1:]:
        thread.start()
    while len(together._waiting) < len(groups) - 1:
        threading.Event().wait(0.01)
    network.go.set()
    for thread in threads:
        thread.join(20)
    return network.runs, [got[number] for number in range(len(groups))]


def test_clips_that_come_while_the_network_runs_are_its_next_batch() -> None:
    runs, got = _asked([[1], [2, 3], [4], [], [5, 6, 7]])
    assert len(runs) == 2
    assert runs[0] == [1]
    assert sorted(runs[1]) == [2, 3, 4, 5, 6, 7]
    assert got == [[10], [20, 30], [40], [], [50, 60, 70]]


def test_a_clip_that_cannot_be_scored_is_an_error_to_its_own_caller_alone() -> None:
    runs, got = _asked([[1], [2], [13], [4]])
    assert len(runs[1]) == 3
    assert got == [[10], [20], "clip 13 cannot be scored", [40]]


def test_it_stands_for_its_network() -> None:
    network = Slow()
    together: Any = Together(network)  # numbers stand for clips
    assert (together.contract, together.precision, together.threads) == (network.contract, "f32", 1)
    network.go.set()
    with pytest.raises(ModelError):
        together.score([13])
    assert together.score([2]) == [20]  # the one after it is served
