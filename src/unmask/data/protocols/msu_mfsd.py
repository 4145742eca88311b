"""MSU-MFSD's one protocol, by its lists of clients; a fifth of the train clients, drawn by hash, is dev.

Wen et al., IEEE TIFS 2015, has no dev part and reports the equal error rate on test.
"""

from collections.abc import Sequence
from functools import partial

from unmask.data.sets.msu_mfsd import NAME
from unmask.data.splits import Protocol, Split, checked, drawn, in_part, of_set
from unmask.types import Presentation

DEV_SHARE = 0.2


def msu(presentations: Sequence[Presentation], *, name: str) -> Split:
    """Train, a share of it as dev, and test."""
    rows = of_set(presentations, NAME)
    home = in_part(rows, "train")
    held_out = drawn((p.subject for p in home), share=DEV_SHARE)
    split = Split(
        train=tuple(p for p in home if p.subject not in held_out),
        dev=tuple(p for p in home if p.subject in held_out),
        test=tuple(in_part(rows, "test")),
    )
    return checked(split, name=name)


MSU_PROTOCOLS = (
    Protocol(
        name=f"{NAME}/original",
        question="unseen people",
        needs=(NAME,),
        split=partial(msu, name=f"{NAME}/original"),
        counts={"train+dev": (30, 90), "test": (40, 120)},
    ),
)
