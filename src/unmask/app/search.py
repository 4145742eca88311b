"""Search settings by short trainings with Optuna (needs the extras `train` and `search`).

Resumes an interrupted search.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from unmask.app.extras import extra_of
from unmask.app.options import Choices
from unmask.app.progress import busy, losses, say
from unmask.files import keep_inputs
from unmask.types import SettingsError

AIMS = ("eer", "auc", "loss")


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """The options of the command."""

    config: Annotated[str, typer.Option(help="TOML file with the settings, or the name of a preset.")]
    data: Annotated[
        tuple[Path, ...], typer.Option(help="Folder of prepared clips with train and dev; repeatable.")
    ]
    out: Annotated[Path, typer.Option(help="Folder of the trials, trials.csv and best.toml.")]
    over: Annotated[
        tuple[str, ...],
        typer.Option(
            help="A setting to vary, section.key=LOW..HIGH or section.key=A|B|C; repeatable. A range of a "
            "decade or more is searched by its logarithm."
        ),
    ]
    trials: Annotated[int, typer.Option(help="Runs in all, those of an earlier call among them.", min=1)] = 20
    changes: Annotated[
        tuple[str, ...],
        typer.Option("--set", help="A setting in place of the file's for all trials; repeatable."),
    ] = ()
    init: Annotated[Path | None, typer.Option(help="Weights to start every trial from.")] = None
    aim: Annotated[
        str, Choices(AIMS), typer.Option(help="What of dev decides, in the best evaluation of each trial.")
    ] = "eer"


def search(options: SearchOptions) -> int:
    """Trains the trials that are not done yet and names the files that came of them."""
    with busy("loading torch"), extra_of("search"):
        from unmask.training import search as searching
        from unmask.training.loop import refuse_first
        from unmask.training.networks import refuse_unfit
        from unmask.training.sets import Sets
        from unmask.training.settings import Settings, changes_of, read_settings

    keep_inputs({"--out": options.out}, options.data)
    fixed, space = changes_of(options.changes), searching.spaces_of(options.over)
    if both := sorted(fixed.keys() & space.keys()):
        raise SettingsError(f"--set holds {both[0]} and --over varies it; give one of them")

    def settings_of(varied: Mapping[str, Any]) -> Settings:
        return read_settings(options.config, overrides={**fixed, **varied})

    first = {place: of.ends[0] for place, of in space.items()}
    for place, of in space.items():  # a search that is refused leaves nothing, nor ends at a later trial
        for value in of.ends:
            refuse_unfit(settings_of({**first, place: value}))
    refuse_first(settings_of(first), options.init)
    Sets.open(options.data)
    with extra_of("search"), losses(f"searching over {options.trials} trials") as advance:
        searching.search(
            settings_of,
            space=space,
            data=options.data,
            out=options.out,
            trials=options.trials,
            aim=cast(searching.Aim, options.aim),
            init=options.init,
            told=say,
            progress=advance,
        )
    print(options.out / searching.TRIALS)
    print(options.out / searching.BEST_SETTINGS)
    return 0
