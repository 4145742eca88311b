"""What a handful of captures of one camera is worth: `unmask adapt` on sources that the head never saw.

    python -m experiments.adapting SAMPLES --data SET [SET ...] --portraits DIR --photographs DIR
        --backgrounds DIR [--config encoder.toml] [--set ...] [--cache FILE] [--few 1 3 5 10] [--draws 20]
        [--cameras 3 --pictures 160 --instruments print/matt replay/phone] [--results results/adapting.csv]

Two kinds of places. Real sources: each source of SAMPLES with captures of both classes, by a head that saw
nothing of it; k bona fide and k attacks of it are drawn, whole pictures, and the other items of the source
are judged, whole and tight. Nobody is named in them, so that people may be the same. Simulated cameras: the
models that dev's photographs as scenes meet most often, before the packaged model; it knows such cameras from
training, its people it does not, and who is captured is never judged. The head is adapted by
`evaluation.heads`, as the command does. Where k captures of a class with others left to judge are not there,
nothing is said.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.result_lines import append, stamp
from experiments.out_of_source import CPU, Item, fitted, real_items
from unmask import metrics
from unmask.detector.detector import Detector, packaged
from unmask.evaluation.adapt import calibrated_head, read_head
from unmask.evaluation.heads import CaptureSample, OddsHead, chosen_strength, fitted as adapted
from unmask.media.faces import FaceFinder
from unmask.models.encoder import Encoder
from unmask.simulate.photographs import SHOWINGS, Photographs, load_photographs
from unmask.training.features import features_of
from unmask.training.head import FittedHead
from unmask.training.networks import build
from unmask.training.sets import part_of
from unmask.training.settings import changes_of, read_settings
from unmask.training.simulated import part, part_photographs, room
from unmask.types import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A camera that the head never saw: standardised `features` (n, D), `bona_fide` (n,), whose each is.

    `captured` (n,) marks what may be drawn; whoever is drawn is not judged.
    """

    kind: str
    name: str
    head: OddsHead
    features: np.ndarray
    bona_fide: np.ndarray
    person: np.ndarray
    captured: np.ndarray


def main() -> None:
    """Adapts, measures, writes."""
    asked = _arguments()
    settings = read_settings(asked.config, overrides=changes_of(asked.set))
    network = build(settings, init="imagenet").eval()
    assert isinstance(network, Encoder)
    train = part_of(asked.data, "train")
    features = features_of(network, train, device=CPU)
    items = real_items(asked.samples, network, spec=train.spec, cache=asked.cache)

    def head_without(source: str) -> FittedHead:
        return fitted(train, features, settings=settings, without=source)

    simulated = _simulated(asked) if asked.cameras else ()
    lines = []
    for place in (*_real(items, head_without), *simulated):
        for k in (0, *asked.few):
            if line := measured(place, k, draws=asked.draws):
                lines.append(line)
                print(*line.values(), sep=",", flush=True)
    if asked.results:
        _write(asked.results, lines)


def _real(items: Sequence[Item], head_without: Callable[[str], FittedHead]) -> Iterator[Place]:
    sources = np.array([item.source for item in items])
    for name in sorted(set(sources.tolist())):
        inside = [item for item in items if item.source == name and np.isfinite(item.features).all()]
        bona_fide = np.array([item.bona_fide for item in inside])
        if bona_fide.all() or not bona_fide.any():
            continue
        head = head_without(name)
        yield Place(
            kind="real",
            name=name,
            head=OddsHead(weight=head.weight, bias=head.bias),
            features=head.read(np.stack([item.features for item in inside])),
            bona_fide=bona_fide,
            person=np.array([item.presentation.path for item in inside]),
            captured=np.array([item.view == "whole" for item in inside]),
        )


def _simulated(asked: argparse.Namespace) -> Iterator[Place]:
    """The cameras that dev's people meet most often, `asked.pictures` of each: a person and an attack, by
    turns. Pictures of which the packaged model judges nothing are left out, as `unmask adapt` refuses them.
    """
    head, contract = read_head(packaged()[0])
    head = calibrated_head(head, contract, precision="f32")
    detector = Detector.load(with_features=True)
    pictures = load_photographs([asked.portraits, asked.photographs], finder=FaceFinder.load())
    rooms = part(sorted(asked.backgrounds.glob("*.jpg")), key=room)[1]
    series = Photographs(
        photographs=part_photographs(pictures)[1],
        seed=77,
        backgrounds=rooms,
        instruments=tuple(asked.instruments),
    )
    met = [series.occasion(2 * pair).camera.model for pair in range(4 * asked.pictures)]
    for name, _ in Counter(met).most_common(asked.cameras):
        pairs = [pair for pair, camera in enumerate(met) if camera == name][: asked.pictures // 2]
        made = (series(2 * pair + side) for pair in pairs for side in (0, 1))  # one in memory at a time
        seen = [
            (one.label is Label.BONA_FIDE, one.subject, features)
            for one in made
            if (features := _features(detector, one.frames[0])) is not None
        ]
        yield Place(
            kind="simulated" if asked.instruments == list(SHOWINGS) else "simulated, few instruments",
            name=name,
            head=head,
            features=np.stack([features for *_, features in seen]).astype(np.float64),
            bona_fide=np.array([bona_fide for bona_fide, *_ in seen]),
            person=np.array([subject for _, subject, _ in seen]),
            captured=np.ones(len(seen), bool),
        )


def _features(detector: Detector, picture: np.ndarray) -> np.ndarray | None:
    """What the head reads of the picture's face; None where it is refused."""
    clips = [clip for face in detector.check(picture).faces[:1] for clip in face.clips]
    return clips[0].features if clips else None


def measured(place: Place, k: int, *, draws: int) -> dict[str, object] | None:
    """Mean AUC and mean of APCER and BPCER at log-odds 0 over draws of k captures of each class; k = 0 is the
    head as it is. None where a draw leaves nothing of a class to judge.
    """
    areas, errors, judged = [], [], []
    for seed in range(draws if k else 1):
        chosen = _drawn(place, k, np.random.default_rng([seed, k]))
        if chosen is None:
            return None
        rest = ~np.isin(place.person, place.person[chosen])
        if place.bona_fide[rest].all() or not place.bona_fide[rest].any():
            continue
        head = place.head
        if k:
            sample = CaptureSample(
                features=place.features[chosen],
                labels=place.bona_fide[chosen],
                capture=np.arange(len(chosen)),
                group=np.unique(place.person[chosen], return_inverse=True)[1],
            )
            head = adapted(head, sample, strength=chosen_strength(head, sample))
        said = head(place.features[rest])
        bona_fide = place.bona_fide[rest]
        areas.append(metrics.auc(said[bona_fide], said[~bona_fide]))
        errors.append((np.mean(said[bona_fide] < 0) + np.mean(said[~bona_fide] >= 0)) / 2)
        judged.append(int(rest.sum()))
    if not areas:
        return None
    return {
        "kind": place.kind,
        "source": place.name,
        "k": k,
        "draws": len(areas),
        "judged": round(float(np.mean(judged))),
        "auc": f"{np.mean(areas):.3f}",
        "errors": f"{np.mean(errors):.3f}",
    }


def _drawn(place: Place, k: int, rng: np.random.Generator) -> np.ndarray | None:
    """Numbers (2k,) of k captures of each class; None where a class has no more than k people."""
    chosen: list[int] = []
    for kind in (True, False):
        usable = rng.permutation(np.flatnonzero(place.captured & (place.bona_fide == kind)))
        if len(usable) <= k:
            return None
        chosen.extend(int(number) for number in usable[:k])
    return np.array(chosen, int)


def _write(path: Path, lines: Sequence[dict[str, object]]) -> None:
    append(path, [{**stamp(), **line} for line in lines])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    for name in ("portraits", "photographs", "backgrounds"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--config", default="encoder.toml")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value of the settings")
    parser.add_argument("--cache", type=Path, help="keep the real items' features here")
    parser.add_argument("--few", type=int, nargs="+", default=[1, 3, 5, 10])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=160, help="of each simulated camera")
    parser.add_argument("--instruments", nargs="+", default=list(SHOWINGS), help="of the simulated cameras")
    parser.add_argument("--results", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
