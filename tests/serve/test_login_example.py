"""The example of a login, started by its one command."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from browser import ROOT, free_port, wait_for


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[str]:
    """The address of the running example."""
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "login" / "app.py"), "--port", str(port)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(folder)},
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


def test_nobody_gets_to_the_check_or_past_it_without_the_password(site):
    assert answer(site, "/liveness/session", origin=site) == 403
    assert answer(site, "/liveness/finish", origin=site) == 403
    assert answer(site, "/logout", origin="https://elsewhere.example") == 403
