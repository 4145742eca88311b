"""Options that several commands have."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

MARGIN = 0.1  # room around clips of train, a share of their side, where nothing else is asked for


class Precision(StrEnum):
    """Of the inference; operating points are measured at each."""

    F32 = "f32"
    BF16 = "bf16"


class Engine(StrEnum):
    """Where shards are made, or presentations scored."""

    PROCESSES = "processes"
    RAY = "ray"


Models = Annotated[
    list[Path] | None,
    typer.Option(
        "--model",
        help="Exported .onnx file in place of the packaged models, which `default` names. Given again, "
        "one is for pictures and one for video; models of as many frames are fused.",
    ),
]
Trust = Annotated[
    Path | None,
    typer.Option("--trust", help="Public key: refuse models that its owner did not sign (`unmask sign`)."),
]
Point = Annotated[str, typer.Option(help="Operating point: a named threshold in the model's contract.")]
InPrecision = Annotated[Precision, typer.Option(help="Precision of the network.")]
Fps = Annotated[
    float, typer.Option(help="Frames a second of folders of frames, which carry no clock.", min=0.1)
]
InEngine = Annotated[
    Engine, typer.Option(help="Processes here, or the Ray cluster of RAY_ADDRESS (extra `scale`).")
]
Jobs = Annotated[int, typer.Option(help="Processes; 0 is one for each core.", min=0)]
