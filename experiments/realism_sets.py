"""How far simulated pictures are from real ones in features of the encoder, set by set.

    python -m experiments.realism_sets --real SET [SET ...] --made SET [SET ...] [--most 300]
        [--config encoder.toml] [--results results/realism.csv] [--note "what was changed"]

SETs are prepared sets as `unmask train` takes them; what their pictures look like to the encoder was kept
when it was trained. For each class and view: Frechet and kernel distance on features scaled by the real ones'
deviation, and the AUC of a linear probe that tells real from simulated on people whom it never saw (0.5 where
it cannot). Equal numbers of both sides are drawn, since the Frechet distance falls with them.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.result_lines import append, stamp
from experiments.out_of_source import CPU
from unmask.metrics.realism import frechet_distance, kernel_distance, told_apart
from unmask.models.encoder import Encoder
from unmask.training.features import features_of
from unmask.training.networks import build
from unmask.training.sets import part_of
from unmask.training.settings import changes_of, read_settings
from unmask.types import Label

VIEWS = ("whole", "tight")
FEWEST = 30  # pictures a side


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`features` (n, D) of pictures, of each its class, view and whose face it is."""

    features: np.ndarray
    bona_fide: np.ndarray
    view: np.ndarray
    person: np.ndarray

    def chosen(self, *, bona_fide: bool, view: str, most: int) -> tuple[np.ndarray, list[str]]:
        """Features and people of at most so many pictures of a class and view."""
        inside = np.flatnonzero((self.bona_fide == bona_fide) & (self.view == view))
        inside = np.random.default_rng(0).permutation(inside)[:most]
        return self.features[inside], self.person[inside].tolist()


def main() -> None:
    """Measures each set against all real ones."""
    asked = _arguments()
    settings = read_settings(asked.config, overrides=changes_of(asked.set))
    network = build(settings, init="imagenet").eval()
    assert isinstance(network, Encoder)
    real = seen(asked.real, network)
    for folder in asked.made:
        made = seen([folder], network)
        for bona_fide in (True, False):
            for view in VIEWS:
                row = compared(real, made, bona_fide=bona_fide, view=view, most=asked.most)
                if row is None:
                    continue
                row = {"set": folder.name, **row, "note": asked.note}
                print(row, flush=True)
                if asked.results:
                    append(asked.results, [{**stamp(), **row}])


def seen(folders: Sequence[Path], network: Encoder) -> Seen:
    """What the encoder sees of the train part of these sets."""
    prepared = part_of(folders, "train")
    rows = prepared.rows
    return Seen(
        features=features_of(network, prepared, device=CPU),
        bona_fide=np.array([row.label is Label.BONA_FIDE for row in rows]),
        view=np.array([row.view for row in rows]),
        person=np.array([row.subject or row.name for row in rows]),
    )


def compared(real: Seen, made: Seen, *, bona_fide: bool, view: str, most: int) -> dict[str, object] | None:
    """The distances of a class in a view; None where a side has fewer than FEWEST pictures."""
    counts = [int(((side.bona_fide == bona_fide) & (side.view == view)).sum()) for side in (real, made)]
    most = min(most, *counts)
    if most < FEWEST:
        return None
    (a, people), (b, others) = (
        side.chosen(bona_fide=bona_fide, view=view, most=most) for side in (real, made)
    )
    scale = a.std(axis=0) + 1e-6
    return {
        "class": "bona_fide" if bona_fide else "attack",
        "view": view,
        "pictures": most,
        "frechet": round(frechet_distance(a / scale, b / scale), 1),
        "kernel": round(kernel_distance(a / scale, b / scale), 4),
        "probe": round(told_apart(a, b, people=people, other_people=others), 3),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--real", type=Path, nargs="+", required=True)
    parser.add_argument("--made", type=Path, nargs="+", required=True)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--config", default="encoder.toml")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value of the settings")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--note", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
