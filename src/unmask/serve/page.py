"""The camera page: /static/unmask.js for any site, and /demo, which needs no other site."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from unmask.serve import sessions
from unmask.serve.access import address_of
from unmask.serve.bodies import Mode
from unmask.serve.keys import DEMO
from unmask.serve.modes import MODES
from unmask.serve.service import Service, now

STATIC = Path(__file__).parent / "static"
TRIES = 3
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
KEPT = {
    "nothing": "The pictures go to this server for the check and are not stored.",
    "best-frame": "This server stores one picture of you for {hours:g} hours.",
    "evidence": "This server stores pictures of the check for {hours:g} hours.",
}
HERE = ("127.0.0.1", "localhost", "::1")  # by which browsers of this machine call it
BETWEEN = {"forwarded", "via", "x-forwarded-for", "x-real-ip"}  # what a balancer adds
router = APIRouter(include_in_schema=False)


class DemoRequest(BaseModel):
    """What the demo page asks for."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode | None = None


class StaticPage(StaticFiles):
    """Files that browsers keep but ask about each time, so that a new version is there at once."""

    def file_response(self, *given: Any, **named: Any) -> Response:
        response = super().file_response(*given, **named)
        response.headers["Cache-Control"] = "no-cache"
        return response


def add_to(app: FastAPI, *, demo: bool) -> None:
    """Serve the page's files, and /demo where it is wanted."""
    app.mount("/static", StaticPage(directory=STATIC))
    if demo:
        app.include_router(router)


def guest(request: Request) -> None:
    """HTTPException for those to whom the demo is not shown: a site of a foreign name that leads to this
    machine (DNS rebinding), and whoever comes through a balancer that nobody told us of.
    """
    hosts = Service.of(request).settings.demo_hosts
    if hosts and (request.url.hostname not in hosts or BETWEEN & set(request.headers)):
        raise HTTPException(404, "the demo is shown to this machine alone; --demo shows it to others")


Guest = Annotated[None, Depends(guest)]


@router.get("/demo", response_class=HTMLResponse)
async def show(request: Request, _: Guest) -> HTMLResponse:
    settings = Service.of(request).settings
    kept = KEPT[settings.retain].format(hours=settings.retain_s / 3600)
    html = (STATIC / "demo.html").read_text(encoding="utf-8")
    modes = "".join(f"<option>{mode}</option>" for mode in MODES)
    return HTMLResponse(html.replace("{kept}", kept).replace("{modes}", modes), headers=HEADERS)


@router.post("/demo/session", status_code=201)
async def create(request: Request, wished: DemoRequest, _: Guest) -> dict[str, Any]:
    """A session of the demo: its result is told to the page, and to keys of scope admin."""
    service = Service.of(request)
    await service.rates.count("address", address_of(request))
    mode = wished.mode or "passive"
    if mode not in MODES:
        raise HTTPException(422, f"mode must be one of {', '.join(MODES)}")
    if service.draining:
        raise HTTPException(503, "the server is about to stop", {"Retry-After": "1"})
    made = await service.database.run(
        sessions.create,
        caller=DEMO,
        mode=mode,
        point=service.settings.points[0],
        tries=TRIES,
        reference=None,
        now=now(),
        lasts_s=service.settings.session_s,
    )
    return {"id": made.id, "token": made.token, "mode": made.mode}
