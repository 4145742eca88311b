"""What is said of a session and of a check, to back ends and to browsers."""

from collections.abc import Mapping, Sequence
from typing import Any

from unmask.serve.attempts import AttemptResult
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
    same = (
        *("id", "mode", "reference", "tries_left", "failure"),
        *("verdict", "reasons", "decision", "challenge", "injection"),
    )
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
    return signer.signed(claims | result_claims(row), now=now)


def browser_claims(result: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a signed result says that goes through the browser, where anybody can read it."""
    claims = result_claims(result)
    return {name: claims[name] for name in ("verdict", "operating_point", "model_sha256") if name in claims}


def result_columns(result: AttemptResult) -> dict[str, Any]:
    """A result as the table keeps it."""
    challenge = result.challenge
    return {
        "verdict": result.verdict.value,
        "reasons": [reason.value for reason in result.reasons],
        "decision": result.decision.to_dict(),
        "challenge": None if challenge is None else challenge.to_dict(),
        "injection": [hint.to_dict() for hint in result.injection],
    }


def result_claims(result: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a signed result says, and the audit trail keeps: no picture, and nothing that names a person."""
    if result is None or result["decision"] is None:
        return {}
    decision, challenge = result["decision"], result["challenge"]
    return {
        "verdict": result["verdict"],
        "reasons": result["reasons"],
        "score": decision["score"],
        "threshold": decision["threshold"],
        "operating_point": decision["operating_point"],
        "model_sha256": decision["model"]["sha256"],
        "challenge_verdict": None if challenge is None else challenge["verdict"],
        "injection": [hint["code"] for hint in result["injection"] or ()],
    }


def check_claims(decision: Mapping[str, Any]) -> dict[str, Any]:
    """The same of the check of a file."""
    whole = {name: decision[name] for name in ("verdict", "reasons")}
    return result_claims({**whole, "decision": decision, "challenge": None, "injection": []})
