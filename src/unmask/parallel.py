"""Where work is done: in processes of this machine, or on a Ray cluster. Both give the same.

`in_processes` and `on_ray` do one function for many tasks; `WorkerPool` is for who hands out tasks himself.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Protocol, TypeVar

from unmask.files import remove_unfinished
from unmask.interrupts import end_at_once
from unmask.types import SettingsError, UnmaskError

Task = TypeVar("Task")
Result = TypeVar("Result")
AHEAD = 2  # tasks given to Ray for each that can run, so that no processor waits for the next
STOP_S = 10.0  # that cancelled tasks get to end
TERMINATED_S = 1.0  # that a worker may take to clear up before it is killed
# How numpy's linear algebra shares its work may change the last bit of what it gives.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class KilledError(UnmaskError):
    """A worker process ended without a word."""


class Engine(Protocol):
    """Does `work` for each task, up to `jobs` at once; yields what it returned, in any order."""

    def __call__(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
    ) -> Generator[Result, None, None]: ...


class WorkerPool(ProcessPoolExecutor):
    """Fresh processes, each of which calls `begin(*arguments)` first.

    A `with` block that ends by an error, or because nobody wants its results any more, ends the workers at
    once, in the middle of their tasks. Ctrl-C does not reach them: the command that started them ends them.
    """

    def __init__(self, jobs: int, *, begin: Callable[..., None], arguments: tuple[Any, ...] = ()) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
        super().__init__(jobs, mp_context=spawn, initializer=_begin, initargs=(begin, *arguments))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As its base; processes are begun here."""
        with _interrupts_blocked():
            return super().submit(fn, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is not None:
            processes = list((self._processes or {}).values())
            for process in processes:
                process.terminate()
            for process in processes:
                process.join(TERMINATED_S)
                process.kill()
        return super().__exit__(kind, error, trace)


def end_with_parent() -> None:
    """Lets this worker end as soon as the process that started it does, in the middle of whatever it does.

    A killed parent closes nothing: a worker would hold its folder, and wait for its next task for ever. In a
    process that is nobody's worker nothing happens.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _begin(begin: Callable[..., None], *arguments: Any) -> None:
    end_at_once(quiet=True)
    end_with_parent()
    begin(*arguments)


def _follow(parent: BaseProcess) -> None:
    parent.join()
    remove_unfinished()
    os._exit(1)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes that begin in the block never hear of Ctrl-C, this one hears of it by another thread."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
) -> Generator[Result, None, None]:
    """On this machine; with one job in this very process."""
    if jobs <= 1:
        yield from map(work, tasks)
        return
    yield from _pooled(work, tasks, jobs=jobs)


def in_single_threads(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int, together: int = 1
) -> Generator[Result, None, None]:
    """In processes of this machine with one thread of linear algebra, so that bytes do not depend on cores.

    Each takes `together` neighbouring tasks at a time; also with one job they are processes of their own.
    """
    with _environment(ONE_THREAD):
        yield from _pooled(work, tasks, jobs=jobs, together=together)


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


def _pooled(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int, together: int = 1
) -> Generator[Result, None, None]:
    try:
        with WorkerPool(jobs, begin=_begin_work, arguments=(work,)) as pool:
            yield from pool.map(_in_worker, tasks, chunksize=together)
    except BrokenProcessPool as broken:
        raise KilledError(
            "a worker process was killed, perhaps for want of memory; run the same command again, with fewer "
            "--jobs if memory is short"
        ) from broken


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """The variables set for processes that start meanwhile; this process's libraries have read theirs."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
    _one_thread()
    return work(task)


def _one_thread() -> None:
    """OpenCV's threads would take the cores of the other workers."""
    import cv2  # a second of loading, for workers alone

    cv2.setNumThreads(1)


_WORK: list[Callable[[Any], Any]] = []  # in a worker: its job, sent once, since portraits weigh 100s of MB


def _begin_work(work: Callable[[Any], Any]) -> None:
    _one_thread()
    _WORK[:] = [work]


def _in_worker(task: Any) -> Any:
    return _WORK[0](task)
