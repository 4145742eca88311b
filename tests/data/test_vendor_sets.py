"""The archives of OULU-NPU, SiW, CASIA-FASD, Replay-Attack and MSU-MFSD, built from empty files with the
published numbers, give the published counts in every protocol and fold.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest

from present import present
from unmask.app.doctor import summary
from unmask.data.catalogue import data_set, protocol, read_set, split_by
from unmask.data.doctor import Examination
from unmask.data.protocols import PROTOCOLS
from unmask.data.sets import DATASETS
from unmask.data.splits import Protocol, Split, leaks, miscounted
from unmask.types import DataError, Label, Presentation

# From here on, what the archives hold, written down without looking at the readers.

OULU_USERS = {"Train_files": range(1, 21), "Dev_files": range(21, 36), "Test_files": range(36, 56)}
SIW_TEST = [n for n in range(1, 166) if n % 11 in (0, 2, 4, 6, 8)]  # 75 of 165
REPLAY_CLIENTS = {"train": range(1, 16), "devel": range(16, 31), "test": range(101, 121)}
MSU_TRAIN = [f"{n:02d}" for n in (2, 3, 5, 6, 7, 8, 9, 11, 12, 21, 22, 34, 53, 54, 55)]
MSU_TEST = [
    f"{n:02d}" for n in (1, 13, 14, 23, 24, 26, 28, 29, 30, 32, 33, 35, 36, 37, 39, 42, 48, 49, 50, 51)
]


def oulu() -> Iterator[str]:
    for folder, users in OULU_USERS.items():
        for phone, session, user, file in product(range(1, 7), range(1, 4), users, range(1, 6)):
            yield f"{folder}/{phone}_{session}_{user:02d}_{file}.avi"
            yield f"{folder}/{phone}_{session}_{user:02d}_{file}.txt"


SIW_SCREENS: dict[str, tuple[int, ...]] = {"Train": (360, 360, 358, 285), "Test": (300, 296, 294, 250)}
SIW_SCREENS_FIRST: dict[str, tuple[int, ...]] = {"Train": (360, 360, 359, 285), "Test": (300, 300, 298, 250)}


def siw(counts: dict[str, tuple[int, ...]] = SIW_SCREENS) -> Iterator[str]:
    for part in ("Train", "Test"):
        people = [n for n in range(1, 166) if (n in SIW_TEST) == (part == "Test")]
        test = part == "Test"
        live = [f"{n:03d}-{c}-1-{m}-{s}" for n, c, m, s in product(people, (1, 2), (1, 2), (1, 2))]
        prints = [f"{n:03d}-1-2-{m}-{s}" for n, m, s in product(people, (1, 2), (1, 2))]
        prints += [f"{n:03d}-2-2-2-1" for n in people[:14]] if test else []
        screens = []
        for medium, count in enumerate(counts[part], start=1):
            names = [f"{n:03d}-{c}-3-{medium}-{s}" for n, c, s in product(people, (1, 2), (1, 2))]
            screens += names[:count]
        yield from (f"{part}/live/{n[:3]}/{n}.mov" for n in live[: 599 if test else 714])
        yield from (f"{part}/spoof/{n[:3]}/{n}.mp4" for n in prints[: 314 if test else 339])
        yield from (f"{part}/spoof/{n[:3]}/{n}.m.mov" for n in screens)
        yield from (f"{part}/spoof/{n[:3]}/{n}.face" for n in screens)


def casia() -> Iterator[str]:
    names = [*(f"{n}.avi" for n in range(1, 9)), *(f"HR_{n}.avi" for n in range(1, 5))]
    yield from (f"train_release/{n}/{name}" for n, name in product(range(1, 21), names))
    # As archives that nest a folder of the same name unpack.
    yield from (f"test_release/test_release/{n}/{name}" for n, name in product(range(1, 31), names))


def replay() -> Iterator[str]:
    attacks = [
        "print_{}_session01_highdef_photo",
        *(f"{d}_{{}}_session01_{d}_{m}" for d in ("mobile", "highdef") for m in ("photo", "video")),
    ]
    for part, clients in REPLAY_CLIENTS.items():
        for number, light in product(clients, ("controlled", "adverse")):
            client = f"client{number:03d}"
            yield f"enroll/{part}/{client}_session01_webcam_enroll_{light}_1.mov"
            for take in (1, 2):
                yield f"{part}/real/{client}_session01_webcam_authenticate_{light}_{take}.mov"
            for support, attack in product(("fixed", "hand"), attacks):
                yield f"{part}/attack/{support}/attack_{attack.format(client)}_{light}.mov"


def msu() -> Iterator[str]:
    yield from ("train_sub_list.txt", "test_sub_list.txt")
    for client, (camera, suffix) in product(MSU_TRAIN + MSU_TEST, (("android", "mp4"), ("laptop", "mov"))):
        yield f"scene01/real/real_client0{client}_{camera}_SD_scene01.{suffix}"
        for kind in ("ipad_video", "iphone_video", "printed_photo"):
            yield f"scene01/attack/attack_client0{client}_{camera}_SD_{kind}_scene01.{suffix}"


LAYOUTS = {"oulu-npu": oulu, "siw": siw, "casia-fasd": casia, "replay-attack": replay, "msu-mfsd": msu}


def build(root: Path, names: Iterator[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name, clients in (("train_sub_list.txt", MSU_TRAIN), ("test_sub_list.txt", MSU_TEST)):
        if (root / name).exists():
            (root / name).write_text("\n".join(clients))
    return root


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {name: build(folder / name, layout()) for name, layout in LAYOUTS.items()}


@pytest.fixture(scope="module")
def sets(archives: dict[str, Path]) -> dict[str, list[Presentation]]:
    return {name: read_set(name, root) for name, root in archives.items()}


@pytest.fixture(scope="module")
def everything(sets: dict[str, list[Presentation]]) -> list[Presentation]:
    return [row for rows in sets.values() for row in rows]


OURS = {name: row for name, row in PROTOCOLS.items() if set(row.needs) <= set(LAYOUTS)}


@pytest.fixture(params=OURS)
def asked(request: pytest.FixtureRequest) -> Protocol:
    return PROTOCOLS[request.param]


# Published (bona fide, attacks): in train, dev and test, or in train and dev together and test.
THREE = {
    "oulu-npu/1": ((240, 960), (180, 720), (120, 480)),
    "oulu-npu/2": ((360, 720), (270, 540), (360, 720)),
    **{f"oulu-npu/3.{n}": ((300, 1200), (225, 900), (60, 240)) for n in range(1, 7)},
    **{f"oulu-npu/4.{n}": ((200, 400), (150, 300), (20, 40)) for n in range(1, 7)},
    "replay-attack/grandtest": ((60, 300), (60, 300), (80, 400)),
    "replay-attack/print": ((60, 60), (60, 60), (80, 80)),
    "replay-attack/mobile": ((60, 120), (60, 120), (80, 160)),
    "replay-attack/highdef": ((60, 120), (60, 120), (80, 160)),
    "replay-attack/photo": ((60, 180), (60, 180), (80, 240)),
    "replay-attack/video": ((60, 120), (60, 120), (80, 160)),
    "replay-attack/digitalphoto": ((60, 120), (60, 120), (80, 160)),
    **{f"replay-attack/grandtest-{s}": ((60, 150), (60, 150), (80, 200)) for s in ("fixed", "hand")},
    **{f"replay-attack/print-{s}": ((60, 30), (60, 30), (80, 40)) for s in ("fixed", "hand")},
    **{f"replay-attack/photo-{s}": ((60, 90), (60, 90), (80, 120)) for s in ("fixed", "hand")},
    **{
        f"replay-attack/{kind}-{s}": ((60, 60), (60, 60), (80, 80))
        for kind in ("mobile", "highdef", "video", "digitalphoto")
        for s in ("fixed", "hand")
    },
    "cross/replay-attack-to-casia-fasd": ((60, 300), (60, 300), (90, 270)),
}
HOME = {"o": (630, 2520), "c": (60, 180), "i": (120, 600), "m": (30, 90)}
TARGET = {"o": (360, 1440), "c": (90, 270), "i": (80, 400), "m": (40, 120)}
TWO = {
    "siw/1": ((714, 1702), (599, 1454)),
    "siw/2.1": ((714, 1003), (599, 300)),
    "siw/2.2": ((714, 1003), (599, 296)),
    "siw/2.3": ((714, 1005), (599, 294)),
    "siw/2.4": ((714, 1078), (599, 250)),
    "siw/3.1": ((714, 339), (599, 1140)),
    "siw/3.2": ((714, 1363), (599, 314)),
    **{f"casia-fasd/{quality}": ((20, 60), (30, 90)) for quality in ("low", "normal", "high")},
    **{f"casia-fasd/{attack}": ((60, 60), (90, 90)) for attack in ("warped", "cut", "video")},
    "casia-fasd/overall": ((60, 180), (90, 270)),
    "msu-mfsd/original": ((30, 90), (40, 120)),
    "cross/casia-fasd-to-replay-attack": ((60, 180), (80, 400)),
    "ocim/oci-to-m": ((630 + 60 + 120, 2520 + 180 + 600), (40, 120)),
    "ocim/omi-to-c": ((630 + 30 + 120, 2520 + 90 + 600), (90, 270)),
    "ocim/ocm-to-i": ((630 + 60 + 30, 2520 + 180 + 90), (80, 400)),
    "ocim/icm-to-o": ((120 + 60 + 30, 600 + 180 + 90), (360, 1440)),
    "ocim/mi-to-c": ((30 + 120, 90 + 600), (90, 270)),
    "ocim/mi-to-o": ((30 + 120, 90 + 600), (360, 1440)),
    "ocim/o-to-cim": ((630, 2520), (90 + 80 + 40, 270 + 400 + 120)),
    "ocim/c-to-oim": ((60, 180), (360 + 80 + 40, 1440 + 400 + 120)),
    "ocim/i-to-ocm": ((120, 600), (360 + 90 + 40, 1440 + 270 + 120)),
    "ocim/m-to-oci": ((30, 90), (360 + 90 + 80, 1440 + 270 + 400)),
    **{f"ocim/{one}-to-{other}": (HOME[one], TARGET[other]) for one, other in permutations("ocim", 2)},
    # all lists: dev lists of O and I are learnt from or set thresholds, the targets' are left out
    "ocim-all/oci-to-m": ((990 + 150 + 200, 3960 + 450 + 1000), (70, 210)),
    "ocim-all/omi-to-c": ((990 + 70 + 200, 3960 + 210 + 1000), (150, 450)),
    "ocim-all/ocm-to-i": ((990 + 150 + 70, 3960 + 450 + 210), (140, 700)),
    "ocim-all/icm-to-o": ((200 + 150 + 70, 1000 + 450 + 210), (720, 2880)),
}


def test_no_protocol_of_ours_is_without_counts() -> None:
    assert set(OURS) == {*THREE, *TWO}


def test_every_protocol_and_fold_has_the_published_counts(
    asked: Protocol, everything: list[Presentation]
) -> None:
    split, differences = split_by(asked.name, everything)
    counts = split.counts()
    if asked.name in THREE:
        assert tuple(counts.values()) == THREE[asked.name]
    else:
        home = tuple(map(sum, zip(counts["train"], counts["dev"], strict=True)))
        assert (home, counts["test"]) == TWO[asked.name]
    assert differences == []
    assert asked.counts is not None  # else nothing was compared


def test_the_siw_of_bobs_first_lists_is_as_good_and_told_apart(
    tmp_path: Path, sets: dict[str, list[Presentation]]
) -> None:
    first = read_set("siw", build(tmp_path, siw(SIW_SCREENS_FIRST)))
    assert len(first) == 4478
    for name in (name for name in OURS if name.startswith("siw/")):
        assert split_by(name, first)[1] == []
    without = [row for row in first if not row.path.endswith("003-1-1-1-1.mov")]
    assert split_by("siw/1", without)[1] == [
        "train+dev has 713 bona fide and 1703 attacks, published are 714 and 1702",
        "test has 599 bona fide and 1462 attacks, published are 599 and 1454",
    ]
    editions = []
    for rows in (sets["siw"], first, without):
        counts = {
            part: (
                sum(r.split == part and r.label is Label.BONA_FIDE for r in rows),
                sum(r.split == part and r.label is Label.ATTACK for r in rows),
            )
            for part in ("train", "test")
        }
        found = Examination(counts=counts, presentations=1, subjects=1, opened=0, compared=True, findings=())
        editions.append(summary(found, DATASETS["siw"])[1].partition("(")[2])
    assert "since 2020" in editions[0]
    assert "first lists" in editions[1]
    assert editions[2] == "as published)"


def test_no_file_and_no_subject_is_in_two_parts(asked: Protocol, everything: list[Presentation]) -> None:
    split = asked.split(everything)
    assert leaks(split) == []
    paths = [row.path for part in split.parts().values() for row in part]
    assert len(set(paths)) == len(paths)
    for part in split.parts().values():
        assert {row.label for row in part} == set(Label)  # dev too: a threshold needs both


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_set_has_the_published_counts_and_says_whose_it_is(
    name: Any, sets: dict[str, list[Presentation]]
) -> None:
    rows, published = sets[name], present(DATASETS[name].counts)
    for part, counts in published.items():
        found = Counter(row.label for row in rows if row.split == part)
        assert (found[Label.BONA_FIDE], found[Label.ATTACK]) == counts
    assert {row.split for row in rows} == set(published)
    assert [row.path for row in rows] == sorted(row.path for row in rows)
    assert all(row.dataset == row.domain == name and row.subject and row.licence for row in rows)
    assert all(bool(row.instrument) == (row.label is Label.ATTACK) for row in rows)
    assert all(row.instrument.count("/") == 1 for row in rows if row.instrument)


SPECIES = {
    "oulu-npu": {"print/printer-1", "print/printer-2", "replay/display-1", "replay/display-2"},
    "siw": {
        "print/glossy",
        "print/matte",
        *(f"replay/{s}" for s in ("ipad-pro-2017", "iphone-7-plus", "asus-mb168b", "galaxy-s8")),
    },
    "casia-fasd": {"print/warped-photo", "print/cut-photo", "replay/video"},
    "replay-attack": {
        "print/photo",
        *(f"replay/{device}-{medium}" for device in ("mobile", "highdef") for medium in ("photo", "video")),
    },
    "msu-mfsd": {"replay/ipad-air", "replay/iphone-5s", "print/a3"},
}
PEOPLE = {"oulu-npu": 55, "siw": 165, "casia-fasd": 50, "replay-attack": 50, "msu-mfsd": 35}
CAMERAS = {"oulu-npu": 6, "siw": 2, "casia-fasd": 3, "replay-attack": 1, "msu-mfsd": 2}


@pytest.mark.parametrize("name", LAYOUTS)
def test_instruments_people_and_cameras_are_told_apart(
    name: Any, sets: dict[str, list[Presentation]]
) -> None:
    rows = sets[name]
    assert {row.instrument for row in rows if row.instrument} == SPECIES[name]
    assert len({row.subject for row in rows}) == PEOPLE[name]
    assert len({row.camera for row in rows}) == CAMERAS[name]


# One row of each kind, read by eye from the papers' naming rules.
READ = {
    ("oulu-npu", "6_3_20_5.avi"): ("replay/display-2", "20", "3", "oppo-n3", "train"),
    ("oulu-npu", "2_1_36_2.avi"): ("print/printer-1", "36", "1", "htc-desire-eye", "test"),
    ("siw", "003-1-2-1-1.mp4"): ("print/glossy", "003", "1", "canon-eos-t6", "train"),
    ("siw", "003-2-3-4-2.m.mov"): ("replay/galaxy-s8", "003", "2", "logitech-c920", "train"),
    ("casia-fasd", "train_release/7/HR_3.avi"): ("print/cut-photo", "07", "", "high", "train"),
    ("casia-fasd", "test_release/30/8.avi"): ("replay/video", "50", "", "low", "test"),
    ("casia-fasd", "test_release/1/1.avi"): ("", "21", "", "normal", "test"),
    ("msu-mfsd", "attack_client011_laptop_SD_ipad_video_scene01.mov"): (
        "replay/ipad-air",
        "11",
        "",
        "macbook-air",
        "train",
    ),
    ("replay-attack", "attack_highdef_client016_session01_highdef_video_adverse.mov"): (
        "replay/highdef-video",
        "016",
        "01",
        "webcam",
        "dev",
    ),
}


@pytest.mark.parametrize(("name", "file"), READ)
def test_names_are_read_as_the_papers_say(name: Any, file: Any, sets: dict[str, list[Presentation]]) -> None:
    row = next(row for row in sets[name] if row.path.endswith(f"/{file}"))
    assert (row.instrument, row.subject, row.session, row.camera, row.split) == READ[name, file]


def test_only_the_clips_that_are_stored_upside_down_are_turned(sets: dict[str, list[Presentation]]) -> None:
    turned = {Path(row.path).stem: row.turns for row in sets["msu-mfsd"] if row.turns}
    assert turned == {f"real_client00{n}_android_SD_scene01": 2 for n in (3, 5, 6, 7, 8, 9)}
    assert not any(row.turns for name in ("oulu-npu", "siw") for row in sets[name])


def test_dev_is_a_share_of_the_train_subjects_and_the_same_in_every_fold(
    sets: dict[str, list[Presentation]],
) -> None:
    people = {}
    for name, row in OURS.items():
        if name.startswith("siw/"):
            split = row.split(sets["siw"])
            people[name] = frozenset(p.subject for p in split.dev)
            assert len({p.subject for p in split.train}) + len(people[name]) == 90
    assert len(set(people.values())) == 1
    assert len(people["siw/1"]) == 14  # 15 % of 90
    assert len({p.subject for p in protocol("casia-fasd/overall").split(sets["casia-fasd"]).dev}) == 3
    assert len({p.subject for p in protocol("msu-mfsd/original").split(sets["msu-mfsd"]).dev}) == 2
    shuffled = sets["siw"][::-1]
    assert {p.subject for p in protocol("siw/1").split(shuffled).dev} == people["siw/1"]


def test_siw_1_learns_from_the_first_frames_only(sets: dict[str, list[Presentation]]) -> None:
    split = protocol("siw/1").split(sets["siw"])
    assert {row.columns["max_frames"] for row in (*split.train, *split.dev)} == {"60"}
    assert not any("max_frames" in row.columns for row in split.test)
    assert not any("max_frames" in row.columns for row in protocol("siw/2.1").split(sets["siw"]).train)


def test_what_a_protocol_holds_out_is_never_learnt(everything: list[Presentation]) -> None:
    def learnt(name: str) -> tuple[Presentation, ...]:
        split = protocol(name).split(everything)
        return (*split.train, *split.dev)

    assert {row.session for row in learnt("oulu-npu/1")} == {"1", "2"}
    assert not {row.instrument for row in learnt("oulu-npu/2")} & {"print/printer-2", "replay/display-2"}
    assert "meizu-x5" not in {row.camera for row in learnt("oulu-npu/3.3")}
    assert {row.camera for row in protocol("oulu-npu/4.3").split(everything).test} == {"meizu-x5"}
    assert "replay/iphone-7-plus" not in {row.instrument for row in learnt("siw/2.2")}
    assert {row.instrument for row in learnt("siw/3.1")} == {"", "print/glossy", "print/matte"}
    assert {row.dataset for row in learnt("ocim/mi-to-c")} == {"msu-mfsd", "replay-attack"}


def test_folds_are_grouped() -> None:
    groups = Counter(row.folds for row in OURS.values() if row.folds)
    assert groups == {"oulu-npu/3": 6, "oulu-npu/4": 6, "siw/2": 4, "siw/3": 2, "ocim-all": 4}


# The lists of OULU-NPU.


def write_list(root: Path, name: str, split: Split, part: str) -> Path:
    """As the archive has it: +1 bona fide; -1 an attack, in test a print, and -2 there a replay."""
    path = root / "Protocols" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for row in split.parts()[part]:
        label = {"": "+1", "print": "-1", "replay": "-2" if part == "test" else "-1"}
        lines.append(f"{label[row.instrument.split('/')[0]]},{Path(row.path).stem}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def dev_list(archives: dict[str, Path], sets: dict[str, list[Presentation]]) -> Iterator[Path]:
    split = protocol("oulu-npu/1").split(sets["oulu-npu"])
    path = write_list(archives["oulu-npu"], "Protocol_1/Dev.txt", split, "dev")
    yield path
    path.unlink(missing_ok=True)


def test_a_list_may_come_from_another_editor(sets: dict[str, list[Presentation]], dev_list: Path) -> None:
    dev_list.write_bytes(b"\xef\xbb\xbf" + dev_list.read_bytes().replace(b"\n", b"\r\n"))
    assert protocol("oulu-npu/1").split(sets["oulu-npu"])


def test_lists_that_agree_are_accepted(
    archives: dict[str, Path], sets: dict[str, list[Presentation]], dev_list: Path
) -> None:
    rows, root = sets["oulu-npu"], archives["oulu-npu"]
    written = [dev_list]
    for name, suffix in (("1", ""), ("4.6", "_6")):
        split = protocol(f"oulu-npu/{name}").split(rows)
        for part in ("train", "dev", "test"):
            file = f"Protocol_{name[0]}/{part.capitalize()}{suffix}.txt"
            written.append(write_list(root, file, split, part))
        assert protocol(f"oulu-npu/{name}").split(rows) == split
    for path in written:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lines: lines[:500] + lines[501:], "has 899 lines, the rule 900: .* is not listed"),
        (lambda lines: [*lines, lines[0]], "line 901: .* is listed twice"),
        (
            lambda lines: ["+1,1_1_01_1", *lines],
            "line 1: 1_1_01_1 is listed, but the rule does not put it here",
        ),
        (lambda lines: [f"+1,{lines[1][3:]}", *lines[2:]], "is labelled 1, but its name says -"),
        (lambda lines: [",".join(line.split(",")[::-1]) for line in lines], "line 1 reads name,label"),
        (lambda lines: ["path;label", *lines], "line 1 reads 'path;label'"),
    ],
)
def test_a_list_that_disagrees_is_named_with_its_first_line(
    change: Any, sentence: str, sets: dict[str, list[Presentation]], dev_list: Path
) -> None:
    dev_list.write_text("\n".join(change(dev_list.read_text().splitlines())))
    with pytest.raises(DataError, match=sentence):
        protocol("oulu-npu/1").split(sets["oulu-npu"])
    assert protocol("oulu-npu/2").split(sets["oulu-npu"])  # whose lists are not there


# The lists of Replay-Attack.


@pytest.fixture
def replay_list(archives: dict[str, Path], sets: dict[str, list[Presentation]]) -> Iterator[Path]:
    """The attacks of the print protocol in devel, as the archive lists them."""
    lists = archives["replay-attack"] / "protocols"
    lists.mkdir()
    for name in ("replay-attack/print", "replay-attack/print-fixed"):
        split = protocol(name).split(sets["replay-attack"])
        support = "fixed" if name.endswith("fixed") else "allsupports"
        for part, word in (("train", "train"), ("dev", "devel"), ("test", "test")):
            for kind, label in ((f"attack-print-{support}", Label.ATTACK), ("real", Label.BONA_FIDE)):
                rows = [row.path for row in split.parts()[part] if row.label is label]
                text = "\n".join(str(Path(path).relative_to(archives["replay-attack"])) for path in rows)
                (lists / f"{kind}-{word}.txt").write_text(text + "\n")
    yield lists / "attack-print-allsupports-devel.txt"
    for path in lists.iterdir():
        path.unlink()
    lists.rmdir()


def test_lists_of_replay_attack_that_agree_are_accepted(
    sets: dict[str, list[Presentation]], replay_list: Path
) -> None:
    for name in ("print", "print-fixed", "grandtest"):
        assert protocol(f"replay-attack/{name}").split(sets["replay-attack"]).dev
    replay_list.write_text(replay_list.read_text().replace(".mov", ""))
    assert protocol("replay-attack/print").split(sets["replay-attack"]).dev


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lines: lines[1:], "has 59 lines, the rule 60: .* is not listed"),
        (lambda lines: [*lines, lines[0]], "line 61: .* is listed twice"),
        (lambda lines: [lines[0].replace("print", "mobile"), *lines], "line 1: .* the rule does not put it"),
    ],
)
def test_a_list_of_replay_attack_that_disagrees_is_named(
    change: Any, sentence: str, sets: dict[str, list[Presentation]], replay_list: Path
) -> None:
    replay_list.write_text("\n".join(change(replay_list.read_text().splitlines())))
    with pytest.raises(DataError, match=rf"attack-print-allsupports-devel.txt.*{sentence}"):
        protocol("replay-attack/print").split(sets["replay-attack"])
    assert protocol("replay-attack/mobile").split(sets["replay-attack"])  # whose list is not there


# What goes wrong.


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_folder_that_is_not_the_set_is_refused_in_one_sentence(
    name: Any, tmp_path: Path, archives: dict[str, Path]
) -> None:
    with pytest.raises(DataError, match="does not exist; name the folder"):
        read_set(name, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is empty; unpack"):
        read_set(name, tmp_path / "empty")
    (tmp_path / "a.zip").touch()
    with pytest.raises(DataError, match=r"a.zip is not a folder; unpack it"):
        read_set(name, tmp_path / "a.zip")
    for other, root in archives.items():
        if other != name:
            with pytest.raises(DataError, match=r"has no folder|is not named|holds no"):
                read_set(name, root)


HALVES = {
    "oulu-npu": "Test_files",
    "siw": "Test",
    "casia-fasd": "test_release",
    "replay-attack": "devel/attack",
    "msu-mfsd": "scene01/attack",
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_half_unpacked_archive_is_no_small_data_set(name: Any, tmp_path: Path) -> None:
    root = build(tmp_path, (file for file in LAYOUTS[name]() if not file.startswith(HALVES[name])))
    with pytest.raises(DataError, match=r"has no folder|holds no (attack|bona fide)"):
        read_set(name, root)
    (tmp_path / f"{HALVES[name].split('/')[0]}.zip").touch()
    with pytest.raises(DataError, match=r"zip, which is not unpacked|holds no attack"):
        read_set(name, root)


def test_an_archive_that_was_unpacked_twice_counts_once_or_not_at_all(tmp_path: Path) -> None:
    root = build(tmp_path, msu())
    build(root / "scene01", (name for name in msu() if "client001" in name))
    with pytest.raises(DataError, match=r"8 presentations are there twice, .*client001"):
        read_set("msu-mfsd", root)


def test_a_file_that_was_copied_aside_is_there_twice(archives: dict[str, Path]) -> None:
    aside = archives["oulu-npu"] / "Train_files" / "to look at" / "1_1_01_1.avi"
    aside.parent.mkdir()
    aside.touch()
    try:
        with pytest.raises(DataError, match="1 presentations are there twice"):
            read_set("oulu-npu", archives["oulu-npu"])
    finally:
        aside.unlink()
        aside.parent.rmdir()


def test_a_part_that_is_a_link_to_another_disk_is_followed(tmp_path: Path) -> None:
    root = build(tmp_path / "here", msu())
    (root / "scene01" / "attack").rename(tmp_path / "elsewhere")
    (root / "scene01" / "attack").symlink_to(tmp_path / "elsewhere")
    assert len(read_set("msu-mfsd", root)) == 280


def test_the_twins_of_a_mac_are_passed_over(tmp_path: Path) -> None:
    root = build(tmp_path, msu())
    (root / "scene01" / "real" / "._real_client001_android_SD_scene01.mp4").touch()
    build(root / "scene01" / "__MACOSX", (name for name in msu() if "client001" in name))
    assert len(read_set("msu-mfsd", root)) == 280


@pytest.mark.parametrize(
    ("name", "stranger", "sentence"),
    [
        ("oulu-npu", "Train_files/1_1_21_1.avi", "user 21, but Train_files holds 1 to 20"),
        ("oulu-npu", "Train_files/clip.avi", "not named Phone_Session_User_File"),
        ("siw", "Train/live/003/003-1-2-1-1.mov", "is of type 2 by its name, which belongs into spoof"),
        ("siw", "Train/live/Live_1.mov", "SiW-M is another"),
        ("casia-fasd", "train_release/21/1.avi", "of a person 1 to 20"),
        ("replay-attack", "train/attack/attack_print.mov", "is not named as attack/fixed"),
        ("replay-attack", "train/real/client001.mov", "is not named as client001_session01"),
        ("msu-mfsd", "scene01/real/real_client010_android_SD_scene01.mp4", "client 10, who is in no list"),
        (
            "msu-mfsd",
            "scene01/attack/real_client001_android_SD_scene01.mp4",
            "is not named as real_client001",
        ),
    ],
)
def test_a_file_that_does_not_belong_is_named(
    name: str, stranger: str, sentence: str, archives: dict[str, Path]
) -> None:
    path = archives[name] / stranger
    assert not path.exists()
    path.parent.mkdir(exist_ok=True)
    path.touch()
    try:
        with pytest.raises(DataError, match=sentence):
            read_set(name, archives[name])
    finally:
        path.unlink()


def test_lists_of_clients_that_are_not_the_published_ones_are_refused(tmp_path: Path) -> None:
    root = build(tmp_path, msu())
    (root / "train_sub_list.txt").write_text("\n".join(MSU_TRAIN[1:]))
    with pytest.raises(DataError, match="lacks client 02"):
        read_set("msu-mfsd", root)
    (root / "train_sub_list.txt").write_text("\n".join([*MSU_TRAIN, "01"]))
    with pytest.raises(DataError, match="lists '01', which the published list lacks"):
        read_set("msu-mfsd", root)


def test_an_unknown_name_brings_the_known_ones_nearest_first() -> None:
    with pytest.raises(DataError, match="no data set 'oulu'; there are oulu-npu,"):
        data_set("oulu")
    with pytest.raises(DataError, match=r"^oulu-npu/3\.2 is a protocol of oulu-npu; `unmask data oulu"):
        data_set("oulu-npu/3.2")
    with pytest.raises(DataError, match=r"no protocol 'oulu/3.2'; the nearest are oulu-npu/3.2,"):
        protocol("oulu/3.2")


def test_a_protocol_says_which_set_it_lacks(sets: dict[str, list[Presentation]]) -> None:
    with pytest.raises(DataError, match="needs presentations of replay-attack, not of casia-fasd"):
        protocol("cross/casia-fasd-to-replay-attack").split(sets["casia-fasd"])


def test_rows_of_another_reader_are_refused_where_columns_are_asked_for(
    sets: dict[str, list[Presentation]],
) -> None:
    rows = [replace(row, columns={}) for row in sets["replay-attack"]]
    with pytest.raises(DataError, match="has not the columns device, medium and support"):
        protocol("replay-attack/grandtest").split(rows)


def test_a_subset_is_told_apart_from_the_whole(sets: dict[str, list[Presentation]]) -> None:
    some = [row for row in sets["msu-mfsd"] if row.subject != "50"]
    _, differences = split_by("msu-mfsd/original", some)
    assert differences == ["test has 38 bona fide and 114 attacks, published are 40 and 120"]
    assert miscounted(protocol("msu-mfsd/original").split(some), None) == []
