"""The packaged file in int8 is of the packaged network, and one option away."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from unmask.detector.detector import Detector, model_paths, packaged
from unmask.detector.model_file import read_file
from unmask.detector.network import Network

LARGEST = 25e6  # bytes, of all weights that the package ships


@pytest.fixture(scope="module")
def quick() -> Detector:
    return Detector.load(precision="int8", threads=1)


def test_its_contract_is_that_of_the_packaged_network_but_for_what_was_measured_in_int8() -> None:
    ((graph, plain),) = [read_file(path) for path in packaged()]
    ((quick_graph, contract),) = [read_file(path) for path in packaged("int8")]
    own = ("operating_points", "golden", "payload_sha256")
    assert replace(contract, **{name: getattr(plain, name) for name in own}) == plain
    points = [point for point in plain.operating_points if point.precision == "f32"]
    assert [point.name for point in contract.operating_points] == [point.name for point in points]
    assert {point.precision for point in contract.operating_points} == {"int8"}
    assert len(quick_graph) < 0.7 * len(graph)
    assert sum(path.stat().st_size for path in packaged()[0].parent.iterdir()) < LARGEST


def test_a_portrait_has_the_verdict_that_it_has_in_f32(quick: Any) -> None:
    picture, plain = data.astronaut(), Detector.load(threads=1)
    first, other = quick.check(picture), plain.check(picture)
    assert first.verdict is other.verdict
    assert abs(first.score - other.score) < 0.05
    assert first.score != other.score  # and int8 it is
    assert quick.point == plain.point
    assert first.threshold == quick.contracts[0].point("default", precision="int8").threshold


def test_mirror_images_have_one_score_bit_by_bit() -> None:
    network = Network.load(packaged("int8")[0], precision="int8", threads=1)
    pixels = data.astronaut()[None, :320, 60:380]
    mask = np.ones((1, 32, 32), np.float32)
    score, other = (network.run(one[None], mask)[0] for one in (pixels, pixels[:, :, ::-1]))
    assert score == other


def test_default_names_the_file_of_the_precision_asked_for(tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    assert model_paths(["default", mine], precision="int8") == [*packaged("int8"), mine]
    assert model_paths(None, precision="int8") == packaged("int8")
    assert model_paths([mine], precision="int8") == [mine]
    assert model_paths(None, precision="bf16") == packaged()
