"""The training loop: settings and prepared clips -> a run folder with weights, on CPU or GPUs by Lightning
Fabric.

Stage 1 trains a single-frame network on single frames; stage 2 freezes its backbone inside a multi-frame
network and trains the rest on clips. What a step sees is a function of (seed, step), and the checkpoint holds
all that moves, so a run that was killed and resumed is, on the CPU, the same run.
"""

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.accelerators.cpu import CPUAccelerator
from lightning.fabric.loggers.logger import Logger
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from torch import Tensor

from unmask.models.encoder import Encoder
from unmask.training import checkpoint as checkpoints
from unmask.training.batches import BatchSampler
from unmask.training.checkpoint import CHECKPOINT
from unmask.training.features import features_of
from unmask.training.head import FittedHead, fit_as_set
from unmask.training.loggers import close_loggers, loggers_of
from unmask.training.meter import Statistics
from unmask.training.networks import build, frames_of, refuse_domains, start_depth
from unmask.training.optimisers import optimiser_of
from unmask.training.run_folder import goes_on, mark_folder, said_first
from unmask.training.sets import Folders, Sets, real_rows, rows_by_set
from unmask.training.settings import Compute, Settings
from unmask.training.trainer import Progress, Trainer
from unmask.types import SettingsError

FEWEST_PROCESSES = 2  # that may train on any machine, to try whether several do


def train(
    settings: Settings,
    *,
    data: Folders,
    out: str | Path,
    resume: bool = False,
    init: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Trains to the last step and returns the run folder; `finish` makes the shipped files of it.

    `data` holds prepared sets in train and dev; several such folders are put together. `init`: weights to
    start from; a multi-frame network takes the backbone of single-frame weights, an encoder "imagenet".
    `resume` goes on from the checkpoint in `out`, or from the start where there is none yet. A loss or
    gradient that is not finite ends in a TrainingError; the checkpoint then holds the last good weights.
    """
    out = Path(out)
    sets = Sets.open(data)
    clips = sets.fingerprint()
    fabric = _fabric(settings, out)
    going_on = False
    first = said_first(init, resume=resume)
    if fabric.global_rank == 0:
        going_on = goes_on(out, settings, resume=resume, clips=clips, first=first)
    going_on = fabric.broadcast(going_on)
    trainer = _begin(fabric, settings, sets, out, init=None if going_on else init, going_on=going_on)
    if fabric.global_rank == 0:
        mark_folder(
            out, settings, clips=clips, first=first
        )  # not before: a run that is refused leaves nothing
    status = "failed"
    try:
        trainer.run(progress=progress)
        status = "success"
    finally:
        close_loggers(fabric.loggers, status=status)
    return out


def refuse_start(
    settings: Settings,
    out: Path,
    *,
    resume: bool,
    init: str | Path | None,
    first: str | None,
    here: bool = True,
) -> None:
    """SettingsError or ModelError for what is wrong whatever the clips, before any of them is prepared: the
    folder of another run, first weights that are missing, do not fit or are not its own (`first`, see
    run_folder), or, where this process is to train (`here`), devices that it has not.
    """
    if not goes_on(out, settings, resume=resume, first=first):
        refuse_first(settings, init)
    if here and "TORCHELASTIC_RUN_ID" not in os.environ:
        plain = replace(settings.compute, precision="32-true")  # of which Lightning says nothing
        _fabric_on(plain, devices=plain.devices, nodes=plain.nodes)


def refuse_first(settings: Settings, init: str | Path | None) -> None:
    """SettingsError or ModelError where a new run lacks the first weights it needs, or they do not fit."""
    _refuse_without_first(settings, init, going_on=False)
    if init is not None:
        build(settings, init=init)


def is_rank_zero() -> bool:
    """Whether this process is the first of those that train together, or the only one."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def _fabric(settings: Settings, out: Path) -> Fabric:
    compute = settings.compute
    if compute.threads:
        torch.set_num_threads(compute.threads)
    devices, nodes = compute.devices, compute.nodes
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun started this process and says how many there are
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    loggers = loggers_of(settings.run.loggers, out=out, run=settings.run.name)
    fabric = _fabric_on(compute, devices=devices, nodes=nodes, loggers=loggers)
    fabric.launch()
    return fabric


def _fabric_on(compute: Compute, *, devices: int, nodes: int, loggers: Sequence[Logger] = ()) -> Fabric:
    """Nothing is started yet; SettingsError where the machine has no such devices."""
    try:
        fabric = Fabric(
            accelerator=compute.accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if devices * nodes > 1 else "auto",
            precision=compute.precision,
            loggers=list(loggers),
        )
    except (MisconfigurationException, ValueError, RuntimeError, ImportError) as missing:
        reason = str(missing).strip().splitlines()[0]
        raise SettingsError(
            f"[compute] accelerator {compute.accelerator!r} with {devices} devices cannot be had here "
            f'({reason}); set accelerator = "auto", or fewer devices'
        ) from missing
    most = max(os.cpu_count() or 1, FEWEST_PROCESSES)
    if isinstance(fabric.accelerator, CPUAccelerator) and devices > most:
        raise SettingsError(
            f"[compute] devices is {devices}, without a GPU that many processes, and this machine has "
            f"{os.cpu_count()} cores; give {most} at most"
        )
    return fabric


def _begin(
    fabric: Fabric, settings: Settings, sets: Sets, out: Path, *, init: str | Path | None, going_on: bool
) -> Trainer:
    """The run as it stands before its next step."""
    _refuse_without_first(settings, init, going_on=going_on)
    torch.manual_seed(settings.run.seed)  # of the first weights; a step seeds itself
    bare = build(settings, init=init)
    frames = frames_of(bare, sets.train.spec)
    refuse_domains(bare, sets.train)
    if init is None and settings.run.backbone == "trained" and settings.run.start_depth == "label mean":
        start_depth(bare, sets.train, frames=frames)
    if settings.head.strength and not going_on:
        _fit(fabric, cast(Encoder, bare), settings, sets)
    if settings.compute.channels_last:
        bare.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = optimiser_of(bare, settings)
    network, optimiser = fabric.setup(bare, optimiser)
    average = deepcopy(bare).requires_grad_(False) if settings.run.ema else None
    sampler = BatchSampler(
        sets.train,
        batches=settings.batches,
        seed=settings.run.seed,
        frames=frames,
        parts=fabric.world_size * settings.batches.accumulate,
    )
    trainer = Trainer(
        fabric=fabric,
        settings=settings,
        sets=sets,
        out=out,
        network=network,
        bare=bare,
        average=average,
        optimiser=optimiser,
        sampler=sampler,
        frames=frames,
    )
    if going_on:
        trainer.restore(checkpoints.read(out / CHECKPOINT))
    if settings.run.batch_norm == "moving":
        trainer.statistics = Statistics(bare)
    return trainer


def _refuse_without_first(settings: Settings, init: str | Path | None, *, going_on: bool) -> None:
    if settings.run.backbone == "frozen" and init is None and not going_on:
        raise SettingsError(
            "[run] backbone is frozen, but there is none yet; give by --init the weights of stage 1, or "
            "`imagenet` for a network on the encoder"
        )


def _fit(fabric: Fabric, network: Encoder, settings: Settings, sets: Sets) -> None:
    """The head of an encoder, in closed form, on features that the first process looks up for all."""
    device = torch.device("cpu") if fabric.device.type == "cpu" else fabric.device
    network.to(device)
    if fabric.global_rank == 0:
        for prepared in (sets.train, sets.dev):
            features_of(network, prepared, device=device, progress=partial(_looked, fabric.print))
    fabric.barrier()
    raw = features_of(network, sets.train, device=device)
    parts, real = list(rows_by_set(sets.train).values()), real_rows(sets.train, settings.head)
    set_head(network, fit_as_set(raw, parts, settings=settings, real=real), device=device)


def set_head(network: Encoder, head: FittedHead, *, device: torch.device) -> None:
    """The fitted head in the network."""

    def tensor(part: np.ndarray) -> Tensor:
        return torch.from_numpy(part).float().to(device)

    network.set_head(
        mean=tensor(head.mean), scale=tensor(head.scale), weight=tensor(head.weight), bias=head.bias
    )
    if head.framing is not None:
        network.set_framing(
            weight=tensor(head.framing.weight),
            bias=head.framing.bias,
            gain=head.framing.gain,
            shift=tensor(head.shift),
        )


def _looked(tell: Callable[[str], None], done: int, total: int) -> None:
    tell(f"features of {done:,} of {total:,} pictures")
