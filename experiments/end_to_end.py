"""What a 720p video costs from file to verdict: p50 and p95 by stage.

The video is made here from scikit-image's astronaut, who drifts to and fro. The model is the packaged one;
`--model FILE` takes another and `--widths paper` the paper's widths with random weights (needs torch).

    python -m experiments.end_to_end [--model FILE] [--widths paper] [--precision bf16] [--rounds 10]
"""

import argparse
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from unmask.contract import Contract, OperatingPoint
from unmask.detector.detector import Detector, packaged
from unmask.detector.network import Network
from unmask.detector.stopwatch import STAGES
from unmask.detector.watch import WatchSettings
from unmask.media.faces import FaceFinder
from unmask.media.video import write_video
from unmask.types import ClipSpec

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 30, 6


def main() -> None:
    wanted = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        model = _model(wanted, Path(folder))
        video = Path(folder) / "astronaut.mp4"
        write_video(video, frames(), fps=FPS)
        network = Network.load(model, precision=wanted.precision)
        print(f"{platform.processor() or platform.machine()}, {wanted.precision}, {network.contract.name}")
        end_to_end(network, video, rounds=wanted.rounds)


def frames() -> Iterator[np.ndarray]:
    """A face 260 pixels wide that moves by a few pixels a frame."""
    portrait = data.astronaut()[:320, 60:380]
    picture = cv2.resize(portrait, None, fx=2.2, fy=2.2, interpolation=cv2.INTER_CUBIC)
    for i in range(FPS * SECONDS):
        x, y = 300 + 60 * np.sin(i / 20), 10 * np.sin(i / 7)
        moved = np.array([[1, 0, x], [0, 1, y]])
        yield cv2.warpAffine(picture, moved, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def end_to_end(network: Network, video: Path, *, rounds: int) -> None:
    """Checks the whole video, every frame and clip of it, without the early stop."""
    settings = WatchSettings()
    detector = Detector([network], finder=FaceFinder.load(), point="default", settings=settings)
    detector.check(video)
    decisions = [detector.check(video) for _ in range(rounds)]
    clips = len(decisions[0].faces[0].clips)
    count = FPS * SECONDS
    print(f"check, {WIDTH}x{HEIGHT}, {count} frames, {clips} clips: {decisions[0].verdict}")
    print(f"{'stage':10}{'p50 ms':>10}{'p95 ms':>10}{'ms a frame':>12}{'ms a clip':>11}")
    for stage in (*STAGES, "total"):
        spent = [decision.timings_ms[stage] for decision in decisions]
        middle, high = np.percentile(spent, [50, 95])
        print(f"{stage:10}{middle:10.1f}{high:10.1f}{middle / count:12.2f}{middle / max(clips, 1):11.2f}")
    early = detector.with_settings(replace(settings, early_stop=True))
    spent = [early.check(video).timings_ms["total"] for _ in range(rounds)]
    print(
        f"with the early stop: p50 {np.percentile(spent, 50):.1f} ms, p95 {np.percentile(spent, 95):.1f} ms"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--widths", choices=["packaged", "paper"], default="packaged")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--rounds", type=int, default=10)
    return parser.parse_args()


def _model(wanted: argparse.Namespace, folder: Path) -> Path:
    if wanted.model:
        return Path(wanted.model)
    return packaged()[-1] if wanted.widths == "packaged" else _random_paper(folder)


def _random_paper(folder: Path) -> Path:
    import torch

    from unmask.models import MODELS
    from unmask.models.export import export

    torch.manual_seed(0)
    points = [
        OperatingPoint(
            name="default",
            threshold=0.5,
            margin=0.0,
            precision=precision,
            apcer=1.0,
            worst_instrument="any",
            bpcer=1.0,
            attacks=0,
            bona_fide=0,
            measured_on="nothing: the weights are random",
        )
        for precision in ("f32", "bf16")
    ]
    contract = Contract(
        name="sgtd_multi, random weights",
        version="0",
        network="sgtd_multi",
        arguments={},
        clip=ClipSpec(),
        operating_points=tuple(points),
        training_data=(),
        golden=(),
        command="experiments/end_to_end.py",
        seed=0,
        commit="",
    )
    path = folder / "random.onnx"
    export(MODELS["sgtd_multi"]().eval(), contract, path)
    return path


if __name__ == "__main__":
    main()
