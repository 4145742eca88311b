"""A graph scores the same whatever computes it, and a device that is not here is one sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tiny_models import FEATURES, SIDE, conv_model, linear_model
from unmask.contract import GoldenClip, ellipse_mask, golden_views, seal_onnx
from unmask.detector import runtimes
from unmask.detector.network import TOLERANCE, Network, planes, read_graph
from unmask.detector.runtimes import (
    CUDA,
    OnnxRuntime,
    OpenVinoRuntime,
    compiled_for,
    device_of,
    one_by_one,
    runtime_of,
)
from unmask.media.compiled import SWITCH
from unmask.media.engine import ov
from unmask.types import ModelError, SettingsError

CPU = ["CPUExecutionProvider"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return Network.load(conv_model(tmp_path_factory.mktemp("model") / "f32.onnx"), threads=1)


@pytest.fixture
def inputs(rng: np.random.Generator) -> dict[str, np.ndarray]:
    pixels = rng.integers(0, 256, (3, 1, SIDE, SIDE, 3)) // np.array([1, 2, 8]).reshape(3, 1, 1, 1, 1)
    return {"clips": planes(pixels.astype(np.uint8)), "mask": np.stack([ellipse_mask()] * 3)}


def openvino(network: Network) -> OpenVinoRuntime:
    def read() -> Any:
        return read_graph(network.graph, origin="a")

    graph = compiled_for(read, key=network.graph, name="a", precision="f32", threads=1)
    return OpenVinoRuntime(graph, ["score"])


def test_onnx_runtime_scores_as_openvino(network: Network, inputs: dict[str, np.ndarray]) -> None:
    first = openvino(network)(inputs)
    other = OnnxRuntime(network.graph, ["score"], name="a", threads=1, providers=CPU)(inputs)
    np.testing.assert_allclose(other[0], first[0], atol=TOLERANCE["f32"])
    assert np.ptp(first[0]) > 0.01  # else the test sees nothing


def test_a_network_on_onnx_runtime_holds_its_golden_scores(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cuda_on_cpu(graph: Any, read: Any, *, device: Any, threads: Any, **_: Any) -> Any:
        assert device == CUDA
        return OnnxRuntime(graph, ["score"], name="a", threads=threads, providers=CPU)

    monkeypatch.setattr("unmask.detector.network.runtime_of", cuda_on_cpu)
    other = Network(network.graph, network.contract, origin="a", precision="f32", threads=1, device=CUDA)
    other.check_golden(origin="a")


def test_a_device_that_takes_one_clip_at_a_time_gives_the_same(
    network: Network, inputs: dict[str, np.ndarray]
) -> None:
    runtime = openvino(network)
    np.testing.assert_allclose(one_by_one(runtime, inputs)[0], runtime(inputs)[0], atol=1e-6)


def test_what_a_graph_does_not_take_is_an_error_of_its_own(
    network: Network, inputs: dict[str, np.ndarray]
) -> None:
    runtime = OnnxRuntime(network.graph, ["score"], name="a", threads=1, providers=CPU)
    with pytest.raises(RuntimeError):
        runtime({**inputs, "clips": inputs["clips"][..., :3]})
    with pytest.raises(ModelError, match="model a holds a graph that cannot be computed"):
        OnnxRuntime(b"no graph", ["score"], name="a", threads=1, providers=CPU)


def test_a_provider_that_is_not_here_never_falls_back_unsaid(network: Network) -> None:
    with pytest.raises(ModelError):
        OnnxRuntime(network.graph, ["score"], name="a", threads=1, providers=["NoExecutionProvider", *CPU])


def test_bf16_on_cuda_is_refused(network: Network) -> None:
    with pytest.raises(SettingsError, match="give --precision f32"):
        runtime_of(network.graph, list, key=b"", name="a", precision="bf16", threads=1, device=CUDA)


def test_a_gpu_is_openvinos_or_one_with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        available_devices: tuple[str, ...] = ("CPU", "GPU.0", "NPU")

    monkeypatch.setattr(ov, "Core", Core)
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


def test_options_know_every_device_and_precision() -> None:
    from unmask.app import options
    from unmask.contract import PRECISIONS

    assert options.DEVICES == runtimes.DEVICES
    assert set(options.PRECISIONS) == set(PRECISIONS) == set(TOLERANCE) == set(runtimes.ARITHMETIC)


@pytest.fixture
def compiled_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The cache of compiled graphs, empty."""
    monkeypatch.setenv("UNMASK_ASSETS", str(tmp_path / "assets"))
    monkeypatch.delenv(SWITCH, raising=False)
    return lambda: sorted((tmp_path / "assets").rglob("*.blob"))


def _seeds_run(monkeypatch: pytest.MonkeyPatch, path: Any) -> list[int]:
    """The golden clips that are scored while the network is loaded."""
    seeds = []

    def drawn(seed: Any, spec: Any) -> Any:
        seeds.append(seed)
        return golden_views(seed, spec)

    with monkeypatch.context() as patch:
        patch.setattr("unmask.detector.network.golden_views", drawn)
        Network.load(path, threads=1)
    return seeds


def _with_two_golden_clips(path: Any, *, second: float | None = None) -> Any:
    """The file with another golden clip, whose score is right or `second`."""
    model, network = onnx.load(path), Network.load(path, threads=1)
    (pixels,) = golden_views(2, network.contract.clip)
    right = float(network.run(pixels[None], ellipse_mask()[None])[0][0])
    golden = (*network.contract.golden, GoldenClip(seed=2, score=right if second is None else second))
    path.write_bytes(seal_onnx(model, replace(network.contract, golden=golden))[1])
    return path


def test_a_graph_is_kept_once_all_golden_clips_are_right_and_then_asked_for_one(
    tmp_path: Path, compiled_files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _with_two_golden_clips(conv_model(tmp_path / "a.onnx"))
    for kept in compiled_files():
        kept.unlink()
    assert [_seeds_run(monkeypatch, path), _seeds_run(monkeypatch, path)] == [[1, 2], [1]]
    assert len(compiled_files()) == 1


def test_a_graph_with_a_wrong_golden_clip_is_refused_each_time(tmp_path: Path, compiled_files: Any) -> None:
    path = _with_two_golden_clips(conv_model(tmp_path / "a.onnx"), second=0.5)
    before = compiled_files()
    for _ in range(2):
        with pytest.raises(ModelError, match="must score golden clip 2 as"):
            Network.load(path, threads=1)
    assert compiled_files() == before


def test_a_kept_graph_that_scores_otherwise_is_refused(tmp_path: Path, compiled_files: Any) -> None:
    path = linear_model(tmp_path / "a.onnx", weight=np.full(FEATURES, 0.5))
    Network.load(path, threads=1)
    (kept,) = compiled_files()
    Network.load(linear_model(tmp_path / "b.onnx", weight=np.full(FEATURES, -0.5)), threads=1)
    (other,) = set(compiled_files()) - {kept}
    kept.write_bytes(other.read_bytes())
    with pytest.raises(ModelError, match="must score golden clip 1 as"):
        Network.load(path, threads=1)
