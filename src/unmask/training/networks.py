"""Settings -> the network of a run: built anew, from weights, or around a frozen single-frame backbone."""

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from unmask.data.prepared import PreparedSet
from unmask.models import MODELS
from unmask.models.sgtd import SgtdMulti, SgtdSingle
from unmask.models.weights import load
from unmask.training.batches import by_instrument, one_frame, to_batch
from unmask.training.settings import Settings
from unmask.types import ClipSpec, ModelError, SettingsError


def build(settings: Settings, *, init: str | Path | None) -> SgtdSingle | SgtdMulti:
    """The network of the settings; a multi-frame one may start from the backbone of a single-frame `init`."""
    name = settings.run.network
    if name not in MODELS:
        raise SettingsError(f"[run] network is {name!r}; it must be one of {sorted(MODELS)}")
    try:
        network = cast(SgtdSingle | SgtdMulti, MODELS[name](**settings.arguments))
    except TypeError as unknown:
        raise SettingsError(
            f"[arguments] do not fit {name} ({unknown}); remove what it does not know"
        ) from unknown
    if settings.run.backbone == "frozen":
        if not isinstance(network, SgtdMulti):
            raise SettingsError(f"[run] backbone is frozen, but {name} is nothing else; let it be trained")
        network.backbone.requires_grad_(False)
        network.backbone_frozen = True
    if init is not None:
        _fill(network, init, name=name)
    return network


def _fill(network: SgtdSingle | SgtdMulti, init: str | Path, *, name: str) -> None:
    given, contract = load(init)
    try:
        if isinstance(network, SgtdMulti) and isinstance(given, SgtdSingle):
            network.backbone.load_state_dict(given.backbone.state_dict())
        else:
            network.load_state_dict(given.state_dict())
    except RuntimeError as unfit:
        raise ModelError(
            f"{init} ({contract.network}) does not fit into {name}; take weights of the same widths"
        ) from unfit


def frames_of(network: nn.Module, spec: ClipSpec) -> int:
    """How many frames of a clip the network takes."""
    if not network.multi_frame:
        return 1
    if spec.frames < 2:
        raise SettingsError("a multi-frame network needs clips of 2 frames or more; prepare such clips")
    return spec.frames


@torch.no_grad()
def start_depth(network: SgtdSingle | SgtdMulti, prepared: PreparedSet, *, frames: int) -> None:
    """Moves the bias of the last layer so that the first maps have the mean of the bona fide labels.

    That layer ends in a ReLU: where chance starts it below zero everywhere, no gradient ever comes back.
    """
    numbers = by_instrument(prepared.rows, origin=str(prepared.root))[0][:8]
    arrays = prepared.read(numbers)
    if frames == 1:
        arrays = one_frame(arrays, np.zeros(len(numbers), dtype=int))
    batch = to_batch(arrays, np.ones(len(numbers), dtype=bool), device=torch.device("cpu"))
    backbone = network.backbone
    backbone.train()
    kept = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}  # batch statistics
    before: list[torch.Tensor] = []
    hook = backbone.depth.register_forward_hook(lambda module, inputs, output: before.append(output))
    backbone(batch.clips.flatten(0, 1))
    hook.remove()
    backbone.load_state_dict(kept)
    cast(torch.Tensor, backbone.depth.bias).add_(batch.depth.mean() - before[0].mean())


def trained_groups(network: nn.Module, *, decay: float) -> list[dict]:
    """Parameters that move, those with L2 first: kernels of convolutions and dense layers, not of the GRU."""
    moving = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    kernels = {name for name, p in moving if p.ndim > 1 and not name.startswith("recurrence.")}
    return [
        {"params": [p for name, p in moving if name in kernels], "weight_decay": decay},
        {"params": [p for name, p in moving if name not in kernels], "weight_decay": 0.0},
    ]
