"""What GHVM costs at test: milliseconds a picture of FGHV with FHVM alone and with both modules.

    python -m experiments.fghv [--networks fghv_s fghv] [--pictures 8] [--rounds 5]
    [--out results/fghv_cost.csv]

Random weights and pictures, torch, float32, one thread, evaluation mode; the median of rounds, in processor
time, which leaves out what else the machine does. FHVM is a whole forward pass, GHVM what its search adds, at
the papers' 10 steps and 50 latent vectors.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.result_lines import append, command, stamp
from unmask.models import MODELS
from unmask.models.fghv.gaussian import Search, shift
from unmask.models.fghv.network import Fghv

SIDES_PX = {"fghv": 256, "fghv_s": 128}
COLUMNS = (
    *("date", "commit", "machine", "threads", "seed", "network", "side_px", "latent_vectors", "steps"),
    *("pictures", "rounds", "fhvm_ms", "ghvm_ms", "both_over_fhvm", "command"),
)


def main() -> None:
    """Measures, prints, appends to the table."""
    asked = _arguments()
    torch.set_num_threads(1)
    lines = [_measured(name, asked) for name in asked.networks]
    for line in lines:
        print(
            f"{line['network']}: FHVM {line['fhvm_ms']} ms a picture, GHVM adds {line['ghvm_ms']} ms: "
            f"{line['both_over_fhvm']} times as long"
        )
    append(asked.out, lines, columns=COLUMNS)


def _measured(name: str, asked: argparse.Namespace) -> dict[str, object]:
    torch.manual_seed(asked.seed)
    network = MODELS[name]().eval().to(memory_format=torch.channels_last)
    assert isinstance(network, Fghv)
    side, search = SIDES_PX[name], Search()
    clips = torch.rand(asked.pictures, 1, side, side, 3).movedim(-1, 2)
    with torch.no_grad():
        feature = network(clips).draws.feature[:, 0]

    def forward() -> None:
        with torch.no_grad():
            network(clips)

    fhvm = _milliseconds(forward, rounds=asked.rounds) / asked.pictures
    ghvm = _milliseconds(lambda: shift(network, feature, search=search), rounds=asked.rounds) / asked.pictures
    return {
        **stamp(),
        "threads": 1,
        "seed": asked.seed,
        "network": name,
        "side_px": side,
        "latent_vectors": network.form.draws,
        "steps": search.steps,
        "pictures": asked.pictures,
        "rounds": asked.rounds,
        "fhvm_ms": f"{fhvm:.2f}",
        "ghvm_ms": f"{ghvm:.2f}",
        "both_over_fhvm": f"{(fhvm + ghvm) / fhvm:.2f}",
        "command": command(),
    }


def _milliseconds(act: Callable[[], object], *, rounds: int) -> float:
    act()
    seconds = []
    for _ in range(rounds):
        since = time.process_time()
        act()
        seconds.append(time.process_time() - since)
    return 1000 * float(np.median(seconds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=sorted(SIDES_PX), default=sorted(SIDES_PX))
    parser.add_argument("--pictures", type=int, default=8, help="scored together")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/fghv_cost.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
