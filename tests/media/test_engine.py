"""The engine is quiet: nothing about this machine is reported anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
asked = []
sys.addaudithook(lambda event, args: asked.append(event) if event.startswith("socket.") else None)
import unmask.media.faces, unmask.detector.detector
print(sorted(name for name in sys.modules if "telemetry" in name and sys.modules[name]), asked)
"""


def test_importing_asks_no_server_and_writes_nothing_into_home(tmp_path: Path) -> None:
    hidden = ("CI", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")  # telemetry keeps still where a robot runs it
    env = {name: value for name, value in os.environ.items() if name not in hidden} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
    )
    modules, asked = done.stdout.rsplit("] [", 1)
    assert "openvino_telemetry" not in modules
    assert asked.strip() == "]"
    assert not list(tmp_path.rglob("*"))


FORKED = """
import os, signal, sys
import numpy as np
from unmask import Detector
detector = Detector.load(threads=1)
picture = np.full((200, 200, 3), 90, np.uint8)
detector.check(picture)
child = os.fork()
if child == 0:
    signal.alarm(60)
    detector.check(picture)
    if sys.argv[1] == "again":
        import pickle
        detector = pickle.loads(pickle.dumps(detector))
        detector.check(picture)
    sys.exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.parametrize("wanted", ["used", "again"])
def test_a_fork_uses_a_loaded_detector_and_ends(wanted: str) -> None:
    """OpenVINO waits for threads that a fork does not have, when a graph is let go or the process ends."""
    done = subprocess.run([sys.executable, "-c", FORKED, wanted], capture_output=True, timeout=120)
    assert (done.returncode, done.stderr.decode()) == (7, "")


AMID_A_CHECK = """
import os, signal, sys, threading
import numpy as np
from unmask import Detector
detector = Detector.load(threads=1)
pictures = np.full((8, 200, 200, 3), 90, np.uint8)
detector.check(pictures[0])
threading.Thread(target=lambda: [detector.check(pictures) for _ in range(100000)], daemon=True).start()
ended = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        threading.Thread(target=detector.check, args=(pictures[0],)).start()
        detector.check(pictures[0])
        Detector.load(threads=1).check(pictures[0])
        sys.exit(7)
    ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(7 if ended == [7] * 4 else 1)
"""

UNABLE_TO_WAIT = """
import os, signal, sys, threading, time
import numpy as np
from unmask import Detector, ModelError
from unmask.media import engine
engine.FORK_WAITS_S = 0.1
detector, begun = Detector.load(threads=1), threading.Event()
def long():
    with engine.at_work():
        begun.set()
        time.sleep(2)
threading.Thread(target=long, daemon=True).start()
begun.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    try:
        detector.check(np.full((200, 200, 3), 90, np.uint8))
    except ModelError as refused:
        sys.exit(7 if "forked" in str(refused) else 1)
    sys.exit(2)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.parametrize("program", [AMID_A_CHECK, UNABLE_TO_WAIT], ids=["waits", "refuses"])
def test_a_fork_from_the_middle_of_a_check_works_or_is_refused_and_never_hangs(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=180)
    assert (done.returncode, done.stderr.decode()) == (7, "")
