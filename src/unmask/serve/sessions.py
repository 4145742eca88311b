"""Sessions in the database: created, attached to, decided once, expired, erased.

    created -> running -> live | attack | undecided | failed
    created, running -> expired

Whatever ends a session is one conditional UPDATE, so that of several workers, or of a worker and the clock,
the first one wins. Each connection takes the next number, and only the latest one may decide.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from unmask.errors import UnmaskError
from unmask.serve import audit
from unmask.serve.keys import Caller, sha256_of
from unmask.serve.tables import pictures, sessions
from unmask.types import Verdict

OPEN = ("created", "running")
SWEPT = 500  # sessions that expire in one transaction


class State(StrEnum):
    """Where a session stands; all but the first two are final."""

    CREATED = "created"
    RUNNING = "running"
    LIVE = "live"
    ATTACK = "attack"
    UNDECIDED = "undecided"
    FAILED = "failed"
    EXPIRED = "expired"


STATE_OF = {Verdict.LIVE: State.LIVE, Verdict.ATTACK: State.ATTACK, Verdict.UNDECIDED: State.UNDECIDED}


class SessionError(UnmaskError):
    """A session that is not there, is over, or whose token is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session that was just made, with the token that is shown once."""

    id: str
    token: str
    mode: str
    tries_left: int
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A session to which a connection with this number was just attached."""

    id: str
    owner: str
    connection: int
    mode: str
    point: str
    reference: str | None
    tries_left: int
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a session ends: with a `result`, by column, or with a `failure`, one sentence.

    `facts` of it go into the audit trail.
    """

    state: State
    result: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    failure: str | None = None
    pictures: Sequence[tuple[float, bytes]] = ()  # (time_s, JPEG), the best frame first


def create(
    connection: Connection,
    *,
    caller: Caller,
    mode: str,
    point: str,
    tries: int,
    reference: str | None,
    now: float,
    lasts_s: float,
) -> NewSession:
    """A new session of the caller's owner."""
    made = NewSession(
        id=f"s{secrets.token_hex(15)}",
        token=secrets.token_urlsafe(32),
        mode=mode,
        tries_left=tries,
        expires_at=now + lasts_s,
    )
    connection.execute(
        insert(sessions).values(
            id=made.id,
            owner=caller.owner,
            mode=mode,
            point=point,
            reference=reference,
            token_sha256=sha256_of(made.token),
            state=State.CREATED.value,
            tries=tries,
            tries_left=tries,
            connection=0,
            created_at=now,
            expires_at=made.expires_at,
        )
    )
    facts = {"mode": mode, "point": point, "tries": tries, "key": caller.key}
    audit.append(connection, at=now, event="session.created", subject=made.id, facts=facts)
    return made


def attach(
    connection: Connection, name: str, token: str, *, worker: str, kept: int | None, now: float
) -> Attached | None:
    """Attach a connection; SessionError unless the token is the session's and the session is open.

    It takes one of the tries, unless this worker has `kept` the evidence of the connection of this number
    and it was the last one. Without a try left the session has failed, and the answer is None.
    """
    found = _locked(connection, name)
    if found is None or not hmac.compare_digest(found["token_sha256"], sha256_of(token)):
        raise SessionError("there is no such session, or its token is another; create a session")
    if found["state"] not in OPEN or found["expires_at"] <= now:
        raise SessionError("this session is over; create another one")
    tries_left = found["tries_left"] if kept == found["connection"] else found["tries_left"] - 1
    if tries_left < 0:
        used_up = Ending(state=State.FAILED, failure="the connection broke off, and no try was left")
        finish(connection, name, used_up, number=found["connection"], now=now, retain_s=0)
        return None
    number = found["connection"] + 1
    values = {
        "state": State.RUNNING.value,
        "connection": number,
        "tries_left": tries_left,
        "worker": worker,
        "started_at": found["started_at"] or now,
    }
    connection.execute(update(sessions).where(sessions.c.id == name).values(values))
    return Attached(
        id=name,
        owner=found["owner"],
        connection=number,
        mode=found["mode"],
        point=found["point"],
        reference=found["reference"],
        tries_left=tries_left,
        expires_at=found["expires_at"],
    )


def use_try(connection: Connection, name: str, *, number: int, now: float) -> int | None:
    """Begin another try on the connection of this number: how many are left after it, None where none was."""
    taken = (
        update(sessions)
        .where(*_is_current(name, number, now), sessions.c.tries_left > 0)
        .values(tries_left=sessions.c.tries_left - 1)
        .returning(sessions.c.tries_left)
    )
    return connection.execute(taken).scalar_one_or_none()


def tries_left(connection: Connection, name: str) -> int:
    """How many tries are left; 0 where there is no such session."""
    left = connection.execute(select(sessions.c.tries_left).where(sessions.c.id == name))
    return left.scalar_one_or_none() or 0


def is_current(connection: Connection, name: str, *, number: int, now: float) -> bool:
    """Whether the session is running and its latest connection has this number."""
    return connection.execute(select(func.count()).where(*_is_current(name, number, now))).scalar_one() == 1


def finish(
    connection: Connection,
    name: str,
    ending: Ending,
    *,
    number: int,
    now: float,
    retain_s: float,
) -> tuple[State, audit.AuditHead | None]:
    """End the session as the connection of this number says: the state that holds, and its audit row.

    The state is another one where the session was over, expired in the meantime or has a later connection;
    EXPIRED where it was erased.
    """
    ended = (
        update(sessions)
        .where(*_is_current(name, number, now))
        .values(state=ending.state.value, decided_at=now, failure=ending.failure, **(ending.result or {}))
    )
    if connection.execute(ended).rowcount != 1:
        held = select(sessions.c.state, sessions.c.expires_at).where(sessions.c.id == name)
        found = connection.execute(held).mappings().one_or_none()
        if found is None or (found["state"] in OPEN and found["expires_at"] <= now):
            return State.EXPIRED, None  # erased, or out of time and not swept yet
        return State(found["state"]), None
    for place, (time_s, jpeg) in enumerate(ending.pictures):
        row = {"session": name, "number": place, "time_s": time_s, "jpeg": jpeg, "expires_at": now + retain_s}
        connection.execute(insert(pictures).values(row))
    facts = dict(ending.facts) | {"state": ending.state.value, "failure": ending.failure}
    head = audit.append(connection, at=now, event="session.decided", subject=name, facts=facts)
    return ending.state, head


def read(connection: Connection, name: str, *, caller: Caller) -> RowMapping | None:
    """The row of a session of the caller's owner."""
    return connection.execute(select(sessions).where(*_owned(name, caller))).mappings().one_or_none()


def picture_numbers(connection: Connection, name: str, *, now: float) -> list[int]:
    """The numbers of the stored pictures."""
    held = select(pictures.c.number).where(pictures.c.session == name, pictures.c.expires_at > now)
    return list(connection.execute(held.order_by(pictures.c.number)).scalars())


def picture(connection: Connection, name: str, number: int, *, caller: Caller, now: float) -> bytes | None:
    """One stored picture as JPEG."""
    held = (
        select(pictures.c.jpeg)
        .join(sessions, sessions.c.id == pictures.c.session)
        .where(*_owned(name, caller), pictures.c.number == number, pictures.c.expires_at > now)
    )
    return connection.execute(held).scalar_one_or_none()


def erase(connection: Connection, name: str, *, caller: Caller, now: float) -> bool:
    """Delete a session of the caller's owner with its pictures; a running one can no longer be decided."""
    if connection.execute(delete(sessions).where(*_owned(name, caller))).rowcount != 1:
        return False
    audit.append(connection, at=now, event="session.erased", subject=name, facts={"key": caller.key})
    return True


def sweep(connection: Connection, *, now: float, record_s: float) -> int:
    """Expire what is out of time, and delete what is kept no longer; how many sessions expired."""
    late = (
        select(sessions.c.id)
        .where(sessions.c.state.in_(OPEN), sessions.c.expires_at <= now)
        .limit(SWEPT)
        .with_for_update(skip_locked=True)
    )
    ended = (
        update(sessions)
        .where(sessions.c.id.in_(late), sessions.c.state.in_(OPEN))
        .values(state=State.EXPIRED.value, decided_at=now)
        .returning(sessions.c.id)
    )
    names = list(connection.execute(ended).scalars())
    for name in names:
        audit.append(connection, at=now, event="session.expired", subject=name, facts={})
    connection.execute(delete(pictures).where(pictures.c.expires_at <= now))
    old = sessions.c.state.not_in(OPEN) & (sessions.c.decided_at <= now - record_s)
    connection.execute(delete(sessions).where(old))
    return len(names)


def _locked(connection: Connection, name: str) -> RowMapping | None:
    found = select(sessions).where(sessions.c.id == name).with_for_update()
    return connection.execute(found).mappings().one_or_none()


def _is_current(name: str, number: int, now: float):  # type: ignore[no-untyped-def]
    return (
        sessions.c.id == name,
        sessions.c.state == State.RUNNING.value,
        sessions.c.connection == number,
        sessions.c.expires_at > now,
    )


def _owned(name: str, caller: Caller):  # type: ignore[no-untyped-def]
    own = sessions.c.owner == caller.owner
    return (sessions.c.id == name,) if "admin" in caller.scopes else (sessions.c.id == name, own)
