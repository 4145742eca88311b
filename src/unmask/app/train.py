"""`unmask train` and `unmask export`: prepared clips -> weights with their contract -> an ONNX file."""

import shlex
import sys
from pathlib import Path

from unmask.app.precision import add_bf16_points
from unmask.app.progress import bar
from unmask.app.training_sets import prepared, training_data
from unmask.data.prepared import PreparedSet
from unmask.models.export import export as export_network
from unmask.models.weights import load
from unmask.training.finish import finish
from unmask.training.loop import train
from unmask.training.settings import read_settings


def run(config: str, *, data: Path, out: Path, resume: bool, init: Path | None) -> int:
    """Trains, and names the files that came of it."""
    settings = read_settings(config)
    sets = prepared(data, out / "prepared", spec=settings.clip)
    with bar(f"training {settings.run.name}") as advance:
        train(
            settings,
            data=sets,
            out=out,
            resume=resume,
            init=init,
            progress=lambda done, total, loss: advance(done, total),
        )
    command = shlex.join(["unmask", *sys.argv[1:]])
    finished = finish(out, data=sets, training_data=training_data(data), command=command)
    dev = PreparedSet.open(sets / "dev")
    add_bf16_points(finished.model, finished.weights, dev=dev, settings=settings.evaluation)
    print(finished.weights)
    print(finished.model)
    return 0


def export(weights: Path, *, out: Path) -> int:
    """Writes the ONNX file of the weights."""
    network, contract = load(weights)
    export_network(network, contract, out)
    print(out)
    return 0
