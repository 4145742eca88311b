"""The JSON that requests and answers hold."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Mode = Literal["passive", "light", "head"]
Score = Annotated[float, Field(ge=0, le=1)]
SessionId = Annotated[str, Path(pattern="^s[0-9a-f]{30}$", examples=["s3f9b0c4e1d2a4b5c8d7e6f5a4b3c2d"])]


class ErrorBody(BaseModel):
    """Why a request was refused."""

    error: str = Field(examples=["a key is missing, unknown or out of date; send Authorization: Bearer KEY"])


class SessionRequest(BaseModel):
    """What a session is to be."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "passive"
    point: str | None = Field(
        None, max_length=64, description="Operating point; the server's first one where none is named."
    )
    tries: int = Field(3, ge=1, le=10, description="How often the person may try within the session.")
    reference: Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = (
        Field(
            None,
            description="Your own name for it, such as an id of a login; given back with the result, "
            "never logged or written to the audit trail.",
            examples=["login-8731"],
        )
    )


class SessionCreated(BaseModel):
    """A session, and the token for the browser: it is shown here once."""

    id: str = Field(examples=["s3f9b0c4e1d2a4b5c8d7e6f5a4b3c2d"])
    token: str
    mode: Mode
    state: Literal["created"]
    expires_at: datetime
    tries_left: int


class ModelBody(BaseModel):
    name: str
    version: str
    sha256: str


class DecisionBody(BaseModel):
    """A decision as `unmask check --json` prints it, see docs/json.md."""

    model_config = ConfigDict(extra="forbid")

    source: str
    verdict: Literal["LIVE", "ATTACK", "UNDECIDED"]
    score: Score | None
    threshold: float | None
    operating_point: str
    reasons: list[str]
    faces: list[dict[str, Any]]
    model: ModelBody
    clips: int
    timings_ms: dict[str, float | None]
    segments: list[dict[str, Any]]
    notes: list[str]


class CheckBody(DecisionBody):
    """The decision on an upload, with the id under which the audit trail has it."""

    id: str
    jws: str | None = Field(None, description="The result, signed; null where the server has no signing key.")


class SessionBody(BaseModel):
    """Where a session stands."""

    id: str
    mode: Mode
    state: Literal["created", "running", "live", "attack", "undecided", "failed", "expired"]
    reference: str | None
    tries_left: int
    created_at: datetime
    expires_at: datetime
    started_at: datetime | None
    decided_at: datetime | None
    failure: str | None = Field(description="Why it failed, in one sentence.")
    verdict: Literal["LIVE", "ATTACK", "UNDECIDED"] | None = Field(
        description="The verdict on all evidence: the detector's and, in an active mode, the challenge's."
    )
    reasons: list[str] | None
    decision: DecisionBody | None = Field(description="The detector's own, with score and segments.")
    challenge: dict[str, Any] | None = Field(description="What an active mode says, with what it measured.")
    injection: list[dict[str, Any]] | None = Field(
        description="Signs of frames that no camera took; hints, which decide nothing."
    )
    pictures: list[str] = Field(
        description="Where the stored pictures are, the best frame first; empty unless retention allows them."
    )
    jws: str | None = Field(description="The result, signed; null where the server has no signing key.")


class ReadyBody(BaseModel):
    ready: bool
    database: bool
    models: list[str]
    draining: bool


class HealthBody(BaseModel):
    healthy: Literal[True]


def moment(seconds: float | None) -> datetime | None:
    """A time as JSON has it.

    >>> moment(0.0)
    datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


REFUSED: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorBody, "description": text}
    for code, text in {
        400: "The request is not HTTP as it should be.",
        401: "No key, or one that is not in force.",
        403: "The key lacks the scope.",
        404: "There is none of this id for this key.",
        408: "The body did not come in time.",
        413: "The body is too large.",
        422: "A field is wrong, or what was sent cannot be read.",
        429: "Too many at once; see Retry-After.",
        503: "The database is away, or the server is about to stop.",
    }.items()
}
