"""Does picture quality tell the simulated classes apart? It should not.

Camera statistics of the face crop (128 px, the box that training uses) go into a boosted classifier,
cross-validated by subject. AUC 0.5 means that quality says nothing; what a network then finds are the
instrument's own traces.

    python benchmarks/leakage.py --portraits DIR [--backgrounds DIR] [--clips 300] [--seed 5] [--jobs 2]
    [--csv FILE]
"""

import argparse
import csv
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from unmask.media.clips import clip_box, cut_picture
from unmask.simulate.instruments import INSTRUMENTS
from unmask.simulate.make import Series
from unmask.simulate.subjects import load_portraits

SIDE_PX = 128


def statistics(frame: np.ndarray, mesh: np.ndarray) -> dict[str, float]:
    """Camera statistics of the face crop: what a camera does, nothing of what stands before it."""
    box = clip_box(mesh, scale=1.3)
    crop = cut_picture(frame, box, size_px=SIDE_PX)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = {"native_px": float(box[2] - box[0])}
    scaled: np.ndarray = grey
    for level in range(3):
        detail = cv2.Laplacian(scaled, cv2.CV_32F)
        found[f"sharpness_{level}"] = float(np.log(detail.var() + 1))
        scaled = cv2.resize(scaled, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    rough = grey - cv2.medianBlur(crop, 5).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    found["noise"] = float(np.median(np.abs(rough)))
    low, middle, high = np.percentile(grey, [2, 50, 98])
    found |= {
        "black": float(low),
        "brightness": float(middle),
        "white": float(high),
        "contrast": float(grey.std()),
    }
    hsv = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV)
    found["saturation"] = float(hsv[..., 1].mean())
    found["saturation_spread"] = float(hsv[..., 1].std())
    red, green, blue = (float(v) + 1 for v in crop.reshape(-1, 3).mean(axis=0))
    found |= {"warmth": np.log(red / blue), "tint": np.log(green**2 / (red * blue))}
    steps = np.abs(np.diff(frame[..., 1].astype(np.float32), axis=1)).mean(axis=0)
    found["blockiness"] = float(steps[7::8].mean() / (steps.mean() + 1e-3))
    return found


def measure(series: Series, index: int) -> dict[str, object]:
    """One row: statistics and truth of the series' recording at that index."""
    made = series(index)
    row: dict[str, object] = dict(statistics(made.frames[0], made.meshes[0]))
    return row | {
        "instrument": made.instrument or "",
        "subject": made.subject,
        "camera": made.camera,
        "light": made.light,
    }


def auc(rows: list[dict], names: list[str]) -> tuple[float, float, float]:
    """AUC of attack against bona fide, cross-validated by subject, with its 95 % interval (bootstrap of
    subjects).
    """
    x = np.array([[row[name] for name in names] for row in rows], float)
    y = np.array([row["instrument"] != "" for row in rows])
    groups = np.array([row["subject"] for row in rows])
    model = HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=8, learning_rate=0.06, random_state=0)
    folds = GroupKFold(min(5, len(set(groups))))
    score = cross_val_predict(model, x, y, groups=groups, cv=folds, method="predict_proba")[:, 1]
    rng, subjects, drawn = np.random.default_rng(0), sorted(set(groups)), []
    for _ in range(200):
        pick = np.concatenate([np.flatnonzero(groups == s) for s in rng.choice(subjects, len(subjects))])
        if 0 < y[pick].sum() < len(pick):
            drawn.append(roc_auc_score(y[pick], score[pick]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(roc_auc_score(y, score)), float(low), float(high)


def table(rows: list[dict], names: list[str]) -> str:
    """Medians by class, each statistic's own AUC, and the classifier's for each family."""
    classes = sorted({str(row["instrument"]) for row in rows})
    y = np.array([row["instrument"] != "" for row in rows])
    lines = ["statistic".ljust(18) + "".join((c or "bona_fide").rjust(14) for c in classes) + "   AUC alone"]
    for name in names:
        middles = [np.median([row[name] for row in rows if row["instrument"] == c]) for c in classes]
        alone = roc_auc_score(y, [row[name] for row in rows])
        lines.append(name.ljust(18) + "".join(f"{v:14.2f}" for v in middles) + f"{alone:11.2f}")
    for family in ["", *sorted({c.split("/")[0] for c in classes if c}), *(c for c in classes if c)]:
        chosen = [row for row in rows if row["instrument"] == "" or str(row["instrument"]).startswith(family)]
        attacks = sum(row["instrument"] != "" for row in chosen)
        value, low, high = auc(chosen, names)
        counts = f"({attacks} attacks, {len(chosen) - attacks} bona fide)"
        lines.append(f"{family or 'all attacks':14s} AUC {value:.3f} [{low:.3f}, {high:.3f}]  {counts}")
    return "\n".join(lines)


def main() -> None:
    """Make the clips, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--instruments", nargs="*", default=sorted(INSTRUMENTS))
    parser.add_argument("--csv", type=Path)
    chosen = parser.parse_args()
    portraits = load_portraits(chosen.portraits)
    keep = np.random.default_rng(chosen.seed).permutation(len(portraits))[: chosen.subjects]
    backgrounds = tuple(sorted(chosen.backgrounds.glob("*.jpg"))) if chosen.backgrounds else ()
    series = Series(
        portraits=tuple(portraits[i] for i in keep),
        backgrounds=backgrounds,
        seed=chosen.seed,
        frames=1,
        instruments=tuple(chosen.instruments),
    )
    with ProcessPoolExecutor(chosen.jobs) as pool:
        rows = list(pool.map(partial(measure, series), range(chosen.clips), chunksize=16))
    names = [name for name, value in rows[0].items() if isinstance(value, float)]
    if chosen.csv:
        with chosen.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    print(table(rows, names))


if __name__ == "__main__":
    main()
