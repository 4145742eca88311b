"""Sessions over HTTP: created, read and erased by back ends."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request, Response

from unmask.serve import sessions
from unmask.serve.access import Creator, Reader
from unmask.serve.bodies import REFUSED, SessionBody, SessionCreated, SessionId, SessionRequest, moment
from unmask.serve.database import AWAY
from unmask.serve.modes import MODES
from unmask.serve.results import session_body
from unmask.serve.service import Service, now

router = APIRouter(responses=REFUSED)
NONE = "there is no such session"


@router.post("/v1/sessions", status_code=201, response_model=SessionCreated)
async def create(request: Request, wished: SessionRequest, caller: Creator) -> dict[str, Any]:
    """Make a session for one person; give the id and the token to the browser, and nothing else."""
    service = Service.of(request)
    point = wished.point or service.settings.points[0]
    if point not in service.detectors:
        raise HTTPException(422, f"point must be one of {', '.join(service.settings.points)}")
    if wished.mode not in MODES:
        raise HTTPException(422, f"mode must be one of {', '.join(MODES)}")
    if service.draining:
        raise HTTPException(503, "the server is about to stop; call another one", {"Retry-After": "1"})
    made = await service.database.run(
        sessions.create,
        caller=caller,
        mode=wished.mode,
        point=point,
        tries=wished.tries,
        reference=wished.reference,
        now=now(),
        lasts_s=service.settings.session_s,
    )
    return {
        "id": made.id,
        "token": made.token,
        "mode": made.mode,
        "state": "created",
        "expires_at": moment(made.expires_at),
        "tries_left": made.tries_left,
    }


@router.get("/v1/sessions/{id}", response_model=SessionBody)
async def read(request: Request, id: SessionId, caller: Reader) -> dict[str, Any]:
    """Where the session stands, and its result once it is over."""
    service, at = Service.of(request), now()
    row = await service.database.run(sessions.read, id, caller=caller)
    if row is None:
        raise HTTPException(404, NONE)
    held = await service.database.run(sessions.picture_numbers, id, now=at)
    return session_body(dict(row), pictures=held, signer=service.signer, now=at)


@router.get(
    "/v1/sessions/{id}/pictures/{number}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def picture(
    request: Request, id: SessionId, number: Annotated[int, Path(ge=0, le=99)], caller: Reader
) -> Response:
    """One stored picture; there is none unless the server was told to retain them."""
    jpeg = await Service.of(request).database.run(sessions.picture, id, number, caller=caller, now=now())
    if jpeg is None:
        raise HTTPException(404, "there is no such picture")
    return Response(jpeg, media_type="image/jpeg")


@router.delete("/v1/sessions/{id}", status_code=204)
async def erase(request: Request, id: SessionId, caller: Creator) -> None:
    """Erase a session with its pictures, reference and result; the audit trail keeps its random id."""
    service = Service.of(request)
    if not await service.database.run(sessions.erase, id, caller=caller, now=now()):
        raise HTTPException(404, NONE)
    with suppress(*AWAY):  # it is erased, and the sweeper will empty the log
        await service.database.scrub()
    service.live.parted.pop(id, None)
    if running := service.live.connections.get(id):
        running.stop("replaced")
