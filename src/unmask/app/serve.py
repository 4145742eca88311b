"""Liveness in front of a login: sessions, checks and results over HTTP (needs the extra `serve`)."""

import os
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.app.options import Port
from unmask.app.root import Command, Group, with_loudness
from unmask.serve.settings import Retain, Scope
from unmask.types import SettingsError

if TYPE_CHECKING:
    from unmask.serve.database import Database

SQLITE = "sqlite:///unmask-serve.db"
DAY_S = 86400.0

serve = typer.Typer(
    cls=Group,
    help="Liveness in front of a login: sessions, checks and results over HTTP (needs the extra `serve`).",
    invoke_without_command=True,
    add_completion=False,  # that of `unmask` knows these commands, too
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys = typer.Typer(
    cls=Group, help="Keys of back ends: made, listed, exchanged, revoked.", no_args_is_help=True
)
audit = typer.Typer(cls=Group, help="The audit trail.", no_args_is_help=True)
serve.add_typer(keys, name="keys")
serve.add_typer(audit, name="audit")


InDatabase = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="UNMASK_DATABASE",
        help="sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME, which several machines can share.",
    ),
]
KeyId = Annotated[str, typer.Argument(help="Its id.", metavar="ID")]


@serve.callback()
@with_loudness
def run(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8000,
    database: InDatabase = SQLITE,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
    threads: Annotated[
        int, typer.Option(help="Threads of a process that run the networks; 0 divides the cores.", min=0)
    ] = 0,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="Exported .onnx file in place of the packaged models; may be given again."),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(help="Operating point that may be asked for; the first one given is the default."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="A page that may call from the browser, such as https://shop.example."),
    ] = None,
    proxies: Annotated[
        str, typer.Option(help="Addresses of balancers whose X-Forwarded-For is believed.")
    ] = "",
    redis: Annotated[str, typer.Option(help="redis://HOST:PORT, where all workers count rates.")] = "",
    key_rate: Annotated[str, typer.Option(help="Requests of one key, at most.")] = "600/minute",
    address_rate: Annotated[
        str, typer.Option(help="Connections and refused requests of one address, at most.")
    ] = "120/minute",
    connections: Annotated[int, typer.Option(help="Sessions of a process that run at once.", min=1)] = 32,
    waiting: Annotated[int, typer.Option(help="Checks of a process that wait for a thread.", min=0)] = 8,
    body_mb: Annotated[int, typer.Option(help="Megabytes of an upload, at most.", min=1)] = 64,
    request_seconds: Annotated[float, typer.Option(help="Deadline of a check.", min=1)] = 60.0,
    session_seconds: Annotated[float, typer.Option(help="Life of a session.", min=5)] = 600.0,
    drain_seconds: Annotated[
        float, typer.Option(help="How long running sessions may take after SIGTERM.", min=0.1)
    ] = 25.0,
    retain: Annotated[Retain, typer.Option(help="Pictures to store.")] = "nothing",
    retain_hours: Annotated[float, typer.Option(help="How long they are stored.", min=0.01)] = 1.0,
    record_days: Annotated[float, typer.Option(help="How long results are stored.", min=0.01)] = 30.0,
    signing_key: Annotated[
        Path | None, typer.Option(help="Sign results with this Ed25519 key, PEM without a password.")
    ] = None,
    issuer: Annotated[str, typer.Option(help="Issuer named in signed results.")] = "unmask",
    demo: Annotated[
        bool | None,
        typer.Option(
            "--demo/--no-demo",
            help="Show the camera page at /demo to anyone, without a key, with scores; where neither is "
            "given, on a loopback address without --origin and --proxies, to this machine's browsers.",
        ),
    ] = None,
    closed_metrics: Annotated[
        bool, typer.Option("--closed-metrics", help="Ask for a key with the scope read at /metrics.")
    ] = False,
) -> int:
    """Serve until SIGTERM or Ctrl-C; running sessions then end or fail. A second Ctrl-C waits for none.

    Exit code: 143 after SIGTERM and 130 after Ctrl-C, as of all commands, or 3 where the database or a model
    could not be opened.
    """
    if context.invoked_subcommand is not None:
        return 0
    extra()
    from unmask.serve.page import HERE
    from unmask.serve.server import serve as listen
    from unmask.serve.settings import ServeSettings

    demo_here = demo is None and _is_loopback(host) and not origin and not proxies
    settings = ServeSettings(
        database=database,
        models=tuple(str(path) for path in model or ()),
        points=tuple(point or ("default",)),
        origins=tuple(origin or ()),
        threads=threads or max(1, (os.cpu_count() or 1) // workers),
        checks_waiting=waiting,
        connections=connections,
        body_bytes=body_mb << 20,
        request_s=request_seconds,
        session_s=session_seconds,
        drain_s=drain_seconds,
        key_rate=key_rate,
        address_rate=address_rate,
        redis=redis,
        retain=retain,
        retain_s=retain_hours * 3600,
        record_s=record_days * DAY_S,
        signing_key=signing_key,
        issuer=issuer,
        open_metrics=not closed_metrics,
        demo=demo_here if demo is None else demo,
        demo_hosts=HERE if demo_here else (),
    )
    _greet(_migrated(database), host=host)
    return listen(settings, host=host, port=port, workers=workers, proxies=proxies)


@keys.command("new", cls=Command)
@with_loudness
def new(
    owner: Annotated[str, typer.Option(help="Whose sessions they are; keys of one owner share them.")],
    scope: Annotated[
        list[Scope],
        typer.Option(help="create sessions and checks, read results, or admin; may be given again."),
    ],
    days: Annotated[
        float | None, typer.Option(help="The key ends after so many days.", min=0.001, max=36500)
    ] = None,
    database: InDatabase = SQLITE,
) -> int:
    """Make a key and print it; it cannot be shown again."""
    extra()
    from unmask.serve.keys import new_key

    lasts_s = None if days is None else days * DAY_S
    made = _migrated(database).call(new_key, owner=owner, scopes=scope, now=time.time(), lasts_s=lasts_s)
    print(made)
    return 0


@keys.command("list", cls=Command)
@with_loudness
def show(database: InDatabase = SQLITE) -> int:
    """Print id, owner, scopes and end of each key."""
    extra()
    from unmask.serve.keys import listed

    for key in _there(database).call(listed):
        ends = key["revoked_at"] or key["expires_at"]
        until = "in force" if ends is None else f"until {_day(ends)}"
        print(f"{key['id']}  {key['owner']}  {key['scopes']}  made {_day(key['created_at'])}  {until}")
    return 0


@keys.command(cls=Command)
@with_loudness
def rotate(
    key: KeyId,
    overlap_hours: Annotated[
        float, typer.Option(help="How long the old key stays in force, at most.", min=0, max=8760)
    ] = 24.0,
    database: InDatabase = SQLITE,
) -> int:
    """Print a new key with the same owner, scopes and length of life; the old one ends after the overlap."""
    extra()
    from unmask.serve.keys import rotate as rotated

    print(_there(database).call(rotated, key, now=time.time(), overlap_s=overlap_hours * 3600))
    return 0


@keys.command(cls=Command)
@with_loudness
def revoke(key: KeyId, database: InDatabase = SQLITE) -> int:
    """End a key at once."""
    extra()
    from unmask.serve.keys import revoke as end

    _there(database).call(end, key, now=time.time())
    return 0


@audit.command(cls=Command)
@with_loudness
def verify(
    database: InDatabase = SQLITE,
    head: Annotated[
        str, typer.Option(help="NUMBER:SHA256 of a row as it was logged; it must still be there.")
    ] = "",
) -> int:
    """Check that no row of the audit trail was changed, removed or put in between.

    Exit code: 0 if it is whole, else 1. Rows cut off at the end are seen by --head alone.
    """
    extra()
    from unmask.serve.audit import hash_of, verify as verified

    opened = _there(database)
    last, wrong = opened.call(verified)
    if head and not wrong:
        number, _, sha256 = head.partition(":")
        if not 0 < len(number) < 19 or not number.isdecimal() or opened.call(hash_of, int(number)) != sha256:
            wrong = f"row {number} is not the one of --head"
    print(f"broken: {wrong}" if wrong else f"whole: {last}")
    return 1 if wrong else 0


def extra() -> None:
    """SettingsError where the extra `serve` is not installed."""
    needed = ("alembic", "fastapi", "limits", "prometheus_client", "sqlalchemy", "uvicorn")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise SettingsError(
            f"the service needs the extra `serve` ({missing[0]} is missing): pip install 'unmask[serve]'"
        )


def _there(address: str) -> "Database":
    """The database that a server or `keys new` made: a new one would be whole, and say nothing."""
    from unmask.serve.database import file_of
    from unmask.types import SourceError

    file = file_of(address)
    if file is not None and not file.exists():
        raise SourceError(f"there is no database {file}; name that of the server with --database")
    return _migrated(address)


def _migrated(address: str) -> "Database":
    from unmask.serve.database import AWAY, Database
    from unmask.types import SourceError

    database = Database(address)
    try:
        database.migrate()
    except AWAY as away:
        raise SourceError(
            "the database cannot be opened; check --database, and that it runs and may be written"
        ) from away
    return database


def _greet(database: "Database", *, host: str) -> None:
    """On the first start on this machine alone, make a key and show it; else say how to make one."""
    from unmask.app.progress import say
    from unmask.serve.keys import listed, new_key

    if database.call(listed):
        return
    if _is_loopback(host):
        made = database.call(new_key, owner="local", scopes=["create", "read"], now=time.time())
        say(f"unmask: a key for this machine, shown once: {made}")  # also quietly: it is lost otherwise
    else:
        say("there is no key yet: unmask serve keys new --owner NAME --scope create --scope read")


def _is_loopback(host: str) -> bool:
    return host in ("127.0.0.1", "::1", "localhost")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
