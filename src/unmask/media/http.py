"""What an HTTP server gives, as a file: from the host and port that were given, and from no other.

Everything is read here, by the standard library: FFmpeg would follow a redirect wherever it leads.
"""

import threading
import time
import urllib.error
import urllib.request
from bisect import bisect_left
from collections import deque
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from unmask.media.patience import stalled
from unmask.plain import address_shown
from unmask.types import SourceError

CHUNK = 1 << 16
IN_MEMORY = 1 << 24  # bytes of an answer; more goes to a temporary file
LARGEST_KEPT = 1 << 30  # bytes of an answer that is kept, so that it can be read in any order
TRIES = 3  # times its patience: to connect, to be asked, and to be asked again with a password
LARGEST_QUEUE = 1 << 28  # bytes of a live stream that wait to be looked at
PORTS = {"http": 80, "https": 443}
# What the standard library raises on answers that are not as they should be, apart from its own errors.
ODD = (ValueError, LookupError, TypeError, AttributeError, NotImplementedError)


class Answer:
    """An open answer: `kind` is its content type, `length` the bytes it declares, None for a live one."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url, self.timeout_s = url, timeout_s
        self.name = address_shown(url)
        self._response = self._asked()
        self.kind = self._response.headers.get_content_type()
        self.length = self._response.length

    def read(self, count: int) -> bytes:
        """At most `count` bytes, as they come; b"" at the end."""
        try:
            return self._response.read1(count)
        except (TimeoutError, HTTPException, OSError) as broken:
            if isinstance(broken, TimeoutError):
                raise stalled(self.name, self.timeout_s) from broken
            raise SourceError(f"{self.name} broke the connection off; check the connection") from broken

    def whole(self, most_bytes: int) -> bytes:
        """All that follows, which may have so many bytes and last so long as a stall may."""
        until_s, parts, size = time.monotonic() + self.timeout_s, [], 0
        while content := self.read(CHUNK):
            parts.append(content)
            size += len(content)
            if size > most_bytes:
                raise SourceError(f"{self.name} gives more than {most_bytes} bytes; give a smaller picture")
            if time.monotonic() > until_s:
                raise stalled(self.name, self.timeout_s)
        return b"".join(parts)

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()

    def _asked(self) -> HTTPResponse:
        """The answer to `_ask`, which a server that sends its head letter by letter could hold for ever."""
        found: list[HTTPResponse | SourceError] = []
        asking = threading.Thread(target=lambda: found.append(self._answered()), daemon=True)
        asking.start()
        asking.join(TRIES * self.timeout_s)
        if not found and not asking.is_alive():  # whatever it was, nothing was waited for
            raise SourceError(
                f"{self.name} cannot be opened: its answer is not understood; check the address"
            )
        if not found:
            raise stalled(self.name, self.timeout_s)
        if isinstance(found[0], SourceError):
            raise found[0]
        return found[0]

    def _answered(self) -> HTTPResponse | SourceError:
        try:
            return self._ask()
        except SourceError as refused:
            return refused

    def _ask(self) -> HTTPResponse:
        try:
            address, user = _without_user(self._url)
            _place(self._url)
        except ValueError:  # whose words may be a part of the password
            address, user = "", None
        if not address:
            raise SourceError(f"{self.name} is not a valid address; give http://host:port/path")
        handlers: list[urllib.request.BaseHandler] = [_SameHost(self._url)]
        if user is not None:
            known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            known.add_password(None, address, *user)
            handlers += [_Basic(known), _Digest(known)]
        try:
            opener = urllib.request.build_opener(*handlers)
            return cast(HTTPResponse, opener.open(address, timeout=self.timeout_s))
        except urllib.error.HTTPError as refused:
            refused.close()
            raise SourceError(
                f"{self.name} cannot be opened: the server answers {refused.code} {refused.reason}; "
                "check the address"
            ) from None
        except TimeoutError as late:
            raise stalled(self.name, self.timeout_s) from late
        except (OSError, HTTPException, *ODD) as refused:
            reason = getattr(refused, "reason", refused)
            if isinstance(reason, TimeoutError):
                raise stalled(self.name, self.timeout_s) from None
            if isinstance(reason, ODD) and user is not None and not isinstance(reason, UnicodeError):
                reason = "its server asks for a log-in that unmask does not know, Basic and Digest it does"
            elif isinstance(reason, (InvalidURL, *ODD)):  # which cite the address
                reason = "it is not a valid address"
            told = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise SourceError(f"{self.name} cannot be opened: {told}; check the address") from None


class _LetsGo:
    """Closes an answer that asks for a log-in which is not understood."""

    def http_error_401(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> Any:
        try:
            return super().http_error_401(req, fp, code, msg, headers)  # type: ignore[misc]
        except ODD:
            fp.close()
            raise


class _Basic(_LetsGo, urllib.request.HTTPBasicAuthHandler):
    """Basic, where a server asks for it."""


class _Digest(_LetsGo, urllib.request.HTTPDigestAuthHandler):
    """Digest, where a server asks for it."""


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only within the host and port that were asked."""

    max_redirections = 5

    def __init__(self, name: str) -> None:
        self._name = name

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if _place(newurl) != _place(req.full_url):
            fp.close()
            raise SourceError(
                f"{self._name} sends its readers on to another address, which is not followed; give the "
                "address of the stream itself"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _place(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme.lower())


def _without_user(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address as it is asked for, and (user, password) of it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = quote(parts.path or "/", safe="/%:;=@!$&'()*+,~")
    query = quote(parts.query, safe="/%:;=@!$&'()*+,~?")
    address = urlunsplit((parts.scheme.lower(), host, path, query, ""))
    if parts.username is None:
        return address, None
    return address, (unquote(parts.username), unquote(parts.password or ""))


class Kept:
    """An answer of known length as a file that can be read in any order; fetched as far as is asked for.

    A server that gives less than `CHUNK` bytes in the time of a stall has stalled, and all of it may take
    `longest_s`.
    """

    def __init__(self, answer: Answer, *, longest_s: float) -> None:
        self._answer = answer
        self._longest_s, self._until_s = longest_s, time.monotonic() + longest_s
        self._store = cast(BinaryIO, SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115 - closed by close
        self._fetched = 0
        self._at = 0

    def read(self, count: int = -1) -> bytes:
        wanted = None if count < 0 else self._at + count
        self._fetch(wanted)
        self._store.seek(self._at)
        content = self._store.read(count)
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: 0, 1: self._at, 2: self._answer.length or 0}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._answer.close()
        self._store.close()

    def _fetch(self, until: int | None) -> None:
        self._store.seek(self._fetched)
        name, length = self._answer.name, self._answer.length or 0
        since_s, had = time.monotonic(), self._fetched
        while self._fetched < (length if until is None else min(until, length)):
            content = self._answer.read(CHUNK)
            if not content:
                raise SourceError(
                    f"{name} broke off after {self._fetched} of {length} bytes; check the connection"
                )
            self._store.write(content)
            self._fetched += len(content)
            now_s = time.monotonic()
            if now_s > self._until_s:
                raise SourceError(
                    f"{name} gave {self._fetched} of {length} bytes in {self._longest_s:g} s, and a "
                    "recording may last no longer; fetch it first"
                )
            if now_s - since_s > self._answer.timeout_s:
                if self._fetched - had < min(CHUNK, length):
                    raise stalled(name, self._answer.timeout_s)
                since_s, had = now_s, self._fetched


class Live:
    """An answer without an end, read by a thread as it comes, so that every byte has its time of arrival."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._ends: list[int] = []  # offset behind each chunk, and when it came
        self._times_s: list[float] = []
        # Until it is known better: whatever ends the thread, nobody waits for it.
        self._error: SourceError | None = SourceError(
            f"{answer.name} cannot be read on: what it sends is not understood; check the address"
        )
        self._over = False
        self._news = threading.Condition()
        threading.Thread(target=self._run, daemon=True, name="unmask camera").start()

    def read(self, count: int = -1) -> bytes:
        """At most `count` bytes, as soon as there are any."""
        with self._news:
            self._news.wait_for(lambda: self._chunks or self._over)
            if not self._chunks:
                if self._error is not None:
                    raise self._error
                return b""
            chunk = self._chunks.popleft()
            if 0 <= count < len(chunk):
                self._chunks.appendleft(chunk[count:])
                chunk = chunk[:count]
            self._waiting -= len(chunk)
            self._news.notify_all()
            return chunk

    def arrival_s(self, offset: int) -> float:
        """When the byte at `offset` came, by this machine's clock."""
        with self._news:
            place = bisect_left(self._ends, offset)
            return self._times_s[min(place, len(self._times_s) - 1)] if self._times_s else time.monotonic()

    def close(self) -> None:
        """Let go; the thread ends with what it is reading now."""
        with self._news:
            self._over = True
            self._chunks.clear()
            self._news.notify_all()

    def _run(self) -> None:
        try:
            self._fetch()
            self._error = None
        except SourceError as broken:
            self._error = broken
        finally:
            self._answer.close()
            with self._news:
                self._over = True
                self._news.notify_all()

    def _fetch(self) -> None:
        end = 0
        while not self._over and (chunk := self._answer.read(CHUNK)):
            now_s = time.monotonic()
            end += len(chunk)
            with self._news:
                self._chunks.append(chunk)
                self._waiting += len(chunk)
                self._ends.append(end)
                self._times_s.append(now_s)
                self._news.notify_all()
                self._news.wait_for(lambda: self._waiting < LARGEST_QUEUE or self._over)
