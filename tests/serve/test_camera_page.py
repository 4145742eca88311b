"""The camera page in a real browser, before a real server, with a camera that plays simulated recordings."""

import hashlib
import itertools
import json
import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import (
    ROOT,
    SLOW_CLOCK,
    SLOWER,
    Server,
    free_port,
    heading,
    running_browser,
    start,
    write_recording,
)

STATIC = ROOT / "src" / "unmask" / "serve" / "static"
LANGUAGES = ROOT / "web" / "src" / "languages"
WAIT_MS = 180_000  # for a browser on a busy machine
PICTURES = os.environ.get("UNMASK_PAGE_PICTURES", "")  # a folder that gets a picture of each state


@pytest.fixture
def open_page(
    browser: Any, server: Server, film: Path, recordings: dict[str, np.ndarray]
) -> Iterator[Callable[..., Any]]:
    """Opens the demo page with a recording before the camera."""
    contexts = []

    def opened(
        recording: str = "empty",
        *,
        slower: float = 1,
        width: int = 360,
        height: int = 760,
        at: str = "",
        **named: Any,
    ) -> Any:
        write_recording(film, recordings[recording], slower=slower)
        context = browser.new_context(
            viewport={"width": width, "height": height}, **{"permissions": ["camera"], **named}
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(SLOW_CLOCK.replace("SLOWER", str(slower)))
        page = context.new_page()
        page.goto(f"{server.address}/demo{at}")
        page.get_by_role("button").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def hint(page: Any, text: str) -> None:
    """Waits until the page says that to the person."""
    page.get_by_role("status").get_by_text(text, exact=True).wait_for()


def told(page: Any, name: str) -> list[dict[str, Any]]:
    """The details of the page's events of that name."""
    return [detail for kind, detail in page.evaluate("window.told") if kind == name]


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def faults(page: Any) -> list[str]:
    """What axe-core finds that is serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")
    ]


def test_a_living_person_is_let_in(open_page: Callable[..., Any]) -> None:
    page = open_page("bona_fide", slower=SLOWER, at="#developer=on", height=900)
    picture(page, "start")
    assert faults(page) == []
    start(page)
    hint(page, "Good. Stay like this.")
    picture(page, "running")
    assert faults(page) == []
    heading(page, "Done")
    picture(page, "live")
    assert faults(page) == []
    assert [one["state"] for one in told(page, "decision")] == ["live"]
    assert page.get_by_text("Reasons: none").is_visible()
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.textContent") == "Done"
    depth = "document.querySelector('unmask-camera').shadowRoot.querySelector('[aria-label=\"Depth map\"]')"
    near = page.evaluate(
        f"Math.max(...{depth}.getContext('2d').getImageData(0, 0, 32, 32).data.filter((_, k) => k % 4 === 0))"
    )
    assert near > 60  # the face stands out of the map


@pytest.mark.parametrize("attack", ["print", "replay", "mask"])
def test_an_attack_is_refused_without_saying_what_gave_it_away(
    open_page: Callable[..., Any], attack: str
) -> None:
    page = open_page(attack, slower=SLOWER)
    start(page)
    heading(page, "Not confirmed")
    picture(page, attack)
    assert [one["state"] for one in told(page, "decision")] == ["attack"]
    assert page.get_by_role("button", name="Try again").is_visible()
    assert faults(page) == []


@pytest.mark.parametrize(
    ("recording", "says"),
    [("dark", "It is too dark. Face a lamp or a window."), ("far", "Come closer.")],
)
def test_the_page_says_what_the_servers_gate_refuses(
    open_page: Callable[..., Any], recording: str, says: str
) -> None:
    page = open_page(recording)
    start(page)
    hint(page, says)
    picture(page, recording)


def test_after_an_unclear_try_there_are_others_until_none_is_left(open_page: Callable[..., Any]) -> None:
    page = open_page(slower=0.1, color_scheme="dark")  # a try of 20 s takes two
    start(page)
    heading(page, "That was not clear enough")
    assert page.get_by_text("Tries left: 2").is_visible()
    picture(page, "retry-dark")
    assert faults(page) == []
    ends = "n => window.told.filter(([kind]) => ['retry', 'decision', 'error'].includes(kind)).length > n"
    for done in (1, 2):
        page.get_by_role("button", name="Try again").click()
        page.wait_for_function(ends, arg=done)
        assert told(page, "error") == []
    heading(page, "We could not tell")
    picture(page, "undecided-dark")
    assert [one["state"] for one in told(page, "decision")] == ["undecided"]
    assert [one["tries_left"] for one in told(page, "retry")] == [2, 1]


def permission(page: Any, setting: str) -> None:
    """Grants, denies or takes away the camera, as the browser's own settings do."""
    session = page.context.new_cdp_session(page)
    target = session.send("Target.getTargetInfo")["targetInfo"]
    origin = page.evaluate("location.origin")
    page.context.browser.new_browser_cdp_session().send(
        "Browser.setPermission",
        {
            "permission": {"name": "camera"},
            "setting": setting,
            "origin": origin,
            "browserContextId": target["browserContextId"],
        },
    )


def test_a_camera_that_is_denied_is_explained_and_may_be_granted(open_page: Callable[..., Any]) -> None:
    page = open_page("bona_fide", slower=SLOWER, permissions=[])
    permission(page, "denied")
    start(page)
    heading(page, "The camera is blocked")
    picture(page, "denied")
    assert faults(page) == []
    permission(page, "granted")
    page.get_by_role("button", name="Try again").click()
    heading(page, "Done")


def test_a_camera_that_goes_away_in_the_middle_is_told_and_nothing_is_confirmed(
    open_page: Callable[..., Any],
) -> None:
    page = open_page("far", permissions=[])
    permission(page, "granted")
    start(page)
    hint(page, "Come closer.")
    permission(page, "denied")
    heading(page, "The camera is gone")
    picture(page, "lost")
    assert told(page, "error") == [{"code": "lost"}]
    assert told(page, "decision") == []


def test_without_a_camera_the_page_says_so(driver: Any, server: Server) -> None:
    with running_browser(driver) as plain:
        page = plain.new_context(permissions=["camera"], viewport={"width": 360, "height": 760}).new_page()
        page.goto(f"{server.address}/demo")
        start(page)
        heading(page, "No camera was found")
        picture(page, "none")


def test_escape_stops_and_the_camera_is_let_go(open_page: Callable[..., Any]) -> None:
    page = open_page("far")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.textContent") == "Start the camera"
    page.keyboard.press("Enter")
    hint(page, "Come closer.")
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Escape")
    heading(page, "Show that you are here in person")
    assert told(page, "stop") == [{}]
    assert (
        page.evaluate("document.querySelector('unmask-camera').shadowRoot.querySelector('video').srcObject")
        is None
    )


def test_the_command_camera_serves_the_page_and_its_death_in_the_middle_is_told(
    open_page: Callable[..., Any], tmp_path: Path
) -> None:
    port = free_port()
    command = ("-m", "unmask", "camera", "--no-open", "--port", str(port))
    dying = Server(tmp_path, port, command).start()
    page = open_page("far")
    page.goto(f"{dying.address}/demo")
    start(page)
    hint(page, "Come closer.")
    dying.stop()
    hint(page, "The connection broke. Connecting again …")
    picture(page, "broken")
    heading(page, "The service does not answer")
    assert told(page, "decision") == []


@pytest.mark.parametrize(
    ("language", "title", "button"),
    [
        ("de-AT", "Zeigen Sie, dass Sie selbst da sind", "Kamera starten"),
        ("es-MX", "Demuestre que está aquí en persona", "Encender la cámara"),
        ("zh-Hans-CN", "请证明您本人在场", "打开摄像头"),
        ("fr", "Show that you are here in person", "Start the camera"),
    ],
)
def test_the_page_speaks_the_browsers_language_and_fits_a_small_phone(
    open_page: Callable[..., Any], language: str, title: str, button: str
) -> None:
    page = open_page(width=360, height=640, locale=language)
    heading(page, title)
    assert page.get_by_role("button", name=button).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, f"start-{language[:2]}")


def test_on_its_side_a_phone_shows_the_button_without_scrolling(open_page: Callable[..., Any]) -> None:
    page = open_page(width=740, height=360, color_scheme="dark")
    box = page.get_by_role("button", name="Start the camera").bounding_box()
    assert box["y"] + box["height"] <= 360
    picture(page, "landscape-dark")
    assert faults(page) == []


def test_every_language_has_every_text_and_its_blanks() -> None:
    english = json.loads((LANGUAGES / "en.json").read_text())
    blanks = {key: set(re.findall(r"\{\w+\}", text)) for key, text in english.items()}
    for path in LANGUAGES.glob("*.json"):
        texts = json.loads(path.read_text())
        assert list(texts) == list(english), path.name
        assert {key: set(re.findall(r"\{\w+\}", text)) for key, text in texts.items()} == blanks, path.name


def test_the_built_page_is_small_and_that_of_these_sources() -> None:
    built = (STATIC / "unmask.js").read_bytes()
    assert len(built) < 30_000
    digest = hashlib.sha256()
    for path in sorted(str(path) for path in (ROOT / "web" / "src").rglob("*") if path.is_file()):
        digest.update(Path(path).read_bytes())
    assert digest.hexdigest() in built[:200].decode(), "run `npm run build` in web/"
    for path in (STATIC / "languages").glob("*.json"):
        assert json.loads(path.read_text()) == json.loads((LANGUAGES / path.name).read_text())


COLOURS = [[255, 40, 40], [40, 255, 255], [255, 255, 40]]


class PretendedServer:
    """Speaks the protocol as the service does, with a challenge, and notes what the page sends."""

    def __init__(self, mode: str, challenge: dict[str, Any]) -> None:
        self.mode, self.challenge = mode, challenge
        self.frames: list[float] = []
        self.shown: list[tuple[int, float]] = []
        self.hello: dict[str, Any] = {}

    def attend(self, socket: Any) -> None:
        socket.on_message(lambda message: self.answer(socket, message))

    def answer(self, socket: Any, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.frames.append(struct.unpack_from("<d", message)[0])
            assert message[8:10] == b"\xff\xd8"
            socket.send(json.dumps(self.state()))
            return
        told = json.loads(message)
        if told["type"] == "hello":
            self.hello = told
            ready = {"type": "ready", "mode": self.mode, "tries_left": 2, "challenge": self.challenge}
            socket.send(json.dumps(ready))
        elif told.get("event") == "shown":
            self.shown.append((told["index"], told["time_ms"]))

    def state(self) -> dict[str, Any]:
        return {
            "type": "state",
            "state": "running",
            "hint": None,
            "reasons": [],
            "face": [0.3, 0.2, 0.7, 0.8],
            "progress": 0.5,
            "score": None,
            "ack": len(self.frames),
            "turns": len(self.shown),  # each turn is made as soon as it is asked for
        }


def pretend(page: Any, mode: str, challenge: dict[str, Any]) -> PretendedServer:
    """Lets the page talk to a server of that mode."""
    server = PretendedServer(mode, challenge)
    made = json.dumps({"id": "s" + "0" * 30, "token": "token", "mode": mode})
    page.route("**/demo/session", lambda route: route.fulfill(body=made, content_type="application/json"))
    page.route_web_socket("**/frames", server.attend)
    return server


def test_the_screen_flashes_only_after_the_warning_and_each_colour_is_told(
    open_page: Callable[..., Any],
) -> None:
    page = open_page()
    server = pretend(page, "light", {"colours": COLOURS * 10, "hold_ms": 400})
    start(page)
    heading(page, "Flashing colours follow")
    assert page.get_by_text("2.5 times a second").is_visible()
    picture(page, "warning")
    assert faults(page) == []
    page.wait_for_timeout(9000)  # somebody reads slowly
    assert server.hello == {}  # nothing has begun
    page.get_by_role("button", name="Go on with flashing colours").click()
    page.get_by_role("dialog").wait_for()
    picture(page, "colours")
    assert faults(page) == []
    page.get_by_role("dialog").wait_for(state="hidden")
    assert [index for index, _ in server.shown] == list(range(30))
    times_ms = [time_ms for _, time_ms in server.shown]
    assert all(later - earlier >= 390 for earlier, later in itertools.pairwise(times_ms))
    before, after = server.frames[0], server.frames[-1]  # of the same clock
    assert before < times_ms[0] < times_ms[-1] < after
    assert "deviceId" not in json.dumps(server.hello["client"])


def test_escape_ends_the_flashing_at_once(open_page: Callable[..., Any]) -> None:
    page = open_page()
    server = pretend(page, "light", {"colours": COLOURS * 40, "hold_ms": 400})
    start(page)
    page.get_by_role("button", name="Go on with flashing colours").click()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    heading(page, "Show that you are here in person")
    assert page.get_by_role("dialog").count() == 0
    seen = len(server.shown)
    page.wait_for_timeout(1000)
    assert len(server.shown) == seen


def test_who_declines_the_flashing_is_checked_without_it(open_page: Callable[..., Any]) -> None:
    page = open_page()
    pretend(page, "light", {"colours": COLOURS, "hold_ms": 400})
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request.post_data_json) if request.post_data else None)
    start(page)
    heading(page, "Flashing colours follow")
    page.route("**/demo/session", lambda route: route.fulfill(status=403, body="{}"))
    page.get_by_role("button", name="Without flashing colours").click()
    heading(page, "The service refused the check")
    assert told(page, "decline") == [{"mode": "light"}]
    assert [one["mode"] for one in asked] == ["passive", "passive"]


NOTE_HINTS = """() => {
  const root = document.querySelector("unmask-camera").shadowRoot;
  const status = root.querySelector("[role=status]");
  window.hints = [];
  new MutationObserver(() => window.hints.push(status.textContent)).observe(status, { childList: true });
}"""


def test_turns_are_asked_for_one_by_one(open_page: Callable[..., Any]) -> None:
    page = open_page()
    server = pretend(page, "head", {"order": ["left", "up", "right"]})
    page.evaluate(NOTE_HINTS)
    start(page)
    middle = "Good. Look straight ahead again."
    page.wait_for_function("text => window.hints.filter((said) => said === text).length > 2", arg=middle)
    first, *others = "Turn your head to the left.", "Lift your chin.", "Turn your head to the right."
    said = page.evaluate("window.hints")
    assert said[said.index(first) :] == [first, middle, others[0], middle, others[1], middle]
    assert [index for index, _ in server.shown] == [0, 1, 2]


def test_a_recording_in_place_of_the_camera_does_not_answer_the_colours(
    open_page: Callable[..., Any],
) -> None:
    page = open_page("bona_fide", at="#mode=light")
    start(page)
    page.get_by_role("button", name="Go on with flashing colours").click()
    ends = "() => window.told.some(([kind]) => kind === 'retry' || kind === 'decision' || kind === 'error')"
    page.wait_for_function(ends)
    assert told(page, "error") == []
    assert all(one["state"] == "attack" for one in told(page, "decision"))
    assert page.get_by_role("dialog").count() == 0
