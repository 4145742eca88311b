"""Ctrl-C and SIGTERM end a command at once, with its workers, by one line and without debris."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

COMMAND = """
import sys, time
from pathlib import Path
from unmask.interrupts import end_at_once
from unmask.files import atomic_path
from unmask.parallel import WorkerPool

def ready():
    pass

def write(folder):
    with atomic_path(Path(folder) / "whole.txt") as part:
        part.write_text("half")
        Path(folder, "started").touch()
        time.sleep(60)

if __name__ == "__main__":
    end_at_once()
    how, folder = sys.argv[1:]
    if how == "alone":
        write(folder)
    if how == "deaf":
        import ctypes
        Path(folder, "started").touch()
        while True:
            ctypes.CDLL(None).usleep(60_000_000)  # as a library that does not hear of signals
    with WorkerPool(2, begin=ready) as pool:
        list(pool.map(write, [folder]))
"""


def descendants(session: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
@pytest.mark.parametrize("how", ["alone", "deaf", "workers"])
def test_a_signal_ends_all_at_once(tmp_path: Path, number: Any, word: str, how: str) -> None:
    program = tmp_path / "command.py"
    program.write_text(COMMAND)
    folder = tmp_path / "out"
    folder.mkdir()
    argv = [sys.executable, str(program), how, str(folder)]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what a script starts by &
    try:
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)
    until = time.monotonic() + 60
    while not (folder / "started").exists():
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    if number == signal.SIGINT:
        os.killpg(child.pid, number)  # as a terminal does
    else:
        child.terminate()
    out, err = child.communicate(timeout=20)
    assert child.returncode == 128 + number
    assert (out, err.decode()) == (b"", f"unmask: {word}\n")
    time.sleep(0.3)
    assert descendants(child.pid) == []
    assert [path.name for path in folder.iterdir()] == ["started"]


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    from unmask.files import atomic_path, write_bytes

    old = tmp_path / "a.txt.0123abcd.part"
    old.write_text("half")
    os.utime(old, (time.time() - 9,) * 2)
    mine = tmp_path / "my.part"
    mine.write_text("of a user")
    with atomic_path(tmp_path / "b.txt") as living:
        living.write_text("in the making")
        write_bytes(tmp_path / "c.txt", b"c")
        assert living.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "c.txt", "my.part"]
