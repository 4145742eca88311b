"""WS /v1/sessions/{id}/frames: frames of one person -> what to tell them, and one decision.

Whatever goes wrong, the session is not decided LIVE: LIVE is told only after the database holds it.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from unmask.serve import sessions
from unmask.serve.attempts import AttemptResult, Keepsakes, Seen
from unmask.serve.bodies import SessionId
from unmask.serve.database import AWAY
from unmask.serve.deciding import store
from unmask.serve.limiting import TooManyError
from unmask.serve.live import ClockError, LiveAttempt
from unmask.serve.logs import complain
from unmask.serve.messages import (
    AgainMessage,
    EndMessage,
    EventMessage,
    FrameMessage,
    MalformedMessageError,
    Message,
    read_hello,
    read_message,
)
from unmask.serve.modes import MODES
from unmask.serve.results import result_claims, result_columns
from unmask.serve.service import Service, now
from unmask.serve.sessions import Attached, Ending, SessionError, State
from unmask.serve.signals import Signals
from unmask.serve.telling import is_demo, ready_message, retry_message, state_message
from unmask.types import SourceError, Verdict

HELLO_S = 10.0
REST_S = 60.0  # between two tries
LOOK_AGAIN_S = 5.0  # at the database, whether the session is still this connection's
MOST_WAITING = 8  # frames; a client is to have two on the way
MOST_QUEUED = 64  # messages of whatever kind: a challenge has some twenty events
MOST_REFUSED = 30  # frames of one connection that cannot be decoded or whose time does not rise
# Why a connection ended: the close code, and the sentence that the client is told.
ENDED = {
    "hello": (4400, "the first message must be hello with the token, within ten seconds"),
    "malformed": (4400, "a message is not as the protocol has it"),
    "idle": (4408, "no frame came for too long; connect again"),
    "flood": (4429, "more frames came than were acknowledged; keep at most two on the way"),
    "clock": (4400, "the times of the frames do not go on as time does; send those of the camera"),
    "frames": (4400, "too many frames cannot be used; send JPEG with rising times"),
    "refused": (4401, ""),
    "failed": (1000, ""),
    "replaced": (4409, "the session is over, or another connection has taken it"),
    "taken": (4409, "another connection has taken this session"),
    "database": (1011, "the result could not be stored; ask your server about the session"),
    "busy": (1013, "the service is busy; connect again later"),
    "drain": (1012, "the server is about to stop; connect again"),
}
router = APIRouter()


@router.websocket("/v1/sessions/{id}/frames")
async def frames(websocket: WebSocket, id: SessionId) -> None:
    service = Service.of(websocket)
    origin = websocket.headers.get("origin")
    if origin is not None and not _is_allowed(origin, websocket, service):
        service.metrics.refusals.labels("origin").inc()
        await websocket.close(1008)
        return
    await websocket.accept()
    connection = FrameConnection(websocket, service, id)
    with suppress(WebSocketDisconnect):
        await connection.run()


def _is_allowed(origin: str, websocket: WebSocket, service: Service) -> bool:
    """A page of this server, or one of the list."""
    host = websocket.headers.get("host", "")
    return origin in service.settings.origins or origin in (f"https://{host}", f"http://{host}")


class FrameConnection:
    """One connection of one session; frames wait in a short queue and are looked at one by one."""

    def __init__(self, websocket: WebSocket, service: Service, name: str) -> None:
        self.done = asyncio.Event()
        self._websocket = websocket
        self._service = service
        self._name = name
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting = 0  # frames in it, or being looked at
        self._looked_at = 0
        self._refused = 0
        self._resting = False  # between two tries
        self._client: dict[str, Any] = {}

    def stop(self, why: str) -> None:
        """Look at the frames that have come, then end."""
        self._queue.put_nowait(EndMessage(why))

    async def run(self) -> None:
        """From the first message to the last."""
        service = self._service
        attached, why = await self._hello()
        if attached is None:
            await self._close(why)
            return
        self._attached = attached
        before = service.live.connections.get(self._name)
        service.live.connections[self._name] = self
        service.metrics.connections.inc()
        try:
            if before is not None:
                before.stop("taken")
                with suppress(TimeoutError):
                    await asyncio.wait_for(before.done.wait(), service.settings.idle_s)
            self._begin_or_go_on()
            await self._send(self._ready())
            await self._part(await self._served())
        except (WebSocketDisconnect, TimeoutError):
            self._park()
        finally:
            service.metrics.connections.dec()
            service.metrics.frames_waiting.dec(self._waiting)
            if service.live.connections.get(self._name) is self:
                del service.live.connections[self._name]
            self.done.set()

    async def _hello(self) -> tuple[Attached | None, str]:
        """Attach to the session, or say why not."""
        service = self._service
        address = self._websocket.client.host if self._websocket.client else "unknown"
        try:
            await service.rates.count("address", address)
            if service.draining:
                return None, "drain"
            async with asyncio.timeout(HELLO_S):
                token, self._client = read_hello(await self._received())
            attached = await self._attach(token)
        except (MalformedMessageError, TimeoutError):
            return None, "hello"
        except TooManyError as refused:
            service.metrics.refusals.labels(refused.reason).inc()
            return None, "busy"
        except SessionError as refused:
            service.metrics.refusals.labels("session").inc()
            await self._send({"type": "error", "error": str(refused)})
            return None, "refused"
        except AWAY as away:
            complain("database", away)
            return None, "busy"
        if attached is None:
            await self._send({"type": "decision", "state": State.FAILED.value, "failure": "no try was left"})
            return None, "failed"
        return attached, ""

    async def _attach(self, token: str) -> Attached | None:
        """TooManyError where there is no room."""
        live = self._service.live
        there, kept = live.connections.get(self._name), live.parted.get(self._name)
        if there is None and len(live.connections) + live.joining >= self._service.settings.connections:
            raise TooManyError("connections", "the service is busy", retry_s=1)
        number = kept.connection if kept else getattr(there, "number", None)
        live.joining += 1
        try:
            return await self._service.database.run(
                sessions.attach, self._name, token, worker=self._service.worker, kept=number, now=now()
            )
        finally:
            live.joining -= 1

    @property
    def number(self) -> int:
        """The number of this connection."""
        return self._attached.connection

    def _begin_or_go_on(self) -> None:
        kept = self._service.live.parted.pop(self._name, None)
        if kept is None:
            self._begin()
            return
        kept.connection = self.number
        self._live = kept

    def _begin(self) -> None:
        """A new try, with no evidence."""
        detector = self._service.detectors[self._attached.point]
        self._live = LiveAttempt(
            connection=self.number,
            attempt=MODES[self._attached.mode](detector),
            mode=self._attached.mode,
            signals=Signals(self._client),
            keepsakes=Keepsakes(self._service.settings.retain),
            begun_s=time.monotonic(),
        )
        self._resting = False

    def _ready(self, tries_left: int | None = None) -> dict[str, Any]:
        left = self._attached.tries_left if tries_left is None else tries_left
        return ready_message(self._attached.mode, self._live.attempt.challenge, tries_left=left)

    @property
    def _developer(self) -> bool:
        """Whether the browser may know scores and reasons."""
        return is_demo(self._attached, self._service.settings)

    async def _served(self) -> str:
        """Look at what comes until it ends; why it did."""
        tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._guard())]
        try:
            return await self._look()
        except AWAY as away:
            complain("database", away, session=self._name)
            return "database"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        """Messages into the queue, as they come."""
        frame_bytes = self._service.settings.frame_bytes
        while True:
            silent_s = REST_S if self._resting else self._service.settings.idle_s
            try:
                async with asyncio.timeout(silent_s):
                    received = await self._received()
                message = read_message(received, server_s=time.monotonic(), frame_bytes=frame_bytes)
            except TimeoutError:
                if self._waiting or (self._resting and silent_s < REST_S):
                    continue  # it is the server that is slow, or a rest has begun in the meantime
                return self.stop("idle")
            except MalformedMessageError:
                return self.stop("malformed")
            except WebSocketDisconnect:
                return self.stop("parted")
            is_frame = isinstance(message, FrameMessage)
            if self._queue.qsize() >= MOST_QUEUED or (is_frame and self._waiting >= MOST_WAITING):
                return self.stop("flood")
            if is_frame:
                self._waiting += 1
                self._service.metrics.frames_waiting.inc()
            self._queue.put_nowait(message)

    async def _guard(self) -> None:
        """End the connection once the session is over, erased or another connection's."""
        while True:
            left_s = self._attached.expires_at - now()
            if left_s <= 0:
                return self.stop("expired")
            await asyncio.sleep(min(LOOK_AGAIN_S, left_s))
            if now() >= self._attached.expires_at:
                continue
            with suppress(*AWAY):
                if not await self._service.database.run(
                    sessions.is_current, self._name, number=self.number, now=now()
                ):  # its time may have run out while the database was asked
                    return self.stop("expired" if now() >= self._attached.expires_at else "replaced")

    async def _look(self) -> str:
        while True:
            message = await self._queue.get()
            match message:
                case EndMessage(why):
                    return why
                case EventMessage(event):
                    self._live.attempt.note(event)
                case AgainMessage():
                    if self._resting and not await self._try_again():
                        return "replaced"
                case FrameMessage():
                    ended = None if self._resting else await self._frame(message)
                    self._waiting -= 1
                    self._service.metrics.frames_waiting.dec()
                    if ended is not None:
                        return ended

    async def _try_again(self) -> bool:
        taken = sessions.use_try
        left = await self._service.database.run(taken, self._name, number=self.number, now=now())
        if left is None:
            return False
        self._begin()
        await self._send(self._ready(left))
        return True

    async def _frame(self, frame: FrameMessage) -> str | None:
        """Look at one frame; why the connection ends with it, None where it goes on."""
        service, live = self._service, self._live
        self._looked_at += 1
        try:
            live.keep_time(frame.client_s, frame.server_s)
            seen = await service.compute(
                live.look, frame.jpeg, frame.client_s, service.settings.frame_side_px
            )
        except ClockError:
            return "clock"
        except SourceError:
            return await self._refuse_frame()
        except Exception as error:  # of whatever kind: the session fails, it never passes
            complain("frame", error, session=self._name)
            return await self._decide(Ending(state=State.FAILED, failure="the frames could not be judged"))
        service.metrics.frame_s.observe(time.monotonic() - frame.server_s)
        if seen.result is None:
            await self._send(state_message(seen, ack=self._looked_at, developer=self._developer))
            return None
        return await self._decided(seen, seen.result)

    async def _refuse_frame(self) -> str | None:
        self._refused += 1
        self._service.metrics.refusals.labels("frame").inc()
        if self._refused > MOST_REFUSED:
            return "frames"
        seen = Seen(hint=None, reasons=("FRAME_REFUSED",), face=None, progress=0.0, score=None, result=None)
        await self._send(state_message(seen, ack=self._looked_at, developer=self._developer))
        return None

    async def _decided(self, seen: Seen, result: AttemptResult) -> str | None:
        """The session ends with the decision, unless it is UNDECIDED and another try is left."""
        if result.verdict is Verdict.UNDECIDED:
            left = await self._service.database.run(sessions.tries_left, self._name)
            if left:
                self._resting = True
                await self._send(retry_message(seen, result, tries_left=left, developer=self._developer))
                return None
        columns = result_columns(result)
        ending = Ending(
            state=sessions.STATE_OF[result.verdict],
            result=columns,
            facts=result_claims(columns),
            pictures=self._live.keepsakes.pictures(),
        )
        return await self._decide(ending)

    async def _decide(self, ending: Ending) -> str:
        """Store how the session ends, then tell the client."""
        why, told = await store(self._service, self._attached, ending, begun_s=self._live.begun_s)
        if told is not None:
            with suppress(WebSocketDisconnect, TimeoutError):
                await self._send(told)
        return why

    async def _part(self, why: str) -> None:
        """What is left to do when the connection ends."""
        if why == "drain":
            why = await self._decide(Ending(state=State.FAILED, failure="the server stopped")) and "drain"
        if why in ("parted", "taken", "idle"):
            self._park()
        if why == "expired":
            await self._send({"type": "decision", "state": State.EXPIRED.value, "failure": None})
        await self._close(why)

    def _park(self) -> None:
        """Keep the evidence for a while, in case the client comes back."""
        self._live.parted_s = time.monotonic()
        self._service.live.parted[self._name] = self._live

    async def _received(self) -> dict[str, Any]:
        message = dict(await self._websocket.receive())
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        """WebSocketDisconnect or TimeoutError where the client does not take it."""
        async with asyncio.timeout(self._service.settings.idle_s):
            await self._websocket.send_json(message)

    async def _close(self, why: str) -> None:
        code, sentence = ENDED.get(why, (1000, ""))
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            if sentence:
                self._service.metrics.refusals.labels(why).inc()
                await self._send({"type": "error", "error": sentence})
            async with asyncio.timeout(1):
                await self._websocket.close(code)
