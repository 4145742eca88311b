"""The training loop: settings and prepared clips -> a run folder with weights, on CPU or GPUs by Lightning
Fabric.

Stage 1 trains a single-frame network on single frames; stage 2 freezes its backbone inside a multi-frame
network and trains the rest on clips. What a step sees is a function of (seed, step), and the checkpoint holds
all that moves, so a run that was killed and resumed is, on the CPU, the same run.
"""

import math
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.fabric.wrappers import _FabricModule
from torch import Tensor, nn

from unmask.models.encoder import Encoder
from unmask.models.fghv.hypotheses import collapse
from unmask.models.output import Draws
from unmask.training import checkpoint as checkpoints
from unmask.training.batches import Drawer, RawBatch, ahead, changed
from unmask.training.checkpoint import BEST, CHECKPOINT, Checkpoint, Dev, History
from unmask.training.dev import judge, loss_of, score_set
from unmask.training.features import features_of
from unmask.training.head import FittedHead, fit_head, row_weights, with_framing
from unmask.training.loggers import close_loggers, loggers_of
from unmask.training.meter import Meter, Statistics
from unmask.training.networks import build, frames_of, refuse_domains, start_depth
from unmask.training.optimisers import optimiser_of, rate_at
from unmask.training.run_folder import claim, goes_on, write_metrics
from unmask.training.sets import Folders, Sets, real_rows, rows_by_set
from unmask.training.settings import Settings
from unmask.types import Label, ModelError, SettingsError, UnmaskError

Progress = Callable[[int, int, float], None]  # steps done, steps in all, loss


class TrainingError(UnmaskError):
    """A run that cannot go on."""


@dataclass(slots=True)
class _Run:
    """What the loop moves: the network, its moving average (or None), the optimiser and the history."""

    fabric: Fabric
    settings: Settings
    sets: Sets
    out: Path
    network: _FabricModule  # as Fabric wrapped it
    bare: nn.Module
    average: nn.Module | None
    optimiser: torch.optim.Optimizer
    frames: int
    history: History
    watched: dict[str, float] = field(default_factory=dict)  # figures of the last step for the log
    statistics: Statistics | None = None  # where batch norm's move


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
    fabric = _fabric(settings, out)
    going_on = False
    if fabric.global_rank == 0:
        going_on = goes_on(out, settings, resume=resume)
    going_on = fabric.broadcast(going_on)
    run, drawer = _begin(fabric, settings, sets, out, init=None if going_on else init, going_on=going_on)
    if fabric.global_rank == 0:
        claim(out, settings)  # not before: a run that is refused leaves nothing
    status = "failed"
    try:
        _loop(run, drawer, progress=progress)
        status = "success"
    finally:
        close_loggers(fabric.loggers, status=status)
    return out


def leads() -> bool:
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
    fabric = Fabric(
        accelerator=compute.accelerator,
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision=compute.precision,
        loggers=loggers_of(settings.run.loggers, out=out, run=settings.run.name),
    )
    fabric.launch()
    return fabric


def _begin(
    fabric: Fabric, settings: Settings, sets: Sets, out: Path, *, init: str | Path | None, going_on: bool
) -> tuple[_Run, Drawer]:
    """The run as it stands before its next step, and what draws its batches."""
    if settings.run.backbone == "frozen" and init is None and not going_on:
        raise SettingsError(
            "[run] backbone is frozen, but there is none yet; give --init weights of stage 1, of an encoder "
            "imagenet"
        )
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
    run = _Run(fabric, settings, sets, out, network, bare, average, optimiser, frames, History())
    if going_on:
        _restore(run, checkpoints.read(out / CHECKPOINT))
    if settings.run.batch_norm == "moving":
        run.statistics = Statistics(bare)
    drawer = Drawer(
        sets.train,
        batches=settings.batches,
        seed=settings.run.seed,
        frames=frames,
        parts=fabric.world_size * settings.batches.accumulate,
    )
    return run, drawer


def _fit(fabric: Fabric, network: Encoder, settings: Settings, sets: Sets) -> None:
    """The head of an encoder, in closed form, on features that the first process looks up for all."""
    device = torch.device("cpu") if fabric.device.type == "cpu" else fabric.device
    network.to(device)
    if fabric.global_rank == 0:
        for prepared in (sets.train, sets.dev):
            features_of(network, prepared, device=device, progress=partial(_looked, fabric.print))
    fabric.barrier()
    raw = features_of(network, sets.train, device=device)
    living = np.array([row.label is Label.BONA_FIDE for row in sets.train.rows])
    parts = list(rows_by_set(sets.train).values())
    weights, real = row_weights(parts, settings.head), real_rows(sets.train, settings.head)
    head = fit_head(raw, living, weights=weights, C=settings.head.strength, real=real)
    set_head(network, with_framing(head, raw, parts, gain=settings.head.tight_gain), device=device)


def set_head(network: Encoder, head: FittedHead, *, device: torch.device) -> None:
    """The fitted head in the network."""

    def tensor(part: np.ndarray) -> Tensor:
        return torch.from_numpy(part).float().to(device)

    network.set_head(
        mean=tensor(head.mean), scale=tensor(head.scale), weight=tensor(head.weight), bias=head.bias
    )
    if head.framing is not None:
        network.set_framing(
            weight=tensor(head.framing.weight), bias=head.framing.bias, gain=head.framing.gain
        )


def _looked(tell: Callable[[str], None], done: int, total: int) -> None:
    tell(f"features of {done:,} of {total:,} pictures")


def _loop(run: _Run, drawer: Drawer, *, progress: Progress | None) -> None:
    settings, fabric = run.settings, run.fabric
    steps = range(run.history.step, settings.run.steps)
    own = range(fabric.global_rank, drawer.parts, fabric.world_size)

    def draw(step: int) -> list[RawBatch]:
        return [drawer.draw(step, part=part, augmentation=settings.augmentation) for part in own]

    if exhausted(run.history, settings.evaluation.patience):
        return
    _to_train(run)
    meter = Meter()
    with closing(ahead(draw, steps)) as batches:
        for step, drawn in batches:
            meter.got()
            meter.losses.append(_step(run, drawn, step=step))
            meter.images += sum(int(np.prod(one.arrays.clips.shape[:2])) for one in drawn) * fabric.world_size
            done = run.history.step
            if done % settings.run.log_every == 0 or done == settings.run.steps:
                loss = _write_down(run, meter)
                figures = {"loss": loss, "rate": rate_at(step, settings), **meter.figures()}
                fabric.log_dict({**figures, **run.watched}, done)
                meter = Meter()
                if progress is not None:
                    progress(done, settings.run.steps, loss)
            evaluates = done % settings.evaluation.every == 0 or done == settings.run.steps
            if evaluates:
                _evaluate(run)
            if evaluates or done % settings.run.save_every == 0:
                if meter.losses:  # a resumed run starts a new mean
                    _write_down(run, meter)
                _save(run)
                meter = Meter()
            if evaluates and exhausted(run.history, settings.evaluation.patience):
                fabric.print(_patience_ended(run))
                return
            meter.asks()


def exhausted(history: History, patience: int) -> bool:
    """Whether the last `patience` evaluations were no better than the one before them; dev alone decides."""
    best = history.best
    return bool(patience) and best in history.evaluations[:-patience]


def _patience_ended(run: _Run) -> str:
    best = run.history.best
    return (
        f"stopped at step {run.history.step} of {run.settings.run.steps}: {run.settings.evaluation.patience} "
        f"evaluations were no better on dev than that of step {best.step if best else 0}"
    )


def _write_down(run: _Run, meter: Meter) -> float:
    """The mean loss since the last line goes into the history."""
    loss = float(np.mean(meter.losses))
    run.history.losses.append((run.history.step, loss))
    return loss


def _to_train(run: _Run) -> None:
    run.network.train()
    if run.settings.run.batch_norm == "frozen":
        for module in run.bare.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def _step(run: _Run, drawn: Sequence[RawBatch], *, step: int) -> float:
    """One update from the mean of the batches; their mean loss on all devices."""
    settings, fabric = run.settings, run.fabric
    torch.manual_seed(settings.run.seed * 1_000_003 + step + fabric.global_rank * 2_147_483_647)
    for group in run.optimiser.param_groups:
        group["lr"] = rate_at(step, settings)
    before = [buffer.clone() for buffer in run.bare.buffers()]  # forward moves the batch statistics
    run.optimiser.zero_grad()
    loss = torch.zeros((), device=fabric.device)
    for number, one in enumerate(drawn, start=1):
        batch = changed(one, settings=settings.augmentation, device=fabric.device)
        if run.statistics is not None:
            run.statistics.batch()
        with fabric.no_backward_sync(run.network, enabled=number < len(drawn)):
            output = run.network(batch.clips, batch.mask[:, 0])
            part = loss_of(output, batch, settings=settings.loss) / len(drawn)
            fabric.backward(part)
        loss = loss + part.detach()
    if output.draws is not None:
        run.watched = _watch(run, output.draws)
    if fabric.world_size > 1:
        loss = fabric.all_reduce(loss)  # type: ignore[assignment]
    limit = settings.optimiser.clip_norm or math.inf
    trained = [p for group in run.optimiser.param_groups for p in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(trained, limit)
    if not bool(torch.isfinite(loss)) or not bool(torch.isfinite(norm)):
        for buffer, good in zip(run.bare.buffers(), before, strict=True):
            buffer.copy_(good)
        _stop(run, drawn[0], loss=float(loss), norm=float(norm))
    run.optimiser.step()
    run.history.step = step + 1
    if run.average is not None:
        _move_average(run.average, run.bare, decay=min(settings.run.ema, (1 + step) / (10 + step)))
    return float(loss)


def _watch(run: _Run, draws: Draws) -> dict[str, float]:
    """Whether the features made up for real faces still differ from one another, on the mean over devices."""
    cosine = collapse(draws.real.detach())
    if run.fabric.world_size > 1:
        cosine = cast(torch.Tensor, run.fabric.all_reduce(cosine))
    limit = run.settings.loss.collapse
    if limit and float(cosine) >= limit:
        _save(run)
        raise TrainingError(
            f"step {run.history.step}: generated features of real faces have a mean cosine of {cosine:.4f}, "
            f"at [loss] collapse = {limit} or above, so latent vectors no longer matter; lower [loss] "
            f"distribution or distribution_margin; the weights are in {run.out / CHECKPOINT}"
        )
    return {"collapse": float(cosine)}


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, *, decay: float) -> None:
    now = network.state_dict()
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(now[name], 1 - decay)
        else:
            tensor.copy_(now[name])


def _evaluate(run: _Run) -> None:
    """Scores dev on the first device and tells the others, so that all of them go on or stop together."""
    settings = run.settings
    judged: Dev | None = None
    if run.fabric.global_rank == 0:
        scored = score_set(
            run.average or run.bare,
            run.sets.dev,
            frames=run.frames,
            size=settings.evaluation.batch,
            settings=settings.loss,
            device=run.fabric.device,
        )
        judged = judge(run.sets.dev, scored, step=run.history.step, alone=run.frames == 1)
    dev = cast(Dev, run.fabric.broadcast(judged))
    _to_train(run)
    run.history.evaluations.append(dev)
    rates = {f"dev/{name}": getattr(dev, name) for name in ("loss", "auc", "eer", "acer")}
    run.fabric.log_dict(rates, dev.step)
    run.fabric.print(_sentence(dev))
    if run.history.best is dev and run.fabric.global_rank == 0:
        network = (run.average or run.bare).state_dict()
        checkpoints.write(run.out / BEST, Checkpoint(network, {}, {}, run.history))


def _sentence(dev: Dev) -> str:
    species = ", ".join(f"{name} {share:.3f}" for name, share in dev.apcer.items())
    return (
        f"step {dev.step}: dev loss {dev.loss:.4f}, AUC {dev.auc:.4f}, EER {dev.eer:.4f}, "
        f"ACER {dev.acer:.4f}, BPCER {dev.bpcer:.3f}, APCER {species}"
    )


def _save(run: _Run) -> None:
    if run.fabric.global_rank == 0:
        average = {} if run.average is None else run.average.state_dict()
        optimiser = checkpoints.optimiser_state(run.optimiser)
        state = Checkpoint(run.bare.state_dict(), average, optimiser, run.history)
        checkpoints.write(run.out / CHECKPOINT, state)
        write_metrics(run.out, run.history)
    run.fabric.barrier()


def _restore(run: _Run, state: Checkpoint) -> None:
    try:
        run.bare.load_state_dict(state.network)
        if run.average is not None:
            run.average.load_state_dict(state.average)
    except RuntimeError as unfit:
        raise ModelError(
            f"{run.out / CHECKPOINT} is of another network than {run.settings.run.network}; put back the "
            "run's own, or start in another folder"
        ) from unfit
    checkpoints.restore_optimiser(run.optimiser, state.optimiser)
    run.history = state.history


def _stop(run: _Run, drawn: RawBatch, *, loss: float, norm: float) -> None:
    """The weights are still those of the step before: save them and say where it happened."""
    _save(run)
    names = [run.sets.train.rows[number].presentation for number in drawn.numbers[:3]]
    raise TrainingError(
        f"step {run.history.step} has the loss {loss} and a gradient of norm {norm} on the clips {names}...; "
        f"the weights before it are in {run.out / CHECKPOINT}; lower [optimiser] rate or set clip_norm"
    )
