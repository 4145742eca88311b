"""Follow a camera and say who is LIVE, and when a verdict changes: in the terminal, as events to others.

Ends by Ctrl-C. A camera, a broker or a receiver that is away is tried again, and events wait for it; with
--save-events also over a restart. See docs/watch.md for the events.

Exit code: 130 or 143 for Ctrl-C or SIGTERM, 0 where a file ended, 3 where events could not be delivered.
"""

import json
import math
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console

from unmask.app.given import named
from unmask.app.options import ModelOptions
from unmask.app.progress import is_shown, say
from unmask.app.watch_events import Courier, Event, EventFile
from unmask.app.watch_feed import FeedConnected, Lost, follow, sleep_or_end, until
from unmask.app.watch_mqtt import Broker
from unmask.app.watch_webhook import Webhook
from unmask.detector.detector import Detector
from unmask.detector.stream import Stream
from unmask.files import keep_inputs
from unmask.interrupts import end_by
from unmask.plain import address_shown, sentence
from unmask.types import Decision, Frame, SourceError

GONE_S = 2.0  # without a face, after which whoever comes is another visit
LAST_TRY_S = 10.0  # for events that wait when the watching ends
UNDELIVERED = 3


@dataclass(frozen=True, kw_only=True)
class WatchOptions(ModelOptions):
    """The options of the command."""

    source: Annotated[
        str,
        typer.Argument(
            help="0 or /dev/video0, an rtsp:// or http:// address, a snapshot's address, or a file.",
            metavar="SOURCE",
        ),
    ]
    json_lines: Annotated[bool, typer.Option("--json", help="Events on stdout as JSON lines.")] = False
    every: Annotated[
        float, typer.Option(help="Ask for a snapshot every so many seconds; 1 of an address.", min=0.0)
    ] = 0.0
    name: Annotated[str, typer.Option(help="Name of the camera in events and topics.")] = ""
    mqtt: Annotated[
        str,
        typer.Option(
            envvar="UNMASK_MQTT",
            help="Broker, mqtt://user:password@host/prefix; Home Assistant finds the camera by itself.",
        ),
    ] = ""
    webhook: Annotated[str, typer.Option(help="POST each event here, signed with UNMASK_WEBHOOK_SECRET.")] = (
        ""
    )
    save_events: Annotated[
        Path | None,
        typer.Option(help="Append events to this file; what was not delivered is kept for later."),
    ] = None


def watch(options: WatchOptions) -> int:
    """Follows the source until it ends or a signal comes."""
    source = named(options.source)
    keep_inputs({"--save-events": options.save_events}, [source, *options.models])
    name = options.name or sentence(address_shown(source))
    detector = Detector.load(
        options.models or None, point=options.point, precision=options.precision, device=options.device
    )
    with _until_signalled() as (ended, received), _outlets(options, name=name) as outlets:
        watching = Watching(detector, name=name, outlets=outlets)
        watching.tell("started")
        feed = follow(source, fps=options.fps, every_s=options.every, wait=sleep_or_end(ended.wait))
        for news in until(ended, feed):
            watching.take(news)
        watching.close()
        watching.tell("stopped")
    undelivered = sum(outlets.left.values())
    for receiver, count in outlets.left.items():
        kept = f"; {options.save_events} keeps them for the next run" if options.save_events else ""
        if count:
            say(f"unmask: {receiver}: {count} events were not delivered{kept}")
    code = UNDELIVERED if undelivered and not options.save_events else 0
    if received:
        end_by(received[0], code=code)  # the camera may still be waited for
    return code


class Watching:
    """The state of a watching: which visit it is, and what was said of it last."""

    def __init__(self, detector: Detector, *, name: str, outlets: "Outlets") -> None:
        self._detector, self._name, self._outlets = detector, name, outlets
        self._stream: Stream | None = None
        self._still = False
        self._lost = False
        self._visit = 0
        self._seen_s = math.nan  # when a face was seen last, in the visit that is open
        self._said = ""

    def take(self, news: Frame | Lost | FeedConnected) -> None:
        """One more frame, or what became of the camera."""
        if isinstance(news, Lost):
            if not self._lost:
                self._gone()
                self.tell("camera_lost", why=news.sentence)
            self._lost = True
        elif isinstance(news, FeedConnected):
            if self._lost:
                self.tell("camera_back")
            self._lost, self._still = False, news.still
            if not news.still:
                self._gone()
        elif self._still:
            self._judge_picture(news)
        else:
            self._judge_frame(news)

    def close(self) -> None:
        """The visit that is open ends with what is known of it."""
        if self._stream is not None and not math.isnan(self._seen_s):
            self._say(self._stream.finish())
        self._gone()

    def tell(self, event: str, **more: Any) -> None:
        """Send an event to all that want it."""
        self._outlets.send({"event": event, "time": _now(), "source": self._name, **more})

    def _judge_frame(self, frame: Frame) -> None:
        self._stream = self._stream or self._detector.stream(name=self._name)
        try:
            decision = self._stream.watch(frame.image, frame.time_s)
        except SourceError:  # a frame that came twice or late: the next one will do
            return
        progress = self._stream.progress()
        if progress.face is not None:
            if math.isnan(self._seen_s):
                self._visit += 1
            self._seen_s = frame.time_s
        elif frame.time_s - self._seen_s > GONE_S:
            self._gone()
            return
        if decision is not None and not math.isnan(self._seen_s):
            self._say(decision)
        self._outlets.show(self._said or ("..." if progress.face else "nobody"), progress.score, self._visit)

    def _judge_picture(self, frame: Frame) -> None:
        decision = self._detector.check(frame.image)
        decision = replace(decision, source=self._name)
        if not decision.faces:
            self._gone()
            return
        self._visit += not self._said
        self._say(decision)
        self._outlets.show(self._said, decision.score, self._visit)

    def _say(self, decision: Decision) -> None:
        if decision.verdict.value == self._said:
            return
        self._said = decision.verdict.value
        record = decision.to_dict()
        shown = {key: record[key] for key in ("verdict", "score", "threshold", "reasons", "model")}
        self.tell("verdict", visit=self._visit, **shown)

    def _gone(self) -> None:
        if self._said:
            self.tell("gone", visit=self._visit)
        self._stream, self._said, self._seen_s = None, "", math.nan


class Outlets:
    """Where events go: the terminal, a file, and receivers by their names."""

    def __init__(self, *, json_lines: bool, file: EventFile | None, couriers: list[Courier]) -> None:
        self.left: dict[str, int] = {}
        self._json_lines, self._file, self._couriers = json_lines, file, couriers
        self._terminal = Console(stderr=True)

    def send(self, event: Event) -> None:
        """To the file first."""
        if self._file:
            self._file.add(event)
        for courier in self._couriers:
            courier.send(event)
        _clear_line()
        print(json.dumps(event) if self._json_lines else _line(event), flush=True)

    def show(self, said: str, score: float, visit: int) -> None:
        """The line that lives in a terminal."""
        if is_shown(self._terminal):
            shown = f"{said:<9} {score:.3f}" if math.isfinite(score) else said
            sys.stderr.write(f"\r\x1b[2K{shown}  visit {visit}"[: self._terminal.width])
            sys.stderr.flush()

    def finish(self) -> None:
        """Wait for what is under way."""
        _clear_line()
        self.left = {courier.name: courier.finish(within_s=LAST_TRY_S) for courier in self._couriers}
        if self._file:
            self._file.close()


def _clear_line() -> None:
    """Take away the line that lives in the terminal: what comes next stands there alone."""
    if is_shown(Console(stderr=True)):
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


def tell(text: str) -> None:
    """One line on stderr, in place of the line that lives there."""
    _clear_line()
    say(text)


@contextmanager
def _outlets(options: WatchOptions, *, name: str) -> Iterator[Outlets]:
    file = EventFile(options.save_events) if options.save_events else None
    broker = Broker(options.mqtt, name=name) if options.mqtt else None
    deliverers = {"webhook": Webhook(options.webhook).deliver} if options.webhook else {}
    if broker:
        deliverers["mqtt"] = broker.deliver
    couriers = [
        Courier(
            receiver,
            deliver,
            arrived=options.save_events.with_name(f"{options.save_events.name}.{receiver}")
            if options.save_events
            else None,
            backlog=file.lines if file else None,
            tell=tell,
        )
        for receiver, deliver in deliverers.items()
    ]
    outlets = Outlets(json_lines=options.json_lines, file=file, couriers=couriers)
    try:
        yield outlets
    finally:
        outlets.finish()
        if broker:
            broker.close()


@contextmanager
def _until_signalled() -> Iterator[tuple[threading.Event, list[int]]]:
    """An event that Ctrl-C and SIGTERM set, and their numbers: events are delivered before the end."""
    ended, received = threading.Event(), list[int]()

    def heard(number: int, frame: FrameType | None) -> None:
        received.append(number)
        ended.set()

    if threading.current_thread() is not threading.main_thread():
        yield ended, received
        return
    before = signal.set_wakeup_fd(-1)
    handlers = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended, received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)


def _line(event: Event) -> str:
    at = datetime.fromisoformat(event["time"]).astimezone().strftime("%H:%M:%S")
    if event["event"] == "verdict":
        score = "" if event["score"] is None else f"  {event['score']:.3f}"
        why = f"  {' '.join(event['reasons'])}" if event["reasons"] else ""
        return f"{at}  {event['verdict']:<9}{score}{why}"
    why = f": {event['why']}" if "why" in event else ""
    return f"{at}  {event['event'].replace('_', ' ')}{why}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
