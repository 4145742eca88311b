"""SiW-M, both versions: trees of empty files with the published numbers of videos."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from unmask.data.protocols import PROTOCOLS
from unmask.data.protocols.siw_m import TYPES as COLUMNS, TYPES_2
from unmask.data.sets import DATASETS
from unmask.data.sets.siw_m import TYPES, siw_m
from unmask.data.sets.siw_m_v2 import KNOWN_MISSING, TYPES as FOLDERS, siw_m_v2
from unmask.data.splits import leaks, miscounted
from unmask.types import DataError, Label, Presentation

LOO = [name for name in PROTOCOLS if name.startswith("siw-m/loo.")]
LOO_2 = [name for name in PROTOCOLS if name.startswith("siw-m-v2/2.")]
UNLISTED = {"partial/funny-eye": 19, "mask/transparent": 1}


def counted(rows: Any) -> Any:
    """Split as shipped -> (bona fide, attacks)."""
    found = Counter((row.split, row.label) for row in rows)
    return {s: (found[s, Label.BONA_FIDE], found[s, Label.ATTACK]) for s in {row.split for row in rows}}


def touch(path: Any) -> None:
    name = str(path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    open(name, "w").close()


def fill(folder: Any, names: Any) -> None:
    """Empty videos of these names; a tree has 1,700 of them and many tests build one."""
    os.makedirs(folder, exist_ok=True)
    for name in names:
        open(f"{folder}/{name}.mov", "w").close()


def build_v1(root: Any) -> Any:
    for split, videos in {"Train": range(1, 529), "Test": range(529, 661)}.items():
        fill(root / "Live" / split, [f"Live_{number}" for number in videos])
    for folder, instrument in TYPES.items():
        kind = folder.split("/")[-1]
        fill(root / folder, [f"{kind}_{n}" for n in range(1, COLUMNS[instrument][1] + 1)])
    return root


def build_v2(root: Any) -> Any:
    """785 live and 915 attacks; lists that repeat attacks and name 11 live videos that are not there."""
    lists: dict[str, list[str]] = {
        name: [] for name in ("trainlist_live", "testlist_live", "trainlist_all", "testlist_all")
    }
    lists["trainlist_live"] = [f"Live_{n}" for n in range(1, 525)] + [f"Live_{n}" for n in range(2001, 2008)]
    lists["testlist_live"] = [f"Live_{n}" for n in range(525, 786)] + [f"Live_{n}" for n in range(3001, 3005)]
    fill(root / "Live", [f"Live_{number}" for number in range(1, 786)])
    for kind, (folders, instrument) in FOLDERS.items():
        _, train, videos = TYPES_2[instrument]
        names = [f"{kind}_{n}" for n in range(1, videos + 1)]
        listed = len(names) - UNLISTED.get(instrument, 0)
        lists["trainlist_all"] += (names[:train] * 100)[:100]
        lists["testlist_all"] += names[train:listed]
        fill(root / "Spoof" / folders[0], names)
    for name, listed_videos in lists.items():
        touch(root / "pro_3_text" / f"{name}.txt")
        (root / "pro_3_text" / f"{name}.txt").write_text("\n".join(listed_videos) + "\n")
    return root


@pytest.fixture(scope="module")
def v1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_v1(tmp_path_factory.mktemp("v1") / "SiW-M")


@pytest.fixture(scope="module")
def v2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_v2(tmp_path_factory.mktemp("v2") / "SiW-Mv2")


@pytest.fixture(scope="module")
def rows(v1: Path) -> list[Presentation]:
    return siw_m(v1)


@pytest.fixture(scope="module")
def rows_2(v2: Path) -> list[Presentation]:
    return siw_m_v2(v2)


def test_version_1_has_the_published_numbers_of_videos(rows: list[Presentation]) -> None:
    assert counted(rows) == DATASETS["siw-m"].counts
    assert sum(row.label is Label.BONA_FIDE for row in rows) == 660
    assert len(rows) == 660 + 968
    kinds = Counter(row.instrument for row in rows if row.label is Label.ATTACK)
    assert kinds == {instrument: videos for instrument, (_, videos) in COLUMNS.items()}
    assert [row.path for row in rows] == sorted(row.path for row in rows)


def test_version_2_has_the_published_numbers_of_videos(rows_2: list[Presentation]) -> None:
    assert counted(rows_2) == DATASETS["siw-m-v2"].counts
    assert len(rows_2) == 785 + 915
    kinds = Counter(row.instrument for row in rows_2 if row.label is Label.ATTACK)
    assert kinds == {instrument: videos for instrument, (_, _, videos) in TYPES_2.items()}


def test_there_are_thirteen_and_fourteen_folds() -> None:
    assert (len(LOO), len(LOO_2)) == (13, 14)
    assert {PROTOCOLS[name].folds for name in LOO} == {"siw-m/loo"}
    assert {PROTOCOLS[name].folds for name in LOO_2} == {"siw-m-v2/2"}


@pytest.mark.parametrize("name", [*LOO, *LOO_2, "siw-m-v2/1"])
def test_each_fold_has_its_numbers_and_shares_no_video(
    name: Any, rows: list[Presentation], rows_2: list[Presentation]
) -> None:
    protocol = PROTOCOLS[name]
    split = protocol.split(rows if protocol.needs == ("siw-m",) else rows_2)
    assert miscounted(split, protocol.counts) == []
    assert leaks(split) == []


@pytest.mark.parametrize("name", [*LOO, *LOO_2])
def test_the_type_left_out_is_in_the_test_alone(
    name: Any, rows: list[Presentation], rows_2: list[Presentation]
) -> None:
    protocol = PROTOCOLS[name]
    split = protocol.split(rows if protocol.needs == ("siw-m",) else rows_2)
    tested = {p.instrument for p in split.test} - {""}
    assert len(tested) == 1
    learned = {p.instrument for p in (*split.train, *split.dev)} - {""}
    assert not tested & learned
    assert len(learned) == len(LOO if name in LOO else LOO_2) - 1
    assert {p.split for p in (*split.train, *split.dev) if p.label is Label.BONA_FIDE} == {"train"}


def test_a_dev_part_is_a_seventh_of_each_type_and_the_same_wherever_the_folder_lies(
    rows: list[Presentation], tmp_path: Path
) -> None:
    def names(split: Any) -> Any:
        return {Path(p.path).name for p in split.dev}

    split = PROTOCOLS["siw-m/loo.replay"].split(rows)
    assert 0.14 < len(split.dev) / (len(split.train) + len(split.dev)) < 0.16
    assert {p.instrument for p in split.dev} == {p.instrument for p in split.train}
    moved = PROTOCOLS["siw-m/loo.replay"].split(siw_m(build_v1(tmp_path / "elsewhere")))
    assert names(moved) == names(split)


def test_an_archive_that_nests_itself_is_found(v1: Path) -> None:
    assert len(siw_m(v1.parent)) == 1628


def test_one_version_is_not_taken_for_the_other(v1: Path, v2: Path) -> None:
    with pytest.raises(DataError, match="as version 2 does, not SiW-M 1; read it as siw-m-v2"):
        siw_m(v2)
    with pytest.raises(DataError, match="as version 1 does, not SiW-Mv2; read it as siw-m"):
        siw_m_v2(v1)


@pytest.mark.parametrize("read", [siw_m, siw_m_v2])
def test_a_wrong_folder_is_said(read: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; name the folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is empty; unpack SiW-M"):
        read(tmp_path)
    (tmp_path / "notes").touch()
    with pytest.raises(DataError, match="it is not SiW-M"):
        read(tmp_path)


def test_half_an_archive_is_said(tmp_path: Path) -> None:
    root = build_v1(tmp_path / "half")
    for path in (root / "Mask" / "HalfMask").iterdir():
        path.unlink()
    (root / "Mask" / "HalfMask").rmdir()
    with pytest.raises(DataError, match=r"has no folder Mask/HalfMask, which SiW-M .* needs"):
        siw_m(root)


def test_a_type_without_videos_is_no_fold(rows: list[Presentation]) -> None:
    without = [row for row in rows if row.instrument != "mask/half"]
    with pytest.raises(DataError, match="tests on mask/half, of which the folder has none"):
        PROTOCOLS["siw-m/loo.half"].split(without)


def test_a_video_in_two_formats_is_one_presentation_too_many(tmp_path: Path) -> None:
    root = build_v1(tmp_path / "twice")
    touch(root / "Replay" / "Replay_3.mp4")
    with pytest.raises(DataError, match=r"Replay_3.mov and .*Replay_3.mp4 are one presentation"):
        siw_m(root)


def test_what_macos_leaves_beside_a_video_is_no_video(tmp_path: Path) -> None:
    root = build_v1(tmp_path / "mac")
    touch(root / "Replay" / "._Replay_3.mov")
    assert len(siw_m(root)) == 1628


def change(root: Any, name: Any, old: Any, new: Any) -> None:
    path = root / "pro_3_text" / name
    path.write_text(path.read_text().replace(old, new, 1))


def test_lists_of_version_2_are_held_to_their_format(tmp_path: Path) -> None:
    root = build_v2(tmp_path / "v2")
    change(root, "trainlist_all.txt", "Makeup_Co_1\n", "Makeup_Co_1 1\n")
    with pytest.raises(DataError, match=r"trainlist_all.txt, line \d+: 'Makeup_Co_1 1' is not a name"):
        siw_m_v2(root)
    change(root, "trainlist_all.txt", "Makeup_Co_1 1\n", "Makeup_Co_1\n")
    change(root, "testlist_live.txt", "Live_525\n", "Live_1\n")
    with pytest.raises(DataError, match="Live_1 is in train and test"):
        siw_m_v2(root)
    (root / "pro_3_text" / "testlist_live.txt").unlink()
    with pytest.raises(DataError, match=r"has no testlist_live.txt, which SiW-Mv2 needs; put the lists"):
        siw_m_v2(root)


def test_more_videos_missing_than_the_archive_lacks_are_said(tmp_path: Path) -> None:
    root = build_v2(tmp_path / "v2")
    (root / "Live" / "Live_7.mov").unlink()
    with pytest.raises(DataError, match=f"name {KNOWN_MISSING + 1} videos that .* does not hold, Live_2001"):
        siw_m_v2(root)


def test_an_attack_in_a_wrong_folder_is_said(tmp_path: Path) -> None:
    root = build_v2(tmp_path / "v2")
    (root / "Spoof" / "Replay" / "Replay_1.mov").rename(root / "Spoof" / "Silicone" / "Replay_1.mov")
    with pytest.raises(DataError, match="has a name of the type Replay"):
        siw_m_v2(root)
