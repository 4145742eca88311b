"""Open the camera page in the browser, with a server on this machine alone, until Ctrl-C.

Nothing is stored: the database lies in a temporary folder. Needs the extra `serve`.
"""

import socket
import tempfile
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.options import Models, Point, Port
from unmask.app.progress import busy, say
from unmask.app.serve import extra
from unmask.interrupts import say_ended

HOST = "127.0.0.1"
WAIT_S = 60.0  # for the models to be loaded


@dataclass(frozen=True, kw_only=True)
class CameraOptions:
    """The options of the command."""

    port: Port = 0
    models: Models = ()
    point: Point = "default"
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True


def camera(options: CameraOptions) -> int:
    """Serves until it is interrupted."""
    extra()
    from unmask.serve.page import HERE
    from unmask.serve.server import serve
    from unmask.serve.settings import ServeSettings

    chosen = options.port or free_port()
    address = f"http://{HOST}:{chosen}"
    threading.Thread(
        target=_open, args=(address,), kwargs={"browser": options.open_page}, daemon=True
    ).start()
    with tempfile.TemporaryDirectory(prefix="unmask-camera-") as folder:
        settings = ServeSettings(
            database=f"sqlite:///{Path(folder) / 'sessions.db'}",
            models=tuple(str(path) for path in options.models),
            points=(options.point,),
            demo=True,
            demo_hosts=HERE,
        )
        code = serve(settings, host=HOST, port=chosen, workers=1, quiet=True)
    if code > 128:
        say_ended(code - 128)
    return code


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _open(address: str, *, browser: bool) -> None:
    """Wait until the server is ready, then say where the page is and open it."""
    until_s = time.monotonic() + WAIT_S
    with busy("loading the models"):
        while time.monotonic() < until_s:
            try:
                with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                    break
            except (OSError, urllib.error.URLError):
                time.sleep(0.2)
    page = f"{address}/demo"
    say(f"the camera page: {page} (Ctrl-C ends it)")
    if browser and not webbrowser.open(page):
        say("no browser could be opened; open the address yourself")
