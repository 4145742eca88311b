"""The network alone, at the paper's widths: a clip of five frames, eager torch in fp32 against OpenVINO.

OpenVINO runs in f32 and in bf16. The weights are random; the ways take turns, so that a busy machine slows
all of them alike.

    python -m experiments.network [--network sgtd_multi] [--rounds 10] [--threads 2]
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from unmask.contract import Contract, ellipse_mask, golden_pixels
from unmask.detector.network import Network, planes
from unmask.models import MODELS
from unmask.models.export import export
from unmask.types import ClipSpec

EAGER = "eager torch fp32"


def main() -> None:
    """Prints p50 and p95 of each way, and its ratio to eager torch."""
    wanted = _arguments()
    torch.set_num_threads(wanted.threads)
    torch.manual_seed(0)
    eager = MODELS[wanted.network]().eval()
    spec = ClipSpec(size_px=32 * int(np.prod(eager.form.pools)))
    pixels, mask = golden_pixels(1, spec), ellipse_mask()
    settle(eager, pixels)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        export(eager, _contract(wanted.network, spec), file)
        ways = {EAGER: lambda: run_torch(eager, pixels)}
        for precision in ("f32", "bf16"):
            ways |= of_openvino(file, precision, pixels=pixels, mask=mask, threads=wanted.threads)
    flags = Path("/proc/cpuinfo")
    amx = "with" if flags.exists() and "amx_bf16" in flags.read_text() else "without"
    print(
        f"{platform.processor() or platform.machine()} {amx} AMX, {wanted.threads} threads, {wanted.network}"
    )
    table(measure(ways, rounds=wanted.rounds))


def settle(network: torch.nn.Module, pixels: np.ndarray) -> None:
    """Batch statistics of a real clip: with fresh ones random activations grow without end."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()
    run_torch(network, pixels)
    network.eval()


def run_torch(network: torch.nn.Module, pixels: np.ndarray) -> float:
    """The score of one clip."""
    with torch.inference_mode():
        return float(network(torch.from_numpy(planes(pixels))[None]).score)


def of_openvino(
    file: Path, precision: str, *, pixels: np.ndarray, mask: np.ndarray, threads: int
) -> dict[str, Callable[[], object]]:
    """The whole clip."""
    network = Network.load(file, precision=precision, threads=threads)
    return {f"OpenVINO {precision}": lambda: network.run(pixels[None], mask[None])}


def measure(ways: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, np.ndarray]:
    """Milliseconds (rounds, 2) of each way, by the clock and of work; in turns after one unmeasured turn."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, once in ways.items():
            clock, work = time.perf_counter(), time.process_time()
            once()
            if turn:
                spent[name].append(((time.perf_counter() - clock) * 1e3, (time.process_time() - work) * 1e3))
    return {name: np.array(values) for name, values in spent.items()}


def table(spent: dict[str, np.ndarray]) -> None:
    """One line a way: time, work of all threads (which a busy machine blurs less), ratio of the medians."""
    slowest = np.median(spent[EAGER], axis=0)
    print(f"{'way':32}{'p50 ms':>10}{'p95 ms':>10}{'faster':>9}{'work ms':>10}{'less':>8}")
    for name, values in spent.items():
        (middle, work), high = np.median(values, axis=0), np.percentile(values[:, 0], 95)
        ratio, saved = slowest / (middle, work)
        print(f"{name:32}{middle:10.1f}{high:10.1f}{ratio:8.1f}x{work:10.1f}{saved:7.1f}x")


def _contract(network: str, spec: ClipSpec) -> Contract:
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--network", choices=[name for name in MODELS if "multi" in name], default="sgtd_multi"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
