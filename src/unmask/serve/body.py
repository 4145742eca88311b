"""Bounds of a request, held before anything reads it: size, deadline, id, and safe headers on the answer."""

import asyncio
import json
import re
import time
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unmask.serve.logs import REQUEST, complain, new_request, say
from unmask.serve.metrics import Metrics
from unmask.serve.tracing import span

GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
SMALL_BYTES = 64 << 10  # of a body, where no upload belongs
GONE = 499  # in logs and metrics alone: who sent the request does not wait for its answer
SLOWEST_BYTES = 16 << 10  # a second, of a body
GRACE_S = 5.0  # before it must have come so fast


class BodySizeError(Exception):
    """More was sent than may be."""


class BodyTimeError(Exception):
    """The body did not come in time."""


class Bounds:
    """An ASGI middleware: refuses what is too large by its header or as it comes, and what comes too slowly.

    `uploads` are the paths whose body may have `most` bytes; others may have `SMALL_BYTES`.
    """

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, uploads: tuple[str, ...], most: int, deadline_s: float
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._uploads = uploads
        self._most = most
        self._deadline_s = deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            token = REQUEST.set(new_request())
            try:
                await self._app(scope, receive, send)
            finally:
                REQUEST.reset(token)
            return
        with span("request", dict(scope["headers"])) as told:
            await self._http(scope, receive, send, told)

    async def _http(self, scope: Scope, receive: Receive, send: Send, told: dict[str, Any]) -> None:
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request = given.decode() if GIVEN.fullmatch(given) else new_request()
        token, begun_s = REQUEST.set(request), time.monotonic()
        answer = _Answer(send, request)
        most = self._most if scope["path"] in self._uploads else SMALL_BYTES
        try:
            if _declared(headers) > most:
                await answer.refuse(413, f"the body may have {most} bytes")
            else:
                await self._app(scope, self._bounded(receive, most), answer.send)
        except (BodySizeError, BodyTimeError) as refused:
            status = 413 if isinstance(refused, BodySizeError) else 408
            await answer.refuse(status, str(refused))
        except ClientDisconnect:
            answer.status = answer.status or GONE  # in the middle of its own body: nobody's fault here
        except Exception as error:
            complain("error", error)
            await answer.refuse(500, "this is an error of unmask itself; please report it")
        finally:
            path = getattr(scope.get("route"), "path", "other")
            seconds = time.monotonic() - begun_s
            told |= {
                "http.route": path,
                "http.response.status_code": answer.status,
                "unmask.request": request,
            }
            self._metrics.requests.labels(path, str(answer.status)).inc()
            self._metrics.request_s.labels(path).observe(seconds)
            say("request", method=scope["method"], path=path, status=answer.status, ms=round(1000 * seconds))
            REQUEST.reset(token)

    def _bounded(self, receive: Receive, most: int) -> Receive:
        """`receive`, which raises once the body is too large or too slow."""
        begun_s = time.monotonic()
        taken, whole = 0, False

        async def bounded() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()
            until_s = begun_s + min(self._deadline_s, GRACE_S + taken / SLOWEST_BYTES)
            try:
                async with asyncio.timeout(max(0.01, until_s - time.monotonic())):
                    message = await receive()
            except TimeoutError as late:
                raise BodyTimeError("the body did not come in time; send it faster") from late
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                whole = not message.get("more_body", False)
            if taken > most:
                raise BodySizeError(f"the body may have {most} bytes")
            return message

        return bounded


class _Answer:
    """Sends one answer with the headers that all have."""

    def __init__(self, send: Send, request: str) -> None:
        self._send = send
        self._request = request.encode()
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            held = {name for name, _ in message["headers"]}
            added = [pair for pair in SAFE if pair[0] not in held]
            message["headers"] = [*message["headers"], *added, (b"x-request-id", self._request)]
        await self._send(message)

    async def refuse(self, status: int, sentence: str) -> None:
        """An answer of our own, where none was begun."""
        if self.status:
            return
        body = json.dumps({"error": sentence}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),  # the rest of the body is not read
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _declared(headers: dict[bytes, bytes]) -> int:
    written = headers.get(b"content-length", b"0")
    return int(written) if written.isdigit() and len(written) < 20 else 1 << 62
