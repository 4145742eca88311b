"""The commands that make weights and turn them into what is deployed."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
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


def train(
    config: Annotated[
        str, typer.Option(help="TOML file with the settings, or the name of a preset, as --list shows.")
    ],
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of prepared clips, with train and dev, or of labelled recordings; given several "
            "times, all of them."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, log, weights.")],
    protocol: Annotated[
        str,
        typer.Option(help="Take the parts of this protocol out of --data, sets prepared without one."),
    ] = "",
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting in place of the file's, as optimiser.rate=0.001; repeatable."),
    ] = None,
    presets: Annotated[
        bool,
        typer.Option("--list", help="List the presets.", callback=_list_presets, is_eager=True),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")] = False,
    init: Annotated[
        Path | None,
        typer.Option(
            help="Weights to start from, e.g. single-frame ones for a multi-frame network; imagenet: the "
            "published ones of an encoder, fetched by pip."
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Train so many times, in --out/seed-1 and on; mean and deviation.", min=1)
    ] = 1,
    steps: Annotated[
        int, typer.Option(help="Instead of the settings' own, e.g. for a first look. 0: theirs.", min=0)
    ] = 0,
    ray: Annotated[
        int,
        typer.Option(help="Train on so many workers of the Ray cluster of RAY_ADDRESS. 0: here.", min=0),
    ] = 0,
) -> int:
    """Train a network and write its weights with their contract (needs the extra `train`)."""
    with train_extra("train"):
        from unmask.app.train import run

        return run(
            config,
            data=data,
            out=out,
            protocol=protocol,
            changes=change or (),
            resume=resume,
            init=init,
            seeds=seeds,
            steps=steps,
            ray_workers=ray,
        )


class Aim(StrEnum):
    """What of dev decides between trials."""

    EER = "eer"
    AUC = "auc"
    LOSS = "loss"


def search(
    config: Annotated[
        str,
        typer.Option(help="TOML file with the settings, or the name of a preset of `unmask train --list`."),
    ],
    data: Annotated[
        list[Path], typer.Option(help="Folder of prepared clips with train and dev; repeatable.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the trials, trials.csv and best.toml.")],
    over: Annotated[
        list[str],
        typer.Option(
            help="A setting to vary, section.key=LOW..HIGH or section.key=A|B|C; repeatable. A range of a "
            "decade or more is searched by its logarithm."
        ),
    ],
    trials: Annotated[
        int, typer.Option(help="Runs in all, those of an earlier call among them.", min=1)
    ] = 20,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting in place of the file's for all trials; repeatable."),
    ] = None,
    init: Annotated[Path | None, typer.Option(help="Weights to start every trial from.")] = None,
    aim: Annotated[Aim, typer.Option(help="What of dev decides, in the best evaluation of each.")] = Aim.EER,
) -> int:
    """Search settings by short trainings with Optuna (needs the extras `train` and `search`).

    A search that was broken off goes on where it stood.
    """
    with train_extra("search"):
        from unmask.app.search import run

        return run(
            config,
            data=data,
            out=out,
            over=over,
            trials=trials,
            aim=aim.value,
            changes=change or (),
            init=init,
        )


def export(
    weights: Annotated[Path, typer.Argument(help="Weights with their contract, .safetensors.")],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
) -> int:
    """Turn weights into the ONNX file that `unmask check` loads (needs the extra `train`)."""
    with train_extra("export"):
        from unmask.app.train import export as export_weights

        return export_weights(weights, out=out)


@contextmanager
def train_extra(command: str) -> Iterator[None]:
    """Names the extra that is missing, if it is one of its packages."""
    try:
        yield
    except ModuleNotFoundError as missing:
        extra = "search" if missing.name == "optuna" else "train"
        if (missing.name or "").split(".")[0] in (
            "optuna",
            "torch",
            "lightning",
            "safetensors",
            "onnxruntime",
            "onnxscript",
        ):
            from unmask.types import SettingsError

            raise SettingsError(
                f"`unmask {command}` needs {missing.name}, which is missing; pip install 'unmask[{extra}]'"
            ) from missing
        raise
