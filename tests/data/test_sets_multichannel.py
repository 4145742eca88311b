"""WMCA and HQ-WMCA, HDF5 recordings, and folders of colour and depth."""

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from unmask.data.protocols import PROTOCOLS
from unmask.data.protocols.wmca import KINDS
from unmask.data.sets.rgbd import rgbd
from unmask.data.sets.wmca import INSTRUMENTS, hq_wmca, wmca
from unmask.data.splits import leaks
from unmask.media.hdf5 import hdf5_depths, is_hdf5, open_hdf5
from unmask.media.limits import Limits
from unmask.media.sources import open_source
from unmask.types import DataError, Label, SourceError

h5py = pytest.importorskip("h5py")
PEOPLE = {"train": range(24), "dev": range(24, 47), "eval": range(47, 72)}  # 72 subjects
# One number of each kind of attack
CODES = {"glasses": (1, 1), "rigidmask": (2, 12), "fakehead": (2, 1), "papermask": (2, 8)}
CODES |= {"flexiblemask": (2, 75), "prints": (3, 1), "replay": (4, 1)}


def build_wmca(root: Any, *, change: Any = lambda row: row, twins: bool = True) -> Any:
    rows = ["path,label,attack,group"]
    for group, people in PEOPLE.items():
        names = [f"{n:03d}_01_{n:03d}_0_01" for n in people]
        names += [
            f"{200 + 10 * list(PEOPLE).index(group) + k}_01_001_{kind}_{number:02d}"
            for k, (kind, number) in enumerate(CODES.values())
        ]
        for name in names:
            rows.append(f"face-station/12.02.18/{name},{int('_0_01' not in name)},,{group}")
            for tree in ("RGB", "CDIT") if twins else ("RGB",):
                path = (
                    root / f"WMCA_preprocessed_{tree}" / "WMCA" / "face-station" / "12.02.18" / f"{name}.hdf5"
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    (root / "protocols").mkdir()
    (root / "protocols" / "PROTOCOL-grandtest.csv").write_text("\n".join(change(row) for row in rows) + "\n")
    return root


def test_grandtest_is_as_the_csv_says(tmp_path: Path) -> None:
    split = PROTOCOLS["wmca/grandtest"].split(wmca(build_wmca(tmp_path)))
    assert split.counts() == {"train": (24, 7), "dev": (23, 7), "test": (25, 7)}
    assert leaks(split) == []


def test_colour_and_depth_are_told_apart_and_instruments_named(tmp_path: Path) -> None:
    rows = wmca(build_wmca(tmp_path))
    assert all("_RGB/" in row.path and "_CDIT/" in row.columns["depth"] for row in rows)
    told = {row.instrument_model: row.instrument for row in rows if row.instrument}
    assert told["2_12"] == "mask/rigid"
    assert told["2_08"] == "mask/paper"
    assert {i for kind in KINDS.values() for i in kind} <= set(INSTRUMENTS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_left_out_is_the_only_attack_of_the_test(kind: Any, tmp_path: Path) -> None:
    split = PROTOCOLS[f"wmca/loo.{kind}"].split(wmca(build_wmca(tmp_path)))
    assert split.counts() == {"train": (24, 6), "dev": (23, 6), "test": (25, 1)}
    assert {p.instrument for p in split.test if p.instrument} <= set(KINDS[kind])
    assert not {p.instrument for p in (*split.train, *split.dev)} & set(KINDS[kind])
    assert leaks(split) == []


def test_the_file_of_the_other_channels_may_be_missing(tmp_path: Path) -> None:
    assert {tuple(row.columns) for row in wmca(build_wmca(tmp_path, twins=False))} == {()}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",,eval", ",,world", r"the group is 'world'; a row is a path .* train, dev"),
        ("001_3_01", "001_3_99", "attack 3_99 is not in the table of WMCA's instruments"),
        ("001_3_01", "001_3_01_7", "is not a name of WMCA, such as 100_03_015_2_10"),
        (
            "005_01_005_0_01",
            "005_01_005_0_02",
            "there is no file .*005_0_02.hdf5: WMCA is only half unpacked",
        ),
        ("005_01_005_0_01", "004_01_004_0_01", "lists .* twice"),
    ],
)
def test_the_list_of_wmca_is_held_to_its_format(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence):
        wmca(build_wmca(tmp_path, change=lambda row: row.replace(old, new)))


def test_a_list_of_wmca_in_another_encoding_is_said(tmp_path: Path) -> None:
    root = build_wmca(tmp_path)
    (root / "protocols" / "PROTOCOL-grandtest.csv").write_bytes("Größe,\n".encode("latin-1"))
    with pytest.raises(DataError, match="is not a list in UTF-8"):
        wmca(root)


def test_one_recording_in_two_places_is_said(tmp_path: Path) -> None:
    root = build_wmca(tmp_path)
    twin = root / "copy_RGB" / "face-station" / "12.02.18" / "005_01_005_0_01.hdf5"
    twin.parent.mkdir(parents=True)
    twin.touch()
    with pytest.raises(DataError, match=r"005_0_01.hdf5 are one recording of WMCA; remove one"):
        wmca(root)


def test_a_wrong_folder_of_wmca_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; name the folder"):
        wmca(tmp_path / "nowhere")
    (tmp_path / "notes").touch()
    with pytest.raises(DataError, match="has no folder face-station: it is not WMCA"):
        wmca(tmp_path)
    (tmp_path / "face-station" / "1").mkdir(parents=True)
    with pytest.raises(DataError, match=r"has no PROTOCOL-grandtest.csv, which WMCA needs"):
        wmca(tmp_path)
    (tmp_path / "PROTOCOL-grandtest.csv").write_text("face-station/1/001_01_001_0_01,0,,train\n")
    with pytest.raises(DataError, match=r"has no face-station/DATE/NAME.hdf5 in colour"):
        wmca(tmp_path)


def test_hq_wmca_keeps_the_numbers_of_its_types(tmp_path: Path) -> None:
    names = {"1_01_0001_0000_00_00_000-241b2419": "train", "1_02_0101_0003_05_02_007-0a0b0c0d": "validation"}
    names |= {"1_01_0002_0000_00_00_000-11111111": "test"}
    folder = tmp_path / "face-station" / "01.03.19"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.hdf5").touch()
    lines = [f"face-station/01.03.19/{name},{group}" for name, group in names.items()]
    (tmp_path / "PROTOCOL-grand_test.csv").write_text("\n".join(lines))
    rows = hq_wmca(tmp_path)
    assert [(row.label, row.instrument, row.subject, row.split) for row in rows] == [
        (Label.BONA_FIDE, "", "0001", "train"),
        (Label.BONA_FIDE, "", "0002", "test"),
        (Label.ATTACK, "type-05/02", "0101", "dev"),
    ]
    assert PROTOCOLS["hq-wmca/grandtest"].split(rows).counts()["dev"] == (0, 1)


LIMITS = Limits()


def recording(
    path: Any, *, channels: Any, frames: Any = 12, size: Any = (6, 8), dtype: Any = np.uint8
) -> Any:
    """As bob writes them: Frame_10 comes before Frame_2 in order of names."""
    with h5py.File(path, "w") as file:
        indexes = file.create_group("FrameIndexes")
        for n in range(frames):
            indexes[str(n)] = str(n)
            file.create_group(f"Frame_{n}")["array"] = np.full((channels, *size), 10 + n, dtype)
    return path


def test_colour_frames_come_in_order_of_time(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.hdf5", channels=3)
    with h5py.File(path, "r+") as file:
        file["Frame_2"]["array"][0] = 200  # the red channel
    source = open_source(path, fps=25.0)
    frames = list(source.frames)
    assert (source.kind, source.frame_count, source.fps) == ("video", 12, 25.0)
    assert [frame.image[0, 0, 1] for frame in frames] == list(range(10, 22))
    assert frames[2].image[0, 0].tolist() == [200, 12, 12]
    assert frames[0].image.shape == (6, 8, 3)
    assert frames[5].time_s == pytest.approx(0.2)


def test_other_channels_show_as_grey_and_give_depth(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.hdf5", channels=4)
    with h5py.File(path, "r+") as file:
        file["Frame_0"]["array"][1, 2, 3] = 0
        file["Frame_0"]["array"][1, 2, 4] = 77
    assert next(open_source(path).frames).image[0, 0].tolist() == [10, 10, 10]
    depths = hdf5_depths(path)
    assert (depths.shape, depths.dtype) == ((12, 6, 8), np.dtype(np.float32))
    assert np.isnan(depths[0, 2, 3])
    assert depths[0, 2, 4] == 77


def test_a_recording_without_depth_or_frames_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has 3 channels, and depth is one of four"):
        hdf5_depths(recording(tmp_path / "a.hdf5", channels=3))
    with pytest.raises(SourceError, match=r"has no array .channels, H, W. of bytes"):
        open_source(recording(tmp_path / "b.hdf5", channels=3, dtype=np.float32))
    with h5py.File(tmp_path / "c.hdf5", "w") as file:
        file["Color_Data"] = np.zeros(3)
    with pytest.raises(SourceError, match=r"holds .'Color_Data'. and no Frame_0"):
        open_source(tmp_path / "c.hdf5")


def test_a_cut_off_recording_is_said(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.hdf5", channels=3)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(SourceError, match="is damaged or cannot be read as HDF5"):
        open_source(path)


def test_limits_hold_for_recordings(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.hdf5", channels=3)
    with pytest.raises(SourceError, match="over 5 frames"):
        open_hdf5(path, fps=30.0, limits=Limits(max_frames=5))
    with pytest.raises(SourceError, match="pixels"):
        open_hdf5(path, fps=30.0, limits=Limits(max_pixels=10))


def test_a_missing_h5py_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recording(tmp_path / "a.hdf5", channels=3)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert is_hdf5(path)
    with pytest.raises(SourceError, match=r'need h5py, which is not installed; pip install "unmask\[data\]"'):
        open_source(path)


def build_rgbd(root: Any, *, presentations: Any = ("ann/one", "bob/two"), frames: Any = 3) -> Any:
    rows = ["path,label,instrument,split"]
    for k, name in enumerate(presentations):
        for kind in ("color", "depth"):
            (root / name / kind).mkdir(parents=True)
        for n in range(frames):
            colour = np.full((20, 30, 3), 50 * k, np.uint8)
            cv2.imwrite(str(root / name / "color" / f"{n:04d}.jpg"), colour)
            cv2.imwrite(str(root / name / "depth" / f"{n:04d}.png"), np.full((20, 30), 500, np.uint16))
        rows.append(f"{name},{'attack,print/coated' if k else 'bona_fide,'},{'test' if k else 'train'}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root


def test_a_capture_of_colour_and_depth_is_read(tmp_path: Path) -> None:
    first, second = rgbd(build_rgbd(tmp_path))
    assert (first.subject, first.label, second.instrument) == ("ann", Label.BONA_FIDE, "print/coated")
    assert open_source(first.path).frame_count == 3
    assert first.columns["depth"] == str(tmp_path / "ann" / "one" / "depth")
    assert PROTOCOLS["rgbd/shipped"].split([first, second]).counts()["test"] == (0, 1)


def test_a_frame_without_its_twin_is_said(tmp_path: Path) -> None:
    root = build_rgbd(tmp_path)
    (root / "ann" / "one" / "depth" / "0001.png").unlink()
    with pytest.raises(DataError, match="0001 has no depth picture; 1 are without a twin"):
        rgbd(root)
    for path in (root / "ann" / "one" / "color").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="color holds no picture"):
        rgbd(root)


@pytest.mark.parametrize("link", ["link to a file", "link inside", "raw bytes", "virtual"])
def test_a_recording_takes_its_pictures_from_its_own_file_alone(tmp_path: Path, link: str) -> None:
    other = recording(tmp_path / "other.hdf5", channels=3)
    (tmp_path / "raw.bin").write_bytes(bytes(3 * 8 * 8))
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        if link == "link to a file":
            file["Frame_0"] = h5py.ExternalLink(str(other), "/Frame_0")
        elif link == "link inside":
            file["Frame_0"] = h5py.SoftLink("/elsewhere")
        elif link == "raw bytes":
            store = [(str(tmp_path / "raw.bin"), 0, 3 * 8 * 8)]
            file.create_dataset("Frame_0/array", shape=(3, 8, 8), dtype="u1", external=store)
        else:
            layout = h5py.VirtualLayout(shape=(3, 8, 8), dtype="u1")
            layout[:] = h5py.VirtualSource(str(other), "Frame_0/array", shape=(3, 8, 8))
            file.create_virtual_dataset("Frame_0/array", layout)
    with pytest.raises(SourceError, match="a recording is read from its own file alone; copy it whole"):
        list(open_source(tmp_path / "a.hdf5").frames)
