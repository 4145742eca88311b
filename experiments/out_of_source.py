"""How well a recipe for the encoder's head does on real items of sources that it never saw.

    python -m experiments.out_of_source SAMPLES --data SET [SET ...] [--config encoder.toml]
        [--set head.strength=3e-4 ...] [--cache FILE] [--peer CSV] [--scores FILE]
        [--results results/out_of_source.csv --recipe NAME --note "why this run"] [--without each | SET ...]

SAMPLES holds labels.csv with the columns path,label,instrument,source. Each source, that is a repository with
all its items, is scored by a head that was fitted without any picture of it, neither of the real items nor of
photographs that the simulator used; the scores are pooled. Every item counts twice: whole, and cut tight to
its face (1.2 times the box). SETs are prepared sets, as `unmask train` takes them; one of them may hold the
real items themselves. Intervals are percentiles of 1,000 draws of whole sources. Simulated dev is
scored by the head of all sources. --peer gives another system's scores of whole items (columns path,score).
--without leaves sets out of the recipe one at a time, a line each; the shares of the others grow.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.result_lines import append, stamp
from unmask import metrics
from unmask.data.folder import read_labels
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Row
from unmask.media.clips import box_in, cut_picture
from unmask.media.faces import FaceFinder
from unmask.media.sources import open_presentation
from unmask.models.encoder import Encoder
from unmask.training.features import features_of
from unmask.training.head import FeatureGroup, FittedHead, fit_as_set
from unmask.training.networks import build
from unmask.training.sets import part_of, real_rows, rows_by_set
from unmask.training.settings import Settings, changes_of, read_settings
from unmask.types import ClipSpec, Face, Frame, Label, Presentation, Sighting

FRAMES = 5  # of a video, evenly over it
TIGHT = 1.2  # side of a tight cut over the face's box
DRAWS = 1000
VIEWS = ("whole", "tight")
CPU = torch.device("cpu")
COLUMNS = {  # of the results: what `figures` calls them
    "auc": "auc",
    "whole": "auc_whole",
    "tight": "auc_tight",
    "print": "auc_print",
    "replay": "auc_replay",
    "mask": "auc_mask",
    "interval": "auc_interval",
    "simulated_dev": "simulated_dev",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A view of a real item; `features` (D,) are NaN where no face was found."""

    presentation: Presentation
    view: str
    features: np.ndarray

    @property
    def source(self) -> str:
        return self.presentation.columns.get("source", "")

    @property
    def bona_fide(self) -> bool:
        return self.presentation.label is Label.BONA_FIDE


def main() -> None:
    """Fits, scores, prints, and adds the line."""
    asked = _arguments()
    settings = read_settings(asked.config, overrides=changes_of(asked.set))
    network = build(settings, init="imagenet").eval()
    assert isinstance(network, Encoder)
    items, left = None, [folder.name for folder in asked.data] if asked.without == ["each"] else asked.without
    for name in left or [""]:
        chosen, recipe = without_set(asked.data, name, settings)
        train, dev = part_of(chosen, "train"), part_of(asked.data, "dev")
        if items is None:
            items = real_items(asked.samples, network, spec=train.spec, cache=asked.cache)
        features = features_of(network, train, device=CPU)
        scores = out_of_source(train, features, items, settings=recipe)
        line = figures(items, scores)
        seen = fitted(train, features, settings=recipe, without="").logits(
            features_of(network, dev, device=CPU)
        )
        bona_fide = np.array([row.label is Label.BONA_FIDE for row in dev.rows])
        line["simulated_dev"] = f"{metrics.auc(seen[bona_fide], seen[~bona_fide]):.3f}"
        if asked.peer:
            line |= _peer(asked.peer, items)
        print("\n".join(f"{key:24s} {value}" for key, value in {"without": name, **line}.items()), flush=True)
        if asked.scores:
            _write_scores(asked.scores, items, scores)
        if asked.results:
            title = f"{asked.recipe} without {name}" if name else asked.recipe
            append(asked.results, [result_line(recipe, train, line, recipe=title, note=asked.note)])


def without_set(data: Sequence[Path], name: str, settings: Settings) -> tuple[list[Path], Settings]:
    """The sets but the one of that name, and the settings with the shares of what is left."""
    if not name:
        return list(data), settings
    kept = [number for number, folder in enumerate(data) if folder.name != name]
    if len(kept) == len(data):
        raise SystemExit(f"--without {name}: no such set; name one of {', '.join(d.name for d in data)}")
    shares = tuple(settings.head.shares[number] for number in kept) if settings.head.shares else ()
    return [data[number] for number in kept], replace(settings, head=replace(settings.head, shares=shares))


def real_items(folder: Path, network: Encoder, *, spec: ClipSpec, cache: Path | None) -> list[Item]:
    """Both views of every item in the folder; `cache` keeps the features for the next recipe."""
    presentations = read_labels(folder)
    if cache is not None and cache.is_file():
        kept = np.load(cache)
        return [
            Item(one, view, kept[view][number]) for number, one in enumerate(presentations) for view in VIEWS
        ]
    found: dict[str, list[np.ndarray]] = {view: [] for view in VIEWS}
    for _, view, crops in crops_of(presentations, spec=spec):
        found[view].append(_features(network, crops))
    arrays = {view: np.stack(rows) for view, rows in found.items()}
    if cache is not None:
        np.savez(cache, **arrays)
    return [
        Item(one, view, arrays[view][number]) for number, one in enumerate(presentations) for view in VIEWS
    ]


def crops_of(
    presentations: Iterable[Presentation], *, spec: ClipSpec
) -> Iterator[tuple[Presentation, str, list[np.ndarray]]]:
    """Each presentation, whole and cut tight, with the crops of its frames in which a face was found."""
    finder = FaceFinder.load()
    for presentation in presentations:
        frames = frames_looked_at(presentation)
        for view in VIEWS:
            crops = [cropped(frame, finder, spec=spec, tight=view == "tight") for frame in frames]
            yield presentation, view, [crop for crop in crops if crop is not None]


def frames_looked_at(presentation: Presentation) -> list[np.ndarray]:
    """Up to FRAMES of them, evenly over the recording."""
    frames = [frame.image for frame in open_presentation(presentation).frames]
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().astype(int))
    return [frames[place] for place in chosen]


def cropped(image: np.ndarray, finder: FaceFinder, *, spec: ClipSpec, tight: bool) -> np.ndarray | None:
    """The crop of the largest face; `tight`: of the picture cut to that face first. None without a face."""
    image, face = face_of(image, finder, tight=tight)
    if face is None:
        return None
    box = box_in(Sighting(frame=Frame(image, 0.0, 0), face=face), spec=spec)
    return cut_picture(image, box, size_px=spec.size_px)


def face_of(image: np.ndarray, finder: FaceFinder, *, tight: bool) -> tuple[np.ndarray, Face | None]:
    """The picture, cut to its largest face where `tight`, and the largest face that is found in it then."""
    image = np.ascontiguousarray(image)
    face = _largest(finder.find(image))
    if face is None or not tight:
        return image, face
    middle, half = (face.box[:2] + face.box[2:]) / 2, TIGHT / 2 * (face.box[2:] - face.box[:2])
    x0, y0 = np.maximum(0, middle - half).astype(int)
    x1, y1 = np.minimum(image.shape[1::-1], np.ceil(middle + half)).astype(int)
    image = np.ascontiguousarray(image[y0:y1, x0:x1])
    return image, _largest(finder.find(image))


def _largest(faces: Sequence[Face]) -> Face | None:
    return max(faces, key=lambda face: float(np.max(face.box[2:] - face.box[:2])), default=None)


@torch.inference_mode()
def _features(network: Encoder, pictures: list[np.ndarray]) -> np.ndarray:
    if not pictures:
        return np.full(network.feature_mean.shape, np.nan, np.float32)
    planes = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2)).float() / 255
    return network.raw_features(planes).mean(dim=0).numpy()


def out_of_source(
    train: PreparedSet,
    features: np.ndarray,
    items: Sequence[Item],
    *,
    settings: Settings,
    further: Sequence[FeatureGroup] = (),
) -> np.ndarray:
    """The logit (n,) of each item by a head that saw nothing of its source; NaN where no face was found.

    `further` are groups of features that stand behind those of the encoder.
    """
    scores = np.full(len(items), np.nan)
    sources = np.array([item.source for item in items])
    seen = np.array([np.isfinite(item.features).all() for item in items])
    for source in sorted(set(sources.tolist())):
        head = fitted(train, features, settings=settings, without=source, further=further)
        for number in np.flatnonzero((sources == source) & seen):
            scores[number] = float(head.logits(items[number].features[None])[0])
    return scores


def fitted(
    train: PreparedSet,
    features: np.ndarray,
    *,
    settings: Settings,
    without: str,
    further: Sequence[FeatureGroup] = (),
) -> FittedHead:
    """The head of the recipe, of all rows but those whose source is `without` or of the same owner."""
    kept = np.array([not _same_owner(row, without) for row in train.rows])
    sets, start = [], 0
    for rows in rows_by_set(train).values():
        sets.append([row for row, keep in zip(rows, kept[start : start + len(rows)], strict=True) if keep])
        start += len(rows)
    real = real_rows(train, settings.head)
    kept_real = None if real is None else real[kept]
    return fit_as_set(features[kept], sets, settings=settings, real=kept_real, further=further)


def _same_owner(row: Row, source: str) -> bool:
    return bool(source) and row.source.partition("/")[0] == source.partition("/")[0]


def figures(items: Sequence[Item], scores: np.ndarray) -> dict[str, str]:
    """AUC pooled, per view and per instrument's family, with the interval of the pooled one."""
    bona_fide = np.array([item.bona_fide for item in items])
    views = np.array([item.view for item in items])
    families = np.array([item.presentation.family for item in items])
    scored = np.isfinite(scores)
    parts = {"auc": scored} | {f"auc_{view}": scored & (views == view) for view in VIEWS}
    for family in ("print", "replay", "mask"):
        parts[f"auc_{family}"] = scored & (bona_fide | (families == family))
    line = {name: f"{_auc(bona_fide[kept], scores[kept]):.3f}" for name, kept in parts.items()}
    for part in ("", *(f"_{view}" for view in VIEWS)):
        people, others = parts[f"auc{part}"] & bona_fide, parts[f"auc{part}"] & ~bona_fide
        refused, accepted = int((scores[people] < 0).sum()), int((scores[others] >= 0).sum())
        line[f"bpcer{part}"] = f"{refused / people.sum():.3f} ({refused} of {people.sum()})"
        line[f"apcer{part}"] = f"{accepted / others.sum():.3f} ({accepted} of {others.sum()})"
        line[f"bona_fide_median{part}"] = f"{np.median(scores[people]):.2f}"
    low, high = _interval(items, bona_fide, scores)
    line["auc_interval"] = f"{low:.3f} to {high:.3f}"
    line["without_a_face"] = str(int((~scored).sum()))
    return line


def _auc(bona_fide: np.ndarray, scores: np.ndarray) -> float:
    return metrics.auc(scores[bona_fide], scores[~bona_fide])


def _interval(items: Sequence[Item], bona_fide: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    rng, scored = np.random.default_rng(1), np.isfinite(scores)
    sources = np.array([item.source for item in items])
    members = [np.flatnonzero((sources == name) & scored) for name in sorted(set(sources.tolist()))]
    found = []
    for _ in range(DRAWS):
        drawn = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        if 0 < bona_fide[drawn].sum() < len(drawn):
            found.append(_auc(bona_fide[drawn], scores[drawn]))
    return float(np.percentile(found, 2.5)), float(np.percentile(found, 97.5))


def _peer(path: Path, items: Sequence[Item]) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        known = {row["path"]: float(row["score"]) for row in csv.DictReader(file)}
    whole = [item for item in items if item.view == "whole"]
    names = [next((p for p in known if item.presentation.path.endswith(p)), "") for item in whole]
    kept = [k for k, name in enumerate(names) if name]
    bona_fide = np.array([whole[k].bona_fide for k in kept])
    return {"peer_auc_whole": f"{_auc(bona_fide, np.array([known[names[k]] for k in kept])):.3f}"}


def _write_scores(path: Path, items: Sequence[Item], scores: np.ndarray) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "view", "label", "instrument", "source", "logit"])
        for item, score in zip(items, scores, strict=True):
            one = item.presentation
            writer.writerow([one.path, item.view, one.label, one.instrument, item.source, f"{score:.4f}"])


def result_line(
    settings: Settings, train: PreparedSet, line: dict[str, str], *, recipe: str, note: str
) -> dict[str, str]:
    """The row of results/out_of_source.csv for what `figures` found."""
    names = [folder.parent.name for folder in rows_by_set(train)]
    shares = zip(names, settings.head.shares, strict=False)
    return {
        **stamp(),
        "recipe": recipe or " ".join(names),
        "shares": " ".join(f"{name} {share:g}" for name, share in shares),
        "C": f"{settings.head.strength:g}",
        **{name: line.get(found, "") for name, found in COLUMNS.items()},
        "note": note,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--config", default="encoder.toml")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value of the settings")
    parser.add_argument("--cache", type=Path, help="keep the real items' features here")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--recipe", default="", help="its name in the results")
    parser.add_argument("--note", default="")
    parser.add_argument("--without", nargs="*", default=[], help="each, or names of sets")
    return parser.parse_args()


if __name__ == "__main__":
    main()
