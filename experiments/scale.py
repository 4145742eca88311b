"""What the papers' settings cost at full size: arithmetic from counted operations and measured rates.

    python -m experiments.scale [--out results/scale.csv]

Nothing is trained. For each preset the operations of a training step (forward and backward of what moves, of
one clip) and the bytes that its backward pass keeps are counted on tensors without numbers; the rest is sums,
with the rates and assumptions that stand below by name. docs/scale.md shows the same sums written out.
"""

import argparse
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.result_lines import append, command, commit
from unmask.training.augment import Batch
from unmask.training.networks import build
from unmask.training.objective import loss_of
from unmask.training.settings import Settings, read_settings

PRESETS = ("sgtd_single", "sgtd_multi", "off_gru_single", "off_gru_multi", "fghv", "cdcn", "auxiliary")
BASELINES = ("deeppixbis", "resnet18", "clip_vit")
# Measured on one H200, docs/simulator.md: pictures of sgtd_m_single a second in bf16, 14 processes beside.
H200_PICTURES_S = 1298.0
CPU_PICTURES_S: Mapping[str, float] = {  # measured on two cores with AMX in bf16, results/training_speed.csv
    "sgtd_single": 0.8,
    "auxiliary": 1.2,
    "resnet18": 39.6,
}
SHARE = {
    1: 1.0,
    8: 0.9,
    64: 0.8,
}  # ASSUMED: what of so many GPUs' sum is left after they wait for one another
COLUMNS = (
    *("date", "commit", "preset", "clips", "frames", "gflop_a_clip", "activations_mb_a_clip", "weights_mb"),
    *(
        "memory_gb",
        "cpu_pictures_s",
        "hours_2_cores",
        "hours_1_gpu",
        "hours_8_gpus",
        "hours_64_gpus",
        "command",
    ),
)


def main() -> None:
    """Counts, multiplies, prints, and writes the table."""
    asked = _arguments()
    reference, _, _ = counted(read_settings("sgtd_m_single"))
    gpu = H200_PICTURES_S * reference  # operations a second that were sustained
    cpu = max(CPU_PICTURES_S[name] * counted(read_settings(name))[0] for name in ("sgtd_single", "auxiliary"))
    print(f"H200: {H200_PICTURES_S:.0f} pictures/s x {reference / 1e9:.1f} GFLOP = {gpu / 1e12:.1f} TFLOP/s")
    print(f"two cores: at most {cpu / 1e12:.2f} TFLOP/s")
    lines = []
    for name in PRESETS + BASELINES:
        settings = read_settings(name)
        flop, kept, weights = counted(settings)
        batches, frames = settings.batches, _frames(settings)
        clips = settings.run.steps * batches.size * batches.accumulate
        memory = (kept * batches.size + 4 * weights) / 1e9  # weights, gradients and two moments
        hours = clips * flop / gpu / 3600
        own = CPU_PICTURES_S.get(name)
        lines.append(
            {
                "date": date.today().isoformat(),
                "commit": commit(),
                "preset": name,
                "clips": clips,
                "frames": frames,
                "gflop_a_clip": f"{flop / 1e9:.1f}",
                "activations_mb_a_clip": f"{kept / 1e6:.0f}",
                "weights_mb": f"{weights / 1e6:.1f}",
                "memory_gb": f"{memory:.1f}",
                "cpu_pictures_s": own or "",
                "hours_2_cores": f"{clips * (1 / own if own else flop / cpu) / 3600:.0f}",
                **{
                    f"hours_{count}_gpu{'s' if count > 1 else ''}": f"{hours / count / share:.2f}"
                    for count, share in SHARE.items()
                },
                "command": command(),
            }
        )
        print({key: value for key, value in lines[-1].items() if key not in ("date", "commit", "command")})
    append(asked.out, lines, columns=COLUMNS)


def counted(settings: Settings) -> tuple[float, int, int]:
    """Operations of a training step of one clip, bytes kept for its backward pass in float32, and bytes of
    the weights.
    """
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.device("meta"):
        network = build(settings, init=None).train()
        frames, side = _frames(settings), settings.clip.size_px
        maps = torch.zeros(2, frames, 32, 32)
        clips = torch.zeros(2, frames, 3, side, side)
        batch = Batch(clips, maps, maps, torch.ones(2, dtype=torch.bool), torch.zeros(2, dtype=torch.int64))
        counter = FlopCounterMode(display=False)
        with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss_of(network(clips, maps[:, 0]), batch, settings=settings.loss).backward()
    weights = sum(4 * parameter.numel() for parameter in network.parameters())
    return counter.get_total_flops() / 2, sum(kept.values()) // 2, weights


def _frames(settings: Settings) -> int:
    """The frames of a clip that the network sees: a single-frame one draws one of each."""
    return settings.clip.frames if settings.run.network.endswith("_multi") else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/scale.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
