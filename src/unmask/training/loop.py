"""The training loop: settings and prepared clips -> a run folder with weights, on CPU or GPUs by Lightning
Fabric.

Stage 1 trains a single-frame network on single frames; stage 2 freezes its backbone inside a multi-frame
network and trains the rest on clips. What a step sees is a function of (seed, step), and the checkpoint holds
all that moves, so a run that was killed and resumed is, on the CPU, the same run.
"""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger
from torch import nn

from unmask.data.prepared import PreparedSet
from unmask.media.files import write_bytes
from unmask.training import checkpoint as checkpoints
from unmask.training.batches import Drawer, Drawn, ahead, changed
from unmask.training.checkpoint import BEST, CHECKPOINT, Checkpoint, Dev, History
from unmask.training.dev import judge, loss_of, refuse_shared_subjects, score_set
from unmask.training.networks import build, frames_of, start_depth, trained_groups
from unmask.training.settings import Settings, to_toml
from unmask.types import SettingsError, UnmaskError

SETTINGS = "settings.toml"
Progress = Callable[[int, int, float], None]  # steps done, steps in all, loss


class TrainingError(UnmaskError):
    """A run that cannot go on."""


@dataclass(frozen=True, slots=True)
class Sets:
    """`train` to learn from and `dev` for thresholds; no person is in both."""

    train: PreparedSet
    dev: PreparedSet

    @staticmethod
    def open(data: str | Path) -> "Sets":
        """The sets in the folders train and dev of `data`."""
        sets = Sets(PreparedSet.open(Path(data) / "train"), PreparedSet.open(Path(data) / "dev"))
        refuse_shared_subjects(sets.train, sets.dev)
        return sets


@dataclass(slots=True)
class _Run:
    """What the loop moves: the network, its moving average (or None), the optimiser and the history."""

    fabric: Fabric
    settings: Settings
    sets: Sets
    out: Path
    network: nn.Module  # as Fabric wrapped it
    bare: nn.Module
    average: nn.Module | None
    optimiser: torch.optim.Optimizer
    frames: int
    history: History


def train(
    settings: Settings,
    *,
    data: str | Path,
    out: str | Path,
    resume: bool = False,
    init: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Trains to the last step and returns the run folder; `finish` makes the shipped files of it.

    `data` holds prepared sets in train and dev. `init`: weights to start from; a multi-frame network takes
    the backbone of single-frame weights. `resume` goes on from the checkpoint in `out`. A loss
    or gradient that is not finite ends in a TrainingError; the checkpoint then holds the last good weights.
    """
    out = Path(out)
    sets = Sets.open(data)
    _claim(out, settings, resume=resume)
    if settings.run.backbone == "frozen" and init is None and not resume:
        raise SettingsError("[run] backbone is frozen, but there is none yet; give --init weights of stage 1")
    run = _begin(settings, sets, out, init=None if resume else init)
    if resume:
        _restore(run, checkpoints.read(out / CHECKPOINT))
    elif run.fabric.global_rank == 0:
        write_bytes(out / SETTINGS, to_toml(settings).encode())
    drawer = Drawer(sets.train, batches=settings.batches, seed=settings.run.seed, frames=run.frames)
    _loop(run, drawer, progress=progress)
    return out


def _begin(settings: Settings, sets: Sets, out: Path, *, init: str | Path | None) -> _Run:
    compute = settings.compute
    if compute.threads:
        torch.set_num_threads(compute.threads)
    logger = TensorBoardLogger(root_dir=out, name="log", version="")
    fabric = Fabric(
        accelerator=compute.accelerator,
        devices=compute.devices,
        precision=compute.precision,
        loggers=logger,
    )
    fabric.launch()
    torch.manual_seed(settings.run.seed)  # of the first weights; a step seeds itself
    bare = build(settings, init=init)
    frames = frames_of(bare, sets.train.spec)
    if init is None and settings.run.backbone == "trained":
        start_depth(bare, sets.train, frames=frames)
    if compute.channels_last:
        bare.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = optimiser_of(bare, settings)
    network, optimiser = fabric.setup(bare, optimiser)
    average = deepcopy(bare).requires_grad_(False) if settings.run.ema else None
    return _Run(fabric, settings, sets, out, network, bare, average, optimiser, frames, History())


def _loop(run: _Run, drawer: Drawer, *, progress: Progress | None) -> None:
    settings, fabric = run.settings, run.fabric
    steps = range(run.history.step, settings.run.steps)

    def draw(step: int) -> Drawn:
        return drawer.draw(step, rank=fabric.global_rank, augmentation=settings.augmentation)

    run.network.train()
    losses: list[float] = []
    seen, since = 0, time.perf_counter()
    for step, drawn in ahead(draw, steps):
        losses.append(_step(run, drawn, step=step))
        seen += drawn.arrays.clips.shape[0] * drawn.arrays.clips.shape[1] * fabric.world_size
        done = run.history.step
        if done % settings.run.log_every == 0 or done == settings.run.steps:
            loss, seconds = float(np.mean(losses)), time.perf_counter() - since
            run.history.losses.append((done, loss))
            fabric.log_dict({"loss": loss, "rate": rate_at(step, settings), "images_s": seen / seconds}, done)
            losses, seen, since = [], 0, time.perf_counter()
            if progress is not None:
                progress(done, settings.run.steps, loss)
        evaluates = done % settings.evaluation.every == 0 or done == settings.run.steps
        if evaluates:
            _evaluate(run)
            since = time.perf_counter()
        if evaluates or done % settings.run.save_every == 0:
            losses = _flush_losses(run, losses)
            _save(run)


def _step(run: _Run, drawn: Drawn, *, step: int) -> float:
    """One update; the loss of the batch."""
    settings = run.settings
    torch.manual_seed(settings.run.seed * 1_000_003 + step)
    for group in run.optimiser.param_groups:
        group["lr"] = rate_at(step, settings)
    batch = changed(drawn, settings=settings.augmentation, device=run.fabric.device)
    before = [buffer.clone() for buffer in run.bare.buffers()]  # forward moves the batch statistics
    output = run.network(batch.clips, batch.mask[:, 0])
    loss = loss_of(output, batch, settings=settings.loss)
    run.optimiser.zero_grad()
    run.fabric.backward(loss)
    limit = settings.optimiser.clip_norm or math.inf
    trained = [p for group in run.optimiser.param_groups for p in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(trained, limit)
    if not bool(torch.isfinite(loss)) or not bool(torch.isfinite(norm)):
        for buffer, good in zip(run.bare.buffers(), before, strict=True):
            buffer.copy_(good)
        _stop(run, drawn, loss=float(loss.detach()), norm=float(norm))
    run.optimiser.step()
    run.history.step = step + 1
    if run.average is not None:
        _move_average(run.average, run.bare, decay=min(settings.run.ema, (1 + step) / (10 + step)))
    return float(loss.detach())


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of `step` (from 0): warm-up, then constant, or a line or half a cosine down to 0."""
    optimiser, steps = settings.optimiser, settings.run.steps
    if step < optimiser.warmup:
        return optimiser.rate * (step + 1) / optimiser.warmup
    part = (step - optimiser.warmup) / max(1, steps - optimiser.warmup)
    falls = {"constant": 1.0, "linear": 1 - part, "cosine": (1 + math.cos(math.pi * part)) / 2}
    return optimiser.rate * falls[optimiser.schedule]


def optimiser_of(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    groups = trained_groups(network, decay=settings.optimiser.decay)
    if settings.optimiser.kind == "adam":
        return torch.optim.Adam(groups, lr=settings.optimiser.rate)
    if settings.optimiser.kind == "sgd":
        return torch.optim.SGD(groups, lr=settings.optimiser.rate, momentum=settings.optimiser.momentum)
    return torch.optim.Adadelta(groups, lr=settings.optimiser.rate, rho=0.95, eps=1e-8)  # TF's, papers.md 1.2


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, *, decay: float) -> None:
    now = network.state_dict()
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(now[name], 1 - decay)
        else:
            tensor.copy_(now[name])


def _evaluate(run: _Run) -> None:
    settings = run.settings
    scored = score_set(
        run.average or run.network,
        run.sets.dev,
        frames=run.frames,
        size=settings.evaluation.batch,
        settings=settings.loss,
        device=run.fabric.device,
    )
    dev = judge(run.sets.dev, scored, step=run.history.step, alone=run.frames == 1)
    run.history.evaluations.append(dev)
    run.fabric.log_dict(
        {f"dev/{name}": getattr(dev, name) for name in ("loss", "auc", "eer", "acer")}, dev.step
    )
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


def _flush_losses(run: _Run, losses: list[float]) -> list[float]:
    """Before a checkpoint the gathered losses are written down: a resumed run starts a new mean."""
    if losses:
        run.history.losses.append((run.history.step, float(np.mean(losses))))
    return []


def _save(run: _Run) -> None:
    if run.fabric.global_rank == 0:
        average = {} if run.average is None else run.average.state_dict()
        optimiser = checkpoints.optimiser_state(run.optimiser)
        state = Checkpoint(run.bare.state_dict(), average, optimiser, run.history)
        checkpoints.write(run.out / CHECKPOINT, state)
    run.fabric.barrier()


def _restore(run: _Run, state: Checkpoint) -> None:
    run.bare.load_state_dict(state.network)
    if run.average is not None:
        run.average.load_state_dict(state.average)
    checkpoints.restore_optimiser(run.optimiser, state.optimiser)
    run.history = state.history


def _stop(run: _Run, drawn: Drawn, *, loss: float, norm: float) -> None:
    """The weights are still those of the step before: save them and say where it happened."""
    _save(run)
    names = [run.sets.train.rows[number].presentation for number in drawn.numbers[:3]]
    raise TrainingError(
        f"step {run.history.step} has the loss {loss} and a gradient of norm {norm} on the clips {names}...; "
        f"the weights before it are in {run.out / CHECKPOINT}; lower [optimiser] rate or set clip_norm"
    )


def _claim(out: Path, settings: Settings, *, resume: bool) -> None:
    written = out / SETTINGS
    if not resume:
        if written.exists():
            raise SettingsError(f"{out} holds a run already; go on with --resume or name another folder")
        return
    if not written.is_file():
        raise SettingsError(f"{out} holds no run to resume; start one without --resume")
    if written.read_text() != to_toml(settings):
        raise SettingsError(f"{written} differs from the settings given; a resumed run keeps its own")
