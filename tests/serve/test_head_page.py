"""The head challenge from the page's words to the verdict, in a real browser before a real server.

The camera is a canvas with a simulated head, which turns as the page asks for; see turned.py.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import SLOW_CLOCK, Server, chromium, running_browser, start
from turned import pixels, recorded, script

SLOWER = 2  # and slower still where frames are looked at more slowly, see turned.py
WAIT_MS = 900_000  # for a browser on a busy machine
PICTURES = os.environ.get("UNMASK_PAGE_PICTURES", "")  # a folder that gets a picture of each state


@pytest.fixture(scope="module")
def turning(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A living head."""
    chromium()
    return recorded(tmp_path_factory.mktemp("people"))


@pytest.fixture
def challenged(driver: Any, server: Server) -> Iterator[Any]:
    """Runs one session in mode head before those frames: what the server says at the end of the first try."""
    with running_browser(driver) as browser:
        context = browser.new_context(viewport={"width": 360, "height": 760})
        context.set_default_timeout(WAIT_MS)

        def run(
            frames: np.ndarray, *, made: Mapping[str, str] | None = None, name: str = ""
        ) -> dict[str, Any]:
            page, heard = context.new_page(), []
            page.on("websocket", lambda socket: socket.on("framereceived", lambda said: heard.append(said)))
            page.add_init_script(SLOW_CLOCK.replace("SLOWER", "1"))  # it tells what the page says
            page.add_init_script(script(frames, slower=SLOWER, made=made))
            body = pixels(frames)
            page.route("**/turned", lambda route: route.fulfill(body=body))
            page.goto(f"{server.address}/demo#mode=head")
            start(page)
            ends = "window.told.find(([kind]) => ['retry', 'decision', 'error'].includes(kind))"
            page.wait_for_function(f"() => {ends}")
            if PICTURES and name:
                page.screenshot(path=Path(PICTURES) / f"{name}.png")
            said: dict[str, Any] = json.loads(heard[-1])
            return said

        yield run
        context.close()


def test_a_head_that_turns_as_it_is_asked_is_let_in(challenged: Any, turning: np.ndarray) -> None:
    told = challenged(turning, name="head-live")
    assert (told["type"], told.get("state")) == ("decision", "live"), told


def test_a_recording_of_a_head_that_turns_otherwise_is_not_let_in(
    challenged: Any, turning: np.ndarray
) -> None:
    told = challenged(turning, made={"left": "right", "right": "left", "up": "left"}, name="head-wrong")
    assert (told["type"], told["hint"], told["reasons"]) == ("retry", "TURN_AS_ASKED", ["WRONG_TURNS"]), told


def test_a_print_of_the_same_person_that_is_turned_as_asked_is_not_let_in(
    challenged: Any, tmp_path: Path
) -> None:
    told = challenged(recorded(tmp_path, sheet="print/bent"), name="head-print")
    assert told["type"] == "retry" or told.get("state") == "attack", told
