"""The end of a session: stored first, then counted, logged, signed and told."""

import time
from typing import Any

from unmask.serve import sessions
from unmask.serve.database import AWAY
from unmask.serve.logs import complain, say
from unmask.serve.results import browser_claims
from unmask.serve.service import Service, now
from unmask.serve.sessions import Attached, Ending, State
from unmask.serve.telling import decision_message, is_demo


async def store(
    service: Service, attached: Attached, ending: Ending, *, begun_s: float
) -> tuple[str, dict[str, Any] | None]:
    """Why the connection ends, "decided" where the ending holds, and what the client is then told.

    A connection that is not the session's latest one, or came too late, decides nothing.
    """
    try:
        state, head = await service.database.insist(
            lambda connection: sessions.finish(
                connection,
                attached.id,
                ending,
                number=attached.connection,
                now=now(),
                retain_s=service.settings.retain_s,
            ),
            patience_s=service.settings.database_s,
        )
    except AWAY as away:
        complain("database", away, session=attached.id)
        return "database", None
    if state is not ending.state:
        lost = {State.RUNNING: "taken", State.EXPIRED: "expired"}
        return lost.get(state, "replaced"), None
    seconds = time.monotonic() - begun_s
    service.metrics.decisions.labels("session", attached.mode, state.value).inc()
    service.metrics.decision_s.observe(seconds)
    if state is not State.LIVE:
        for reason in (ending.result or {}).get("reasons", ()):
            service.metrics.reasons.labels(reason).inc()
    say(
        "session decided",
        session=attached.id,
        state=state.value,
        seconds=round(seconds, 2),
        audit=None if head is None else str(head),
    )
    return "decided", _told(service, attached, ending)


def _told(service: Service, attached: Attached, ending: Ending) -> dict[str, Any]:
    state = ending.state.value
    jws = None
    if service.signer is not None:
        claims = {"sub": attached.id, "mode": attached.mode, "state": state, "reference": attached.reference}
        jws = service.signer.signed(claims | browser_claims(ending.result), now=now())
    return decision_message(ending, jws=jws, developer=is_demo(attached, service.settings))
