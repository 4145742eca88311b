"""Model files without torch: the means of 16 cells as features, a linear head, and the contract sealed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from conftest import random_contract
from unmask.contract import Contract, GoldenClip, ellipse_mask, golden_views, seal_onnx
from unmask.detector.network import Network
from unmask.types import ClipSpec

SIDE, CELLS = 64, 4
FEATURES = 3 * CELLS * CELLS
SPEC = ClipSpec(frames=1, size_px=SIDE, box_scale=1.5, border="inside")


def linear_model(
    path: Path, *, weight: np.ndarray, bias: float = 0.0, name: str = "tiny", spec: ClipSpec = SPEC
) -> Path:
    """A file whose score is sigmoid(features . weight + bias); features (48,) are (cell mean - 0.5) * 4."""
    contract = replace(random_contract(name, frames=spec.frames), clip=spec)
    model = _graph(np.asarray(weight, np.float32), bias, spec)
    contract = replace(contract, golden=_golden(model, contract))
    path.write_bytes(seal_onnx(model, contract)[1])
    return path


def _graph(weight: np.ndarray, bias: float, spec: ClipSpec) -> onnx.ModelProto:
    constants = {
        "head.weight": weight,
        "head.bias": np.array([bias], np.float32),
        "half": np.array(0.5, np.float32),
        "four": np.array(4.0, np.float32),
        "none": np.array(0.0, np.float32),
        "time": np.array([1]),
        "places": np.array([1, 2]),
    }
    cell = spec.size_px // CELLS
    nodes = [
        helper.make_node("ReduceMean", ["clips", "time"], ["frame"], keepdims=0),
        helper.make_node(
            "AveragePool", ["frame"], ["cells"], kernel_shape=[cell, cell], strides=[cell, cell]
        ),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("Sub", ["flat", "half"], ["centred"]),
        helper.make_node("Mul", ["centred", "four"], ["features"]),
        helper.make_node("Mul", ["features", "head.weight"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "time"], ["summed"], keepdims=0),
        helper.make_node("Add", ["summed", "head.bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["share"]),
        helper.make_node("ReduceMean", ["mask", "places"], ["seen"], keepdims=0),
        helper.make_node("Mul", ["seen", "none"], ["unused"]),
        helper.make_node("Add", ["share", "unused"], ["score"]),
    ]
    clips: list[str | int | None] = ["batch", spec.frames, 3, spec.size_px, spec.size_px]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("clips", TensorProto.FLOAT, clips),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", 32, 32]),
        ],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _golden(model: onnx.ModelProto, contract: Contract) -> tuple[GoldenClip, ...]:
    network = Network(model.SerializeToString(), contract, origin="tiny", precision="f32", threads=1)
    (pixels,) = golden_views(1, contract.clip)
    score = float(network.run(pixels[None], ellipse_mask()[None])[0][0])
    return (GoldenClip(seed=1, score=score),)


def conv_model(path: Path, *, name: str = "tiny", size_px: int = SIDE) -> Path:
    """A file whose score falls with the edges in a picture: three small convolutions and a wide one."""
    spec = ClipSpec(frames=1, size_px=size_px)
    contract = replace(random_contract(name, frames=1), clip=spec)
    rng = np.random.default_rng(3)
    edges = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], np.float32)
    blur = np.full((3, 3), 1 / 9, np.float32)
    constants = {
        "stem": np.stack([np.stack([edges / 3] * 3) * sign for sign in (1, -1)] * 4),  # (8, 3, 3, 3)
        "first": np.stack([blur[None]] * 8),  # (8, 1, 3, 3)
        "second": np.stack([blur[None]] * 8),
        "wide": np.abs(rng.normal(0.2, 0.05, (16, 8, 1, 1))).astype(np.float32),
        "head.weight": np.full(16, -1.0, np.float32),
        "head.bias": np.array([4.0], np.float32),
        "zero": np.array(0.0, np.float32),
        "six": np.array(6.0, np.float32),
        "time": np.array([1]),
        "places": np.array([1, 2]),
        "maps": np.array([2, 3]),
    }
    nodes = [
        helper.make_node("ReduceMean", ["clips", "time"], ["frame"], keepdims=0),
        helper.make_node("Conv", ["frame", "stem"], ["c0"], "stem", pads=[0, 0, 0, 0]),
        helper.make_node("Relu", ["c0"], ["r0"], "relu0"),
        helper.make_node("Conv", ["r0", "first"], ["c1"], "first", group=8, pads=[1] * 4),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Conv", ["r1", "second"], ["c2"], "second", group=8, pads=[1] * 4),
        helper.make_node("Relu", ["c2"], ["r2"], "relu2"),
        helper.make_node("Conv", ["r2", "wide"], ["c3"], "wide"),
        helper.make_node("Clip", ["c3", "zero", "six"], ["r3"], "clip3"),
        helper.make_node("ReduceMean", ["r3", "maps"], ["features"], keepdims=0),
        helper.make_node("Mul", ["features", "head.weight"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "time"], ["summed"], keepdims=0),
        helper.make_node("Add", ["summed", "head.bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["share"]),
        helper.make_node("ReduceMean", ["mask", "places"], ["seen"], keepdims=0),
        helper.make_node("Mul", ["seen", "zero"], ["unused"]),
        helper.make_node("Add", ["share", "unused"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("clips", TensorProto.FLOAT, ["batch", 1, 3, size_px, size_px]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", 32, 32]),
        ],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    contract = replace(contract, golden=_golden(model, contract))
    path.write_bytes(seal_onnx(model, contract)[1])
    return path
