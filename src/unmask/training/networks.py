"""Settings -> the network of a run: built anew, from weights, or around a frozen single-frame backbone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from unmask.data.prepare.prepared import PreparedSet
from unmask.media.assets import imagenet_weights
from unmask.media.regular import refuse_special
from unmask.models import MODELS
from unmask.models.encoder import Encoder
from unmask.models.network import (
    StartsFromImagenet,
    StartsFromOpenClip,
    StartsFromTorchvision,
    TrainableNetwork,
    TwoStages,
)
from unmask.models.weights import load
from unmask.training.batches import one_frame, to_batch
from unmask.training.ranges import refuse_arguments_out_of_range
from unmask.training.sampling import by_instrument, domains_of
from unmask.training.settings import Settings
from unmask.training.typed import arguments_of
from unmask.types import ClipSpec, ModelError, SettingsError

OPEN_CLIP = "open_clip:"  # before a tag or file in --init
IMAGENET = "imagenet"  # in its place: the published weights of an encoder
TORCHVISION = "torchvision:"  # before a file of torchvision's ResNet-18


def build(settings: Settings, *, init: str | Path | None) -> TrainableNetwork:
    """The network of the settings.

    `init`: weights to start from; a multi-frame network may start from the backbone of a single-frame one, a
    CLIP from "open_clip:TAG", an encoder from "imagenet" (media.assets), a ResNet-18 from "torchvision:FILE".
    """
    name = settings.run.network
    if name not in MODELS:
        raise SettingsError(f"[run] network is {name!r}; it must be one of {sorted(MODELS)}")
    arguments = arguments_of(MODELS[name], settings.arguments, where=f"[arguments] of {name}")
    refuse_arguments_out_of_range(arguments)
    try:
        network = MODELS[name](**arguments)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, AssertionError) as unfit:
        raise SettingsError(f"[arguments] do not fit {name} ({unfit}); change them") from unfit
    if settings.run.backbone == "frozen":
        if not isinstance(network, TwoStages):
            raise SettingsError(
                f"[run] backbone is frozen, but {name} has no second stage; let it be trained"
            )
        network.freeze()
    if settings.head.strength:
        if not isinstance(network, Encoder):
            raise SettingsError(
                f"[head] strength fits the head of an encoder, and {name} is none; set it to 0"
            )
        network.head.requires_grad_(False)  # fitted, not trained
    if init is not None:
        _fill(network, init, name=name)
    return network


def _fill(network: TrainableNetwork, init: str | Path, *, name: str) -> None:
    if str(init).startswith(OPEN_CLIP):
        if not isinstance(network, StartsFromOpenClip):
            raise SettingsError(f"{init} are weights of a CLIP, {name} is none; give weights of {name}")
        network.from_open_clip(str(init).removeprefix(OPEN_CLIP))
        return
    if str(init).startswith(TORCHVISION):
        if not isinstance(network, StartsFromTorchvision):
            raise SettingsError(f"{init} are weights of a ResNet-18, and {name} has none; leave --init out")
        network.from_torchvision(_tensors(Path(str(init).removeprefix(TORCHVISION))))
        return
    if str(init) == IMAGENET:
        if not isinstance(network, StartsFromImagenet):
            raise SettingsError(f"--init {init} are weights of an encoder, {name} has none; leave it out")
        network.from_imagenet(torch.load(imagenet_weights().path, map_location="cpu", weights_only=True))
        return
    given, contract = load(init)
    part = "backbone" if network.multi_frame and not given.multi_frame else ""
    try:
        network.get_submodule(part).load_state_dict(given.get_submodule(part).state_dict())
    except (RuntimeError, AttributeError) as unfit:
        raise ModelError(
            f"{init} ({contract.network}) does not fit into {name}; take weights of the same widths"
        ) from unfit


def _tensors(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a .safetensors file, or of a .pth that torch wrote as an archive."""
    refuse_special(path, error=ModelError)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if is_zipfile(path):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, SafetensorError) as unread:
        raise ModelError(f"{path} cannot be read as weights ({unread}); fetch it again") from unread
    raise ModelError(f"{path} holds no weights; give a .safetensors or .pth file of torchvision's ResNet-18")


def refuse_unfit(settings: Settings) -> None:
    """SettingsError where the network of the settings cannot be built; no number of it is drawn."""
    with torch.device("meta"):
        build(settings, init=None)


def refuse_domains(network: TrainableNetwork, prepared: PreparedSet) -> None:
    """SettingsError where a network that learns across domains is built for fewer than the set has."""
    most, (_, names) = network.domain_count, domains_of(prepared.rows)
    if most is not None and len(names) > most:
        raise SettingsError(
            f"[arguments] domains is {most}, and the training set has {len(names)}: {', '.join(names)}; set "
            "it to as many"
        )


def frames_of(network: TrainableNetwork, spec: ClipSpec) -> int:
    """How many frames of a clip the network takes; SettingsError where it takes other clips than `spec`."""
    if network.size_px not in (None, spec.size_px):
        raise SettingsError(
            f"the network takes pictures of {network.size_px} px, the prepared clips have {spec.size_px} px; "
            "prepare such clips or change [arguments]"
        )
    if network.frame_count not in (None, spec.frames):
        raise SettingsError(
            f"the network takes clips of {network.frame_count} frames, the prepared ones have {spec.frames}; "
            "prepare such clips or change [arguments] frames"
        )
    if not network.multi_frame:
        return 1
    if spec.frames < 2:
        raise SettingsError("a multi-frame network needs clips of 2 frames or more; prepare such clips")
    return spec.frames


@torch.no_grad()
def start_depth(network: TrainableNetwork, prepared: PreparedSet, *, frames: int) -> None:
    """Gives the first maps the mean of the bona fide labels, by the bias of `map_layer`, else by its kernel.

    That layer may end in a ReLU: where chance starts it below zero everywhere, no gradient ever comes back.
    Networks without such a layer stay as they are.
    """
    layer = network.map_layer
    if layer is None:
        return
    numbers = by_instrument(prepared.rows, origin=str(prepared.root))[0][:8]
    arrays = prepared.read(numbers)
    if frames == 1:
        arrays = one_frame(arrays, np.zeros(len(numbers), dtype=int))
    batch = to_batch(arrays, np.ones(len(numbers), dtype=bool), device=torch.device("cpu"))
    network.train()
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}  # batch statistics
    before: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda module, inputs, output: before.append(output))
    network(batch.clips, batch.mask[:, 0])
    hook.remove()
    network.load_state_dict(kept)
    wanted, found = batch.depth.mean(), before[0].mean()
    if layer.bias is None:
        layer.weight.mul_(wanted / found if found > 0 else 1.0)
    else:
        layer.bias.add_(wanted - found)


def trained_groups(network: nn.Module, *, decay: float) -> list[dict[str, Any]]:
    """Parameters that move, those with L2 first: kernels of convolutions and dense layers, not of the GRU."""
    moving = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    kernels = {name for name, p in moving if p.ndim > 1 and not name.startswith("recurrence.")}
    return [
        {"params": [p for name, p in moving if name in kernels], "weight_decay": decay},
        {"params": [p for name, p in moving if name not in kernels], "weight_decay": 0.0},
    ]
