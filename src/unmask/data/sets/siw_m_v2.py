"""SiW-M, version 2: 14 types of attack (Guo et al., "Multi-domain Learning for Updating Face Anti-spoofing
Models", ECCV 2022, arXiv 2208.11148).

The lists of github.com/CHELSEA234/Multi-domain-learning-FAS name videos, not people ("Live_1",
"Makeup_Co_5"), so `subject` stays empty. They repeat names of attacks to balance training; here a video is
one presentation. They name 11 live videos that the archive does not hold and leave out 20 attacks that it
does, which get no split.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, lines_of, list_file, nests, opened, stop, videos, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

TITLE = "SiW-Mv2"
LICENCE = "research only, by agreement with Michigan State University"
# How the names of a type begin -> its folder below Spoof, instrument
TYPES = {
    "Replay": (("Replay",), "replay/screen"),
    "Paper": (("Paper", "Print"), "print/paper"),
    "Mask_Half": (("Mask_HalfMask",), "mask/half"),
    "Mask_Silicone": (("Silicone",), "mask/silicone"),
    "Mask_Trans": (("Mask_TransparentMask",), "mask/transparent"),
    "Mask_Paper": (("Mask_PaperMask",), "mask/paper"),
    "Mask_Mann": (("Mannequin",), "mask/mannequin"),
    "Makeup_Ob": (("Makeup_Obfuscation",), "makeup/obfuscation"),
    "Makeup_Im": (("Makeup_Impersonation",), "makeup/impersonation"),
    "Makeup_Co": (("Makeup_Cosmetic",), "makeup/cosmetic"),
    "Partial_Funnyeye": (("Partial_FunnyeyeGlasses",), "partial/funny-eye"),
    "Partial_Paperglass": (("Partial_PaperGlasses",), "partial/paper-glasses"),
    "Partial_Eye": (("Partial_Eye",), "partial/eye"),
    "Partial_Mouth": (("Partial_Mouth",), "partial/mouth"),
}
LISTS = {
    "trainlist_live.txt": "train",
    "testlist_live.txt": "test",
    "trainlist_all.txt": "train",
    "testlist_all.txt": "test",
}
KNOWN_MISSING = 11  # live videos that the published lists name and the published archive lacks
OF_VERSION_1 = ("Makeup/Cosmetic", "Mask/HalfMask", "Partial/PaperCut", "Live/Train")


def siw_m_v2(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Live and the 14 types with the split of the lists, which must lie in the folder too."""
    for name in OF_VERSION_1:
        if any((folder / name).exists() for folder in nests(Path(root))):
            raise DataError(f"{root} holds {name}, as version 1 does, not SiW-Mv2; read it as siw-m")
    folder = opened(root, of=TITLE, marks=["Live", "Spoof"], refuse=refuse)
    splits = _splits(Path(root), refuse=refuse)
    live = partial(_live, splits=splits)
    rows = [*each(live, videos(folder / "Live"), refuse=refuse), *_attacks(folder, splits, refuse=refuse)]
    missing = sorted(splits.keys() - {Path(row.path).stem for row in rows})
    if len(missing) > KNOWN_MISSING or any(not name.startswith("Live_") for name in missing):
        refuse(
            f"the lists of {TITLE} name {len(missing)} videos that {folder} does not hold, {missing[0]} "
            f"among them, and {KNOWN_MISSING} live ones are known to be missing; unpack the archive again"
        )
    return whole(rows, of=TITLE, key=lambda p: Path(p.path).stem, refuse=refuse)


def _splits(root: Path, *, refuse: Refuse) -> dict[str, str]:
    """Name of a video -> train or test."""
    splits: dict[str, str] = {}
    for name, split in LISTS.items():
        get = "put the lists of github.com/CHELSEA234/Multi-domain-learning-FAS beside the videos"
        listed = list_file(root, name, of=TITLE, get=get)
        for number, video in lines_of(listed):
            _type_of(video, where=f"{listed}, line {number}", live=name.endswith("live.txt"))
            if splits.setdefault(video, split) != split:
                refuse(f"{listed}, line {number}: {video} is in train and test; take the first lists")
    return splits


def _live(path: Path, *, splits: dict[str, str]) -> Presentation:
    _type_of(path.stem, where=str(path), live=True)
    return _presentation(path, instrument="", split=splits.get(path.stem, ""))


def _attacks(folder: Path, splits: dict[str, str], *, refuse: Refuse) -> Iterator[Presentation]:
    for kind, (names, _) in TYPES.items():
        found = [path for name in names for path in videos(folder / "Spoof" / name)]
        if not found:
            refuse(
                f"{folder / 'Spoof'} has no video in {' or '.join(names)}: {TITLE} is only half unpacked; "
                "unpack it again"
            )
        yield from each(partial(_attack, kind=kind, splits=splits), found, refuse=refuse)


def _attack(path: Path, *, kind: str, splits: dict[str, str]) -> Presentation:
    if (named := _type_of(path.stem, where=str(path), live=False)) != kind:
        raise DataError(f"{path} has a name of the type {named}; put it into that type's folder")
    return _presentation(path, instrument=TYPES[kind][1], split=splits.get(path.stem, ""))


def _type_of(name: str, *, where: str, live: bool) -> str:
    kind, _, number = name.rpartition("_")
    known = {"Live"} if live else set(TYPES)
    if kind not in known or not number.isdecimal():
        raise DataError(
            f"{where}: {name!r} is not a name of {TITLE}, such as {'Live_1' if live else 'Makeup_Co_5'}; "
            "take the lists and files as they were published"
        )
    return kind


def _presentation(path: Path, *, instrument: str, split: str) -> Presentation:
    return Presentation(
        path=str(path),
        label=Label.ATTACK if instrument else Label.BONA_FIDE,
        instrument=instrument,
        dataset="siw-m-v2",
        split=split,
        licence=LICENCE,
    )


SIW_M_V2 = DataSet(
    name="siw-m-v2",
    title="SiW-Mv2",
    paper="Guo, Liu, Jain, Liu: Multi-domain Learning for Updating Face Anti-spoofing Models, ECCV 2022",
    licence=LICENCE,
    apply="https://github.com/CHELSEA234/Multi-domain-learning-FAS: sign DRA_form_SIWMv2.pdf",
    layout="Live/Live_*.mov\nSpoof/TYPE/NAME_*.mov\n{train,test}list_{live,all}.txt",
    read=siw_m_v2,
    counts={"train": (524, 533), "test": (261, 362), "": (0, 20)},
)
