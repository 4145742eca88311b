"""int8 moves scores little, keeps the first convolutions as they are, and refuses what it cannot make."""

import numpy as np
import onnx
import onnxruntime
import pytest

from tiny_models import SIDE, conv_model, linear_model
from unmask.contract import CONTRACT_KEY, ellipse_mask
from unmask.models.export import store_half
from unmask.models.quantisation import quantised
from unmask.types import SettingsError


def _inputs(rng, count: int) -> list[dict[str, np.ndarray]]:
    mask = ellipse_mask()[None]
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)
    return [
        {
            "clips": np.clip(ramp + rng.normal(0, 0.1 * k / count, (1, 1, 3, SIDE, SIDE)), 0, 1).astype(
                np.float32
            ),
            "mask": mask,
        }
        for k in range(count)
    ]


def _scores(model: onnx.ModelProto, inputs) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.array([session.run(["score"], one)[0][0] for one in inputs])


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> onnx.ModelProto:
    return onnx.load(conv_model(tmp_path_factory.mktemp("conv") / "f32.onnx"))


def test_scores_are_near_those_in_f32(plain, rng):
    inputs = _inputs(rng, 8)
    before, after = _scores(plain, inputs), _scores(quantised(plain, inputs), inputs)
    assert before.max() - before.min() > 0.2  # else the test sees nothing
    np.testing.assert_allclose(after, before, atol=0.03)
    assert np.abs(after - before).max() > 0  # and int8 it is


def test_the_first_three_convolutions_of_few_channels_stay_in_f32(plain, rng):
    made = quantised(plain, _inputs(rng, 4))
    kinds = {tensor.name: tensor.data_type for tensor in made.graph.initializer}
    assert {kinds[name] for name in ("stem", "first", "second")} == {onnx.TensorProto.FLOAT}
    assert kinds["wide_quantized"] == onnx.TensorProto.INT8
    assert "wide" not in kinds


def test_kernels_stored_in_half_become_whole_before(plain, rng):
    half = onnx.ModelProto()
    half.CopyFrom(plain)
    store_half(half)
    inputs = _inputs(rng, 4)
    np.testing.assert_allclose(
        _scores(quantised(half, inputs), inputs), _scores(quantised(plain, inputs), inputs), atol=0.02
    )


def test_the_contract_does_not_go_along_and_names_do(plain, rng):
    made = quantised(plain, _inputs(rng, 2))
    assert not [entry for entry in made.metadata_props if entry.key == CONTRACT_KEY]
    assert [
        entry for entry in plain.metadata_props if entry.key == CONTRACT_KEY
    ]  # the given one is as it was
    assert "features" in {name for node in made.graph.node for name in node.output}
    assert {one.name for one in made.graph.input} == {"clips", "mask"}


def test_without_clips_or_convolutions_there_is_no_int8(plain, rng, tmp_path):
    with pytest.raises(SettingsError, match="needs clips"):
        quantised(plain, [])
    flat = onnx.load(linear_model(tmp_path / "flat.onnx", weight=np.ones(48)))
    with pytest.raises(SettingsError, match="no convolution"):
        quantised(flat, _inputs(rng, 1))
