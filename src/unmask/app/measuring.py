"""The figures of several systems, under one bar over the bootstraps of all of them."""

from collections.abc import Sequence

from unmask.app.progress import bar, rounds_of
from unmask.app.worst import worst_of
from unmask.evaluation.measure import Evaluation, measure
from unmask.evaluation.runs import Run
from unmask.metrics import ThresholdRule


def measured(
    found: Sequence[Run], rule: ThresholdRule | None, *, worst: str | None, seed: int, rounds: int
) -> list[Evaluation]:
    """The figures of each run, in their order; `worst` is what `--worst` asks for."""
    with bar("drawing subjects again") as advance:
        return [
            measure(
                one,
                rule,
                worst_of=worst_of(one, worst),
                seed=seed,
                rounds=rounds,
                progress=rounds_of(place, len(found), rounds=rounds, advance=advance),
            )
            for place, one in enumerate(found)
        ]
