"""The application on a local Ray with two replicas, one of which is killed in mid-session."""

import json
import os
import signal
import socket as sockets
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from doubles import Person
from test_processes import _frame
from websockets.exceptions import ConnectionClosed

from present import present
from tiny_models import linear_model
from unmask.serve import audit
from unmask.serve.database import Database
from unmask.serve.keys import new_key

pytestmark = pytest.mark.skipif(
    "ray" not in os.environ.get("UNMASK_SLOW_TESTS", ""), reason="a minute long: make check runs it"
)

PROGRAM = """
import sys, time, ray
from ray import serve
import ray.serve._private.api
ray.serve._private.api.HTTP_PROXY_TIMEOUT = 600  # on a busy machine
ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, configure_logging=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
from unmask.serve.ray import app
serve.run(app)
print("running", flush=True)
sys.stdin.read()
serve.shutdown()
ray.shutdown()
"""


def free_port() -> int:
    with sockets.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def test_a_killed_replica_loses_no_session(tmp_path: Path) -> None:
    linear_model(tmp_path / "tiny.onnx", weight=np.zeros(48), bias=3.0)
    database = Database(f"sqlite:///{tmp_path}/serve.db")
    database.migrate()
    key = database.call(new_key, owner="shop", scopes=["create", "read"], now=time.time())
    settings = {"database": f"sqlite:///{tmp_path}/serve.db", "models": [str(tmp_path / "tiny.onnx")]}
    environment = os.environ | {
        "UNMASK_SERVE_SETTINGS": json.dumps(settings),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "300",  # all three: on a busy machine
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "300",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "120",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    port = free_port()
    with (tmp_path / "ray.log").open("w") as log:
        program = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )
    stdin, stdout = present(program.stdin), present(program.stdout)
    try:
        assert stdout.readline().strip() == "running", (tmp_path / "ray.log").read_text()[-3000:]
        _survives(f"http://127.0.0.1:{port}", key, database)
    finally:
        stdin.close()
        program.wait(300)
        stdout.close()


def _survives(base: str, key: str, database: Database) -> None:
    headers = {"Authorization": f"Bearer {key}"}

    def call(method: str, path: str, **named: Any) -> httpx.Response:
        return httpx.request(method, base + path, headers=headers, timeout=60, **named)

    made = call("POST", "/v1/sessions", json={"tries": 5})
    assert made.status_code == 201, made.text
    person = Person(base, made.json())
    with person.connect() as socket:
        assert person.hello(socket)["tries_left"] == 4
        socket.send(struct.pack("<d", 0.0) + _frame())
        assert socket.hear()["hint"] == "NO_FACE"
        with database.engine.connect() as connection:
            worker = connection.exec_driver_sql("SELECT worker FROM sessions").scalar_one()
        os.kill(int(worker.split("-")[0]), signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            socket.hear()
    path = f"/v1/sessions/{person.session['id']}"
    assert call("GET", path).json()["state"] == "running"
    with person.connect() as socket:
        assert person.hello(socket)["tries_left"] == 3
    with database.engine.connect() as connection:
        other = connection.exec_driver_sql("SELECT worker FROM sessions").scalar_one()
    assert other != worker
    assert database.call(audit.verify)[1] == ""
    database.close()
