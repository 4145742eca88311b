"""What `unmask serve` is started with."""

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Literal, get_args

from unmask.types import SettingsError

Retain = Literal["nothing", "best-frame", "evidence"]
ORIGIN = re.compile(r"(?!http:.*:80$|https:.*:443$)[a-z][a-z0-9+.-]*://[^\s/?#@*A-Z]+")  # as browsers send it


class Scope(StrEnum):
    """What a key may do: make sessions and checks; read results; both, for all owners, and erase.

    An enum, since typer reads no Literal where an option may be given again.
    """

    CREATE = "create"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """How the service runs; the defaults suit one machine.

    `database` is an SQLAlchemy address, sqlite:/// or postgresql://; `models` as `Detector.load` takes them.
    `origins` are the pages that may call from a browser, such as https://shop.example. Rates are written as
    "600/minute"; `redis` is where they are counted for all workers, without it each worker counts its own.
    `_s` are seconds: `request_s` is the deadline of a check, `idle_s` how long a connection may be silent,
    `resume_s` how long a broken connection keeps its evidence, `drain_s` how long running sessions may take
    after SIGTERM. `retain` says which pictures are stored, and `retain_s` for how long.
    `demo`: /demo shows the camera page to anyone and makes its sessions without a key; with `demo_hosts` only
    to browsers that call the server by one of these names, with nothing in between.
    """

    database: str = "sqlite:///unmask-serve.db"
    models: tuple[str, ...] = ()
    points: tuple[str, ...] = ("default",)  # the first one is used where a request names none
    origins: tuple[str, ...] = ()
    threads: int = 1  # that decode and run the networks
    checks_waiting: int = 8  # beyond those that run; the next one is answered 429
    connections: int = 32  # open at once in one worker
    body_bytes: int = 64 << 20
    frame_bytes: int = 1 << 20
    frame_side_px: int = 1920
    request_s: float = 60.0
    session_s: float = 600.0  # from its creation, decided or not
    attempt_s: float = 20.0
    idle_s: float = 10.0
    resume_s: float = 10.0
    drain_s: float = 25.0
    database_s: float = 10.0  # how long a decision waits for a database that is away
    key_rate: str = "600/minute"
    address_rate: str = "120/minute"
    redis: str = ""
    retain: Retain = "nothing"
    retain_s: float = 3600.0
    record_s: float = 30 * 86400.0  # how long the row of a session stays; the audit trail is not touched
    signing_key: Path | None = None  # Ed25519, PEM
    issuer: str = "unmask"
    open_metrics: bool = True  # /metrics without a key
    demo: bool = False
    demo_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.retain not in get_args(Retain):
            raise SettingsError(f"retain must be one of {', '.join(get_args(Retain))}, not {self.retain!r}")
        for origin in self.origins:
            if not ORIGIN.fullmatch(origin):
                raise SettingsError(
                    f"an origin is written as browsers send it, such as https://shop.example: in small "
                    f"letters, without a path, a slash at its end or the usual port, not {origin!r}"
                )
        if not self.points:
            raise SettingsError("points must name one operating point or more, not none")
        for setting in fields(self):
            value = getattr(self, setting.name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                least = 0 if setting.name == "checks_waiting" else 1e-3
                if not least <= value < float("inf"):
                    raise SettingsError(f"{setting.name} must be a finite number above 0, not {value}")
