"""The doctor finds nothing in a whole copy and names each usual damage; `unmask data` lists what is read."""

import re
import shutil
import struct
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_vendor_sets import SIW_SCREENS, SIW_SCREENS_FIRST, siw

from unmask.app.data import every_set, one_set, total
from unmask.data.catalogue import protocols_with
from unmask.data.doctor import Examination, FindingKind, examine
from unmask.data.protocols import PROTOCOLS
from unmask.data.sets import DATASETS
from unmask.media.encoding import write_video

TRAIN = (2, 3, 5, 6, 7, 8, 9, 11, 12, 21, 22, 34, 53, 54, 55)
TEST = (1, 13, 14, 23, 24, 26, 28, 29, 30, 32, 33, 35, 36, 37, 39, 42, 48, 49, 50, 51)
MSU = DATASETS["msu-mfsd"]


def video(clip: bytes, number: int) -> bytes:
    """The clip with a box that players skip, so that no two files have the same bytes."""
    return clip + struct.pack(">I4sQ", 16, b"free", number)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MSU-MFSD as shipped, with 280 tiny videos that can be opened."""
    root = tmp_path_factory.mktemp("whole") / "MSU-MFSD"
    write_video(root.parent / "clip.mp4", [np.full((16, 16, 3), 90, np.uint8)], fps=30)
    clip = (root.parent / "clip.mp4").read_bytes()
    names = []
    for client, (camera, suffix) in product((*TRAIN, *TEST), (("android", "mp4"), ("laptop", "mov"))):
        names.append(f"real/real_client{client:03d}_{camera}_SD_scene01.{suffix}")
        for kind in ("ipad_video", "iphone_video", "printed_photo"):
            names.append(f"attack/attack_client{client:03d}_{camera}_SD_{kind}_scene01.{suffix}")
    for number, name in enumerate(names):
        path = root / "scene01" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(video(clip, number))
    return root


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "MSU-MFSD")
    return tmp_path / "MSU-MFSD"


@pytest.fixture
def unmask(unmask: Any) -> Any:
    return partial(unmask, width=120)


def real(root: Path, client: int) -> Path:
    return root / f"scene01/real/real_client{client:03d}_android_SD_scene01.mp4"


def found(examination: Examination) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for finding in examination.findings:
        kinds.setdefault(finding.kind, []).append(finding.sentence)
    return kinds


def test_nothing_is_found_in_a_whole_copy(whole: Path, unmask: Any) -> None:
    for option, opened in (((), 40), (("--all",), 280)):
        code, out, _ = unmask("doctor", "msu-mfsd", whole, *option)
        assert code == 0, out
        assert "nothing wrong was found" in out
        assert f"280 presentations of 35 subjects; {opened} files opened" in out
        assert "train 30 + 90, test 40 + 120 (as published)" in out


def test_a_missing_file_is_named_by_what_its_subject_lacks(copy: Path, unmask: Any) -> None:
    real(copy, 1).unlink()
    (copy / "scene01.zip").touch()
    code, out, _ = unmask("doctor", "msu-mfsd", copy)
    assert code == 1
    assert "test has 39 bona fide and 120 attacks of 20 subjects, published are 40 and 120" in out
    assert "subject 01 of test lacks 1 of 1: bona fide, camera google-nexus-5" in out
    assert "scene01.zip lies in the folder: it may not have been unpacked" in out
    assert "nothing wrong" not in out
    assert "not as published" in out


def test_a_subject_that_is_missing_whole_shows_in_the_count(copy: Path) -> None:
    for path in copy.rglob("*client050*"):
        path.unlink()
    kinds = found(examine(MSU, copy))
    assert kinds == {
        FindingKind.MISCOUNTED: [
            "test has 38 bona fide and 114 attacks of 19 subjects, published are 40 and 120"
        ]
    }


def test_an_archive_unpacked_twice_is_told_as_such(copy: Path) -> None:
    (copy / "scene01" / "scene01" / "real").mkdir(parents=True)
    shutil.copy(real(copy, 1), copy / "scene01" / "scene01" / "real")
    kinds = found(examine(MSU, copy))
    assert re.search(
        r"client001.* and .*client001.* are the same presentation", kinds[FindingKind.DUPLICATED][0]
    )
    assert len(kinds[FindingKind.DUPLICATED]) == 1  # not once more for its bytes
    assert any("unpacked twice" in sentence for sentence in kinds[FindingKind.MISTAKE])
    assert FindingKind.MISCOUNTED not in kinds
    real(copy, 13).unlink()  # one too many does not hide one too few
    assert found(examine(MSU, copy))[FindingKind.MISCOUNTED] == [
        "test has 39 bona fide and 120 attacks of 20 subjects, published are 40 and 120"
    ]


def test_the_same_bytes_in_two_parts_or_under_two_labels_are_told(copy: Path) -> None:
    shutil.copy(real(copy, 2), real(copy, 1))  # of train and test
    attack = copy / "scene01/attack/attack_client005_android_SD_ipad_video_scene01.mp4"
    shutil.copy(real(copy, 5), attack)
    sentences = found(examine(MSU, copy))[FindingKind.DUPLICATED]
    assert len(sentences) == 2
    assert any("one in test and one in train" in s and "client001" in s for s in sentences)
    assert any("under two labels" in s and "client005" in s for s in sentences)


def test_files_of_one_size_whose_ends_agree_are_compared_whole(copy: Path) -> None:
    for client, middle in ((1, b"a"), (13, b"b"), (14, b"b")):
        real(copy, client).write_bytes(bytes(1 << 16) + middle * (1 << 16) + bytes(1 << 16))
    (sentence,) = found(examine(MSU, copy))[FindingKind.DUPLICATED]
    assert "client013" in sentence
    assert "client014" in sentence


def test_bytes_that_were_not_compared_are_told(
    copy: Path, monkeypatch: pytest.MonkeyPatch, unmask: Any
) -> None:
    shutil.copy(real(copy, 2), real(copy, 1))
    monkeypatch.setattr("unmask.data.doctor.COMPARED", 279)
    code, out, _ = unmask("doctor", "msu-mfsd", copy)
    assert code == 0
    assert "40 files opened, their bytes not compared (--all does both)" in out
    code, out, _ = unmask("doctor", "msu-mfsd", copy, "--all")
    assert code == 1
    assert "one in test and one in train; copy the right one again" in " ".join(out.split())


def test_empty_and_broken_files_are_told(copy: Path, unmask: Any) -> None:
    real(copy, 1).write_bytes(b"")
    real(copy, 13).write_bytes(b"no video" * 40)
    broken = real(copy, 14)
    broken.write_bytes(broken.read_bytes()[:200])
    _, out, _ = unmask("doctor", "msu-mfsd", copy, "--all", width=400)
    assert "1 of 280 files are empty" in out
    assert "279 files opened" in out  # the empty one is told once
    assert re.search(r"client013\S+ is not a video, or a damaged one", out)
    assert re.search(r"client014\S+ is cut off before its end", out)


def test_files_that_may_not_be_read_are_told(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = str(real(copy, 1))
    monkeypatch.setattr("unmask.data.doctor.os.access", lambda path, mode: str(path) != hidden)
    (sentence,) = found(examine(MSU, copy, every=True))[FindingKind.UNREADABLE]
    assert sentence == f"1 of 280 files may not be read, {hidden} the first; check their rights"


def test_many_findings_of_a_kind_are_counted_not_listed(copy: Path) -> None:
    for client in TEST[:9]:
        real(copy, client).unlink()
    missing = found(examine(MSU, copy))[FindingKind.MISSING]
    assert len(missing) == 6
    assert missing[-1] == "and 4 more"


def test_a_folder_above_or_below_or_of_another_set_is_recognised(copy: Path, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c" / "d"  # three folders that archives nest themselves in are passed
    deep.mkdir(parents=True)
    copy = copy.rename(deep / "MSU-MFSD")
    assert found(examine(MSU, tmp_path / "a" / "b")) == {}
    kinds = found(examine(MSU, tmp_path / "a"))
    assert kinds[FindingKind.MISTAKE] == [f"MSU-MFSD lies one folder deeper: name {tmp_path / 'a' / 'b'}"]
    kinds = found(examine(MSU, copy / "scene01"))
    assert kinds[FindingKind.MISTAKE] == [f"MSU-MFSD lies one folder higher: name {copy}"]
    kinds = found(examine(DATASETS["oulu-npu"], copy))
    assert kinds[FindingKind.MISTAKE] == ["the folder is that of MSU-MFSD: ask for msu-mfsd"]
    assert "holds none of Train_files" in kinds[FindingKind.LAYOUT][0]


def test_a_folder_that_is_not_there_or_not_unpacked_is_told(tmp_path: Path, unmask: Any) -> None:
    code, out, _ = unmask("doctor", "msu-mfsd", tmp_path / "nowhere", width=300)
    assert code == 1
    assert "does not exist; name the folder" in out
    (tmp_path / "MSU-MFSD.zip").touch()
    code, out, _ = unmask("doctor", "msu-mfsd", tmp_path, width=300)
    assert code == 1
    assert "not unpacked: MSU-MFSD.zip; unpack all of them here" in out
    assert "no presentation could be read" in out


def oulu(root: Path) -> Path:
    """OULU-NPU of empty files."""
    for part, users in (("Train", range(1, 21)), ("Dev", range(21, 36)), ("Test", range(36, 56))):
        (root / f"{part}_files").mkdir(parents=True)
        for phone, session, user, file in product(range(1, 7), range(1, 4), users, range(1, 6)):
            (root / f"{part}_files" / f"{phone}_{session}_{user:02d}_{file}.avi").touch()
    return root


def test_the_dev_list_with_a_line_too_few_is_known(tmp_path: Path) -> None:
    root = oulu(tmp_path)
    rows = PROTOCOLS["oulu-npu/1"].split(DATASETS["oulu-npu"].read(root)).dev
    lines = [f"{'-1' if row.instrument else '+1'},{Path(row.path).stem}" for row in rows]
    (root / "Protocols" / "Protocol_1").mkdir(parents=True)
    (root / "Protocols" / "Protocol_1" / "Dev.txt").write_text("\n".join(lines[:-1]))
    kinds = found(examine(DATASETS["oulu-npu"], root))
    assert "has 899 lines, not 900: a faulty copy that is in circulation" in kinds[FindingKind.MISTAKE][0]
    assert kinds[FindingKind.PROTOCOL][0].startswith("oulu-npu/1: ")
    assert "4950 of 4950 files are empty" in kinds[FindingKind.UNREADABLE][0]


def test_siw_m_is_not_taken_for_siw(tmp_path: Path) -> None:
    (tmp_path / "Live" / "Train").mkdir(parents=True)
    (tmp_path / "Makeup").mkdir()
    kinds = found(examine(DATASETS["siw"], tmp_path))
    assert "has the folders of SiW-M" in kinds[FindingKind.MISTAKE][0]


@pytest.mark.parametrize("name", DATASETS)
def test_an_empty_folder_has_something_wrong_whatever_the_set(name: Any, tmp_path: Path) -> None:
    kinds = found(examine(DATASETS[name], tmp_path))
    assert kinds[FindingKind.LAYOUT]


def test_a_file_that_lies_in_another_part_leaks(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    def moved(root: Any, *, refuse: Any) -> Any:
        rows = MSU.read(root, refuse=refuse)
        return [replace(row, split="train") if "real_client001" in row.path else row for row in rows]

    kinds = found(examine(replace(MSU, read=moved), copy))
    assert kinds[FindingKind.LEAKING] == [
        "as shipped, train and test share 1 subjects, msu-mfsd:01 among them; a file lies in the wrong part"
    ]
    assert "train and test share" in kinds[FindingKind.PROTOCOL][0]


def test_an_unknown_set_is_refused_with_the_nearest_first(unmask: Any, tmp_path: Path) -> None:
    code, _, err = unmask("doctor", "msu", tmp_path)
    assert code == 3
    assert "no data set 'msu'; there are msu-mfsd," in err
    code, _, err = unmask("data", "oulu")
    assert code == 3
    assert "no data set 'oulu'; there are oulu-npu," in err


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_fits_the_terminal_and_names_every_set(unmask: Any, width: int) -> None:
    code, out, _ = unmask("data", width=width)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    for name, row in DATASETS.items():
        assert name in out
        assert total(row.counts) in out
    for name, protocol in PROTOCOLS.items():
        assert (name in out) == (len(protocol.needs) > 1)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", DATASETS)
def test_one_set_shows_its_layout_protocols_and_counts(unmask: Any, name: Any, width: int) -> None:
    code, out, _ = unmask("data", name, width=width)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out  # no number is cut
    for row in protocols_with(name):
        assert row.name in out
    if width == 120:
        assert DATASETS[name].layout.splitlines()[0] in out
        assert DATASETS[name].licence in out


def test_a_set_without_published_counts_says_so() -> None:
    from dataclasses import replace

    assert total(None) == "counts unverified"
    assert one_set(replace(MSU, counts=None))
    assert every_set()


SIW_ARCHIVES = {  # screens of each part -> the line that the doctor prints
    "since 2020": (
        SIW_SCREENS,
        "train 714 + 1,702, test 599 + 1,454 (as published: the archive as bob's lists have it since 2020, "
        "4,469 videos)",
    ),
    "first": (
        SIW_SCREENS_FIRST,
        "train 714 + 1,703, test 599 + 1,462 (as published: the archive of bob's first lists and of the "
        "paper, 4,478 videos)",
    ),
}


@pytest.mark.parametrize("archive", SIW_ARCHIVES)
def test_both_archives_of_siw_are_whole_and_the_doctor_says_which_it_sees(
    archive: Any, tmp_path: Path, unmask: Any
) -> None:
    screens, line = SIW_ARCHIVES[archive]
    write_video(tmp_path / "clip.mp4", [np.full((16, 16, 3), 90, np.uint8)], fps=30)
    clip = (tmp_path / "clip.mp4").read_bytes()
    for number, name in enumerate(name for name in siw(screens) if not name.endswith(".face")):
        path = tmp_path / "SiW" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(video(clip, number))
    code, out, _ = unmask("doctor", "siw", tmp_path / "SiW", width=200)
    assert code == 0, out
    assert f"{number + 1:,} presentations of 165 subjects; 40 files opened" in out
    assert line in out
    assert "nothing wrong was found" in out
    (tmp_path / "SiW" / "Train/spoof/003/003-1-3-1-1.m.mov").unlink()
    code, out, _ = unmask("doctor", "siw", tmp_path / "SiW", width=200)
    assert code == 1
    assert "not as published" in out
