"""`unmask search`: a setting or several varied by trials, on sets that are prepared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from unmask.app.progress import say
from unmask.files import keep_inputs
from unmask.training.networks import refuse_unfit
from unmask.training.search import BEST_SETTINGS, TRIALS, Aim, search, spaces_of
from unmask.training.settings import Settings, changes_of, read_settings


def run(
    config: str,
    *,
    data: Sequence[Path],
    out: Path,
    over: Sequence[str],
    trials: int,
    aim: str,
    changes: Sequence[str] = (),
    init: Path | None = None,
) -> int:
    """Trains the trials that are not done yet and names the files that came of them."""
    keep_inputs({"--out": out}, data)
    fixed, space = changes_of(changes), spaces_of(over)

    def settings_of(varied: Mapping[str, Any]) -> Settings:
        return read_settings(config, overrides={**fixed, **varied})

    refuse_unfit(settings_of({place: of.choices[0] if of.choices else of.low for place, of in space.items()}))
    search(
        settings_of,
        space=space,
        data=data,
        out=out,
        trials=trials,
        aim=cast(Aim, aim),
        init=init,
        told=say,
    )
    print(out / TRIALS)
    print(out / BEST_SETTINGS)
    return 0
