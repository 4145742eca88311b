"""`unmask watch`: a camera that is lost and comes back, and events that arrive, whoever is away."""

import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from jinja2 import Template
from skimage import data

from unmask import Detector
from unmask.app import watch, watch_events, watch_feed
from unmask.app.progress import loudness
from unmask.app.watch import Outlets, Watching
from unmask.app.watch_events import Courier, DeliveryError, EventFile
from unmask.app.watch_feed import FeedConnected, Lost, follow
from unmask.app.watch_mqtt import Broker, discovery
from unmask.app.watch_webhook import Webhook
from unmask.media.sources import Source
from unmask.media.video import write_video
from unmask.types import Frame, OutputError, SettingsError, SourceError

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto here: apt-get install mosquitto")


def event(number: int) -> dict[str, object]:
    return {"event": "verdict", "verdict": "LIVE", "score": 0.9, "time": "2026-01-01T00:00:00", "n": number}


def connection(kind: Any, count: int, *, breaks: bool = False) -> Source:
    def frames() -> Generator[Frame, None, None]:
        for index in range(count):
            yield Frame(image=np.zeros((4, 4, 3), np.uint8), time_s=index / 10, index=index)
        if breaks:
            raise SourceError("the camera went away; look at its cable")

    return Source(name="cam", kind=kind, frames=frames(), frame_count=None, fps=None)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the camera does at each attempt to open it: a Source, or None where it is away."""

    def plug(attempts: Any) -> None:
        todo = iter(attempts)

        def opened(source: Any, **_: Any) -> Any:
            found = next(todo, None)
            if found is None:
                raise SourceError("nobody answers; check the address")
            return found

        monkeypatch.setattr(watch_feed, "open_source", opened)

    return plug


def news_of(source: str, *, every_s: float = 0.0, end_after: int = 3) -> tuple[list[Any], list[float]]:
    waited: list[float] = []

    def wait(seconds: Any) -> Any:
        waited.append(seconds)
        return len(waited) == end_after

    return list(follow(source, fps=30.0, every_s=every_s, wait=wait)), waited


def test_a_lost_camera_is_tried_again_after_ever_longer_times(plugged: Any) -> None:
    plugged([connection("camera", 2, breaks=True), None, None, connection("camera", 1)])
    found, waited = news_of("camera:0", end_after=5)
    kinds = [type(one).__name__ for one in found]
    assert kinds == [
        "FeedConnected",
        "Frame",
        "Frame",
        "Lost",
        "Lost",
        "Lost",
        "FeedConnected",
        "Frame",
        "Lost",
        "Lost",
    ]
    assert "look at its cable" in found[3].sentence
    assert waited == [1, 2, 4, 1, 2]  # begins anew once it was back
    plugged([])
    assert max(news_of("rtsp://host/live", end_after=9)[1]) == 30


def test_a_file_is_read_once_and_one_that_is_missing_is_an_error(plugged: Any) -> None:
    plugged([connection("video", 3)])
    assert [type(one) for one in news_of("a.mp4")[0]] == [FeedConnected, Frame, Frame, Frame]
    plugged([])
    with pytest.raises(SourceError):
        news_of("a.mp4")


def test_a_snapshot_is_asked_for_again(plugged: Any) -> None:
    plugged([connection("image", 1) for _ in range(3)])
    found, waited = news_of("http://host/snapshot.jpg", every_s=0.5)
    assert [one.still for one in found if isinstance(one, FeedConnected)] == [True] * 3
    assert waited == [0.5] * 3
    assert not any(isinstance(one, Lost) for one in found)


def lines_of(path: Any) -> list[str]:
    """What an events' file holds when a run begins."""
    with closing(EventFile(path)) as file:
        return file.lines


@pytest.mark.parametrize(
    "content",
    [
        b"path,label\na.mp4,bona_fide\n",
        b"path,label\na.mp4,bona",  # cut off, as a line of events may be
        b"\x08\x07\x12\x0amodel\nof bytes\xff\xfe",
        b'{"event": "verdict"}\n{"score": 0.7}\n',
        b'["event"]\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_events_are_never_written_into_another_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="holds something else than events; name another file"):
        lines_of(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("cut", [b"", b"{", b'{"event": "ver'])
def test_a_line_of_events_that_was_cut_off_is_taken_away(tmp_path: Path, cut: bytes) -> None:
    path, whole = tmp_path / "events.jsonl", b'{"event": "verdict", "n": 1}\n'
    for before in (b"", whole):
        path.write_bytes(before + cut)
        assert lines_of(path) == before.decode().splitlines()
        assert path.read_bytes() == before


class Receiver:
    """An HTTP server that refuses its first posts, with 503 or another status."""

    def __init__(self, *, refuse: int, status: int = 503) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                if outer.asked > refuse:
                    outer.got.append((body, self.headers["X-Unmask-Signature"]))
                self.send_response(200 if outer.asked > refuse else status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:  # of a client that follows a redirect
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_events, "FIRST_S", 0.01)


@pytest.mark.usefixtures("quick")
def test_a_webhook_that_refuses_gets_every_event_signed_and_in_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_WEBHOOK_SECRET", "shared")
    receiver = Receiver(refuse=3)
    courier = Courier("webhook", Webhook(receiver.address).deliver)
    for number in range(5):
        courier.send(event(number))
    assert courier.finish(within_s=10) == 0
    receiver.server.shutdown()
    receiver.server.server_close()
    assert [json.loads(body)["n"] for body, _ in receiver.got] == list(range(5))
    assert receiver.asked == 8
    for body, sign in receiver.got:
        at, made = (part.partition("=")[2] for part in sign.split(","))
        expected = hmac.new(b"shared", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(made, expected)
        assert abs(int(at) - time.time()) < 60
    err = capsys.readouterr().err
    assert "answers 503" in err
    assert "reached again" in err


@pytest.mark.usefixtures("quick")
def test_a_redirect_is_no_delivery(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNMASK_WEBHOOK_SECRET", "shared")
    receiver = Receiver(refuse=2, status=302)
    courier = Courier("webhook", Webhook(receiver.address).deliver)
    courier.send(event(0))
    assert courier.finish(within_s=10) == 0
    receiver.server.shutdown()
    receiver.server.server_close()
    assert [json.loads(body)["n"] for body, _ in receiver.got] == [0]
    assert "answers 302" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["https://user:hunter@host/hook", "http://host:port/hook", "http:///hook", "http://host:9 9/"]
)
def test_an_address_that_cannot_be_posted_to_is_refused_before_the_watching(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("UNMASK_WEBHOOK_SECRET", "shared")
    with pytest.raises(SettingsError, match="--webhook is an address") as refused:
        Webhook(address)
    assert "hunter" not in str(refused.value)


def test_a_count_that_cannot_be_written_stops_no_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    got: list[Any] = []
    courier = Courier("webhook", got.append, arrived=tmp_path / "file" / "count", backlog=[])
    for number in range(3):
        courier.send(event(number))
    assert courier.finish(within_s=10) == 0
    assert [one["n"] for one in got] == [0, 1, 2]
    assert capsys.readouterr().err.count("events come twice") == 1


def test_a_webhook_needs_an_address_and_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNMASK_WEBHOOK_SECRET", raising=False)
    with pytest.raises(SettingsError, match="set UNMASK_WEBHOOK_SECRET"):
        Webhook("https://host/hook")
    with pytest.raises(SettingsError, match="http"):
        Webhook("ftp://host")


@pytest.mark.usefixtures("quick")
def test_events_that_did_not_arrive_are_delivered_by_the_next_run(tmp_path: Path) -> None:
    def away(_: Any) -> None:
        raise DeliveryError("nobody is there")

    path, arrived = tmp_path / "events.jsonl", tmp_path / "events.jsonl.webhook"
    got: list[Any] = []
    file = EventFile(path)
    courier = Courier("webhook", got.append, arrived=arrived, backlog=file.lines)
    file.add(event(0))
    courier.send(event(0))
    assert courier.finish(within_s=5) == 0
    courier = Courier("webhook", away, arrived=arrived, backlog=lines_of(path))
    for number in (1, 2):
        file.add(event(number))
        courier.send(event(number))
    assert courier.finish(within_s=0.3) == 2
    file.close()
    with path.open("a") as torn:
        torn.write('{"event": "ver')  # the machine stopped in the middle of a line
    courier = Courier("webhook", got.append, arrived=arrived, backlog=lines_of(path))
    assert courier.finish(within_s=5) == 0
    assert [one["n"] for one in got] == [0, 1, 2]
    assert arrived.read_text() == "3"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Any]:
    """A mosquitto that can be stopped and started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        running.append(subprocess.Popen([str(MOSQUITTO), "-c", str(config)], stderr=subprocess.DEVNULL))

    def stop() -> None:
        running[-1].terminate()
        running[-1].wait(10)

    start()
    yield SimpleNamespace(address=f"mqtt://127.0.0.1:{port}/homes", port=port, start=start, stop=stop)
    stop()


class Listener:
    """What a subscriber of all topics hears."""

    def __init__(self, port: int) -> None:
        from paho.mqtt import client, enums

        self.heard: list[tuple[str, str, bool]] = []
        self.client = client.Client(enums.CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _, __, m: self.heard.append((m.topic, m.payload.decode(), m.retain))
        self.client.on_connect = lambda c, *_: c.subscribe("#", qos=1)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()

    def until(self, wanted: Any, *, within_s: float = 20.0) -> bool:
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if wanted(self.heard):
                return True
            time.sleep(0.05)
        return False

    def numbers(self) -> list[int]:
        return [json.loads(text)["n"] for topic, text, _ in self.heard if topic.endswith("/events")]


@needs_broker
@pytest.mark.usefixtures("quick")
def test_a_real_broker_that_goes_away_loses_no_event_and_home_assistant_finds_the_camera(broker: Any) -> None:
    pytest.importorskip("paho.mqtt", reason="the extra mqtt is not installed")
    listener = Listener(broker.port)
    assert listener.until(lambda _: listener.client.is_connected())
    sender = Broker(broker.address, name="front door")
    courier = Courier("mqtt", sender.deliver)
    courier.send(event(0))
    assert listener.until(lambda _: listener.numbers() == [0])
    broker.stop()
    for number in (1, 2, 3):
        courier.send(event(number))
    time.sleep(0.5)
    broker.start()
    assert listener.until(lambda _: listener.client.is_connected())
    assert courier.finish(within_s=40) == 0
    late = Listener(broker.port)  # comes afterwards: what is retained is all it gets
    assert late.until(lambda heard: len(heard) >= 5)
    topics = {topic: text for topic, text, retained in late.heard if retained}
    assert json.loads(topics["homes/front-door/state"])["verdict"] == "LIVE"
    assert topics["homes/front-door/available"] == "online"
    config = json.loads(topics["homeassistant/binary_sensor/unmask_front-door/attack/config"])
    assert config["state_topic"] == "homes/front-door/state"
    assert config["unique_id"] == "unmask_front-door_attack"
    sender.close()
    assert late.until(lambda heard: ("homes/front-door/available", "offline", False) in heard)
    for one in (listener, late):
        one.client.loop_stop()


@needs_broker
def test_the_recipe_of_home_assistant_turns_its_sensor_on_and_off(
    broker: Any, unmask: Callable[..., tuple[int, str, str]], demo_recordings: dict[str, Path], tmp_path: Path
) -> None:
    pytest.importorskip("paho.mqtt", reason="the extra mqtt is not installed")
    listener = Listener(broker.port)
    assert listener.until(lambda _: listener.client.is_connected())
    kept = tmp_path / "front-door.jsonl"
    options = ("--name", "front-door", "--mqtt", broker.address, "--save-events", kept)
    assert unmask("watch", demo_recordings["print"], *options)[0] == 0
    path = "homeassistant/binary_sensor/unmask_front-door/attack/config"
    config = next(json.loads(text) for topic, text, _ in listener.heard if topic == path)
    template = Template(config["value_template"])  # Home Assistant's templates are Jinja's
    states = [json.loads(text) for topic, text, _ in listener.heard if topic == config["state_topic"]]
    assert [template.render(value_json=state) for state in states] == ["ON", "OFF"]
    recipe = (Path(__file__).parent.parent.parent / "docs" / "recipes.md").read_text()
    named = re.sub(
        r"\W+", "_", f"{config['device']['name']} {config['name']}".lower()
    )  # as Home Assistant does
    assert f"entity_id: binary_sensor.{named}\n" in recipe
    events = [json.loads(line)["event"] for line in kept.read_text().splitlines()]
    assert events == ["started", "verdict", "gone", "stopped"]
    heard = [json.loads(text)["event"] for topic, text, _ in listener.heard if topic.endswith("/events")]
    assert heard == events
    listener.client.loop_stop()


def test_a_broker_that_is_away_is_said_once_and_a_bad_address_at_once() -> None:
    pytest.importorskip("paho.mqtt", reason="the extra mqtt is not installed")
    with pytest.raises(SettingsError, match=r"not mqtt://\*\*\*@"):
        Broker("mqtt://user:word@", name="a")
    away = Broker("mqtt://user:word@127.0.0.1:9", name="a")
    with pytest.raises(DeliveryError, match="cannot be reached") as told:
        away.deliver(event(0))
    assert "word" not in str(told.value)
    away.close()


def test_every_configuration_names_the_same_device() -> None:
    found = discovery("unmask/door", device="door")
    assert len({json.dumps(row["device"]) for row in found.values()}) == 1
    assert len({row["unique_id"] for row in found.values()}) == len(found)
    assert all(path.startswith("homeassistant/") and path.endswith("/config") for path in found)


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class FakeStream:
    """Says LIVE from the third frame with a face on; frames without a face are all dark."""

    def __init__(self) -> None:
        self.count = 0
        self.face: object | None = None

    def watch(self, image: Any, time_s: Any) -> Any:
        self.face = object() if image.any() else None
        self.count += bool(self.face)
        return decision("LIVE") if self.count >= 3 else None

    def progress(self) -> Any:
        return SimpleNamespace(face=self.face, score=0.9)

    def finish(self) -> Any:
        return decision("UNDECIDED")


def decision(verdict: str) -> SimpleNamespace:
    record = {"verdict": verdict, "score": 0.9, "threshold": 0.5, "reasons": [], "model": {}}
    return SimpleNamespace(verdict=SimpleNamespace(value=verdict), to_dict=lambda: record)


def test_each_visit_is_judged_anew_and_a_lost_camera_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    detector = cast(Detector, SimpleNamespace(stream=lambda name: FakeStream()))
    watching = Watching(detector, name="door", outlets=Outlets(json_lines=True, file=None, couriers=[]))
    face, dark = np.full((4, 4, 3), 200, np.uint8), np.zeros((4, 4, 3), np.uint8)
    watching.take(FeedConnected(still=False))
    for index in range(100):  # 4 s with a face, 3 s without, 3 s with one
        image = dark if 40 <= index < 70 else face
        watching.take(Frame(image=image, time_s=index / 10, index=index))
    watching.take(Lost("gone; look", 1.0))
    watching.take(Lost("gone; look", 2.0))
    watching.take(FeedConnected(still=False))
    events = [(one["event"], one.get("visit")) for one in told(capsys)]
    assert events == [
        ("verdict", 1),
        ("gone", 1),
        ("verdict", 2),
        ("gone", 2),
        ("camera_lost", None),
        ("camera_back", None),
    ]


def test_a_receiver_that_is_away_is_told_above_the_line_that_lives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich a terminal
    monkeypatch.setenv("COLUMNS", "40")
    outlets = Outlets(json_lines=False, file=None, couriers=[])
    outlets.show("LIVE", 0.9, 1)
    watch.tell("unmask: webhook: nobody answers; trying again, 1 events wait")
    line, told = capsys.readouterr().err.split("\r\x1b[2K")[1:]
    assert line == "LIVE      0.900  visit 1"
    assert told.startswith("unmask: webhook: nobody answers")
    with loudness(quiet=True, verbose=False):
        outlets.show("LIVE", 0.9, 1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_camera_that_stalls_holds_no_signal_back(tmp_path: Path, number: int, word: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/live.mjpeg"
        command = [sys.executable, "-m", "unmask", "watch", address, "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            silent.settimeout(60)
            with silent.accept()[0]:  # it is waited for now, and never answers
                sent_s = time.monotonic()
                child.send_signal(number)
                out, err = child.communicate(timeout=30)
                took_s = time.monotonic() - sent_s
    assert (child.returncode, err.decode()) == (128 + number, f"unmask: {word}\n")
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["started", "stopped"]
    assert took_s < 5  # two seconds, and a busy machine


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_events_are_not_written_into_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "events.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="is a pipe, not a plain file"):
        EventFile(pipe)


def test_a_recording_is_watched_to_its_end_and_its_events_are_kept(
    unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    clip, kept = tmp_path / "a.mp4", tmp_path / "events.jsonl"
    face = data.astronaut()[:320, 80:400]
    write_video(clip, [np.roll(face, k // 2, axis=1) for k in range(24)], fps=12)
    code, out, err = unmask("watch", clip, "--json", "--name", "door", "--save-events", kept)
    assert code == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["started", "stopped"]
    assert "verdict" in {one["event"] for one in events}
    assert [json.loads(line) for line in kept.read_text().splitlines()] == events
    code, _, err = unmask("watch", tmp_path / "none.mp4")
    assert (code, "does not exist" in err) == (3, True)
