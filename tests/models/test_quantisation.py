"""int8 moves scores little, keeps the first convolutions as they are, and refuses what it cannot make."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from tiny_models import SIDE, conv_model, linear_model
from unmask.contract import CONTRACT_KEY, ellipse_mask
from unmask.models.export import store_half
from unmask.models.quantisation import quantised
from unmask.types import SettingsError


def _inputs(rng: np.random.Generator, count: int) -> list[dict[str, np.ndarray]]:
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


def _scores(model: onnx.ModelProto, inputs: Any) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.array([session.run(["score"], one)[0][0] for one in inputs])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    return onnx.load(conv_model(tmp_path_factory.mktemp("conv") / "f32.onnx"))


def test_scores_are_near_those_in_f32(plain: Any, rng: np.random.Generator) -> None:
    inputs = _inputs(rng, 8)
    before, after = _scores(plain, inputs), _scores(quantised(plain, inputs), inputs)
    assert before.max() - before.min() > 0.2  # else the test sees nothing
    np.testing.assert_allclose(after, before, atol=0.03)
    assert np.abs(after - before).max() > 0  # and int8 it is


def test_the_first_three_convolutions_of_few_channels_stay_in_f32(
    plain: Any, rng: np.random.Generator
) -> None:
    made = quantised(plain, _inputs(rng, 4))
    kinds = {tensor.name: tensor.data_type for tensor in made.graph.initializer}
    assert {kinds[name] for name in ("stem", "first", "second")} == {onnx.TensorProto.FLOAT}
    assert kinds["wide_quantized"] == onnx.TensorProto.INT8
    assert "wide" not in kinds


def test_two_products_of_a_map_and_a_kernel_fit_into_16_bits(plain: Any, rng: np.random.Generator) -> None:
    made = quantised(plain, _inputs(rng, 4))
    kernels = [
        onnx.numpy_helper.to_array(tensor).astype(int)
        for tensor in made.graph.initializer
        if tensor.name.endswith("_quantized")
    ]
    assert kernels
    largest = max(np.abs(kernel).max() for kernel in kernels)
    assert largest > 50  # of seven bits, all are used
    assert 2 * largest * np.iinfo(np.uint8).max <= np.iinfo(np.int16).max


def test_kernels_stored_in_half_become_whole_before(plain: Any, rng: np.random.Generator) -> None:
    half = onnx.ModelProto()
    half.CopyFrom(plain)
    store_half(half)
    inputs = _inputs(rng, 4)
    np.testing.assert_allclose(
        _scores(quantised(half, inputs), inputs), _scores(quantised(plain, inputs), inputs), atol=0.02
    )


def test_the_contract_does_not_go_along_and_names_do(plain: Any, rng: np.random.Generator) -> None:
    made = quantised(plain, _inputs(rng, 2))
    assert not [entry for entry in made.metadata_props if entry.key == CONTRACT_KEY]
    assert [
        entry for entry in plain.metadata_props if entry.key == CONTRACT_KEY
    ]  # the given one is as it was
    assert "features" in {name for node in made.graph.node for name in node.output}
    assert {one.name for one in made.graph.input} == {"clips", "mask"}


def test_without_clips_or_convolutions_there_is_no_int8(
    plain: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="needs clips"):
        quantised(plain, [])
    flat = onnx.load(linear_model(tmp_path / "flat.onnx", weight=np.ones(48)))
    with pytest.raises(SettingsError, match="no convolution"):
        quantised(flat, _inputs(rng, 1))


def _two_looks(rng: np.random.Generator) -> onnx.ModelProto:
    """A picture and its half by the same kernels and batch norms, which stand behind them; the score is the
    mean difference.
    """
    wide = {"kernel": (8, 3, 3, 3), "narrow": (8, 1, 3, 3), "again": (8, 1, 3, 3), "mixed": (4, 8, 1, 1)}
    constants = {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in wide.items()}
    constants["zero"], constants["six"] = np.array(0, np.float32), np.array(6, np.float32)
    nodes = [helper.make_node("AveragePool", ["clips"], ["half"], kernel_shape=[2, 2], strides=[2, 2])]
    for name, shape in wide.items():
        for what, low, high in (("scale", 0.5, 3), ("shift", -1, 1), ("mean", -1, 1), ("variance", 0.1, 2)):
            constants[f"{name}.{what}"] = rng.uniform(low, high, shape[0]).astype(np.float32)
    for look, picture in (("a", "clips"), ("b", "half")):
        now = picture
        for name, shape in wide.items():
            norm = [f"{name}.{what}" for what in ("scale", "shift", "mean", "variance")]
            nodes += [
                helper.make_node(
                    "Conv",
                    [now, name],
                    [f"{look}.{name}"],
                    f"{look}.{name}",
                    group=8 if shape[1] == 1 else 1,
                    pads=[shape[2] // 2] * 4,
                ),
                helper.make_node("BatchNormalization", [f"{look}.{name}", *norm], [f"{look}.{name}.n"]),
                helper.make_node(
                    "Clip", [f"{look}.{name}.n", "zero", "six"], [f"{look}.{name}.c"], f"{look}.{name}.clip"
                ),
            ]
            now = f"{look}.{name}.c"
        nodes.append(helper.make_node("ReduceMean", [now], [f"{look}.mean"], keepdims=0))
    nodes.append(helper.make_node("Sub", ["a.mean", "b.mean"], ["score"]))
    graph = helper.make_graph(
        nodes,
        "looks",
        [helper.make_tensor_value_info("clips", onnx.TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, [])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_batch_norms_behind_kernels_that_two_looks_share_are_multiplied_into_them(
    rng: np.random.Generator,
) -> None:
    inputs = [{"clips": one["clips"][:, 0]} for one in _inputs(rng, 8)]
    model = _two_looks(rng)
    made = quantised(model, inputs)
    assert "BatchNormalization" not in {node.op_type for node in made.graph.node}
    kinds = {tensor.name: tensor.data_type for tensor in made.graph.initializer}
    assert kinds["mixed.normed_quantized"] == onnx.TensorProto.INT8  # one, for both looks
    for name in ("kernel", "narrow", "again"):  # the first three of each look, and not of the first alone
        assert kinds[f"{name}.normed"] == onnx.TensorProto.FLOAT
        assert f"{name}.normed_quantized" not in kinds

    def score(of: onnx.ModelProto) -> np.ndarray:
        session = onnxruntime.InferenceSession(of.SerializeToString(), providers=["CPUExecutionProvider"])
        return np.array([session.run(["score"], one)[0] for one in inputs])

    before, after = score(model), score(made)
    assert before.max() - before.min() > 0.01  # else the test sees nothing
    np.testing.assert_allclose(after, before, atol=0.003)
