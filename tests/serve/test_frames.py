"""A person in front of the camera: frames over the connection -> one decision, which the back end reads."""

import struct
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest
from doubles import LIVE, PRINT, WEAK, Brightness, jpeg_of
from websockets.exceptions import ConnectionClosed, InvalidStatus

from present import present
from unmask.serve import audit, frames, sessions
from unmask.serve.database import AWAY


def told_to_close(socket: Any) -> tuple[int, str]:
    """The close code, and the sentence before it."""
    sentence = socket.hear()["error"]
    with pytest.raises(ConnectionClosed) as closed:
        socket.hear()
    return present(closed.value.rcvd).code, sentence


def test_a_living_face_is_live_and_the_back_end_reads_it(door: Any) -> None:
    person = door.person(reference="login-1")
    assert door.result(person)["state"] == "created"
    with person.connect() as socket:
        ready = person.hello(socket)
        assert ready == {"type": "ready", "mode": "passive", "tries_left": 2, "challenge": None}
        *states, decision = person.show(socket, LIVE, 40)
    assert [state["ack"] for state in states] == list(range(1, len(states) + 1))
    assert 0 < states[5]["progress"] < states[20]["progress"] <= 1
    assert states[5]["face"] == pytest.approx([60 / 240, 40 / 160, 140 / 240, 120 / 160], abs=0.03)
    assert decision == {"type": "decision", "state": "live", "failure": None}
    result = door.result(person)
    assert (result["state"], result["reference"], result["failure"]) == ("live", "login-1", None)
    assert result["decision"]["score"] == pytest.approx(LIVE / 255, abs=0.02)
    assert result["decided_at"] > result["started_at"] > result["created_at"]


def test_an_attack_is_an_attack_at_once_whatever_tries_are_left(door: Any) -> None:
    person = door.person(tries=10)
    with person.connect() as socket:
        person.hello(socket)
        assert person.until_told(socket, PRINT)["state"] == "attack"
    assert person.count == 15
    assert door.result(person)["state"] == "attack"


def test_an_empty_room_is_told_and_never_live(serve: Any) -> None:
    door = serve(attempt_s=0.5)
    person = door.person(tries=1)
    with person.connect() as socket:
        person.hello(socket)
        state, *_, last = person.show(socket, 0, 40)
    assert (state["hint"], state["face"], last["state"]) == ("NO_FACE", None, "undecided")
    result = door.result(person)
    assert (result["state"], result["reasons"]) == ("undecided", ["NO_FACE", "TIMED_OUT"])


def test_who_is_undecided_may_try_again_as_often_as_was_said(serve: Any) -> None:
    door = serve(attempt_s=0.6)
    person = door.person(tries=2)
    with person.connect() as socket:
        assert person.hello(socket)["tries_left"] == 1
        retry = person.until_told(socket, WEAK)
        assert (retry["type"], retry["tries_left"]) == ("retry", 1)
        person.send(socket, PRINT)  # between two tries nothing counts
        socket.tell({"type": "again"})
        assert socket.hear() == {
            "type": "ready",
            "mode": "passive",
            "tries_left": 0,
            "challenge": None,
        }
        assert person.until_told(socket, WEAK)["state"] == "undecided"
    assert door.result(person)["tries_left"] == 0


def test_a_connection_that_broke_goes_on_with_its_evidence(door: Any) -> None:
    person = door.person(tries=1)
    with person.connect() as socket:
        person.hello(socket)
        list(person.show(socket, PRINT, 8))
    with person.connect() as socket:
        assert person.hello(socket)["tries_left"] == 0
        assert person.until_told(socket, PRINT)["state"] == "attack"
    assert person.count == 15  # as without the break


def test_breaking_off_before_the_verdict_does_not_get_rid_of_it(door: Any) -> None:
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        for _ in range(6):
            person.send(socket, PRINT)
            socket.hear()
        for _ in range(8):
            person.send(socket, PRINT)
            socket.hear()
        person.send(socket, PRINT)  # the one that decides; nobody waits for the answer
    until = time.monotonic() + 5
    while door.result(person)["state"] == "running" and time.monotonic() < until:
        time.sleep(0.02)
    assert door.result(person)["state"] == "attack"


def test_on_another_worker_the_evidence_begins_anew_and_costs_a_try(door: Any) -> None:
    person = door.person(tries=2)
    with person.connect() as socket:
        person.hello(socket)
        list(person.show(socket, PRINT, 10))
    _wait_parted(door, person)
    door.service.live.parted.clear()  # it was in the memory of the other one
    with person.connect() as socket:
        assert person.hello(socket)["tries_left"] == 0
        list(person.show(socket, LIVE, 5))
    _wait_parted(door, person)
    door.service.live.parted.clear()
    with person.connect() as socket:
        assert person.hello(socket)["state"] == "failed"
    result = door.result(person)
    assert (result["state"], result["decision"]) == ("failed", None)
    assert "no try was left" in result["failure"]


def test_a_second_connection_takes_the_session_with_its_evidence(door: Any) -> None:
    person = door.person(tries=1)
    with person.connect() as first:
        person.hello(first)
        list(person.show(first, PRINT, 8))
        with person.connect() as second:
            assert person.hello(second)["type"] == "ready"
            code, sentence = told_to_close(first)
            assert (code, "another connection" in sentence) == (4409, True)
            assert person.until_told(second, PRINT)["state"] == "attack"
    assert person.count == 15


def test_a_decided_session_is_decided_once(door: Any) -> None:
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        person.until_told(socket, PRINT)
    with person.connect() as socket:  # the same token again, with another face
        refused = person.hello(socket)
        assert (refused["type"], "over" in refused["error"]) == ("error", True)
    assert door.result(person)["state"] == "attack"


def test_a_token_opens_its_own_session_alone(door: Any) -> None:
    mine, other = door.person(), door.person()
    for token in (mine.session["token"], "", "x" * 300, "%00", other.session["token"][:-1]):
        with other.connect() as socket:
            assert other.hello(socket, token or " ")["type"] == "error"
    assert door.result(other)["state"] == "created"


def test_a_session_that_expired_opens_no_more(serve: Any) -> None:
    door = serve(session_s=0.2)
    person = door.person()
    time.sleep(0.25)
    with person.connect() as socket:
        assert "over" in person.hello(socket)["error"]
    assert door.result(person)["state"] == "expired"


def test_a_session_that_expires_while_it_runs_is_not_decided(serve: Any) -> None:
    door = serve(session_s=1.5)
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        assert all(said["type"] == "state" for said in person.show(socket, LIVE, 10))
        assert socket.hear() == {"type": "decision", "state": "expired", "failure": None}
    assert door.result(person)["state"] == "expired"


def test_an_erased_session_ends_and_leaves_nothing(door: Any) -> None:
    person = door.person(reference="secret reference")
    with person.connect() as socket:
        person.hello(socket)
        list(person.show(socket, LIVE, 5))
        assert door.call("DELETE", f"/v1/sessions/{person.session['id']}").status_code == 204
        code, _ = told_to_close(socket)
        assert code == 4409
    assert door.call("GET", f"/v1/sessions/{person.session['id']}").status_code == 404
    assert not door.service.live.parted


def test_an_error_of_the_network_fails_the_session(door: Any, network: Brightness) -> None:
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        list(person.show(socket, LIVE, 20))
        network.error = RuntimeError("out of memory")
        told = person.until_told(socket, LIVE)
    assert told["state"] == "failed"
    result = door.result(person)
    assert (result["state"], result["decision"]) == ("failed", None)
    assert "out of memory" not in result["failure"]


def test_a_score_that_is_no_number_is_never_live(door: Any, network: Brightness) -> None:
    network._score = lambda light: float("nan")
    person = door.person(tries=1)
    with person.connect() as socket:
        person.hello(socket)
        assert person.until_told(socket, LIVE)["state"] == "undecided"


def test_nothing_is_told_that_the_database_does_not_hold(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise AWAY[0]("finish", {}, Exception("gone"))

    person = door.person()
    monkeypatch.setattr(sessions, "finish", away)
    with person.connect() as socket:
        person.hello(socket)
        told = person.until_told(socket, LIVE)
        assert (told["type"], "could not be stored" in told["error"]) == ("error", True)
    assert door.result(person)["state"] == "running"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", 4400),
        ("[" * 20_000, 4400),
        ('{"type": "decision", "state": "live"}', 4400),
        (b"short", 4400),
        (struct.pack("<d", float("nan")) + jpeg_of(LIVE), 4400),
    ],
)
def test_what_is_not_the_protocol_ends_the_connection(door: Any, message: Any, code: int) -> None:
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        socket.send(message)
        assert told_to_close(socket)[0] == code
    assert door.result(person)["state"] == "running"


def test_a_frame_that_is_too_large_is_not_even_taken(serve: Any) -> None:
    door = serve(frame_bytes=3000)
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        socket.send(struct.pack("<d", 0) + bytes(3001))
        with pytest.raises(ConnectionClosed) as closed:
            socket.hear()
        assert present(closed.value.rcvd).code == 1009


@pytest.mark.parametrize("content", [b"x" * 100, b"\xff\xd8\xff" + bytes(500), jpeg_of(LIVE)[:-400]])
def test_a_frame_that_is_no_picture_is_said_to_be_none_and_changes_nothing(door: Any, content: Any) -> None:
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        socket.send(struct.pack("<d", person.start_ms - 5) + content)
        said = socket.hear()
        assert (said["hint"], said["ack"], said["face"]) == (None, 1, None)
        told = person.until_told(socket, LIVE)
        assert told.get("state") == "live", told


def test_times_that_stand_still_are_refused_until_it_is_enough(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_REFUSED", 3)
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        said = []
        for _ in range(5):
            socket.send(struct.pack("<d", 5.0) + jpeg_of(LIVE))
            said.append(socket.hear())
    assert [one["type"] for one in said] == ["state"] * 4 + ["error"]


@pytest.mark.parametrize("second_ms", [2500.0, -9000.0, 1e300])
def test_a_clock_that_runs_otherwise_than_ours_ends_the_connection(door: Any, second_ms: float) -> None:
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        for time_ms in (0.0, second_ms):
            socket.send(struct.pack("<d", time_ms) + jpeg_of(LIVE))
        assert socket.hear()["ack"] == 1
        assert told_to_close(socket)[0] == 4400
    assert not door.service.live.parted  # that evidence is worth nothing


def test_who_sends_more_than_is_acknowledged_is_dropped(door: Any) -> None:
    person, free = door.person(), threading.Event()
    door.service.threads.submit(free.wait)  # the only thread is busy elsewhere
    with person.connect() as socket, ExitStack() as left:
        left.callback(free.set)  # the service waits for its threads, after a failure here too
        person.hello(socket)
        for _ in range(12):
            person.send(socket, LIVE)
        _until(lambda: door.service.live.connections[person.session["id"]]._waiting == 8)
        time.sleep(0.05)
        free.set()
        said = [socket.hear() for _ in range(9)]
    assert [one["type"] for one in said] == ["state"] * 8 + ["error"]
    assert "acknowledged" in said[-1]["error"]


def test_who_tells_without_end_is_dropped_and_fills_no_memory(door: Any) -> None:
    person, free = door.person(), threading.Event()
    door.service.threads.submit(free.wait)  # the only thread is busy elsewhere
    with person.connect() as socket, ExitStack() as left:
        left.callback(free.set)  # the service waits for its threads, after a failure here too
        person.hello(socket)
        person.send(socket, LIVE)
        running = door.service.live.connections[person.session["id"]]
        _until(lambda: running._waiting == 1 and not running._queue.qsize())  # the frame waits for the thread
        for index in range(300):
            socket.tell({"type": "event", "event": "x" * 1000, "index": index})
        _until(lambda: running._queue.qsize() == frames.MOST_QUEUED + 1)  # with the message that ends it
        free.set()
        said = [socket.hear() for _ in range(2)]
    assert [one["type"] for one in said] == ["state", "error"]


def test_a_foreign_page_may_not_connect(serve: Any) -> None:
    door = serve(origins=("https://shop.example",))
    person = door.person()
    with pytest.raises(InvalidStatus), person.connect(origin="https://evil.example"):
        pass
    for origin in ("https://shop.example", door.base):
        with person.connect(origin=origin) as socket:
            assert person.hello(socket)["type"] == "ready"


@pytest.mark.parametrize("name", ["%00", "s" + "A" * 30, "s" + "0" * 31, "s" + "0" * 30 + "%0A"])
def test_an_id_that_is_none_does_not_get_to_the_database(
    door: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sessions, "attach", None)
    person = door.person()
    person.address = person.address.replace(person.session["id"], name)
    with pytest.raises(InvalidStatus), person.connect():
        pass


def test_more_connections_than_there_is_room_for_are_sent_away(serve: Any) -> None:
    door = serve(connections=1)
    first, second = door.person(), door.person()
    with first.connect() as held, second.connect() as late:
        first.hello(held)
        assert "busy" in second.hello(late)["error"]
        with pytest.raises(ConnectionClosed) as closed:
            late.hear()
        assert present(closed.value.rcvd).code == 1013
    assert door.result(second)["state"] == "created"


def test_who_is_silent_is_dropped_and_may_come_back(serve: Any) -> None:
    door = serve(idle_s=0.2)
    person = door.person(tries=1)
    with person.connect() as socket:
        person.hello(socket)
        list(person.show(socket, PRINT, 8))
        assert told_to_close(socket)[0] == 4408
    with person.connect() as socket:
        assert person.hello(socket)["type"] == "ready"


def test_who_rests_between_two_tries_is_not_dropped(serve: Any) -> None:
    door = serve(attempt_s=0.5, idle_s=1.0)
    person = door.person(tries=2)
    with person.connect() as socket:
        person.hello(socket)
        assert person.until_told(socket, 0)["type"] == "retry"
        time.sleep(1.5)
        socket.tell({"type": "again"})
        assert socket.hear()["type"] == "ready"


def test_a_late_hello_is_too_late(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "HELLO_S", 0.1)
    person = door.person()
    with person.connect() as socket:
        assert told_to_close(socket)[0] == 4400


def test_the_trail_tells_of_each_step_and_is_whole(door: Any) -> None:
    person = door.person(reference="a person's name")
    with person.connect() as socket:
        person.hello(socket)
        person.until_told(socket, LIVE)
    head, wrong = door.service.database.call(audit.verify)
    assert (head.number, wrong) == (3, "")  # a key, a session, its decision
    with door.service.database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT event, facts FROM audit ORDER BY number").all()
    assert [event for event, _ in rows] == ["key.created", "session.created", "session.decided"]
    assert '"state":"live"' in rows[2][1]
    assert all("name" not in facts.replace("key_name", "") for _, facts in rows)


def _until(true: Any) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def _wait_parted(door: Any, person: Any) -> None:
    _until(lambda: person.session["id"] in door.service.live.parted)
