"""What `unmask serve` stands: people at four times its capacity, and ten thousand sessions.

A server with the packaged model is started on SQLite. People hold up the four recordings of `unmask demo`
(a living face, a print, a screen, a paper mask) at 15 frames a second; a client that finds
no room tries again after a second. Everything goes over the loopback address; all loops are bounded.

    python -m experiments.serve [--capacity 2] [--times 4] [--seconds 60] [--sessions 10000] [--out serve.csv]
"""

import argparse
import asyncio
import csv
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from unmask.app.demo import copied
from unmask.media.sources import open_source

FPS, MOST_AHEAD = 15, 2
WIDTH = 640


@dataclass(slots=True)
class Tally:
    """What the people saw."""

    ended: Counter[tuple[str, str]] = field(default_factory=Counter)  # (recording, state)
    refused: int = 0
    frame_ms: list[float] = field(default_factory=list)
    decision_s: list[float] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)


def main() -> None:
    wanted = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        clips = {path.stem: frames_of(path) for path in copied(Path(folder))}
        server, base, key = started(Path(folder), capacity=wanted.capacity)
        try:
            rows = asyncio.run(measured(wanted, clips, base, key, server.pid))
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(120)
        rows.append(("exit code after SIGTERM", code))
        audit = [sys.executable, "-m", "unmask", "serve", "audit", "verify"]
        trail = subprocess.run(
            [*audit, "--database", f"sqlite:///{folder}/serve.db"],
            capture_output=True,
            text=True,
            check=False,
        )
        rows.append(("audit trail", trail.stdout.split(":")[0]))
    for name, value in rows:
        print(f"{name:48} {value}")
    print("", *table(dict(rows)), sep="\n")
    if wanted.out:
        with wanted.out.open("w", newline="") as file:
            csv.writer(file).writerows([("what", "value"), *rows])


def table(found: dict[str, object]) -> list[str]:
    """The lines of the table in docs/reliability.md."""

    def of(*names: str) -> str:
        return ", ".join(str(found[name]) for name in names)

    def ended(*states: str, prefix: str) -> int:
        names = [name for name in found if name.startswith(prefix) and name.endswith(states)]
        return sum(int(str(found[name])) for name in names)

    decided = ("live", "attack", "undecided", "failed", "expired")
    held = ended(*decided, "created", "running", prefix="the database says")
    made, bona_fide = int(str(found["sessions made in the overload"])), "bona_fide: "
    # some of their people were told to close before they could read the decision: the database knows it
    attacks = ended("attack", prefix="the database says") - ended("attack", prefix=bona_fide)
    judged = ended(*decided, prefix="the database says") - ended(*decided, prefix=bona_fide)
    shares = (50, 95, 99)
    frame, decision = ([f"{what} p{share}" for share in shares] for what in ("frame, ms", "decision, s"))
    rows = {
        "load average at the end": of("load average at the end"),
        "sessions made, of them decided, never had room": f"{made}, "
        f"{ended(*decided, prefix='the database says')}, {ended('never had room', prefix='')}",
        "lost: neither decided nor still open": made - held,
        "told to come again (close code 1013)": of("told to come again"),
        "living face: `live`": f"{ended('live', prefix=bona_fide)} of {ended(*decided, prefix=bona_fide)}",
        "print, screen, paper mask: `attack`": f"{attacks} of {judged}",
        f"frame to answer, p50, p95, p99 of {found['frames looked at']}, in ms": of(*frame),
        "first frame to decision, p50, p95, p99, in s": of(*decision),
        "memory before, at most in the overload, in MB": of("memory at first, at most, MB"),
        "further sessions: made, a second, p95 of one in ms": of(
            "sessions made", "sessions made a second", "making one, p95 ms"
        ),
        "memory after all, in MB": of("memory after all, MB"),
        "200 of them, drawn by chance, read again": of("of 200 read, there"),
        "SIGTERM, audit trail": f"exit code {of('exit code after SIGTERM', 'audit trail')}",
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return ["| what | measured |", "| --- | --- |", *lines]


async def measured(
    wanted: argparse.Namespace, clips: dict[str, list[bytes]], base: str, key: str, pid: int
) -> list[tuple[str, object]]:
    """The overload, then the many sessions."""
    limits = httpx.Limits(max_connections=64)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=120, limits=limits) as client:
        tally, memory_mb = Tally(), [resident_mb(pid)]
        until_s = time.monotonic() + wanted.seconds
        names = sorted(clips)
        people = [
            person(client, base, names[n % len(names)], clips, tally, until_s=until_s)
            for n in range(wanted.capacity * wanted.times)
        ]
        watcher = asyncio.create_task(watch(pid, memory_mb))
        await asyncio.gather(*people)
        watcher.cancel()
        states = Counter([await state_of(client, name) for name in tally.sessions])
        rows = overload_rows(wanted, tally, states, memory_mb)
        rows += await many(client, wanted.sessions)
        rows.append(("memory after all, MB", round(resident_mb(pid))))
    return rows


async def person(
    client: httpx.AsyncClient,
    base: str,
    name: str,
    clips: dict[str, list[bytes]],
    tally: Tally,
    *,
    until_s: float,
) -> None:
    """One after the other holds up the same recording until the time is over."""
    while time.monotonic() < until_s:
        made = (await client.post("/v1/sessions", json={"tries": 1})).json()
        tally.sessions.append(made["id"])
        while not await presented(base, made, name, clips[name], tally):
            tally.refused += 1
            if time.monotonic() > until_s:
                tally.ended[name, "never had room"] += 1
                return
            await asyncio.sleep(1)


async def presented(base: str, session: dict[str, str], name: str, frames: list[bytes], tally: Tally) -> bool:
    """Whether the session got room; what it came to is counted."""
    address = f"{base.replace('http', 'ws')}/v1/sessions/{session['id']}/frames"
    try:
        async with connect(address, compression=None, open_timeout=60) as socket:
            await socket.send(json.dumps({"type": "hello", "token": session["token"], "client": {}}))
            if json.loads(await socket.recv())["type"] != "ready":
                return False
            tally.ended[name, await shown(socket, frames, tally)] += 1
    except ConnectionClosed as closed:
        if closed.rcvd is not None and closed.rcvd.code == 1013:
            return False
        tally.ended[name, f"closed {closed.rcvd.code if closed.rcvd else ''}"] += 1
    return True


async def shown(socket: ClientConnection, frames: list[bytes], tally: Tally) -> str:
    """Send frames to and fro through the recording, two on the way at most; the state at the end."""
    order = [*frames, *frames[-2:0:-1]]
    sent_s: list[float] = []
    begun_s, acknowledged, count = time.monotonic(), 0, 0
    while time.monotonic() < begun_s + 40:
        while count - acknowledged < MOST_AHEAD and time.monotonic() >= begun_s + count / FPS:
            sent_s.append(time.monotonic())
            await socket.send(struct.pack("<d", 1000 * sent_s[-1]) + order[count % len(order)])
            count += 1
            begun_s = max(begun_s, time.monotonic() - count / FPS)  # a camera drops what it cannot send
        wait_s = (
            max(0.001, begun_s + count / FPS - time.monotonic()) if count - acknowledged < MOST_AHEAD else 30
        )
        try:
            async with asyncio.timeout(wait_s):
                told = json.loads(await socket.recv())
        except TimeoutError:
            continue
        if told["type"] == "state":
            acknowledged = told["ack"]
            tally.frame_ms.append(1000 * (time.monotonic() - sent_s[acknowledged - 1]))
        elif told["type"] == "decision":
            tally.decision_s.append(time.monotonic() - sent_s[0])
            return str(told["state"])
        else:
            return str(told.get("error", told["type"]))
    return "no end after 40 s"


async def many(client: httpx.AsyncClient, count: int) -> list[tuple[str, object]]:
    """Sessions that are only made, read and erased."""
    made_ms: list[float] = []
    names: list[str] = []

    async def make(share: int) -> None:
        for _ in range(share):
            begun_s = time.monotonic()
            answer = await client.post("/v1/sessions", json={})
            made_ms.append(1000 * (time.monotonic() - begun_s))
            if answer.status_code == 201:
                names.append(answer.json()["id"])

    begun_s = time.monotonic()
    await asyncio.gather(*(make(count // 8) for _ in range(8)))
    seconds = time.monotonic() - begun_s
    probed = random.Random(1).sample(names, min(200, len(names)))
    there = [await state_of(client, name) for name in probed]
    return [
        ("sessions made", len(names)),
        ("sessions made a second", round(len(names) / max(seconds, 1e-9), 1)),
        ("making one, p95 ms", round(float(np.percentile(made_ms, 95)), 1) if made_ms else ""),
        ("of 200 read, there", there.count("created")),
    ]


def overload_rows(
    wanted: argparse.Namespace, tally: Tally, states: Counter[str], memory_mb: list[float]
) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("load average at the end", round(os.getloadavg()[0], 1)),
        ("people at once, and room for", f"{wanted.capacity * wanted.times}, {wanted.capacity}"),
        ("seconds", wanted.seconds),
        ("sessions made in the overload", len(tally.sessions)),
        ("told to come again", tally.refused),
        ("frames looked at", len(tally.frame_ms)),
    ]
    for label, values in (("frame, ms", tally.frame_ms), ("decision, s", tally.decision_s)):
        for share in (50, 95, 99):
            value = round(float(np.percentile(values, share)), 2) if values else ""
            rows.append((f"{label} p{share}", value))
    rows += [(f"{name}: {state}", count) for (name, state), count in sorted(tally.ended.items())]
    rows += [(f"the database says {state}", count) for state, count in sorted(states.items())]
    rows.append(("memory at first, at most, MB", f"{memory_mb[0]:.0f}, {max(memory_mb):.0f}"))
    return rows


async def watch(pid: int, memory_mb: list[float]) -> None:
    while True:
        await asyncio.sleep(1)
        memory_mb.append(resident_mb(pid))


async def state_of(client: httpx.AsyncClient, name: str) -> str:
    return str((await client.get(f"/v1/sessions/{name}")).json()["state"])


def resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def frames_of(path: Path) -> list[bytes]:
    """Every other frame of a recording as the JPEG that a page would send."""
    frames = []
    for frame in open_source(path).frames:
        height, width = frame.image.shape[:2]
        picture = cv2.resize(frame.image, (WIDTH, WIDTH * height // width), interpolation=cv2.INTER_AREA)
        frames.append(cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return frames[::2]


def started(folder: Path, *, capacity: int) -> tuple[subprocess.Popen, str, str]:
    """The server, its address and a key."""
    log = folder / "log"
    options = ["--port", "0", "--database", f"sqlite:///{folder}/serve.db", "--connections", str(capacity)]
    options += ["--key-rate", "1000000/minute", "--address-rate", "1000000/minute"]
    with log.open("w") as file:
        server = subprocess.Popen([sys.executable, "-m", "unmask", "serve", *options], stderr=file)
    until_s = time.monotonic() + 300
    while '"started"' not in log.read_text():
        if server.poll() is not None or time.monotonic() > until_s:
            raise SystemExit(log.read_text())
        time.sleep(0.1)
    text = log.read_text()
    port, key = re.search(r'"port": (\d+)', text), re.search(r"unmask_\S+", text)
    assert port is not None
    assert key is not None
    return server, f"http://127.0.0.1:{port[1]}", key[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--capacity", type=int, default=2)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
