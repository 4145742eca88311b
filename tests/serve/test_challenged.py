"""Active modes: the detector's verdict and a judge's beside it, and LIVE only where both say so."""

from typing import Any

import numpy as np
import pytest
from doubles import LIVE, PRINT, a_detector, jpeg_of

from present import present
from unmask.challenges.result import ChallengeResult
from unmask.serve.attempts import decoded
from unmask.serve.challenged import HEAD_S, LIGHT_S, HeadAttempt, LightAttempt
from unmask.serve.signals import Signals, middle
from unmask.serve.telling import state_message
from unmask.types import Reason, Verdict


def judged(monkeypatch: pytest.MonkeyPatch, attempt: Any, verdict: Verdict) -> None:
    result = ChallengeResult(verdict=verdict, reasons=(Reason.LIGHT_ABSENT,) if verdict != "LIVE" else ())
    monkeypatch.setattr(attempt._judge, "decide", lambda: result)
    monkeypatch.setattr(attempt._judge, "push", lambda frame, face: None)


def watch(attempt: Any, light: int, *, until_s: float, step_s: float = 0.1) -> Any:
    """The result, and when it came."""
    image = decoded(jpeg_of(light), side_px=1000)
    for count in range(round(until_s / step_s)):
        seen = attempt.take(image, 100 + count * step_s)
        if seen.result is not None:
            return seen.result, count * step_s
    return None, until_s


def show_all(attempt: Any, *, from_s: float = 100.0) -> float:
    """Reports every colour in its time; when the last one appeared."""
    colours, hold_s = attempt.challenge["colours"], present(attempt.challenge)["hold_ms"] / 1000
    for index in range(len(colours)):
        attempt.note({"event": "shown", "index": index, "time_ms": 1000 * (from_s + index * hold_s)})
    return (len(colours) - 1) * hold_s


@pytest.mark.parametrize(
    ("light", "challenge", "verdict"),
    [
        (LIVE, Verdict.LIVE, Verdict.LIVE),
        (LIVE, Verdict.UNDECIDED, Verdict.UNDECIDED),
        (LIVE, Verdict.ATTACK, Verdict.ATTACK),
    ],
)
def test_both_have_to_say_live(
    monkeypatch: pytest.MonkeyPatch, light: Any, challenge: Any, verdict: Any
) -> None:
    attempt = LightAttempt(a_detector())
    judged(monkeypatch, attempt, challenge)
    last_s = show_all(attempt)
    result, after_s = watch(attempt, light, until_s=12)
    assert result.verdict is verdict
    assert (result.decision.verdict, result.challenge.verdict) == (Verdict.LIVE, challenge)
    hold_s = present(attempt.challenge)["hold_ms"] / 1000
    assert after_s == pytest.approx(last_s + hold_s + attempt._light.limits.late_until_s, abs=0.21)


def test_an_attack_by_its_looks_ends_a_challenge_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = LightAttempt(a_detector())
    judged(monkeypatch, attempt, Verdict.LIVE)
    show_all(attempt)
    result, after_s = watch(attempt, PRINT, until_s=3)
    assert (result.verdict, after_s < 1) == (Verdict.ATTACK, True)


@pytest.mark.parametrize(("mode", "most_s"), [(LightAttempt, LIGHT_S), (HeadAttempt, HEAD_S)])
def test_a_page_that_shows_nothing_gets_no_verdict(mode: Any, most_s: Any) -> None:
    attempt = mode(a_detector())
    result, after_s = watch(attempt, LIVE, until_s=most_s + 3, step_s=1.0)
    assert (result.verdict, result.reasons[0]) == (Verdict.UNDECIDED, Reason.TIMED_OUT)
    assert after_s == pytest.approx(most_s, abs=1.1)
    again = attempt.take(decoded(jpeg_of(LIVE), side_px=1000), 1e6)
    assert again.result is result  # it stays


def test_who_does_not_turn_is_not_waited_for() -> None:
    attempt = HeadAttempt(a_detector())
    attempt.note({"event": "shown", "index": 0, "time_ms": 100_500})
    result, after_s = watch(attempt, LIVE, until_s=20, step_s=0.3)
    assert (result.verdict, result.challenge.reasons) == (Verdict.UNDECIDED, (Reason.TOO_SHORT,))
    assert 6.5 < after_s < 8


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "shown"},
        {"event": "shown", "index": 99, "time_ms": 5},
        {"event": "shown", "index": -1, "time_ms": 5},
        {"event": "shown", "index": 0, "time_ms": float("nan")},
        {"event": "shown", "index": 0, "time_ms": "5"},
        {"event": "shown", "index": [0], "time_ms": 5},
        {"event": "shown", "index": 0, "time_ms": 10**400},
    ],
)
@pytest.mark.parametrize("mode", [LightAttempt, HeadAttempt])
def test_events_that_cannot_be_are_passed_over(mode: Any, event: Any) -> None:
    attempt = mode(a_detector())
    attempt.note(event)
    assert attempt._judge._shown_s == {}


def test_each_try_has_a_challenge_of_its_own() -> None:
    drawn = {str(LightAttempt(a_detector()).challenge) for _ in range(20)}
    assert len(drawn) == 20


def test_turns_are_told_to_the_page() -> None:
    seen = HeadAttempt(a_detector()).take(decoded(jpeg_of(LIVE), side_px=1000), 0.0)
    assert state_message(seen, ack=1, developer=False)["turns"] == 0


def test_a_challenged_session_is_stored_with_its_challenge(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = door.person(mode="head", tries=1)
    with person.connect() as socket:
        ready = person.hello(socket)
        assert len(ready["challenge"]["order"]) == 4
        socket.tell({"type": "event", "event": "shown", "index": 0, "time_ms": person.start_ms})
        assert person.until_told(socket, PRINT)["state"] == "attack"
    result = door.result(person)
    assert (result["challenge"]["verdict"], result["verdict"]) == ("UNDECIDED", "ATTACK")
    assert result["decision"]["verdict"] == "ATTACK"


def test_hints_of_injection_stand_beside_the_verdict_and_change_nothing(door: Any) -> None:
    person = door.person(tries=1)
    with person.connect() as socket:
        client = {"label": "OBS Virtual Camera", "capabilities": {"width": {"max": 640}}}
        socket.tell({"type": "hello", "token": person.session["token"], "client": client})
        socket.hear()
        told = person.until_told(socket, LIVE)
    result = door.result(person)
    codes = {hint["code"] for hint in result["injection"]}
    assert {"VIRTUAL_CAMERA_NAME", "NO_CAMERA_CONTROLS", "DOUBLED_FRAMES"} <= codes
    assert (told["state"], result["state"]) == ("live", "live")


def test_a_name_that_is_no_text_keeps_nobody_from_the_result(door: Any) -> None:
    person = door.person(tries=1)
    with person.connect() as socket:
        client = {"label": "OBS \ud800\x00 \u6444\u50cf\u5934"}
        socket.tell({"type": "hello", "token": person.session["token"], "client": client})
        socket.hear()
        person.until_told(socket, LIVE)
    named = [hint["value"] for hint in door.result(person)["injection"] if hint["limit"] == "obs"]
    assert named == ["obs  \u6444\u50cf\u5934"]


def test_parts_of_pictures_keep_their_blocks(rng: np.random.Generator) -> None:
    image = rng.integers(0, 255, (480, 640, 3), dtype=np.uint8)
    part = middle(image)
    assert part.shape == (256, 256, 3)
    assert np.array_equal(part, image[112:368, 192:448])
    assert middle(image[:100, :100]).shape == (100, 100, 3)


def test_pictures_of_another_size_are_not_compared() -> None:
    signals = Signals({})
    for side in (300, 200, 300):
        signals.see(np.zeros((side, side, 3), np.uint8), 0.0)
    assert [part.shape[0] for part in signals._parts] == [256, 256]
