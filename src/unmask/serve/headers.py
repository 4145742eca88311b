"""HTTP connections whose header has to come in time, be short and stand before the body; uvicorn itself does
not ask that.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_S = 10.0
HEADER_BYTES = 32 << 10


class BoundedHeaders(HttpToolsProtocol):
    """Closes a connection whose request line and header are not there within `HEADER_S`, or too long."""

    _timer: asyncio.TimerHandle | None = None
    _taken = 0
    _complete = False  # the header; what comes then is the body, and perhaps a trailer

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._complete = False
        self._start()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._complete:  # a key or an address in a trailer is none: balancers look at headers alone
            super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._stop()
        self._complete = True
        super().on_headers_complete()

    def _start(self) -> None:
        self._stop()
        self._taken = 0
        self._timer = self.loop.call_later(HEADER_S, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _count(self, more: int) -> None:
        self._taken += more
        if self._taken > HEADER_BYTES:
            self.transport.close()
