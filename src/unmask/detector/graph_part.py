"""A part of an exported graph, compiled by itself: what a network makes of a frame before its score."""

import queue
from collections.abc import Sequence

import numpy as np

from unmask.detector.network import LoadedNetwork, read_graph
from unmask.detector.runtimes import compiled
from unmask.media.engine import at_work, fork_safe, ov
from unmask.types import ModelError

TAPS = ("tap1", "tap2", "tap3")  # features of one frame, by level, where a graph names them


class Part:
    """One compiled part; a request for each call at a time, outputs copied."""

    def __init__(self, model: ov.Model, outputs: Sequence[str], *, network: LoadedNetwork) -> None:
        self._outputs = outputs
        self._compiled = compiled(model, precision=network.precision, threads=network.threads)
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        with at_work():
            try:
                request = self._idle.get_nowait()
            except queue.Empty:
                request = fork_safe(self._compiled.create_infer_request())
            request.infer(inputs, share_inputs=True)
            outputs = {name: np.array(request.get_tensor(name).data, np.float32) for name in self._outputs}
            self._idle.put(request)
        return outputs


def part(graph: bytes, *, inputs: Sequence[str], outputs: Sequence[str], origin: str) -> ov.Model:
    """The part of the graph from the tensors `inputs` to the tensors `outputs`, which keep their names."""
    model = read_graph(graph, origin=origin)
    ports = tensors_of(model)
    if missing := {*inputs, *outputs} - ports.keys():
        raise ModelError(f"model {origin} has no {', '.join(sorted(missing))} to cut at; export it again")
    ends = {name: port.get_node() for port in model.outputs for name in port.get_names()}
    results = [ends[name] if name in ends else ov.opset13.result(ports[name]) for name in outputs]
    parameters = []
    for name in inputs:
        port = ports[name]
        parameter = ov.opset13.parameter(
            port.get_partial_shape(), port.get_element_type(), name=f"{name}.part"
        )
        parameter.output(0).get_tensor().set_names({name})
        for consumer in port.get_target_inputs():
            consumer.replace_source_output(parameter.output(0))
        parameters.append(parameter)
    return ov.Model(results, parameters, f"{origin} {'+'.join(outputs)}")


def tensors_of(model: ov.Model) -> dict[str, ov.Output]:
    """All named tensors of a graph."""
    return {
        name: port for node in model.get_ordered_ops() for port in node.outputs() for name in port.get_names()
    }
