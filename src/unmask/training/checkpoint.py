"""The state of a run in one safetensors file: weights, their average, optimiser, history.

The file is replaced as a whole. No pickle: tensors by name, everything else as JSON in the file's metadata.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from unmask.files import write_bytes
from unmask.types import ModelError

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dev:
    """One evaluation on dev, after `step` steps. `eer`, `auc`, `apcer` and `acer` are over presentations, the
    threshold at the EER.
    """

    step: int
    loss: float
    auc: float
    eer: float
    threshold: float
    acer: float
    bpcer: float
    apcer: dict[str, float]  # instrument -> share accepted


@dataclass(slots=True, kw_only=True)
class History:
    """`step` steps are done; `losses` holds (step, mean loss since the one before)."""

    step: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    evaluations: list[Dev] = field(default_factory=list)

    @property
    def best(self) -> Dev | None:
        """The evaluation with the lowest EER, then the lowest loss, then the first."""
        return min(self.evaluations, key=lambda dev: (dev.eer, dev.loss, dev.step), default=None)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run as it stood: state of the network, of its average (empty without one), of the optimiser, and the
    history.
    """

    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimiser: dict[int, dict[str, Tensor]]
    history: History


def write(path: Path, checkpoint: Checkpoint) -> None:
    """The whole file or none."""
    tensors = {f"network/{name}": tensor for name, tensor in checkpoint.network.items()}
    tensors |= {f"average/{name}": tensor for name, tensor in checkpoint.average.items()}
    for number, slots in checkpoint.optimiser.items():
        tensors |= {f"optimiser/{number}/{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(plain, {"history": json.dumps(asdict(checkpoint.history))}))


def read(path: Path) -> Checkpoint:
    """The checkpoint in `path`; ModelError when it is missing or damaged."""
    network: dict[str, Tensor] = {}
    average: dict[str, Tensor] = {}
    optimiser: dict[int, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            history = json.loads((file.metadata() or {})["history"])
            for key in file.keys():  # noqa: SIM118 - safe_open is not a mapping
                kind, _, name = key.partition("/")
                if kind == "optimiser":
                    number, _, slot = name.partition("/")
                    optimiser.setdefault(int(number), {})[slot] = file.get_tensor(key)
                else:
                    (network if kind == "network" else average)[name] = file.get_tensor(key)
        history["evaluations"] = [Dev(**dev) for dev in history["evaluations"]]
        history["losses"] = [(step, loss) for step, loss in history["losses"]]
        found = History(**history)
    except FileNotFoundError as missing:
        raise ModelError(
            f"{path} does not exist, so there is nothing to resume; start without --resume"
        ) from missing
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as broken:
        raise ModelError(
            f"{path} is not a checkpoint of a run ({broken}); start again without --resume"
        ) from broken
    return Checkpoint(network, average, optimiser, found)


def optimiser_state(optimiser: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
    """The tensors of each parameter; rates are functions of settings and step, so they are not kept."""
    return optimiser.state_dict()["state"]


def restore_optimiser(optimiser: torch.optim.Optimizer, state: dict[int, dict[str, Tensor]]) -> None:
    """The inverse of `optimiser_state`, on an optimiser of the same parameters."""
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
