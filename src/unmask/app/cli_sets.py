"""The commands of `unmask` for what is learnt from and measured on: data sets, simulations, the benchmark."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

benchmark = typer.Typer(
    help="Make the open benchmark from a seed, and a page that shows what is in it.", no_args_is_help=True
)


class BenchmarkSize(StrEnum):
    """Of the benchmark: some 1,200 clips, 4,800, or 20,000."""

    SMALL = "small"
    MEDIUM = "medium"
    FULL = "full"


def data(
    name: Annotated[str | None, typer.Argument(help="A data set, to see one; without it, all.")] = None,
) -> int:
    """List the data sets that are read, their protocols, licences and where to apply; or show one of them."""
    from unmask.app.data import run

    return run(name)


def doctor(
    dataset: Annotated[
        str, typer.Argument(help="A data set that `unmask data` lists, as casia-surf:live=0 with an option.")
    ],
    root: Annotated[Path, typer.Argument(help="The folder that it was unpacked into.")],
    every: Annotated[
        bool, typer.Option("--all", help="Open every file; without it, a sample of 40.")
    ] = False,
) -> int:
    """Tell what is missing, doubled, unreadable, miscounted or leaking in a data set's folder, and why.

    Exit code: 0 only when nothing was found.
    """
    from unmask.app.doctor import run

    return run(dataset, root, every=every)


def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the videos, their labels.csv and their true depth.")],
    portraits: Annotated[
        Path | None, typer.Option(help="Folder of portraits; without one, faces are drawn.")
    ] = None,
    photographs: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of photographs of people, with credits.csv where it has one; repeat it for several."
        ),
    ] = None,
    heads: Annotated[
        Path | None,
        typer.Option(help="ICT-FaceKit npz; with one, some subjects are its heads in a portrait's skin."),
    ] = None,
    backgrounds: Annotated[
        Path | None, typer.Option(help="Folder of pictures of rooms; without one, rooms are drawn.")
    ] = None,
    subjects: Annotated[
        int, typer.Option(help="People to simulate from portraits; photographs are all used.", min=1)
    ] = 8,
    clips: Annotated[int, typer.Option(help="Videos to make in all.", min=1)] = 40,
    seed: Annotated[int, typer.Option(help="The same seed gives the same videos.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes; 0 is one for each core.", min=0)] = 0,
) -> int:
    """Make videos of living faces, prints, screens and paper masks, with their true depth."""
    from unmask.app.simulate import Wishes, run

    return run(
        out,
        Wishes(
            portraits=portraits,
            photographs=tuple(photographs or ()),
            heads=heads,
            backgrounds=backgrounds,
            subjects=subjects,
            clips=clips,
            seed=seed,
            jobs=jobs,
        ),
    )


@benchmark.command("make")
def benchmark_make(
    out: Annotated[Path, typer.Option(help="Folder for the videos, their truth, labels and protocols.")],
    size: Annotated[
        BenchmarkSize, typer.Option(help="Some 1,200 clips, 4,800, or 20,000.")
    ] = BenchmarkSize.SMALL,
    seed: Annotated[int, typer.Option(help="The same seed gives the same frames.", min=0)] = 1,
    portraits: Annotated[
        Path | None, typer.Option(help="Folder of portraits; without one, faces are drawn.")
    ] = None,
    heads: Annotated[Path | None, typer.Option(help="The head model, ict_facekit.npz.")] = None,
    backgrounds: Annotated[
        Path | None, typer.Option(help="Folder of pictures of rooms; without one, rooms are drawn.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes; 0 is one for each core.", min=0)] = 0,
) -> int:
    """Make train, dev and test recordings of different people, with depth, protocols and hashes.

    A run that was broken off goes on where it stood.
    """
    from unmask.app.benchmark import Wishes, make

    wishes = Wishes(
        size=size.value, seed=seed, portraits=portraits, heads=heads, backgrounds=backgrounds, jobs=jobs
    )
    return make(out, wishes)


class Task(StrEnum):
    """The cross-set benchmarks: which folds, by which lists."""

    LISTS = "lists"
    ALL_LISTS = "all-lists"
    CELEBA = "celeba"
    LIMITED = "limited"
    PAIRS = "pairs"
    WCS = "wcs"


class RunEngine(StrEnum):
    """Where the runs of a benchmark are trained."""

    PROCESSES = "processes"
    TORCHRUN = "torchrun"
    RAY = "ray"


WholeSets = Annotated[
    list[Path], typer.Option(help="A set prepared without --protocol; once for each set of the task.")
]
Config = Annotated[str, typer.Option(help="Settings of `unmask train`: a TOML file or a preset's name.")]
RunsOut = Annotated[Path, typer.Option(help="Folder of the runs and of table.csv.")]
Change = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting in place of the file's, as run.steps=2000; repeatable."),
]
Init = Annotated[Path | None, typer.Option(help="Weights to start every run from.")]
Seeds = Annotated[int, typer.Option(help="Runs of each fold; mean and deviation.", min=1)]
InRunEngine = Annotated[
    RunEngine,
    typer.Option(
        help="processes of this machine; torchrun: each run in --jobs processes that share its batches; ray: "
        "the cluster of RAY_ADDRESS."
    ),
]
RunsAtOnce = Annotated[int, typer.Option(help="Runs at once; with torchrun, processes of a run.", min=1)]


@benchmark.command("ocim")
def benchmark_ocim(
    data: WholeSets,
    config: Config,
    out: RunsOut,
    task: Annotated[
        Task,
        typer.Option(
            help="lists: train lists to the target's test list, as SSAN; all-lists: as MADDG and SSDG; "
            "celeba: lists, with CelebA-Spoof; limited: M and I to C, and to O; pairs: one set to one; wcs: "
            "WMCA, CeFA and CASIA-SURF."
        ),
    ] = Task.LISTS,
    change: Change = None,
    init: Init = None,
    seeds: Seeds = 1,
    engine: InRunEngine = RunEngine.PROCESSES,
    jobs: RunsAtOnce = 1,
) -> int:
    """Train every fold of O, C, I and M, and print one row of the field's table (needs the extra `train`).

    A benchmark that was broken off goes on where it stood.
    """
    return _folds(
        data,
        task.value,
        config=config,
        out=out,
        change=change,
        init=init,
        seeds=seeds,
        engine=engine,
        jobs=jobs,
    )


@benchmark.command("siw-m")
def benchmark_siw_m(
    data: Annotated[Path, typer.Option(help="SiW-M, version 1 or 2, prepared without --protocol.")],
    config: Config,
    out: RunsOut,
    change: Change = None,
    init: Init = None,
    seeds: Seeds = 1,
    engine: InRunEngine = RunEngine.PROCESSES,
    jobs: RunsAtOnce = 1,
) -> int:
    """Leave each type of attack out of training in turn, 13 in version 1 and 14 in version 2; ACER and EER.

    The mean is ± the deviation over the types. A benchmark that was broken off goes on where it stood.
    """
    return _folds(
        [data],
        "",
        config=config,
        out=out,
        change=change,
        init=init,
        seeds=seeds,
        engine=engine,
        jobs=jobs,
    )


def _folds(
    data: list[Path],
    task: str,
    *,
    config: str,
    out: Path,
    change: list[str] | None,
    init: Path | None,
    seeds: int,
    engine: RunEngine,
    jobs: int,
) -> int:
    from unmask.app.cli_train import train_extra

    with train_extra("benchmark"):
        from unmask.app.field import FieldOptions, run

        return run(
            FieldOptions(
                config=config,
                data=tuple(data),
                out=out,
                task=task,
                changes=tuple(change or ()),
                init=init,
                seeds=seeds,
                engine=engine.value,
                jobs=jobs,
            )
        )


@benchmark.command("report")
def benchmark_report(
    folder: Annotated[Path, typer.Argument(help="What `unmask benchmark make` made.")],
    out: Annotated[Path | None, typer.Option(help="The page; FOLDER/report.html if not given.")] = None,
) -> int:
    """Write one HTML page: counts, sheets of clips beside their depth, camera statistics, hashes."""
    from unmask.app.benchmark_report import run

    return run(folder, out=out)
