"""The scripts that start several processes, with stand-ins for the programs of a cluster."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_training import write_toy

from unmask.training.checkpoint import CHECKPOINT, read

SCRIPTS = Path(__file__).parents[2] / "scripts"
TOLD = 'echo "$SLURM_NODEID $@" >> "$NOTES"\n'
PROGRAMS = {  # a cluster of two machines, which are this one
    "scontrol": 'test "$1 $2 $3" = "show hostnames node[1-2]" && printf "localhost\\nnode2\\n"\n',
    "srun": 'SLURM_NODEID=0 "$@" & first=$!\nSLURM_NODEID=1 "$@" || exit 1\nwait "$first"\n',
}
TWO_STEPS = """
[run]
name = "tiny"
network = "auxiliary"
steps = 2
[arguments]
width = 4
[batches]
size = 4
[clip]
frames = 2
size_px = 32
box_scale = 1.3
[loss]
contrast = 0.0
[evaluation]
every = 2
"""
LENT = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "77"}


@pytest.fixture
def cluster(tmp_path: Path) -> Any:
    """Runs a script with these programs before all others on its path; what it and torchrun said."""

    def run(script: Any, *words: Any, programs: Any, **known: Any) -> Any:
        for name, text in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}")
            (tmp_path / name).chmod(0o755)
        notes = tmp_path / "notes"
        path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["sh", SCRIPTS / script, *words],
            cwd=tmp_path,
            env={**os.environ, **known, "PATH": path, "NOTES": str(notes), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return done, sorted(notes.read_text().splitlines()) if notes.exists() else []

    return run


def test_the_script_of_the_framework_starts_torchrun_with_its_three_words(cluster: Any) -> None:
    done, told = cluster(
        "train.sh", "4", "sgtd_single", "29501", "--data", "a b", "--out", "run", programs={"torchrun": TOLD}
    )
    assert done.returncode == 0, done.stderr
    command = "--nproc-per-node 4 --master-port 29501 --no-python unmask train"
    assert [line.strip() for line in told] == [f"{command} --config sgtd_single --data a b --out run"]


def test_the_script_of_the_framework_says_which_word_it_lacks(cluster: Any) -> None:
    for given, said in (
        ((), "say GPU_NUM CONFIG PORT"),
        (("4",), "say CONFIG and PORT, too"),
        (("4", "sgtd_single"), "say PORT, too"),
    ):
        done, told = cluster("train.sh", *given, programs={"torchrun": TOLD})
        assert done.returncode != 0
        assert said in done.stderr
        assert not told


@pytest.mark.parametrize(
    ("lent", "processes", "port"),
    [({}, "8", "29500"), ({"SLURM_GPUS_ON_NODE": "4", "MASTER_PORT": "29777"}, "4", "29777")],
)
def test_slurm_starts_the_same_torchrun_on_each_machine(
    cluster: Any, lent: Any, processes: str, port: str
) -> None:
    programs = {**PROGRAMS, "torchrun": TOLD}
    words = ("sgtd_single.toml", "--data", "oulu-1", "--out", "run", "--resume")
    done, told = cluster("slurm.sbatch", *words, programs=programs, **LENT, **lent)
    assert done.returncode == 0, done.stderr
    command = (
        f"--nnodes 2 --nproc-per-node {processes} --rdzv-backend c10d --rdzv-endpoint localhost:{port} "
        "--rdzv-id 77 --no-python unmask train --config sgtd_single.toml --data oulu-1 --out run --resume"
    )
    assert told == [f"0 {command}", f"1 {command}"]


@pytest.mark.slow
def test_slurms_script_trains_on_two_agents_and_goes_on(cluster: Any, tmp_path: Path) -> None:
    for seed, part in enumerate(("train", "dev")):
        write_toy(tmp_path / "toy" / part, seed=seed, subjects=part, frames=2)
    (tmp_path / "two.toml").write_text(TWO_STEPS)
    for steps, more in ((2, ()), (4, ("--resume",))):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = str(free.getsockname()[1])
        words = ("two.toml", "--data", "toy", "--out", "run", "--steps", str(steps), *more)
        known = {**LENT, "SLURM_GPUS_ON_NODE": "1", "MASTER_PORT": port}
        done, _ = cluster("slurm.sbatch", *words, programs=PROGRAMS, **known)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("model.onnx") == 1  # by the first process alone
        assert read(tmp_path / "run" / CHECKPOINT).history.step == steps
