"""What a step costs, and how batch norm takes up what it sees."""

import time

from torch import nn


class Meter:
    """What happened since the last line of the log."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.images = 0
        self.waited_s = 0.0  # for the next batch
        self.since = self.asked = time.perf_counter()

    def asks(self) -> None:
        """The next batch is wanted."""
        self.asked = time.perf_counter()

    def got(self) -> None:
        """The next batch is there."""
        self.waited_s += time.perf_counter() - self.asked

    def figures(self) -> dict[str, float]:
        """Rates since the last line, and the share of the time that no batch was there to work on."""
        seconds = time.perf_counter() - self.since
        return {"images_s": self.images / seconds, "waiting": self.waited_s / seconds}


class Statistics:
    """Running statistics of batch norm that hold for short runs, too.

    A norm that has seen n batches takes the next with a weight of 1 / (n + 1), the mean of all, until its own
    momentum is larger. With 0.001, as published, statistics would else stand near their first values for a
    thousand steps; after that the two ways are alike.
    """

    def __init__(self, network: nn.Module) -> None:
        norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        self._norms = [
            (norm, norm.momentum, int(norm.num_batches_tracked))
            for norm in norms
            if norm.momentum is not None and norm.num_batches_tracked is not None
        ]
        self._more = 0

    def batch(self) -> None:
        """Before each batch."""
        for norm, own, seen in self._norms:
            norm.momentum = max(own, 1 / (seen + self._more + 1))
        self._more += 1
