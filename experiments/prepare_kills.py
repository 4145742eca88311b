"""`unmask prepare` killed fifty times at random moments: the same shards as an unbroken run, none twice.

    python -m experiments.prepare_kills [--kills 50]

The real command with two worker processes, the real face finder and real videos; the whole process group
gets SIGKILL after a random time, and the command is started again until the kills are used up. Where a
preparation ends before that, the next begins in an empty folder. Exits 1 on any difference.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from skimage import data

from unmask.data.prepare.prepared import PreparedSet
from unmask.media.video import write_video

VIDEOS, SHARD = 12, 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    asked, rng = parser.parse_args(), np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        write_videos(base / "root")
        since = time.perf_counter()
        start(base, "whole").wait()
        whole, longest_s = hashes(base / "whole"), time.perf_counter() - since
        print(f"unbroken: {len(whole)} files in {longest_s:.1f} s")
        kills, folders, lost = 0, 0, 0
        while kills < asked.kills:
            folders += 1
            out = f"broken-{folders}"
            while kills < asked.kills:
                before = shards(base / out)
                if not killed_after(start(base, out), rng.uniform(0, longest_s)):
                    break
                kills += 1
                half = len(list((base / out).glob("all/*.tar.*.part")))
                lost = max(lost, half)
                if not before <= shards(base / out):
                    print(f"kill {kills}: a whole shard is gone")
                    return 1
            code, found = start(base, out).wait(), hashes(base / out)
            if code or found != whole:
                differing = sorted(path for path, _ in set(found.items()) ^ set(whole.items()))
                print(f"{out}: exit code {code}, differing: {differing}")
                return 1
        rows = PreparedSet.open(base / out / "all").rows
        doubled = len(rows) - len({(row.name, row.number) for row in rows})
    print(
        f"{kills} kills in {folders} folders: all hashes as unbroken; at most {lost} shards half written "
        f"at a kill (one a process); {doubled} of {len(rows)} clips doubled"
    )
    return 1 if doubled else 0


def write_videos(root: Path) -> None:
    root.mkdir()
    face = data.astronaut()[:320, 80:400]
    rows = ["path,label,instrument,subject"]
    for n in range(VIDEOS):
        write_video(root / f"{n}.mp4", [np.roll(face, 3 * k + n, axis=1) for k in range(24)], fps=10)
        rows.append(f"{n}.mp4,bona_fide,,s{n}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")


def start(base: Path, out: str) -> subprocess.Popen:
    options = f"--jobs 2 --shard {SHARD} --clip-size 128 --out {base / out}".split()
    command = [sys.executable, "-m", "unmask.app.cli", "prepare", "folder", str(base / "root"), *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, start_new_session=True, **quiet)


def killed_after(started: subprocess.Popen, seconds: float) -> bool:
    """Whether it was killed; False where it had ended before."""
    try:
        started.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        return True
    return False


def shards(out: Path) -> set[str]:
    return {path.name for path in out.glob("all/*.tar")}


def hashes(out: Path) -> dict[str, str]:
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


if __name__ == "__main__":
    sys.exit(main())
