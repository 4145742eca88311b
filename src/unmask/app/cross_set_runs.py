"""The runs of `unmask benchmark ocim` and `siw-m`: a training for each fold, a row of the field's table."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from unmask.app.field_table import drawn
from unmask.app.fold_options import FoldOptions
from unmask.app.progress import losses, say
from unmask.app.render import print_whole
from unmask.data.catalogue import protocol as catalogue_protocol
from unmask.data.prepare.prepared import PREPARATION
from unmask.data.prepare.selection import homes_of, select, selected_from, unselect
from unmask.files import keep_inputs, write_bytes
from unmask.parallel import ENGINES, ray_module
from unmask.training.field import FIELD, VIEWS, Fold, read_field, write_field, write_table
from unmask.training.loop import refuse_start, train
from unmask.training.networks import refuse_unfit
from unmask.training.run_folder import SETTINGS, origin_of
from unmask.training.sets import part_of
from unmask.training.settings import Settings, changes_of, read_settings, to_toml
from unmask.training.trainer import TrainingError
from unmask.types import SettingsError, UnmaskError


def run_folds(options: FoldOptions, protocols: Sequence[str], *, data: Sequence[Path]) -> int:
    """Trains each fold that is not trained yet, prints the row, writes table.csv; 0 once all are there.

    `data` are sets prepared whole.
    """
    keep_inputs({"--out": options.out}, data)
    if options.engine == "ray":
        ray_module()
    settings = read_settings(options.config, overrides=changes_of(options.changes))
    refuse_unfit(settings)
    homes = homes_of(data)
    used: set[str] = set()
    for name in protocols:  # what is missing is said before the work
        needs = set(catalogue_protocol(name).needs)
        if missing := sorted(needs - homes.keys()):
            raise SettingsError(f"{name} needs {' and '.join(missing)}, too; give --data for each set")
        used |= needs
    if surplus := sorted(homes.keys() - used):
        raise SettingsError(f"no fold of this task uses {surplus[0]}; leave out {homes[surplus[0]]}")
    tasks = [(name, seed) for name in protocols for seed in range(options.seeds)]
    _refuse(tasks, settings=settings, options=options)
    work = partial(_fold, settings=settings, homes=homes, options=options)
    # with torchrun one run after the other, each in `jobs` processes; else `jobs` runs at once
    engine, jobs = ("processes", 1) if options.engine == "torchrun" else (options.engine, options.jobs)
    for done, _ in enumerate(ENGINES[engine](work, tasks, jobs=jobs), start=1):
        say(f"{done} of {len(tasks)} runs")
    found = [fold for task in tasks for fold in read_field(_folder(options.out, *task, settings=settings))]
    rows = write_table(options.out, found)
    print_whole(drawn(rows, protocols, views=list(VIEWS), name=settings.run.name))
    print(options.out / "table.csv")
    return 0


def _refuse(tasks: Sequence[tuple[str, int]], *, settings: Settings, options: FoldOptions) -> None:
    """SettingsError or ModelError for what is wrong whatever the clips, with every run that was begun and
    with one that was not.
    """
    fresh, first = False, origin_of(options.init)
    for protocol, seed in tasks:
        folder = _folder(options.out, protocol, seed, settings=settings)
        begun = (folder / SETTINGS).is_file()
        if begun or not fresh:
            its, here = _seeded(settings, seed), options.engine == "processes"
            refuse_start(its, folder, resume=begun, init=options.init, first=first, here=here)
        fresh |= not begun


def _seeded(settings: Settings, seed: int) -> Settings:
    """Those of the run that is `seed` behind the first."""
    return replace(settings, run=replace(settings.run, seed=settings.run.seed + seed))


def _folder(out: Path, protocol: str, seed: int, *, settings: Settings) -> Path:
    return out / protocol.replace("/", "-") / f"seed-{settings.run.seed + seed}"


def _fold(
    task: tuple[str, int], *, settings: Settings, homes: dict[str, Path], options: FoldOptions
) -> list[Fold]:
    """One run, from where it stands; a folder of other sets or settings is refused."""
    protocol, seed = task
    folder = _folder(options.out, protocol, seed, settings=settings)
    sets = folder.parent / "sets"
    needed = [homes[name] for name in catalogue_protocol(protocol).needs]
    if not (sets / PREPARATION).is_file():
        for note in select(needed, protocol=protocol, out=sets):
            say(f"{protocol}: {note}; rates on it are not those of the papers")
    elif other := sorted(selected_from(sets) - {home.resolve() for home in needed}):
        raise SettingsError(
            f"the runs in {folder.parent} are of {other[0]}, which is not in --data; name another --out"
        )
    its = _seeded(settings, seed)
    resume = (folder / SETTINGS).is_file()
    try:
        for part in ("train", "dev", "test"):
            part_of(sets, part)  # refuses sets that were prepared anew since
        if resume and (folder / FIELD).is_file() and read_settings(folder / SETTINGS) == its:
            return read_field(folder)
        if options.engine == "torchrun":
            _by_torchrun(its, sets=sets, folder=folder, resume=resume, options=options)
        else:
            with losses(f"{protocol}, seed {its.run.seed}") as advance:
                train(its, data=sets, out=folder, resume=resume, init=options.init, progress=advance)
    except UnmaskError:
        _leave_nothing(folder, sets=sets, out=options.out)
        raise
    return write_field(folder, data=sets, protocol=protocol)


def _leave_nothing(folder: Path, *, sets: Path, out: Path) -> None:
    """Takes away what was written for a fold of which no run has begun."""
    if any(folder.parent.glob(f"*/{SETTINGS}")):
        return
    _config(folder).unlink(missing_ok=True)
    unselect(sets)
    for empty in (folder, folder.parent, out):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()


def _config(folder: Path) -> Path:
    """The settings that torchrun's processes read."""
    return folder.parent / f"{folder.name}.toml"


def _by_torchrun(settings: Settings, *, sets: Path, folder: Path, resume: bool, options: FoldOptions) -> None:
    """`unmask train` of these settings in `options.jobs` processes of this machine."""
    config = _config(folder)
    write_bytes(config, to_toml(settings).encode())
    words: list[object] = ["--config", config, "--data", sets, "--out", folder]
    words += ["--resume"] if resume else []
    words += ["--init", options.init] if options.init else []
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", options.jobs]
    command = [sys.executable, *launcher, "-m", "unmask", "train", *words]
    ended = subprocess.run([str(word) for word in command], check=False).returncode
    if ended:
        raise TrainingError(f"torchrun ended with {ended} in {folder}; what it said stands above")
