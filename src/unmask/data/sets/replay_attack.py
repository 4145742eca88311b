"""Replay-Attack of Idiap: 1,200 videos of 50 people; prints, phones and a tablet, held by hand or fixed.

Chingovska, Anjos, Marcel: On the effectiveness of local binary patterns in face anti-spoofing. BIOSIG 2012.
The 100 videos below enroll/ serve face recognition and are not read.
"""

import re
from pathlib import Path

from unmask.data.archive import folder, found, part, videos
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

NAME = "replay-attack"
LICENCE = "Replay-Attack end user licence agreement of Idiap: non-commercial research"
PARTS = {"train": "train", "dev": "devel", "test": "test"}
REAL = re.compile(r"client(\d{3})_session(\d\d)_webcam_authenticate_(controlled|adverse)_(\d)")
ATTACK = re.compile(
    r"attack_(print|mobile|highdef)_client(\d{3})_session(\d\d)_(highdef|mobile)_(photo|video)_"
    r"(controlled|adverse)"
)
SUPPORTS = ("fixed", "hand")


def replay_attack(root: str | Path) -> list[Presentation]:
    """Every video of train, devel and test; the part devel is called dev here.

    `place` is the light, controlled or adverse; the columns say device (print, mobile, highdef), medium
    (photo, video), support (fixed, hand) and take.
    """
    root = folder(root, of="Replay-Attack")
    presentations = []
    for split, name in PARTS.items():
        part(root, name, of="Replay-Attack")
        for path in videos(part(root, f"{name}/real", of="Replay-Attack")):
            presentations.append(_real(path, split=split))
        for path in videos(part(root, f"{name}/attack", of="Replay-Attack")):
            presentations.append(_attack(path, split=split))
    return found(presentations, parts=tuple(PARTS), root=root)


def _real(path: Path, *, split: str) -> Presentation:
    match = REAL.fullmatch(path.stem)
    if match is None:
        example = "client001_session01_webcam_authenticate_adverse_1.mov"
        raise DataError(f"{path} is not named as {example} is; this is not Replay-Attack as shipped")
    client, session, light, take = match.groups()
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
        columns={"take": take},
    )


def _attack(path: Path, *, split: str) -> Presentation:
    match = ATTACK.fullmatch(path.stem)
    support = path.parent.name
    if match is None or support not in SUPPORTS:
        example = "attack/fixed/attack_print_client001_session01_highdef_photo_controlled.mov"
        raise DataError(f"{path} is not named as {example} is; this is not Replay-Attack as shipped")
    device, client, session, _, medium, light = match.groups()
    return Presentation(
        path=str(path),
        label=Label.ATTACK,
        instrument=f"print/{medium}" if device == "print" else f"replay/{device}-{medium}",
        dataset=NAME,
        split=split,
        subject=client,
        session=session,
        camera="webcam",
        place=light,
        domain=NAME,
        licence=LICENCE,
        columns={"device": device, "medium": medium, "support": support},
    )


REPLAY_ATTACK = DataSet(
    name=NAME,
    title="Replay-Attack",
    paper="Chingovska, Anjos, Marcel, On the effectiveness of local binary patterns in face anti-spoofing, "
    "BIOSIG 2012",
    licence=LICENCE,
    apply="ask for it at https://www.idiap.ch/en/scientific-research/data/replayattack",
    layout="train/real/client001_session01_webcam_authenticate_adverse_1.mov\n"
    "train/attack/{fixed,hand}/attack_print_client001_session01_highdef_photo_adverse.mov\n"
    "devel/...  test/...",
    read=replay_attack,
    counts={"train": (60, 300), "dev": (60, 300), "test": (80, 400)},
)
