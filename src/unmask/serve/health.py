"""What a balancer, an orchestrator and Prometheus ask."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from unmask.serve.access import Bearer, scope
from unmask.serve.bodies import ErrorBody, HealthBody, ReadyBody
from unmask.serve.database import AWAY, is_there
from unmask.serve.metrics import CONTENT_TYPE
from unmask.serve.service import Service

router = APIRouter()


@router.get("/healthz", response_model=HealthBody)
async def healthz() -> dict[str, bool]:
    """The process answers."""
    return {"healthy": True}


@router.get("/readyz", response_model=ReadyBody, responses={503: {"model": ReadyBody}})
async def readyz(request: Request, response: Response) -> dict[str, Any]:
    """The models are loaded, the database answers, and the server is not about to stop."""
    service = Service.of(request)
    try:
        there = await service.database.run(is_there)
    except AWAY:
        there = False
    ready = there and not service.draining
    response.status_code = 200 if ready else 503
    detector = next(iter(service.detectors.values()))
    return {
        "ready": ready,
        "database": there,
        "models": [f"{contract.name} {contract.version}" for contract in detector.contracts],
        "draining": service.draining,
    }


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        401: {"model": ErrorBody},
        403: {"model": ErrorBody},
        429: {"model": ErrorBody},
    },
    openapi_extra={"security": [{}]},  # beside the key, none: it is open unless the server was told otherwise
)
async def metrics(request: Request, bearer: Bearer) -> Response:
    """For Prometheus; needs a key with the scope read where the server was told so."""
    service = Service.of(request)
    if not service.settings.open_metrics:
        await scope("read")(request, bearer)
    return Response(service.metrics.page(), media_type=CONTENT_TYPE)


@router.get("/.well-known/jwks.json", responses={404: {"model": ErrorBody}})
async def jwks(request: Request) -> dict[str, Any]:
    """The public key that checks signed results."""
    signer = Service.of(request).signer
    if signer is None:
        raise HTTPException(404, "this server signs nothing; start it with --signing-key")
    return signer.jwks
