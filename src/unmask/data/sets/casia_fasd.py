"""CASIA-FASD, also called CASIA-MFSD: 600 videos of 50 people, three camera qualities, three attacks.

Zhang, Yan, Liu, Lei, Yi, Li: A face antispoofing database with diverse attacks. ICB 2012. Each person has a
folder of twelve videos. Test subjects are numbered from 1 again; here they are 21 to 50.
"""

from pathlib import Path

from unmask.data.archive import Refuse, stop, videos_of_parts
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

NAME, TITLE = "casia-fasd", "CASIA-FASD"
LICENCE = "CASIA-FASD agreement: research, no redistribution"
PARTS = {"train": "train_release", "test": "test_release"}
PEOPLE = {"train": 20, "test": 30}
INSTRUMENTS = ("", "print/warped-photo", "print/cut-photo", "replay/video")
QUALITIES = ("normal", "low", "high")
STEMS = ("1 2 HR_1", "3 4 HR_2", "5 6 HR_3", "7 8 HR_4")  # an instrument each; normal, low, high quality
MEANS = {
    stem: (instrument, quality)
    for instrument, stems in zip(INSTRUMENTS, STEMS, strict=True)
    for quality, stem in zip(QUALITIES, stems.split(), strict=True)
}


def casia_fasd(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Every video of train_release and test_release; the set ships no dev part."""
    return videos_of_parts(root, _presentation, of=TITLE, parts=PARTS, refuse=refuse)


def _presentation(path: Path, *, split: str) -> Presentation:
    number = path.parent.name
    if path.stem not in MEANS or not number.isdecimal() or not 1 <= int(number) <= PEOPLE[split]:
        raise DataError(
            f"{path} is not one of the videos 1 to 8 and HR_1 to HR_4 of a person 1 to {PEOPLE[split]}; this "
            "is not CASIA-FASD as shipped"
        )
    instrument, quality = MEANS[path.stem]
    return Presentation(
        path=str(path),
        label=Label.ATTACK if instrument else Label.BONA_FIDE,
        instrument=instrument,
        dataset=NAME,
        split=split,
        subject=f"{int(number) + (PEOPLE['train'] if split == 'test' else 0):02d}",
        camera=quality,
        domain=NAME,
        licence=LICENCE,
    )


CASIA_FASD = DataSet(
    name=NAME,
    title=TITLE,
    paper="Zhang et al., A face antispoofing database with diverse attacks, ICB 2012",
    licence=LICENCE,
    apply="sign the agreement at http://www.cbsr.ia.ac.cn/english/FaceAntiSpoofDatabases.asp",
    layout="train_release/1/1.avi ... train_release/1/8.avi\ntrain_release/1/HR_1.avi ... HR_4.avi\n"
    "test_release/1/1.avi ...",
    read=casia_fasd,
    counts={"train": (60, 180), "test": (90, 270)},
)
