"""A real browser with a fake camera, before a real server; tests skip where there is no browser.

The camera may play a recording slowed down, while the page's clock runs slower by as much: then a machine
with other work to do still sees enough frames in each of the page's seconds.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent
SLOWER = 8  # where a face is judged, which needs frames enough
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SLOW_CLOCK = """
const call = HTMLVideoElement.prototype.requestVideoFrameCallback;
HTMLVideoElement.prototype.requestVideoFrameCallback = function (take) {
  return call.call(this, (now, { captureTime }) =>
    take(now / SLOWER, { captureTime: captureTime && captureTime / SLOWER }));
};
window.told = [];
for (const name of ["start", "ready", "state", "retry", "decision", "error", "decline", "stop"])
  document.addEventListener(`unmask-${name}`, ({ detail }) => window.told.push([name, detail]));
"""
# The server of these tests: the page's clock may go as it likes.
SERVER = """
import json, sys
from unmask.serve import live, server
from unmask.serve.settings import ServeSettings
live.BEHIND_S = live.AHEAD_S = 1e9
port, settings = json.loads(sys.argv[1])
sys.exit(server.serve(ServeSettings(**settings), host="127.0.0.1", port=port, workers=1, quiet=True))
"""


def chromium() -> str:
    """The path of a browser; the test is skipped where there is none, or nothing to drive it."""
    if "browser" not in os.environ.get("UNMASK_SLOW_TESTS", ""):
        pytest.skip("minutes long, and a browser wants a core of its own: make check runs it")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium` brings it")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: `pip install playwright` brings it")
    return found


@contextmanager
def running_browser(driver: Any, *flags: str) -> Iterator[Any]:
    """Chromium without a window."""
    browser = driver.chromium.launch(
        executable_path=chromium(), args=[*FLAGS, *flags], chromium_sandbox=False, timeout=120_000
    )
    yield browser
    browser.close()


def camera_flags(recording: Path) -> tuple[str, ...]:
    """For a browser whose camera plays this file, which may be another one each time it is opened."""
    return ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={recording}")


def write_recording(path: Path, frames: np.ndarray, *, slower: float) -> None:
    """Frames (T, H, W, 3) uint8 RGB of 30 a second, there and back, as a film for the fake camera."""
    loop = [*frames, *frames[-2:0:-1]]
    height, width = frames.shape[1] // 2 * 2, frames.shape[2] // 2 * 2
    rate = f"30:{max(1, round(slower))}"
    head = f"YUV4MPEG2 W{width} H{height} F{rate} Ip A1:1 C420jpeg\n"
    waiting = path.with_suffix(".part")
    with waiting.open("wb") as file:
        file.write(head.encode())
        for frame in loop:
            planes = cv2.cvtColor(np.ascontiguousarray(frame[:height, :width]), cv2.COLOR_RGB2YUV_I420)
            file.write(b"FRAME\n" + planes.tobytes())
    waiting.replace(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(page: Any) -> None:
    """Presses the element's own first button; a page around it may have others."""
    page.locator("unmask-camera").get_by_role("button").first.click()


def heading(page: Any, text: str) -> Any:
    """The heading, once it says that."""
    found = page.get_by_role("heading", name=text, exact=True)
    found.wait_for()
    return found


def wait_for(address: str, process: subprocess.Popen[Any]) -> None:
    """Until the process answers there."""
    until_s = time.monotonic() + 180
    while True:
        try:
            with urllib.request.urlopen(address, timeout=20):
                return
        except OSError:
            assert process.poll() is None, "it did not start"
            assert time.monotonic() < until_s, "it does not answer"
            time.sleep(0.1)


@dataclass
class Server:
    """A server in a process of its own: `unmask serve` with patience, or another `command`."""

    folder: Path
    port: int = field(default_factory=free_port)
    command: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Server":
        database = f"sqlite:///{self.folder}/serve.db"
        settings = {"database": database, "drain_s": 0.1, "idle_s": 60.0, "demo": True}
        patient = ("-c", SERVER, json.dumps([self.port, settings]))
        surroundings = {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(self.folder)}
        self.process = subprocess.Popen(
            [sys.executable, *(self.command or patient)], env=os.environ | surroundings
        )
        wait_for(f"{self.address}/readyz", self.process)
        return self

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
