"""Turn weights into the ONNX file that `unmask check` loads (needs the extra `train`).

With --commercial, weights are refused whose ledger holds material that is not for commercial use.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.extras import extra_of
from unmask.files import keep_inputs
from unmask.licences import not_commercial
from unmask.types import ModelError


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The options of the command."""

    weights: Annotated[Path, typer.Argument(help="Weights with their contract, .safetensors.")]
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")]
    commercial: Annotated[
        bool,
        typer.Option(
            "--commercial", help="Refuse weights with material that is not for commercial use, and name it."
        ),
    ] = False


def export(options: ExportOptions) -> int:
    """Writes the ONNX file of the weights."""
    with extra_of("export"):
        from unmask.models.export import export as export_network
        from unmask.models.weights import load
    keep_inputs({"--out": options.out}, [options.weights])
    network, contract = load(options.weights)
    if options.commercial and (refused := not_commercial(contract.training_data)):
        rows = ", ".join(f"{row.name} ({row.licence or 'no licence'})" for row in refused)
        raise ModelError(
            f"{options.weights} was trained on material that is not for commercial use: {rows}; train "
            "without it, or export without --commercial"
        )
    export_network(network, contract, options.out)
    print(options.out)
    return 0
