"""The light challenge from the page's colours to the verdict, in a real browser before a real server.

The camera is a canvas that answers the colours which the page shows at that moment; see relit.py.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browser import SLOW_CLOCK, SLOWER, Server, running_browser, start
from relit import FRAMES, relit, script

from unmask.media.faces import FaceFinder

WAIT_MS = 400_000  # for a browser on a busy machine


@pytest.fixture
def challenged(driver: Any, server: Server, recordings: dict[str, np.ndarray]) -> Iterator[Any]:
    """Runs one session in mode light before a head or a flat picture of it: what ends it."""
    frames = recordings["bona_fide"][:FRAMES]
    finder = FaceFinder.load(threads=1)
    faces = [finder.find(frame)[0] for frame in frames]
    with running_browser(driver) as browser:
        context = browser.new_context(viewport={"width": 360, "height": 760})
        context.set_default_timeout(WAIT_MS)

        def run(*, flat: bool, lag_ms: float = 100.0) -> dict[str, Any]:
            page = context.new_page()
            page.add_init_script(SLOW_CLOCK.replace("SLOWER", str(SLOWER)))
            page.add_init_script(script(frames, slower=SLOWER, lag_ms=lag_ms))
            body = relit(frames, faces, flat=flat)
            page.route("**/relit", lambda route: route.fulfill(body=body))
            page.goto(f"{server.address}/demo#mode=light")
            start(page)
            page.get_by_role("button", name="Go on with flashing colours").click()
            ends = "window.told.find(([kind]) => ['retry', 'decision', 'error'].includes(kind))"
            page.wait_for_function(f"() => {ends}")
            kind, detail = page.evaluate(ends)
            return {"kind": kind} | detail

        yield run
        context.close()


def test_a_head_that_answers_the_pages_colours_is_let_in(challenged: Any) -> None:
    told = challenged(flat=False)
    assert (told["kind"], told.get("state")) == ("decision", "live"), told


def test_a_picture_of_the_same_person_before_the_same_colours_is_refused(challenged: Any) -> None:
    told = challenged(flat=True)
    assert (told["kind"], told.get("state")) == ("decision", "attack")


def test_a_head_whose_light_comes_back_a_second_late_is_refused(challenged: Any) -> None:
    told = challenged(flat=False, lag_ms=900.0)
    assert (told["kind"], told.get("state")) == ("decision", "attack")
