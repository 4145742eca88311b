"""The multi-frame network in three parts, so that a stream pays for each new frame, not for each clip.

The exported graph keeps names where it can be cut: a frame gives its features (tap1 to tap3, single), a
pair of neighbouring frames gives its motion, and the motions and single maps of T frames give score and
depth. Features are kept while frames share one box. The result is that of the whole graph; a new frame
costs about 1 / T of it.
"""

import queue
from collections import deque
from collections.abc import Sequence

import numpy as np
import openvino as ov
from openvino import opset13 as op

from unmask.contract import MAP_PX, Contract
from unmask.runtime.network import LoadedNetwork, compiled, names_of, planes, read_graph
from unmask.types import ModelError

TAPS = ("tap1", "tap2", "tap3")
NOW = ("now1", "now2", "now3")
NEXT = ("next1", "next2", "next3")


def can_be_cut(network: LoadedNetwork) -> bool:
    """Whether the network's graph has all the names to cut at; other networks score whole clips."""
    if network.contract.clip.views:
        return False  # the graph is one of several, or looks at more than the picture that is kept
    model = read_graph(network.graph, origin=network.contract.name)
    found = names_of([port for node in model.get_ordered_ops() for port in node.outputs()])
    return {*TAPS, *NOW, *NEXT, "single", "motion", "depth"} <= found


class StreamNetwork:
    """The parts of one network; may be used by any number of `Features` and threads at once."""

    def __init__(self, network: LoadedNetwork) -> None:
        """Of a loaded multi-frame network; ModelError when its graph has no names to cut at."""
        self.contract: Contract = network.contract
        spec, name = network.contract.clip, network.contract.name
        if spec.frames < 2:
            raise ModelError(
                f"model {name} is for single frames; a stream keeps features of a multi-frame one"
            )
        frame = part(network.graph, inputs=("clips",), outputs=(*TAPS, "single"), origin=name)
        frame.reshape({"clips": [1, 1, 3, spec.size_px, spec.size_px]})
        pair = part(network.graph, inputs=(*NOW, *NEXT), outputs=("motion",), origin=name)
        pair.reshape({port: [1, *_shape(port)[1:]] for port in pair.inputs})
        clip = part(
            network.graph, inputs=("motion", "single", "mask"), outputs=("score", "depth"), origin=name
        )
        channels = {port.get_any_name(): _shape(port)[1] for port in clip.inputs}
        clip.reshape(
            {
                "motion": [spec.frames - 1, channels["motion"], MAP_PX, MAP_PX],
                "single": [spec.frames, 1, MAP_PX, MAP_PX],
                "mask": [1, MAP_PX, MAP_PX],
            }
        )
        self._frame = Part(frame, (*TAPS, "single"), network=network)
        self._pair = Part(pair, ("motion",), network=network)
        self._clip = Part(clip, ("score", "depth"), network=network)

    def start(self) -> "Features":
        """Nothing kept yet."""
        return Features(self)

    def frame(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """The features of one picture (S, S, 3) uint8."""
        return self._frame({"clips": planes(picture)[None, None]})

    def pair(self, now: dict[str, np.ndarray], later: dict[str, np.ndarray]) -> np.ndarray:
        """The motion (1, C, 32, 32) between two frames by their features."""
        inputs = {name: now[tap] for name, tap in zip(NOW, TAPS, strict=True)}
        inputs |= {name: later[tap] for name, tap in zip(NEXT, TAPS, strict=True)}
        return self._pair(inputs)["motion"]

    def clip(
        self, motion: Sequence[np.ndarray], single: Sequence[np.ndarray], *, mask: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Score and depth (T - 1, 32, 32) of T frames in order; `mask` (32, 32) of the first."""
        inputs = {"motion": np.concatenate(motion), "single": np.concatenate(single), "mask": mask[None]}
        outputs = self._clip(inputs)
        return float(outputs["score"].reshape(())), outputs["depth"][0]


class Features:
    """What is kept of the latest frames of a stream; they must share a box and keep the stride."""

    def __init__(self, network: StreamNetwork) -> None:
        frames = network.contract.clip.frames
        self._network = network
        self._latest: dict[str, np.ndarray] | None = None
        self._single: deque[np.ndarray] = deque(maxlen=frames)
        self._motion: deque[np.ndarray] = deque(maxlen=frames - 1)
        self._masks: deque[np.ndarray] = deque(maxlen=frames)

    def push(self, picture: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray] | None:
        """One more picture (S, S, 3) uint8 and mask (32, 32): score and depth of the clip it completes."""
        features = self._network.frame(picture)
        if self._latest is not None:
            self._motion.append(self._network.pair(self._latest, features))
        self._latest = features
        self._single.append(features["single"])
        self._masks.append(mask)
        if len(self._single) < (self._single.maxlen or 0):
            return None
        return self._network.clip(self._motion, self._single, mask=self._masks[0])


class Part:
    """One compiled part; a request for each call at a time, outputs copied."""

    def __init__(self, model: ov.Model, outputs: Sequence[str], *, network: LoadedNetwork) -> None:
        self._outputs = outputs
        self._compiled = compiled(model, precision=network.precision, threads=network.threads)
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            request = self._idle.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        request.infer(inputs, share_inputs=True)
        outputs = {name: np.array(request.get_tensor(name).data, np.float32) for name in self._outputs}
        self._idle.put(request)
        return outputs


def part(graph: bytes, *, inputs: Sequence[str], outputs: Sequence[str], origin: str) -> ov.Model:
    """The part of the graph from the tensors `inputs` to the tensors `outputs`, which keep their names."""
    model = read_graph(graph, origin=origin)
    ports = {
        name: port for node in model.get_ordered_ops() for port in node.outputs() for name in port.get_names()
    }
    if missing := {*inputs, *outputs} - ports.keys():
        raise ModelError(f"model {origin} has no {', '.join(sorted(missing))} to cut at; export it again")
    ends = {name: port.get_node() for port in model.outputs for name in port.get_names()}
    results = [ends[name] if name in ends else op.result(ports[name]) for name in outputs]
    parameters = []
    for name in inputs:
        port = ports[name]
        parameter = op.parameter(port.get_partial_shape(), port.get_element_type(), name=f"{name}.part")
        parameter.output(0).get_tensor().set_names({name})
        for consumer in port.get_target_inputs():
            consumer.replace_source_output(parameter.output(0))
        parameters.append(parameter)
    return ov.Model(results, parameters, f"{origin} {'+'.join(outputs)}")


def _shape(port: ov.Output) -> list[int]:
    return [d.get_length() if d.is_static else -1 for d in port.get_partial_shape()]
