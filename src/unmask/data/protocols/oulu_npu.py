"""The four protocols of OULU-NPU, by their rule.

1: an unseen session; 2: an unseen printer and display; 3.i: an unseen phone i; 4.i: all three at once.
Boulkenafet et al., IEEE FG 2017. The counts are those of the lists that the archive ships, which are read
where they are there and must agree.
"""

from collections.abc import Sequence
from functools import partial

from unmask.data.protocols.oulu_lists import check_lists
from unmask.data.sets.oulu_npu import NAME, PHONES
from unmask.data.splits import Protocol, Split, checked, in_part, of_set
from unmask.types import Presentation

LEARNT_SESSIONS, TEST_SESSIONS = ("1", "2"), ("3",)
LEARNT_INSTRUMENTS = ("", "print/printer-1", "replay/display-1")
TEST_INSTRUMENTS = ("", "print/printer-2", "replay/display-2")
NEW_SESSION, NEW_INSTRUMENTS, NEW_PHONE = (1, 4), (2, 4), (3, 4)  # which protocols ask for what
WORDS = {
    1: "an unseen session: another place and light",
    2: "an unseen printer and an unseen display",
    3: "an unseen phone",
    4: "an unseen session, printer, display and phone",
}
COUNTS = {
    1: {"train": (240, 960), "dev": (180, 720), "test": (120, 480)},
    2: {"train": (360, 720), "dev": (270, 540), "test": (360, 720)},
    3: {"train": (300, 1200), "dev": (225, 900), "test": (60, 240)},
    4: {"train": (200, 400), "dev": (150, 300), "test": (20, 40)},
}


def oulu(presentations: Sequence[Presentation], *, number: int, phone: str = "", name: str) -> Split:
    """Protocol `number`; `phone` is the one that 3 and 4 leave for the test. Other sets' rows are ignored."""
    rows = of_set(presentations, NAME)
    learnt, test = (
        [p for p in rows if _asked(p, number=number, phone=phone, test=asked)] for asked in (False, True)
    )
    split = Split(
        train=tuple(in_part(learnt, "train")),
        dev=tuple(in_part(learnt, "dev")),
        test=tuple(in_part(test, "test")),
    )
    fold = PHONES.index(phone) + 1 if phone else 0
    check_lists(split, number=number, fold=fold)
    return checked(split, name=name)


def _asked(row: Presentation, *, number: int, phone: str, test: bool) -> bool:
    if number in NEW_SESSION and row.session not in (TEST_SESSIONS if test else LEARNT_SESSIONS):
        return False
    instruments = TEST_INSTRUMENTS if test else LEARNT_INSTRUMENTS
    if number in NEW_INSTRUMENTS and row.instrument not in instruments:
        return False
    return number not in NEW_PHONE or (row.camera == phone) == test


def _protocol(number: int, phone: str = "") -> Protocol:
    fold = f".{PHONES.index(phone) + 1}" if phone else ""
    name = f"{NAME}/{number}{fold}"
    return Protocol(
        name=name,
        question=f"{WORDS[number]}{f' ({phone})' if phone else ''}",
        needs=(NAME,),
        split=partial(oulu, number=number, phone=phone, name=name),
        counts=COUNTS[number],
        folds=f"{NAME}/{number}" if phone else "",
        worst="family",  # the paper's APCER is the worse of print and display
    )


OULU_PROTOCOLS = (
    _protocol(1),
    _protocol(2),
    *(_protocol(3, phone) for phone in PHONES),
    *(_protocol(4, phone) for phone in PHONES),
)
