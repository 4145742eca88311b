"""A preparation is killed at fifty moments that nobody chose, and ends in the same bytes each time."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from unmask.data.prepare.prepared import PreparedSet

KILLS = 50

# One process that imports everything once and forks a preparation for each kill: a start costs no second.
NURSERY = """
import json, os, signal, sys, time
from dataclasses import replace
sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
from pathlib import Path
import numpy as np
from test_prepare import ANY_FACE, CUTTING, SpotFinder, simulated
from unmask.data.prepare.preparation import Packing, prepare
from unmask.data.prepare.recordings import TrackedFolder
from unmask.media.images import write_image

base, kills, rng = Path({base!r}), {kills}, np.random.default_rng(11)
presentations = []
for n in range(18):
    made = simulated(n, frames=3)
    folder = base / "root" / f"{{n:02d}}"
    folder.mkdir(parents=True)
    for k, image in enumerate(made.frames if n != 7 else [0 * made.frames[0]]):
        write_image(folder / f"{{k}}.png", image)
    presentations.append(replace(made.presentation, path=str(folder), subject=f"s{{n}}"))
(base / "root" / "03" / "0.png").write_bytes(b"no picture")
of_folder = TrackedFolder(
    presentations=presentations, load_finder=SpotFinder, stride_s=0.03, root=str(base / "root"),
    limits=ANY_FACE,
)

def work(out, log):
    def source(index):
        with open(log, "a") as file:
            file.write(f"{{index}}\\n")
        return of_folder(index)
    prepare(source, out, count=18, cutting=CUTTING, packing=Packing(recordings_a_shard=2))

work(base / "unbroken", base / "unbroken.log")
runs, folder = [], 0
while len([run for run in runs if run["killed"]]) < kills:
    folder += 1
    out = base / f"broken-{{folder:02d}}"
    while True:
        whole = len(list(out.glob("*.tar")))
        log = base / f"{{len(runs)}}.log"
        log.touch()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            try:
                work(out, log)
                os._exit(0)
            finally:
                os._exit(1)
        time.sleep(rng.uniform(0, {longest_s}))
        try:
            os.setpgid(child, child)
            os.killpg(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        status = os.waitpid(child, 0)[1]
        runs.append({{
            "folder": out.name, "killed": os.WIFSIGNALED(status), "code": os.waitstatus_to_exitcode(status),
            "whole": whole, "begun": [int(line) for line in log.read_text().split()],
        }})
        if not runs[-1]["killed"]:
            break
print(json.dumps(runs))
"""


def hashes(root: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.iterdir())}


@pytest.mark.slow
def test_fifty_kills_lose_a_shard_each_at_most_and_change_no_byte(tmp_path: Path) -> None:
    script = NURSERY.format(tests=str(Path(__file__).parent), base=str(tmp_path), kills=KILLS, longest_s=0.25)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)
    assert sum(run["killed"] for run in runs) >= KILLS
    assert all(run["code"] == 0 for run in runs if not run["killed"]), done.stderr
    whole = hashes(tmp_path / "unbroken")
    assert len(whole) == 2 * 9 + 3  # tars and their indices, spec.json, seal.json, .lock
    for folder in {run["folder"] for run in runs}:
        assert hashes(tmp_path / folder) == whole  # no file too many either
    for run in runs:
        # Each run began with the first shard that was not whole: what was whole is never done again.
        assert run["begun"] == list(range(2 * run["whole"], 2 * run["whole"] + len(run["begun"])))
    moments = {(len(run["begun"]) + 1) // 2 for run in runs if run["killed"]}
    assert len(moments) >= 3  # the kills fell into the first shard, into later ones, and before any
    rows = PreparedSet.open(tmp_path / "unbroken").rows
    assert len({(row.name, row.number) for row in rows}) == len(rows)
    assert {row.name for row in rows} == {f"{n:02d}" for n in range(18)} - {"03", "07"}
