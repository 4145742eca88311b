"""A login with a password and then a living face: `python examples/login/app.py`, then open what it prints.

It starts `unmask serve` beside itself on the loopback address. With UNMASK_URL and UNMASK_KEY in the
environment it uses that server instead, as a real site would. Needs `pip install 'unmask[serve]'` alone.
"""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Cookie, Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

HOST = "127.0.0.1"
CHECKS = 3  # liveness sessions that one user may use within LOGIN_S, in however many logins
LOGIN_S = 900.0  # from the password to the end of the liveness check
PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True)


@dataclass
class Login:
    """One visitor of the site; the browser holds its random name in a cookie, and nothing else."""

    user: str
    number: str = field(default_factory=lambda: secrets.token_hex(8))  # unmask gives it back with the result
    begun_s: float = field(default_factory=time.monotonic)
    checks: list[str] = field(default_factory=list)  # ids of its liveness sessions
    done: bool = False


@dataclass(frozen=True)
class Unmask:
    """The liveness server, spoken to with a key that no browser ever sees."""

    url: str
    key: str
    mode: str

    def new_session(self, reference: str) -> dict[str, Any]:
        """Id and one-time token of a session, for the browser."""
        return self._call("POST", "/v1/sessions", {"mode": self.mode, "tries": 3, "reference": reference})

    def result(self, session: str) -> dict[str, Any]:
        """Where a session stands."""
        return self._call("GET", f"/v1/sessions/{session}")

    def erase(self, session: str) -> None:
        """Nothing of the check is needed once its result is known."""
        self._call("DELETE", f"/v1/sessions/{session}")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            raise HTTPException(503, f"the liveness service answered {refused.code}") from refused
        except OSError as away:
            raise HTTPException(503, "the liveness service does not answer") from away


@dataclass
class Site:
    """What a real site keeps in its database."""

    unmask: Unmask
    users: dict[str, tuple[bytes, bytes]]  # name -> salt and hash of the password
    logins: dict[str, Login] = field(default_factory=dict)  # by cookie
    begun_s: dict[str, list[float]] = field(default_factory=dict)  # user -> when checks were begun

    def knows(self, user: str, password: str) -> bool:
        """Whether the password is the user's; as slow for a user who does not exist."""
        salt, kept = self.users.get(user, (b"nobody", b""))
        return hmac.compare_digest(hashed(password, salt), kept)

    def count_check(self, user: str) -> bool:
        """Whether the user may begin another check now; another login does not begin the count anew."""
        now_s = time.monotonic()
        recent = [begun_s for begun_s in self.begun_s.get(user, []) if now_s - begun_s < LOGIN_S]
        allowed = len(recent) < CHECKS
        self.begun_s[user] = [*recent, now_s] if allowed else recent
        return allowed


def hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1)


def create_app(site: Site) -> FastAPI:
    """The site: password, liveness, home."""
    app = FastAPI(openapi_url=None)

    def login_of(visitor: Annotated[str, Cookie()] = "") -> Login | None:
        found = site.logins.get(visitor)
        if found is not None and not found.done and time.monotonic() - found.begun_s > LOGIN_S:
            del site.logins[visitor]
            return None
        return found

    Visitor = Annotated[Login | None, Depends(login_of)]

    def half_way(login: Visitor) -> Login:
        """The login of somebody who gave the right password and has not shown a face yet."""
        if login is None or login.done:
            raise HTTPException(403, "log in first")
        return login

    HalfWay = Annotated[Login, Depends(half_way)]

    @app.middleware("http")
    async def own_pages_alone(request: Request, call_next: Any) -> Response:
        origin = request.headers.get("origin")
        if request.method == "POST" and origin not in (None, str(request.base_url).rstrip("/")):
            return JSONResponse({"error": "another site sent this"}, 403)
        answer = await call_next(request)
        there = site.unmask.url
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {there}; frame-ancestors 'none'; "
            f"connect-src 'self' {there} {there.replace('http', 'ws', 1)}"
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.get("/")
    def home(login: Visitor) -> Response:
        if login is None or not login.done:
            return RedirectResponse("/login", 303)
        return page("home.html", user=login.user)

    @app.get("/login")
    def ask(wrong: bool = False) -> HTMLResponse:
        return page("login.html", wrong=wrong)

    @app.post("/login")
    def enter(user: Annotated[str, Form()], password: Annotated[str, Form()]) -> Response:
        if not site.knows(user, password):
            return RedirectResponse("/login?wrong=1", 303)
        visitor = secrets.token_urlsafe(32)
        site.logins[visitor] = Login(user)
        answer = RedirectResponse("/liveness", 303)
        answer.set_cookie("visitor", visitor, httponly=True, samesite="strict")  # secure=True behind https
        return answer

    @app.get("/liveness")
    def look(login: HalfWay) -> HTMLResponse:
        return page("liveness.html", unmask=site.unmask.url, mode=site.unmask.mode)

    @app.post("/liveness/session")
    def begin(login: HalfWay) -> dict[str, Any]:
        if not site.count_check(login.user):
            raise HTTPException(429, "no check is left; log in again in a quarter of an hour")
        made = site.unmask.new_session(login.number)
        login.checks.append(made["id"])
        return {name: made[name] for name in ("id", "token", "mode")}

    @app.post("/liveness/finish")
    def finish(login: HalfWay) -> JSONResponse:
        """Asks the liveness server itself: what the browser says of the result counts for nothing."""
        if not login.checks:
            raise HTTPException(403, "no check was begun")
        result = site.unmask.result(login.checks[-1])
        if result["state"] != "live" or result["reference"] != login.number:
            return JSONResponse({"state": result["state"]}, 403)
        login.done = True
        site.begun_s.pop(login.user, None)
        for session in login.checks:
            site.unmask.erase(session)
        return JSONResponse({"next": "/"})

    @app.post("/logout")
    def leave(visitor: Annotated[str, Cookie()] = "") -> Response:
        site.logins.pop(visitor, None)
        return RedirectResponse("/login", 303)

    @app.get("/liveness.js")
    def script() -> Response:
        text = (Path(__file__).parent / "pages" / "liveness.js").read_text()
        return Response(text, media_type="text/javascript")

    @app.get("/site.css")
    def style() -> Response:
        return Response((Path(__file__).parent / "pages" / "site.css").read_text(), media_type="text/css")

    return app


def page(name: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(PAGES.get_template(name).render(**values))


@contextlib.contextmanager
def own_server(origin: str, *, mode: str) -> Iterator[Unmask]:
    """`unmask serve` in a process of its own, with a database that is gone afterwards, and a key for it."""
    with tempfile.TemporaryDirectory(prefix="unmask-login-") as folder, socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
        probe.close()
        serve = [sys.executable, "-m", "unmask", "serve"]
        database = ["--database", f"sqlite:///{folder}/unmask.db"]
        scopes = ["--owner", "login", "--scope", "create", "--scope", "read"]
        made = subprocess.run(
            [*serve, "keys", "new", *scopes, *database], check=True, capture_output=True, text=True
        )
        running = subprocess.Popen(
            [*serve, "--port", str(port), "--origin", origin, "--no-demo", *database],
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://{HOST}:{port}/readyz", running)
            yield Unmask(f"http://{HOST}:{port}", made.stdout.strip(), mode)
        finally:
            running.terminate()
            running.wait()


def wait_for(address: str, running: subprocess.Popen[bytes]) -> None:
    while running.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("unmask serve did not start; call it by itself to see why")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--mode", choices=("passive", "light", "head"), default="passive")
    given = parser.parse_args()
    origin = f"http://{HOST}:{given.port}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the server beside it is ended, too
    with contextlib.ExitStack() as stack:
        if url := os.environ.get("UNMASK_URL"):
            unmask = Unmask(url.rstrip("/"), os.environ["UNMASK_KEY"], given.mode)
        else:
            unmask = stack.enter_context(own_server(origin, mode=given.mode))
        salt = secrets.token_bytes(16)
        site = Site(unmask=unmask, users={"ada": (salt, hashed("engine", salt))})
        print(f"open {origin} and log in as ada with the password engine", flush=True)
        uvicorn.run(create_app(site), host=HOST, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
