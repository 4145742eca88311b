"""The tables of the service; times are seconds since 1970 (UTC).

`migrations` brings a database to this shape; a test compares the two.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

keys = Table(
    "keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False, index=True),  # sessions belong to it, whatever key made them
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),  # names with a blank between them
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53)),
    Column("revoked_at", Float(53)),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False, index=True),
    Column("mode", String(16), nullable=False),
    Column("point", String(64), nullable=False),
    Column("reference", String(256)),
    Column("token_sha256", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("tries_left", Integer, nullable=False),
    Column("connection", Integer, nullable=False),  # rises by one with each; only the latest one may decide
    Column("worker", String(64)),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("decided_at", Float(53)),
    Column("verdict", String(16)),  # of all evidence
    Column("reasons", JSON(none_as_null=True)),
    Column("decision", JSON(none_as_null=True)),  # of the detector alone, as docs/json.md has it
    Column("challenge", JSON(none_as_null=True)),  # of an active mode
    Column("injection", JSON(none_as_null=True)),  # hints, which decide nothing
    Column("failure", Text),  # one sentence
)
Index("sessions_open", sessions.c.state, sessions.c.expires_at)

pictures = Table(
    "pictures",
    metadata,
    Column("session", String(32), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),  # 0 is the best frame
    Column("time_s", Float(53), nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
    Column("expires_at", Float(53), nullable=False, index=True),
)

# Appended to alone: triggers refuse the rest.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float(53), nullable=False),
    Column("event", String(32), nullable=False),
    Column("subject", String(32), nullable=False),  # id of a session, a check or a key
    Column("facts", Text, nullable=False),  # JSON as it was hashed
    Column("previous_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
)

# One row, locked by whatever appends to the audit trail.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)
