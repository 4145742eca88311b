"""Operating points for another precision: a threshold holds for the one it was measured at.

Clips are scored anew by the runtime itself.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from unmask.app.training_sets import split
from unmask.contract import Contract, GoldenClip, seal_onnx
from unmask.data.folder import LABELS, read_labels
from unmask.data.prepare.preparation import Cutting, prepare
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.recordings import TrackedFolder
from unmask.detector.network import BATCH, Network, planes
from unmask.files import write_bytes
from unmask.media.faces import FaceFinder
from unmask.models.export import store_half
from unmask.models.quantisation import quantised
from unmask.models.weights import load, save
from unmask.training.calibrated import through
from unmask.training.matched import Comparison, matched
from unmask.training.sets import has_part, part_of
from unmask.training.settings import EvaluationSettings
from unmask.training.threshold import operating_points
from unmask.types import ClipSpec, DataError

SEEN = 64  # clips whose ranges int8 is made for
MOST_LOST = 0.005  # of the AUC, on the clips that points are measured on


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Clips to see ranges of maps on, and others to measure error rates on."""

    ranges: PreparedSet
    measured: PreparedSet
    name: str


def material_of(
    given: Sequence[Path],
    folder: Path,
    *,
    clip: ClipSpec,
    jobs: int,
    progress: Callable[[int, int], None] | None = None,
) -> Material:
    """Clips of the folders `given`: of their prepared sets train and dev, or, of a single folder of labelled
    recordings, cut into `folder`.

    Ranges are seen on a fifth of the subjects and rates measured on the others, where no column `split` parts
    them. `progress` gets shards done and in all. Raises DataError.
    """
    if has_part(given, "train") and has_part(given, "dev"):
        return prepared_material(given)
    if len(given) > 1:
        raise DataError(
            "several folders of --data must be prepared sets in train and dev, and "
            f"{', '.join(map(str, given))} are not all; prepare them first, or give one"
        )
    (data,) = given
    if not (data / LABELS).is_file():
        raise DataError(
            f"{data} has neither prepared sets in train and dev nor {LABELS}; make it with `unmask "
            "simulate` or `unmask prepare`"
        )
    presentations = read_labels(data)
    parts = split(presentations)
    if not any(presentation.split for presentation in presentations):
        parts = {"train": parts["dev"], "dev": parts["train"]}  # the most to measure on
    for seed, part in enumerate(("train", "dev"), start=1):
        prepare(
            TrackedFolder(presentations=parts[part], load_finder=FaceFinder.load, stride_s=clip.stride_s),
            folder / part,
            count=len(parts[part]),
            cutting=Cutting(clip=clip, seed=seed, scale_jitter=0.0, shift_jitter=0.0),
            jobs=jobs,
            progress=progress,
        )
    return prepared_material([folder], name=data.name)


def prepared_material(data: Sequence[Path], *, name: str = "") -> Material:
    """Ranges of the part train and rates of the part dev of these prepared sets."""
    ranges, measured = part_of(data, "train"), part_of(data, "dev")
    subjects = len({row.subject for row in measured.rows})
    named = name or ", ".join(folder.name for folder in data)
    return Material(ranges=ranges, measured=measured, name=f"{named}: {subjects} subjects")


def add_bf16_points(
    model: Path,
    weights: Path,
    *,
    dev: PreparedSet,
    settings: EvaluationSettings,
    scored: Callable[[int], None] | None = None,
) -> Contract:
    """The ONNX file and the weights beside it get points measured on `dev` in bf16, by the runtime itself."""
    network = Network.load(model, precision="bf16")
    contract = network.contract
    known = [point for point in contract.operating_points if point.precision != "bf16"]
    measured = operating_points(
        dev.rows,
        clip_scores(network, dev, scored=scored),
        settings=settings,
        alone=contract.clip.frames == 1,
        precision="bf16",
        measured_on=known[0].measured_on,
    )
    measured = through(measured, contract.score_map)
    contract = replace(contract, operating_points=(*known, *measured))
    contract = _seal(onnx.load(str(model)), contract, model)
    network_of_weights, _ = load(weights)
    save(weights, network_of_weights, contract)
    return contract


def write_at(
    precision: str,
    model: Path,
    material: Material,
    out: Path,
    *,
    scored: Callable[[int], None] | None = None,
) -> Comparison:
    """The f32 file `model` as `out`, with operating points measured at `precision`.

    In bf16 the graph stays, and its f32 points with it; int8 is a graph of its own, with golden scores and
    points of its own. DataError where the clips are cut otherwise than the model's, or the AUC on them falls
    by more than MOST_LOST: then nothing is written. `scored` is told how many more clips
    have been scored; each of `material.measured` is scored twice.
    """
    plain = Network.load(model, precision="f32")
    contract = plain.contract
    for part in (material.ranges, material.measured):
        _refuse_other_clips(part, contract)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.onnx"
        graph = onnx.load(str(model))
        if precision == "int8":
            graph = quantised(graph, _inputs(material.ranges, contract))
            store_half(graph)
            contract = replace(contract, golden=_golden_in_int8(graph, contract))
        _seal(graph, contract, made)
        network = Network.load(made, precision=precision)
        found = matched(
            contract,
            material.measured.rows,
            clip_scores(plain, material.measured, scored=scored),
            clip_scores(network, material.measured, scored=scored),
            precision=precision,
            measured_on=f"{material.name}, thresholds matched to those in f32",
        )
    if found.auc < found.auc_before - MOST_LOST:
        raise DataError(
            f"in {precision} the AUC on {material.name} is {found.auc:.4f} and not {found.auc_before:.4f} as "
            f"in f32, and may fall by {MOST_LOST} at most; keep this model in f32"
        )
    kept = (
        ()
        if precision == "int8"
        else tuple(point for point in contract.operating_points if point.precision != precision)
    )
    _seal(graph, replace(contract, operating_points=(*kept, *found.points)), out)
    return found


def _golden_in_int8(graph: onnx.ModelProto, contract: Contract) -> tuple[GoldenClip, ...]:
    """The contract's golden clips with the scores of the runtime that users have: ONNX Runtime, which scores
    them in f32, rounds maps otherwise.
    """
    network = Network(graph.SerializeToString(), contract, origin=contract.name, precision="int8", threads=1)
    return tuple(replace(golden, score=network.golden_score(golden)) for golden in contract.golden)


def clip_scores(
    network: Network, clips: PreparedSet, *, scored: Callable[[int], None] | None = None
) -> np.ndarray:
    """Raw scores (rows,) float64 of all clips, in the order of the rows; `scored` is told how many more."""
    frames, scores = network.contract.clip.frames, []
    for start in range(0, len(clips.rows), BATCH):
        arrays = clips.read(np.arange(start, min(start + BATCH, len(clips.rows))))
        scores.append(network.run(arrays.clips[:, :frames], arrays.mask[:, 0] / np.float32(255))[0])
        if scored is not None:
            scored(len(scores[-1]))
    return np.concatenate(scores).astype(np.float64)


def _inputs(clips: PreparedSet, contract: Contract) -> list[Mapping[str, np.ndarray]]:
    """Up to SEEN clips, evenly over the rows, as the graph takes them."""
    count = min(SEEN, len(clips.rows))
    chosen = np.unique(np.linspace(0, len(clips.rows) - 1, count).round().astype(int))
    found: list[Mapping[str, np.ndarray]] = []
    for number in chosen:
        arrays = clips.read([number])
        mask = np.ascontiguousarray(arrays.mask[:, 0] / np.float32(255))
        found.append({"clips": planes(arrays.clips[:, : contract.clip.frames]), "mask": mask})
    return found


def _refuse_other_clips(clips: PreparedSet, contract: Contract) -> None:
    wanted = contract.clip
    if wanted.views:
        raise DataError(
            f"model {contract.name} looks at {len(wanted.views) + 1} cuts of a face, and prepared sets hold "
            "one; keep it in f32"
        )
    if replace(clips.spec, frames=wanted.frames) != wanted or clips.spec.frames < wanted.frames:
        raise DataError(
            f"{clips.root} holds clips cut as {clips.spec}, and model {contract.name} takes {wanted}; give "
            "the labelled recordings, which are cut as the model needs them"
        )


def _seal(graph: onnx.ModelProto, contract: Contract, out: Path) -> Contract:
    contract, content = seal_onnx(graph, contract)
    write_bytes(out, content)
    return contract
