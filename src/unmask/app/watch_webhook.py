"""Events as HTTP POSTs that the receiver can tell from forgeries."""

import hashlib
import hmac
import json
import os
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from unmask.app.watch_events import DeliveryError, Event
from unmask.plain import address_shown
from unmask.types import SettingsError

SECRET = "UNMASK_WEBHOOK_SECRET"  # an option would stand in the list of processes
HEADER = "X-Unmask-Signature"
TIMEOUT_S = 10.0


class Nowhere(HTTPRedirectHandler):
    """Follows no redirect: the event would arrive there as a GET without its body, and count as delivered."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """None makes an error of it."""


class Webhook:
    """Posts an event as JSON, signed by HMAC-SHA256 with the secret of the environment."""

    def __init__(self, address: str) -> None:
        self._secret = os.environ.get(SECRET, "")
        if not _is_address(address):
            raise SettingsError(
                "--webhook is an address of http:// or https:// without a user and password, not "
                f"{address_shown(address)}"
            )
        if not self._secret:
            raise SettingsError(f"events of --webhook are signed: set {SECRET} to a secret both sides know")
        self._address = address
        self._opener = build_opener(Nowhere())

    def deliver(self, event: Event) -> None:
        """One event; DeliveryError unless the receiver answers 2xx."""
        body = json.dumps(event, allow_nan=False).encode()
        headers = {
            "Content-Type": "application/json",
            HEADER: signature(body, self._secret, at=int(time.time())),
        }
        request = Request(self._address, data=body, headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                answer.read(1 << 16)
        except HTTPError as refused:
            raise DeliveryError(f"{self._address} answers {refused.code}") from refused
        except (HTTPException, OSError) as away:
            raise DeliveryError(f"{self._address} cannot be reached ({away})") from away


def _is_address(address: str) -> bool:
    """Whether a request can be made to it; urllib would take credentials for a part of the host's name."""
    try:
        place = urlsplit(address)
        return (
            place.scheme in ("http", "https")
            and bool(place.hostname)
            and place.port != 0
            and not place.username
        )
    except ValueError:  # a port that is not a number
        return False


def signature(body: bytes, secret: str, *, at: int) -> str:
    """The header of a body posted `at` a time in seconds: t=TIME,v1=HMAC-SHA256 of "TIME.BODY".

    >>> signature(b"{}", "secret", at=1)
    't=1,v1=1122767b193110cfec322b6f199b599edbf608ed087f2d27afb0b97d99523908'
    """
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"
