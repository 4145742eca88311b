"""Tables, prepared sets and models that 0.1 and 0.2 left are read (tests/released/README.md)."""

import csv
from pathlib import Path

import pytest

from unmask import Detector
from unmask.data.prepare.prepared import PreparedSet
from unmask.detector.detector import packaged
from unmask.detector.model_file import read_file
from unmask.detector.network import Network
from unmask.scores.formats import read_scores
from unmask.types import ClipSpec, DataError, Label, Verdict

RELEASED = Path(__file__).with_name("released")


@pytest.mark.parametrize("version", ["0.1", "0.2"])
def test_a_table_of_scores_is_read(version: str) -> None:
    file = RELEASED / version / "scores.csv"
    with file.open(newline="") as table:
        wanted = [(row["presentation"], float(row["score"]), row["verdict"]) for row in csv.DictReader(table)]
    read = read_scores(file)
    assert [(one.name, one.score, one.columns["verdict"]) for one in read] == wanted
    assert [one.instrument for one in read if one.label is Label.ATTACK] == ["print/matt", "replay/phone"]


def test_models_of_0_2_score_pictures_as_the_released_code_did() -> None:
    detector = Detector.load(packaged()[0].with_name("sgtd_s_single.onnx"))
    for released in read_scores(RELEASED / "0.2" / "scores.csv"):
        decision = detector.check(RELEASED / "pictures" / released.name)
        assert decision.score == pytest.approx(released.score, abs=1e-5)
        assert decision.verdict.value == released.columns["verdict"]


def test_a_model_of_0_1_scores_its_golden_clip_as_it_did() -> None:
    graph, contract = read_file(RELEASED / "0.1" / "model.onnx")
    assert (contract.version, contract.clip) == ("0.1.0", ClipSpec(frames=1, size_px=128))
    assert contract.clip.border == "repeat"
    network = Network(graph, contract, origin="0.1", precision="f32", threads=1)
    for golden in contract.golden:
        assert network.golden_score(golden) == pytest.approx(golden.score, abs=1e-4)
    assert contract.golden[0].score == pytest.approx(0.6087140, abs=1e-6)
    decision = Detector.load(RELEASED / "0.1" / "model.onnx").check(RELEASED / "pictures" / "0.jpg")
    assert decision.verdict is not Verdict.UNDECIDED


def test_a_set_that_0_2_prepared_is_read() -> None:
    prepared = PreparedSet.open(RELEASED / "0.2" / "prepared" / "all")
    assert prepared.spec == ClipSpec(frames=1, size_px=64)
    assert [(row.name, row.label.value) for row in prepared.rows] == [
        ("0.jpg", "bona_fide"),
        ("1.jpg", "attack"),
        ("2.jpg", "bona_fide"),
        ("3.jpg", "attack"),
    ]
    read = prepared.read(range(4))
    assert read.clips.shape == (4, 1, 64, 64, 3)
    assert read.depth.shape == read.mask.shape == (4, 1, 32, 32)
    assert read.depth[0].max() > 128  # a face's relief; none is asked of attacks
    assert not read.depth[1].any()


def test_a_set_that_0_1_prepared_as_folders_is_to_be_prepared_again() -> None:
    with pytest.raises(DataError, match="was prepared by an older unmask, as folders; prepare it again"):
        PreparedSet.open(RELEASED / "0.1" / "prepared")
