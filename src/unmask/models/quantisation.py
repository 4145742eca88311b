"""An exported graph in f32 -> the same graph in int8, by ranges seen on real clips (static, QDQ).

Kernels get one scale a channel, maps one scale each from the least and greatest value that the clips gave.
Convolutions and the clipping behind them are quantised; what comes before and after stays as it was: turning
a picture one way (mirror images keep one score, bit by bit), means and deviations, heads, masks. Batch norms
are multiplied into the kernels before: the exporter leaves them where two looks share a kernel, and a map
that is rounded before its norm is not the one that was trained. The first `EXACT` convolutions of few
channels in each look stay in f32, too: the texture that tells a recapture lies in them, and they are a small
part of the work. Kernels have seven bits: a processor without VNNI sums two products in 16 bits, which eight
bits run over, so that a score would depend on the processor. ONNX Runtime's quantiser does it; OpenVINO runs
what comes out in int8.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from unmask.contract import without_contract
from unmask.models.export import quiet
from unmask.types import SettingsError

EXACT = 3  # convolutions of few channels on the way from the picture
FEW = 3  # channels that one of their outputs is made of: a picture's, or one of a depthwise convolution
CLIPPED = ("Clip", "Relu")  # behind a convolution they only narrow its range


class _Clips(CalibrationDataReader):  # type: ignore[misc]
    """One clip after the other, as the quantiser asks for them."""

    def __init__(self, clips: Sequence[Mapping[str, np.ndarray]]) -> None:
        self._left = iter(clips)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The inputs of the next clip; None behind the last one."""
        return dict(found) if (found := next(self._left, None)) is not None else None


def quantised(model: onnx.ModelProto, clips: Sequence[Mapping[str, np.ndarray]]) -> onnx.ModelProto:
    """`model` without a contract, in int8; `clips` are its inputs by name, each a batch of one.

    SettingsError where there is no clip, or no convolution that could be quantised.
    """
    if not clips:
        raise SettingsError(
            "int8 needs clips to see the ranges of maps on, and there is none; give more data"
        )
    bare = _in_f32(model)
    _fold_norms(bare.graph)
    names = _nodes(bare.graph)
    if not names:
        raise SettingsError("the network has no convolution that int8 would make quicker; keep it in f32")
    with tempfile.TemporaryDirectory() as folder, quiet():
        out = Path(folder) / "int8.onnx"
        quantize_static(
            bare,
            str(out),
            _Clips(clips),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,  # seven bits
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", *CLIPPED],
            nodes_to_quantize=names,
            extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
        )
        made = onnx.load(str(out))
    del made.metadata_props[:], made.graph.value_info[:]  # the quantiser's notes on every map
    made.graph.value_info.extend(model.graph.value_info)
    made.producer_name, made.producer_version = model.producer_name, model.producer_version
    return made


def _in_f32(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy without contract whose kernels are f32 again and not fp16 behind a Cast."""
    bare: onnx.ModelProto = without_contract(model)
    stored = {tensor.name: tensor for tensor in bare.graph.initializer}
    kept = []
    for node in bare.graph.node:
        tensor = stored.get(node.input[0]) if node.op_type == "Cast" else None
        if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT16:
            kept.append(node)
            continue
        whole = onnx.numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(onnx.numpy_helper.from_array(whole, node.output[0]))
    del bare.graph.node[:]
    bare.graph.node.extend(kept)
    return bare


def _fold_norms(graph: onnx.GraphProto) -> None:
    """Multiply each batch norm into the convolution before it; a kernel that two looks share stays one."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    readers = Counter(name for node in graph.node for name in node.input)
    folded: dict[tuple[str, ...], tuple[str, str]] = {}  # a kernel and its norm -> the new kernel and bias
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        conv = makers.get(norm.input[0])
        alone = conv is not None and conv.op_type == "Conv" and readers[norm.input[0]] == 1
        if conv is None or not alone or len(conv.input) > 2 or conv.input[1] not in stored:
            continue
        key = (conv.input[1], *norm.input[1:])
        if key not in folded:
            kernel, bias = _with_norm(norm, [onnx.numpy_helper.to_array(stored[name]) for name in key])
            folded[key] = (f"{conv.input[1]}.normed", f"{conv.input[1]}.normed.bias")
            for name, array in zip(folded[key], (kernel, bias), strict=True):
                graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        conv.input[1] = folded[key][0]
        conv.input.append(folded[key][1])
        conv.output[0] = norm.output[0]
        graph.node.remove(norm)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _with_norm(norm: onnx.NodeProto, arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The kernel and bias that do what kernel, scale, bias, mean and variance of a batch norm do."""
    kernel, scale, bias, mean, variance = (array.astype(np.float64) for array in arrays)
    epsilon = next((attribute.f for attribute in norm.attribute if attribute.name == "epsilon"), 1e-5)
    gain = scale / np.sqrt(variance + epsilon)
    normed = kernel * gain.reshape(-1, *[1] * (kernel.ndim - 1))
    return normed.astype(np.float32), (bias - mean * gain).astype(np.float32)


def _nodes(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions that are quantised, and of what clips their maps."""
    kernels = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    passed: dict[str, int] = {}  # convolutions of few channels on the way to each map
    chosen = []
    for node in graph.node:  # in the order in which they are computed
        before = max((passed.get(name, 0) for name in node.input), default=0)
        if node.op_type == "Conv" and node.input[1] in kernels:
            few = kernels[node.input[1]][1] <= FEW
            if not few or before >= EXACT:
                chosen.append(node)
            before += few
        passed.update(dict.fromkeys(node.output, before))
    maps = {node.output[0] for node in chosen}
    clipping = [node.name for node in graph.node if node.op_type in CLIPPED and node.input[0] in maps]
    return [node.name for node in chosen] + clipping
