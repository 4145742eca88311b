"""Operating points for bf16: a threshold holds for the precision it was measured at; dev is scored anew."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from unmask.contract import Contract, seal_onnx
from unmask.data.prepare.prepared import PreparedSet
from unmask.detector.network import BATCH, Network
from unmask.files import write_bytes
from unmask.models.weights import load, save
from unmask.training.calibrated import through
from unmask.training.settings import EvaluationSettings
from unmask.training.threshold import operating_points


def add_bf16_points(
    model: Path, weights: Path, *, dev: PreparedSet, settings: EvaluationSettings
) -> Contract:
    """The ONNX file and the weights beside it get points measured on `dev` in bf16, by the runtime itself."""
    network = Network.load(model, precision="bf16")
    contract = network.contract
    frames = contract.clip.frames
    scores = []
    for start in range(0, len(dev.rows), BATCH):
        arrays = dev.read(np.arange(start, min(start + BATCH, len(dev.rows))))
        scores.append(network.run(arrays.clips[:, :frames], arrays.mask[:, 0] / np.float32(255))[0])
    known = [point for point in contract.operating_points if point.precision != "bf16"]
    measured = operating_points(
        dev.rows,
        np.concatenate(scores).astype(np.float64),
        settings=settings,
        alone=frames == 1,
        precision="bf16",
        measured_on=known[0].measured_on,
    )
    measured = through(measured, contract.score_map)
    return _rewrite(model, weights, replace(contract, operating_points=(*known, *measured)))


def _rewrite(model: Path, weights: Path, contract: Contract) -> Contract:
    graph = onnx.load(str(model))
    contract, content = seal_onnx(graph, contract)
    write_bytes(model, content)
    network, _ = load(weights)
    save(weights, network, contract)
    return contract
