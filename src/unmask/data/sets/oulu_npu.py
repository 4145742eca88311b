"""OULU-NPU: 4,950 videos of 55 people, six phones, three sessions, two printers and two displays.

Boulkenafet, Komulainen, Li, Feng, Hadid: OULU-NPU: a mobile face presentation attack database with real-world
variations. IEEE FG 2017. A name is Phone_Session_User_File, as in 6_3_20_5.avi.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from unmask.data.archive import Refuse, stop, videos_of_parts
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

NAME, TITLE = "oulu-npu", "OULU-NPU"
LICENCE = "OULU-NPU end user licence agreement: non-commercial research"
PARTS = {"train": "Train_files", "dev": "Dev_files", "test": "Test_files"}
USERS = {"train": range(1, 21), "dev": range(21, 36), "test": range(36, 56)}
PHONES = (  # in the order of their numbers, from 1
    "samsung-galaxy-s6-edge",
    "htc-desire-eye",
    "meizu-x5",
    "asus-zenfone-selfie",
    "sony-xperia-c5-ultra-dual",
    "oppo-n3",
)
FILES = ("", "print/printer-1", "print/printer-2", "replay/display-1", "replay/display-2")  # from 1
PATTERN = re.compile(r"([1-6])_([1-3])_(\d\d)_([1-5])")
LISTED_LINES = 900  # of the dev list of protocol 1


def oulu_npu(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Every video of Train_files, Dev_files and Test_files."""
    return videos_of_parts(root, _presentation, of=TITLE, parts=PARTS, refuse=refuse)


def _presentation(path: Path, *, split: str) -> Presentation:
    match = PATTERN.fullmatch(path.stem)
    if match is None:
        raise DataError(
            f"{path} is not named Phone_Session_User_File, as 6_3_20_5.avi is; it is not a file of "
            "OULU-NPU as shipped"
        )
    if int(match[3]) not in USERS[split]:
        people = USERS[split]
        raise DataError(
            f"{path} shows user {match[3]}, but {PARTS[split]} holds {people.start} to {people.stop - 1}; "
            "move it to its own part"
        )
    return shown(path, match, dataset=NAME, split=split)


def shown(path: Path, name: re.Match[str], *, dataset: str, split: str) -> Presentation:
    """What a name of OULU-NPU, matched by PATTERN, says of the video or folder at `path`."""
    phone, session, user, file = name.groups()
    instrument = FILES[int(file) - 1]
    return Presentation(
        path=str(path),
        label=Label.ATTACK if instrument else Label.BONA_FIDE,
        instrument=instrument,
        dataset=dataset,
        split=split,
        subject=user,
        session=session,
        camera=PHONES[int(phone) - 1],
        domain=NAME,
        licence=LICENCE,
    )


def mistakes(root: Path) -> Iterator[str]:
    """The copy of protocol 1 with one line too few in its dev list, which is in circulation."""
    for path in sorted(root.rglob("Protocol_1/Dev.txt")):
        lines = sum(bool(line.strip()) for line in path.read_text(errors="replace").splitlines())
        if lines != LISTED_LINES:
            known = "a faulty copy that is in circulation" if lines == 899 else "not the list as shipped"
            yield (
                f"{path} has {lines} lines, not {LISTED_LINES}: {known}; take the authors' file, or delete "
                "it: the protocol's rule gives the same list"
            )


OULU_NPU = DataSet(
    name=NAME,
    title=TITLE,
    paper="Boulkenafet et al., OULU-NPU: a mobile face presentation attack database with real-world "
    "variations, IEEE FG 2017",
    licence=LICENCE,
    apply="sign the agreement at https://sites.google.com/site/oulunpudatabase/",
    layout="Train_files/1_1_01_1.avi\nDev_files/1_1_21_1.avi\nTest_files/1_1_36_1.avi\n"
    "Protocols/Protocol_1/Train.txt  (checked where it is there)",
    read=oulu_npu,
    counts={"train": (360, 1440), "dev": (270, 1080), "test": (360, 1440)},
    mistakes=mistakes,
)
