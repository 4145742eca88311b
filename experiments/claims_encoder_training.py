"""A training on what the frozen encoder sees, a step a batch of clips that are looked up."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from experiments.claims_encoder_seen import Seen
from experiments.claims_encoder_variants import BATCH, Variant
from unmask.models.network import TrainableNetwork
from unmask.models.sgtd.network import SgtdMulti
from unmask.training.augment import Batch
from unmask.training.objective import loss_of
from unmask.training.optimisers import optimiser_of, rate_at
from unmask.training.settings import Settings


def begin_from(network: TrainableNetwork, folder: Path, variant: Variant) -> None:
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


def trained(network: TrainableNetwork, variant: Variant, train: Seen, settings: Settings) -> list[float]:
    """The loss of each step. Half of a batch is bona fide; clips are mirrored by chance."""
    if variant.family == "single" and not variant.start:
        _start_depth(network, train)
    optimiser, losses = optimiser_of(network, settings), []
    classes = np.flatnonzero(train.bona_fide), np.flatnonzero(~train.bona_fide)
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
        clips = packed(train, numbers, views, slice(None), maps=maps)
    else:
        each = np.arange(len(numbers))
        clips = packed(train, numbers, views, times, maps=maps)[:, None]
        depth, mask = depth[each, times][:, None], mask[each, times][:, None]
    truth = (torch.from_numpy(np.ascontiguousarray(part)).float() / 255 for part in (depth, mask))
    return Batch(clips, *truth, torch.from_numpy(train.bona_fide[numbers]))


def packed(seen: Seen, numbers: np.ndarray, views: Any, times: Any, *, maps: bool) -> Tensor:
    """(B, [T,] numbers, 1): what Kept unpacks. The last axis has nothing to mirror."""
    features = seen.features[numbers, views, times]
    parts = [seen.maps[numbers, views, times].astype(np.float32)] if maps else []
    return torch.from_numpy(np.concatenate([*parts, features], axis=-1))[..., None]


def _start_depth(network: TrainableNetwork, train: Seen) -> None:
    """As training.networks.start_depth: the first maps have the mean of the labels, by the bias."""
    assert train.depth is not None
    chosen = np.flatnonzero(train.bona_fide)[:8]
    layer = network.map_layer
    assert layer is not None
    assert layer.bias is not None
    taken: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _given, made: taken.append(made.detach()))
    with torch.no_grad():
        network.train()(packed(train, chosen, 0, 0, maps=True)[:, None])
        hook.remove()
        layer.bias += float(train.depth[chosen, 0].mean() / 255 - taken[0].mean())
