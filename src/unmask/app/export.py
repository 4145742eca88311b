"""Turn weights into the ONNX file that `unmask check` loads, in f32, bf16 or int8 (needs the extra `train`).

In f32 MODEL is .safetensors; in bf16 and int8 it may be an ONNX file in f32, too, and --data holds labelled
recordings: thresholds are measured on them at that precision, and ranges for int8 seen on others of them.
With --commercial, weights are refused whose ledger holds material that is not for commercial use.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.extras import extra_of
from unmask.app.options import PRECISIONS, Choices
from unmask.app.progress import adding, bar, busy, say
from unmask.contract import Contract
from unmask.detector.model_file import read_file
from unmask.files import keep_inputs
from unmask.licences import not_commercial
from unmask.types import ModelError, SettingsError

F32 = PRECISIONS[0]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The options of the command."""

    weights: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Weights with their contract, .safetensors, or a file in f32."),
    ]
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")]
    precision: Annotated[
        str, Choices(PRECISIONS), typer.Option(help="What it is run in; int8 is a third smaller, too.")
    ] = F32
    data: Annotated[
        tuple[Path, ...],
        typer.Option(
            help="For bf16 and int8: labelled recordings (labels.csv) or prepared sets in train and dev, of "
            "which several may be given."
        ),
    ] = ()
    commercial: Annotated[
        bool,
        typer.Option(
            "--commercial", help="Refuse weights with material that is not for commercial use, and name it."
        ),
    ] = False


def export(options: ExportOptions) -> int:
    """Writes the ONNX file of the weights."""
    with busy("loading torch"), extra_of("export"):
        from unmask.models.export import export as export_network
        from unmask.models.weights import load
    keep_inputs({"--out": options.out}, [options.weights, *options.data])
    lower = options.precision != F32
    if lower and not options.data:
        raise SettingsError(
            f"a threshold holds for the precision it was measured at, so {options.precision} needs "
            "recordings to measure it on; give --data, such as a folder that `unmask simulate` made"
        )
    if options.weights.suffix == ".onnx":
        if not lower:
            raise SettingsError(
                f"{options.weights} is an ONNX file in f32 already; give --precision bf16 or int8"
            )
        _, contract = read_file(options.weights)
        _refuse_material(contract, options)
        _lower(options.weights, options)
        return 0
    network, contract = load(options.weights)
    _refuse_material(contract, options)
    if not lower:
        with busy(f"exporting {options.out}"):
            export_network(network, contract, options.out)
        print(options.out)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "f32.onnx"
        with busy(f"exporting {options.weights}"):
            export_network(network, contract, plain)
        _lower(plain, options)
    return 0


def _refuse_material(contract: Contract, options: ExportOptions) -> None:
    if options.commercial and (refused := not_commercial(contract.training_data)):
        rows = ", ".join(f"{row.name} ({row.licence or 'no licence'})" for row in refused)
        raise ModelError(
            f"{options.weights} was trained on material that is not for commercial use: {rows}; train "
            "without it, or export without --commercial"
        )


def _lower(plain: Path, options: ExportOptions) -> None:
    """The f32 file `plain` in bf16 or int8, and a sentence on what that changed."""
    from unmask.app.precision import material_of, write_at

    _, contract = read_file(plain)
    with tempfile.TemporaryDirectory() as folder:
        with bar("cutting clips") as advance:
            jobs = os.cpu_count() or 1
            seen = material_of(options.data, Path(folder), clip=contract.clip, jobs=jobs, progress=advance)
        with bar(f"measuring in {options.precision}") as advance:
            scored = adding(advance, 2 * len(seen.measured.rows))
            found = write_at(options.precision, plain, seen, options.out, scored=scored)
    say(
        f"{options.precision} beside f32 on {found.presentations} presentations: AUC {found.auc:.4f} and "
        f"{found.auc_before:.4f}, {found.flipped} decided otherwise at the point default, clip scores "
        f"{found.moved:.3f} apart; {options.out.stat().st_size / 1e6:.1f} MB"
    )
    print(options.out)
