"""CASIA-SURF CeFA: 1,607 people of three ethnicities in colour, depth and infrared (Liu et al., WACV 2021,
arXiv 2003.05136).

A recording is a folder with one folder of pictures for each modality:

    RACE/RACE-ID[-CARD]/RACE_ID_DEVICE_SESSION_ATTACK/{profile|color,depth,ir}
    3D-Mask/ID/1_ID_DRESS_GLASSES_DEVICE_SESSION_LIGHT/{profile|color,depth,ir}
    Silicone-Mask/ID/2_ID_DRESS_GLASSES_DEVICE_SESSION_LIGHT/{profile|color,depth,ir}

The split is by id, as in the authors' lists: 0 to 199 learn, 200 to 299 set the thresholds, 300 to 499 are
tested; all masks are for tests.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from unmask.data.archive import WIDEST, Refuse, each, folder, folders_in, stop, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

TITLE = "CASIA-SURF CeFA"
LICENCE = "research only, by agreement with CASIA"
RACES = {"1": "AF", "2": "CA", "3": "EA"}
ATTACKS = {"1": "", "2": "print/cloth", "3": "print/photo", "4": "replay/screen"}
MASKS = {"3D-Mask": ("1", "mask/3d-print"), "Silicone-Mask": ("2", "mask/silicone")}
SESSIONS = {"1": "indoor", "2": "outdoor", "3": "random"}
DEVICES = {"1": "rssdk", "2": "mp4", "3": "bag", "4": "MOV"}
MASK_DEVICES = {"1": "camera", "2": "D435i"}
LIGHTS = {"1": "none", "2": "back", "3": "along", "4": "side"}
TRAIN, DEV, LAST = 200, 300, 500  # ids below
COLOURS = ("profile", "color")  # of the challenge, of the authors' lists


def cefa(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """One presentation a recording: its path is the colour folder, the columns "depth" and "ir" the others.

    `domain` is the ethnicity, "" for masks.
    """
    root = folder(root, of=TITLE)
    races = {race: _found(root, race) for race in RACES.values()}
    if missing := [race for race, place in races.items() if place is None]:
        refuse(
            f"{root} has no folder {', '.join(missing)}: it is not the whole {TITLE}, or the challenge's "
            "copy of it (phase1, phase2), whose folders tell no subject; name the folder of the paper"
        )
    rows: list[Presentation] = []
    for place in races.values():
        rows += each(_recording, _folders_below(place), refuse=refuse)
    for name, (code, instrument) in MASKS.items():
        make = partial(_mask, code=code, instrument=instrument)
        rows += each(make, _folders_below(_found(root, name)), refuse=refuse)
    return whole(rows, of=TITLE, key=lambda p: Path(p.path).parent.name, refuse=refuse)


def _folders_below(place: Path | None) -> Iterator[Path]:
    """The recordings of the people in a folder."""
    for person in folders_in(place) if place else ():
        yield from folders_in(person)


def _found(root: Path, name: str) -> Path | None:
    """The folder of that name, up to three folders down, whatever its letters' case."""
    level = [root]
    for _ in range(3):
        inner = [path for folder in level for path in folders_in(folder)]
        if match := [path for path in inner if path.name.casefold() == name.casefold()]:
            if len(match) > 1:
                raise DataError(f"{match[0]} and {match[1]} are both {name} of {TITLE}; remove one")
            return match[0]
        level = inner[:WIDEST]
    return None


def _recording(path: Path) -> Presentation:
    person = path.parent
    cells = path.name.split("_")
    if len(cells) != 5 or not all(cell.isdecimal() for cell in cells):
        raise DataError(f"{path} is not a name of {TITLE}, such as 3_012_1_1_1; move it elsewhere")
    race, number, device, session, attack = cells
    known = race in RACES and device in DEVICES and session in SESSIONS and attack in ATTACKS
    if not known or int(number) >= LAST:
        raise DataError(f"{path}: race, device, session, attack or id is not one of {TITLE}'s; move it")
    name = f"{RACES[race]}-{number}"
    if not person.name.startswith(name) or person.parent.name != RACES[race]:
        raise DataError(f"{path} names {name} in {person}; put it back")
    return Presentation(
        label=Label.ATTACK if ATTACKS[attack] else Label.BONA_FIDE,
        instrument=ATTACKS[attack],
        split=_split(int(number)),
        subject=name,
        session=SESSIONS[session],
        camera=DEVICES[device],
        domain=RACES[race],
        dataset="cefa",
        licence=LICENCE,
        **_modalities(path),
    )


def _mask(path: Path, *, code: str, instrument: str) -> Presentation:
    person = path.parent
    cells = path.name.split("_")
    if len(cells) != 7 or cells[0] != code or cells[1] != person.name:
        raise DataError(
            f"{path} is not a name of a mask of {TITLE}, such as 1_002_1_1_2_1_3; move it elsewhere"
        )
    _, number, dress, glasses, device, session, light = cells
    if device not in MASK_DEVICES or session not in SESSIONS or light not in LIGHTS:
        raise DataError(f"{path}: device, session or light is not one of {TITLE}'s masks; move it elsewhere")
    modalities = _modalities(path)
    modalities["columns"] |= {"dress": dress, "glasses": glasses, "light": LIGHTS[light]}
    return Presentation(
        label=Label.ATTACK,
        instrument=instrument,
        split="test",
        subject=f"{person.parent.name}-{number}",
        session=SESSIONS[session],
        camera=MASK_DEVICES[device],
        dataset="cefa",
        licence=LICENCE,
        **modalities,
    )


def _modalities(path: Path) -> dict[str, Any]:
    """Fields `path` and `columns` of a presentation."""
    colour = next((path / name for name in COLOURS if (path / name).is_dir()), None)
    missing = [name for name in ("depth", "ir") if not (path / name).is_dir()]
    if colour is None or missing:
        lacking = [*(missing), *([COLOURS[1]] if colour is None else [])]
        raise DataError(f"{path} has no {', '.join(lacking)}: {TITLE} is only half unpacked; unpack it again")
    return {"path": str(colour), "columns": {name: str(path / name) for name in ("depth", "ir")}}


def _split(number: int) -> str:
    if number < TRAIN:
        return "train"
    return "dev" if number < DEV else "test"


CEFA = DataSet(
    name="cefa",
    title="CASIA-SURF CeFA",
    paper="Liu et al.: A Benchmark for Multi-modal Cross-ethnicity Face Anti-spoofing, WACV 2021",
    licence=LICENCE,
    apply="https://github.com/liuajian/CASIA-FAS-Dataset",
    layout="{AF,CA,EA}/RACE-ID/RACE_ID_DEVICE_SESSION_ATTACK/{profile|color,depth,ir}/*.jpg\n"
    "3D-Mask/ID/1_ID_DRESS_GLASSES_DEVICE_SESSION_LIGHT/...\nSilicone-Mask/ID/2_ID_...",
    read=cefa,
)
