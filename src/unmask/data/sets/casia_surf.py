"""CASIA-SURF: 1,000 people in colour, depth and near infrared, cut prints (Zhang et al., CVPR 2019 and IEEE
TBIOM 2020, arXiv 1908.10654).

A line of a list is three pictures and a label. Two things differ between copies and are never taken for
granted: the order of the pictures (the modality is that of each path) and which label is bona fide (it is
read from paths that say real_part or fake_part, else from the published numbers of bona fide faces, else it
must be said).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, lines_of, nests, opened, stop, whole
from unmask.data.splits import DataSet
from unmask.types import DataError, Label, Presentation

TITLE = "CASIA-SURF"
LICENCE = "research only, by agreement with CASIA"
LISTS = {
    "train": ("train_list.txt",),
    "dev": ("val_private_list.txt", "val_list.txt"),
    "test": ("test_private_list.txt", "test_list.txt"),
}
COUNTS = {"train": (8942, 20324), "dev": (2994, 6614), "test": (17458, 40252)}  # (bona fide, attacks)
MODALITIES = ("color", "depth", "ir")
CAMERA = "Intel RealSense SR300"
# Folder of an attack -> instrument: a print with these parts cut out, held flat (s) or bent (b)
INSTRUMENTS = {
    "01_e_s": "print/cut-eyes-flat",
    "02_e_b": "print/cut-eyes-bent",
    "03_en_s": "print/cut-eyes-nose-flat",
    "04_en_b": "print/cut-eyes-nose-bent",
    "05_enm_s": "print/cut-eyes-nose-mouth-flat",
    "06_enm_b": "print/cut-eyes-nose-mouth-bent",
}
UNSAID = "print/cut"  # the lists of the challenge do not tell which parts


@dataclass(frozen=True, slots=True)
class _Line:
    split: str
    where: str
    paths: dict[str, str]  # modality -> path below the folder
    label: int


def casia_surf(
    root: str | Path, *, live_label: int | None = None, refuse: Refuse = stop
) -> list[Presentation]:
    """One presentation a line: its path is the colour picture, the columns "depth" and "ir" the others.

    `live_label` (0 or 1) says what the lists call a bona fide face, where nothing else does.
    """
    folder = opened(root, of=TITLE, marks=[LISTS["train"][0]])
    rows: list[Presentation] = []
    for split, names in LISTS.items():
        if file := next((folder / name for name in names if (folder / name).is_file()), None):
            lines = list(_lines(file, split=split, refuse=refuse))
            bona_fide = _bona_fide(lines, file=file, said=live_label)
            rows += each(partial(_presentation, folder=folder, bona_fide=bona_fide), lines, refuse=refuse)
    if "test" not in {row.split for row in rows} or "dev" not in {row.split for row in rows}:
        wanted = " and ".join(LISTS[split][0] for split in ("dev", "test"))
        refuse(f"{folder} has not both {wanted}; take the lists that hold labels")
    for place in sorted({row.path.rpartition("/")[0] for row in rows}):
        if not Path(place).is_dir():  # whether each picture is there is for `unmask doctor` to say
            refuse(f"{folder} lists pictures in {place}, which is not there; unpack it again")
    return whole(rows, of=TITLE, refuse=refuse)


def modality(path: str) -> str:
    """That of a path: by the name of a folder, or by the end of the file's name; "" when neither tells.

    >>> modality("Training/real_part/CLKJ_CS0110/real.rssdk/ir/91.jpg"), modality("Val/0000/000000-color.jpg")
    ('ir', 'color')
    """
    told = [name for name in MODALITIES if f"/{name}/" in path or f"-{name}." in path]
    return told[0] if len(told) == 1 else ""


def _lines(file: Path, *, split: str, refuse: Refuse) -> Iterator[_Line]:
    for number, text in lines_of(file):
        try:
            line = _line(text, split=split, where=f"{file}, line {number}")
        except DataError as refused:
            refuse(str(refused))
            continue
        yield line


def _line(text: str, *, split: str, where: str) -> _Line:
    cells = text.split()
    if len(cells) != 4 or cells[3] not in ("0", "1"):
        raise DataError(
            f"{where}: {len(cells)} columns; a list of {TITLE} has three pictures and a label 0 or 1"
        )
    paths = {modality(cell): cell for cell in cells[:3]}
    if set(paths) != set(MODALITIES):
        raise DataError(
            f"{where}: the pictures are not one each of {', '.join(MODALITIES)}; take another list"
        )
    return _Line(split, where, paths, int(cells[3]))


def _truth(path: str) -> Label | None:
    if "/real_part/" in path:
        return Label.BONA_FIDE
    return Label.ATTACK if "/fake_part/" in path else None


def _bona_fide(lines: list[_Line], *, file: Path, said: int | None) -> int:
    """Which label of this list is a bona fide face."""
    found = {
        line.label if truth is Label.BONA_FIDE else 1 - line.label
        for line in lines
        if (truth := _truth(line.paths["color"])) is not None
    }
    if len(found) == 2:
        raise DataError(
            f"{file} calls bona fide faces 0 in some lines and 1 in others; take the list as shipped"
        )
    if found and said is not None and found != {said}:
        raise DataError(f"{file} calls bona fide faces {found.pop()}, by its paths, not {said}")
    if found or said is not None:
        return found.pop() if found else int(bool(said))
    ones = sum(line.label for line in lines)
    numbers = COUNTS[lines[0].split] if lines else (0, 0)
    fitting = [one for one, pair in ((1, numbers), (0, numbers[::-1])) if pair == (ones, len(lines) - ones)]
    if len(fitting) != 1:
        raise DataError(
            f"{file} does not tell whether 0 or 1 is a bona fide face: its paths do not say, and {ones} ones "
            f"in {len(lines)} lines are not the published numbers; say which: casia-surf:live=1 or :live=0"
        )
    return fitting[0]


def _presentation(line: _Line, *, folder: Path, bona_fide: int) -> Presentation:
    colour = line.paths["color"]
    label = Label.BONA_FIDE if line.label == bona_fide else Label.ATTACK
    parts = colour.split("/")
    return Presentation(
        path=f"{folder}/{colour}",
        label=label,
        instrument="" if label is Label.BONA_FIDE else _instrument(parts, where=line.where),
        dataset="casia-surf",
        split=line.split,
        subject=next((part for part in parts if part.startswith("CLKJ_")), ""),
        camera=CAMERA,
        licence=LICENCE,
        columns={name: f"{folder}/{line.paths[name]}" for name in ("depth", "ir")},
    )


def _instrument(parts: Sequence[str], *, where: str) -> str:
    if "fake_part" not in parts:
        return UNSAID
    kind = next((part.removesuffix(".rssdk") for part in parts if part.endswith(".rssdk")), "")
    if kind not in INSTRUMENTS:
        raise DataError(f"{where}: {kind!r} is not an attack of {TITLE}, which has {', '.join(INSTRUMENTS)}")
    return INSTRUMENTS[kind]


def mistakes(root: Path) -> Iterator[str]:
    """Lists whose columns are not in the order that most programs take for granted."""
    lists = {name for names in LISTS.values() for name in names}
    for file in sorted(place / name for place in nests(root) for name in lists if (place / name).is_file()):
        for number, text in lines_of(file):
            order = tuple(modality(cell) for cell in text.split()[:3])
            if order != MODALITIES and set(order) == set(MODALITIES):
                yield (
                    f"{file}, line {number} has the columns {', '.join(order)}, where "
                    f"most programs expect {', '.join(MODALITIES)}: here each path tells its own, so nothing "
                    "is mixed up, but do not give this list to a program that counts columns"
                )
                break


CASIA_SURF = DataSet(
    name="casia-surf",
    title="CASIA-SURF",
    paper="Zhang et al.: CASIA-SURF: A Large-scale Multi-modal Benchmark, IEEE TBIOM 2020",
    licence=LICENCE,
    apply="https://github.com/liuajian/Face-Anti-spoofing-Datasets",
    layout="train_list.txt\nval_private_list.txt\ntest_private_list.txt\n"
    "Training/{real_part,fake_part}/SUBJECT/ATTACK.rssdk/{color,depth,ir}/*.jpg\nVal/...\nTesting/...",
    read=casia_surf,
    counts=COUNTS,
    mistakes=mistakes,
    options={"live=0": {"live_label": 0}, "live=1": {"live_label": 1}},
)
