"""The check of a GPU or NPU: `make check-gpu`. Where there is none it says so in one sentence and ends well.

On each device that OpenVINO or ONNX Runtime finds: the packaged model holds its golden scores there, scores
of the demo's recordings are those of the processor within the tolerance of f32, and every verdict is the
same; then how long a picture takes. Where torch has CUDA: a training step gives the processor's gradients.
"""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from unmask.app.demo import RECORDINGS
from unmask.contract import ellipse_mask, golden_pixels
from unmask.detector.detector import Detector, packaged
from unmask.detector.network import TOLERANCE, Network
from unmask.detector.runtimes import device_of
from unmask.types import SettingsError, UnmaskError

GRADIENT = 1e-3  # of the largest, how far any may be off in f32
TIMES = 20


def main() -> int:
    """0 where every device agrees, or none is here; 1 otherwise."""
    found, wrong = list(devices()), 0
    for name in found:
        wrong += _told(f"{name} ({device_of(name)})", lambda name=name: check_device(name))
    trained = cuda_of_torch()
    if trained:
        wrong += _told("training on CUDA", check_training)
    if not found and not trained:
        print(
            "There is no GPU or NPU here that OpenVINO, onnxruntime-gpu or torch can use: none was checked."
        )
    return 1 if wrong else 0


def devices() -> Iterator[str]:
    """The names of --device, beside the processor, that this machine has."""
    for name in ("gpu", "npu"):
        try:
            device_of(name)
        except SettingsError:
            continue
        yield name


def check_device(device: str) -> str:
    """What was found on the device; ValueError where it disagrees with the processor."""
    plain, other = Detector.load(device="cpu"), Detector.load(device=device)  # golden scores are checked here
    apart = 0.0
    for path in sorted(RECORDINGS.glob("*.mp4")):
        first, second = plain.check(path), other.check(path)
        apart = max(apart, abs(first.score - second.score))
        if first.verdict is not second.verdict or not apart <= TOLERANCE["f32"]:
            raise ValueError(
                f"{path.name} is {second.verdict.value} {second.score:.4f} there, and "
                f"{first.verdict.value} {first.score:.4f} on the processor"
            )
    times = f"{_ms(device):.1f} ms a picture, {_ms('cpu'):.1f} on the processor"
    return f"scores within {apart:.1e} of the processor's; {times}"


def _ms(device: str) -> float:
    network = Network.load(packaged()[0], device=device)
    pixels, mask = golden_pixels(1, network.contract.clip)[None], ellipse_mask()[None]
    spent = []
    for _ in range(TIMES):
        start = time.perf_counter()
        network.run(pixels, mask)
        spent.append(time.perf_counter() - start)
    return 1e3 * float(np.median(spent))


def cuda_of_torch() -> bool:
    """Whether a training could run on CUDA."""
    try:
        import torch
    except ModuleNotFoundError:
        return False
    return bool(torch.cuda.is_available())


def check_training() -> str:
    """Gradients of one step of a narrow network on CUDA beside those of the processor."""
    import torch

    from unmask.models import MODELS

    def gradients(device: str) -> dict[str, np.ndarray]:
        torch.manual_seed(0)
        network = MODELS["sgtd_s_multi"]().train().to(device)
        clips = torch.rand(2, 5, 3, 128, 128, generator=torch.Generator().manual_seed(1)).to(device)
        network(clips).score.sum().backward()
        return {
            name: parameter.grad.cpu().numpy()
            for name, parameter in network.named_parameters()
            if parameter.grad is not None
        }

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    plain, other = gradients("cpu"), gradients("cuda")
    largest = max(float(np.abs(one).max()) for one in plain.values())
    apart = max(float(np.abs(plain[name] - other[name]).max()) for name in plain) / largest
    if not apart <= GRADIENT:
        raise ValueError(f"gradients are {apart:.1e} of the largest apart, and may be {GRADIENT}")
    return f"gradients within {apart:.1e} of the largest"


def _told(what: str, check: Callable[[], str]) -> int:
    try:
        print(f"{what}: {check()}")
    except (UnmaskError, ValueError, RuntimeError) as wrong:
        print(f"{what}: WRONG: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
