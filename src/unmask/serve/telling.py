"""What a browser is told: the state, what to do, and the end; of demo sessions scores and reasons, too.

Whoever hears a score while moving a print about learns how to move it. So the numbers of a session go to the
back end that made it, and to a browser only where the operator switched the demo on and the session is its.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

from unmask.serve.attempts import AttemptResult, Seen
from unmask.serve.hints import SLOW, TURN_AS_ASKED, advice_of
from unmask.serve.keys import DEMO
from unmask.serve.sessions import Attached, Ending
from unmask.serve.settings import ServeSettings


def is_demo(attached: Attached, settings: ServeSettings) -> bool:
    """Whether it is a session of the demo, and the operator shows one: its browser may know everything."""
    return settings.demo and attached.owner == DEMO.owner


def ready_message(mode: str, challenge: Mapping[str, Any] | None, *, tries_left: int) -> dict[str, Any]:
    """What begins a try."""
    return {"type": "ready", "mode": mode, "tries_left": tries_left, "challenge": challenge}


def state_message(seen: Seen, *, ack: int, developer: bool) -> dict[str, Any]:
    """After each frame; `ack` frames were looked at."""
    told: dict[str, Any] = {
        "type": "state",
        "state": "running",
        "hint": seen.hint,
        "face": None if seen.face is None else list(seen.face),
        "progress": round(seen.progress, 3),
        "ack": ack,
    }
    if seen.turns is not None:
        told["turns"] = seen.turns
    if developer:
        told |= {"score": seen.score, "reasons": list(seen.reasons)}
        if seen.depth is not None:
            grey = np.clip(255 * seen.depth, 0, 255).astype(np.uint8)
            told["depth"] = b64encode(grey.tobytes()).decode()
    return told


def retry_message(seen: Seen, result: AttemptResult, *, tries_left: int, developer: bool) -> dict[str, Any]:
    """After an unclear try, where another one is left: what would help most."""
    told = {"type": "retry", "hint": seen.hint or _advice(result), "tries_left": tries_left}
    return told | ({"reasons": [reason.value for reason in result.reasons]} if developer else {})


def decision_message(ending: Ending, *, jws: str | None, developer: bool) -> dict[str, Any]:
    """The end of a session; for a developer with the whole decision, under the verdict and reasons of all."""
    told: dict[str, Any] = {"type": "decision", "state": ending.state.value, "failure": ending.failure}
    if jws is not None:
        told["jws"] = jws
    if developer and ending.result is not None:
        result = ending.result
        told = {**result["decision"], **{name: result[name] for name in result if name != "decision"}, **told}
    return told


def _advice(result: AttemptResult) -> str | None:
    """What helps most with the next try."""
    found = advice_of(result.reasons)
    asked_to_turn = result.challenge is not None and "order" in result.challenge.evidence
    return TURN_AS_ASKED if found == SLOW and asked_to_turn else found  # it was the head that was slow
