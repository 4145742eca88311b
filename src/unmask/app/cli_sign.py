"""The command that signs a model file."""

from pathlib import Path
from typing import Annotated

import typer


def sign(
    model: Annotated[Path, typer.Argument(help="A model file, .onnx or .safetensors.", metavar="MODEL")],
    key: Annotated[Path, typer.Option(help="Your private Ed25519 key, PEM without a password.")],
    out: Annotated[Path | None, typer.Option(help="The signature; MODEL.sig if not given.")] = None,
) -> int:
    """Sign a model, so that `--trust` accepts nothing but models of yours (needs the extra `sign`)."""
    from unmask.app.progress import say
    from unmask.files import keep_inputs, write_bytes
    from unmask.signature import signature_path, signed

    target = out or signature_path(model)
    keep_inputs({"--out": target}, [model, key])
    write_bytes(target, signed(model, key))
    say(f"signature: {target}")
    return 0
