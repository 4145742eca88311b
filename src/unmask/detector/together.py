"""One network for many sources at once: what several of them ask while a batch runs is its next batch."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from unmask.contract import Contract
from unmask.detector.network import LoadedNetwork
from unmask.types import Clip, ClipScore, ModelError


@dataclass(slots=True, kw_only=True, eq=False)
class _Asked:
    """The clips of one caller, and their scores as soon as they are there."""

    clips: Sequence[Clip]
    tried: bool = False
    scored: list[ClipScore] | None = None


class Together:
    """A `LoadedNetwork` that runs the clips of all threads that wait for it as one batch.

    No caller waits for a batch to fill: one that finds the network idle runs at once with what is there. A
    caller gets the scores of its own clips, in their order. Where a batch fails, each caller tries its own
    clips alone, so that nobody gets another's error.
    """

    def __init__(self, network: LoadedNetwork) -> None:
        self.contract: Contract = network.contract
        self.precision, self.threads, self.graph = network.precision, network.threads, network.graph
        self._network = network
        self._turn = threading.Lock()  # one batch at a time
        self._list = threading.Lock()
        self._waiting: list[_Asked] = []

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        """One score a clip, in their order, as the network gives them."""
        mine = _Asked(clips=clips)
        with self._list:
            self._waiting.append(mine)
        with self._turn:
            if not mine.tried:
                with suppress(ModelError):
                    self._run()
            if mine.scored is None:
                mine.scored = self._network.score(mine.clips)
        return mine.scored

    def _run(self) -> None:
        """Score whatever waits, and hand it out."""
        with self._list:
            batch, self._waiting = self._waiting, []
        for asked in batch:
            asked.tried = True
        scored = self._network.score([clip for asked in batch for clip in asked.clips])
        for asked in batch:
            asked.scored, scored = scored[: len(asked.clips)], scored[len(asked.clips) :]
