"""Keys of back ends: hashed, each for some scopes, exchanged without an interruption.

A key has 256 random bits, so that one SHA-256 of it is as good as a slow hash.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.engine import RowMapping

from unmask.serve import audit
from unmask.serve.settings import Scope
from unmask.serve.tables import keys
from unmask.types import SettingsError

SCOPES = tuple(Scope)
PREFIX = "unmask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request: the key's id, its owner and its scopes."""

    key: str
    owner: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether a scope is granted; admin grants all."""
        return scope in self.scopes or "admin" in self.scopes


DEMO = Caller(key="demo", owner="demo", scopes=frozenset({"create"}))  # of the page that needs no key


def new_key(
    connection: Connection,
    *,
    owner: str,
    scopes: Collection[str],
    now: float,
    lasts_s: float | None = None,
) -> str:
    """A new key as it is shown once: unmask_ID_SECRET."""
    if unknown := set(scopes) - set(SCOPES):
        raise SettingsError(f"a scope is one of {', '.join(SCOPES)}, not {', '.join(sorted(unknown))}")
    if not scopes or not 1 <= len(owner) <= 64 or not owner.isprintable():
        raise SettingsError("a key needs one scope or more and an owner of 1 to 64 characters")
    name, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    expires_at = None if lasts_s is None else now + lasts_s
    granted = " ".join(scope for scope in SCOPES if scope in scopes)
    connection.execute(
        insert(keys).values(
            id=name,
            owner=owner,
            secret_sha256=sha256_of(secret),
            scopes=granted,
            created_at=now,
            expires_at=expires_at,
        )
    )
    audit.append(connection, at=now, event="key.created", subject=name, facts={"scopes": granted})
    return f"{PREFIX}_{name}_{secret}"


def rotate(connection: Connection, name: str, *, now: float, overlap_s: float) -> str:
    """A new key like the one with this id, which ends after `overlap_s`, and never later than it would have.

    The new one lasts as long as that one was made for.
    """
    found = connection.execute(select(keys).where(keys.c.id == name, _in_force(now))).mappings().one_or_none()
    if found is None:
        raise SettingsError(f"no key {name} is in force; `unmask serve keys list` shows those that are")
    ends, lasts_s = now + overlap_s, None
    if found["expires_at"] is not None:
        ends, lasts_s = min(ends, found["expires_at"]), found["expires_at"] - found["created_at"]
    connection.execute(update(keys).where(keys.c.id == name).values(expires_at=ends))
    audit.append(connection, at=now, event="key.rotated", subject=name, facts={"overlap_s": overlap_s})
    scopes = found["scopes"].split()
    return new_key(connection, owner=found["owner"], scopes=scopes, now=now, lasts_s=lasts_s)


def revoke(connection: Connection, name: str, *, now: float) -> None:
    """End a key at once; SettingsError where none has this id."""
    ended = update(keys).where(keys.c.id == name, keys.c.revoked_at.is_(None)).values(revoked_at=now)
    if connection.execute(ended).rowcount != 1:
        raise SettingsError(f"no key {name} is in force; `unmask serve keys list` shows those that are")
    audit.append(connection, at=now, event="key.revoked", subject=name, facts={})


def listed(connection: Connection) -> list[RowMapping]:
    """All keys, the oldest first."""
    return list(connection.execute(select(keys).order_by(keys.c.created_at)).mappings())


def caller_of(connection: Connection, key: str, *, now: float) -> Caller | None:
    """Whose key it is, None for one that is unknown, revoked or out of date."""
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX or not parts[1].isalnum() or len(parts[1]) > 32:
        return None
    found = (
        connection.execute(select(keys).where(keys.c.id == parts[1], _in_force(now))).mappings().one_or_none()
    )
    if found is None or not hmac.compare_digest(found["secret_sha256"], sha256_of(parts[2])):
        return None
    return Caller(key=found["id"], owner=found["owner"], scopes=frozenset(found["scopes"].split()))


def sha256_of(secret: str) -> str:
    """The hash under which a secret is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _in_force(now: float):  # type: ignore[no-untyped-def]
    return keys.c.revoked_at.is_(None) & (keys.c.expires_at.is_(None) | (keys.c.expires_at > now))
