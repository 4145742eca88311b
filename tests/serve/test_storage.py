"""The database, SQLite and PostgreSQL alike: one shape, one decision, and a trail that shows its wounds."""

import threading
import time
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from present import present
from unmask.serve import audit, keys, sessions
from unmask.serve.database import AWAY, Database
from unmask.serve.keys import Caller
from unmask.serve.sessions import Ending, SessionError, State
from unmask.serve.tables import metadata
from unmask.types import SettingsError

SHOP = Caller(key="k1", owner="shop", scopes=frozenset({"create", "read"}))
LIVE = Ending(
    state=State.LIVE,
    result={"verdict": "LIVE", "reasons": [], "decision": {"score": 0.9}, "challenge": None, "injection": []},
    facts={"score": 0.9},
    pictures=[(0.5, b"best"), (0.1, b"other")],
)
FAILED = Ending(state=State.FAILED, failure="the server stopped")


def new(database: Database, *, now: float = 1000.0, tries: int = 3, lasts_s: float = 60.0) -> Any:
    return database.call(
        sessions.create,
        caller=SHOP,
        mode="passive",
        point="default",
        tries=tries,
        reference="r",
        now=now,
        lasts_s=lasts_s,
    )


def attach(database: Database, made: Any, *, kept: int | None = None, now: float = 1001.0) -> Any:
    return database.call(sessions.attach, made.id, made.token, worker="w", kept=kept, now=now)


def finish(database: Database, made: Any, ending: Ending, *, number: int, now: float = 1002.0) -> State:
    state, _ = database.call(sessions.finish, made.id, ending, number=number, now=now, retain_s=10)
    return state


def test_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    database.migrate()  # again: nothing to do
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v99'")
    with pytest.raises(SettingsError, match="newer version"):
        database.migrate()


def test_several_workers_may_migrate_at_once(address: str) -> None:
    found = []

    def migrate() -> None:
        opened = Database(address)
        try:
            opened.migrate()
        except Exception as error:
            found.append(error)
        opened.close()

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == []


def test_a_session_is_decided_once(database: Database) -> None:
    made = new(database)
    number = attach(database, made).connection
    assert finish(database, made, LIVE, number=number) is State.LIVE
    for other in (FAILED, LIVE, Ending(state=State.ATTACK)):
        assert finish(database, made, other, number=number) is State.LIVE
    row = present(database.call(sessions.read, made.id, caller=SHOP))
    assert (row["state"], row["decision"], row["decided_at"]) == ("live", {"score": 0.9}, 1002.0)
    with pytest.raises(SessionError, match="over"):
        attach(database, made)


def test_of_many_endings_at_once_one_holds(database: Database) -> None:
    made = new(database)
    number = attach(database, made).connection
    endings = [LIVE, FAILED, Ending(state=State.ATTACK), Ending(state=State.UNDECIDED)]
    told: list[State] = []

    def end(ending: Ending) -> None:
        told.append(finish(database, made, ending, number=number))

    threads = [threading.Thread(target=end, args=[ending]) for ending in endings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 4
    assert len(set(told)) == 1
    assert present(database.call(sessions.read, made.id, caller=SHOP))["state"] == told[0]
    head, wrong = database.call(audit.verify)
    assert (head.number, wrong) == (2, "")


def test_only_the_latest_connection_may_decide(database: Database) -> None:
    made = new(database)
    first = attach(database, made)
    second = attach(database, made, kept=first.connection)
    assert second.tries_left == first.tries_left == 2
    assert finish(database, made, LIVE, number=first.connection) is State.RUNNING
    assert not database.call(sessions.is_current, made.id, number=first.connection, now=1002.0)
    assert finish(database, made, FAILED, number=second.connection) is State.FAILED


def test_tries_are_used_up(database: Database) -> None:
    made = new(database, tries=2)
    assert attach(database, made).tries_left == 1
    second = attach(database, made)
    assert second.tries_left == 0
    assert database.call(sessions.use_try, made.id, number=second.connection, now=1002.0) is None
    assert attach(database, made) is None
    row = present(database.call(sessions.read, made.id, caller=SHOP))
    assert (row["state"], row["decision"]) == ("failed", None)


@pytest.mark.parametrize("token", ["", "x", "é\x00", "\udcff"])
def test_another_token_opens_nothing(database: Database, token: str) -> None:
    made = new(database)
    with pytest.raises(SessionError):
        database.call(sessions.attach, made.id, token, worker="w", kept=None, now=1001.0)
    assert present(database.call(sessions.read, made.id, caller=SHOP))["state"] == "created"


def test_what_is_out_of_time_expires_and_cannot_be_decided(database: Database) -> None:
    idle, running, done = new(database), new(database), new(database)
    number = attach(database, running).connection
    done_number = attach(database, done).connection
    finish(database, done, LIVE, number=done_number)
    with pytest.raises(SessionError, match="over"):
        attach(database, idle, now=1060.0)
    assert finish(database, running, LIVE, number=number, now=1060.5) is State.EXPIRED
    assert database.call(sessions.sweep, now=1061.0, record_s=1e6) == 2
    assert database.call(sessions.sweep, now=1061.0, record_s=1e6) == 0
    states = [
        present(database.call(sessions.read, s.id, caller=SHOP))["state"] for s in (idle, running, done)
    ]
    assert states == ["expired", "expired", "live"]


def test_rows_and_pictures_go_when_their_time_is_over(database: Database) -> None:
    made = new(database)
    finish(database, made, LIVE, number=attach(database, made).connection)
    assert database.call(sessions.picture_numbers, made.id, now=1005.0) == [0, 1]
    assert database.call(sessions.picture, made.id, 0, caller=SHOP, now=1005.0) == b"best"
    database.call(sessions.sweep, now=1013.0, record_s=100)
    assert database.call(sessions.picture_numbers, made.id, now=0.0) == []
    assert database.call(sessions.read, made.id, caller=SHOP) is not None
    database.call(sessions.sweep, now=1103.0, record_s=100)
    assert database.call(sessions.read, made.id, caller=SHOP) is None
    assert database.call(audit.verify)[1] == ""


def test_erasing_takes_the_pictures_along_and_leaves_the_trail_whole(database: Database) -> None:
    made = new(database)
    finish(database, made, LIVE, number=attach(database, made).connection)
    assert database.call(sessions.erase, made.id, caller=SHOP, now=1003.0)
    assert not database.call(sessions.erase, made.id, caller=SHOP, now=1003.0)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pictures").scalar_one() == 0
    head, wrong = database.call(audit.verify)
    assert (head.number, wrong) == (3, "")
    assert finish(database, made, LIVE, number=1) is State.EXPIRED


def _without_triggers(database: Database, statement: str) -> None:
    """As somebody with all rights over the database would."""
    with database.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            for verb in ("UPDATE", "DELETE"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS audit_no_{verb}")
        else:
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("""UPDATE audit SET facts = '{"state":"live"}' WHERE number = 2""", "row 2 was changed"),
        ("UPDATE audit SET at = at + 1 WHERE number = 3", "row 3 was changed"),
        ("DELETE FROM audit WHERE number = 2", "row 2 is missing"),
        ("DELETE FROM audit WHERE number = 4", "there are 3 rows"),
        ("UPDATE audit SET number = 9 WHERE number = 1", "row 1 is missing"),
    ],
)
def test_the_trail_shows_what_was_done_to_it(database: Database, statement: str, wrong: str) -> None:
    for _ in range(4):
        new(database)
    assert database.call(audit.verify)[1] == ""
    _without_triggers(database, statement)
    assert wrong in database.call(audit.verify)[1]


@pytest.mark.parametrize("statement", ["UPDATE audit SET at = 0", "DELETE FROM audit"])
def test_the_trail_is_only_appended_to(database: Database, statement: str) -> None:
    new(database)
    with pytest.raises(DBAPIError, match="only appended"), database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert database.call(audit.verify)[1] == ""


def test_a_trail_that_was_written_anew_does_not_hold_the_row_that_was_logged(database: Database) -> None:
    new(database)
    before, _ = database.call(audit.verify)
    _without_triggers(database, "DELETE FROM audit")
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE audit_head SET number = 0, sha256 = '{audit.FIRST}'")
    new(database)
    assert database.call(audit.verify)[1] == ""  # whole by itself
    assert database.call(audit.hash_of, 1) != before.sha256  # but not the one that was logged


def test_a_key_that_cannot_be_is_refused(database: Database) -> None:
    for owner, scopes in (("", ["read"]), ("a", []), ("a", ["x"])):
        with pytest.raises(SettingsError):
            database.call(keys.new_key, now=1.0, owner=owner, scopes=scopes)
    with pytest.raises(SettingsError, match="in force"):
        database.call(keys.revoke, "none", now=1.0)
    assert database.call(keys.listed) == []


@pytest.mark.parametrize(
    "address", ["", "x", "mysql://a/b", "sqlite://", "sqlite:///:memory:", "postgresql//a", "://"]
)
def test_an_address_that_is_none_is_refused_without_its_text(address: str) -> None:
    with pytest.raises(SettingsError):
        Database(address)


def test_a_killed_server_is_away_and_then_back(cluster: Any) -> None:
    database = Database(cluster.address())
    database.call(lambda connection: connection.exec_driver_sql("SELECT 1"))
    cluster.stop()
    begun_s = time.monotonic()
    with pytest.raises(AWAY):
        database.call(lambda connection: connection.exec_driver_sql("SELECT 1"))
    assert time.monotonic() - begun_s < 6
    cluster.start()
    assert database.call(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one()) == 1
    database.close()
