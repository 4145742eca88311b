"""Structured logs: one JSON object a line on stderr, with the request's id and no personal data.

No address, no reference, no key, no token and no picture is ever logged; ids of sessions are random.
"""

import json
import logging
import secrets
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

LOG = logging.getLogger("unmask.serve")
TRACED = "Traceback (most recent call last)"
REQUEST: ContextVar[str] = ContextVar("request", default="")


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        told = record.getMessage().strip()
        if told.startswith(TRACED):  # as the framework tells why the application does not start
            told = told.splitlines()[-1]
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": told,
        }
        if request := REQUEST.get():
            line["request"] = request
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            line["error"] = kind.__name__  # its text may hold what a client sent
            line["trace"] = [f"{step.name}:{step.lineno}" for step in traceback.extract_tb(trace)][-8:]
        return json.dumps(line, default=str)


def say(event: str, **facts: Any) -> None:
    """Log an event with its facts."""
    LOG.info(event, extra={"facts": facts})


def complain(event: str, error: BaseException | None = None, **facts: Any) -> None:
    """Log what went wrong; of an error its kind and where it arose, not its text."""
    LOG.error(event, exc_info=error, extra={"facts": facts})


def new_request() -> str:
    """A random id of a request."""
    return secrets.token_hex(8)


def to_stderr(*, quiet: bool = False) -> None:
    """Let the process log in JSON alone; `quiet`: only what goes wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    LOG.setLevel(logging.WARNING if quiet else logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # it writes addresses
