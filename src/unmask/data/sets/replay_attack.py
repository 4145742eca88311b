"""Replay-Attack of Idiap: 1,200 videos of 50 people; prints, phones and a tablet, held by hand or fixed.

Chingovska, Anjos, Marcel: On the effectiveness of local binary patterns in face anti-spoofing. BIOSIG 2012.
The 100 videos below enroll/ serve face recognition and are not read.
"""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, opened, stop, videos, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

NAME, TITLE = "replay-attack", "Replay-Attack"
LICENCE = "Replay-Attack end user licence agreement of Idiap: non-commercial research"
PARTS = {"train": "train", "dev": "devel", "test": "test"}
REAL = re.compile(r"client(\d{3})_session(\d\d)_webcam_authenticate_(controlled|adverse)_(\d)")
ATTACK = re.compile(
    r"attack_(print|mobile|highdef)_client(\d{3})_session(\d\d)_(highdef|mobile)_(photo|video)_"
    r"(controlled|adverse)"
)
SUPPORTS = ("fixed", "hand")


def replay_attack(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Every video of train, devel and test; the part devel is called dev here.

    `place` is the light, controlled or adverse; the columns say device (print, mobile, highdef), medium
    (photo, video), support (fixed, hand) and take.
    """
    marks = [f"{name}/{kind}" for name in PARTS.values() for kind in ("real", "attack")]
    root = opened(root, of=TITLE, marks=marks, refuse=refuse)
    rows: list[Presentation] = []
    for split, name in PARTS.items():
        for kind, make in (("real", _real), ("attack", _attack)):
            rows += each(partial(make, split=split), videos(root / name / kind), refuse=refuse)
    return whole(rows, of=TITLE, parts=PARTS, refuse=refuse)


def _real(path: Path, *, split: str) -> Presentation:
    match = REAL.fullmatch(path.stem)
    if match is None:
        raise _misnamed(path, "client001_session01_webcam_authenticate_adverse_1.mov")
    client, session, light, take = match.groups()
    row = _presentation(path, split=split, client=client, session=session, light=light)
    return replace(row, columns={"take": take})


def _attack(path: Path, *, split: str) -> Presentation:
    match = ATTACK.fullmatch(path.stem)
    support = path.parent.name
    if match is None or support not in SUPPORTS:
        raise _misnamed(path, "attack/fixed/attack_print_client001_session01_highdef_photo_controlled.mov")
    device, client, session, _, medium, light = match.groups()
    return replace(
        _presentation(path, split=split, client=client, session=session, light=light),
        label=Label.ATTACK,
        instrument=f"print/{medium}" if device == "print" else f"replay/{device}-{medium}",
        columns={"device": device, "medium": medium, "support": support},
    )


def _presentation(path: Path, *, split: str, client: str, session: str, light: str) -> Presentation:
    """What bona fide videos and attacks have in common."""
    return Presentation(
        path=str(path),
        label=Label.BONA_FIDE,
        dataset=NAME,
        split=split,
        subject=client,
        session=session,
        camera="webcam",
        place=light,
        domain=NAME,
        licence=LICENCE,
    )


def _misnamed(path: Path, example: str) -> DataError:
    return DataError(f"{path} is not named as {example} is; this is not {TITLE} as shipped")


REPLAY_ATTACK = DataSet(
    name=NAME,
    title=TITLE,
    paper="Chingovska, Anjos, Marcel, On the effectiveness of local binary patterns in face anti-spoofing, "
    "BIOSIG 2012",
    licence=LICENCE,
    apply="ask for it at https://www.idiap.ch/en/scientific-research/data/replayattack",
    layout="train/real/client001_session01_webcam_authenticate_adverse_1.mov\n"
    "train/attack/{fixed,hand}/attack_print_client001_session01_highdef_photo_adverse.mov\n"
    "devel/...  test/...\nprotocols/real-train.txt  (checked where it is there)",
    read=replay_attack,
    counts={"train": (60, 300), "dev": (60, 300), "test": (80, 400)},
)
