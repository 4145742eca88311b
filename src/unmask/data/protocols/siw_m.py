"""SiW-M: one type of attack is left out of training and is the whole test, with live faces of their own.

Version 1: live faces of Live/Train learn, those of Live/Test are tested (Liu et al., CVPR 2019). Version 2:
Protocol I is the lists as they are; Protocol II leaves a type out of the train list, and tests on all videos
of that type, listed or not, as the authors' program does. No dev part is published: see `dev_share`. Results
of the two versions cannot be compared.
"""

from collections.abc import Sequence
from functools import partial

from unmask.data.protocols.as_shipped import as_shipped
from unmask.data.protocols.dev_share import with_dev
from unmask.data.splits import Protocol, Split, checked, of_set
from unmask.types import DataError, Label, Presentation

LIVE_TRAIN, LIVE_TEST = 528, 132  # of version 1: 80 and 20 % of 660
LIVE_TRAIN_2, LIVE_TEST_2 = 524, 261  # of version 2: listed and in the archive
# Version 1: instrument -> (word for the column of the papers' tables, videos); 968 in all
TYPES = {
    "replay/screen": ("replay", 99),
    "print/paper": ("print", 118),
    "mask/half": ("half", 72),
    "mask/silicone": ("silicone", 27),
    "mask/transparent": ("transparent", 88),
    "mask/paper": ("paper", 17),
    "mask/mannequin": ("mannequin", 40),
    "makeup/obfuscation": ("obfuscation", 23),
    "makeup/impersonation": ("impersonation", 61),
    "makeup/cosmetic": ("cosmetic", 50),
    "partial/funny-eye": ("funny-eye", 160),
    "partial/paper-glasses": ("glasses", 127),
    "partial/paper": ("partial", 86),
}
# Version 2: instrument -> (word, videos in the train list, videos in the archive); 533 and 915 in all
TYPES_2 = {
    "replay/screen": ("replay", 59, 98),
    "print/paper": ("print", 79, 135),
    "mask/half": ("half", 52, 72),
    "mask/silicone": ("silicone", 9, 17),
    "mask/transparent": ("transparent", 24, 60),
    "mask/paper": ("paper", 11, 17),
    "mask/mannequin": ("mannequin", 26, 40),
    "makeup/obfuscation": ("obfuscation", 12, 22),
    "makeup/impersonation": ("impersonation", 39, 61),
    "makeup/cosmetic": ("cosmetic", 28, 52),
    "partial/funny-eye": ("funny-eye", 96, 179),
    "partial/paper-glasses": ("glasses", 47, 76),
    "partial/eye": ("eye", 34, 57),
    "partial/mouth": ("mouth", 17, 29),
}
ATTACKS = sum(videos for _, videos in TYPES.values())
TRAIN_ATTACKS_2 = sum(listed for _, listed, _ in TYPES_2.values())
TEST_ATTACKS_2 = 362


def leave_one_out(presentations: Sequence[Presentation], *, instrument: str, name: str) -> Split:
    """Version 1 without `instrument` in train and dev; it is all of the test's attacks."""
    return _left_out(presentations, dataset="siw-m", instrument=instrument, name=name)


def leave_one_out_2(presentations: Sequence[Presentation], *, instrument: str, name: str) -> Split:
    """Version 2, Protocol II."""
    return _left_out(presentations, dataset="siw-m-v2", instrument=instrument, name=name)


def _left_out(presentations: Sequence[Presentation], *, dataset: str, instrument: str, name: str) -> Split:
    learned, tested = [], []
    for p in of_set(presentations, dataset):
        if p.instrument == instrument or (p.label is Label.BONA_FIDE and p.split == "test"):
            tested.append(p)
        elif p.split == "train" or (dataset == "siw-m" and p.label is Label.ATTACK):
            learned.append(p)
    if not any(p.instrument == instrument for p in tested):
        raise DataError(
            f"protocol {name} tests on {instrument}, of which the folder has none; unpack it again"
        )
    train, dev = with_dev(learned)
    return checked(Split(train=train, dev=dev, test=tuple(tested)), name=name)


def _version_1(instrument: str) -> Protocol:
    word, videos = TYPES[instrument]
    name = f"siw-m/loo.{word}"
    return Protocol(
        name=name,
        question=f"an unseen type of attack: {word}",
        needs=("siw-m",),
        split=partial(leave_one_out, instrument=instrument, name=name),
        counts={"train+dev": (LIVE_TRAIN, ATTACKS - videos), "test": (LIVE_TEST, videos)},
        folds="siw-m/loo",
    )


def _version_2(instrument: str) -> Protocol:
    word, listed, videos = TYPES_2[instrument]
    name = f"siw-m-v2/2.{word}"
    return Protocol(
        name=name,
        question=f"an unseen type of attack: {word}",
        needs=("siw-m-v2",),
        split=partial(leave_one_out_2, instrument=instrument, name=name),
        counts={"train+dev": (LIVE_TRAIN_2, TRAIN_ATTACKS_2 - listed), "test": (LIVE_TEST_2, videos)},
        folds="siw-m-v2/2",
    )


SIW_M = (
    *(_version_1(instrument) for instrument in TYPES),
    Protocol(
        name="siw-m-v2/1",
        question="all types of attack known, videos unseen",
        needs=("siw-m-v2",),
        split=partial(as_shipped, dataset="siw-m-v2", name="siw-m-v2/1"),
        counts={"train+dev": (LIVE_TRAIN_2, TRAIN_ATTACKS_2), "test": (LIVE_TEST_2, TEST_ATTACKS_2)},
    ),
    *(_version_2(instrument) for instrument in TYPES_2),
)
