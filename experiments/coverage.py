"""Where do real pictures lie among the simulated ones, without their labels?

    python -m experiments.coverage SAMPLES --simulated FILE.npz [--weights FILE.safetensors]
    [--results results/coverage.csv]

FILE.npz holds clips that leakage.py kept. Each picture of SAMPLES/labels.csv gets its distance to simulated
bona fide and to simulated attacks in two spaces (`unmask.evaluation.coverage`): the camera statistics of its
face crop, and the features of a single-frame network, those its last layer reads the depth from, averaged
over the face and beside it. A picture is outside where it lies farther from both classes than 99 % of their
own clips do. Labels only order the rows that are printed. SAMPLES is a development set: it chooses what is
simulated.
"""

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import torch

import unmask
from benchmarks.result_lines import append, commit
from experiments.clips import Clips, pictures
from unmask.detector.network import planes
from unmask.evaluation.coverage import Apart, Covered, Space, apart, extremes
from unmask.evaluation.leakage import ClipStatistics
from unmask.models.weights import load

PACKAGED = Path(unmask.__file__).parent / "weights" / "sgtd_s_single.safetensors"
COLUMNS = ["date", "commit", "simulated", "space", "path", "truth", "source"]
COLUMNS += ["to_bona_fide", "to_attacks", "bona_fide_rank", "attack_rank", "outside", "farthest"]


def main() -> None:
    """Measures, prints the reading, adds a line for each picture and space."""
    asked = _arguments()
    made, real = Clips.load(asked.simulated), pictures(asked.samples)
    lines = []
    for name, of in (
        ("statistics", lambda clips: table(clips.rows)),
        ("network", lambda clips: features(clips, asked.weights)),
    ):
        covered = space_of(made, of(made)).cover(of(real), [row.name for row in real.rows])
        lines += [_line(name, one, row, made) for one, row in zip(covered, real.rows, strict=True)]
        print(reading(name, covered, real.rows))
    for kind, rows in kinds(real.rows).items():
        attack = np.array([bool(row.instrument) for row in made.rows])
        found = apart([row.statistics for row in rows], [row.statistics for row in made.rows], attack=attack)
        print(f"\n{kind}, {len(rows)}: where they lie apart\n{apart_table(found)}")
    append(asked.results, lines, columns=COLUMNS)


def table(rows: Sequence[ClipStatistics]) -> np.ndarray:
    """Camera statistics (N, K)."""
    return np.array([list(row.statistics.values()) for row in rows], float)


@torch.no_grad()
def features(clips: Clips, weights: Path) -> np.ndarray:
    """What the last layer of a single-frame network reads, (N, 2 C): means over the face and beside it."""
    network, _ = load(weights)
    seen: list[torch.Tensor] = []
    network.backbone.top.register_forward_hook(lambda module, inputs, output: seen.append(output))
    for at in range(0, len(clips.rows), 32):
        network(torch.from_numpy(planes(clips.crops[at : at + 32, None])))
    maps = torch.cat(seen).numpy()  # (N, C, h, w)
    step = clips.masks.shape[-1] // maps.shape[-1]
    count, _, height, width = maps.shape
    mask = clips.masks.reshape(count, 1, height, step, width, step).mean(axis=(3, 5))
    parts = [(maps * m).sum(axis=(2, 3)) / (m.sum(axis=(2, 3)) + 1e-6) for m in (mask, 1 - mask)]
    return np.concatenate(parts, axis=1)


def space_of(made: Clips, points: np.ndarray) -> Space:
    """The space of the simulated clips."""
    attack = np.array([bool(row.instrument) for row in made.rows])
    return Space(points, attack=attack, subjects=np.array([row.subject for row in made.rows]))


def kinds(rows: Sequence[ClipStatistics]) -> dict[str, list[ClipStatistics]]:
    """Rows by source and truth, as they are printed."""
    found: dict[str, list[ClipStatistics]] = {}
    for row in rows:
        found.setdefault(f"{row.camera} {row.instrument or 'bona_fide'}", []).append(row)
    return dict(sorted(found.items()))


def reading(space: str, covered: Sequence[Covered], rows: Sequence[ClipStatistics]) -> str:
    """A row a source and truth."""
    of = {one.name: one for one in covered}
    outside = sum(one.outside for one in covered)
    lines = [
        f"\nIn {space}: {outside} of {len(covered)} outside both",
        "| pictures | n | outside | nearer to bona fide | rank among bona fide | rank among attacks |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind, members in kinds(rows).items():
        found = [of[row.name] for row in members]
        middle = [
            np.median([getattr(one, name) for one in found]) for name in ("bona_fide_rank", "attack_rank")
        ]
        near = sum(one.nearer == "bona_fide" for one in found)
        lines.append(
            f"| {kind} | {len(found)} | {sum(one.outside for one in found)} | {near} | "
            f"{middle[0]:.2f} | {middle[1]:.2f} |"
        )
    return "\n".join(lines)


def apart_table(found: Sequence[Apart], *, most: int = 9) -> str:
    """The statistics that lie farthest from the simulated ones."""
    lines = [
        "| statistic | middle rank | below 2.5 % | above 97.5 % | real | simulated bona fide | attacks |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found[:most]:
        lines.append(
            f"| {one.statistic} | {one.rank:.2f} | {one.below:.2f} | {one.above:.2f} | "
            f"{one.real:.2f} | {one.bona_fide:.2f} | {one.attack:.2f} |"
        )
    return "\n".join(lines)


def _line(space: str, one: Covered, row: ClipStatistics, made: Clips) -> dict[str, object]:
    far = extremes(row.statistics, [other.statistics for other in made.rows])
    return {
        "date": date.today().isoformat(),
        "commit": commit(),
        "simulated": len(made.rows),
        "space": space,
        "path": row.name,
        "truth": row.instrument or "bona_fide",
        "source": row.camera,
        "to_bona_fide": round(one.bona_fide, 3),
        "to_attacks": round(one.attack, 3),
        "bona_fide_rank": round(one.bona_fide_rank, 4),
        "attack_rank": round(one.attack_rank, 4),
        "outside": one.outside,
        "farthest": " ".join(f"{name}{value:+.1f}" for name, value in far) if space == "statistics" else "",
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--simulated", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=PACKAGED, help="of a single-frame network")
    parser.add_argument("--results", type=Path, default=Path("results/coverage.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
