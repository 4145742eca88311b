"""What browsers are told: no score or reason, except of sessions of a demo that was switched on."""

import json
from typing import Any, cast

import pytest
from doubles import LIVE, PRINT, WEAK, Person

from unmask.challenges.result import ChallengeResult
from unmask.serve.attempts import AttemptResult, Seen
from unmask.serve.hints import advice_of
from unmask.serve.page import HERE
from unmask.serve.telling import retry_message
from unmask.types import Decision, Reason, Verdict

SECRET = (
    "score",
    "threshold",
    "reasons",
    "verdict",
    "clips",
    "faces",
    "depth",
    "injection",
    "challenge_verdict",
)


def heard(person: Person, light: int) -> list[dict[str, Any]]:
    """All that the server says, up to the first end of a try."""
    with person.connect() as socket:
        return [person.hello(socket), *person.show(socket, light, 60)]


def demo_person(door: Any) -> Person:
    made = door.client.post("/demo/session", json={"mode": "passive"})
    assert made.status_code == 201
    return Person(door.base, made.json())


@pytest.mark.parametrize("light", [LIVE, PRINT, WEAK])
@pytest.mark.parametrize("demo", [True, False])
def test_the_browser_of_a_sites_session_hears_no_score_and_no_reason(
    serve: Any, light: Any, demo: bool
) -> None:
    door = serve(demo=demo, attempt_s=0.6)
    said = heard(door.person(), light)
    assert said[-1]["type"] in ("decision", "retry")
    assert [name for name in SECRET if f'"{name}"' in json.dumps(said)] == []


def test_the_developer_view_of_the_demo_hears_both(serve: Any) -> None:
    door = serve(demo=True)
    *_, state, decision = heard(demo_person(door), PRINT)
    assert state["score"] == pytest.approx(PRINT / 255, abs=0.02)
    assert state["reasons"] == []
    assert decision["score"] < decision["threshold"]
    assert (decision["verdict"], decision["state"]) == ("ATTACK", "attack")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "localhost.evil.example"}, {"X-Forwarded-For": "203.0.113.5"}],
)
def test_a_demo_for_this_machine_is_shown_to_no_other(serve: Any, headers: Any) -> None:
    door = serve(demo=True, demo_hosts=HERE)
    assert door.client.get("/demo").status_code == 200
    assert door.client.get("/demo", headers=headers).status_code == 404
    assert door.client.post("/demo/session", json={}, headers=headers).status_code == 404
    assert serve(demo=True).client.get("/demo", headers=headers).status_code == 200


def test_an_unclear_try_of_the_demo_says_why(serve: Any) -> None:
    retry = heard(demo_person(serve(demo=True, attempt_s=0.6)), WEAK)[-1]
    assert (retry["type"], retry["tries_left"], retry["reasons"]) == (
        "retry",
        2,
        ["TIMED_OUT", "EVIDENCE_WEAK"],
    )


def test_who_turned_too_slowly_is_not_told_of_the_network() -> None:
    for evidence, hint in (({"order": ["left"]}, "TURN_AS_ASKED"), ({}, "SLOW")):
        challenge = ChallengeResult(verdict=Verdict.UNDECIDED, reasons=(Reason.TOO_SHORT,), evidence=evidence)
        result = AttemptResult(
            verdict=Verdict.UNDECIDED,
            reasons=challenge.reasons,
            decision=cast(Decision, None),
            challenge=challenge,
        )
        seen = Seen(hint=None, reasons=(), face=None, progress=1.0, score=None, result=result)
        assert retry_message(seen, result, tries_left=1, developer=False)["hint"] == hint


@pytest.mark.parametrize(
    ("reasons", "advice"),
    [
        ((Reason.FACE_TOO_SMALL, Reason.TIMED_OUT), "COME_CLOSER"),
        ((Reason.LIGHT_ABSENT, Reason.TOO_BRIGHT), "TOO_BRIGHT"),
        ((Reason.TOO_SHORT,), "SLOW"),
        ((Reason.WRONG_TURNS,), "TURN_AS_ASKED"),
        ((Reason.MIRROR,), None),
        ((), None),
    ],
)
def test_advice_is_the_hint_that_helps_most_with_the_next_try(reasons: Any, advice: str | None) -> None:
    assert advice_of(reasons) == advice
