"""The runs of `unmask benchmark ocim`: a training for each fold, and a row of the field's table."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.table import Table
from rich.text import Text

from unmask.app.benchmark_ocim import CrossSetOptions
from unmask.app.progress import losses, say
from unmask.app.render import console
from unmask.data.catalogue import protocol as catalogue_protocol
from unmask.data.prepare.engines import ENGINES, ray_module
from unmask.data.prepare.prepared import PREPARATION
from unmask.data.prepare.selection import dataset_of, select
from unmask.files import keep_inputs
from unmask.report.published import published
from unmask.training.field import FIELD, VIEWS, WAYS, Fold, read_field, write_field, write_table
from unmask.training.loop import train
from unmask.training.run_folder import SETTINGS
from unmask.training.settings import Settings, changes_of, read_settings
from unmask.types import SettingsError


def run_folds(options: CrossSetOptions, protocols: Sequence[str]) -> int:
    """Trains each fold that is not trained yet, prints the row, writes table.csv; 0 once all are there."""
    keep_inputs({"--out": options.out}, options.data)
    if options.engine == "ray":
        ray_module()
    settings = read_settings(options.config, overrides=changes_of(options.changes))
    homes = {dataset_of(folder): folder for folder in options.data}
    for name in protocols:  # what is missing is said before the work
        if missing := sorted(set(catalogue_protocol(name).needs) - homes.keys()):
            raise SettingsError(f"{name} needs {' and '.join(missing)}, too; give --data for each set")
    tasks = [(name, seed) for name in protocols for seed in range(options.seeds)]
    work = partial(_fold, settings=settings, homes=homes, options=options)
    jobs = options.jobs if options.engine == "processes" else options.jobs or os.cpu_count() or 1
    for done, _ in enumerate(ENGINES[options.engine](work, tasks, jobs=jobs), start=1):
        say(f"{done} of {len(tasks)} runs")
    found = [fold for task in tasks for fold in read_field(_folder(options.out, *task, settings=settings))]
    rows = write_table(options.out, found)
    console().print(_drawn(rows, protocols, name=settings.run.name))
    print(options.out / "table.csv")
    return 0


def _folder(out: Path, protocol: str, seed: int, *, settings: Settings) -> Path:
    return out / protocol.replace("/", "-") / f"seed-{settings.run.seed + seed}"


def _fold(
    task: tuple[str, int], *, settings: Settings, homes: dict[str, Path], options: CrossSetOptions
) -> list[Fold]:
    """One run, from where it stands."""
    protocol, seed = task
    folder = _folder(options.out, protocol, seed, settings=settings)
    if (folder / FIELD).is_file():
        return read_field(folder)
    sets = folder.parent / "sets"
    if not (sets / PREPARATION).is_file():
        needed = [homes[name] for name in catalogue_protocol(protocol).needs]
        for note in select(needed, protocol=protocol, out=sets):
            say(f"{protocol}: {note}; rates on it are not those of the papers")
    its = replace(settings, run=replace(settings.run, seed=settings.run.seed + seed))
    resume = (folder / SETTINGS).is_file()
    with losses(f"{protocol}, seed {its.run.seed}") as advance:
        train(its, data=sets, out=folder, resume=resume, init=options.init, progress=advance)
    return write_field(folder, data=sets, protocol=protocol)


def _drawn(rows: Sequence[dict[str, object]], protocols: Sequence[str], *, name: str) -> Table:
    """HTER / AUC in per cent of each fold, as the field prints them; published rows above."""
    drawn = Table(title=Text("HTER / AUC, %", "bold"), title_justify="left", box=None, pad_edge=False)
    drawn.add_column("method", header_style="dim")
    for column in (*(protocol.rpartition("/")[2] for protocol in protocols), "mean"):
        drawn.add_column(column, justify="right", header_style="dim")
    for method, cells in _published(protocols).items():
        drawn.add_row(Text(method), *map(Text, cells), "")
    for seen in VIEWS:
        for way in WAYS:
            label = f"{name}, {seen}, " + (
                "EER threshold of TEST" if way == "test-eer" else "threshold from dev of the sources"
            )
            of_row = [row for row in rows if (row["seen"], row["threshold_from"]) == (seen, way)]
            drawn.add_row(Text(label, "bold"), *(Text(_cell(row)) for row in of_row))
    return drawn


def _published(protocols: Sequence[str]) -> dict[str, list[str]]:
    """Method -> HTER / AUC of each protocol; none where one of them has no published figures here."""
    try:
        found = [{row.method: row.figures for row in published(name)} for name in protocols]
    except SettingsError:
        return {}
    return {
        method: [f"{one[method].get('HTER', '')} / {one[method].get('AUC', '')}" for one in found]
        for method in found[0]
        if all(method in one for one in found)
    }


def _cell(row: dict[str, object]) -> str:
    """HTER / AUC with their deviations where there are some."""
    parts = []
    for figure in ("hter", "auc"):
        value, deviation = float(str(row[figure])), float(str(row[f"{figure}_deviation"]))
        spread = "" if deviation != deviation else f"±{100 * deviation:.2f}"
        parts.append(f"{100 * value:.2f}{spread}")
    return " / ".join(parts)
