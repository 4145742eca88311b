"""A graph scores the same whatever computes it, and a device that is not here is one sentence."""

import numpy as np
import pytest

from tiny_models import SIDE, conv_model
from unmask.contract import ellipse_mask
from unmask.detector import runtimes
from unmask.detector.network import TOLERANCE, Network, planes, read_graph
from unmask.detector.runtimes import (
    CUDA,
    OnnxRuntime,
    OpenVinoRuntime,
    device_of,
    one_by_one,
    runtime_of,
)
from unmask.types import ModelError, SettingsError

CPU = ["CPUExecutionProvider"]


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Network:
    return Network.load(conv_model(tmp_path_factory.mktemp("model") / "f32.onnx"), threads=1)


@pytest.fixture
def inputs(rng) -> dict[str, np.ndarray]:
    pixels = rng.integers(0, 256, (3, 1, SIDE, SIDE, 3)) // np.array([1, 2, 8]).reshape(3, 1, 1, 1, 1)
    return {"clips": planes(pixels.astype(np.uint8)), "mask": np.stack([ellipse_mask()] * 3)}


def test_onnx_runtime_scores_as_openvino(network, inputs):
    model = read_graph(network.graph, origin="a")
    first = OpenVinoRuntime(model, ["score"], precision="f32", threads=1, device="CPU")(inputs)
    other = OnnxRuntime(network.graph, ["score"], name="a", threads=1, providers=CPU)(inputs)
    np.testing.assert_allclose(other[0], first[0], atol=TOLERANCE["f32"])
    assert np.ptp(first[0]) > 0.01  # else the test sees nothing


def test_a_network_on_onnx_runtime_holds_its_golden_scores(network, monkeypatch):
    def cuda_on_cpu(graph, model, outputs, *, precision, threads, device):
        assert device == CUDA
        return OnnxRuntime(graph, outputs, name="a", threads=threads, providers=CPU)

    monkeypatch.setattr("unmask.detector.network.runtime_of", cuda_on_cpu)
    other = Network(network.graph, network.contract, origin="a", precision="f32", threads=1, device=CUDA)
    other.check_golden(origin="a")


def test_a_device_that_takes_one_clip_at_a_time_gives_the_same(network, inputs):
    model = read_graph(network.graph, origin="a")
    runtime = OpenVinoRuntime(model, ["score"], precision="f32", threads=1, device="CPU")
    np.testing.assert_allclose(one_by_one(runtime, inputs)[0], runtime(inputs)[0], atol=1e-6)


def test_what_a_graph_does_not_take_is_an_error_of_its_own(network, inputs):
    runtime = OnnxRuntime(network.graph, ["score"], name="a", threads=1, providers=CPU)
    with pytest.raises(RuntimeError):
        runtime({**inputs, "clips": inputs["clips"][..., :3]})
    with pytest.raises(ModelError, match="model a holds a graph that cannot be computed"):
        OnnxRuntime(b"no graph", ["score"], name="a", threads=1, providers=CPU)


def test_a_provider_that_is_not_here_never_falls_back_unsaid(network):
    with pytest.raises(ModelError):
        OnnxRuntime(network.graph, ["score"], name="a", threads=1, providers=["NoExecutionProvider", *CPU])


def test_bf16_on_cuda_is_refused(network):
    with pytest.raises(SettingsError, match="give --precision f32"):
        runtime_of(network.graph, None, ["score"], precision="bf16", threads=1, device=CUDA)


def test_a_gpu_is_openvinos_or_one_with_cuda(monkeypatch):
    class Core:
        available_devices = ("CPU", "GPU.0", "NPU")

    monkeypatch.setattr(runtimes.ov, "Core", Core)
    assert [device_of(name) for name in ("auto", "cpu", "gpu", "npu")] == ["CPU", "CPU", "GPU", "NPU"]
    Core.available_devices = ("CPU",)
    monkeypatch.setattr(runtimes, "cuda_here", lambda: True)
    assert device_of("gpu") == CUDA
    monkeypatch.setattr(runtimes, "cuda_here", lambda: False)
    for name in ("gpu", "npu"):
        with pytest.raises(SettingsError, match=f"device {name} is one that OpenVINO drives"):
            device_of(name)
    with pytest.raises(SettingsError, match="auto, cpu, gpu or npu, not 'tpu'"):
        device_of("tpu")


def test_options_know_every_device_and_precision():
    from unmask.app import options
    from unmask.contract import PRECISIONS

    assert options.DEVICES == runtimes.DEVICES
    assert set(options.PRECISIONS) == set(PRECISIONS) == set(TOLERANCE) == set(runtimes.ARITHMETIC)
