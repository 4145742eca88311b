"""Who may call what."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from unmask.serve.keys import Caller, caller_of
from unmask.serve.service import Service, now

bearer = HTTPBearer(auto_error=False, description="A key of `unmask serve keys new`.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def scope(name: str) -> Callable[[Request, Bearer], Awaitable[Caller]]:
    """A dependency: the caller, whose key has the scope; counts the request."""

    async def caller(request: Request, bearer: Bearer) -> Caller:
        service = Service.of(request)
        found = None
        if bearer is not None:
            found = await service.database.run(caller_of, bearer.credentials, now=now())
        if found is None:
            service.metrics.refusals.labels("no key").inc()
            await service.rates.count("address", address_of(request))
            raise HTTPException(
                401, "a key is missing, unknown or out of date; send Authorization: Bearer KEY", WWW
            )
        await service.rates.count("key", found.key)
        if not found.may(name):
            service.metrics.refusals.labels("scope").inc()
            raise HTTPException(403, f"this key may not do this; it needs the scope {name}")
        return found

    return caller


WWW = {"WWW-Authenticate": "Bearer"}


def address_of(request: Request) -> str:
    """The address that a request came from, for counting alone."""
    return request.client.host if request.client else "unknown"


Creator = Annotated[Caller, Depends(scope("create"))]
Reader = Annotated[Caller, Depends(scope("read"))]
