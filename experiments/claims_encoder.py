"""The claims of the papers again, on the frozen encoder of ImageNet: what is trained stands on its maps.

    python -m experiments.claims_encoder SAMPLES --sets SETS --out OUT [--seeds 3] [--frames 3200]
        [--results results --docs docs/claims_encoder.md] [--report-only]

SETS are those of experiments/claims_encoder_sets.py, SAMPLES is the folder of real items. Every frame of the
sets, and its mirror image in training, is looked at once; what the encoder sees is kept in OUT/seen, so that
a training moves nothing but what stands on it, in minutes. All variants of a family see the same number of
frames with the same optimiser, and start from the same clips in the same order. Each run leaves a table of
scores and a record as those of `unmask experiment claims` do; a run that is there is not made again. The
tables, figures and page come of what is there.
"""

import argparse
import hashlib
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from experiments.claims_encoder_seen import COUNTS, FRAMES, PARTS, SCORED, SHAPES, Seen, seen_of
from experiments.claims_encoder_words import HEAD, METHOD
from unmask.app.claims_report import report
from unmask.claims.measures import CLAIMS, Claim
from unmask.claims.runs import DONE, run_folder, table_of
from unmask.files import write_bytes
from unmask.models.encoded import ENCODED, LEVELS, EncodedLevels
from unmask.models.encoder import FEATURES, TAPS
from unmask.models.fghv.gaussian import shift
from unmask.models.fghv.network import ENCODED as FGHV, Fghv, correlations, likelihood
from unmask.models.network import TrainableNetwork
from unmask.models.off_gru import OffGru
from unmask.models.sgtd.form import Form
from unmask.models.sgtd.network import SgtdMulti, SgtdSingle, initialise
from unmask.scores import write_scores
from unmask.training.augment import Batch
from unmask.training.head import fit_head
from unmask.training.objective import loss_of
from unmask.training.optimisers import optimiser_of, rate_at
from unmask.training.run_folder import commit
from unmask.training.settings import Settings, read_settings
from unmask.training.verification import HypothesisEvidence, combined, fitted, standards

STRENGTH, ROWS = 1e-4, 10_000  # of the linear head, as encoder.toml has them
BATCH = {"single": 16, "multi": 4, "fghv": 32}  # clips a step, of each family


class Kept(nn.Module):
    """In the encoder's place: gives the maps and features that it is given, packed (N, numbers, 1)."""

    def forward(self, packed: Tensor) -> tuple[list[Tensor], Tensor]:
        numbers = packed.flatten(1)
        maps: list[Tensor] = [numbers.new_zeros(0)] * len(TAPS)
        start = 0
        if numbers.shape[1] > FEATURES:
            for tap, shape, count in zip(LEVELS, SHAPES, COUNTS, strict=True):
                maps[tap] = numbers[:, start : start + count].unflatten(1, shape)
                start += count
        return maps, numbers[:, start:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One training. `family`: "single", "multi", "fghv", or "linear", which is fitted. `changes` are over the
    settings of the family. `start`: the variant of its seed whose trained weights it begins from. `systems`:
    name -> what it is. `maps`: whether it looks at more than the features.
    """

    family: str
    systems: Mapping[str, str]
    build: Callable[[], TrainableNetwork]
    changes: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    maps: bool = True


def _single(**form: Any) -> Callable[[], TrainableNetwork]:
    def build() -> TrainableNetwork:
        network = SgtdSingle(replace(ENCODED, **form))
        return _on_kept(network, network.form)

    return build


def _multi(kind: type[SgtdMulti] = SgtdMulti, **form: Any) -> Callable[[], TrainableNetwork]:
    def build() -> TrainableNetwork:
        network = kind(replace(ENCODED, **form))
        return _on_kept(network, network.form)

    return build


def _on_kept(network: SgtdSingle | SgtdMulti, form: Form) -> TrainableNetwork:
    levels = EncodedLevels(form)
    levels.encoder = Kept()
    network.backbone = levels
    network.size_px = 224
    initialise(network)
    return network


def _fghv(**form: Any) -> Callable[[], TrainableNetwork]:
    def build() -> TrainableNetwork:
        network = Fghv(replace(FGHV, **form))
        network.backbone.encoder = Kept()
        return network

    return build


PLAIN = {"gradient": "none"}
CLASS_ALONE = {"loss.absolute": 0.0, "loss.contrast": 0.0, "loss.binary": 1.0}
VARIANTS: dict[str, Variant] = {
    "linear": Variant(
        family="linear",
        systems={
            "linear": "Linear head on the encoder's features, first frame",
            "linear-five": "The same, mean of the logits of five frames",
        },
        build=_single(),
    ),
    "fghv": Variant(
        family="fghv",
        systems={
            "fghv": "FGHV on the encoder, FHVM and GHVM combined as dev likes best",
            "fghv-fhvm": "FGHV on the encoder, FHVM alone",
            "fghv-ghvm": "FGHV on the encoder, GHVM alone",
        },
        build=_fghv(),
        maps=False,
    ),
    "fghv-backbone": Variant(
        family="fghv",
        systems={"fghv-backbone": "The same dense layer with a class head for FGHV's hypotheses"},
        build=_fghv(hypotheses="none"),
        changes=CLASS_ALONE,
        maps=False,
    ),
    **{
        f"fghv-no-{name}": Variant(
            family="fghv",
            systems={f"fghv-no-{name}": f"FGHV on the encoder without {words}, combined likewise"},
            build=_fghv(),
            changes={f"loss.{weight}": 0.0, "loss.collapse": 0.0},
            maps=False,
        )
        for name, weight, words in (
            ("rcc", "relative", "the relative correlation constraint"),
            ("var", "variance", "the variance constraint"),
            ("ddc", "distribution", "the distribution discrimination constraint"),
        )
    },
    "sgtd-single": Variant(family="single", systems={"sgtd-single": "Stage 1 on maps"}, build=_single()),
    "sgtd-multi": Variant(
        family="multi", systems={"sgtd-multi": "Stage 2 on maps"}, build=_multi(), start="sgtd-single"
    ),
    "sgtd-single-longer": Variant(
        family="single",
        systems={"sgtd-single-longer": "Stage 1 trained on for as many frames as stage 2"},
        build=_single(),
        start="sgtd-single",
    ),
    "sgtd-binary": Variant(
        family="single",
        systems={"sgtd-binary": "Stage 1 by binary cross entropy of its score, without depth"},
        build=_single(),
        changes=CLASS_ALONE,
    ),
    "sgtd-plain": Variant(
        family="single",
        systems={"sgtd-plain": "Stage 1, plain convolutions for RSGB"},
        build=_single(**PLAIN),
    ),
    "off-gru": Variant(
        family="multi",
        systems={"off-gru": "OFF + ConvGRU, on the same plain convolutions"},
        build=_multi(OffGru, **PLAIN, score="equation_11"),
        start="sgtd-plain",
    ),
    "sgtd-plain-multi": Variant(
        family="multi",
        systems={"sgtd-plain-multi": "Stage 2 on plain convolutions: STPM alone"},
        build=_multi(**PLAIN),
        start="sgtd-plain",
    ),
    "sgtd-multi-slip": Variant(
        family="multi",
        systems={"sgtd-multi-slip": "Stage 2 with the published slip: no recurrence"},
        build=_multi(recurrent=False),
        start="sgtd-single",
    ),
    "sgtd-no-contrast": Variant(
        family="single",
        systems={"sgtd-no-contrast": "Stage 1 without contrastive depth loss"},
        build=_single(),
        changes={"loss.contrast": 0.0},
    ),
    "sgtd-true-depth": Variant(
        family="single",
        systems={"sgtd-true-depth": "Stage 1, attacks pulled to their true depth"},
        build=_single(),
        changes={"loss.attack_depth": "true"},
    ),
    "fghv-depth": Variant(
        family="fghv",
        systems={"fghv-depth": "FGHV on the encoder with a depth head, combined likewise"},
        build=_fghv(depth_head=True),
        changes={"loss.absolute": 0.1},
    ),
}

LEFT_OUT = ("auxiliary", "cdcn")  # their own trunks are what they are
OURS = "no paper's"
CLAIMED: dict[str, Claim] = {
    **{name: claim for name, claim in CLAIMS.items() if name not in LEFT_OUT},
    "fghv-depth-head": Claim(
        words="FGHV is better with a depth head", better="fghv-depth", worse="fghv", paper=OURS
    ),
    "five-frames-linear": Claim(
        words="A linear head is better on five frames than on one",
        better="linear-five",
        worse="linear",
        paper=OURS,
    ),
    "depth-over-linear": Claim(
        words="Stage 1 of FAS-SGTD is better than a linear head",
        better="sgtd-single",
        worse="linear",
        paper=OURS,
    ),
    "clips-over-linear": Claim(
        words="FAS-SGTD is better than a linear head on the same five frames",
        better="sgtd-multi",
        worse="linear-five",
        paper=OURS,
    ),
    "fghv-over-linear": Claim(
        words="FGHV is better than a linear head", better="fghv", worse="linear", paper=OURS
    ),
}


def main() -> None:
    """Trains what is not done, and writes the page."""
    asked = _arguments()
    torch.set_num_threads(1)
    if not asked.report_only:
        _all_runs(asked)
    report(
        asked.out,
        claims=CLAIMED,
        results=asked.results,
        docs=asked.docs,
        rounds=1000,
        name="claims_encoder",
        head=HEAD,
        method=METHOD,
    )


def _all_runs(asked: argparse.Namespace) -> None:
    """Looks at everything once, then trains seed by seed."""
    seen = {
        part: seen_of(part, sets=asked.sets, samples=asked.samples, kept=asked.out / "seen") for part in PARTS
    }
    for seed in range(1, asked.seeds + 1):
        for name in VARIANTS:
            folder = run_folder(asked.out, name, seed)
            if not (folder / DONE).is_file():
                _run(name, seed, seen, folder, asked)
                print(f"{name}, seed {seed}", flush=True)


def frames_a_step(variant: Variant) -> int:
    """Frames that a step of a training sees: clips have several, or one."""
    return BATCH[variant.family] * (FRAMES if variant.family == "multi" else 1)


def _settings(name: str, seed: int, asked: argparse.Namespace) -> Settings:
    variant = VARIANTS[name]
    steps = (asked.faces if variant.family == "fghv" else asked.frames) // frames_a_step(variant)
    of_single = {"loss.absolute": 1.0, "loss.contrast": 0.5, "loss.binary": 0.0}
    base = "fghv_e.toml" if variant.family == "fghv" else "sgtd_e.toml"
    return read_settings(
        base,
        overrides={
            "run.seed": seed,
            "run.steps": steps,
            "optimiser.warmup": max(1, steps // 10),
            **(of_single if variant.family == "single" else {}),
            **variant.changes,
        },
    )


def _run(name: str, seed: int, seen: Mapping[str, Seen], folder: Path, asked: argparse.Namespace) -> None:
    started, cpu, variant = time.monotonic(), time.process_time(), VARIANTS[name]
    steps = frames = parameters = 0
    if variant.family == "linear":
        tables = _linear(seen)
        parameters = FEATURES + 1
    else:
        settings = _settings(name, seed, asked)
        torch.manual_seed(seed)
        network = variant.build()
        if variant.start:
            _start(network, run_folder(asked.out, variant.start, seed), variant)
        losses = _train(network, variant, seen["train"], settings)
        steps, parameters = settings.run.steps, sum(one.numel() for one in network.parameters())
        frames = steps * frames_a_step(variant)
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), folder / "weights.pt")
        write_bytes(folder / "losses.json", json.dumps([round(loss, 5) for loss in losses]).encode())
        tables = _scored(network, variant, seen)
    for system, parts in tables.items():
        rows = [
            replace(row, score=float(score), columns={**row.columns, "model": f"{system} seed {seed}"})
            for part, scores in parts.items()
            for row, score in zip(seen[part].rows, scores, strict=True)
        ]
        write_scores(table_of(folder, system), rows)
    took = {"train_s": time.monotonic() - started, "train_cpu_s": time.process_time() - cpu}
    record = {
        "variant": name,
        "seed": seed,
        "systems": dict(variant.systems),
        "network": {"linear": "encoder", "fghv": "fghv_e"}.get(variant.family, "sgtd_e"),
        "parameters": parameters,
        "steps": steps,
        "images": frames,
        **{key: round(value, 1) for key, value in took.items()},
        "command": shlex.join(["python", "-m", "experiments.claims_encoder", *_words()]),
        "commit": commit()[:7],
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} shared cores",
        "date": date.today().isoformat(),
        "data_sha256": _sha256(asked.sets),
        "preset": "encoder",
    }
    write_bytes(folder / DONE, json.dumps(record, indent=1).encode())


def _start(network: TrainableNetwork, folder: Path, variant: Variant) -> None:
    """Stage 2 takes the trained blocks and leaves them as they are; a longer stage 1 takes all."""
    state = torch.load(folder / "weights.pt", weights_only=True)
    if variant.family == "single":
        network.load_state_dict(state)
        return
    assert isinstance(network, SgtdMulti)
    of_blocks = {
        key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")
    }
    network.backbone.load_state_dict(of_blocks)
    network.freeze()


def _train(network: TrainableNetwork, variant: Variant, train: Seen, settings: Settings) -> list[float]:
    """The loss of each step. Half of a batch is bona fide; clips are mirrored by chance."""
    if variant.family == "single" and not variant.start:
        _start_depth(network, train)
    optimiser, losses = optimiser_of(network, settings), []
    classes = np.flatnonzero(train.living), np.flatnonzero(~train.living)
    size = BATCH[variant.family]
    network.train()
    for step in range(settings.run.steps):
        rng = np.random.default_rng([settings.run.seed, step])
        torch.manual_seed(settings.run.seed * 1_000_003 + step)
        numbers = np.concatenate([rng.choice(kind, size // 2) for kind in classes])
        views = rng.integers(0, 2, size)
        times = None if variant.family == "multi" else rng.integers(0, train.maps.shape[2], size)
        batch = _batch(train, numbers, views, times, maps=variant.maps)
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, settings)
        optimiser.zero_grad()
        loss = loss_of(network(batch.clips), batch, settings=settings.loss)
        loss.backward()
        if settings.optimiser.clip_norm:
            trained = [one for group in optimiser.param_groups for one in group["params"]]
            torch.nn.utils.clip_grad_norm_(trained, settings.optimiser.clip_norm)
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def _batch(
    train: Seen, numbers: np.ndarray, views: np.ndarray, times: np.ndarray | None, *, maps: bool
) -> Batch:
    assert train.depth is not None
    assert train.mask is not None
    depth, mask = train.depth[numbers], train.mask[numbers]  # (B, T, 32, 32)
    turned = views[:, None, None, None] == 1
    depth, mask = (np.where(turned, part[..., ::-1], part) for part in (depth, mask))
    if times is None:
        clips = _packed(train, numbers, views, slice(None), maps=maps)
    else:
        each = np.arange(len(numbers))
        clips = _packed(train, numbers, views, times, maps=maps)[:, None]
        depth, mask = depth[each, times][:, None], mask[each, times][:, None]
    truth = (torch.from_numpy(np.ascontiguousarray(part)).float() / 255 for part in (depth, mask))
    return Batch(clips, *truth, torch.from_numpy(train.living[numbers]))


def _packed(seen: Seen, numbers: np.ndarray, views: Any, times: Any, *, maps: bool) -> Tensor:
    """(B, [T,] numbers, 1): what Kept unpacks. The last axis has nothing to mirror."""
    features = seen.features[numbers, views, times]
    parts = [seen.maps[numbers, views, times].astype(np.float32)] if maps else []
    return torch.from_numpy(np.concatenate([*parts, features], axis=-1))[..., None]


def _start_depth(network: TrainableNetwork, train: Seen) -> None:
    """As training.networks.start_depth: the first maps have the mean of the labels, by the bias."""
    assert train.depth is not None
    chosen = np.flatnonzero(train.living)[:8]
    layer = network.map_layer
    assert layer is not None
    assert layer.bias is not None
    taken: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _given, made: taken.append(made.detach()))
    with torch.no_grad():
        network.train()(_packed(train, chosen, 0, 0, maps=True)[:, None])
        hook.remove()
        layer.bias += float(train.depth[chosen, 0].mean() / 255 - taken[0].mean())


def _scored(
    network: TrainableNetwork, variant: Variant, seen: Mapping[str, Seen]
) -> dict[str, dict[str, np.ndarray]]:
    """System -> part -> a score for each clip; networks of clips have no score of a still picture."""
    network.eval()
    name = next(iter(variant.systems))
    if variant.family == "multi":
        return {name: {part: _scores(network, seen[part], variant) for part in SCORED[:-1]}}
    if variant.family == "single" or (isinstance(network, Fghv) and network.head is not None):
        return {name: {part: _scores(network, seen[part], variant) for part in SCORED}}
    assert isinstance(network, Fghv)
    return _verified(network, variant, seen)


@torch.no_grad()
def _scores(network: TrainableNetwork, seen: Seen, variant: Variant) -> np.ndarray:
    """The score of each clip (n,); networks of single frames score the frames that a part is told by."""
    found = []
    for start in range(0, len(seen.rows), 16):
        numbers = np.arange(start, min(start + 16, len(seen.rows)))
        if variant.family == "multi":
            found.append(network(_packed(seen, numbers, 0, slice(None), maps=True)).score)
            continue
        frames = [_packed(seen, numbers, 0, one, maps=variant.maps)[:, None] for one in seen.judged]
        found.append(torch.stack([network(frame).score for frame in frames]).mean(dim=0))
    return torch.cat(found).double().numpy()


def _verified(network: Fghv, variant: Variant, seen: Mapping[str, Seen]) -> dict[str, dict[str, np.ndarray]]:
    """FHVM and GHVM of each part, and both with the weights that dev likes best."""
    living = np.flatnonzero(seen["train"].living)
    train = _evidence(network, seen["train"], variant, numbers=living)
    by = standards([seen["train"].rows[number] for number in living], train)
    found = {part: _evidence(network, seen[part], variant) for part in SCORED}
    weights = fitted(seen["dev"].rows, found["dev"], by)
    tables = {
        "both": {part: combined(one, by, weights=weights) for part, one in found.items()},
        "fhvm": {part: one.fhvm for part, one in found.items()},
        "ghvm": {part: -one.delta_kl for part, one in found.items()},
    }
    ways = dict(zip(variant.systems, ("both", "fhvm", "ghvm"), strict=False))
    return {system: tables[way] for system, way in ways.items()}


def _evidence(
    network: Fghv, seen: Seen, variant: Variant, *, numbers: np.ndarray | None = None
) -> HypothesisEvidence:
    """As training.verification says it of a prepared set, the mean over the frames that are judged."""
    numbers = np.arange(len(seen.rows)) if numbers is None else numbers
    each: list[list[np.ndarray]] = []
    for frame in seen.judged:
        with torch.no_grad():
            draws = network(_packed(seen, numbers, 0, frame, maps=variant.maps)[:, None]).draws
        assert draws is not None
        real, attack = (one[:, 0] for one in correlations(draws))
        feature = draws.feature[:, 0]
        columns = (
            likelihood(real, attack, tau=draws.tau).mean(dim=1),
            real.var(dim=1, correction=0),
            shift(network, feature),
            feature,
        )
        each.append([column.double().numpy() for column in columns])
    return HypothesisEvidence(*(np.mean(column, axis=0) for column in zip(*each, strict=True)))


def _linear(seen: Mapping[str, Seen]) -> dict[str, dict[str, np.ndarray]]:
    """The head of encoder.toml, fitted to every frame of train; nothing in it is drawn."""
    train = seen["train"]
    rows = train.features[:, 0].reshape(-1, FEATURES)
    labels = np.repeat(train.living, train.features.shape[2])
    head = fit_head(rows, labels, weights=np.full(len(labels), ROWS / len(labels)), C=STRENGTH)
    logits = {part: head.logits(seen[part].features[:, 0]) for part in SCORED}  # (n, T)
    return {
        "linear": {part: found[:, list(seen[part].judged)].mean(axis=1) for part, found in logits.items()},
        "linear-five": {part: found.mean(axis=1) for part, found in logits.items() if part != "real"},
    }


def _sha256(sets: Path) -> str:
    """SHA-256 over the indices of all shards, which hold the hash of every clip."""
    found = hashlib.sha256()
    for index in sorted(sets.glob("*/shard-*.json")):
        found.update(index.read_bytes())
    return found.hexdigest()


def _words() -> list[str]:
    """What was asked, paths by their last part alone."""
    return [Path(word).name if "/" in word else word for word in sys.argv[1:]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--sets", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--docs", type=Path, default=Path("docs/claims_encoder.md"))
    parser.add_argument("--report-only", action="store_true", help="train nothing")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=3200, help="frames a training of depth sees")
    parser.add_argument("--faces", type=int, default=19_200, help="faces a training of FGHV sees")
    return parser.parse_args()


if __name__ == "__main__":
    main()
