"""Depth labels made by others: box files, depth1D pictures, depth cameras."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from present import present
from unmask.data.prepare.depth_labels import (
    RELIEF_M,
    attack_depth,
    authors_box,
    authors_frames,
    face_depth,
    read_box,
    read_depth1d,
    read_depth_folder,
    read_depth_m,
)
from unmask.media.clips import cut_depth, cut_picture
from unmask.types import DataError, SourceError

FACE = np.array([40, 30, 104, 94], np.float32)  # 64 pixels of a frame of 160 x 120


def dome(
    *, height: Any = 120, width: Any = 160, far: float = 0.6, near: float = 0.5, wall: float = 2.0
) -> Any:
    """(H, W) metres: a half sphere of radius 32 around the middle of FACE, before a wall."""
    y, x = np.mgrid[:height, :width]
    away = np.hypot(x - 71.5, y - 61.5) / 32
    depth = np.where(away < 1, far - (far - near) * np.sqrt(np.maximum(1 - away**2, 0)), wall)
    return depth.astype(np.float32)


def authors_tree(root: Any, *, frames: Any = 4, without: Any = (2,)) -> Any:
    for video in ("1_1_01_1", "1_1_01_10", "1_1_01_2"):
        (root / "train_images" / video).mkdir(parents=True)
        (root / "train_depth" / video).mkdir(parents=True)
        for n in range(1, frames + 1):
            stem = f"{video}_{n:03d}"
            picture = np.full((120, 160, 3), n, np.uint8)
            cv2.imwrite(str(root / "train_images" / video / f"{stem}_scene.jpg"), picture)
            (root / "train_images" / video / f"{stem}_scene.dat").write_text("40\n30\n64\n64\n")
            if n not in without:
                grey = np.where(dome() < 1, 255 * (0.6 - dome()) / 0.1, 0).astype(np.uint8)
                cv2.imwrite(str(root / "train_depth" / video / f"{stem}_depth1D.jpg"), grey)
    return root


def test_an_authors_tree_is_walked_in_order_with_its_gaps(tmp_path: Path) -> None:
    frames = list(authors_frames(authors_tree(tmp_path), part="train"))
    assert [frame.video for frame in frames[::4]] == ["1_1_01_1", "1_1_01_2", "1_1_01_10"]
    assert [frame.number for frame in frames[:4]] == [1, 2, 3, 4]
    assert [frame.depth is None for frame in frames[:4]] == [False, True, False, False]


def test_a_box_file_is_left_top_width_height(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text("40\n30\n64\n50\n")
    assert read_box(tmp_path / "a.dat").tolist() == [40, 30, 104, 80]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1\n2\n3\n", "is not a face box: four numbers"),
        ("1 2 3 x", "is not a face box"),
        ("1 2 0 9", "a box of 0 x 9 pixels holds no face"),
        ("1 2 nan 9", "holds no face"),
        ("", "is not a face box"),
    ],
)
def test_a_broken_box_file_is_said(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_box(tmp_path / "a.dat")
    with pytest.raises(DataError, match="does not exist"):
        read_box(tmp_path / "b.dat")


def test_the_authors_crop_is_clipped_to_the_picture() -> None:
    assert authors_box(FACE, picture=(120, 160)).tolist() == pytest.approx([30.4, 20.4, 113.6, 103.6])
    assert authors_box(FACE, picture=(80, 100)).tolist() == pytest.approx([30.4, 20.4, 100, 80])
    with pytest.raises(DataError, match="lies outside its picture"):
        authors_box(FACE + 500, picture=(120, 160))


@pytest.mark.parametrize("out", [32, 48])
def test_a_depth1d_is_cut_as_its_picture_and_near_is_one(out: int, tmp_path: Path) -> None:
    frame = next(authors_frames(authors_tree(tmp_path), part="train"))
    box = authors_box(read_box(frame.box), picture=(120, 160))
    depth = present(frame.depth)
    label = read_depth1d(depth, box, out=out)
    assert (label.shape, label.dtype) == ((out, out), np.dtype(np.float32))
    assert label[out // 2, out // 2] == pytest.approx(1, abs=0.03)
    assert label[0, 0] == pytest.approx(0, abs=0.03)
    picture = cut_picture(present(cv2.imread(str(depth))), box, size_px=out)
    assert np.abs(label - picture[..., 0] / 255).max() < 0.01


def test_a_wrong_tree_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train_images is not there"):
        next(authors_frames(tmp_path, part="train"))
    root = authors_tree(tmp_path)
    (root / "train_images" / "1_1_01_1" / "1_1_01_1_001_scene.dat").unlink()
    with pytest.raises(DataError, match="has no box beside it"):
        next(authors_frames(root, part="train"))
    image = root / "train_images" / "1_1_01_1" / "1_1_01_1_001_scene.jpg"
    image.rename(image.with_name("x_001_scene.jpg"))
    with pytest.raises(DataError, match=r"is not named 1_1_01_1_NUMBER_scene.jpg"):
        list(authors_frames(root, part="train"))


def test_a_depth_map_in_millimetres_becomes_metres_with_holes(tmp_path: Path) -> None:
    stored = np.full((4, 5), 1234, np.uint16)
    stored[1, 2] = 0
    cv2.imwrite(str(tmp_path / "d.png"), stored)
    depth = read_depth_m(tmp_path / "d.png")
    assert depth.dtype == np.float32
    assert depth[0, 0] == pytest.approx(1.234)
    assert np.isnan(depth[1, 2])
    assert np.isfinite(depth).sum() == 19


def test_the_maps_of_a_recording_come_in_order_of_its_frames(tmp_path: Path) -> None:
    for n in (10, 9, 100):
        cv2.imwrite(str(tmp_path / f"depth_mm_{n}.png"), np.full((4, 5), n, np.uint16))
    (tmp_path / "meta.json").write_text("{}")
    assert [round(1000 * float(depth[0, 0])) for depth in read_depth_folder(tmp_path)] == [9, 10, 100]
    cv2.imwrite(str(tmp_path / "depth_mm_11.png"), np.full((5, 4), 1, np.uint16))
    with pytest.raises(DataError, match=r"depth_mm_11.png is 4 x 5 pixels, others 5 x 4"):
        list(read_depth_folder(tmp_path))
    with pytest.raises(DataError, match="holds no depth map"):
        next(read_depth_folder(tmp_path / "nothing"))


def test_a_picture_is_no_depth_map(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "d.png"), np.zeros((4, 5), np.uint8))
    with pytest.raises(DataError, match="is uint8 with 2 axes; a depth map is a grey PNG of 16 bits"):
        read_depth_m(tmp_path / "d.png")
    with pytest.raises(SourceError, match="does not exist"):
        read_depth_m(tmp_path / "e.png")


@pytest.mark.parametrize("out", [32, 64])
def test_a_real_face_is_near_one_far_zero_and_the_wall_nothing(out: int) -> None:
    box = authors_box(FACE, picture=(120, 160))
    label = face_depth(dome(), box, out=out)
    assert (label.shape, label.dtype) == ((out, out), np.dtype(np.float32))
    assert label[out // 2, out // 2] == pytest.approx(1, abs=0.02)
    assert label.min() == 0
    assert label[1, 1] == 0
    middle = label[out // 2, out // 2 :]
    assert (np.diff(middle) <= 1e-6).all()  # it falls towards the ear


def test_a_mask_says_what_the_face_is_whatever_the_unit() -> None:
    mask = np.zeros((32, 32), np.float32)
    mask[8:24, 8:24] = 1
    label = face_depth(1000 * dome(), FACE, mask=mask)
    assert ((label > 0) <= (mask > 0)).all()
    assert label.max() == 1
    assert np.abs(label - face_depth(dome(), FACE, mask=mask)).max() < 1e-4


def test_a_shift_of_picture_and_box_leaves_the_label() -> None:
    moved = np.full((140, 200), 2.0, np.float32)
    moved[12:132, 17:177] = dome()
    label = face_depth(moved, FACE + np.array([17, 12, 17, 12]))
    assert np.abs(label - face_depth(dome(), FACE)).max() < 1e-6


def test_a_flat_print_stays_flat_on_the_scale_of_heads() -> None:
    rng = np.random.default_rng(0)
    print_m = (0.5 + 0.001 * rng.normal(size=(120, 160))).astype(np.float32)
    assert attack_depth(print_m, FACE).max() < 0.05
    tilted = print_m + np.linspace(0, RELIEF_M, 160, dtype=np.float32)
    assert attack_depth(tilted, FACE).max() > 0.3
    assert attack_depth(print_m, FACE, mask=np.zeros((32, 32), np.float32)).max() == 0


@pytest.mark.parametrize("label", [face_depth, attack_depth])
def test_a_rim_of_wall_under_the_mask_does_not_flatten_the_face(label: Any) -> None:
    """The mask reaches over the face by two cells: a tenth of it, partly mixed with the wall."""
    y, x = np.mgrid[:32, :32]
    away = np.hypot(x - 15.5, y - 15.5) * 2 / 32
    tight, wide = ((away < reach).astype(np.float32) for reach in (0.94, 1.06))
    assert np.abs(label(dome(), FACE, mask=wide) - label(dome(), FACE, mask=tight))[tight > 0].mean() < 0.15


def test_a_box_without_depth_gives_an_empty_label() -> None:
    unknown = np.full((120, 160), np.nan, np.float32)
    assert face_depth(unknown, FACE).max() == 0
    assert attack_depth(unknown, FACE).max() == 0
    assert face_depth(dome(), FACE + 1000).max() == 0


def test_holes_are_not_mixed_into_depth() -> None:
    depth = np.full((64, 64), 0.5, np.float32)
    depth[::3] = np.nan  # a third of each cell
    cut = cut_depth(depth, np.array([0, 0, 64, 64]), size_px=32)
    assert np.nanmax(np.abs(cut - 0.5)) < 1e-6
    depth[:32] = np.nan
    assert np.isnan(cut_depth(depth, np.array([0, 0, 64, 64]), size_px=8)[:4]).all()
    beyond = cut_depth(depth, np.array([32, 32, 96, 96]), size_px=8)
    assert np.isnan(beyond[:, 4:]).all()
    assert np.isfinite(beyond[:4, :4]).all()


def test_cutting_depth_is_cutting_a_picture_where_all_is_known() -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 255, (120, 160), np.uint8)
    for size in (16, 32, 128):
        as_depth = cut_depth(grey.astype(np.float32), FACE, size_px=size)
        assert (
            np.abs(as_depth - cut_picture(grey, FACE, size_px=size)).max() < 1
        )  # OpenCV's bytes are rounded on the way
