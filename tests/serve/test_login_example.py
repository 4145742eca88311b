"""The example of a login, started by one command, in a real browser with a camera that plays recordings."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import (
    ROOT,
    SLOW_CLOCK,
    SLOWER,
    chromium,
    free_port,
    heading,
    start,
    wait_for,
    write_recording,
)

from present import module_at

# Each Python below it takes the page's slow clock; see browser.py.
PATIENT = "from unmask.serve import live\nlive.BEHIND_S = 1e9\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running example."""
    chromium()
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    (folder / "sitecustomize.py").write_text(PATIENT)
    paths = os.pathsep.join((str(folder), str(ROOT / "src")))
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "login" / "app.py"), "--port", str(port)],
        env=os.environ | {"PYTHONPATH": paths, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stdout is not None
        said = running.stdout.readline()
        assert said == f"open http://127.0.0.1:{port} and log in as ada with the password engine\n"
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/login", running)
        yield address
        running.terminate()


def answer(site: str, path: str, *, origin: str) -> int:
    """The status of an empty post that a page of that origin sends, without a cookie."""
    request = urllib.request.Request(site + path, data=b"", headers={"Origin": origin})
    try:
        with urllib.request.urlopen(request) as answered:
            return int(answered.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_nobody_gets_to_the_check_or_past_it_without_the_password(site: str) -> None:
    assert answer(site, "/liveness/session", origin=site) == 403
    assert answer(site, "/liveness/finish", origin=site) == 403
    assert answer(site, "/logout", origin="https://elsewhere.example") == 403


@pytest.mark.filterwarnings("ignore")  # of the test client
def test_another_login_gives_no_further_checks() -> None:
    from fastapi.testclient import TestClient

    example = module_at(ROOT / "examples" / "login" / "app.py", "login_example")
    made: list[dict[str, str]] = []

    class Unmask:
        url, mode = "http://127.0.0.1:1", "passive"

        def new_session(self, reference: Any) -> Any:
            made.append({"id": str(len(made)), "token": "t", "mode": "passive", "reference": reference})
            return made[-1]

        def result(self, session: Any) -> Any:
            return {"state": "live", "reference": made[int(session)]["reference"]}

        def erase(self, session: Any) -> None:
            return None

    users = {name: (b"salt", example.hashed("engine", b"salt")) for name in ("ada", "ben")}
    app = example.create_app(example.Site(unmask=Unmask(), users=users))

    def begin(user: str) -> tuple[int, TestClient]:
        visitor = TestClient(app)
        visitor.post("/login", data={"user": user, "password": "engine"})
        return visitor.post("/liveness/session").status_code, visitor

    assert [begin("ada")[0] for _ in range(example.CHECKS)] == [200] * example.CHECKS
    assert begin("ada")[0] == 429
    code, visitor = begin("ben")  # nobody else is kept out
    assert (code, visitor.post("/liveness/finish").json()) == (200, {"next": "/"})
    assert [begin("ben")[0] for _ in range(example.CHECKS)] == [200] * example.CHECKS  # anew


def test_password_and_living_face_open_the_site_and_a_print_does_not(
    site: str, browser: Any, film: Path, recordings: dict[str, np.ndarray]
) -> None:
    context = browser.new_context(permissions=["camera"], viewport={"width": 360, "height": 760})
    context.set_default_timeout(180_000)
    context.add_init_script(SLOW_CLOCK.replace("SLOWER", str(SLOWER)))
    page = context.new_page()
    write_recording(film, recordings["print"], slower=SLOWER)
    page.goto(site)
    heading(page, "Log in")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("enigma")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("alert").wait_for()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("engine")
    page.get_by_role("button", name="Go on").click()
    heading(page, "Show that you are here in person")
    start(page)
    heading(page, "Not confirmed")
    page.goto(site)
    heading(page, "Log in")  # the password alone does not do
    write_recording(film, recordings["bona_fide"], slower=SLOWER)
    page.goto(f"{site}/liveness")
    heading(page, "Show that you are here in person")
    start(page)
    heading(page, "Welcome, ada")
    page.get_by_role("button", name="Log out").click()
    heading(page, "Log in")
    page.goto(site)
    heading(page, "Log in")
    context.close()
