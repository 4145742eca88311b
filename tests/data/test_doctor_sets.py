"""The doctor on trees of every set: what a reader refuses is told, and the rest is examined all the same."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_fas_sgtd import build_tree
from test_sets_casia import build_cefa, build_surf, line as surf_line
from test_sets_multichannel import build_rgbd, build_wmca
from test_sets_other import build_celeba, build_rose
from test_sets_siw_m import build_v1, build_v2
from test_vendor_sets import LAYOUTS, build

from unmask.data.catalogue import data_set, read_set
from unmask.data.doctor import FindingKind, examine
from unmask.data.sets import DATASETS
from unmask.types import DataError, Label

HQ_NAMES = {  # one of each class in each part
    f"1_01_{n:04d}_0000_{kind}_00_000-{n:08d}": part
    for n, (part, kind) in enumerate(
        ((part, kind) for part in ("train", "validation", "test") for kind in ("00", "05")), start=1
    )
}


def build_hq(root: Path) -> Path:
    folder = root / "face-station" / "01.03.19"
    folder.mkdir(parents=True)
    for name in HQ_NAMES:
        (folder / f"{name}.hdf5").touch()
    lines = [f"face-station/01.03.19/{name},{group}" for name, group in HQ_NAMES.items()]
    (root / "PROTOCOL-grand_test.csv").write_text("\n".join(lines))
    return root


def build_folder(root: Path) -> Path:
    root.mkdir(parents=True)
    lines = ["path,label,instrument,split,subject"]
    for n, (part, label) in enumerate((p, x) for p in ("train", "dev", "test") for x in Label):
        (root / f"{n}.mp4").write_bytes(bytes([n]) * 9)
        lines.append(f"{n}.mp4,{label},{'print/a4' if label is Label.ATTACK else ''},{part},{n}")
    (root / "labels.csv").write_text("\n".join(lines))
    return root


TREES = {name: lambda root, layout=layout: build(root, layout()) for name, layout in LAYOUTS.items()} | {
    "siw-m": build_v1,
    "siw-m-v2": build_v2,
    "rose-youtu": build_rose,
    "celeba-spoof": lambda root: build_celeba(root, people=8),
    "casia-surf": build_surf,
    "cefa": lambda root: build_cefa(root, people=[0, 1, 200, 300], masks=9),
    "wmca": build_wmca,
    "hq-wmca": build_hq,
    "rgbd": build_rgbd,
    "fas-sgtd": build_tree,
    "folder": build_folder,
}
# What the tree lacks of a whole copy, besides the files' contents
LACKING = {
    "casia-surf": {FindingKind.MISCOUNTED, FindingKind.MISSING},
    "celeba-spoof": {FindingKind.MISSING},  # pictures are labelled, not made
    "cefa": {FindingKind.PROTOCOL},  # 4 people of 1,500 are not the published numbers
    "rgbd": {FindingKind.DUPLICATED, FindingKind.PROTOCOL},
}


def found(name: str, root: Path, **options: Any) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for finding in examine(data_set(name), root, **options).findings:
        kinds.setdefault(finding.kind, []).append(finding.sentence)
    return kinds


def test_every_set_but_the_simulated_has_a_tree() -> None:
    assert set(TREES) == set(DATASETS) - {"simulated"}  # which test_sets_other makes


@pytest.mark.parametrize("name", TREES)
def test_a_whole_tree_has_nothing_wrong_but_its_empty_files(name: Any, tmp_path: Path) -> None:
    root = TREES[name](tmp_path / "root")
    kinds = found(name, root)
    assert set(kinds) - {FindingKind.UNREADABLE} - LACKING.get(name, set()) == set(), kinds


STRANGERS = {  # a file that does not belong, or the text of a list that is spoilt -> what is said of it
    "oulu-npu": ("Train_files/clip.avi", "clip.avi is not named"),
    "siw": ("Train/live/003/clip.mov", "clip.mov is not named"),
    "casia-fasd": ("train_release/1/9.avi", "9.avi is not one of"),
    "replay-attack": ("train/real/clip.mov", "clip.mov is not named"),
    "msu-mfsd": ("scene01/real/clip.mov", "clip.mov is not named"),
    "siw-m-v2": ("Live/clip.mov", "'clip' is not a name"),
    "rose-youtu": ("2/clip.mp4", "clip.mp4 is not a name"),
    "cefa": ("Ethnicity/AF/AF-000/notes/color/1.jpg", "notes is not a name"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_one_file_that_is_refused_does_not_end_the_examination(name: Any, tmp_path: Path) -> None:
    root = TREES[name](tmp_path / "root")
    whole = examine(data_set(name), root)
    file, words = STRANGERS[name]
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).touch()
    examined = examine(data_set(name), root)
    layout = [finding.sentence for finding in examined.findings if finding.kind is FindingKind.LAYOUT]
    assert len(layout) == 1
    assert words in layout[0]
    assert (examined.presentations, examined.counts) == (whole.presentations, whole.counts)
    with pytest.raises(DataError, match="unmask doctor"):  # who asks for presentations gets none
        read_set(name, root)


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "words"),
    [
        ("casia-surf", "train_list.txt", " 1\n", " 7\n", "line 1: "),
        ("wmca", "protocols/PROTOCOL-grandtest.csv", ",,eval", ",,world", "the group is 'world'"),
        ("folder", "labels.csv", ",bona_fide,", ",alive,", "the label is 'alive'"),
        ("rgbd", "labels.csv", ",bona_fide,", ",alive,", "the label is 'alive'"),
    ],
)
def test_one_line_that_is_refused_does_not_end_the_examination(
    name: str, file: str, old: str, new: str, words: str, tmp_path: Path
) -> None:
    root = TREES[name](tmp_path / "root")
    whole = examine(data_set(name), root).presentations
    (root / file).write_text((root / file).read_text().replace(old, new, 1))
    examined = examine(data_set(name), root)
    assert words in next(f.sentence for f in examined.findings if f.kind is FindingKind.LAYOUT)
    assert examined.presentations == whole - 1


def test_a_part_that_is_not_unpacked_leaves_the_others_to_be_counted(tmp_path: Path) -> None:
    root = TREES["oulu-npu"](tmp_path / "root")
    shutil.rmtree(root / "Dev_files")
    (root / "Dev_files.zip").touch()
    examined = examine(data_set("oulu-npu"), root)
    sentences = [finding.sentence for finding in examined.findings]
    assert any("holds Dev_files.zip, which is not unpacked" in s for s in sentences)
    assert examined.counts == {"train": (360, 1440), "test": (360, 1440)}
    assert "dev has 0 bona fide and 0 attacks, published are 270 and 1080" in sentences


def test_two_copies_below_one_folder_are_not_chosen_from(tmp_path: Path) -> None:
    build_rose(tmp_path / "first", people=[2])
    build_rose(tmp_path / "second", people=[2])
    with pytest.raises(DataError, match=r"first and .*second both hold ROSE-Youtu; name one of them"):
        read_set("rose-youtu", tmp_path)


def test_one_version_of_siw_m_is_told_from_the_other(tmp_path: Path) -> None:
    first, second = build_v1(tmp_path / "v1"), build_v2(tmp_path / "v2")
    assert found("siw-m-v2", first)[FindingKind.MISTAKE] == [
        "the folder is that of SiW-M, version 1: ask for siw-m"
    ]
    assert found("siw-m", second)[FindingKind.MISTAKE] == ["the folder is that of SiW-Mv2: ask for siw-m-v2"]
    shutil.rmtree(second / "pro_3_text")  # without its lists it cannot be read, but is still known
    assert "as version 2 does" in found("siw-m", second)[FindingKind.LAYOUT][0]


def test_a_set_that_tells_no_subjects_and_ships_attacks_in_no_part_is_counted_in_whole_sentences(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    root = build_v1(tmp_path / "v1")
    next((root / "Live" / "Test").iterdir()).unlink()
    next((root / "Mask" / "HalfMask").iterdir()).unlink()
    counted = found("siw-m", root)[FindingKind.MISCOUNTED]
    assert "test has 131 bona fide and 0 attacks, published are 132 and 0" in counted
    assert "what is in no part has 0 bona fide and 967 attacks, published are 0 and 968" in counted
    _, said, _ = unmask("doctor", "siw-m", root, width=200)
    assert "1,626 presentations, subjects unknown; " in said


def test_another_order_of_columns_is_named(tmp_path: Path) -> None:
    root = build_surf(tmp_path / "surf", order=("color", "ir", "depth"))
    mistakes = found("casia-surf", root)[FindingKind.MISTAKE]
    assert len(mistakes) == 3
    assert "has the columns color, ir, depth, where most programs expect color, depth, ir" in mistakes[0]


def test_what_calls_a_living_face_may_follow_the_name(tmp_path: Path) -> None:
    root = build_surf(tmp_path / "surf")
    lines = [surf_line("Val", "part", 1, "real", n, label=int(n < 3)) for n in range(8)]
    (root / "val_private_list.txt").write_text("\n".join(lines))
    (root / lines[0].split()[0]).parent.mkdir(parents=True)
    assert "casia-surf:live=1" in found("casia-surf", root)[FindingKind.LAYOUT][0]
    rows = read_set("casia-surf:live=1", root)
    assert sum(row.label is Label.BONA_FIDE for row in rows if row.split == "dev") == 3
    with pytest.raises(DataError, match="by its paths, not 0"):  # the other lists say so
        read_set("casia-surf:live=0", root)
    with pytest.raises(DataError, match=r"no option 'live=2'; it is casia-surf:live=0 or casia-surf:live=1"):
        data_set("casia-surf:live=2")
    with pytest.raises(DataError, match="siw has no option 'x'; it is only siw"):
        data_set("siw:x")
