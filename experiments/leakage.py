"""Does picture quality tell the simulated classes apart? It should not.

    python -m experiments.leakage --portraits DIR --backgrounds DIR [--heads FILE] [--clips 300]
    [--families NAME ...] [--seed 5] [--jobs 2] [--keep FILE.npz] [--results results/leakage.csv]
    python -m experiments.leakage --benchmark DIR ...
    python -m experiments.leakage --clips-from FILE.npz [--train FILE.onnx]

Makes CLIPS bona fide clips and as many of each family of instruments, measures the camera statistics of each
face crop (`unmask.media.statistics`), and prints how well they tell the classes apart, cross-validated by
subject (`unmask.evaluation.leakage`). AUC 0.5 says that quality tells nothing; the limits are 0.60 for all
attacks and 0.70 for a family, on the upper end of the 95 % interval. `--train` scores the same clips with a
trained network of single frames of their size: it should still separate them. `--keep` keeps
the clips for `--clips-from` here and in coverage.py. Every run adds its lines to the results.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.result_lines import append, command, stamp
from experiments.clips import Clips, of_benchmark, simulated
from unmask.detector.network import Network
from unmask.evaluation.leakage import Leak, area, area_interval, leak_table, markdown
from unmask.media.faces import FaceFinder
from unmask.media.images import SUFFIXES
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.head_model import load_heads
from unmask.simulate.people.subjects import load_portraits
from unmask.simulate.series import Series
from unmask.types import family_of


def main() -> None:
    """Makes or reads the clips, prints the table, adds its lines."""
    asked = _arguments()
    clips = _made(asked)
    if asked.keep:
        clips.save(asked.keep)
    table = leak_table(clips.rows, seed=asked.seed)
    print(markdown(table))
    lines = [_line(leak) for leak in table]
    if asked.train:
        trained = separated(clips, asked.train, seed=asked.seed)
        print(
            f"\n{asked.train.name} on the same clips: "
            + ", ".join(f"{r['attacks']} AUC {r['auc']}" for r in trained)
        )
        lines += trained
    if asked.results:
        run = {**stamp(), "seed": asked.seed, "command": command()}
        append(asked.results, [run | line for line in lines], columns=COLUMNS)


def separated(clips: Clips, model: Path, *, seed: int) -> list[dict[str, object]]:
    """Lines of the AUC of a single-frame network on those clips, all attacks and each family."""
    network = Network.load(model, threads=1)
    scores = np.concatenate(
        [
            network.run(clips.crops[at : at + 32, None], clips.masks[at : at + 32])[0]
            for at in range(0, len(clips.rows), 32)
        ]
    )
    family = np.array([row.family for row in clips.rows])
    subjects = np.array([row.subject for row in clips.rows])
    lines: list[dict[str, object]] = []
    for name in ("", *sorted(set(family.tolist()) - {""})):
        kept = (family == "") | ((family == name) if name else True)
        attack = family[kept] != ""
        low, high = area_interval(-scores[kept], attack, subjects[kept], seed=seed)
        lines.append(
            {
                "seen": "whole crop",
                "attacks": name or "all attacks",
                "classifier": f"network {model.name}",
                "auc": round(float(area(-scores[kept], attack)), 4),
                "low": round(low, 4),
                "high": round(high, 4),
                "attack_clips": int(attack.sum()),
                "bona_fide_clips": int((~attack).sum()),
                "subjects": len(set(subjects[kept].tolist())),
            }
        )
    return lines


def series_of(asked: argparse.Namespace) -> Series:
    """The series that the arguments `add_material` added describe."""
    portraits = load_portraits(asked.portraits, finder=FaceFinder.load())
    keep = np.random.default_rng(asked.seed).permutation(len(portraits))[: asked.subjects]
    backgrounds = sorted(p for p in asked.backgrounds.iterdir() if p.suffix.lower() in SUFFIXES)
    return Series(
        portraits=tuple(portraits[i] for i in keep),
        heads=load_heads(asked.heads) if asked.heads else None,
        backgrounds=tuple(backgrounds),
        seed=asked.seed,
        instruments=tuple(
            name for name in INSTRUMENTS if not asked.families or family_of(name) in asked.families
        ),
        frames=2,
        cache=asked.cache,
    )


def add_material(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what clips are made from."""
    parser.add_argument("--portraits", type=Path)
    parser.add_argument("--heads", type=Path)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--clips", type=int, default=300, help="of each class")
    parser.add_argument("--families", nargs="*", help="of instruments; all if none are named")
    parser.add_argument("--subjects", type=int, default=120)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="folder for what is slow to make from portraits")
    parser.add_argument("--keep", type=Path, help="keep the clips there, as .npz")


def _made(asked: argparse.Namespace) -> Clips:
    if asked.clips_from:
        return Clips.load(asked.clips_from)
    if asked.benchmark:
        return of_benchmark(asked.benchmark)
    if not asked.portraits or not asked.backgrounds:
        raise SystemExit("name --portraits and --backgrounds, a --benchmark, or --clips-from that were kept")
    return simulated(series_of(asked), a_class=asked.clips, jobs=asked.jobs)


def _line(leak: Leak) -> dict[str, object]:
    alone = max(leak.alone, key=lambda name: abs(leak.alone[name] - 0.5))
    return {
        "seen": leak.seen,
        "attacks": leak.attacks,
        "classifier": leak.classifier,
        "auc": round(leak.auc, 4),
        "low": round(leak.low, 4),
        "high": round(leak.high, 4),
        "limit": leak.limit,
        "holds": leak.holds,
        "attack_clips": leak.attack_clips,
        "bona_fide_clips": leak.bona_fide_clips,
        "subjects": leak.subjects,
        "strongest_alone": f"{alone} {leak.alone[alone]:.3f}",
    }


COLUMNS = [
    "date",
    "commit",
    "machine",
    "seed",
    *("seen", "attacks", "classifier", "auc", "low", "high", "limit", "holds"),
    *("attack_clips", "bona_fide_clips", "subjects", "strongest_alone", "command"),
]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_material(parser)
    parser.add_argument("--clips-from", type=Path, help="clips that were kept; none are made")
    parser.add_argument("--benchmark", type=Path, help="a folder of clips that was made; none are made")
    parser.add_argument("--train", type=Path, help="also how this network of single frames separates them")
    parser.add_argument("--results", type=Path, default=Path("results/leakage.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
