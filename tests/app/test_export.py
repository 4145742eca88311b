"""`unmask export` at another precision: own golden scores, own points; what decides worse is not written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from skimage import data
from test_training import write_toy

from conftest import WEIGHTS
from tiny_models import SIDE, conv_model
from unmask.app import precision as app_precision
from unmask.app.precision import Material, clip_scores, write_at
from unmask.data.prepare.prepared import PreparedSet
from unmask.detector.detector import Detector
from unmask.detector.network import Network
from unmask.types import DataError, SettingsError


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    write_toy(root / "train", seed=1, subjects="a", frames=1, size=SIDE)
    write_toy(root / "dev", seed=2, subjects="b", frames=1, size=SIDE)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return conv_model(tmp_path_factory.mktemp("model") / "f32.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sgtd_s_single", "sgtd_s_multi"])
def test_packaged_weights_are_exported_to_the_packaged_model(
    name: str, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    """Its verdict and score: `check` by default uses another network, the encoder."""
    code, told, _ = unmask("export", WEIGHTS / f"{name}.safetensors", "--out", tmp_path / "m.onnx")
    assert code == 0, told
    picture = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    frames = [np.roll(picture, 2 * k, axis=1) for k in range(12)]
    source = picture if name == "sgtd_s_single" else np.stack(frames)
    packaged, exported = (
        Detector.load(path, threads=1).check(source, fps=10)
        for path in (WEIGHTS / f"{name}.onnx", tmp_path / "m.onnx")
    )
    assert (exported.verdict, exported.reasons) == (packaged.verdict, packaged.reasons)
    assert exported.score == pytest.approx(packaged.score, abs=1e-3)


def test_int8_has_points_and_golden_scores_of_its_own(
    model: Path, toy: Path, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "int8.onnx"
    code, printed, said = unmask("export", model, "--precision", "int8", "--data", toy, "--out", out)
    assert (code, printed.strip()) == (0, str(out)), said
    assert "int8 beside f32 on 12 presentations" in said or "int8 beside f32 on 24 presentations" in said
    network = Network.load(out, precision="int8", threads=1)  # golden scores hold
    contract, before = network.contract, Network.load(model, threads=1).contract
    assert {point.precision for point in contract.operating_points} == {"int8"}
    assert [point.name for point in contract.operating_points] == ["default"]
    assert contract.operating_points[0].measured_on.startswith(toy.name)
    assert contract.golden != before.golden
    assert contract.training_data == before.training_data  # the ledger of licences
    kinds = {tensor.data_type for tensor in onnx.load(out).graph.initializer}
    assert onnx.TensorProto.INT8 in kinds


def test_a_file_in_int8_does_not_run_as_another_precision(
    model: Path, toy: Path, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "int8.onnx"
    assert unmask("export", model, "--precision", "int8", "--data", toy, "--out", out)[0] == 0
    assert Detector.load(out, precision="int8", threads=1).contracts[0].name == "tiny"
    for other in ("f32", "bf16"):
        with pytest.raises(SettingsError, match="give --precision int8"):
            Detector.load(out, precision=other, threads=1)
    with pytest.raises(SettingsError, match="give --precision f32"):
        Detector.load(model, precision="int8", threads=1)


def test_bf16_keeps_the_graph_and_its_points_in_f32(
    model: Path, toy: Path, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "bf16.onnx"
    assert unmask("export", model, "--precision", "bf16", "--data", toy, "--out", out)[0] == 0
    made, before = Network.load(out, precision="bf16", threads=1), Network.load(model, threads=1)
    assert made.contract.payload_sha256 == before.contract.payload_sha256
    assert [(p.name, p.precision) for p in made.contract.operating_points] == [
        ("default", "f32"),
        ("default", "bf16"),
    ]
    assert made.contract.operating_points[0] == before.contract.operating_points[0]


def test_a_lower_precision_needs_recordings_to_measure_on(
    model: Path, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, said = unmask("export", model, "--precision", "int8", "--out", tmp_path / "a.onnx")
    assert code == 4
    assert "needs recordings to measure it on; give --data" in said
    code, _, said = unmask("export", model, "--out", tmp_path / "a.onnx")
    assert code == 4
    assert "is an ONNX file in f32 already" in said


def test_a_model_that_loses_more_than_is_allowed_is_not_written(
    model: Path, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_precision, "MOST_LOST", -0.1)  # no file gains that much
    out = tmp_path / "worse.onnx"
    material = Material(
        ranges=PreparedSet.open(toy / "train"), measured=PreparedSet.open(toy / "dev"), name="toy"
    )
    with pytest.raises(DataError, match="the AUC on toy is"):
        write_at("int8", model, material, out)
    assert not out.exists()


def test_clips_of_another_cut_are_refused(model: Path, tmp_path: Path) -> None:
    write_toy(tmp_path / "train", seed=1, subjects="a", frames=1, size=2 * SIDE)
    other = PreparedSet.open(tmp_path / "train")
    with pytest.raises(DataError, match="holds clips cut as"):
        write_at("int8", model, Material(ranges=other, measured=other, name="x"), tmp_path / "a.onnx")


def test_clip_scores_are_those_of_the_network(model: Path, toy: Path) -> None:
    prepared = PreparedSet.open(toy / "dev")
    network = Network.load(model, threads=1)
    counted: list[int] = []
    scores = clip_scores(network, prepared, scored=counted.append)
    assert sum(counted) == len(prepared.rows)
    arrays = prepared.read([3])
    expected = network.run(arrays.clips, arrays.mask[:, 0] / np.float32(255))[0]
    assert scores.shape == (len(prepared.rows),)
    assert scores[3] == pytest.approx(float(expected[0]), abs=1e-6)
