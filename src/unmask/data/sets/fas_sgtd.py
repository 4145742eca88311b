"""Trees that FAS-SGTD's authors' scripts prepare of OULU-NPU (Wang et al., CVPR 2020,
github.com/clks-wzz/FAS-SGTD): pictures with boxes, and PRNet's depth.

    {train,dev,test}_images/VIDEO/VIDEO_001_scene.jpg, VIDEO_001_scene.dat
    {train,dev,test}_depth/VIDEO/VIDEO_001_depth1D.jpg

VIDEO is a name of OULU-NPU, and the folder tells the part. Others than OULU-NPU's names are refused: nothing
else tells what they show.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from unmask.data.archive import Refuse, each, folder, folders_in, stop, whole
from unmask.data.prepare.depth_labels import DEPTH1D
from unmask.data.sets.oulu_npu import LICENCE, PATTERN, USERS, shown
from unmask.data.splits import DataSet
from unmask.types import DataError, Presentation

NAME, TITLE = "fas-sgtd", "a tree of FAS-SGTD"
PARTS = ("train", "dev", "test")


def fas_sgtd(root: str | Path, *, refuse: Refuse = stop) -> list[Presentation]:
    """One presentation a video: its path is the folder of pictures, the column "depth1d" its depth."""
    root = folder(root, of=TITLE)
    parts = [part for part in PARTS if (root / f"{part}_images").is_dir()]
    if not parts:
        raise DataError(f"{root} has no folder train_images: it is not {TITLE}; name its folder")
    rows: list[Presentation] = []
    for part in parts:
        if not (root / f"{part}_depth").is_dir():
            refuse(f"{root} has {part}_images and no {part}_depth; put the depth of the same videos there")
            continue
        make = partial(_presentation, part=part, root=root)
        rows += each(make, folders_in(root / f"{part}_images"), refuse=refuse)
    return whole(rows, of=TITLE, parts=parts, refuse=refuse)


def _presentation(path: Path, *, part: str, root: Path) -> Presentation:
    match = PATTERN.fullmatch(path.name)
    if match is None:
        raise DataError(f"{path} is not named Phone_Session_User_File, as 6_3_20_5 is; move it elsewhere")
    if int(match[3]) not in USERS[part]:
        raise DataError(
            f"{path} shows user {match[3]}, who is not in {part} of OULU-NPU; move it to its own part"
        )
    if not next(path.glob("*_scene.jpg"), None):
        raise DataError(f"{path} holds no {path.name}_001_scene.jpg; copy it again")
    columns = {DEPTH1D: str(root / f"{part}_depth" / path.name)}
    return replace(shown(path, match, dataset=NAME, split=part), columns=columns)


FAS_SGTD = DataSet(
    name=NAME,
    title="OULU-NPU as FAS-SGTD's authors prepared it",
    paper="Wang et al.: Deep Spatial Gradient and Temporal Depth Learning for FAS, CVPR 2020",
    licence=LICENCE,
    apply="made of OULU-NPU with the scripts at https://github.com/clks-wzz/FAS-SGTD",
    layout="train_images/1_1_01_1/1_1_01_1_001_scene.jpg|dat\ntrain_depth/1_1_01_1/1_1_01_1_001_depth1D.jpg\n"
    "dev_images/...  dev_depth/...  test_images/...  test_depth/...",
    read=fas_sgtd,
)
