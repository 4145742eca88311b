"""Every narrow network trained by its own settings file on one prepared set, and a table of error rates.

    unmask prepare simulated BENCHMARK --protocol simulated/domains-1 --clip-size 128 --clip-scale 2.8
    --out SETS
    python -m experiments.networks --data SETS [--pictures 9600] [--networks NAME_s ...] [--jobs 2]
    [--work runs] [--out TABLE]

Each is one `unmask train --config NAME_s.toml --data SETS --out WORK/NAME_s`, two at a time, with one thread
each; a multi-frame network begins with its single-frame one's weights. `--pictures` shortens all to as many
pictures (a frame of a clip is one); without it, each has the steps of its file. A run that has its
results.csv is left out, so that an interrupted table is resumed. Rates are those of the last weights at
dev's EER threshold.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from benchmarks.result_lines import append, command, stamp
from unmask.training.results import FIGURES, RESULTS, read_results
from unmask.training.settings import presets, read_settings

STARTS = {"sgtd_s_multi": "sgtd_s_single", "off_gru_s_multi": "off_gru_s_single"}
COLUMNS = (
    *("date", "commit", "machine", "data", "network", "settings", "steps", "pictures", "seed", "part"),
    *(*FIGURES, "worst_instrument", "bona_fide", "attacks", "command"),
)


def main() -> None:
    """Trains what has no results yet, two-stage networks after their first stage; then writes the table."""
    asked = _arguments()
    narrow = sorted(stem for name in presets() if (stem := Path(name).stem).endswith("_s") or "_s_" in stem)
    names = sorted(asked.networks) or narrow
    if unknown := sorted(set(names) - set(narrow)):
        sys.exit(f"there is no narrow network {unknown[0]}; name some of {', '.join(narrow)}")
    if asked.out.exists():
        sys.exit(f"{asked.out} is there already; name another table, or move it away")
    ended: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(asked.jobs) as pool:
        for name in sorted(names, key=lambda name: name in STARTS):  # first stages first
            first = ended.get(STARTS.get(name, ""))
            ended[name] = pool.submit(_train, name, asked, after=first)
    for name in names:
        ended[name].result()
        append(asked.out, _lines(name, asked), columns=COLUMNS)
    print(asked.out.read_text())


def _train(name: str, asked: argparse.Namespace, *, after: "Future[None] | None") -> None:
    if after is not None:
        after.result()
    out = asked.work / name
    if (out / RESULTS).is_file():
        return
    words = ["train", "--config", f"{name}.toml", "--data", str(asked.data), "--out", str(out)]
    words += ["--resume"] if out.is_dir() else []
    words += ["--init", str(asked.work / STARTS[name] / "weights.safetensors")] if name in STARTS else []
    words += ["--steps", str(_steps(name, asked))] if asked.pictures else []
    one = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    print("unmask", *words, flush=True)
    unmask = [sys.executable, "-m", "unmask"]
    subprocess.run([*unmask, *words], check=True, env={**os.environ, **one}, stdout=subprocess.DEVNULL)


def _pictures_a_step(name: str) -> int:
    settings = read_settings(f"{name}.toml")
    return settings.batches.size * (settings.clip.frames if name.endswith("_multi") else 1)


def _steps(name: str, asked: argparse.Namespace) -> int:
    return max(1, asked.pictures // _pictures_a_step(name))


def _lines(name: str, asked: argparse.Namespace) -> Sequence[dict[str, object]]:
    settings = read_settings(asked.work / name / "settings.toml")
    common = {
        **stamp(),
        "data": asked.data.name,
        "network": settings.run.network,
        "settings": f"{name}.toml",
        "steps": settings.run.steps,
        "pictures": settings.run.steps * _pictures_a_step(name),
        "seed": settings.run.seed,
        "command": command(),
    }
    return [
        {
            **common,
            "part": result.part,
            **{figure: f"{getattr(result, figure):.4f}" for figure in FIGURES},
            "worst_instrument": result.worst_instrument,
            "bona_fide": result.bona_fide,
            "attacks": result.attacks,
        }
        for result in read_results(asked.work / name)
        if (result.weights, result.threshold_from) == ("last", "dev")
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="prepared sets in train, dev and test")
    parser.add_argument("--pictures", type=int, default=0, help="of each training; 0: as its file says")
    parser.add_argument("--networks", nargs="*", default=[], help="files without .toml; all narrow ones")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    parser.add_argument("--work", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path("results/networks.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
