"""WMCA (George et al., IEEE TIFS 2019, arXiv 1909.08848) and HQ-WMCA (Heusch et al., IEEE TBIOM 2020, arXiv
2002.10840) of Idiap: HDF5 files of many channels.

Files are `face-station/<date>/<name>.hdf5`, below a folder for the colour crops (WMCA_preprocessed_RGB) and
one for the rest (WMCA_preprocessed_CDIT: grey, depth, infrared, thermal). Names are
`<client>_<session>_<presenter>_<type>_<instrument>` in WMCA, and
`<site>_<session>_<client>_<presenter>_<type>_<subtype>_<instrument>-<hash>` in HQ-WMCA. The split is that of
`PROTOCOL-grandtest.csv`. Each client, person or instrument, is in one part only.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from unmask.data.archive import Refuse, each, folder, lines_of, list_file, nests, stop, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

LICENCE = "research only, by agreement with Idiap"
SUFFIXES = (".hdf5", ".h5")
SPLITS = {"train": "train", "dev": "dev", "validation": "dev", "eval": "test", "test": "test"}
STATION = "face-station"


def _span(kind: int, first: int, last: int) -> list[tuple[int, int]]:
    return [(kind, number) for number in range(first, last + 1)]


# (type, number) -> instrument, from bob.pad.face's table of attacks; the words after "/" are its categories
INSTRUMENTS: dict[tuple[int, int], str] = {
    **dict.fromkeys([(1, 1), *_span(1, 3, 7), (1, 15), (1, 16)], "partial/glasses"),
    **dict.fromkeys([(1, 2), (1, 13), (1, 14), *_span(2, 12, 17)], "mask/rigid"),
    **dict.fromkeys(_span(1, 8, 12), "partial/wig"),
    **dict.fromkeys(_span(2, 1, 7), "mask/mannequin"),
    **dict.fromkeys(_span(2, 8, 11), "mask/paper"),
    **dict.fromkeys([(2, 18), *_span(2, 75, 99)], "mask/flexible"),
    **dict.fromkeys(_span(3, 1, 15), "print/photo"),
    **dict.fromkeys([(3, 5), (3, 10), (3, 15)], "replay/photo"),
    **dict.fromkeys(_span(4, 1, 18), "replay/video"),
    **dict.fromkeys(_span(5, 1, 139), "makeup/any"),
}


@dataclass(frozen=True, slots=True)
class _NamedTruth:
    """What a name tells."""

    client: str
    session: str
    label: Label
    instrument: str
    model: str


@dataclass(frozen=True, slots=True)
class _Release:
    """What the two sets differ in."""

    title: str
    dataset: str
    protocol: str
    truth: Callable[..., _NamedTruth]


def wmca(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """The recordings of grandtest; the column "depth" is the file of the other channels."""
    return _read(root, _Release("WMCA", "wmca", "PROTOCOL-grandtest.csv", _truth), refuse=refuse)


def hq_wmca(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """The recordings of grand_test. Types of attack keep their numbers ("type-05/02"): their words are in the
    set's own documentation.
    """
    return _read(root, _Release("HQ-WMCA", "hq-wmca", "PROTOCOL-grand_test.csv", _truth_hq), refuse=refuse)


def _read(root: str | Path, layout: _Release, *, refuse: Refuse) -> list[Presentation]:
    root = folder(root, of=layout.title)
    if not any((place / STATION).is_dir() for place in nests(root)):
        raise DataError(f"{root} has no folder {STATION}: it is not {layout.title}; name its folder")
    get = "it is in Idiap's archive of protocols; put it there"
    table = list_file(root, layout.protocol, of=layout.title, get=get)
    make = partial(_presentation, files=_files(root, title=layout.title, refuse=refuse), layout=layout)
    return whole(each(make, _listed(table), refuse=refuse), of=layout.title, refuse=refuse)


def _presentation(
    listed: tuple[str, str, str], *, files: Mapping[str, Mapping[str, str]], layout: _Release
) -> Presentation:
    where, name, group = listed
    if group not in SPLITS or not name.startswith(STATION):
        raise DataError(
            f"{where}: the group is {group!r}; a row is a path with {STATION} first and one of "
            f"{', '.join(SPLITS)} last"
        )
    of = layout.truth(name, where=where)
    if name not in files:
        raise DataError(f"{where}: there is no file {name}.hdf5: {layout.title} is only half unpacked")
    return Presentation(
        path=files[name]["colour"],
        label=of.label,
        instrument=of.instrument,
        instrument_model=of.model,
        dataset=layout.dataset,
        split=SPLITS[group],
        subject=of.client,
        session=of.session,
        licence=LICENCE,
        columns={"depth": files[name]["depth"]} if "depth" in files[name] else {},
    )


def _files(root: Path, *, title: str, refuse: Refuse) -> Mapping[str, Mapping[str, str]]:
    """Path below face-station without suffix -> "colour" and "depth" -> file."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES):
        parts = path.relative_to(root).parts
        if STATION not in parts:
            continue
        name = str(PurePosixPath(*parts[parts.index(STATION) :]).with_suffix(""))
        channel = "depth" if any("CDIT" in part for part in parts) else "colour"
        if channel in found.setdefault(name, {}):
            refuse(f"{path} and {found[name][channel]} are one recording of {title}; remove one")
        found[name][channel] = str(path)
    complete = {name: files for name, files in found.items() if "colour" in files}
    if not complete:
        raise DataError(
            f"{root} has no {STATION}/DATE/NAME.hdf5 in colour: it is not {title}; name its folder"
        )
    return complete


def _listed(table: Path) -> Iterator[tuple[str, str, str]]:
    """(where, path below face-station, group) of each row; the path is its first cell, the group its last."""
    for cells in csv.reader(line for _, line in lines_of(table)):
        if not cells or "/" not in cells[0]:
            continue  # the line of titles
        path = PurePosixPath(cells[0].strip())
        parts = path.parts[path.parts.index(STATION) :] if STATION in path.parts else path.parts
        name = PurePosixPath(*parts)
        bare = name.with_suffix("") if name.suffix in SUFFIXES else name
        yield f"{table}: {cells[0]}", str(bare), cells[-1].strip()


def _truth(name: str, *, where: str) -> _NamedTruth:
    cells = PurePosixPath(name).name.split("_")
    if len(cells) != 5 or not (cells[3].isdecimal() and cells[4].isdecimal()):
        raise DataError(f"{where} is not a name of WMCA, such as 100_03_015_2_10; take the list as shipped")
    client, session, _, kind, number = cells
    code = int(kind), int(number)
    if code[0] and code not in INSTRUMENTS:
        raise DataError(
            f"{where}: attack {kind}_{number} is not in the table of WMCA's instruments; leave it out"
        )
    return _NamedTruth(
        client=client,
        session=session,
        label=Label.ATTACK if code[0] else Label.BONA_FIDE,
        instrument=INSTRUMENTS[code] if code[0] else "",
        model=f"{kind}_{number}" if code[0] else "",
    )


def _truth_hq(name: str, *, where: str) -> _NamedTruth:
    cells = PurePosixPath(name).name.split("-")[0].split("_")
    if len(cells) != 7 or not all(cell.isdecimal() for cell in cells):
        raise DataError(
            f"{where} is not a name of HQ-WMCA, such as 1_01_0001_0000_00_00_000-241b2419; take the list "
            "as shipped"
        )
    _, session, client, _, kind, subtype, number = cells
    attack = int(kind) != 0
    return _NamedTruth(
        client=client,
        session=session,
        label=Label.ATTACK if attack else Label.BONA_FIDE,
        instrument=f"type-{kind}/{subtype}" if attack else "",
        model=f"{kind}_{subtype}_{number}" if attack else "",
    )


WMCA = DataSet(
    name="wmca",
    title="WMCA",
    paper="George et al.: Biometric Face PAD with a Multi-Channel CNN, IEEE TIFS 2019",
    licence=LICENCE,
    apply="https://www.idiap.ch/en/scientific-research/data/wmca",
    layout="WMCA_preprocessed_RGB/WMCA/face-station/DATE/NAME.hdf5\n"
    "WMCA_preprocessed_CDIT/WMCA/face-station/DATE/NAME.hdf5\nPROTOCOL-grandtest.csv",
    read=wmca,
)


HQ_WMCA = DataSet(
    name="hq-wmca",
    title="HQ-WMCA",
    paper="Heusch et al.: Deep Models and Shortwave Infrared Information for Face PAD, IEEE TBIOM 2020",
    licence=LICENCE,
    apply="https://www.idiap.ch/en/scientific-research/data/hq-wmca",
    layout="face-station/DATE/NAME.hdf5\nPROTOCOL-grand_test.csv",
    read=hq_wmca,
)
