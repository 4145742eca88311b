"""Trees that FAS-SGTD's authors prepared: read as a set, cut without a face finder, their depth the label."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from present import present
from unmask.app import prepare as command
from unmask.app.prepare import PrepareOptions
from unmask.data.prepare.authors import AuthorsTree
from unmask.data.prepare.depth_labels import authors_box, read_depth1d
from unmask.data.prepare.preparation import Cutting
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.protocols import PROTOCOLS
from unmask.data.sets.fas_sgtd import fas_sgtd
from unmask.media.clips import cut_picture
from unmask.media.images import read_image
from unmask.types import ClipSpec, DataError, Label

SPEC = ClipSpec(frames=2, stride_s=0.1, size_px=48)


def prepare_options(**wished: Any) -> PrepareOptions:
    """Options for clips of SPEC, without a margin."""
    folders: dict[str, Any] = {"dataset": "folder", "root": Path(), "out": Path()}
    clip = {"clip_frames": SPEC.frames, "clip_stride": SPEC.stride_s, "clip_size": SPEC.size_px}
    return PrepareOptions(**(folders | clip | {"margin": 0.0} | wished))


def run(dataset: str, root: Path, *, out: Path, options: PrepareOptions) -> int:
    """`unmask prepare` of that folder."""
    return command.prepare(replace(options, dataset=dataset, root=root, out=out))


OPTIONS = prepare_options(every_s=0.2, shard=2, jobs=1, protocol="fas-sgtd/shipped")
USERS = {"train": "01", "dev": "21", "test": "36"}
BOX = np.array([40, 30, 104, 100], np.float32)  # of a picture of 160 x 120


def build_tree(root: Any, *, frames: Any = 8, without: Any = (3,)) -> Any:
    """A bona fide and a replay in each part; a ball of depth that moves to the right."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:120, :160]
    for part, user in USERS.items():
        for file in ("1", "4"):
            video = f"2_3_{user}_{file}"
            images, depths = root / f"{part}_images" / video, root / f"{part}_depth" / video
            images.mkdir(parents=True)
            depths.mkdir(parents=True)
            for n in range(1, frames + 1):
                picture = rng.integers(0, 255, (120, 160, 3), np.uint8)
                cv2.imwrite(str(images / f"{video}_{n:03d}_scene.jpg"), picture)
                (images / f"{video}_{n:03d}_scene.dat").write_text("40\n30\n64\n70\n")
                ball = np.maximum(1 - np.hypot(x - 70 - n, y - 64) ** 2 / 30**2, 0)
                if n not in without:
                    cv2.imwrite(
                        str(depths / f"{video}_{n:03d}_depth1D.jpg"), (255 * np.sqrt(ball)).astype(np.uint8)
                    )
    return root


@pytest.fixture(autouse=True)
def no_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for a face fails."""
    monkeypatch.setattr(command, "FaceFinder", type("Nobody", (), {"load": None}))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "tree")


def test_names_and_folders_tell_who_is_shown_how_and_in_which_part(tree: Path) -> None:
    rows = fas_sgtd(tree)
    assert len(rows) == 6
    replay = next(row for row in rows if row.path.endswith("2_3_01_4"))
    assert (replay.label, replay.instrument, replay.subject) == (Label.ATTACK, "replay/display-1", "01")
    assert (replay.split, replay.session, replay.camera) == ("train", "3", "htc-desire-eye")
    split = PROTOCOLS["fas-sgtd/shipped"].split(rows)
    assert split.counts() == {"train": (1, 1), "dev": (1, 1), "test": (1, 1)}


def test_a_tree_becomes_a_set_that_training_reads(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("fas-sgtd", tree, out=out, options=OPTIONS) == 0
    dev = PreparedSet.open(out / "dev")
    assert (
        len(PreparedSet.open(out / "train").rows) == len(dev.rows) == 4
    )  # from frames 1 and 5 on, wait 0.2 s
    arrays = dev.read(range(len(dev.rows)))
    for row, clips, depth, mask in zip(dev.rows, arrays.clips, arrays.depth, arrays.mask, strict=True):
        video = row.name.removeprefix("dev_images/")
        box = np.round(authors_box(BOX, picture=(120, 160)))
        assert row.box == tuple(box.astype(int))
        number = 1 + round(30 * row.time_s)
        stem = f"{video}_{number:03d}"
        picture = read_image(tree / row.name / f"{stem}_scene.jpg")
        assert np.array_equal(clips[0], cut_picture(picture, box, size_px=48))
        stored = 255 * read_depth1d(tree / "dev_depth" / video / f"{stem}_depth1D.jpg", box)
        expected = np.where(stored > 8, stored, 0) if row.label is Label.BONA_FIDE else np.zeros((32, 32))
        assert np.abs(depth[0] - expected).max() <= 0.5 + 1e-3
        assert np.array_equal(mask[0] == 255, stored > 8)
        assert 0.2 < (mask[0] > 0).mean() < 0.7
        assert mask[0, 0, 0] == 0
    bona_fide = [k for k, row in enumerate(dev.rows) if row.label is Label.BONA_FIDE]
    assert len(bona_fide) == 2
    assert arrays.depth[bona_fide[0]].max() > 240
    assert not np.array_equal(arrays.depth[bona_fide[0], 0], arrays.depth[bona_fide[0], 1])


def test_crops_of_train_are_moved_by_the_seed_alone(tree: Path) -> None:
    source = AuthorsTree(presentations=fas_sgtd(tree), root=str(tree), seconds=10.0)
    cutting = Cutting(clip=SPEC, seed=3, cuts=3, depth_px=16)
    video = present(source(0))
    cut, again, other = (video.cut(cutting, seed=seed) for seed in (0, 0, 1))
    assert cut.arrays.depth.shape[2:] == (16, 16)
    assert len({row.box for row in cut.rows}) == 3
    assert [row.box for row in cut.rows] == [row.box for row in again.rows]
    assert [row.box for row in cut.rows] != [row.box for row in other.rows]
    assert source(6) is None


def test_videos_that_give_no_clip_say_why(tree: Path, tmp_path: Path) -> None:
    shutil.rmtree(tree / "train_depth" / "2_3_01_4")
    first = next((tree / "dev_images" / "2_3_21_4").glob("*.dat"))
    for box in first.parent.glob("*.dat"):
        box.write_text("1\n2\n")
    small = np.zeros((60, 80), np.uint8)
    for depth in (tree / "test_depth" / "2_3_36_4").iterdir():
        cv2.imwrite(str(depth), small)
    assert run("fas-sgtd", tree, out=tmp_path / "out", options=OPTIONS) == 0
    rows = {row["path"]: row for row in pq.read_table(tmp_path / "out" / "manifest.parquet").to_pylist()}
    assert len(rows) == 6
    for path, reason, words in (
        ("train_images/2_3_01_4", "NO_DEPTH", "no frame has a depth1D picture"),
        ("dev_images/2_3_21_4", "UNREADABLE", "dev_images/2_3_21_4/2_3_21_4_001_scene.dat is not a face box"),
        ("test_images/2_3_36_4", "UNREADABLE", "is 80 x 60 pixels, its picture 160 x 120"),
    ):
        assert (rows[path]["clips"], rows[path]["reason"]) == (0, reason)
        assert words in rows[path]["detail"]
    assert sum(row["clips"] > 0 for row in rows.values()) == 3
    assert str(tree) not in (tmp_path / "out" / "manifest.parquet").read_bytes().decode("latin-1")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: shutil.rmtree(root / "train_depth"), "has train_images and no train_depth"),
        (lambda root: (root / "dev_images" / "clip").mkdir(), "clip is not named Phone_Session_User_File"),
        (lambda root: (root / "dev_images" / "2_3_01_1").mkdir(), "shows user 01, who is not in dev"),
        (lambda root: (root / "test_images" / "1_3_36_1").mkdir(), "holds no 1_3_36_1_001_scene.jpg"),
        (
            lambda root: list(map(shutil.rmtree, root.glob("*_images"))),
            "has no folder train_images",
        ),
    ],
)
def test_what_is_wrong_with_a_tree_is_said(tree: Path, spoil: Any, words: str) -> None:
    spoil(tree)
    with pytest.raises(DataError, match=words):
        fas_sgtd(tree)


def test_its_depth_is_no_depth_camera(tree: Path, tmp_path: Path) -> None:
    options = prepare_options(protocol="fas-sgtd/shipped", depth="real")
    with pytest.raises(DataError, match="fas-sgtd has no depth beside its pictures"):
        run("fas-sgtd", tree, out=tmp_path / "out", options=options)
