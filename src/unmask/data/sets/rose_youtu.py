"""ROSE-Youtu (Li et al., "Unsupervised domain adaptation for face anti-spoofing", IEEE TIFS 2018).

Videos are `<subject>/<kind>_<speech>_<phone>_<glasses>_<background>_<subject>_<number>.mp4`, 20 public
subjects from 2 to 23. The split is that of bob.gradiant.face.databases: 2 to 10 learn, 11 and 12 set the
thresholds, 13 to 23 are tested. Phones recorded lying on their sides; `turns` brings their frames upright, as
bob's reader does.
"""

from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, folders_in, opened, stop, videos, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

TITLE = "ROSE-Youtu"
LICENCE = "research only, by agreement with the ROSE lab (Nanyang Technological University)"
KINDS = {
    "G": "",
    "Ps": "print/still",
    "Pq": "print/quivering",
    "Vl": "replay/lenovo",
    "Vm": "replay/mac",
    "Mc": "mask/paper-cropped",
    "Mf": "mask/paper-full",
    "Mu": "mask/paper-upper",
    "Ml": "mask/paper-lower",
}
PHONES = ("5s", "IP", "HS", "HW", "ZTE")
TURNS = {"5s": 3, "IP": 3, "HS": 1, "HW": 1, "ZTE": 1}  # quarter turns clockwise
TURNS_OF_REPLAYS = {"5s": 0, "IP": 0, "HS": 2, "HW": 2, "ZTE": 2}
LAST_TRAIN, LAST_DEV, LAST = 10, 12, 23  # subjects


def rose_youtu(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """All videos with subject, phone and turns."""
    folder = opened(root, of=TITLE, marks=["2"], refuse=refuse)
    rows: list[Presentation] = []
    for subject in folders_in(folder):
        if subject.name.isdecimal():
            found = list(videos(subject))
            if not found:
                refuse(f"{subject} holds no video: {TITLE} is only half unpacked; unpack it again")
            rows += each(partial(_presentation, subject=subject), found, refuse=refuse)
    return whole(rows, of=TITLE, key=lambda p: (p.subject, Path(p.path).stem), refuse=refuse)


def _presentation(path: Path, *, subject: Path) -> Presentation:
    cells = path.stem.split("_")
    if len(cells) != 7:
        raise DataError(f"{path} is not a name of {TITLE}, such as G_NT_5s_wg_E_2_1.mp4; move it elsewhere")
    kind, speech, phone, glasses, background, person, _ = cells
    if kind not in KINDS or phone not in PHONES:
        raise DataError(
            f"{path}: the kind is {kind!r} and the phone {phone!r}; {TITLE} has {', '.join(KINDS)} and "
            f"{', '.join(PHONES)}"
        )
    if person != subject.name or not 2 <= int(person) <= LAST:
        raise DataError(f"{path} names subject {person} in the folder of {subject.name}; put it back")
    turns = TURNS_OF_REPLAYS if kind.startswith("V") else TURNS
    return Presentation(
        path=str(path),
        label=Label.ATTACK if KINDS[kind] else Label.BONA_FIDE,
        instrument=KINDS[kind],
        dataset="rose-youtu",
        split=_split(int(person)),
        subject=person,
        camera=phone,
        place=background,
        licence=LICENCE,
        turns=turns[phone],
        columns={"speech": speech, "glasses": glasses},
    )


def _split(person: int) -> str:
    if person <= LAST_TRAIN:
        return "train"
    return "dev" if person <= LAST_DEV else "test"


ROSE_YOUTU = DataSet(
    name="rose-youtu",
    title="ROSE-Youtu",
    paper="Li et al.: Unsupervised domain adaptation for face anti-spoofing, IEEE TIFS 2018",
    licence=LICENCE,
    apply="https://rose1.ntu.edu.sg/dataset/faceLivenessDetection/",
    layout="SUBJECT/KIND_SPEECH_PHONE_GLASSES_BACKGROUND_SUBJECT_NUMBER.mp4",
    read=rose_youtu,
)
