"""Make a model file of published weights, for a second opinion (needs the extra `train`).

minifasnet: 2.7_80x80_MiniFASNetV2.pth and 4_0_0_80x80_MiniFASNetV1SE.pth of
github.com/minivision-ai/Silent-Face-Anti-Spoofing, resources/anti_spoof_models.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.extras import extra_of
from unmask.app.options import Choices, ModelOut
from unmask.app.progress import busy, say
from unmask.files import atomic_path, keep_inputs


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The options of the command."""

    network: Annotated[
        str, Choices(("minifasnet",)), typer.Argument(help="Whose files they are.", metavar="NETWORK")
    ]
    files: Annotated[
        tuple[Path, ...],
        typer.Argument(help="The published .pth files: both, or one of them.", metavar="FILE"),
    ]
    out: ModelOut = Path("minifasnet.onnx")


def import_published(options: ImportOptions) -> int:
    """Reads the files, writes the model; 0 once that is done."""
    with extra_of("import"):
        from unmask.models.export import export
        from unmask.models.silentface import published_contract, read_published
    files, out = options.files, options.out
    keep_inputs({"--out": out}, files)
    module, published = read_published(files)
    with busy(f"exporting {out}"), atomic_path(out) as part:
        contract = export(module, published_contract(published), part, half=False)
    point = contract.operating_points[0]
    say(f"model: {out}, {contract.name} {contract.version}, {contract.training_data[0].licence}")
    say(f"second opinion: unmask check SOURCE --model default --model {out}")
    say(f"default point: {point.measured_on}")
    return 0
