"""ROSE-Youtu, CelebA-Spoof, labelled folders and the simulated benchmark."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unmask.app.benchmark_make import write_protocols
from unmask.data.protocols import PROTOCOLS
from unmask.data.protocols.dev_share import drawn, with_dev
from unmask.data.sets import DATASETS
from unmask.data.sets.celeba_spoof import TYPES, celeba_spoof
from unmask.data.sets.labelled_folder import labelled_folder
from unmask.data.sets.rose_youtu import KINDS, PHONES, rose_youtu
from unmask.data.sets.simulated import simulated
from unmask.data.splits import leaks
from unmask.simulate.benchmark import ROW, SIZES, plan
from unmask.simulate.folder import write_table
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.types import DataError, Label, Presentation

PEOPLE = [n for n in range(2, 24) if n not in (8, 19)]  # the 20 public subjects


def build_rose(root: Any, people: Any = PEOPLE) -> Any:
    for person in people:
        (root / str(person)).mkdir(parents=True)
        cells = [(kind, phone) for kind in KINDS for phone in PHONES]
        for number, (kind, phone) in enumerate(cells, start=1):
            (root / str(person) / f"{kind}_NT_{phone}_wg_E_{person}_{number}.mp4").touch()
    return root


def test_rose_is_split_by_subject(tmp_path: Path) -> None:
    rows = rose_youtu(build_rose(tmp_path / "rose"))
    split = PROTOCOLS["rose-youtu/grandtest"].split(rows)
    people = {name: {int(p.subject) for p in part} for name, part in split.parts().items()}
    assert people["train"] == {2, 3, 4, 5, 6, 7, 9, 10}
    assert people["dev"] == {11, 12}
    assert len(people["test"]) == 10
    assert leaks(split) == []
    assert split.counts() == {"train": (40, 320), "dev": (10, 80), "test": (50, 400)}


def test_rose_comes_out_upright(tmp_path: Path) -> None:
    rows = rose_youtu(build_rose(tmp_path / "rose", people=[2]))
    turns = {(row.instrument.split("/")[0], row.camera): row.turns for row in rows}
    for family in ("", "print", "mask"):
        assert [turns[family, phone] for phone in PHONES] == [3, 3, 1, 1, 1]
    assert [turns["replay", phone] for phone in PHONES] == [0, 0, 2, 2, 2]


def test_rose_has_eight_instruments(tmp_path: Path) -> None:
    rows = rose_youtu(build_rose(tmp_path / "rose", people=[2]))
    assert {row.instrument for row in rows} == set(KINDS.values())
    assert all((row.label is Label.BONA_FIDE) == (row.instrument == "") for row in rows)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("2/X_NT_5s_wg_E_2_1.mp4", "the kind is 'X' and the phone '5s'"),
        ("2/G_NT_S9_wg_E_2_1.mp4", "the phone 'S9'; ROSE-Youtu has G, Ps"),
        ("2/clip.mp4", "is not a name of ROSE-Youtu"),
        ("2/G_NT_5s_wg_E_3_1.mp4", "names subject 3 in the folder of 2"),
        ("24/G_NT_5s_wg_E_24_1.mp4", "names subject 24"),
        ("5/notes.txt", "5 holds no video: ROSE-Youtu is only half unpacked"),
        ("2/G_NT_5s_wg_E_2_1.mov", "are one presentation of ROSE-Youtu"),
    ],
)
def test_rose_is_held_to_its_names(name: str, sentence: str, tmp_path: Path) -> None:
    root = build_rose(tmp_path / "rose", people=[2])
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).touch()
    with pytest.raises(DataError, match=sentence):
        rose_youtu(root)


def numbers(kind: Any, *, light: Any = 0, place: Any = 0, spoof: Any = None) -> Any:
    return [0] * 40 + [kind, light, place, int(kind > 0) if spoof is None else spoof]


def build_celeba(root: Any, *, people: Any = 40, change: Any = None) -> Any:
    """A slice of the names: of each subject one living picture and one of each type."""
    for split, first in {"train": 1, "test": 9000}.items():
        labels = {}
        for person in range(first, first + people):
            for kind in range(len(TYPES)):
                truth = "spoof" if kind else "live"
                light, place = (1 + kind % 4, 1 + kind % 2) if kind else (0, 0)
                name = f"Data/{split}/{person}/{truth}/{kind:06d}.png"
                labels[name] = numbers(kind, light=light, place=place)
            (root / "Data" / split / str(person)).mkdir(parents=True)
        if change and split == "train":
            change(labels)
        (root / "metas" / "intra_test").mkdir(parents=True, exist_ok=True)
        (root / "metas" / "intra_test" / f"{split}_label.json").write_text(json.dumps(labels))
    return root


def test_celeba_is_read_from_its_labels_alone(tmp_path: Path) -> None:
    rows = celeba_spoof(build_celeba(tmp_path / "CelebA_Spoof"))
    assert len(rows) == 2 * 40 * 11
    assert {row.instrument for row in rows} == set(TYPES)
    split = PROTOCOLS["celeba-spoof/intra"].split(rows)
    assert leaks(split) == []
    assert split.counts() == {"train": (34, 340), "dev": (6, 60), "test": (40, 400)}
    spoof = next(row for row in rows if row.instrument == "replay/phone")
    assert (spoof.columns["light"], spoof.place) == ("strong", "outdoor")


def test_celeba_shares_what_many_pictures_have_in_common(tmp_path: Path) -> None:
    """Half a million rows of their own mappings would weigh more than the rest of them."""
    rows = celeba_spoof(build_celeba(tmp_path / "CelebA_Spoof"))
    assert len({id(row.columns) for row in rows}) <= 5


def replaced(old: Any, new: Any) -> Any:
    return lambda labels: labels.update({new: labels.pop(old)})


FIRST = "Data/train/1/live/000000.png"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda labels: labels.update({FIRST: [0] * 43}), "has not the 44 numbers of CelebA-Spoof"),
        (lambda labels: labels.update({FIRST: numbers(0, light=1.0)}), "labels that are not whole numbers"),
        (lambda labels: labels.update({FIRST: numbers(11)}), "type 11, .* are not all known"),
        (lambda labels: labels.update({FIRST: numbers(0, spoof=1)}), "type 0 and truth 1 contradict"),
        (replaced(FIRST, "train/1/live/000000.png"), "is not Data/train/SUBJECT/live.spoof/NAME"),
        (replaced(FIRST, "Data/train/77/live/000000.png"), "lacks the folders of 1 labelled subjects, 77"),
        (lambda labels: labels.clear(), "maps no path to its labels"),
    ],
)
def test_celeba_is_held_to_its_format(change: Any, sentence: str, tmp_path: Path) -> None:
    root = build_celeba(tmp_path / "CelebA_Spoof", people=2, change=change)
    with pytest.raises(DataError, match=sentence):
        celeba_spoof(root)


def test_half_of_celeba_is_said(tmp_path: Path) -> None:
    root = build_celeba(tmp_path / "CelebA_Spoof", people=2)
    (root / "metas" / "intra_test" / "test_label.json").write_text("{")
    with pytest.raises(DataError, match=r"test_label.json is not JSON"):
        celeba_spoof(root)
    (root / "metas" / "intra_test" / "test_label.json").unlink()
    with pytest.raises(
        DataError, match=r"no file metas/intra_test/test_label.json, which CelebA-Spoof needs"
    ):
        celeba_spoof(root)
    with pytest.raises(DataError, match="holds none of Data/train"):
        celeba_spoof(root / "metas" / "intra_test")


def test_a_labelled_folder_is_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.mp4").touch()
    (tmp_path / "labels.csv").write_text(
        "path,label,instrument,split\nb.mp4,attack,print/a4,test\na.mp4,bona_fide,,train\n"
    )
    rows = labelled_folder(tmp_path)
    assert [(row.dataset, row.split) for row in rows] == [("folder", "train"), ("folder", "test")]
    assert PROTOCOLS["folder/shipped"].split(rows).counts() == {
        "train": (1, 0),
        "dev": (0, 0),
        "test": (0, 1),
    }
    with pytest.raises(DataError, match="has no labels"):
        labelled_folder(tmp_path.parent)


SIMULATED = [name for name in PROTOCOLS if name.startswith("simulated/")]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `unmask benchmark make --size small` writes, with empty videos."""
    root = tmp_path_factory.mktemp("benchmark")
    rows = []
    for n, clip in enumerate(plan(SIZES["small"], seed=1, subjects=[f"person_{n:02d}" for n in range(60)])):
        rows.append(
            {
                "path": f"videos/{n:06d}.mp4",
                "label": "attack" if clip.instrument else "bona_fide",
                "instrument": clip.instrument or "",
                "subject": clip.subject,
                "camera": clip.camera,
                "light": "day",
                "seed": str(clip.seed),
                "instrument_model": clip.model,
                "place": clip.place,
                "session": str(clip.session),
                "domain": clip.domain,
                "split": clip.split,
                "like": INSTRUMENTS[clip.instrument].like if clip.instrument else "",
            }
        )
    for folder, suffix in (("videos", "mp4"), ("truth", "npz")):
        (root / folder).mkdir()
        for n in range(len(rows)):
            (root / folder / f"{n:06d}.{suffix}").touch()
    write_table(root / "labels.csv", ROW, rows)
    (root / "benchmark.json").write_text("{}")
    write_protocols(root, rows)
    return root


@pytest.fixture(scope="module")
def recorded(benchmark: Path) -> list[Presentation]:
    return simulated(benchmark)


def test_the_benchmark_has_33_protocols(benchmark: Path) -> None:
    files = {path.stem for path in (benchmark / "protocols").iterdir()}
    assert {name.removeprefix("simulated/") for name in SIMULATED} == files
    assert len(SIMULATED) == 33


@pytest.mark.parametrize("name", SIMULATED)
def test_a_protocol_of_the_benchmark_is_that_of_its_file(
    name: Any, benchmark: Path, recorded: list[Presentation]
) -> None:
    split = PROTOCOLS[name].split(recorded)
    with (benchmark / "protocols" / f"{name.removeprefix('simulated/')}.csv").open(newline="") as file:
        written = {(str(benchmark / row["path"]), row["split"]) for row in csv.DictReader(file)}
    assert {(p.path, part) for part, rows in split.parts().items() for p in rows} == written
    assert leaks(split) == []


def test_the_folds_of_the_benchmark_are_grouped() -> None:
    groups = {PROTOCOLS[name].folds for name in SIMULATED}
    kinds = {"oulu-3", "oulu-4", "domains", "types"}
    assert groups == {"", *(f"simulated/{kind}" for kind in kinds)}
    assert PROTOCOLS["simulated/oulu-1"].folds == ""


def test_true_depth_is_named_and_its_want_is_said(benchmark: Path, recorded: list[Presentation]) -> None:
    assert recorded[0].columns["depth"] == str(benchmark / "truth" / "000000.npz")
    (benchmark / "truth" / "000005.npz").rename(benchmark / "gone")
    with pytest.raises(DataError, match=r"000005.mp4 has no true depth in .*000005.npz"):
        simulated(benchmark)
    (benchmark / "gone").rename(benchmark / "truth" / "000005.npz")


def test_what_a_small_benchmark_lacks_is_said(recorded: list[Presentation], tmp_path: Path) -> None:
    prints = [row for row in recorded if row.instrument.split("/")[0] in ("", "print")]
    with pytest.raises(DataError, match="nothing to hold out for it, so no protocol types-13"):
        PROTOCOLS["simulated/types-13"].split(prints)
    attacks = [row for row in recorded if row.instrument]
    with pytest.raises(DataError, match="has no bona fide recordings in train, so no protocol oulu-1"):
        PROTOCOLS["simulated/oulu-1"].split(attacks)
    with pytest.raises(DataError, match="needs presentations of simulated, not of nothing"):
        PROTOCOLS["simulated/oulu-1"].split([])
    with pytest.raises(DataError, match=r"has no benchmark.json: it is not the simulated benchmark"):
        simulated(tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_says_where_it_comes_from(name: Any) -> None:
    row = DATASETS[name]
    assert row.name == name
    assert row.title
    assert row.licence
    assert row.apply
    assert row.layout
    with pytest.raises(DataError, match=r"\w"):
        row.read("nowhere at all")


def test_the_page_has_every_set_with_its_licence_and_where_to_apply() -> None:
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
    for row in DATASETS.values():
        assert f"| `{row.name}` | {row.licence} | {row.apply} |" in page
        assert f"(`{row.name}`)" in page


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_asks_something_of_known_sets(name: Any) -> None:
    protocol = PROTOCOLS[name]
    assert protocol.name == name
    assert protocol.question
    assert set(protocol.needs) <= set(DATASETS)
    assert name.startswith(protocol.folds)


def bona_fide(n: Any, **fields: Any) -> Any:
    return Presentation(path=f"root/{n}.mp4", label=Label.BONA_FIDE, dataset="a", **fields)


def test_a_dev_part_keeps_subjects_whole_and_does_not_depend_on_order() -> None:
    rows = [bona_fide(n, subject=str(n // 10)) for n in range(200)]
    train, dev = with_dev(rows)
    assert {p.subject for p in train}.isdisjoint(p.subject for p in dev)
    assert len({p.subject for p in dev}) == 3
    assert {p.path for p in with_dev(rows[::-1])[1]} == {p.path for p in dev}


def test_a_dev_part_has_every_class_where_that_can_be() -> None:
    rows = [bona_fide(n, subject=str(n // 10)) for n in range(200)]  # 20 subjects
    order = drawn({row.subject for row in rows})
    last = [row for row in rows if row.subject in order[-2:]]
    attacks = [replace(row, path=f"{row.path}-attack", label=Label.ATTACK) for row in last]
    _, dev = with_dev(rows + attacks)  # the share alone would hold no attack
    assert {p.subject for p in dev} == {*order[:3], order[-2]}
    assert {p.label for p in dev} == set(Label)
    only = [row for row in attacks if row.subject == order[-1]]
    assert with_dev(rows + only) == ((*rows, *only), ())  # one subject's attacks cannot be divided


def test_one_subject_cannot_be_divided() -> None:
    assert with_dev([bona_fide(n, subject="only") for n in range(5)])[1] == ()
