"""A model adapted to a handful of captures: what is written, what is refused, what is said of it.

A face is a square on black whose red is uniform (so that it is found); green and blue say what it is.
"""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_detector import Squares

from conftest import ModelFiles
from tiny_models import CELLS, FEATURES, linear_model
from unmask.detector import detector as detector_module, watch
from unmask.detector.detector import Detector
from unmask.detector.model_file import read_file
from unmask.evaluation.adapt import read_head
from unmask.types import Label, ModelError, Verdict

GREEN = slice(CELLS * CELLS, 2 * CELLS * CELLS)  # of the features


@pytest.fixture(autouse=True)
def _squares_are_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        @staticmethod
        def load(threads: int = 0) -> Squares:
            return Squares()

    monkeypatch.setattr(detector_module, "FaceFinder", Finder)
    monkeypatch.setattr(watch, "judge", lambda sighting: ())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Green is bona fide to it, but for the camera of these tests it says so of everything."""
    weight = np.zeros(FEATURES)
    weight[GREEN] = 0.3
    return linear_model(tmp_path / "model.onnx", weight=weight, bias=10.0)


def _picture(rng: np.random.Generator, *, green: float) -> np.ndarray:
    image = np.zeros((160, 160, 3), np.uint8)
    square = image[40:120, 40:120]
    square[..., 0] = 200
    square[..., 1] = np.clip(green + rng.normal(0, 12) + rng.normal(0, 20, (80, 80)), 1, 255)
    square[..., 2] = np.clip(rng.uniform(60, 200) + rng.normal(0, 20, (80, 80)), 1, 255)
    return image


def _folder(root: Path, rng: np.random.Generator, *, bona_fide: int = 6, attacks: int = 6) -> Path:
    root.mkdir()
    rows = []
    for number in range(bona_fide + attacks):
        alive = number < bona_fide
        name = f"{number:02d}.png"
        picture = _picture(rng, green=170 if alive else 70)
        cv2.imwrite(str(root / name), picture[..., ::-1])
        rows.append(
            (name, "bona_fide" if alive else "attack", "" if alive else "print/matt", f"s{number % 3}")
        )
    _label(root, rows)
    return root


def _label(root: Path, rows: Sequence[tuple[str, ...]]) -> None:
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "instrument", "subject"), *rows])


def _rows(root: Path) -> list[tuple[str, ...]]:
    with (root / "labels.csv").open(newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def test_an_adapted_model_judges_the_camera_right_and_says_what_it_was_adapted_to(
    tmp_path: Path, rng: np.random.Generator, model: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    folder = _folder(tmp_path / "door", rng)
    code, out, err = unmask("adapt", model, folder, "--out", tmp_path / "new.onnx", width=100)
    assert code == 0
    assert "no better" not in err
    assert "6 of 6" in out
    assert "0 of 6" in out
    contract = read_file(tmp_path / "new.onnx")[1]
    assert contract.version.startswith("0.0.0+adapted.")
    assert contract.training_data[-1].name == "own captures door"
    assert contract.training_data[-1].items == 12
    (point,) = contract.operating_points
    assert (point.threshold, point.attacks, point.bona_fide, point.precision) == (0.5, 6, 6, "f32")
    assert "6 bona fide, 6 attacks" in point.measured_on
    assert "APCER of print/matt" in point.measured_on
    assert str(tmp_path) not in repr(contract)
    before, after = Detector.load(model), Detector.load(tmp_path / "new.onnx")
    fresh = [(_picture(rng, green=green), verdict) for green, verdict in ((170, "LIVE"), (70, "ATTACK"))]
    assert [before.check(picture).verdict for picture, _ in fresh] == [Verdict.LIVE, Verdict.LIVE]
    assert [after.check(picture).verdict.value for picture, _ in fresh] == [verdict for _, verdict in fresh]


def test_the_old_file_is_left_as_it_was_and_never_written_over(
    tmp_path: Path, rng: np.random.Generator, model: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    folder, before = _folder(tmp_path / "door", rng), model.read_bytes()
    code, _, err = unmask("adapt", model, folder, "--out", model)
    assert code != 0
    assert "would replace" in err
    assert unmask("adapt", model, folder, "--out", tmp_path / "new.onnx")[0] == 0
    assert model.read_bytes() == before


@pytest.mark.parametrize(
    ("bona_fide", "attacks", "sentence"),
    [(6, 0, "none of these is attack"), (2, 6, "2 of these are bona fide"), (6, 2, "2 of these are attack")],
)
def test_one_class_or_less_than_three_of_a_class_are_refused(
    tmp_path: Path,
    rng: np.random.Generator,
    model: Path,
    unmask: Callable[..., tuple[int, str, str]],
    bona_fide: int,
    attacks: int,
    sentence: str,
) -> None:
    folder = _folder(tmp_path / "door", rng, bona_fide=bona_fide, attacks=attacks)
    code, _, err = unmask("adapt", model, folder, "--out", tmp_path / "new.onnx")
    assert code != 0
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "new.onnx").exists()


def test_the_same_file_in_both_classes_is_refused(
    tmp_path: Path, rng: np.random.Generator, model: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    folder = _folder(tmp_path / "door", rng)
    (folder / "copy.png").write_bytes((folder / "00.png").read_bytes())
    _label(folder, [*_rows(folder), ("copy.png", "attack", "replay/phone", "")])
    code, _, err = unmask("adapt", model, folder, "--out", tmp_path / "new.onnx")
    assert code != 0
    assert "00.png and copy.png are the same file" in err
    assert not (tmp_path / "new.onnx").exists()


def test_a_capture_without_a_face_is_refused_by_its_name(
    tmp_path: Path, rng: np.random.Generator, model: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    folder = _folder(tmp_path / "door", rng)
    cv2.imwrite(str(folder / "03.png"), np.zeros((160, 160, 3), np.uint8))
    code, _, err = unmask("adapt", model, folder, "--out", tmp_path / "new.onnx")
    assert code != 0
    assert "03.png (NO_FACE)" in err
    assert not (tmp_path / "new.onnx").exists()


def test_labels_that_say_nothing_about_the_pictures_give_a_warning_with_both_figures(
    tmp_path: Path, rng: np.random.Generator, model: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    folder = _folder(tmp_path / "door", rng, bona_fide=12, attacks=0)
    mixed = [
        (name, *(("attack", "print/matt") if number % 2 else ("bona_fide", "")), f"s{number}")
        for number, (name, *_) in enumerate(_rows(folder))
    ]
    _label(folder, mixed)
    code, _, err = unmask("adapt", model, folder, "--out", tmp_path / "new.onnx")
    assert "weights stay as they are" in err
    assert read_file(tmp_path / "new.onnx")[1].training_data[-1].note.endswith("weights kept")
    assert code == 0
    assert "no better" in err
    assert "AUC" in err
    assert "keep the old model" in err


def test_a_model_without_a_linear_head_is_refused(
    model_files: ModelFiles,
    tmp_path: Path,
    rng: np.random.Generator,
    unmask: Callable[..., tuple[int, str, str]],
) -> None:
    folder = _folder(tmp_path / "door", rng)
    code, _, err = unmask("adapt", model_files.single, folder, "--out", tmp_path / "new.onnx")
    assert code != 0
    assert "no linear head" in err
    assert "calibrate" in err
    with pytest.raises(ModelError, match="no linear head"):
        read_head(model_files.single)


def test_a_plan_for_adapting_has_as_many_bona_fide_as_attacks_and_names_the_captures(
    tmp_path: Path, rng: np.random.Generator, model: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    plan = tmp_path / "plan.csv"
    assert unmask("selftest", "plan", "--adapt", "--out", plan)[0] == 0
    with plan.open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [row["label"] for row in rows]
    assert labels.count(Label.ATTACK) == labels.count(Label.BONA_FIDE) == 10
    captures = tmp_path / "captures"
    captures.mkdir()
    for row in rows:
        green = 170 if row["label"] == "bona_fide" else 70
        picture = _picture(rng, green=green)
        cv2.imwrite(str(captures / f"{row['presentation']}.png"), picture[..., ::-1])
    code, _, err = unmask("adapt", model, captures, "--plan", plan, "--out", tmp_path / "new.onnx")
    assert code == 0, err
    (data,) = [row for row in read_file(tmp_path / "new.onnx")[1].training_data if "own" in row.name]
    assert data.items == 20
    assert "in 2 groups" in data.note
