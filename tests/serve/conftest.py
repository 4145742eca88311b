"""The service on SQLite and on a PostgreSQL of its own, with a detector that does as it is told."""

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from browser import Server, camera_flags, chromium, running_browser, write_recording
from doubles import Brightness, Person, a_detector
from test_detector import Moving

from unmask.detector import evidence, watch
from unmask.media.sources import open_source
from unmask.serve.application import create_app
from unmask.serve.database import Database
from unmask.serve.keys import new_key
from unmask.serve.server import DrainingServer, configured
from unmask.serve.settings import ServeSettings


@pytest.fixture(autouse=True)
def _squares_are_sharp_and_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "judge", lambda sighting: ())
    monkeypatch.setattr(evidence, "Stillness", Moving)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """That of the demo page, for a browser."""
    chromium()
    running = Server(tmp_path_factory.mktemp("server")).start()
    yield running
    running.stop()


class Cluster:
    """A PostgreSQL server in a temporary folder, reached by a socket there; it refuses to run as root."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", f"{folder}/data", "-U", "tests", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        self._run(
            "pg_ctl", "-D", f"{self._folder}/data", "-l", f"{self._folder}/log", "-o", options, "-w", "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", mode, "-w", "stop")

    def address(self, name: str = "postgres") -> str:
        return f"postgresql://tests@/{name}?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        user: dict[str, Any] = {
            "user": self._user,
            "group": pwd.getpwnam(self._user).pw_gid,
            "extra_groups": [],
        }
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            **(user if os.geteuid() == 0 else {}),
        )


def _programs() -> Path | None:
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path))
    return found[0].parent if found else None


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql` brings it")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has at most 107 bytes
    running = Cluster(programs, folder)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(folder)


def _new_database(cluster: Cluster, name: str) -> str:
    database = Database(cluster.address())
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    database.close()
    return cluster.address(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/serve.db"
    return _new_database(request.getfixturevalue("cluster"), f"t{time.time_ns()}")


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """Migrated, on SQLite and on PostgreSQL."""
    opened = Database(address)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def network() -> Brightness:
    return Brightness(1)


@pytest.fixture
def serve(tmp_path: Path, network: Brightness) -> Iterator[Callable[..., "Door"]]:
    """Starts the application on SQLite with some settings changed, on a port of this machine."""
    opened: list[Door] = []

    def start(**changed: Any) -> Door:
        settings = replace(
            ServeSettings(database=f"sqlite:///{tmp_path}/serve.db", drain_s=0.1, database_s=1.0), **changed
        )
        opened.append(Door(settings, network))
        return opened[-1]

    yield start
    for door in opened:
        door.close()


class Door:
    """A running service, and a back end that holds keys for it."""

    def __init__(self, settings: ServeSettings, network: Brightness) -> None:
        app = create_app(settings, detector=a_detector(network))
        self.server = DrainingServer(configured(app, settings, port=0))
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()
        while not self.server.started:
            assert self._thread.is_alive()
            time.sleep(0.005)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.base, timeout=30)
        self.service = app.state.service
        self.key = self.new_key("shop", "create", "read")

    def close(self) -> None:
        self.client.close()
        self.server.should_exit = True
        self._thread.join()

    def new_key(self, owner: str, *scopes: str, **named: Any) -> str:
        return self.service.database.call(new_key, owner=owner, scopes=scopes, now=time.time(), **named)

    def call(self, method: str, path: str, *, key: str | None = None, **named: Any) -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}"} | named.pop("headers", {})
        return self.client.request(method, path, headers=headers, **named)

    def session(self, **wished: Any) -> dict[str, Any]:
        made = self.call("POST", "/v1/sessions", json=wished)
        assert made.status_code == 201, made.text
        return made.json()

    def person(self, **wished: Any) -> Person:
        return Person(self.base, self.session(**wished))

    def result(self, person: Person) -> dict[str, Any]:
        return self.call("GET", f"/v1/sessions/{person.session['id']}").json()


@pytest.fixture
def door(serve: Callable[..., Door]) -> Door:
    return serve()


@pytest.fixture(scope="module")
def recordings(demo_recordings: dict[str, Path]) -> dict[str, np.ndarray]:
    """What the camera sees, by name: (T, H, W, 3) uint8 RGB."""
    seen = {
        name: np.stack([frame.image for frame in open_source(path).frames])
        for name, path in demo_recordings.items()
    }
    bona_fide = seen["bona_fide"]
    seen["dark"] = (bona_fide * 0.06).astype(np.uint8)
    count, height, width, _ = bona_fide.shape
    far = np.full((count, 3 * height, 3 * width, 3), 120, np.uint8)
    far[:, height : 2 * height, width : 2 * width] = bona_fide
    seen["far"] = far[:, ::3, ::3]
    room = np.linspace(40, 200, bona_fide.shape[2], dtype=np.uint8)
    seen["empty"] = np.broadcast_to(room[None, None, :, None], bona_fide.shape).copy()
    return seen


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the camera plays; the next session may find another recording in it."""
    return tmp_path_factory.mktemp("camera") / "camera.y4m"


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    """The driver of browsers; there may be one at a time."""
    chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(driver: Any, film: Path, recordings: dict[str, np.ndarray]) -> Iterator[Any]:
    write_recording(film, recordings["empty"], slower=1)
    with running_browser(driver, *camera_flags(film)) as running:
        yield running
