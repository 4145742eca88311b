"""The options of `unmask train`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


def _list_presets(wanted: bool) -> None:
    """Print the presets and leave."""
    if wanted:
        from unmask.training.settings import described

        for name, sentence in described().items():
            typer.echo(f"{name:16s} {sentence}")
        raise typer.Exit


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The options of the command; `steps` 0 is what the settings say."""

    config: Annotated[
        str, typer.Option(help="TOML file with the settings, or the name of a preset, as --list shows.")
    ]
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, log, weights.")]
    folders: Annotated[
        tuple[Path, ...],
        typer.Argument(
            help="Folder of prepared clips, with train and dev, or of labelled recordings; several, all of "
            "them.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = ()
    data: Annotated[
        tuple[Path, ...],
        typer.Option(help="The same as an option, as the other commands have it; repeatable."),
    ] = ()
    protocol: Annotated[
        str,
        typer.Option(help="Take the parts of this protocol out of --data, sets prepared without one."),
    ] = ""
    changes: Annotated[
        tuple[str, ...],
        typer.Option("--set", help="A setting in place of the file's, as optimiser.rate=0.001; repeatable."),
    ] = ()
    presets: Annotated[
        bool,
        typer.Option("--list", help="List the presets.", callback=_list_presets, is_eager=True),
    ] = False
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the checkpoint in --out.")] = False
    init: Annotated[
        Path | None,
        typer.Option(
            help="Weights to start from, e.g. single-frame ones for a multi-frame network; imagenet: the "
            "published ones of an encoder, fetched by pip."
        ),
    ] = None
    seeds: Annotated[
        int, typer.Option(help="Train so many times, in --out/seed-1 and on; mean and deviation.", min=1)
    ] = 1
    steps: Annotated[
        int, typer.Option(help="Instead of the settings' own, e.g. for a first look. 0: theirs.", min=0)
    ] = 0
    ray: Annotated[
        int,
        typer.Option(help="Train on so many workers of the Ray cluster of RAY_ADDRESS. 0: here.", min=0),
    ] = 0
