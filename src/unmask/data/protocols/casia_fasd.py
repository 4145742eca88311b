"""The seven scenarios of CASIA-FASD: three qualities, three attacks, and all together.

Zhang et al., ICB 2012, has no dev part and reports the equal error rate on test. Here dev is drawn
from the train subjects (`dev_share`), so that a threshold can be set without looking at test.
"""

from collections.abc import Sequence
from functools import partial

from unmask.data.protocols.dev_share import with_dev
from unmask.data.sets.casia_fasd import INSTRUMENTS, NAME, QUALITIES
from unmask.data.splits import Protocol, Split, checked, in_part, of_set
from unmask.types import Presentation

SCENARIOS = {  # name -> question, qualities, instruments
    "low": ("videos of low quality", ("low",), INSTRUMENTS),
    "normal": ("videos of normal quality", ("normal",), INSTRUMENTS),
    "high": ("videos of high quality", ("high",), INSTRUMENTS),
    "warped": ("warped photos", QUALITIES, ("", "print/warped-photo")),
    "cut": ("cut photos", QUALITIES, ("", "print/cut-photo")),
    "video": ("replayed videos", QUALITIES, ("", "replay/video")),
    "overall": ("all qualities and attacks", QUALITIES, INSTRUMENTS),
}


def casia(
    presentations: Sequence[Presentation], *, qualities: Sequence[str], instruments: Sequence[str], name: str
) -> Split:
    """The videos of these qualities and instruments ("" is bona fide)."""
    rows = of_set(presentations, NAME)
    parts = (*with_dev(in_part(rows, "train")), in_part(rows, "test"))  # drawn once for all scenarios
    train, dev, test = (
        tuple(p for p in part if p.camera in qualities and p.instrument in instruments) for part in parts
    )
    return checked(Split(train=train, dev=dev, test=test), name=name)


def _protocol(scenario: str) -> Protocol:
    question, qualities, instruments = SCENARIOS[scenario]
    name = f"{NAME}/{scenario}"
    bona_fide, attacks = len(qualities), len(qualities) * (len(instruments) - 1)  # of each person
    return Protocol(
        name=name,
        question=question,
        needs=(NAME,),
        split=partial(casia, qualities=qualities, instruments=instruments, name=name),
        counts={"train+dev": (20 * bona_fide, 20 * attacks), "test": (30 * bona_fide, 30 * attacks)},
    )


CASIA_PROTOCOLS = tuple(_protocol(scenario) for scenario in SCENARIOS)
