"""A weights file is whole or refused; an exported graph is stored small and can be cut for a stream."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino as ov
import pytest
import torch
from onnx.utils import Extractor
from safetensors.torch import save_file

from conftest import random_contract
from unmask.contract import (
    CONTRACT_KEY,
    ellipse_mask,
    from_json,
    golden_pixels,
    onnx_sha256,
)
from unmask.models import MODELS
from unmask.models.export import export
from unmask.models.sgtd.network import from_tensorflow
from unmask.models.weights import load, save
from unmask.types import ClipSpec, ModelError, OutputError, SettingsError

torch.set_num_threads(1)
CONTRACT = replace(
    random_contract("sgtd_s_multi", frames=3),
    arguments={"pools": [1, 1, 1], "momentum": 0.7},
    clip=ClipSpec(frames=3, size_px=32),
)


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    network = MODELS[CONTRACT.network](**CONTRACT.arguments).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(3, 3, 3, 32, 32))
    return network.eval()


@pytest.fixture(scope="module")
def exported(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("export") / "a.onnx"
    return path, export(network, CONTRACT, path)


def test_any_flipped_byte_is_refused(network: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save(path, network, CONTRACT)
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    places = [
        0,
        1,
        9,
        *rng.integers(8, 8 + header, 25),
        *rng.integers(8 + header, len(whole), 25),
        len(whole) - 1,
    ]
    for place in places:
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        with pytest.raises(ModelError):
            load(path)


def test_missing_bare_and_cut_files_are_refused(network: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no weights file"):
        load(tmp_path / "none.safetensors")
    save_file(network.state_dict(), tmp_path / "bare.safetensors")
    with pytest.raises(ModelError, match="carries no contract"):
        load(tmp_path / "bare.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "bare.safetensors").read_bytes()[:1000])
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        load(tmp_path / "cut.safetensors")


def test_a_network_this_version_does_not_know_is_refused(network: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="this version knows sgtd_single"):
        save(tmp_path / "a.safetensors", network, replace(CONTRACT, network="unheard-of"))
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_form_are_refused(network: Any, tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", network, replace(CONTRACT, network="sgtd_s_single"))
    with pytest.raises(ModelError, match="does not fit network sgtd_s_single"):
        load(tmp_path / "a.safetensors")


def test_a_save_that_fails_leaves_the_old_file(
    network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    save(path, network, CONTRACT)
    before = path.read_bytes()

    def full_disk(part: Any, target: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OutputError, match="the disk is full"):
        save(path, network, CONTRACT)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.safetensors"]


def test_exported_file_is_sealed_and_tells_nothing_of_this_machine(exported: Any) -> None:
    path, contract = exported
    model = onnx.load(path)
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert from_json(found[CONTRACT_KEY], origin="a.onnx") == contract
    assert onnx_sha256(model) == contract.payload_sha256
    assert b"File " not in path.read_bytes()
    assert b"site-packages" not in path.read_bytes()
    assert json.loads(found[CONTRACT_KEY])["contract"]["network"] == "sgtd_s_multi"


def test_kernels_are_stored_in_half_and_norms_are_not(exported: Any, network: Any) -> None:
    path, _ = exported
    kinds = {tensor.data_type for tensor in onnx.load(path).graph.initializer if len(tensor.dims) > 1}
    assert kinds == {onnx.TensorProto.FLOAT16}
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert path.stat().st_size < 2.5 * weights


def test_golden_scores_are_those_of_the_written_file(exported: Any) -> None:
    path, contract = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [clip.seed for clip in contract.golden] == [1, 2, 3]
    for clip in contract.golden:
        pixels = golden_pixels(clip.seed, contract.clip).astype(np.float32) / 255
        feed = {"clips": pixels.transpose(0, 3, 1, 2)[None], "mask": ellipse_mask()[None]}
        assert session.run(["score"], feed)[0][0] == pytest.approx(clip.score, abs=1e-6)
    assert len({clip.score for clip in contract.golden}) == 3


def test_half_storage_moves_the_score_little(exported: Any, network: Any) -> None:
    path, _ = exported
    clips, mask = torch.rand(2, 3, 3, 32, 32), torch.rand(2, 32, 32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (score,) = session.run(["score"], {"clips": clips.numpy(), "mask": mask.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(score, network(clips, mask).score.numpy(), atol=2e-3)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_an_empty_mask_is_nan_in_the_exported_graph_too(exported: Any, precision: str) -> None:
    path, _ = exported
    feed = {"clips": np.zeros((2, 3, 3, 32, 32), np.float32), "mask": np.ones((2, 32, 32), np.float32)}
    feed["mask"][1] = 0
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    for score in (session.run(["score"], feed)[0], compiled(feed)["score"]):
        assert np.isnan(score).tolist() == [False, True]


def test_graph_can_be_cut_at_its_names(exported: Any, network: Any) -> None:
    path, _ = exported
    model = onnx.load(path)
    clips, mask = torch.rand(1, 3, 3, 32, 32).numpy(), torch.rand(1, 32, 32).numpy()
    taps, pairs = ["tap1", "tap2", "tap3"], ["now1", "now2", "now3", "next1", "next2", "next3"]

    def run(inputs: dict[str, np.ndarray], outputs: list[str]) -> list[np.ndarray]:
        part = Extractor(model).extract_model(list(inputs), outputs)
        session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(outputs, inputs)

    *features, single = run({"clips": clips}, [*taps, "single"])
    now, later = [tap[:-1] for tap in features], [tap[1:] for tap in features]
    (motion,) = run(dict(zip(pairs, [*now, *later], strict=True)), ["motion"])
    score, depth = run({"single": single, "motion": motion, "mask": mask}, ["score", "depth"])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    whole = session.run(["score", "depth"], {"clips": clips, "mask": mask})
    np.testing.assert_allclose(score, whole[0], atol=1e-5)
    np.testing.assert_allclose(depth, whole[1], atol=1e-5)


def test_tensorflow_variables_that_lack_or_misfit_are_named() -> None:
    with pytest.raises(ModelError, match="no variable FaceMapNet/rgc_init/conv/weights"):
        from_tensorflow({}, frames=1)
    with pytest.raises(ModelError, match=r"must have shape \(3, 3, 3, 64\), not \(64, 3, 3, 3\)"):
        from_tensorflow({"FaceMapNet/rgc_init/conv/weights": np.zeros((64, 3, 3, 3))}, frames=5)
    with pytest.raises(SettingsError, match="frames must be 1 or 5"):
        from_tensorflow({}, frames=3)
