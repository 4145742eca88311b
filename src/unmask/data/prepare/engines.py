"""Where work is done, shards made or presentations scored: in processes of this machine, or on a Ray cluster.

Both give the same.
"""

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

import cv2

from unmask.parallel import WorkerPool
from unmask.types import SettingsError, UnmaskError

Task = TypeVar("Task")
Result = TypeVar("Result")
AHEAD = 2  # tasks given to Ray for each that can run, so that no processor waits for the next
STOP_S = 10.0  # that cancelled tasks get to end


class KilledError(Exception):
    """A worker process ended without a word."""


class Engine(Protocol):
    """Does `work` for each task, up to `jobs` at once; yields what it returned, in any order."""

    def __call__(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
    ) -> Generator[Result, None, None]: ...


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
) -> Generator[Result, None, None]:
    """On this machine; with one job in this very process."""
    if jobs <= 1:
        yield from map(work, tasks)
        return
    try:
        with WorkerPool(jobs, begin=_begin, arguments=(work,)) as pool:
            yield from pool.map(_in_worker, tasks)
    except BrokenProcessPool as broken:
        raise KilledError from broken


def on_ray(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
) -> Generator[Result, None, None]:
    """On the cluster that RAY_ADDRESS names, each task on one processor; without one, on a local cluster of
    `jobs` processors.

    Every machine must see the same folders under the same names. A task whose machine is
    lost is started once more: what kills its worker twice would kill it a third time.
    """
    ray = ray_module()
    connect(ray, jobs=jobs)
    at_once = AHEAD * int(ray.cluster_resources().get("CPU", 1))
    shared = ray.put(work)  # sent to each machine once
    task = ray.remote(num_cpus=1, max_retries=1)(_on_machine)
    waiting: list[Any] = []
    try:
        for given in tasks:
            waiting.append(task.remote(shared, given))
            if len(waiting) >= at_once:
                result, waiting = _after_one(ray, waiting)
                yield result
        while waiting:
            result, waiting = _after_one(ray, waiting)
            yield result
    finally:
        for unfinished in waiting:
            ray.cancel(unfinished, force=True)
        if waiting:  # what still runs may write to the folder that the caller gives up
            ray.wait(waiting, num_returns=len(waiting), timeout=STOP_S)


ENGINES: dict[str, Engine] = {"processes": in_processes, "ray": on_ray}


def ray_module() -> Any:
    """The package ray; SettingsError where the extra `scale` is missing."""
    try:
        import ray
    except ModuleNotFoundError as missing:
        raise SettingsError(
            "the engine ray needs the package ray, which is missing; pip install 'unmask[scale]'"
        ) from missing
    return ray


def connect(ray: Any, *, jobs: int) -> None:
    """To the cluster that RAY_ADDRESS names, or to a local one of `jobs` processors."""
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    address = os.environ.get("RAY_ADDRESS")
    local = {} if address else {"num_cpus": jobs, "include_dashboard": False}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **local)
    except ConnectionError as silent:
        raise SettingsError(
            f"no Ray cluster answers at RAY_ADDRESS={address}; start it there with `ray start --head`, or "
            "unset RAY_ADDRESS"
        ) from silent


def _after_one(ray: Any, waiting: list[Any]) -> tuple[Any, list[Any]]:
    """What one more task returned, and what is left to wait for; its error is raised as it was."""
    (ended, *_), left = ray.wait(waiting, num_returns=1)
    try:
        result = ray.get(ended)
    except ray.exceptions.RayTaskError as failed:
        if isinstance(failed.cause, UnmaskError):
            raise failed.cause from None
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as killed:
        raise KilledError from killed
    return result, left


def _on_machine(work: Callable[[Task], Result], task: Task) -> Result:
    cv2.setNumThreads(1)
    return work(task)


_WORK: list[Callable[[Any], Any]] = []  # in a worker: its job, sent once, since portraits weigh 100s of MB


def _begin(work: Callable[[Any], Any]) -> None:
    cv2.setNumThreads(1)
    _WORK.append(work)


def _in_worker(task: Any) -> Any:
    return _WORK[0](task)
