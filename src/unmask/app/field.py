"""`unmask benchmark ocim` and `siw-m`: all folds, a run each, and a row of the field's table."""

import subprocess
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from unmask.app.field_table import TYPES, drawn
from unmask.app.progress import losses, say
from unmask.app.render import console
from unmask.data.catalogue import protocol as catalogue_protocol
from unmask.data.prepare.engines import ENGINES, ray_module
from unmask.data.prepare.prepared import PREPARATION
from unmask.data.prepare.selection import dataset_of, select
from unmask.data.protocols import PROTOCOLS
from unmask.files import keep_inputs, write_bytes
from unmask.training.field import FIELD, Fold, read_field, write_field, write_table
from unmask.training.loop import TrainingError, train
from unmask.training.networks import refuse_unfit
from unmask.training.run_folder import SETTINGS
from unmask.training.settings import Settings, changes_of, read_settings, to_toml
from unmask.types import SettingsError

LEAVE_ONE_OUT = ("ocm-to-i", "oci-to-m", "omi-to-c", "icm-to-o")
SIW_M, SIW_M_2 = (tuple(name for name in PROTOCOLS if name.startswith(f"{group}.")) for group in TYPES)
TASKS: dict[str, tuple[str, ...]] = {  # name -> its protocols
    "lists": tuple(f"ocim/{ways}" for ways in LEAVE_ONE_OUT),
    "all-lists": tuple(f"ocim-all/{ways}" for ways in LEAVE_ONE_OUT),
    "celeba": tuple(f"ocim-celeba/{ways}" for ways in LEAVE_ONE_OUT),
    "limited": ("ocim/mi-to-c", "ocim/mi-to-o"),
    "pairs": tuple(f"ocim/{a}-to-{b}" for a in "ocim" for b in "ocim" if a != b),
    "wcs": ("wcs/cs-to-w", "wcs/sw-to-c", "wcs/cw-to-s"),
    "siw-m": SIW_M,
    "siw-m-v2": SIW_M_2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOptions:
    """The options of `unmask benchmark ocim` and `siw-m`; `jobs` runs at once, or processes of a run."""

    config: str
    data: tuple[Path, ...]
    out: Path
    task: str = "lists"
    changes: tuple[str, ...] = ()
    init: Path | None = None
    seeds: int = 1
    engine: str = "processes"
    jobs: int = 1


def run(options: FieldOptions) -> int:
    """Trains what is not trained yet, prints the row, writes table.csv; 0 once all folds are there."""
    keep_inputs({"--out": options.out}, options.data)
    if options.engine == "ray":
        ray_module()
    settings = read_settings(options.config, overrides=changes_of(options.changes))
    refuse_unfit(settings)
    homes = {dataset_of(folder): folder for folder in options.data}
    task = options.task or next(iter(homes))  # a set of its own names its task
    if task not in TASKS:
        raise SettingsError(f"a task is one of {', '.join(TASKS)}, not {task!r}")
    protocols = TASKS[task]
    for name in protocols:  # what is missing is said before the work
        if missing := sorted(set(catalogue_protocol(name).needs) - homes.keys()):
            raise SettingsError(f"{name} needs {' and '.join(missing)}, too; give --data for each set")
    tasks = [(name, seed) for name in protocols for seed in range(options.seeds)]
    work = partial(_fold, settings=settings, homes=homes, options=options)
    # with torchrun one run after the other, each in `jobs` processes; else `jobs` runs at once
    engine, jobs = ("processes", 1) if options.engine == "torchrun" else (options.engine, options.jobs)
    for done, _ in enumerate(ENGINES[engine](work, tasks, jobs=jobs), start=1):
        say(f"{done} of {len(tasks)} runs")
    found = [fold for task in tasks for fold in read_field(_folder(options.out, *task, settings=settings))]
    rows = write_table(options.out, found)
    console().print(drawn(rows, protocols, name=settings.run.name))
    print(options.out / "table.csv")
    return 0


def _folder(out: Path, protocol: str, seed: int, *, settings: Settings) -> Path:
    return out / protocol.replace("/", "-") / f"seed-{settings.run.seed + seed}"


def _fold(
    task: tuple[str, int], *, settings: Settings, homes: dict[str, Path], options: FieldOptions
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
    if options.engine == "torchrun":
        _by_torchrun(its, sets=sets, folder=folder, resume=resume, options=options)
    else:
        with losses(f"{protocol}, seed {its.run.seed}") as advance:
            train(its, data=sets, out=folder, resume=resume, init=options.init, progress=advance)
    return write_field(folder, data=sets, protocol=protocol)


def _by_torchrun(
    settings: Settings, *, sets: Path, folder: Path, resume: bool, options: FieldOptions
) -> None:
    """`unmask train` of these settings in `options.jobs` processes of this machine."""
    config = folder.parent / f"{folder.name}.toml"
    write_bytes(config, to_toml(settings).encode())
    words = ["--config", config, "--data", sets, "--out", folder, *(["--resume"] if resume else [])]
    words += ["--init", options.init] if options.init else []
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", options.jobs]
    command = [sys.executable, *launcher, "-m", "unmask", "train", *words]
    ended = subprocess.run([str(word) for word in command], check=False).returncode
    if ended:
        raise TrainingError(f"torchrun ended with {ended} in {folder}; what it said stands above")
