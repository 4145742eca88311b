"""The command that asks FGHV's second module, which the exported file leaves out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.cli_train import train_extra


class SearchKind(StrEnum):
    """How latent vectors are moved, see models.gaussian."""

    ADAM = "adam"
    DESCENT = "descent"


def fghv(
    weights: Annotated[Path, typer.Argument(help="Weights of an FGHV, .safetensors.")],
    prepared: Annotated[Path, typer.Argument(help="A prepared set: dev or test.")],
    out: Annotated[Path, typer.Option(help="Where the score of each presentation goes.")] = Path(
        "scores.csv"
    ),
    train: Annotated[
        Path | None,
        typer.Option(help="The prepared set the weights learned from; PREPARED's sister if not given."),
    ] = None,
    dev: Annotated[
        Path | None,
        typer.Option(help="The prepared set that weighs the parts of the score; PREPARED's sister."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Of the search for latent vectors.", min=0)] = 10,
    rate: Annotated[float, typer.Option(help="Of the search.", min=1e-6)] = 0.05,
    search: Annotated[SearchKind, typer.Option(help="Adam, or plain gradient descent.")] = SearchKind.ADAM,
    plane: Annotated[
        Path | None, typer.Option(help="Draw the decision plane there, .svg (extra `report`).")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Draw the t-SNE map of features there, .svg (extra `report`).")
    ] = None,
    by: Annotated[
        str, typer.Option(help="Column of the manifest that is the domain on the map.")
    ] = "dataset",
) -> int:
    """Score a prepared set by both modules of FGHV, in torch (needs the extra `train`).

    Columns: score (the best on dev of FHVM, variance, delta-KL and their combinations), fhvm (what the
    exported file gives), variance and delta_kl (lower is more bona fide). Standardised by the bona fide
    presentations of the training set.
    """
    with train_extra("fghv"):
        from unmask.app.fghv import Wishes, run

        wishes = Wishes(
            out=out,
            train=train,
            dev=dev,
            steps=steps,
            rate=rate,
            search=search.value,
            plane=plane,
            features=features,
            by=by,
        )
        return run(weights, prepared, wishes)
