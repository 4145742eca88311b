"""The application on a socket: one process or several, which stop gently and are replaced when they die."""

import os
import signal
import socket
import tempfile
import time
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from unmask.serve.application import create_app, drain
from unmask.serve.headers import BoundedHeaders
from unmask.serve.logs import say, to_stderr
from unmask.serve.service import refuse_impossible
from unmask.serve.settings import ServeSettings
from unmask.types import SettingsError

HUNG_S = 30  # a worker that does not answer its parent for so long is replaced
STARTING_S = 300  # but not so soon after its start: many at once share the cores while they load
FRAME_HEAD_BYTES = 8
MOST_REQUESTS = 1000  # open connections of a worker, of whatever kind


class DrainingServer(uvicorn.Server):
    """On SIGTERM or Ctrl-C it takes nothing new, lets running sessions end, and stops then."""

    ended_by = 0  # the first signal that it heard

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not as uvicorn does, which raises the signal again once it has stopped: the log ends first."""
        self.ended_by = self.ended_by or sig
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in self.servers:
            listening.close()
        await drain(self.config.loaded_app)
        await super().shutdown(sockets)


class WorkerProcess(Process):
    """A process of a draining server."""

    begun_s = 0.0  # of the monotonic clock, when it was started

    @property
    def server(self) -> uvicorn.Server:
        to_stderr()
        if self._server is None:
            self._server = DrainingServer(self.config)
        return self._server


class Workers(Multiprocess):
    """Starts the workers, and new ones for those that die."""

    ended_by = 0  # the first signal that it heard

    def init_processes(self) -> None:
        self.processes = [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set() or process.is_alive(timeout=HUNG_S):
                continue
            assert isinstance(process, WorkerProcess)
            if process.exitcode is None and time.monotonic() - process.begun_s < STARTING_S:
                continue
            process.kill()
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                self.should_exit.set()  # the next one would fail like it
                return
            say("worker died", process=process.pid, exit=process.exitcode)
            self.processes[place] = self._started()

    def handle_int(self) -> None:
        """Ctrl-C: the workers are ended gently."""
        self._end(signal.SIGINT)

    def handle_term(self) -> None:
        """SIGTERM: the workers are ended gently."""
        self._end(signal.SIGTERM)

    def handle_hup(self) -> None:
        """Ignored: a rolling restart is the orchestrator's."""

    def _end(self, number: int) -> None:
        self.ended_by = self.ended_by or number
        self.should_exit.set()

    def _started(self) -> WorkerProcess:
        process = WorkerProcess(self.config, self.sockets)
        process.begun_s = time.monotonic()
        process.start()
        return process


def configured(
    app: Any,
    settings: ServeSettings,
    *,
    host: str = "127.0.0.1",
    port: int,
    workers: int = 1,
    factory: bool = False,
    proxies: str = "",
) -> uvicorn.Config:
    """How uvicorn runs the application, or what a `factory` of it gives."""
    return uvicorn.Config(
        app,
        factory=factory,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        http=BoundedHeaders,
        ws="websockets-sansio",
        ws_max_size=settings.frame_bytes + FRAME_HEAD_BYTES,
        ws_per_message_deflate=False,  # JPEG does not get smaller
        limit_concurrency=MOST_REQUESTS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
        lifespan="on",
    )


def serve(
    settings: ServeSettings,
    *,
    host: str,
    port: int,
    workers: int,
    proxies: str = "",
    quiet: bool = False,
) -> int:
    """Serves until SIGTERM or Ctrl-C, and gives the exit code: 128 and the signal; 3 where it cannot start.

    `proxies` are the addresses, with commas between, whose X-Forwarded-For is believed; "" for none.
    `quiet`: log what goes wrong alone.
    """
    refuse_impossible(settings)
    config = configured(
        partial(create_app, settings),
        settings,
        host=host,
        port=port,
        workers=workers,
        factory=True,
        proxies=proxies,
    )
    to_stderr(quiet=quiet)
    listening = _bound(host, port)
    say("listening", host=host, port=listening.getsockname()[1], workers=workers)
    signal.set_wakeup_fd(-1)  # the command's own way to end would wait neither for sessions nor for workers
    if workers == 1:
        server = DrainingServer(config)
        server.run([listening])
        return _exit_code(server.ended_by, started=server.started)
    with tempfile.TemporaryDirectory(prefix="unmask-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before the workers start, and read by them
        parent = Workers(config, sockets=[listening])
        parent.run()
        failed = any(process.exitcode == STARTUP_FAILURE for process in parent.processes)
        return _exit_code(parent.ended_by, started=not failed)


def _exit_code(ended_by: int, *, started: bool) -> int:
    """As of every other command: 128 and the signal that ended it; 3 where it ended by itself."""
    return 128 + ended_by if ended_by else 0 if started else 3


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as refused:
        listening.close()
        raise SettingsError(f"{host}:{port} cannot be listened on ({refused}); choose another") from refused
    listening.set_inheritable(True)
    return listening
