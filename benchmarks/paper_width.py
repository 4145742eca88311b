"""FAS-SGTD at the paper's width on a stream: what a new frame costs, and what this machine could do at most.

Clips of a stream share no frame (detector.evidence.Window), so that no feature of an earlier frame is ever
computed twice: a new frame costs a fifth of a clip. The weights are random. Beside the times stands the
limit, which no kernel can pass: the operations of a frame, counted, at the most operations a second that this
machine reached in a convolution as large as the network's largest, at each precision.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import DisagreementError, Row, in_turn, interval, ratio, walled
from unmask.contract import Contract, ellipse_mask, golden_pixels, seal_onnx
from unmask.detector.network import TOLERANCE, Network, planes
from unmask.detector.runtimes import OpenVinoRuntime, compiled
from unmask.media.compiled import CompiledGraph
from unmask.media.engine import ov
from unmask.models import MODELS
from unmask.models.export import export, golden_of
from unmask.models.quantisation import quantised
from unmask.types import ClipSpec

NETWORK, TINY = "sgtd_multi", "sgtd_s_multi"
FRAMES = 5  # of the paper's clips
GOAL = "100"  # ten new frames a second
CHANNELS, SIDE = 192, 128  # of the convolution that shows the machine's limit
THREADS = 2
EAGER = "eager torch"


def rows(folder: Path, *, repeats: int, quick: bool) -> Iterator[Row]:
    """A row for each precision, against the eager network; DisagreementError where one moves the score beyond
    the contract's tolerance.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        name, frames, channels = (TINY, 2, 8) if quick else (NETWORK, FRAMES, CHANNELS)
        yield from _rows(folder, name, repeats=repeats, frames=frames, channels=channels)
    finally:
        torch.set_num_threads(threads)


def _rows(folder: Path, name: str, *, repeats: int, frames: int, channels: int) -> Iterator[Row]:
    torch.manual_seed(0)
    network = MODELS[name]().eval()
    spec = ClipSpec(frames=frames, size_px=32 * int(np.prod(network.form.pools)))
    pixels, mask = golden_pixels(1, spec), ellipse_mask()
    operations = counted(network, spec)
    settle(network, pixels)
    files = written(network, folder, contract_of(name, spec))
    networks = {p: Network.load(file, precision=p, threads=THREADS) for p, file in files.items()}
    ways: dict[str, Callable[[], float]] = {EAGER: lambda: eagerly(network, pixels)}
    ways |= {p: lambda n=n: float(n.run(pixels[None], mask[None])[0][0]) for p, n in networks.items()}
    scores = {way: once() for way, once in ways.items()}
    for precision in files:
        if not abs(scores[precision] - scores["f32"]) <= TOLERANCE[precision]:
            raise DisagreementError(
                f"{name} scores {scores[precision]:.4f} in {precision} and {scores['f32']:.4f} in f32, "
                f"further apart than {TOLERANCE[precision]}"
            )
    found = in_turn(repeats, **{way: walled(once) for way, once in ways.items()})
    eager = 1e3 * float(np.median(found[EAGER])) / spec.frames
    for precision in files:
        most = limit(precision, channels=channels)
        yield Row(
            work=f"live stream, {name} of {spec.size_px} px, a new frame in {precision}, {THREADS} threads",
            unit="ms",
            value=interval([1e3 * seconds / spec.frames for seconds in found[precision]]),
            goal=GOAL,
            against=f"{EAGER} in f32: {eager:.0f} ms",
            ratio=ratio(found[EAGER], found[precision]),
            limit=f"{operations / 1e9:.0f} GFLOP: {1e3 * operations / most:.0f} ms at the {most / 1e9:.0f} "
            "GFLOP/s of a large convolution",
        )


def counted(network: torch.nn.Module, spec: ClipSpec) -> float:
    """Operations, a multiplication and an addition each, for a new frame of a clip."""
    side = spec.size_px
    with FlopCounterMode(display=False) as counter:
        copy.deepcopy(network).to("meta")(
            torch.zeros(1, spec.frames, 3, side, side, device="meta"), torch.ones(1, 32, 32, device="meta")
        )
    return counter.get_total_flops() / spec.frames


@torch.no_grad()
def settle(network: torch.nn.Module, pixels: np.ndarray) -> None:
    """Batch statistics of a real clip: with fresh ones random activations grow without end."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()
    network(torch.from_numpy(planes(pixels))[None])
    network.eval()


def eagerly(network: torch.nn.Module, pixels: np.ndarray) -> float:
    """The score of one clip without OpenVINO."""
    with torch.inference_mode():
        return float(network(torch.from_numpy(planes(pixels))[None]).score)


def written(network: torch.nn.Module, folder: Path, contract: Contract) -> dict[str, Path]:
    """The files that are run at each precision."""
    plain, whole = folder / "f32.onnx", folder / "int8.onnx"
    contract = export(network, contract, plain)
    clips = (golden_pixels(seed, contract.clip) for seed in (1, 2))
    inputs = [{"clips": planes(clip)[None], "mask": ellipse_mask()[None]} for clip in clips]
    graph = quantised(onnx.load(str(plain)), inputs)
    golden = golden_of(graph, contract.clip)
    whole.write_bytes(seal_onnx(graph, replace(contract, golden=golden))[1])
    return {"f32": plain, "bf16": plain, "int8": whole}


def limit(precision: str, *, channels: int) -> float:
    """The most operations a second of a convolution of the largest size in the network."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.02, (channels, channels, 3, 3)).astype(np.float32)
    picture = rng.uniform(0, 1, (1, channels, SIDE, SIDE)).astype(np.float32)
    shape = list(picture.shape)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "k"], ["c"], "conv", pads=[1] * 4),
            helper.make_node("Relu", ["c"], ["y"], "relu"),
        ],
        "limit",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(kernel, "k")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if precision == "int8":
        model = quantised(model, [{"x": picture}])
    read = ov.Core().read_model(model.SerializeToString(), b"")
    whole = CompiledGraph(model=compiled(read, precision=precision, threads=THREADS), was_kept=False)
    runtime = OpenVinoRuntime(whole, ["y"])
    once = walled(lambda: runtime({"x": picture}))
    return 2 * channels**2 * 9 * SIDE**2 / min(once() for _ in range(8))


def contract_of(network: str, spec: ClipSpec) -> Contract:
    """A contract for random weights."""
    return Contract(
        name="random",
        version="0",
        network=network,
        arguments={},
        clip=spec,
        operating_points=(),
        training_data=(),
        golden=(),
        command="",
        seed=0,
        commit="",
    )
