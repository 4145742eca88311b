"""FAS-SGTD at the paper's width on a stream: what a new frame costs, and what this machine could do at most.

    python benchmarks/paper_width.py [--quick]

Clips of a stream share no frame (detector.evidence.Window), so that no feature of an earlier frame is ever
computed twice: a new frame costs a fifth of a clip. The weights are random; the ways take turns. Beside the
times stand the operations of a frame, counted, and the most operations a second that this machine reached in
a convolution as large as the network's largest, at each precision: their ratio is the frame rate that no
kernel can pass. The benchmark fails where a precision moves the score beyond the contract's tolerance.
"""

import argparse
import copy
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from result_lines import append, stamp
from torch.utils.flop_counter import FlopCounterMode

from unmask.contract import Contract, ellipse_mask, golden_pixels, seal_onnx
from unmask.detector.network import TOLERANCE, Network, planes
from unmask.detector.runtimes import OpenVinoRuntime, compiled
from unmask.media.compiled import CompiledGraph
from unmask.media.engine import ov
from unmask.models import MODELS
from unmask.models.export import export, golden_of
from unmask.models.quantisation import quantised
from unmask.types import ClipSpec

NETWORK = "sgtd_multi"
SPEC = ClipSpec(frames=5, size_px=256)
GOAL = 10.0  # new frames a second
CHANNELS, SIDE = 192, 128  # of the convolution that shows the machine's limit
REPEATS, QUICK = 15, 3
OUT = Path("results/paper_width.csv")


def main() -> None:
    """Prints one line a precision, and adds them to the results unless it is quick."""
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    network = MODELS[NETWORK]().eval()
    operations = counted(network)
    pixels = golden_pixels(1, SPEC)
    settle(network, pixels)
    with tempfile.TemporaryDirectory() as folder:
        files = written(network, Path(folder), pixels)
        networks = {p: Network.load(file, precision=p, threads=asked.threads) for p, file in files.items()}
        limits = {p: limit(Path(folder), p, threads=asked.threads) for p in files}
    mask = ellipse_mask()
    ways = {p: lambda n=n: float(n.run(pixels[None], mask[None])[0][0]) for p, n in networks.items()}
    spent, scores = measure(ways, rounds=QUICK if asked.quick else REPEATS)
    lines = [line(p, spent, limits[p], scores, operations=operations, threads=asked.threads) for p in ways]
    print(
        f"{platform.machine()}, {asked.threads} threads, {NETWORK}, {operations / 1e9:.0f} GFLOP a new frame"
    )
    for one in lines:
        print("  ".join(f"{key} {value}" for key, value in one.items()))
    if not asked.quick:
        append(OUT, [{**stamp(), **one} for one in lines])
    off = [p for p in ways if not abs(scores[p] - scores["f32"]) <= TOLERANCE[p]]
    if off:
        sys.exit(f"{', '.join(off)}: the score moved from {scores['f32']:.4f} to {scores[off[0]]:.4f}")


def counted(network: torch.nn.Module) -> float:
    """Operations, a multiplication and an addition each, for a new frame of a clip."""

    with FlopCounterMode(display=False) as counter:
        copy.deepcopy(network).to("meta")(
            torch.zeros(1, SPEC.frames, 3, 256, 256, device="meta"), torch.ones(1, 32, 32, device="meta")
        )
    return counter.get_total_flops() / SPEC.frames


@torch.no_grad()
def settle(network: torch.nn.Module, pixels: np.ndarray) -> None:
    """Batch statistics of a real clip: with fresh ones random activations grow without end."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()
    network(torch.from_numpy(planes(pixels))[None])
    network.eval()


def written(network: torch.nn.Module, folder: Path, pixels: np.ndarray) -> dict[str, Path]:
    """The files that are run at each precision."""
    plain, whole = folder / "f32.onnx", folder / "int8.onnx"
    contract = export(network, _contract(), plain)
    inputs = [
        {"clips": planes(golden_pixels(seed, SPEC))[None], "mask": ellipse_mask()[None]} for seed in (1, 2)
    ]
    graph = quantised(onnx.load(str(plain)), inputs)
    whole.write_bytes(seal_onnx(graph, replace(contract, golden=golden_of(graph, SPEC)))[1])
    return {"f32": plain, "bf16": plain, "int8": whole}


def limit(folder: Path, precision: str, *, threads: int) -> float:
    """The most operations a second of a convolution of the largest size in the network."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.02, (CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
    picture = rng.uniform(0, 1, (1, CHANNELS, SIDE, SIDE)).astype(np.float32)
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
    graph = CompiledGraph(model=compiled(read, precision=precision, threads=threads), was_kept=False)
    runtime = OpenVinoRuntime(graph, ["y"])
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        runtime({"x": picture})
        seconds.append(time.perf_counter() - start)
    return 2 * CHANNELS**2 * 9 * SIDE**2 / min(seconds)


def measure(
    ways: dict[str, Callable[[], float]], *, rounds: int
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Milliseconds a clip (rounds,) of each way and its score; in turns after one unmeasured turn."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    scores = {}
    for turn in range(rounds + 1):
        for name, once in ways.items():
            start = time.perf_counter()
            scores[name] = once()
            if turn:
                spent[name].append((time.perf_counter() - start) * 1e3)
    return {name: np.array(values) for name, values in spent.items()}, scores


def line(
    precision: str,
    spent: dict[str, np.ndarray],
    most: float,
    scores: dict[str, float],
    *,
    operations: float,
    threads: int,
) -> dict[str, object]:
    """What is told of a precision; intervals are those of the middle 95 % of the turns."""
    frame = spent[precision] / SPEC.frames
    ratio = spent["f32"] / spent[precision]
    low, high = np.percentile(ratio, [2.5, 97.5])
    return {
        "precision": precision,
        "threads": threads,
        "ms_a_new_frame": f"{np.median(frame):.0f}",
        "frames_s": f"{1e3 / np.median(frame):.1f}",
        "goal": f"{GOAL:.0f}",
        "times_f32": f"{np.median(ratio):.2f} [{low:.2f}, {high:.2f}]",
        "gflop_a_frame": f"{operations / 1e9:.0f}",
        "limit_gflop_s": f"{most / 1e9:.0f}",
        "frames_s_at_the_limit": f"{most / operations:.1f}",
        "score_moved": f"{abs(scores[precision] - scores['f32']):.4f}",
        "repeats": len(frame),
    }


def _contract() -> Contract:
    return Contract(
        name="random",
        version="0",
        network=NETWORK,
        arguments={},
        clip=SPEC,
        operating_points=(),
        training_data=(),
        golden=(),
        command="",
        seed=0,
        commit="",
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few turns, and no line in the results")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
