"""Captures of a colour-and-depth camera, in a layout of our own.

For sets like DMAD (Wang et al., CVPR 2020), which was not published, and for one's own:

    labels.csv                  path,label,instrument and other fields; path is SUBJECT/NAME
    SUBJECT/NAME/color/*        PNG or JPEG, in order of their names
    SUBJECT/NAME/depth/*.png    16 bits, millimetres, 0 where unknown, aligned to the colour

Each colour picture has a depth picture of the same name and size.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, files_in, stop, whole
from unmask.data.folder import read_labels
from unmask.data.splits import DataSet
from unmask.types import DataError, Presentation

TITLE = "an RGB-D folder"
COLOUR, DEPTH = frozenset({".png", ".jpg", ".jpeg"}), frozenset({".png"})


def rgbd(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """One presentation a row: its path is the folder of colour pictures, the column "depth" its twin.

    The subject is the first folder of the path unless a column says it.
    """
    root = Path(root)
    rows = each(partial(_checked, root=root), read_labels(root, refuse=refuse), refuse=refuse)
    return whole(rows, of=TITLE, refuse=refuse)


def _checked(row: Presentation, *, root: Path) -> Presentation:
    folder = Path(row.path)
    colour = {path.stem for path in files_in(folder / "color", COLOUR)}
    depth = {path.stem for path in files_in(folder / "depth", DEPTH)}
    if not colour:
        raise DataError(f"{folder / 'color'} holds no picture; put the colour frames there, PNG or JPEG")
    if alone := sorted(colour ^ depth):
        lacking = "depth" if alone[0] in colour else "colour"
        raise DataError(f"{folder}: {alone[0]} has no {lacking} picture; {len(alone)} are without a twin")
    return replace(
        row,
        path=str(folder / "color"),
        dataset=row.dataset or "rgbd",
        subject=row.subject or folder.relative_to(root).parts[0],
        columns={**row.columns, "depth": str(folder / "depth")},
    )


RGBD = DataSet(
    name="rgbd",
    title="Colour and depth, in a folder",
    paper="after DMAD: Wang et al.: Deep Spatial Gradient and Temporal Depth Learning for FAS, CVPR 2020",
    licence="that of the captures",
    apply="your own captures; DMAD itself was not published",
    layout="labels.csv\nSUBJECT/NAME/color/*.png|jpg\nSUBJECT/NAME/depth/*.png (16 bits, millimetres)",
    read=rgbd,
)
