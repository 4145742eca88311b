"""What goes over the connection of a session; docs/serve.md describes it."""

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

TEXT_BYTES = 16 << 10
HEAD = struct.Struct("<d")  # the client's time in ms, before the JPEG
TOKEN = "token"


class MalformedMessageError(Exception):
    """A message that is not as the protocol has it."""


@dataclass(frozen=True, slots=True)
class FrameMessage:
    """One picture: the client's time, the server's when it came, and the JPEG."""

    client_s: float
    server_s: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class EventMessage:
    """Something that the client tells of."""

    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AgainMessage:
    """The person wants another try."""


@dataclass(frozen=True, slots=True)
class EndMessage:
    """Nothing more comes, and why; made by the server."""

    why: str


Message = FrameMessage | EventMessage | AgainMessage | EndMessage


def read_message(message: dict[str, Any], *, server_s: float, frame_bytes: int) -> Message:
    """What a WebSocket message says; MalformedMessageError where it says nothing that is known."""
    content = message.get("bytes")
    if content is not None:
        return _frame(content, server_s=server_s, frame_bytes=frame_bytes)
    told = read_text(message.get("text"))
    if told.get("type") == "event":
        return EventMessage(told)
    if told.get("type") == "again":
        return AgainMessage()
    raise MalformedMessageError


def read_hello(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The token of the first message, and what the client tells of itself."""
    told = read_text(message.get("text"))
    token = told.get(TOKEN)
    if told.get("type") != "hello" or not isinstance(token, str) or not 1 <= len(token) <= 256:
        raise MalformedMessageError
    client = told.get("client")
    return token, client if isinstance(client, dict) else {}


def read_text(text: str | None) -> dict[str, Any]:
    """The JSON object of a text message."""
    if text is None or len(text) > TEXT_BYTES:
        raise MalformedMessageError
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as broken:
        raise MalformedMessageError from broken
    if not isinstance(told, dict):
        raise MalformedMessageError
    return told


def _frame(content: bytes, *, server_s: float, frame_bytes: int) -> FrameMessage:
    if not HEAD.size < len(content) <= HEAD.size + frame_bytes:
        raise MalformedMessageError
    (client_ms,) = HEAD.unpack_from(content)
    if not math.isfinite(client_ms):
        raise MalformedMessageError
    return FrameMessage(client_ms / 1000, server_s, content[HEAD.size :])
