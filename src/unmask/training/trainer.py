"""A run of training, step by step, with the checkpoint that holds all that moves."""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.wrappers import _FabricModule
from torch import nn

from unmask.models.fghv.hypotheses import collapse
from unmask.models.network import TrainableNetwork
from unmask.models.output import Draws
from unmask.training import checkpoint as checkpoints
from unmask.training.batches import BatchSampler, RawBatch, changed, prefetch
from unmask.training.checkpoint import BEST, CHECKPOINT, Checkpoint, Dev, History
from unmask.training.dev import judge, score_set
from unmask.training.meter import Meter, Statistics
from unmask.training.objective import loss_of
from unmask.training.optimisers import rate_at
from unmask.training.run_folder import write_metrics
from unmask.training.sets import Sets
from unmask.training.settings import Settings
from unmask.types import ModelError, UnmaskError

Progress = Callable[[int, int, float], None]  # steps done, steps in all, loss


class TrainingError(UnmaskError):
    """A run that cannot go on."""


@dataclass(slots=True, kw_only=True)
class Trainer:
    """What a run of `settings` in the folder `out` moves: `run` takes it to the last step.

    `network` is `bare` as Fabric wrapped it; `average` its moving average, None without one; `frames` how
    many of a clip it takes. `history` says how many steps are done; `figures` of the last one go to the
    loggers. `statistics` moves those of batch norm, None where they move by themselves or not at all.
    """

    fabric: Fabric
    settings: Settings
    sets: Sets
    out: Path
    network: _FabricModule
    bare: TrainableNetwork
    average: TrainableNetwork | None
    optimiser: torch.optim.Optimizer
    sampler: BatchSampler
    frames: int
    history: History = field(default_factory=History)
    figures: dict[str, float] = field(default_factory=dict)
    statistics: Statistics | None = None

    def run(self, *, progress: Progress | None = None) -> None:
        """Takes the steps that are left; ends early where dev has not been better for long enough."""
        settings, fabric = self.settings, self.fabric
        own = range(fabric.global_rank, self.sampler.parts, fabric.world_size)

        def draw(step: int) -> list[RawBatch]:
            return [self.sampler.draw(step, part=part, augmentation=settings.augmentation) for part in own]

        if self._out_of_patience():
            return
        self._to_train()
        meter = Meter()
        with closing(prefetch(draw, range(self.history.step, settings.run.steps))) as batches:
            for step, drawn in batches:
                meter.got()
                meter.losses.append(self._step(drawn, step=step))
                meter.images += (
                    sum(int(np.prod(one.arrays.clips.shape[:2])) for one in drawn) * fabric.world_size
                )
                done, last = self.history.step, self.history.step == settings.run.steps
                if last or done % settings.run.log_every == 0:
                    loss = self._write_down(meter)
                    figures = {"loss": loss, "rate": rate_at(step, settings), **meter.figures()}
                    fabric.log_dict({**figures, **self.figures}, done)
                    meter = Meter()
                    if progress is not None and fabric.global_rank == 0:
                        progress(done, settings.run.steps, loss)
                evaluates = last or done % settings.evaluation.every == 0
                if evaluates:
                    self._evaluate()
                if evaluates or done % settings.run.save_every == 0:
                    if meter.losses:  # a resumed run starts a new mean
                        self._write_down(meter)
                    self._save()
                    meter = Meter()
                if evaluates and self._out_of_patience():
                    fabric.print(self._patience_ended())
                    return
                meter.asks()

    def _out_of_patience(self) -> bool:
        return exhausted(self.history, self.settings.evaluation.patience)

    def _patience_ended(self) -> str:
        best = self.history.best
        return (
            f"stopped at step {self.history.step} of {self.settings.run.steps}: "
            f"{self.settings.evaluation.patience} evaluations were no better on dev than that of step "
            f"{best.step if best else 0}"
        )

    def _write_down(self, meter: Meter) -> float:
        """The mean loss since the last line goes into the history."""
        loss = float(np.mean(meter.losses))
        self.history.losses.append((self.history.step, loss))
        return loss

    def _to_train(self) -> None:
        self.network.train()
        if self.settings.run.batch_norm == "frozen":
            for module in self.bare.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def _step(self, drawn: Sequence[RawBatch], *, step: int) -> float:
        """One update from the mean of the batches; their mean loss on all devices."""
        settings, fabric = self.settings, self.fabric
        torch.manual_seed(settings.run.seed * 1_000_003 + step + fabric.global_rank * 2_147_483_647)
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(step, settings)
        before = [buffer.clone() for buffer in self.bare.buffers()]  # forward moves the batch statistics
        self.optimiser.zero_grad()
        loss = torch.zeros((), device=fabric.device)
        for number, one in enumerate(drawn, start=1):
            batch = changed(one, settings=settings.augmentation, device=fabric.device)
            if self.statistics is not None:
                self.statistics.batch()
            with fabric.no_backward_sync(self.network, enabled=number < len(drawn)):
                output = self.network(batch.clips, batch.mask[:, 0])
                part = loss_of(output, batch, settings=settings.loss) / len(drawn)
                fabric.backward(part)
            loss = loss + part.detach()
        if output.draws is not None:
            self.figures = self._collapse(output.draws)
        if fabric.world_size > 1:
            loss = fabric.all_reduce(loss)  # type: ignore[assignment]
        limit = settings.optimiser.clip_norm or math.inf
        trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(trained, limit)
        if not bool(torch.isfinite(loss)) or not bool(torch.isfinite(norm)):
            for buffer, good in zip(self.bare.buffers(), before, strict=True):
                buffer.copy_(good)
            self._stop(drawn[0], loss=float(loss), norm=float(norm))
        self.optimiser.step()
        self.history.step = step + 1
        if self.average is not None:
            _move_average(self.average, self.bare, decay=min(settings.run.ema, (1 + step) / (10 + step)))
        return float(loss)

    def _collapse(self, draws: Draws) -> dict[str, float]:
        """Whether features made up for real faces still differ from one another, the mean over devices."""
        cosine = collapse(draws.real.detach())
        if self.fabric.world_size > 1:
            cosine = cast(torch.Tensor, self.fabric.all_reduce(cosine))
        limit = self.settings.loss.collapse
        if limit and float(cosine) >= limit:
            self._save()
            raise TrainingError(
                f"step {self.history.step}: generated features of real faces have a mean cosine of "
                f"{cosine:.4f}, at [loss] collapse = {limit} or above, so latent vectors no longer matter; "
                f"lower [loss] distribution or distribution_margin; the weights are in "
                f"{self.out / CHECKPOINT}"
            )
        return {"collapse": float(cosine)}

    def _evaluate(self) -> None:
        """Scores dev on the first device and tells the others, so that all of them go on or stop together."""
        settings = self.settings
        judged: Dev | None = None
        if self.fabric.global_rank == 0:
            scored = score_set(
                self.average or self.bare,
                self.sets.dev,
                frames=self.frames,
                size=settings.evaluation.batch,
                settings=settings.loss,
                device=self.fabric.device,
            )
            judged = judge(self.sets.dev, scored, step=self.history.step, alone=self.frames == 1)
        dev = cast(Dev, self.fabric.broadcast(judged))
        self._to_train()
        self.history.evaluations.append(dev)
        rates = {f"dev/{name}": getattr(dev, name) for name in ("loss", "auc", "eer", "acer")}
        self.fabric.log_dict(rates, dev.step)
        self.fabric.print(_sentence(dev))
        if self.history.best is dev and self.fabric.global_rank == 0:
            network = (self.average or self.bare).state_dict()
            checkpoints.write(self.out / BEST, Checkpoint(network, {}, {}, self.history))

    def _save(self) -> None:
        if self.fabric.global_rank == 0:
            average = {} if self.average is None else self.average.state_dict()
            optimiser = checkpoints.optimiser_state(self.optimiser)
            state = Checkpoint(self.bare.state_dict(), average, optimiser, self.history)
            checkpoints.write(self.out / CHECKPOINT, state)
            write_metrics(self.out, self.history)
        self.fabric.barrier()

    def restore(self, state: Checkpoint) -> None:
        """Goes on from `state`; ModelError where it is of another network."""
        try:
            self.bare.load_state_dict(state.network)
            if self.average is not None:
                self.average.load_state_dict(state.average)
        except RuntimeError as unfit:
            raise ModelError(
                f"{self.out / CHECKPOINT} is of another network than {self.settings.run.network}; put back "
                "the run's own, or start in another folder"
            ) from unfit
        checkpoints.restore_optimiser(self.optimiser, state.optimiser)
        self.history = state.history

    def _stop(self, drawn: RawBatch, *, loss: float, norm: float) -> None:
        """The weights are still those of the step before: save them and say where it happened."""
        self._save()
        names = [self.sets.train.rows[number].name for number in drawn.numbers[:3]]
        raise TrainingError(
            f"step {self.history.step} has the loss {loss} and a gradient of norm {norm} on the clips "
            f"{names}...; the weights before it are in {self.out / CHECKPOINT}; lower [optimiser] rate or "
            "set clip_norm"
        )


def exhausted(history: History, patience: int) -> bool:
    """Whether the last `patience` evaluations were no better than the one before them; dev alone decides."""
    best = history.best
    return bool(patience) and best in history.evaluations[:-patience]


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, *, decay: float) -> None:
    now = network.state_dict()
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(now[name], 1 - decay)
        else:
            tensor.copy_(now[name])


def _sentence(dev: Dev) -> str:
    instruments = ", ".join(f"{name} {share:.3f}" for name, share in dev.apcer.items())
    return (
        f"step {dev.step}: dev loss {dev.loss:.4f}, AUC {dev.auc:.4f}, EER {dev.eer:.4f}, "
        f"ACER {dev.acer:.4f}, BPCER {dev.bpcer:.3f}, APCER {instruments}"
    )
