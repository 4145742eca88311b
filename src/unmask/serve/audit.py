"""The audit trail: rows that are only appended to, each holding the hash of the one before it.

They hold ids, times, scores, reasons and the model's hash: no picture, no reference, no address.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from unmask.serve.tables import audit, audit_head

FIRST = "0" * 64  # what the first row holds as the hash before it
BATCH = 1000


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last row: its `number`, 0 for none, and its hash. Kept elsewhere, it shows missing rows."""

    number: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.number}:{self.sha256}"


def append(
    connection: Connection, *, at: float, event: str, subject: str, facts: Mapping[str, Any]
) -> AuditHead:
    """One more row, in the transaction of what it tells of."""
    locked = select(audit_head.c.number, audit_head.c.sha256).where(audit_head.c.id == 1).with_for_update()
    number, previous = connection.execute(locked).one()
    written = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    row = {
        "number": number + 1,
        "at": at,
        "event": event,
        "subject": subject,
        "facts": written,
        "previous_sha256": previous,
    }
    head = AuditHead(number + 1, _sha256(row))
    connection.execute(insert(audit).values(**row, sha256=head.sha256))
    connection.execute(
        update(audit_head).where(audit_head.c.id == 1).values(number=head.number, sha256=head.sha256)
    )
    return head


def verify(connection: Connection) -> tuple[AuditHead, str]:
    """The last row that is as it was written, and what is wrong after it, "" where nothing is."""
    head = AuditHead(0, FIRST)
    while True:
        page = select(audit).where(audit.c.number > head.number).order_by(audit.c.number).limit(BATCH)
        rows = connection.execute(page).mappings().all()
        for row in rows:
            if row["number"] != head.number + 1:
                return head, f"row {head.number + 1} is missing"
            if row["previous_sha256"] != head.sha256:
                return head, f"row {row['number']} does not follow the one before it"
            if row["sha256"] != _sha256(row):
                return head, f"row {row['number']} was changed"
            head = AuditHead(row["number"], row["sha256"])
        if not rows:
            break
    said = connection.execute(select(audit_head.c.number, audit_head.c.sha256)).one_or_none()
    if said is None or tuple(said) != (head.number, head.sha256):
        told = "nothing" if said is None else f"{said[0]} rows"
        return head, f"there are {head.number} rows, and the head tells of {told}"
    return head, ""


def hash_of(connection: Connection, number: int) -> str | None:
    """The hash of one row."""
    return connection.execute(select(audit.c.sha256).where(audit.c.number == number)).scalar_one_or_none()


def _sha256(row: Any) -> str:
    parts = [row["number"], repr(float(row["at"])), row["event"], row["subject"], row["facts"]]
    written = json.dumps([*parts, row["previous_sha256"]], separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()
