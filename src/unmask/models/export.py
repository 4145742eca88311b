"""A network and its contract -> one ONNX file, which the runtime loads without torch.

Inputs "clips" (B, T, 3, S, S) float32 in [0, 1] and "mask" (B, 32, 32) float32; outputs "score" (B,) and
"depth" (B, S, 32, 32); a network of several views has an input "view1", "view2", ... like "clips" for each
further one. Inner tensors keep the names of `named()` (tap1, now1, next1, motion, single, ...), so
that a stream can cut the graph there. Kernels are stored in fp16 behind a Cast; arithmetic is f32. Weights
that a network calls `adaptable` keep their own names, so that they can be fitted anew in the file.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from unmask.contract import (
    MAP_PX,
    Contract,
    GoldenClip,
    ellipse_mask,
    golden_views,
    seal_onnx,
    view_names,
)
from unmask.files import write_bytes
from unmask.models.encoder import Encoder
from unmask.models.network import TrainableNetwork
from unmask.types import ClipSpec

OPSET = 18
GOLDEN_SEEDS = (1, 2, 3)
OUTPUTS = ("score", "depth")


def export(network: TrainableNetwork, contract: Contract, out: Path, *, half: bool = True) -> Contract:
    """Write `out` whole or not at all; the contract comes back with golden scores and the hash of the graph.

    Golden scores are those of the written graph (fp16 storage included), in f32, under the fixed ellipse.
    """
    model = _graph(network, contract.clip)
    if half:
        store_half(model)
    onnx.checker.check_model(model)
    contract = replace(contract, golden=golden_of(model, contract.clip))
    contract, content = seal_onnx(model, contract)
    write_bytes(out, content)
    return contract


class _RawFeatures(nn.Module):
    """The part of an encoder that a head is fitted to."""

    def __init__(self, network: Encoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        return self.network.raw_features(frames)


def features_graph(network: Encoder) -> bytes:
    """An encoder without its head, in ONNX: "frames" (N, 3, S, S) in [0, 1] -> "features" (N, D)."""
    was_training = network.training
    assert network.size_px is not None
    example = torch.zeros(
        2, 3, network.size_px, network.size_px
    )  # torch.export takes a batch of one for a constant
    with torch.no_grad(), quiet():
        program = torch.onnx.export(
            _RawFeatures(network).eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["frames"],
            output_names=["features"],
            dynamic_shapes={"frames": {0: torch.export.Dim("batch")}},
            verbose=False,
        )
    network.train(was_training)
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    return program.model_proto.SerializeToString()


class _Named(nn.Module):
    """The network with its inner tensors as further outputs: only so do they keep names in the graph."""

    def __init__(self, network: TrainableNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor, mask: Tensor) -> dict[str, Tensor]:
        return self.outputs(clips, mask)

    def outputs(self, *inputs: Tensor) -> dict[str, Tensor]:
        """What the network says of these inputs, by name."""
        output, inner = self.network.named(*inputs)
        depth = {} if output.depth is None else {"depth": output.depth}
        return {"score": output.score, **depth, **inner}


class _NamedViews(_Named):
    """The same for a network of several views."""

    def forward(self, clips: Tensor, mask: Tensor, *views: Tensor) -> dict[str, Tensor]:
        return self.outputs(clips, mask, *views)


def _graph(network: TrainableNetwork, spec: ClipSpec) -> onnx.ModelProto:
    was_training = network.training
    named = (_NamedViews if spec.views else _Named)(network).eval()
    example = _example(spec)
    with torch.no_grad(), quiet():
        names = list(named(*example))
        batch = torch.export.Dim("batch")
        views = {"views": tuple({0: batch} for _ in spec.views)} if spec.views else {}
        program = torch.onnx.export(
            named,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["clips", "mask", *view_names(spec)],
            output_names=names,
            dynamic_shapes={"clips": {0: batch}, "mask": {0: batch}, **views},
            verbose=False,
        )
    network.train(was_training)
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    model: onnx.ModelProto = program.model_proto
    _keep_outputs(model)
    _strip(model)
    for name in network.adaptable:
        _rename(model, f"network.{name}", name)
    return model


def _example(spec: ClipSpec) -> tuple[Tensor, ...]:
    batch = 2  # torch.export takes a batch of one for a constant
    clips, *views = (
        torch.zeros(batch, spec.frames, 3, size, size)
        for size in (spec.size_px, *(view.size_px for view in spec.views))
    )
    return clips, torch.ones(batch, MAP_PX, MAP_PX), *views


def _keep_outputs(model: onnx.ModelProto) -> None:
    kept = [output for output in model.graph.output if output.name in OUTPUTS]
    inner = [output for output in model.graph.output if output.name not in OUTPUTS]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    del model.graph.value_info[:]
    model.graph.value_info.extend(inner)  # shapes and kinds, for those who cut the graph there


def _strip(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes: they hold stack traces with the paths of this machine."""
    model.doc_string = model.graph.doc_string = ""
    for item in [model.graph, *model.graph.node, *model.graph.initializer, *model.graph.value_info]:
        del item.metadata_props[:]
        item.doc_string = ""
    for value in [*model.graph.input, *model.graph.output]:
        del value.metadata_props[:]


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Call an initializer by another name; RuntimeError where the exporter folded it into something else."""
    (tensor,) = [tensor for tensor in model.graph.initializer if tensor.name == old] or [None]
    if tensor is None:
        raise RuntimeError(f"the exporter left no {old}")
    tensor.name = new
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


def store_half(model: onnx.ModelProto) -> None:
    """Kernels (two axes or more, f32) become fp16, each behind a Cast to f32 under the old name."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        array = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, f"{name}.half"))
        casts.append(
            onnx.helper.make_node(
                "Cast", [tensor.name], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def golden_of(model: onnx.ModelProto, spec: ClipSpec) -> tuple[GoldenClip, ...]:
    """The golden clips of a graph with the scores that it gives them, by ONNX Runtime in f32."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    mask = ellipse_mask()[None]
    clips = []
    for seed in GOLDEN_SEEDS:
        pictures = {
            name: pixels.astype(np.float32).transpose(0, 3, 1, 2)[None] / 255
            for name, pixels in zip(("clips", *view_names(spec)), golden_views(seed, spec), strict=True)
        }
        (score,) = session.run(["score"], {**pictures, "mask": mask})[0]
        clips.append(GoldenClip(seed=seed, score=float(score)))
    return tuple(clips)


@contextmanager
def quiet() -> Iterator[None]:
    """The exporter warns of its own future and of packages not needed here, and traces itself at length; the
    quantiser advises steps that the export has done.
    """
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
