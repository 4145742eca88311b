"""Studies and scripts run from first to last line on tiny input, and change nothing in the repository."""

import subprocess
import sys
from pathlib import Path

import pytest

from unmask.media.images import write_image

ROOT = Path(__file__).parents[1]
# Arguments that make each as small as it goes; {} is an empty folder, PICTURES one with a portrait.
TINY = {
    "experiments.decision": "--people 4",
    "experiments.depth_labels": "",
    "experiments.edits": "PICTURES --results {}/edits.csv",
    "experiments.faces": "--pictures PICTURES",
    "experiments.faults": "--count 1 --out {}/faults.csv --media {}/media",
    "experiments.fuzzing": "--count 4 --out {}/fuzzing.csv",
    "experiments.kills": "--kills 1 --only calibrate --out {}/kills.csv",
    "experiments.lengths": "--quick --out {}/lengths.csv",
    "experiments.metrics": "--scores 1000",
    "experiments.prepare_kills": "--kills 1",
    "experiments.prepare_rates": "--videos 1 --pictures 4 --jobs 1",
    "experiments.prepared_reading": "--clips 40 --size 64",
    "experiments.recaptures": "PICTURES {}/out --count 2",
    "experiments.scale": "--out {}/scale.csv",
    "experiments.simulator": "--portraits PICTURES --clips 2 --frames 1 --jobs 1",
    "experiments.training": "--steps 3 --batch 2 --threads 1",
    "experiments.training_memory": "--recordings 4 8 --steps 2",
    "scripts.check_gpu": "",
    "scripts.demo_recordings": "{}",
    "scripts.sheet": "--out {}/sheet.png --instruments print/matt --columns 1",
    "scripts.training_sheet": "--out {}/sheet.jpg --columns 1 --rows 1 --size 40",
}
# What they find of speed and memory on so little input means nothing: that they say so is all that is asked.
JUDGES = ("experiments.depth_labels", "experiments.prepared_reading", "experiments.training_memory")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    from skimage import data

    folder = tmp_path_factory.mktemp("pictures")
    write_image(folder / "astronaut.png", data.astronaut())
    (folder / "labels.csv").write_text(
        "path,label,instrument,source\nastronaut.png,bona_fide,,made\nastronaut.png,attack,print,made\n"
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_it_runs_on_tiny_input_and_leaves_the_results_alone(name, pictures, tmp_path):
    before = {path: path.read_bytes() for path in (ROOT / "results").iterdir()}
    arguments = TINY[name].replace("{}", str(tmp_path)).replace("PICTURES", str(pictures)).split()
    done = subprocess.run(
        [sys.executable, "-m", name, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in ((0, 1) if name in JUDGES else (0,)), done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert done.stdout or any(tmp_path.iterdir())
    assert {path: path.read_bytes() for path in (ROOT / "results").iterdir()} == before
