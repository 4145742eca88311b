"""SiW, Spoof in the Wild: 4,478 videos of 165 people, two cameras, prints and four kinds of screen.

Since 2020 the lists of bob.db.siw have nine replays fewer; both archives are known.

Liu, Jourabloo, Liu: Learning deep models for face anti-spoofing: binary or auxiliary supervision. CVPR 2018.
A name is Subject-Sensor-Type-Medium-Session, as in 003-1-2-1-1.mov; some end in .m.mov or .mp4.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from unmask.data.archive import Refuse, stop, videos_of_parts
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

NAME, TITLE = "siw", "SiW"
LICENCE = "SiW database release agreement: research, no redistribution"
PARTS = {"train": "Train", "test": "Test"}
CAMERAS = {"1": "canon-eos-t6", "2": "logitech-c920"}
PAPERS = {"1": "print/glossy", "2": "print/matte"}  # by session
RESOLUTIONS = {"1": "5184x3456", "2": "low resolution"}  # of the printed picture, by medium
SCREENS = (  # by medium, from 1
    "replay/ipad-pro-2017",
    "replay/iphone-7-plus",
    "replay/asus-mb168b",
    "replay/galaxy-s8",
)
FOLDERS = {"1": "live", "2": "spoof", "3": "spoof"}
COUNTS = {"train": (714, 1702), "test": (599, 1454)}
FIRST_COUNTS = {"train": (714, 1703), "test": (599, 1462)}
PATTERN = re.compile(r"(\d{3})-([12])-([123])-([1-4])-([12])(?:_.*)?")


def siw(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Every video of Train and Test; the sets ship no dev part."""
    return videos_of_parts(root, _presentation, of=TITLE, parts=PARTS, refuse=refuse)


def _presentation(path: Path, *, split: str) -> Presentation:
    match = PATTERN.fullmatch(path.name.split(".")[0])
    if match is None:
        raise DataError(
            f"{path} is not named Subject-Sensor-Type-Medium-Session, as 003-1-2-1-1.mov is; this is not SiW "
            "as shipped (SiW-M is another data set)"
        )
    subject, sensor, kind, medium, session = match.groups()
    if {"live", "spoof"} & set(path.parts) and FOLDERS[kind] not in path.parts:
        raise DataError(f"{path} is of type {kind} by its name, which belongs into {FOLDERS[kind]}; move it")
    instrument = {"1": "", "2": PAPERS[session], "3": SCREENS[int(medium) - 1]}[kind]
    return Presentation(
        path=str(path),
        label=Label.ATTACK if instrument else Label.BONA_FIDE,
        instrument=instrument,
        instrument_model=RESOLUTIONS[medium] if kind == "2" and medium in RESOLUTIONS else "",
        dataset=NAME,
        split=split,
        subject=subject,
        session=session,
        camera=CAMERAS[sensor],
        place="varied light" if kind == "1" and medium == "2" else "",
        domain=NAME,
        licence=LICENCE,
    )


def mistakes(root: Path) -> Iterator[str]:
    """SiW-M, whose name differs by a letter, has folders of other names."""
    names = {path.name for path in root.iterdir()}
    if {"Live", "Makeup", "Mask", "Partial"} & names or any(name.startswith("Makeup_") for name in names):
        yield f"{root} has the folders of SiW-M, which is another data set; name the folder of SiW"


SIW = DataSet(
    name=NAME,
    title="SiW (Spoof in the Wild)",
    paper="Liu, Jourabloo, Liu, Learning deep models for face anti-spoofing: binary or auxiliary "
    "supervision, CVPR 2018",
    licence=LICENCE,
    apply="sign the agreement at http://cvlab.cse.msu.edu/siw-spoof-in-the-wild-database.html",
    layout="Train/live/003/003-1-1-1-1.mov\nTrain/spoof/003/003-1-2-1-1.mov\nTest/live/...  Test/spoof/...",
    read=siw,
    counts=COUNTS,
    editions={
        "the archive as bob's lists have it since 2020, 4,469 videos": COUNTS,
        "the archive of bob's first lists and of the paper, 4,478 videos": FIRST_COUNTS,
    },
    mistakes=mistakes,
)
