"""Train each variant; say with intervals which of the papers' claims hold (extras `train`, `report`)."""

import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from unmask.app.claims_report import report
from unmask.app.claims_sets import data_hash, prepared_sets
from unmask.app.errors import explain
from unmask.app.progress import bar, say
from unmask.claims.measures import CLAIMS
from unmask.files import held, keep_inputs, write_bytes
from unmask.parallel import WorkerPool
from unmask.types import OutputError, SettingsError

MARK = "claims.json"


@dataclass(frozen=True, kw_only=True)
class ClaimsOptions:
    """The options of the command."""

    data: Annotated[
        Path, typer.Option(help="A folder of `unmask benchmark make`; made with seed 1 if it is not there.")
    ]
    out: Annotated[
        Path, typer.Option(help="Folder for prepared clips and runs; resumes an interrupted study.")
    ]
    seeds: Annotated[int, typer.Option(help="Trainings of each variant.", min=1)] = 3
    jobs: Annotated[int, typer.Option(help="Trainings at a time, one thread each.", min=1)] = 2
    preset: Annotated[
        Literal["s", "m", "full"],
        typer.Option(help="Narrow networks for a CPU, wider ones, or the paper's for a GPU."),
    ] = "s"
    only: Annotated[tuple[str, ...], typer.Option(help="A claim to try alone; may be repeated.")] = ()
    steps: Annotated[
        int, typer.Option(help="Steps of single-frame trainings; others see as many pictures. 0: all.", min=0)
    ] = 0
    rounds: Annotated[int, typer.Option(help="Draws of the bootstrap.", min=1)] = 1000
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Train nothing; tables and figures from what is there.")
    ] = False
    results: Annotated[Path, typer.Option(help="Folder for claims*.csv and the figures.")] = Path("results")
    docs: Annotated[Path | None, typer.Option(help="Write the page to this .md, its figures beside.")] = None


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """One training."""

    seed: int
    variant: str


def experiment_claims(options: ClaimsOptions) -> int:
    """Trains what is not trained yet, then writes tables, figures and page; 1 if a training failed."""
    data, out = options.data, options.out
    if unknown := sorted(set(options.only) - CLAIMS.keys()):
        raise SettingsError(f"there is no claim {', '.join(unknown)}; there are {', '.join(CLAIMS)}")
    keep_inputs({"--out": out, "--results": options.results, "--docs": options.docs}, [data])
    failed: list[Task] = []
    if not options.report_only:
        failed = _train(data, out, options)
    chosen = {name: claim for name, claim in CLAIMS.items() if not options.only or name in options.only}
    report(out, claims=chosen, results=options.results, docs=options.docs, rounds=options.rounds)
    for task in failed:
        say(f"{task.variant}, seed {task.seed} failed; the same command tries it again")
    return 1 if failed else 0


def _train(data: Path, out: Path, options: ClaimsOptions) -> list[Task]:
    """Every training that is not done; those that failed."""
    from unmask.claims.runs import is_done
    from unmask.claims.settings import SCALES, VARIANTS, needed

    clip = SCALES[options.preset].clip
    with held(out):
        sets = prepared_sets(data, out, clip=clip, jobs=options.jobs)
        claim_folder(out, {"data_sha256": data_hash(data), "preset": options.preset, "steps": options.steps})
        variants = needed(_systems(options.only), preset=options.preset)
        tasks = [Task(seed, name) for seed in range(1, options.seeds + 1) for name in variants]
        done = {
            task
            for task in tasks
            if is_done(out, task.variant, task.seed, preset=options.preset, steps=options.steps)
        }
        say(f"{len(tasks)} trainings, {len(done)} of them done; {out / 'runs'} holds them")
        work = partial(
            _in_worker,
            preset=options.preset,
            steps=options.steps,
            sets=sets,
            out=out,
            about={**_about(), "data_sha256": data_hash(data), "preset": options.preset},
        )
        needs = {
            task: Task(task.seed, VARIANTS[task.variant].start)
            for task in tasks
            if VARIANTS[task.variant].start
        }
        return work_off(tasks, done=done, needs=needs, work=work, jobs=options.jobs)


def _systems(only: Sequence[str]) -> list[str]:
    """Those that the claims speak of; all that there are where no claim is picked."""
    from unmask.claims.settings import SYSTEMS

    if not only:
        return list(SYSTEMS)
    return [system for name in only for system in (CLAIMS[name].better, CLAIMS[name].worse)]


def work_off(
    tasks: Sequence[Task],
    *,
    done: set[Task],
    needs: dict[Task, Task],
    work: Callable[..., None],
    jobs: int,
) -> list[Task]:
    """Does what is not `done`, `jobs` at a time, none before the one it `needs`; gives the failed ones."""
    waiting = [task for task in tasks if task not in done]
    failed: list[Task] = []
    running: dict[Future[None], Task] = {}
    started, before = time.monotonic(), len(done)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes share the cores among them
    with (
        WorkerPool(jobs, begin=_ready) as pool,
        bar("training") as advance,
    ):
        while waiting or running:
            hopeless = [task for task in waiting if needs.get(task) in failed]
            failed += hopeless
            waiting = [task for task in waiting if task not in hopeless]
            ready = [task for task in waiting if task not in needs or needs[task] in done]
            for task in ready[: jobs - len(running)]:
                running[pool.submit(work, task.variant, seed=task.seed)] = task
                waiting.remove(task)
            advance(len(done), len(tasks))
            if not running:
                continue
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                if not _ended_well(future, task):
                    failed.append(task)
                    continue
                done.add(task)
                pace = (time.monotonic() - started) / (len(done) - before)
                left = pace * (len(waiting) + len(running)) / 60
                say(
                    f"{len(done)} of {len(tasks)}: {task.variant}, seed {task.seed}; "
                    f"about {left:.0f} minutes left"
                )
    return failed


def _ready() -> None:
    """A worker of trainings has nothing to load before its first."""


def _in_worker(variant: str, **asked: Any) -> None:
    from unmask.claims.runs import run_variant

    run_variant(variant, **asked)


def _ended_well(future: "Future[None]", task: Task) -> bool:
    """Whether the training ended well; what went wrong is said, and the others go on."""
    try:
        future.result()
    except BrokenProcessPool as killed:
        raise OutputError(
            f"a training process was killed, perhaps for want of memory, during {task.variant}; run the same "
            "command again to go on, with fewer --jobs if memory is short"
        ) from killed
    except Exception as error:
        say(f"{task.variant}, seed {task.seed}: {explain(error)[0]}")
        return False
    return True


def claim_folder(out: Path, settings: dict[str, object]) -> None:
    """Marks `out` as made from this benchmark with this preset; another's runs are not mixed in."""
    text, mark = json.dumps(settings, indent=1), out / MARK
    if mark.is_file() and mark.read_bytes() != text.encode():
        raise OutputError(
            f"{out} holds runs of another benchmark, preset or --steps ({mark}); choose another folder"
        )
    write_bytes(mark, text.encode())


def _about() -> dict[str, str]:
    """What a row of results says of its making; paths by their last part alone."""
    from unmask.training.run_folder import commit

    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return {
        "command": shlex.join(["unmask", *words]),
        "commit": commit()[:7],
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "date": date.today().isoformat(),
    }
