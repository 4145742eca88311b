"""SiW-M, version 1: 13 types of attack (Liu et al., CVPR 2019, arXiv 1904.02860). No longer distributed.

The folders are those of the public programs that used it, and no list came with it. File names tell no
subject, so `subject` stays empty: whether one person is in two parts cannot be checked.
"""

from pathlib import Path

from unmask.data.archive import Refuse, nests, opened, stop, videos, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

TITLE = "SiW-M (version 1)"
LICENCE = "research only, by agreement with Michigan State University"
# Folder -> instrument; in the order of the columns in the papers' tables of leave-one-out results, where
# "Paper" is the mask of paper, "Print" the folder Paper, "Glasses" PaperGlasses and "Partial" PaperCut.
TYPES = {
    "Replay": "replay/screen",
    "Paper": "print/paper",
    "Mask/HalfMask": "mask/half",
    "Mask/SiliconeMask": "mask/silicone",
    "Mask/TransparentMask": "mask/transparent",
    "Mask/PaperMask": "mask/paper",
    "Mask/MannequinHead": "mask/mannequin",
    "Makeup/Obfuscation": "makeup/obfuscation",
    "Makeup/Impersonation": "makeup/impersonation",
    "Makeup/Cosmetic": "makeup/cosmetic",
    "Partial/FunnyeyeGlasses": "partial/funny-eye",
    "Partial/PaperGlasses": "partial/paper-glasses",
    "Partial/PaperCut": "partial/paper",
}
LIVE = {"Live/Train": "train", "Live/Test": "test"}
OF_VERSION_2 = ("Spoof", "Makeup_Cosmetic", "Partial_Eye", "Mask_HalfMask", "trainlist_live.txt")


def siw_m(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Live/Train and Live/Test with their split, attacks with none: each run holds out one type of them."""
    for name in OF_VERSION_2:
        if any((folder / name).exists() for folder in nests(Path(root))):
            raise DataError(f"{root} holds {name}, as version 2 does, not SiW-M 1; read it as siw-m-v2")
    folder = opened(root, of=TITLE, marks=[*LIVE, *TYPES], refuse=refuse)
    return whole(
        (
            Presentation(
                path=str(path),
                label=Label.ATTACK if instrument else Label.BONA_FIDE,
                instrument=instrument,
                dataset="siw-m",
                split=LIVE.get(name, ""),
                licence=LICENCE,
            )
            for name, instrument in [*((live, "") for live in LIVE), *TYPES.items()]
            for path in videos(folder / name)
        ),
        of=TITLE,
        key=lambda p: (p.instrument, p.split, Path(p.path).stem),
        refuse=refuse,
    )


SIW_M = DataSet(
    name="siw-m",
    title="SiW-M, version 1",
    paper="Liu et al.: Deep Tree Learning for Zero-shot Face Anti-Spoofing, CVPR 2019",
    licence=LICENCE,
    apply="no longer distributed; version 2 has taken its place",
    layout="Live/{Train,Test}/*.mov\nReplay/*.mov\nPaper/*.mov\n"
    "Makeup/{Cosmetic,Impersonation,Obfuscation}/*.mov\n"
    "Mask/{HalfMask,MannequinHead,PaperMask,SiliconeMask,TransparentMask}/*.mov\n"
    "Partial/{FunnyeyeGlasses,PaperCut,PaperGlasses}/*.mov",
    read=siw_m,
    counts={"train": (528, 0), "test": (132, 0), "": (0, 968)},
)
