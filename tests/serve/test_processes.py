"""`unmask serve` as processes that are stopped and killed, beside a database that is killed."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from doubles import Person, Socket
from websockets.exceptions import ConnectionClosed

from tiny_models import linear_model
from unmask.serve import audit
from unmask.serve.database import Database
from unmask.serve.server import WorkerProcess, Workers


class Command:
    """The command, its log on stderr, and the key that it shows at its first start."""

    def __init__(self, folder: Path, database: str, *options: str) -> None:
        self.log = folder / f"log-{time.monotonic_ns()}"
        arguments = ["serve", "--port", "0", "--database", database, "--model", str(folder / "tiny.onnx")]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "unmask", *arguments, *options],
                stderr=log,
                stdout=subprocess.DEVNULL,
                cwd=folder,
            )

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def wait_started(self, workers: int = 1) -> "Command":
        until = time.monotonic() + 120
        while sum(event["event"] == "started" for event in self.events()) < workers:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)
        port = next(event["port"] for event in self.events() if event["event"] == "listening")
        self.base = f"http://127.0.0.1:{port}"
        if shown := re.search(r"shown once: (unmask_\S+)", self.log.read_text()):
            self.key = shown[1]
        return self

    def call(self, method: str, path: str, **named: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.request(method, self.base + path, headers=headers, timeout=60, **named)

    def person(self, **wished: Any) -> Person:
        made = self.call("POST", "/v1/sessions", json=wished)
        assert made.status_code == 201, made.text
        return Person(self.base, made.json())

    def state(self, person: Person) -> str:
        return self.call("GET", f"/v1/sessions/{person.session['id']}").json()["state"]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts the command with a model of a few numbers, and ends what is left of it."""
    linear_model(tmp_path / "tiny.onnx", weight=np.zeros(48), bias=3.0)
    started: list[Command] = []

    def start(database: str = f"sqlite:///{tmp_path}/serve.db", *options: str) -> Command:
        started.append(Command(tmp_path, database, *options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


def test_the_key_of_the_first_start_is_shown_also_quietly(command: Callable[..., Command]) -> None:
    served = command("sqlite:///quiet.db", "--quiet").wait_started()
    assert served.person().session["id"]


def _frame() -> bytes:
    """An empty room, as a camera sees it: no verdict can come of it."""
    return cv2.imencode(".jpg", np.full((120, 160, 3), 90, np.uint8))[1].tobytes()


@contextmanager
def running(person: Person) -> Iterator[Any]:
    """A connection that has sent a few frames."""
    with person.connect() as socket:
        assert person.hello(socket)["type"] == "ready"
        for _ in range(3):
            show_now(socket)
        yield socket


def show_now(socket: Socket) -> None:
    """One frame, and that it was looked at."""
    socket.send(struct.pack("<d", 1000 * time.monotonic()) + _frame())
    assert socket.hear()["hint"] == "NO_FACE"


@pytest.mark.parametrize(
    ("age_s", "exit_code", "replaced"), [(10, None, False), (400, None, True), (10, -9, True)]
)
def test_a_worker_that_loads_slowly_is_waited_for_and_a_hung_or_dead_one_replaced(
    monkeypatch: pytest.MonkeyPatch, age_s: int, exit_code: int | None, replaced: bool
) -> None:
    class Silent(WorkerProcess):
        exitcode = exit_code
        pid = 1

        def __init__(self) -> None:
            self.begun_s = time.monotonic() - age_s

        def is_alive(self, timeout: float = 5) -> bool:
            return False

        def kill(self) -> None:
            return None

        join = kill

    workers = Workers.__new__(Workers)
    workers.should_exit = threading.Event()
    silent = Silent()
    workers.processes = [silent]
    monkeypatch.setattr(Workers, "_started", lambda _: "another")
    workers.keep_subprocess_alive()
    assert workers.processes == ["another" if replaced else silent]


def test_on_sigterm_running_sessions_fail_and_the_command_ends_with_143(
    command: Callable[..., Command], tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/serve.db"
    server = command(database, "--drain-seconds", "0.5").wait_started()
    person = server.person()
    with running(person) as socket:
        server.process.send_signal(signal.SIGTERM)
        decision, error = socket.hear(), socket.hear()
    assert (decision["type"], decision["state"], "verdict" in decision) == ("decision", "failed", False)
    assert "stop" in error["error"]
    assert server.process.wait(60) == 143
    assert [event["event"] for event in server.events()][-3:] == ["draining", "session decided", "stopped"]
    again = command().wait_started()
    again.key = server.key
    assert again.state(person) == "failed"


def test_a_killed_worker_loses_no_session_and_ctrl_c_ends_the_others_gently_with_130(
    command: Callable[..., Command], tmp_path: Path
) -> None:
    server = command(f"sqlite:///{tmp_path}/serve.db", "--workers", "2").wait_started(2)
    person = server.person(tries=2)
    database = Database(f"sqlite:///{tmp_path}/serve.db")
    with running(person) as socket:
        with database.engine.connect() as connection:
            worker = connection.exec_driver_sql("SELECT worker FROM sessions").scalar_one()
        os.kill(int(worker.split("-")[0]), signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            socket.hear()
    assert server.state(person) == "running"  # the other worker answers
    with running(person):
        pass
    server.wait_started(3)  # the dead one has a successor
    assert any(event["event"] == "worker died" for event in server.events())
    assert database.call(audit.verify)[1] == ""
    database.close()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(90) == 130
    assert sum(event["event"] == "stopped" for event in server.events()) == 2


def test_a_killed_database_fails_nothing_open_and_loses_nothing(
    command: Callable[..., Command], cluster: Any
) -> None:
    server = command(cluster.address()).wait_started()
    person = server.person()
    with running(person) as socket:
        cluster.stop()
        show_now(socket)
        assert server.call("GET", "/readyz").status_code == 503
        assert server.call("GET", "/healthz").status_code == 200
        away = server.call("POST", "/v1/sessions", json={})
        assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
        show_now(socket)
        cluster.start()
        show_now(socket)
    assert server.call("GET", "/readyz").status_code == 200
    assert server.state(person) == "running"
    database = Database(cluster.address())
    assert database.call(audit.verify)[1] == ""
    database.close()
