"""MSU-MFSD: 280 videos of 35 people, a phone and a laptop; prints, a tablet and a phone.

Wen, Han, Jain: Face spoof detection with image distortion analysis. IEEE TIFS 2015. The bona fide clips of
the phone are stored upside down for six clients (rotated_videos.txt of bob.db.msu_mfsd_mod).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from unmask.data.archive import Refuse, each, opened, stop, videos, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

NAME, TITLE = "msu-mfsd", "MSU-MFSD"
LICENCE = "MSU-MFSD agreement: research, no redistribution"
CLIENTS = {  # as the lists of the archive have them
    "train": "02 03 05 06 07 08 09 11 12 21 22 34 53 54 55",
    "test": "01 13 14 23 24 26 28 29 30 32 33 35 36 37 39 42 48 49 50 51",
}
PART_OF = {int(client): split for split, clients in CLIENTS.items() for client in clients.split()}
UPSIDE_DOWN = (3, 5, 6, 7, 8, 9)
INSTRUMENTS = {
    "ipad_video": "replay/ipad-air",
    "iphone_video": "replay/iphone-5s",
    "printed_photo": "print/a3",
}
CAMERAS = {"android": "google-nexus-5", "laptop": "macbook-air"}
PATTERN = re.compile(
    r"(?:real|attack)_client(\d{3})_(android|laptop)_SD_(?:(ipad_video|iphone_video|printed_photo)_)?scene01"
)


def msu_mfsd(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Every video of scene01; train and test by the archive's lists of clients, which must be these."""
    root = opened(root, of=TITLE, marks=("scene01",), refuse=refuse)
    for sentence in _wrong_lists(root):
        refuse(sentence)
    rows = each(_presentation, videos(root / "scene01"), refuse=refuse)
    return whole(rows, of=TITLE, parts=CLIENTS, refuse=refuse)


def _presentation(path: Path) -> Presentation:
    match = PATTERN.fullmatch(path.stem)
    if match is None or path.parent.name != ("attack" if match[3] else "real"):
        raise DataError(
            f"{path} is not named as real_client001_android_SD_scene01.mp4 or "
            "attack_client001_laptop_SD_ipad_video_scene01.mov are; this is not MSU-MFSD as shipped"
        )
    client, camera = int(match[1]), match[2]
    if client not in PART_OF:
        raise DataError(f"{path} shows client {client:02d}, who is in no list of MSU-MFSD; remove the file")
    instrument = INSTRUMENTS[match[3]] if match[3] else ""
    return Presentation(
        path=str(path),
        label=Label.ATTACK if instrument else Label.BONA_FIDE,
        instrument=instrument,
        dataset=NAME,
        split=PART_OF[client],
        subject=f"{client:02d}",
        camera=CAMERAS[camera],
        domain=NAME,
        licence=LICENCE,
        turns=2 if not instrument and camera == "android" and client in UPSIDE_DOWN else 0,
    )


def _wrong_lists(root: Path) -> Iterator[str]:
    """One sentence for each list of clients that is not the published one."""
    for split, clients in CLIENTS.items():
        path = root / f"{split}_sub_list.txt"
        if not path.is_file():
            continue
        listed = path.read_text(errors="replace").split()
        known = {int(client) for client in clients.split()}
        if other := [cell for cell in listed if not cell.isdecimal() or int(cell) not in known]:
            yield f"{path} lists {other[0]!r}, which the published list lacks; take the archive's file"
        if lost := known - {int(cell) for cell in listed if cell.isdecimal()}:
            yield f"{path} lacks client {min(lost):02d}; take the file of the archive"


MSU_MFSD = DataSet(
    name=NAME,
    title=TITLE,
    paper="Wen, Han, Jain, Face spoof detection with image distortion analysis, IEEE TIFS 2015",
    licence=LICENCE,
    apply="sign the agreement at http://biometrics.cse.msu.edu/Publications/Databases/MSUMobileFaceSpoofing/",
    layout="scene01/real/real_client001_android_SD_scene01.mp4\n"
    "scene01/attack/attack_client001_laptop_SD_ipad_video_scene01.mov\n"
    "train_sub_list.txt  test_sub_list.txt  (checked where they are there)",
    read=msu_mfsd,
    counts={"train": (30, 90), "test": (40, 120)},
)
