"""MSU-MFSD's one protocol, by its lists of clients; dev is drawn from the train clients.

Wen et al., IEEE TIFS 2015, has no dev part and reports the equal error rate on test: see `dev_share`.
"""

from functools import partial

from unmask.data.protocols.as_shipped import as_shipped
from unmask.data.sets.msu_mfsd import NAME
from unmask.data.splits import Protocol

MSU_PROTOCOLS = (
    Protocol(
        name=f"{NAME}/original",
        question="unseen people",
        needs=(NAME,),
        split=partial(as_shipped, dataset=NAME, name=f"{NAME}/original"),
        counts={"train+dev": (30, 90), "test": (40, 120)},
    ),
)
