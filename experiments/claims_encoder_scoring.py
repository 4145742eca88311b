"""Scores of what was trained on the frozen encoder, system by system and part by part."""

from collections.abc import Mapping

import numpy as np
import torch

from experiments.claims_encoder_seen import SCORED, Seen
from experiments.claims_encoder_training import packed
from experiments.claims_encoder_variants import Variant
from unmask.models.encoder import FEATURES
from unmask.models.fghv.gaussian import shift
from unmask.models.fghv.network import Fghv, correlations, likelihood
from unmask.models.network import TrainableNetwork
from unmask.training.head import fit_head
from unmask.training.verification import HypothesisEvidence, combined, fitted, standards

STRENGTH, ROWS = 1e-4, 10_000  # of the linear head, as encoder.toml has them


def scored(
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
            found.append(network(packed(seen, numbers, 0, slice(None), maps=True)).score)
            continue
        frames = [packed(seen, numbers, 0, one, maps=variant.maps)[:, None] for one in seen.judged]
        found.append(torch.stack([network(frame).score for frame in frames]).mean(dim=0))
    return torch.cat(found).double().numpy()


def _verified(network: Fghv, variant: Variant, seen: Mapping[str, Seen]) -> dict[str, dict[str, np.ndarray]]:
    """FHVM and GHVM of each part, and both with the weights that dev likes best."""
    bona_fide = np.flatnonzero(seen["train"].bona_fide)
    train = _evidence(network, seen["train"], variant, numbers=bona_fide)
    by = standards([seen["train"].rows[number] for number in bona_fide], train)
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
            draws = network(packed(seen, numbers, 0, frame, maps=variant.maps)[:, None]).draws
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


def fitted_linear(seen: Mapping[str, Seen]) -> dict[str, dict[str, np.ndarray]]:
    """The head of encoder.toml, fitted to every frame of train; nothing in it is drawn."""
    train = seen["train"]
    rows = train.features[:, 0].reshape(-1, FEATURES)
    labels = np.repeat(train.bona_fide, train.features.shape[2])
    head = fit_head(rows, labels, weights=np.full(len(labels), ROWS / len(labels)), C=STRENGTH)
    logits = {part: head.logits(seen[part].features[:, 0]) for part in SCORED}  # (n, T)
    return {
        "linear": {part: found[:, list(seen[part].judged)].mean(axis=1) for part, found in logits.items()},
        "linear-five": {part: found.mean(axis=1) for part, found in logits.items() if part != "real"},
    }
