"""Sign a model, so that `--trust` accepts nothing but models of yours (needs the extra `sign`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.progress import say
from unmask.detector.model_file import read_file
from unmask.files import keep_inputs, write_bytes
from unmask.signature import signature_path, signed


@dataclass(frozen=True, kw_only=True)
class SignOptions:
    """The options of the command."""

    model: Annotated[Path, typer.Argument(help="An exported model file, .onnx.", metavar="MODEL")]
    key: Annotated[Path, typer.Option(help="Your private Ed25519 key, PEM without a password.")]
    out: Annotated[Path | None, typer.Option(help="The signature; MODEL.sig if not given.")] = None


def sign(options: SignOptions) -> int:
    """Writes the signature; nothing but an exported model is signed, since `--trust` checks nothing else."""
    target = options.out or signature_path(options.model)
    keep_inputs({"--out": target}, [options.model, options.key])
    content, _ = read_file(options.model)
    write_bytes(target, signed(content, options.key))
    say(f"signature: {target}")
    return 0
