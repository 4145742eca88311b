"""CelebA-Spoof: 625,537 pictures of 10,177 people (Zhang et al., ECCV 2020, arXiv 2007.12342).

The truth is in `metas/intra_test/{train,test}_label.json`: path -> 44 whole numbers, of which [40] is the
type of attack, [41] the illumination, [42] the environment and [43] 1 for an attack. Each file is parsed once
and no picture is touched: what is on the disk is told from the folders of the subjects.
"""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, opened, stop, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

TITLE = "CelebA-Spoof"
LICENCE = "non-commercial research only"
LENGTH, TYPE, LIGHT, PLACE, SPOOF = 44, 40, 41, 42, 43
TYPES = (
    "",
    "print/photo",
    "print/poster",
    "print/a4",
    "mask/paper-face",
    "mask/paper-upper-body",
    "mask/paper-region",
    "replay/pc",
    "replay/pad",
    "replay/phone",
    "mask/3d",
)
LIGHTS = ("", "normal", "strong", "back", "dark")
PLACES = ("", "indoor", "outdoor")


def celeba_spoof(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """Every picture that the labels name, with its split, type, illumination and environment."""
    marks = [
        "Data/train",
        "Data/test",
        *(f"metas/intra_test/{split}_label.json" for split in ("train", "test")),
    ]
    folder = opened(root, of=TITLE, marks=marks, refuse=refuse)
    rows: list[Presentation] = []
    for split in ("train", "test"):
        file = folder / "metas" / "intra_test" / f"{split}_label.json"
        if file.is_file():  # else it was refused, as a mark that is missing
            make = partial(_presentation, start=str(folder), split=split, file=file)
            rows += each(make, _labels(file), refuse=refuse)
    for sentence in _half(folder, rows):
        refuse(sentence)
    return whole(rows, of=TITLE, refuse=refuse)


def _labels(file: Path) -> Iterable[tuple[str, object]]:
    """(path, numbers) of each picture."""
    try:
        labels = json.loads(file.read_bytes())
    except ValueError as broken:
        raise DataError(f"{file} is not JSON ({broken}); unpack it again") from broken
    if not isinstance(labels, dict) or not labels:
        raise DataError(f"{file} maps no path to its labels; unpack it again")
    return labels.items()


def _presentation(entry: tuple[str, object], *, start: str, split: str, file: Path) -> Presentation:
    path, numbers = entry
    parts = path.split("/")
    if len(parts) != 5 or parts[:2] != ["Data", split] or parts[3] not in ("live", "spoof"):
        raise DataError(
            f"{file}: {path!r} is not Data/{split}/SUBJECT/live|spoof/NAME; take the list as shipped"
        )
    where = f"{file}: {path}"
    if not isinstance(numbers, list) or len(numbers) != LENGTH:
        raise DataError(f"{where} has not the {LENGTH} numbers of {TITLE}; take the list as shipped")
    kind, light, place, spoof = (numbers[k] for k in (TYPE, LIGHT, PLACE, SPOOF))
    if not all(isinstance(number, int) for number in (kind, light, place, spoof)):
        raise DataError(f"{where} holds labels that are not whole numbers; take the list as shipped")
    if kind not in range(len(TYPES)) or light not in range(len(LIGHTS)) or place not in range(len(PLACES)):
        raise DataError(
            f"{where}: type {kind}, illumination {light} and environment {place} are not all known; types "
            f"go to {len(TYPES) - 1}, illuminations to {len(LIGHTS) - 1}, environments to {len(PLACES) - 1}"
        )
    if spoof not in (0, 1) or bool(spoof) != bool(kind):
        raise DataError(
            f"{where}: type {kind} and truth {spoof} contradict each other; correct the line or take it out"
        )
    return Presentation(
        path=f"{start}/{path}",
        label=Label.ATTACK if spoof else Label.BONA_FIDE,
        instrument=TYPES[kind],
        dataset="celeba-spoof",
        split=split,
        subject=parts[2],
        place=PLACES[place],
        licence=LICENCE,
        columns=_LIGHT[light],
    )


# One mapping for all pictures of a light: half a million of their own would weigh more than the rest.
_LIGHT = tuple({"light": light} if light else {} for light in LIGHTS)


def _half(folder: Path, rows: list[Presentation]) -> Iterator[str]:
    """One sentence for a part whose labels name subjects that have no folder."""
    for split in ("train", "test"):
        place = folder / "Data" / split
        there = {path.name for path in place.iterdir()} if place.is_dir() else set()
        if missing := sorted({row.subject for row in rows if row.split == split} - there):
            yield (
                f"{place} lacks the folders of {len(missing)} labelled subjects, {missing[0]} among them: "
                f"{TITLE} is only half unpacked; unpack all parts"
            )


CELEBA_SPOOF = DataSet(
    name="celeba-spoof",
    title="CelebA-Spoof",
    paper="Zhang, Yin, Li, Yin, Yan, Shao, Liu: CelebA-Spoof, ECCV 2020, arXiv 2007.12342",
    licence=LICENCE,
    apply="https://github.com/ZhangYuanhan-AI/CelebA-Spoof",
    layout="Data/{train,test}/SUBJECT/{live,spoof}/NAME.png|jpg\nmetas/intra_test/{train,test}_label.json",
    read=celeba_spoof,
)
