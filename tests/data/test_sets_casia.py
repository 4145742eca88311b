"""CASIA-SURF and CeFA: lists and folders with the published numbers, without pictures."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from unmask.data.protocols import PROTOCOLS
from unmask.data.sets import DATASETS
from unmask.data.sets.casia_surf import COUNTS, INSTRUMENTS, casia_surf
from unmask.data.sets.cefa import cefa
from unmask.data.splits import leaks
from unmask.types import DataError, Label, Presentation

PARTS = {"train": ("Training", "train_list.txt"), "dev": ("Val", "val_private_list.txt")}
PARTS["test"] = ("Testing", "test_private_list.txt")
PEOPLE = {"train": range(300), "dev": range(300, 400), "test": range(400, 1000)}
KINDS = {"train": list(INSTRUMENTS)[3:], "dev": list(INSTRUMENTS)[:3], "test": list(INSTRUMENTS)[:3]}


def counted(rows: Any) -> Any:
    """Split as shipped -> (bona fide, attacks)."""
    found = Counter((row.split, row.label) for row in rows)
    return {s: (found[s, Label.BONA_FIDE], found[s, Label.ATTACK]) for s in {row.split for row in rows}}


def line(
    part: Any,
    truth: Any,
    person: Any,
    kind: Any,
    number: Any,
    *,
    order: Any = ("color", "depth", "ir"),
    label: Any,
) -> Any:
    folder = f"{part}/{truth}/CLKJ_{person:04d}/{kind}.rssdk"
    return " ".join([*(f"{folder}/{modality}/{number}.jpg" for modality in order), str(label)])


def build_surf(
    root: Any, *, living: Any = 1, counts: Any = None, order: Any = ("color", "depth", "ir")
) -> Any:
    for split, (part, name) in PARTS.items():
        bona_fide, attacks = (counts or {}).get(split, (6, 12))
        people = PEOPLE[split]
        lines = [
            line(part, "real_part", people[n % len(people)], "real", n, order=order, label=living)
            for n in range(bona_fide)
        ]
        lines += [
            line(part, "fake_part", people[n % 50], KINDS[split][n % 3], n, order=order, label=1 - living)
            for n in range(attacks)
        ]
        root.mkdir(exist_ok=True)
        (root / name).write_text("\n".join(lines) + "\n")
        for folder in {text.split()[order.index("color")].rpartition("/")[0] for text in lines}:
            (root / folder).mkdir(parents=True, exist_ok=True)
    return root


@pytest.fixture(scope="module")
def surf(tmp_path_factory: pytest.TempPathFactory) -> list[Presentation]:
    return casia_surf(build_surf(tmp_path_factory.mktemp("surf") / "CASIA-SURF", counts=COUNTS))


def test_surf_has_the_published_numbers_of_pictures(surf: list[Presentation]) -> None:
    protocol = PROTOCOLS["casia-surf/1"]
    assert [sum(pair) for pair in COUNTS.values()] == [29266, 9608, 57710]
    assert counted(surf) == DATASETS["casia-surf"].counts == COUNTS
    split = protocol.split(surf)
    assert split.counts() == COUNTS
    assert leaks(split) == []


def test_surf_is_tested_on_other_cuts_than_it_learns(surf: list[Presentation]) -> None:
    kinds = {split: {row.instrument for row in surf if row.split == split} - {""} for split in PARTS}
    assert kinds["train"] == {INSTRUMENTS[kind] for kind in KINDS["train"]}
    assert not kinds["train"] & kinds["test"]


ORDERS = [("color", "ir", "depth"), ("depth", "color", "ir"), ("ir", "depth", "color")]


@pytest.mark.parametrize("order", ORDERS)
def test_the_modality_is_that_of_the_path_whatever_the_order_of_columns(order: Any, tmp_path: Path) -> None:
    for row in casia_surf(build_surf(tmp_path / "surf", order=order)):
        assert "/color/" in row.path
        assert "/depth/" in row.columns["depth"]
        assert "/ir/" in row.columns["ir"]


@pytest.mark.parametrize("living", [0, 1])
def test_which_label_is_the_living_face_is_read_from_the_paths(living: int, tmp_path: Path) -> None:
    rows = casia_surf(build_surf(tmp_path / "surf", living=living))
    assert counted(rows) == dict.fromkeys(PARTS, (6, 12))
    assert all(("real_part" in row.path) == (row.label is Label.BONA_FIDE) for row in rows)
    with pytest.raises(DataError, match=f"calls bona fide faces {living}, by its paths, not {1 - living}"):
        casia_surf(tmp_path / "surf", live_label=1 - living)


def as_challenge(root: Any, ones: Any, zeros: Any) -> Any:
    """A dev list like the challenge's: shuffled names that tell neither truth nor subject."""
    lines = [
        " ".join([*(f"Val/0000/{n:06d}-{m}.jpg" for m in ("color", "depth", "ir")), str(int(n < ones))])
        for n in range(ones + zeros)
    ]
    (root / "val_private_list.txt").write_text("\n".join(lines))
    (root / "Val" / "0000").mkdir(parents=True, exist_ok=True)
    return root


@pytest.mark.parametrize("pair", [COUNTS["dev"], COUNTS["dev"][::-1]])
def test_the_published_numbers_tell_the_label_where_paths_do_not(pair: Any, tmp_path: Path) -> None:
    rows = casia_surf(as_challenge(build_surf(tmp_path / "surf"), *pair))
    assert counted(rows)["dev"] == COUNTS["dev"]
    assert {row.instrument for row in rows if row.split == "dev"} == {"", "print/cut"}


def test_a_label_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    root = as_challenge(build_surf(tmp_path / "surf"), 3, 5)
    with pytest.raises(
        DataError, match=r"does not tell whether 0 or 1 is a bona fide face: .* casia-surf:live=1"
    ):
        casia_surf(root)
    assert counted(casia_surf(root, live_label=1))["dev"] == (3, 5)
    assert counted(casia_surf(root, live_label=1))["train"] == (6, 12)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (" 1\n", "\n", "line 1: 3 columns; a list of CASIA-SURF has three pictures and a label 0 or 1"),
        (" 1\n", " 7\n", "a label 0 or 1"),
        ("/depth/", "/ir/", "the pictures are not one each of color, depth, ir"),
        ("04_en_b", "07_new", "'07_new' is not an attack of CASIA-SURF"),
        (" 1\n", " 0\n", "calls bona fide faces 0 in some lines and 1 in others"),
        ("real_part/CLKJ_0000", "real_part/CLKJ_9999", "CLKJ_9999/real.rssdk/color, which is not there"),
        ("", "first", "is one line"),
    ],
)
def test_a_list_of_surf_is_held_to_its_format(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    root = build_surf(tmp_path / "surf")
    text = (root / "train_list.txt").read_text()
    changed = text.replace(old, new, 1) if old else text + text.splitlines()[0]
    (root / "train_list.txt").write_text(changed)
    with pytest.raises(DataError, match=sentence):
        casia_surf(root)


def test_surf_without_labelled_lists_is_said(tmp_path: Path) -> None:
    root = build_surf(tmp_path / "surf")
    (root / "test_private_list.txt").rename(root / "test_public_list.txt")
    with pytest.raises(DataError, match=r"has not both val_private_list.txt and test_private_list.txt"):
        casia_surf(root)
    with pytest.raises(DataError, match=r"holds none of train_list.txt: it is not CASIA-SURF"):
        casia_surf(root / "Val" / "fake_part")


RACES = {"AF": 1, "CA": 2, "EA": 3}
RECORDINGS = ((1, 1, 1), (3, 1, 2), (3, 2, 2), (1, 1, 4))  # device, session, attack


def build_cefa(
    root: Any, *, people: Any = range(500), masks: Any = 1123, modalities: Any = ("color", "depth", "ir")
) -> Any:
    recordings = [
        root / "Ethnicity" / race / f"{race}-{n:03d}" / f"{code}_{n:03d}_{device}_{session}_{attack}"
        for race, code in RACES.items()
        for n in people
        for device, session, attack in RECORDINGS
    ]
    lights = ((1, 2), (1, 3), (1, 4), (2, 3))  # session, light
    kinds = [(d, g, s, light) for d, g in ((0, 0), (1, 0), (1, 1)) for s, light in lights]
    tested = [
        root / "Mask" / "3D-Mask" / f"{n:03d}" / f"1_{n:03d}_{d}_{g}_2_{s}_{light}"
        for n in range(2, 101)
        for d, g, s, light in kinds
    ][: max(0, masks - 8)]
    tested += [root / "Mask" / "Silicone-Mask" / f"{n:03d}" / f"2_{n:03d}_1_0_2_1_3" for n in range(1, 9)]
    dark = [root / "Mask" / "3D-Mask" / "002" / name for name in ("1_002_0_0_2_1_1", "1_002_0_0_1_1_3")]
    one = root.parent / "recording"  # all are links to it: 7,000 of them are made and removed quickly
    for modality in modalities:
        (one / modality).mkdir(parents=True)
    for recording in (*recordings, *tested, *dark):
        os.makedirs(os.path.dirname(recording), exist_ok=True)
        os.symlink(one, recording)
    return root


@pytest.fixture(scope="module")
def cefa_rows(tmp_path_factory: pytest.TempPathFactory) -> list[Presentation]:
    return cefa(build_cefa(tmp_path_factory.mktemp("cefa") / "CASIA_CeFA"))


NAMES = [name for name in PROTOCOLS if name.startswith("cefa/")]


@pytest.mark.parametrize("name", NAMES)
def test_each_protocol_of_cefa_has_the_numbers_of_the_authors_lists(
    name: Any, cefa_rows: list[Presentation]
) -> None:
    split = PROTOCOLS[name].split(cefa_rows)
    if PROTOCOLS[name].counts is not None:
        assert split.counts() == PROTOCOLS[name].counts
    assert leaks(split) == []


def test_the_sums_are_the_published_numbers_of_videos() -> None:
    sums = {name: [sum(pair) for pair in (PROTOCOLS[name].counts or {}).values()] for name in NAMES}
    assert sums["cefa/1.1"] == sums["cefa/1.2"] == sums["cefa/1.3"] == [800, 400, 2723]
    assert (sums["cefa/2.1"], sums["cefa/2.2"]) == ([1800, 900, 2323], [1200, 600, 2923])
    assert sums["cefa/4.1"] == sums["cefa/4.2"] == sums["cefa/4.3"] == [400, 200, 2323]


def test_an_ethnicity_and_an_attack_are_unseen(cefa_rows: list[Presentation]) -> None:
    split = PROTOCOLS["cefa/4.2"].split(cefa_rows)
    assert {p.domain for p in (*split.train, *split.dev)} == {"CA"}
    assert {p.domain for p in split.test} == {"AF", "EA", ""}
    assert {p.instrument for p in split.train} == {"", "replay/screen"}
    assert {p.instrument for p in split.test} == {"", "print/cloth", "mask/3d-print", "mask/silicone"}


def test_a_modality_is_unseen(cefa_rows: list[Presentation]) -> None:
    split = PROTOCOLS["cefa/3.2"].split(cefa_rows)
    assert {Path(p.path).name for p in (*split.train, *split.dev)} == {"depth"}
    assert {Path(p.path).name for p in split.test} == {"color", "ir"}
    assert split.counts() == {"train": (600, 1800), "dev": (300, 900), "test": (1200, 3600)}


def test_masks_are_only_tested_and_only_with_light(cefa_rows: list[Presentation]) -> None:
    masks = [row for row in cefa_rows if row.instrument.startswith("mask/")]
    assert {row.split for row in masks} == {"test"}
    tested = [p for p in PROTOCOLS["cefa/1.1"].split(cefa_rows).test if p.instrument.startswith("mask/")]
    assert (len(masks), len(tested)) == (1125, 1123)


def test_colour_may_be_called_profile(tmp_path: Path) -> None:
    root = build_cefa(tmp_path / "x", people=range(3), masks=9, modalities=("profile", "depth", "ir"))
    assert {Path(row.path).name for row in cefa(root)} == {"profile"}


def test_a_wrong_folder_of_cefa_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; name the folder"):
        cefa(tmp_path / "nowhere")
    (tmp_path / "phase1" / "train").mkdir(parents=True)
    with pytest.raises(DataError, match=r"has no folder AF, CA, EA: .* the challenge's copy"):
        cefa(tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Ethnicity/AF/AF-000/1_000_1_1_9/color", "is not one of CASIA-SURF CeFA's; move it"),
        ("Ethnicity/AF/AF-000/notes/color", "is not a name of CASIA-SURF CeFA"),
        ("Ethnicity/AF/AF-000/1_001_1_1_1/color", "names AF-001 in"),
        ("Ethnicity/AF/AF-000/1_000_2_1_1/color", "has no depth, ir: CASIA-SURF CeFA is only half unpacked"),
        ("Mask/3D-Mask/002/1_003_0_0_2_1_3/color", "is not a name of a mask"),
        ("Mask/3D-Mask/002/1_002_0_0_2_1_9/color", "is not one of CASIA-SURF CeFA's masks"),
        ("copy/AF/AF-000/1_000_1_1_1/color", "Ethnicity/AF and .*copy/AF are both AF"),
    ],
)
def test_a_folder_of_cefa_is_held_to_its_names(name: str, sentence: str, tmp_path: Path) -> None:
    root = build_cefa(tmp_path / "cefa", people=range(2), masks=9)
    (root / name).mkdir(parents=True)
    with pytest.raises(DataError, match=sentence):
        cefa(root)
