"""POST /v1/checks: an upload -> a decision."""

import asyncio
import secrets
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from python_multipart.exceptions import MultipartParseError
from sqlalchemy import Connection
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from unmask.detector.detector import Detector
from unmask.media.limits import Limits
from unmask.media.sources import open_content
from unmask.serve import audit
from unmask.serve.access import Creator
from unmask.serve.bodies import REFUSED, CheckBody
from unmask.serve.logs import say
from unmask.serve.results import check_claims
from unmask.serve.service import Service, now
from unmask.serve.sessions import STATE_OF
from unmask.types import Decision, SourceError

PATH = "/v1/checks"
MULTIPART = "multipart/form-data"
BINARY = {"type": "string", "format": "binary"}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": BINARY}},
            },
            "application/octet-stream": {"schema": BINARY},
            "image/*": {"schema": BINARY},
            "video/*": {"schema": BINARY},
        },
    }
}
router = APIRouter()


@router.post(PATH, response_model=CheckBody, responses=REFUSED, openapi_extra=BODY)
async def check(request: Request, caller: Creator, point: str | None = None) -> dict[str, Any]:
    """Say LIVE, ATTACK or UNDECIDED for the face in one image or video.

    The file is the body itself, or the field `file` of a form. It is judged in memory and not stored.
    """
    service = Service.of(request)
    detector = service.detectors.get(point or service.settings.points[0])
    if detector is None:
        raise HTTPException(422, f"point must be one of {', '.join(service.settings.points)}")
    _refuse_at_the_end(service)
    until_s = asyncio.get_running_loop().time() + service.settings.request_s
    try:
        async with service.gate.place():
            content = await _content(request)
            async with asyncio.timeout_at(until_s), service.gate.turn():
                _refuse_at_the_end(service)  # which may have come while it waited
                decision = await service.compute(_judged, detector, content, service.limits())
    except SourceError as unreadable:
        raise HTTPException(422, str(unreadable)) from unreadable
    except TimeoutError as late:
        service.metrics.refusals.labels("deadline").inc()
        raise HTTPException(
            503, "the deadline passed; send less, or come again", {"Retry-After": "5"}
        ) from late
    return await _recorded(service, decision, key=caller.key)


def _refuse_at_the_end(service: Service) -> None:
    if service.draining:
        raise HTTPException(503, "the server is about to stop; call another one", {"Retry-After": "1"})


def _judged(detector: Detector, content: bytes, limits: Limits) -> Decision:
    return detector.check(open_content(content, name="the upload", limits=limits))


async def _recorded(service: Service, decision: Decision, *, key: str) -> dict[str, Any]:
    """The decision as it is answered, once the audit trail has it."""
    body = decision.to_dict() | {"source": "upload", "id": f"c{secrets.token_hex(15)}"}
    state = STATE_OF[decision.verdict].value
    head = await service.database.run(_append, body["id"], check_claims(body) | {"key": key})
    service.metrics.decisions.labels("check", "file", state).inc()
    if not decision.is_live:
        for reason in decision.reasons:
            service.metrics.reasons.labels(reason.value).inc()
    say("check decided", check=body["id"], state=state, audit=str(head))
    if service.signer is not None:
        body["jws"] = service.signer.signed({"sub": body["id"]} | check_claims(body), now=now())
    return body


def _append(connection: Connection, name: str, facts: dict[str, Any]) -> audit.AuditHead:
    return audit.append(connection, at=now(), event="check.decided", subject=name, facts=facts)


async def _content(request: Request) -> bytes:
    """The bytes of the upload; they are bounded by the middleware, and stay in memory."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MULTIPART:
        content = await request.body()
        if not content:
            raise HTTPException(422, "the body is empty; send an image or a video")
        return content
    try:
        form = await _InMemory(request.headers, request.stream(), max_files=1, max_fields=8).parse()
    except (MultiPartException, MultipartParseError, KeyError, ValueError) as broken:
        raise HTTPException(422, "the form cannot be read; send one field `file`") from broken
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise HTTPException(422, "the form has no file; send one field `file`")
        content = await file.read()
    finally:
        await form.close()
    if not content:
        raise HTTPException(422, "the file is empty; send an image or a video")
    return content


class _InMemory(MultiPartParser):
    """Keeps a file in memory, whatever its size: no picture may lie on the disk, not even for a moment."""

    spool_max_size = 1 << 40
