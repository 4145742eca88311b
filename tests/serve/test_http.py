"""What back ends ask over HTTP: keys and scopes, checks, limits, erasure, signed results, logs."""

import contextlib
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from doubles import LIVE, PRINT, WEAK, Brightness, jpeg_of
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from present import present
from unmask.serve import body, headers, keys
from unmask.serve.logs import JsonLines


def audit_text(door: Any) -> str:
    with door.service.database.engine.connect() as connection:
        return str(connection.exec_driver_sql("SELECT * FROM audit").all())


@pytest.mark.parametrize("key", ["", "x", "unmask_1_2", "unmask__", "unmask_" + "a" * 900, "Bearer Bearer"])
def test_without_a_key_nothing_is_answered(door: Any, key: str) -> None:
    for method, path in (
        ("POST", "/v1/sessions"),
        ("POST", "/v1/checks"),
        ("GET", "/v1/sessions/s" + "0" * 30),
    ):
        answer = door.client.request(method, path, headers={"Authorization": f"Bearer {key}"} if key else {})
        assert (answer.status_code, "key" in answer.json()["error"]) == (401, True)


def test_a_key_does_what_its_scopes_say_and_no_more(door: Any) -> None:
    session = door.session()
    path = f"/v1/sessions/{session['id']}"
    reader, creator = door.new_key("shop", "read"), door.new_key("shop", "create")
    assert door.call("POST", "/v1/sessions", key=reader, json={}).status_code == 403
    assert door.call("DELETE", path, key=reader).status_code == 403
    assert door.call("GET", path, key=creator).status_code == 403
    assert door.call("GET", path, key=reader).json()["state"] == "created"


def test_sessions_of_another_owner_are_not_there(door: Any) -> None:
    path = f"/v1/sessions/{door.session(reference='mine')['id']}"
    foreign = door.new_key("other", "create", "read")
    for method in ("GET", "DELETE"):
        assert door.call(method, path, key=foreign).status_code == 404
    assert door.call("GET", path + "/pictures/0", key=foreign).status_code == 404
    assert door.call("GET", path, key=door.new_key("staff", "admin")).json()["reference"] == "mine"


def test_keys_end_and_are_exchanged_without_an_interruption(door: Any) -> None:
    database, path = door.service.database, f"/v1/sessions/{door.session()['id']}"
    old = door.new_key("shop", "read")
    new = database.call(keys.rotate, old.split("_")[1], now=time.time(), overlap_s=0.3)
    assert [door.call("GET", path, key=key).status_code for key in (old, new)] == [200, 200]
    time.sleep(0.35)
    assert [door.call("GET", path, key=key).status_code for key in (old, new)] == [401, 200]
    database.call(keys.revoke, new.split("_")[1], now=time.time())
    assert door.call("GET", path, key=new).status_code == 401
    ended = door.new_key("shop", "read", lasts_s=-1)
    assert door.call("GET", path, key=ended).status_code == 401


def test_an_exchange_gives_no_key_a_longer_life(door: Any) -> None:
    database, now = door.service.database, time.time()
    old = door.new_key("shop", "read", lasts_s=60).split("_")[1]
    new = database.call(keys.rotate, old, now=now, overlap_s=3600).split("_")[1]
    ends = {key["id"]: key["expires_at"] - now for key in database.call(keys.listed) if key["expires_at"]}
    assert ends == {old: pytest.approx(60, abs=5), new: pytest.approx(60, abs=5)}


def test_a_key_is_stored_hashed(door: Any) -> None:
    with door.service.database.engine.connect() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM keys").all())
    assert door.key.split("_")[1] in stored
    assert door.key.split("_", 2)[2] not in stored


@pytest.mark.parametrize("form", ["raw", "multipart"])
@pytest.mark.parametrize(("light", "verdict"), [(LIVE, "LIVE"), (PRINT, "ATTACK"), (WEAK, "UNDECIDED")])
def test_a_picture_is_checked(door: Any, form: str, light: Any, verdict: str) -> None:
    content = jpeg_of(light)
    sent = {"content": content} if form == "raw" else {"files": {"file": ("a.jpg", content)}}
    answer = door.call("POST", "/v1/checks", **sent)
    body = answer.json()
    assert (answer.status_code, body["verdict"], body["source"]) == (200, verdict, "upload")
    assert body["score"] == pytest.approx(light / 255, abs=0.02)
    assert f"'check.decided', '{body['id']}'" in audit_text(door)


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        ({}, "empty"),
        ({"content": b"not a picture"}, "the upload is not a video"),
        ({"content": jpeg_of(LIVE)[:-500]}, "cut"),
        ({"files": {"other": ("a.jpg", b"x")}}, "file"),
        ({"data": {"file": "a text"}}, "video"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "form"),
        ({"content": b"--a\r\nx", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}, "form"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_sentence(door: Any, sent: Any, word: str) -> None:
    answer = door.call("POST", "/v1/checks", **sent)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert word in answer.json()["error"]


def test_an_upload_is_never_a_path_or_an_address(door: Any, tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(jpeg_of(LIVE))
    for content in (str(tmp_path / "face.jpg"), "camera:0", "http://127.0.0.1:1/a.jpg"):
        assert door.call("POST", "/v1/checks", content=content.encode()).status_code == 422


def test_a_body_is_bounded_before_it_is_read(serve: Any) -> None:
    door = serve(body_bytes=1000)
    assert door.call("POST", "/v1/checks", content=bytes(1001)).status_code == 413
    chunks = (bytes(400) for _ in range(5))  # no Content-Length
    assert door.call("POST", "/v1/checks", content=chunks).status_code == 413
    assert door.call("POST", "/v1/sessions", content=b" " * 70_000).status_code == 413
    assert door.call("POST", "/v1/checks", content=bytes(900)).status_code == 422


def test_a_key_may_send_so_many_a_minute(serve: Any) -> None:
    door = serve(key_rate="3/minute")
    answers = [door.call("POST", "/v1/sessions", json={}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert door.call("POST", "/v1/sessions", key=door.new_key("b", "create"), json={}).status_code == 201


def test_an_address_may_guess_so_many_keys_a_minute(serve: Any) -> None:
    door = serve(address_rate="2/minute")
    codes = [door.call("GET", "/v1/sessions/s" + "0" * 30, key="guess").status_code for _ in range(3)]
    assert codes == [401, 401, 429]
    assert door.session()["state"] == "created"  # who has a key is not held up


def test_beyond_the_queue_checks_are_sent_away(serve: Any) -> None:
    door = serve(checks_waiting=0)
    door.service.gate._inside = 1  # one is running
    answer = door.call("POST", "/v1/checks", content=jpeg_of(LIVE))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    door.service.gate._inside = 0
    assert door.call("POST", "/v1/checks", content=jpeg_of(LIVE)).status_code == 200


def test_a_check_that_takes_too_long_is_no_verdict(serve: Any, network: Brightness) -> None:
    door = serve(request_s=0.3)

    def slowly(light: float) -> float:
        time.sleep(0.8)
        return 1.0

    network._score = slowly
    answer = door.call("POST", "/v1/checks", content=jpeg_of(LIVE))
    assert (answer.status_code, "verdict" in answer.json()) == (503, False)


def test_an_error_inside_is_told_without_its_text(door: Any, network: Brightness) -> None:
    network.error = RuntimeError("secret text")
    answer = door.call("POST", "/v1/checks", content=jpeg_of(LIVE))
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert "LIVE" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "none"},
        {"tries": 0},
        {"tries": 11},
        {"point": "other"},
        {"reference": "x" * 257},
        {"reference": "a\nb"},
        {"owner": "other"},
        [],
    ],
)
def test_a_session_that_cannot_be_is_refused(door: Any, body: Any) -> None:
    answer = door.call("POST", "/v1/sessions", json=body)
    assert (answer.status_code, list(answer.json())) == (422, ["error"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sessions/../../etc/passwd",
        "/v1/sessions/%2e%2e%2f",
        "/v1/sessions/' OR 1=1 --",
        "/v1/sessions/s%00",
        "/v1/sessions/" + "s" * 5000,
        "/docs",
        "/v1",
    ],
)
def test_odd_paths_lead_nowhere(door: Any, path: str) -> None:
    assert door.call("GET", path).status_code in (404, 405, 422)


def test_a_refused_method_is_told_all_that_there_are(door: Any) -> None:
    for path, methods in (
        ("/v1/sessions/s" + "0" * 30, "DELETE, GET"),
        ("/v1/sessions", "POST"),
        ("/healthz", "GET"),
    ):
        answer = door.call("OPTIONS", path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, methods)


def test_odd_headers_are_not_given_back(door: Any) -> None:
    for odd in ("a b", "x" * 100, "é"):
        answer = door.client.get("/healthz", headers={"X-Request-ID": odd.encode()})
        assert len(answer.headers["X-Request-ID"]) == 16
    assert door.client.get("/healthz", headers={"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"
    answer = door.client.get("/healthz", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_of_the_list_may_call(serve: Any) -> None:
    door = serve(origins=("https://shop.example",))
    for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
        answer = door.client.get("/healthz", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed


@pytest.mark.parametrize(
    ("retain", "least", "most"), [("nothing", 0, 0), ("best-frame", 1, 1), ("evidence", 3, 13)]
)
def test_pictures_are_stored_as_retention_says_and_erased(
    serve: Any, tmp_path: Path, retain: str, least: int, most: int
) -> None:
    door = serve(retain=retain)
    person = door.person(reference="login-8731")
    with person.connect() as socket:
        person.hello(socket)
        person.until_told(socket, LIVE)
    held = door.result(person)["pictures"]
    assert least <= len(held) <= most
    for path in held:
        answer = door.call("GET", path)
        assert (answer.content, answer.headers["Content-Type"]) == (jpeg_of(LIVE), "image/jpeg")
    for holds in (True, False):
        files = b"".join(path.read_bytes() for path in tmp_path.glob("serve.db*"))
        assert (b"login-8731" in files) == holds
        assert (jpeg_of(LIVE) in files) == (holds and bool(held))
        door.call("DELETE", f"/v1/sessions/{person.session['id']}")
    with door.service.database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pictures").scalar_one() == 0


def test_pictures_are_gone_after_their_time(serve: Any) -> None:
    door = serve(retain="best-frame", retain_s=0.2)
    person = door.person()
    with person.connect() as socket:
        person.hello(socket)
        person.until_told(socket, LIVE)
    path = f"/v1/sessions/{person.session['id']}/pictures/0"
    time.sleep(0.25)
    assert door.call("GET", path).status_code == 404


def test_results_are_signed_so_that_a_back_end_need_not_ask(serve: Any, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    door = serve(signing_key=tmp_path / "key.pem", issuer="https://liveness.example")
    person = door.person(reference="login-7")
    with person.connect() as socket:
        person.hello(socket)
        told = person.until_told(socket, LIVE)
    public = jwt.PyJWKSet.from_dict(door.client.get("/.well-known/jwks.json").json()).keys[0]
    for signed in (told["jws"], door.result(person)["jws"]):
        claims = jwt.decode(signed, public, algorithms=["EdDSA"], issuer="https://liveness.example")
        assert claims["sub"] == person.session["id"]
        assert (claims["state"], claims["verdict"], claims["reference"]) == ("live", "LIVE", "login-7")
        assert claims["exp"] - claims["iat"] == 300
        assert (
            ("score" in claims) == ("threshold" in claims) == (signed != told["jws"])
        )  # browsers can read it
    head, payload, seal = told["jws"].split(".")
    other = jwt.utils.base64url_encode(json.dumps(claims | {"state": "live", "sub": "s1"}).encode()).decode()
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{other}.{seal}", public, algorithms=["EdDSA"], options={"verify_iss": False})
    assert payload != other


def test_logs_are_json_and_hold_nothing_of_a_person(door: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "unmask.serve")
    person = door.person(reference="erika@example.org")
    with person.connect() as socket:
        person.hello(socket)
        person.until_told(socket, LIVE)
    door.client.get("/v1/sessions/s" + "1" * 30, headers={"Authorization": "Bearer unmask_guess_guess"})
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "unmask.serve"]
    events = [json.loads(line) for line in lines]
    assert {"request", "session decided"} <= {event["event"] for event in events}
    text = "\n".join(lines) + audit_text(door)
    for secret in ("erika", "127.0.0.1", person.session["token"], door.key.split("_", 2)[2], "guess"):
        assert secret not in text
    decided = next(event for event in events if event["event"] == "session decided")
    assert decided["session"] == person.session["id"]
    assert decided["audit"].startswith("3:")


def test_metrics_count_verdicts_latencies_and_refusals(door: Any) -> None:
    door.call("POST", "/v1/checks", content=jpeg_of(PRINT))
    door.call("GET", "/v1/sessions/s" + "0" * 30, key="guess")
    page = door.client.get("/metrics").text
    assert 'unmask_decisions_total{kind="check",mode="file",state="attack"} 1.0' in page
    assert 'unmask_refusals_total{reason="no key"} 1.0' in page
    assert 'unmask_requests_total{path="/v1/checks",status="200"} 1.0' in page
    assert 'path="/v1/sessions/{id}"' in page  # not one series an id
    assert "unmask_checks_waiting 0.0" in page


def test_a_header_that_does_not_come_is_not_waited_for(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "HEADER_S", 0.3)
    with socket.create_connection(("127.0.0.1", httpx.URL(door.base).port), timeout=20) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        assert door.client.get("/healthz").status_code == 200  # nobody else waits for it
        assert slow.recv(100) == b""  # closed


def test_who_leaves_in_the_middle_of_a_body_is_no_error_of_ours(
    door: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = f"Authorization: Bearer {door.key}"
    head = f"POST /v1/checks HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", httpx.URL(door.base).port), timeout=20) as gone:
        gone.sendall(head.encode() + b"abc")
    until_s = time.monotonic() + 20
    while 'path="/v1/checks",status="499"' not in (page := door.client.get("/metrics").text):
        assert time.monotonic() < until_s, page
        time.sleep(0.05)
    assert 'status="500"' not in page
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_header_that_is_too_long_is_not_taken(door: Any) -> None:
    request = b"GET /healthz HTTP/1.1\r\n" + b"X-A: " + b"a" * 60_000 + b"\r\nHost: x\r\n\r\n"
    long = socket.create_connection(("127.0.0.1", httpx.URL(door.base).port), timeout=20)
    with long, contextlib.suppress(OSError):
        long.sendall(request)
        assert b"200 OK" not in long.recv(1000)
    assert door.client.get("/healthz").status_code == 200


def test_a_key_behind_the_body_is_none(door: Any) -> None:
    head = b"POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
    key = f"Authorization: Bearer {door.key}\r\n".encode()
    for before, behind, code in ((key, b"", b"201"), (b"", key, b"401")):
        with socket.create_connection(door.base[7:].split(":"), timeout=20) as connection:
            chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
            connection.sendall(head + before + chunked + behind + b"\r\n")
            assert connection.recv(4096).split()[1] == code


def test_a_body_that_comes_too_slowly_is_not_waited_for(serve: Any) -> None:
    door = serve(request_s=0.5)
    key = f"Authorization: Bearer {door.key}"
    head = f"POST /v1/checks HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", httpx.URL(door.base).port), timeout=20) as slow:
        slow.sendall(head.encode() + b"abc")
        status = slow.recv(1000).split(b" ")[1]
    assert status == b"408"


def begin_an_upload(door: Any, *, size: int) -> socket.socket:
    key = f"Authorization: Bearer {door.key}"
    head = f"POST /v1/checks HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: {size}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", httpx.URL(door.base).port), timeout=20)
    connection.sendall(head.encode() + b"abc")
    return connection


def test_who_sends_slowly_keeps_nobody_from_being_judged(serve: Any) -> None:
    door = serve(threads=1, checks_waiting=1)
    with begin_an_upload(door, size=9):
        begun_s = time.monotonic()
        answer = door.call("POST", "/v1/checks", content=jpeg_of(1))
        assert answer.status_code == 200, answer.text
        assert time.monotonic() - begun_s < body.GRACE_S


def test_a_trickle_is_refused_and_gives_its_place_back(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "GRACE_S", 1.0)
    door = serve(threads=1, checks_waiting=0)
    with begin_an_upload(door, size=9000) as slow:
        while "unmask_checks_waiting 1.0" not in door.client.get("/metrics").text:
            time.sleep(0.01)
        assert door.call("POST", "/v1/checks", content=jpeg_of(1)).status_code == 429
        with contextlib.suppress(OSError):  # a byte now and then, which would take minutes
            for _ in range(100):
                slow.sendall(b"a")
                time.sleep(0.02)
        assert slow.recv(1000).split(b" ")[1] == b"408"
    assert door.call("POST", "/v1/checks", content=jpeg_of(1)).status_code == 200


def test_spans_hold_paths_and_nothing_of_a_person(door: Any) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    session = door.session(reference="erika@example.org")
    door.call("GET", f"/v1/sessions/{session['id']}", headers={"traceparent": parent})
    made = exporter.get_finished_spans()
    spans = {present(one.attributes)["http.route"]: one for one in made if one.name == "request"}
    read = spans["/v1/sessions/{id}"]
    assert present(read.attributes)["http.response.status_code"] == 200
    assert f"{read.context.trace_id:032x}" == parent.split("-")[1]
    text = str([one.to_json() for one in made])
    assert not [word for word in ("erika", session["token"], door.key, "client.address") if word in text]


def test_checks_that_wait_when_a_server_is_to_stop_are_sent_to_another_one(
    serve: Any, network: Brightness
) -> None:
    door = serve(threads=1, checks_waiting=4)
    begun, go_on = threading.Event(), threading.Event()

    def held(light: float) -> float:
        begun.set()
        assert go_on.wait(30)
        return 1.0

    network._score = held
    with ThreadPoolExecutor(3) as callers:
        answers = [callers.submit(door.call, "POST", "/v1/checks", content=jpeg_of(LIVE)) for _ in range(3)]
        assert begun.wait(30)
        until = time.monotonic() + 30
        while door.service.gate._inside < 3:
            assert time.monotonic() < until
            time.sleep(0.01)
        door.service.draining = True
        go_on.set()
        found = sorted((one.result().status_code, "Retry-After" in one.result().headers) for one in answers)
    door.service.draining = False
    assert found == [(200, False), (503, True), (503, True)]


def test_metrics_are_closed_where_that_was_asked_for(serve: Any) -> None:
    door = serve(open_metrics=False)
    assert door.client.get("/metrics").status_code == 401
    assert door.call("GET", "/metrics").status_code == 200


def test_a_server_that_is_about_to_stop_takes_nothing_new(door: Any) -> None:
    assert door.client.get("/readyz").json()["ready"] is True
    person = door.person()
    door.service.draining = True
    assert door.client.get("/readyz").status_code == 503
    assert door.client.get("/healthz").status_code == 200
    for path, sent in (("/v1/sessions", {"json": {}}), ("/v1/checks", {"content": b"x"})):
        answer = door.call("POST", path, **sent)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    with person.connect() as socket:
        assert "stop" in socket.hear()["error"]
    door.service.draining = False
