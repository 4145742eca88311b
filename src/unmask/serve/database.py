"""The database: SQLite in one file, or PostgreSQL; called from its own threads, never in the event loop."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, TimeoutError as NoConnection

from unmask.types import SettingsError

AWAY = (OperationalError, InterfaceError, NoConnection)  # what is raised while the database does not answer
KINDS = ("sqlite", "postgresql")
THREADS = 8  # of a worker, and connections
BUSY_S = 10.0  # how long one waits for the writer of an SQLite file
PAUSE_S = 0.2  # between two tries, where the database is away
LOCK = 7_201_119  # of PostgreSQL, for migrations

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Database:
    """Runs functions `f(connection, ...)`, each in a transaction of its own."""

    def __init__(self, address: str) -> None:
        self.engine = _engine(address)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    def call(
        self,
        function: Callable[Concatenate[Connection, Arguments], Answer],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Answer:
        """Its answer, committed; one of `AWAY` where the database is away."""
        with self.engine.begin() as connection:
            return function(connection, *arguments, **named)

    async def run(
        self,
        function: Callable[Concatenate[Connection, Arguments], Answer],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Answer:
        """The same from the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self.call(function, *arguments, **named))

    async def insist(self, function: Callable[[Connection], Answer], *, patience_s: float) -> Answer:
        """The same for what must not get lost: tried again for so long while the database is away.

        The function may run twice where the answer to a commit was lost: it has to ask what is there.
        """
        until_s = time.monotonic() + patience_s
        while True:
            try:
                return await self.run(function)
            except AWAY:
                if time.monotonic() > until_s:
                    raise
                await asyncio.sleep(PAUSE_S)

    async def scrub(self) -> None:
        """Let go of what was deleted: SQLite's log of changes, which would go on holding it, is emptied.

        Where somebody reads at this moment it stays until the next time. PostgreSQL does as it was told to.
        """
        if self.engine.dialect.name == "sqlite":
            await asyncio.get_running_loop().run_in_executor(self._threads, self._empty_log)

    def _empty_log(self) -> None:
        with closing(self.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def migrate(self) -> None:
        """Bring the tables to this version's shape; SettingsError where a newer version made them."""
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            _upgrade(connection)

    def close(self) -> None:
        """Waits for what runs, and lets go of the connections."""
        self._threads.shutdown(wait=True)
        self.engine.dispose()


def is_there(connection: Connection) -> bool:
    """Whether the database answers."""
    return connection.execute(text("SELECT 1")).scalar_one() == 1


def file_of(address: str) -> Path | None:
    """Where an SQLite database lies; None for another one. SettingsError for an address that is none."""
    url = _url(address)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _url(address: str) -> URL:
    try:
        url = make_url(address)
        kind = url.get_backend_name()
    except ArgumentError:
        url, kind = None, ""
    if url is None or kind not in KINDS:
        raise SettingsError("--database must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    return url


def _engine(address: str) -> Engine:
    url = _url(address)
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        connecting: dict[str, Any] = {"connect_timeout": 5, "options": "-c statement_timeout=10000"}
        return create_engine(
            url, pool_size=THREADS, max_overflow=0, pool_pre_ping=True, connect_args=connecting
        )
    if not url.database or url.database == ":memory:":
        raise SettingsError("an SQLite database must be a file, sqlite:///FILE, for all threads use it")
    _make_private(url.database)
    engine = create_engine(url, pool_size=THREADS, max_overflow=0, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(path: str) -> None:
    """A new file that its owner alone may read, for it holds references and perhaps pictures; SQLite gives
    the files beside it the same rights.
    """
    with suppress(OSError):  # SQLite itself says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # a read that becomes a write would fail beside another


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "unmask.serve:migrations")
    script = ScriptDirectory.from_config(config)
    known = {step.revision for step in script.walk_revisions()}

    def steps(revision: Any, _: Any) -> Any:
        if unknown := {name for name in (revision or ()) if name not in known}:
            raise SettingsError(
                f"the database is of a newer version ({', '.join(sorted(unknown))}); install that version"
            )
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config, script, fn=steps, destination_rev="head") as context:
        context.configure(connection=connection, transactional_ddl=False)
        context.run_migrations()
