"""Replay-Attack's grandtest and its parts by kind of attack, each also for one support alone.

Chingovska et al., BIOSIG 2012; the counts are those of bob.db.replay. All bona fide videos are in every one.
The lists of the archive are read where they are there and must agree.
"""

from collections.abc import Sequence
from functools import partial

from unmask.data.protocols.replay_lists import check_lists
from unmask.data.sets.replay_attack import NAME, SUPPORTS
from unmask.data.splits import Protocol, Split, checked, in_part, of_set
from unmask.types import DataError, Label, Presentation

KINDS = {  # name -> question, devices, media, attacks in train, dev and test with both supports
    "grandtest": ("all attacks", ("print", "mobile", "highdef"), ("photo", "video"), (300, 300, 400)),
    "print": ("prints", ("print",), ("photo",), (60, 60, 80)),
    "mobile": ("phones", ("mobile",), ("photo", "video"), (120, 120, 160)),
    "highdef": ("tablets", ("highdef",), ("photo", "video"), (120, 120, 160)),
    "photo": ("photos on any medium", ("print", "mobile", "highdef"), ("photo",), (180, 180, 240)),
    "video": ("replayed videos", ("mobile", "highdef"), ("video",), (120, 120, 160)),
    "digitalphoto": ("photos on screens", ("mobile", "highdef"), ("photo",), (120, 120, 160)),
}
BONA_FIDE = (60, 60, 80)
PARTS = ("train", "dev", "test")


def replay(
    presentations: Sequence[Presentation],
    *,
    devices: Sequence[str],
    media: Sequence[str],
    support: str,
    name: str,
) -> Split:
    """All bona fide videos, and the attacks by these devices and media on this support, "" for both."""
    given = of_set(presentations, NAME)
    if unsaid := [
        p for p in given if p.instrument and not {"device", "medium", "support"} <= p.columns.keys()
    ]:
        raise DataError(
            f"{unsaid[0].path} has not the columns device, medium and support; read the folder as {NAME}"
        )
    rows = [
        p
        for p in given
        if p.label is Label.BONA_FIDE
        or (
            p.columns["device"] in devices
            and p.columns["medium"] in media
            and p.columns["support"] in ((support,) if support else SUPPORTS)
        )
    ]
    train, dev, test = (tuple(in_part(rows, part)) for part in PARTS)
    split = Split(train=train, dev=dev, test=test)
    kind = name.removeprefix(f"{NAME}/").removesuffix(f"-{support}")
    check_lists(split, kind=kind, support=support)
    return checked(split, name=name)


def _protocol(kind: str, support: str = "") -> Protocol:
    question, devices, media, attacks = KINDS[kind]
    name = f"{NAME}/{kind}{f'-{support}' if support else ''}"
    held = {"": "", "fixed": ", fixed", "hand": ", held by hand"}[support]
    halves = 2 if support else 1  # every attack was made once with each support
    return Protocol(
        name=name,
        question=f"{question}{held}",
        needs=(NAME,),
        split=partial(
            replay,
            devices=devices,
            media=media,
            support=support,
            name=name,
        ),
        counts={
            part: (bona_fide, count // halves)
            for part, bona_fide, count in zip(PARTS, BONA_FIDE, attacks, strict=True)
        },
    )


REPLAY_PROTOCOLS = tuple(_protocol(kind, support) for kind in KINDS for support in ("", *SUPPORTS))
