"""The engine is quiet: nothing about this machine is reported anywhere."""

import os
import subprocess
import sys
from pathlib import Path

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
