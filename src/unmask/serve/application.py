"""The application: `create_app(settings)` -> FastAPI, ready for any ASGI server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from unmask.detector.detector import Detector
from unmask.errors import SourceError
from unmask.serve import checks, frames, health, page, session_routes, sessions, tracing
from unmask.serve.body import Bounds
from unmask.serve.database import AWAY
from unmask.serve.limiting import TooManyError
from unmask.serve.logs import complain, say
from unmask.serve.metrics import Metrics
from unmask.serve.service import Service, now
from unmask.serve.settings import ServeSettings

SWEEP_S = 5.0
PARTS = (checks, session_routes, frames, health)
DESCRIPTION = (
    "Says whether the face in front of a camera is a living person or a presentation attack. "
    "Back ends hold keys; browsers hold the token of one session, and nothing else."
)


def create_app(settings: ServeSettings | None = None, *, detector: Detector | None = None) -> FastAPI:
    """The application with the default settings, or these; models and database are opened when it starts.

    A `detector` that is loaded already is used in place of the models that the settings name.
    """
    chosen = settings or ServeSettings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tracing.configure()
        app.state.service = service = await asyncio.to_thread(Service.load, chosen, metrics, detector)
        sweeper = asyncio.create_task(_sweep(service))
        say("started", worker=service.worker)
        try:
            yield
        finally:
            await drain(app)
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
            await service.rates.close()
            await asyncio.to_thread(service.close)
            say("stopped", worker=service.worker)

    app = FastAPI(
        title="unmask serve",
        version=version("unmask"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    for part in PARTS:
        app.include_router(part.router)
    page.add_to(app, demo=chosen.demo)
    _answer_errors(app)
    if chosen.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(chosen.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(
        Bounds,
        metrics=metrics,
        uploads=(checks.PATH,),
        most=chosen.body_bytes,
        deadline_s=chosen.request_s,
    )
    return app


async def drain(app: FastAPI) -> None:
    """Take nothing new, let running sessions finish for a while, and let the others fail; harmless twice."""
    service: Service = app.state.service
    if service.draining:
        return
    service.draining = True
    say("draining", connections=len(service.live.connections))
    await service.live.end(within_s=service.settings.drain_s, grace_s=service.settings.database_s)


async def _sweep(service: Service) -> None:
    """Expire sessions, delete pictures and old rows, forget broken connections: for as long as it runs."""
    while True:
        await asyncio.sleep(SWEEP_S)
        service.live.forget(before_s=time.monotonic() - service.settings.resume_s)
        try:
            expired = await service.database.run(
                sessions.sweep, now=now(), record_s=service.settings.record_s
            )
            await service.database.scrub()
        except AWAY as away:
            complain("database", away)
            continue
        if expired:
            service.metrics.decisions.labels("session", "any", "expired").inc(expired)


def _methods(request: Request) -> list[str]:
    """The methods that the path of the request has."""
    routes = (route for part in PARTS for route in part.router.routes if isinstance(route, Route))
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in matching for method in route.methods or ()})


def _answer_errors(app: FastAPI) -> None:
    """Every refusal is {"error": one sentence}."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := _methods(request)):
            headers["Allow"] = ", ".join(methods)  # the router tells of the path's first route alone
        return JSONResponse({"error": str(error.detail)}, error.status_code, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def wrong(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return JSONResponse({"error": f"{place or 'the body'}: {first['msg']}"}, 422)

    @app.exception_handler(TooManyError)
    async def too_many(request: Request, error: TooManyError) -> JSONResponse:
        Service.of(request).metrics.refusals.labels(error.reason).inc()
        return JSONResponse({"error": str(error)}, 429, headers={"Retry-After": str(error.retry_s)})

    @app.exception_handler(SourceError)
    async def unreadable(_: Request, error: SourceError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    async def away(_: Request, error: Exception) -> JSONResponse:
        complain("database", error)
        return JSONResponse({"error": "the database is away; come again"}, 503, headers={"Retry-After": "5"})

    for kind in AWAY:
        app.add_exception_handler(kind, away)
