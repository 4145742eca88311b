"""Turn weights into the ONNX file that `unmask check` loads (needs the extra `train`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.extras import extra_of
from unmask.files import keep_inputs


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The options of the command."""

    weights: Annotated[Path, typer.Argument(help="Weights with their contract, .safetensors.")]
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")]


def export(options: ExportOptions) -> int:
    """Writes the ONNX file of the weights."""
    with extra_of("export"):
        from unmask.models.export import export as export_network
        from unmask.models.weights import load
    keep_inputs({"--out": options.out}, [options.weights])
    network, contract = load(options.weights)
    export_network(network, contract, options.out)
    print(options.out)
    return 0
