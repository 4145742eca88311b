"""WMCA leave-one-out (George et al., 2019): a kind of attack is left out of grandtest's train and dev, and is
the only attack of its test, as bob.pad.face makes them.
"""

from collections.abc import Sequence
from functools import partial

from unmask.data.splits import Protocol, Split, checked, in_part, of_set
from unmask.types import DataError, Label, Presentation

# The protocol's word -> instruments
KINDS = {
    "fakehead": ("mask/mannequin",),
    "flexiblemask": ("mask/flexible",),
    "glasses": ("partial/glasses",),
    "papermask": ("mask/paper",),
    "prints": ("print/photo",),
    "replay": ("replay/photo", "replay/video"),
    "rigidmask": ("mask/rigid",),
}


def leave_one_out(presentations: Sequence[Presentation], *, kind: str, name: str) -> Split:
    """Train and dev without the attacks of this kind; of the test, bona fide presentations and that kind."""
    held = KINDS[kind]
    rows = of_set(presentations, "wmca")
    test = [p for p in in_part(rows, "test") if p.label is Label.BONA_FIDE or p.instrument in held]
    if not any(p.label is Label.ATTACK for p in test):
        raise DataError(f"protocol {name} tests on {' and '.join(held)}, of which the test has none")
    train, dev = (
        tuple(p for p in in_part(rows, part) if p.instrument not in held) for part in ("train", "dev")
    )
    return checked(Split(train=train, dev=dev, test=tuple(test)), name=name)


WMCA = tuple(
    Protocol(
        name=f"wmca/loo.{kind}",
        question=f"an unseen kind of attack: {kind}",
        needs=("wmca",),
        split=partial(leave_one_out, kind=kind, name=f"wmca/loo.{kind}"),
        folds="wmca/loo",
    )
    for kind in KINDS
)
