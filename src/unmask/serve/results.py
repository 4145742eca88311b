"""What is said of a session and of a check, to back ends and to browsers."""

from collections.abc import Mapping, Sequence
from typing import Any

from unmask.serve.bodies import moment
from unmask.serve.sessions import OPEN, State
from unmask.serve.signing import Signer


def session_body(
    row: Mapping[str, Any], *, pictures: Sequence[int], signer: Signer | None, now: float
) -> dict[str, Any]:
    """A row of the table as SessionBody has it."""
    state = row["state"]
    if state in OPEN and row["expires_at"] <= now:
        state = State.EXPIRED.value  # nobody has swept it yet
    same = ("id", "mode", "reference", "tries_left", "failure", "decision")
    times = ("created_at", "expires_at", "started_at", "decided_at")
    done = state not in OPEN
    return (
        {name: row[name] for name in same}
        | {name: moment(row[name]) for name in times}
        | {
            "state": state,
            "pictures": [f"/v1/sessions/{row['id']}/pictures/{number}" for number in pictures],
            "jws": session_jws(row, state, signer=signer, now=now) if done else None,
        }
    )


def session_jws(row: Mapping[str, Any], state: str, *, signer: Signer | None, now: float) -> str | None:
    """The signed result of a session that is over."""
    if signer is None:
        return None
    claims = {"sub": row["id"], "mode": row["mode"], "state": state, "reference": row["reference"]}
    return signer.signed(claims | decision_claims(row["decision"]), now=now)


def decision_claims(decision: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a signed result says of a decision."""
    if decision is None:
        return {}
    names = ("verdict", "score", "threshold", "operating_point", "reasons")
    return {name: decision[name] for name in names} | {"model_sha256": decision["model"]["sha256"]}
