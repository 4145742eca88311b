"""What computes a graph: OpenVINO on a processor, GPU or NPU, or ONNX Runtime on a GPU with CUDA.

Both take the same file and stand behind the same contract: golden clips are scored when it is loaded, and a
device whose scores are off is refused. `auto` is the processor, for which thresholds were measured.
"""

import importlib.util
import queue
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from unmask.detector.doubling import with_quick_doubling
from unmask.media.compiled import CompiledGraph, compiled_graph
from unmask.media.engine import at_work, fork_safe, ov
from unmask.types import ModelError, SettingsError

DEVICES = ("auto", "cpu", "gpu", "npu")
CUDA = "CUDA"  # beside OpenVINO's names CPU, GPU and NPU
# Compiled for one clip at a time. The processor takes a seventh less for shapes that are known before, and no
# less for a clip of several; the NPU computes no others.
ONE_CLIP = ("CPU", "NPU")
ARITHMETIC = {"f32": "f32", "bf16": "bf16", "int8": "f32"}  # of what a graph does not say itself
Inputs = Mapping[str, np.ndarray]


class Runtime(Protocol):
    """Computes a graph for any number of threads: inputs by name -> the outputs that were asked for, copied.

    Raises RuntimeError, ValueError or TypeError where the graph does not take them. `was_kept` says that it
    was compiled before and then kept by `keep`.
    """

    was_kept: bool

    def keep(self) -> None: ...

    def __call__(self, inputs: Inputs) -> list[np.ndarray]: ...


class OpenVinoRuntime:
    """A compiled graph of OpenVINO's; a request for each call at a time, of one clip where the graph takes no
    more.
    """

    def __init__(self, graph: CompiledGraph, outputs: Sequence[str]) -> None:
        self.was_kept, self.keep = graph.was_kept, graph.keep
        self._outputs = outputs
        self._single = all(port.get_partial_shape().is_static for port in graph.model.inputs)
        self._compiled = graph.model
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()

    def __call__(self, inputs: Inputs) -> list[np.ndarray]:
        """Outputs float32 of a batch."""
        if self._single:
            return one_by_one(self._once, inputs)
        return self._once(inputs)

    def _once(self, inputs: Inputs) -> list[np.ndarray]:
        with at_work():
            try:
                request = self._idle.get_nowait()
            except queue.Empty:
                request = fork_safe(self._compiled.create_infer_request())
            request.infer(dict(inputs))
            found = [np.array(request.get_tensor(name).data, np.float32) for name in self._outputs]
            self._idle.put(request)
        return found


class OnnxRuntime:
    """A graph in ONNX Runtime, by the first of `providers` that takes a node; made for CUDA, in full f32."""

    was_kept = False

    def __init__(
        self, graph: bytes, outputs: Sequence[str], *, name: str, threads: int, providers: Sequence[Any]
    ) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        # Its errors have no class in common.
        errors = [one for one in vars(state).values() if isinstance(one, type) and issubclass(one, Exception)]
        self._errors: tuple[type[Exception], ...] = (*errors, RuntimeError, ValueError, TypeError)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        self._outputs = list(outputs)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it falls back, which is refused below
                self._session = onnxruntime.InferenceSession(graph, options, providers=list(providers))
        except self._errors as broken:
            raise not_computed(name, broken) from broken
        first = providers[0][0] if isinstance(providers[0], tuple) else providers[0]
        if first not in self._session.get_providers():  # it falls back without an error
            raise ModelError(f"ONNX Runtime cannot use {first} here; mend its driver, or give --device cpu")

    def keep(self) -> None:
        """Nothing: it is compiled anew each time."""

    def __call__(self, inputs: Inputs) -> list[np.ndarray]:
        """Outputs float32 of a batch."""
        try:
            found = self._session.run(self._outputs, dict(inputs))
        except self._errors as broken:
            raise RuntimeError(str(broken)) from broken
        return [np.array(one, np.float32) for one in found]


def runtime_of(
    graph: bytes,
    read: Callable[[], ov.Model],
    *,
    key: bytes,
    name: str,
    precision: str,
    threads: int,
    device: str,
) -> Runtime:
    """What computes the score, and the depth where there is one, of the graph `name` on `device`, a name that
    `device_of` gave; `read` gives the graph for OpenVINO, `key` is all that it depends on.

    Raises ModelError, SettingsError.
    """
    if device != CUDA:
        compiled = compiled_for(read, key=key, name=name, precision=precision, threads=threads, device=device)
        return OpenVinoRuntime(compiled, _outputs(compiled.model))
    if precision == "bf16":
        raise SettingsError(
            "ONNX Runtime computes this graph in f32 on CUDA; give --precision f32, or --device cpu for bf16"
        )
    # TF32 keeps ten bits of each factor, too few for the tolerance of f32
    providers = [("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]
    return OnnxRuntime(graph, _outputs(read()), name=name, threads=threads, providers=providers)


def device_of(name: str) -> str:
    """The device that "auto", "cpu", "gpu" or "npu" means here: OpenVINO's name of it, or CUDA.

    "gpu" is one that OpenVINO drives, else one with CUDA where onnxruntime-gpu is installed. SettingsError
    for another name, or a device that is not here.
    """
    if name in ("auto", "cpu"):
        return "CPU"
    if name not in DEVICES:
        raise SettingsError(f"device must be {', '.join(DEVICES[:-1])} or {DEVICES[-1]}, not {name!r}")
    here = ov.Core().available_devices
    if any(device.startswith(name.upper()) for device in here):
        return name.upper()
    if name == "gpu" and cuda_here():
        return CUDA
    also = ", and no onnxruntime-gpu finds one with CUDA" if name == "gpu" else ""
    raise SettingsError(
        f"device {name} is one that OpenVINO drives, and it finds {', '.join(here)} alone{also}; give auto"
    )


def cuda_here() -> bool:
    """Whether ONNX Runtime is installed with CUDA; whether a GPU answers is seen when a graph is loaded."""
    if importlib.util.find_spec("onnxruntime") is None:
        return False
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def one_by_one(once: Callable[[Inputs], list[np.ndarray]], inputs: Inputs) -> list[np.ndarray]:
    """The outputs of a batch from calls of one clip each."""
    count = len(next(iter(inputs.values())))
    if count == 1:
        return once(inputs)
    parts = [once({name: array[k : k + 1] for name, array in inputs.items()}) for k in range(count)]
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def compiled_for(
    read: Callable[[], ov.Model], *, key: bytes, name: str, precision: str, threads: int, device: str = "CPU"
) -> CompiledGraph:
    """For clips that come one after the other, as soon as possible, at exactly that precision; compiled for
    the processor, it may be kept for the next process. Raises ModelError.
    """

    def sized() -> ov.Model:
        model = read()
        if device in ONE_CLIP:
            model.reshape({port: _of_one(port) for port in model.inputs})
        return with_quick_doubling(model) if device == "CPU" else model

    try:
        if device == "CPU":
            settings = cpu_settings(precision=precision, threads=threads)
            return compiled_graph(key + b"one clip, quick doubling", lambda _: sized(), settings)
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": ARITHMETIC[precision]}
        if device == "NPU":  # it knows f16 alone
            settings["INFERENCE_PRECISION_HINT"] = "f16"
        with at_work():
            made = ov.Core().compile_model(sized(), device, settings)
        return CompiledGraph(model=fork_safe(made), was_kept=False)
    except (RuntimeError, ValueError) as broken:
        raise not_computed(name, broken) from broken


def compiled(model: ov.Model, *, precision: str, threads: int) -> ov.CompiledModel:
    """A part of a graph for the processor, as `compiled_for`, and never kept. Raises ModelError."""
    try:
        settings = cpu_settings(precision=precision, threads=threads)
        with at_work():
            return fork_safe(ov.Core().compile_model(model, "CPU", settings))
    except (RuntimeError, ValueError) as broken:
        raise not_computed(model.friendly_name, broken) from broken


def cpu_settings(*, precision: str, threads: int) -> dict[str, str | int | bool]:
    """What OpenVINO is told of the processor; 0 threads are as many as it likes."""
    settings: dict[str, str | int | bool] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": ARITHMETIC[precision],
        "ENABLE_CPU_PINNING": False,  # pinned to a core that others use, a clip waits for it
    }
    return {**settings, "INFERENCE_NUM_THREADS": threads} if threads else settings


def not_computed(name: str, broken: Exception) -> ModelError:
    """What is said of a graph that can be read, but not computed."""
    first = (str(broken).strip().splitlines() or [type(broken).__name__])[-1][:200]
    return ModelError(f"model {name} holds a graph that cannot be computed ({first}); export it again")


def _of_one(port: ov.Output) -> ov.PartialShape:
    shape = port.get_partial_shape()
    shape[0] = 1
    return shape


def names_of(ports: Sequence[ov.Output]) -> set[str]:
    """All names of these tensors of a graph."""
    return {name for port in ports for name in port.get_names()}


def _outputs(model: ov.Model | ov.CompiledModel) -> list[str]:
    return [name for name in ("score", "depth") if name in names_of(model.outputs)]
