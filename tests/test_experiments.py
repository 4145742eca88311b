"""Every experiment and script runs from first to last line on tiny input, and leaves its table."""

import csv
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from test_encoder import published
from test_training import write_toy

from unmask.app.demo import RECORDINGS
from unmask.claims.data import DOMAIN
from unmask.evaluation.leakage import ClipStatistics, presentation_of
from unmask.media import assets
from unmask.media.images import write_image
from unmask.media.statistics import CROP, NAMES
from unmask.media.video import read_video, write_video
from unmask.simulate.benchmark import PlannedRecording, Recordings, Size, make_benchmark
from unmask.simulate.instruments.table import INSTRUMENTS
from unmask.simulate.people.subjects import Portrait, procedural_portrait
from unmask.training import networks

ROOT = Path(__file__).parents[1]
# Some of these names are in train and some in dev, by their hashes.
PEOPLE = ("ann", "bob", "kim", "lea", "max", "eva", "tom", "zoe", "ida", "ben")
ATTACKS = ("print", "replay", "mask")  # of the demo's recordings
SCENES = "--portraits {portraits} --backgrounds {rooms}"
SMALL_ENCODER = "--set arguments.size_px=64"
torch.set_num_threads(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The command lines of one program, and what has to come of them.

    Words in braces are folders of the fixture, {out} is an empty one. `table` has so many `rows`, each of
    which fills `cells`; `files` lie in {out}, and `says` is among what is printed. `codes` are exit codes: 1
    where a run misses an aim of speed or memory, which so little input cannot tell. `changes` are constants
    that no option changes, or functions of what they were; `alone` runs in a process of its own. `after` is
    a program whose lines run first, for what they leave in {out}.
    """

    lines: tuple[str, ...]
    table: str = ""
    rows: int = 0
    cells: str = ""
    says: str = ""
    files: tuple[str, ...] = ()
    codes: tuple[int, ...] = (0,)
    changes: Mapping[str, Any] = field(default_factory=dict)
    alone: bool = False
    after: str = ""


def run(*lines: str, **expected: Any) -> Run:
    return Run(lines=lines, **expected)


def tabled(line: str, *, rows: int, cells: str, **expected: Any) -> Run:
    """A program that writes one table, {table}."""
    return run(line.replace("{table}", "{out}/t.csv"), table="t.csv", rows=rows, cells=cells, **expected)


def some_of(*names: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A change of a table: these rows of it alone."""
    return lambda table: {name: table[name] for name in names}


RUNS = {
    "experiments.across": tabled(
        "--data {benchmark} --steps 2 --seeds 1 --work {out} --out {table}",
        changes={"METHODS": some_of("resnet18_s")},
        rows=2,
        cells="method steps test dev_auc auc hter bona_fide attacks",
    ),
    "experiments.ablations": tabled(
        SCENES + " --out {out} --runs full --train 4 --test 8 --steps 1 --jobs 1 --results {table}",
        rows=1,
        cells="run steps train test auc low high eer command",
    ),
    "experiments.adapting": tabled(
        "{samples} --data {small_set} " + SCENES + " --photographs {portraits} " + SMALL_ENCODER + " --few 1"
        " --draws 1 --cameras 1 --pictures 8 --results {table}",
        rows=5,
        cells="kind source k draws judged auc errors",
    ),
    "experiments.challenges": run(
        "light --out {out}/light --people 1 --attacks 0 --parts 5",
        "head --out {out}/head --people 1 --attacks 0",
        "report --out {out}/light --head {out}/head --csv {out}/t.csv",
        changes={"FPS": 7.5},
        table="t.csv",
        rows=27,
        cells="test group",
    ),
    "experiments.claims_encoder": run(
        "{samples} --sets {out} --out {out}/runs --results {out} --docs {out}/page.md --seeds 1"
        " --frames 16 --faces 32",
        after="experiments.claims_encoder_sets",
        changes={"VARIANTS": some_of("linear", "fghv")},
        table="claims_encoder_networks.csv",
        rows=14,
        cells="system test auc hter seeds",
        files=("page.md",),
    ),
    "experiments.claims_encoder_sets": run(
        "--photographs {portraits} --backgrounds {rooms} --out {out} --train 4 --dev 2 --test 2",
        says="instruments: shard 1 of 1",
        files=tuple(f"{part}/spec.json" for part in ("train", "dev", "domain", "instruments")),
    ),
    "experiments.clips_or_mean": tabled(
        "{samples} --portraits {portraits} --photographs {portraits} --backgrounds {rooms} --out {out}"
        " --train 2 --dev 2 --steps 1 --size 64 --results {table}",
        changes={"REAL_CLIPS": 1},
        rows=3,
        cells="system train steps dev dev_auc real_videos real_auc",
    ),
    "experiments.coverage": tabled(
        "{samples} --simulated {clips} --results {table}",
        rows=20,
        cells="space path truth source to_bona_fide to_attacks outside",
    ),
    "experiments.crossings": run("--portraits {portraits} --count 1", says="identity swaps in 1 crossings"),
    "experiments.decision": run("--people 4", says="attacks of 1 s at 0.25"),
    "experiments.depth_labels": run("", changes={"FRAMES": 20}, codes=(0, 1), says="decoded to label"),
    "experiments.edits": tabled(
        "{pair} --results {table} --sheet {out}/sheet.png",
        rows=62,
        cells="model edit group pictures before change spread unscored",
        files=("sheet.png",),
    ),
    "experiments.encoder_ablations": tabled(
        "{samples} " + SCENES + " --out {out} --train 4 --dev 4 --steps 1 --size 64 --results {table}",
        rows=4,
        cells="run auc auc_interval bpcer apcer",
    ),
    "experiments.end_to_end": run("--rounds 1", changes={"SECONDS": 2}, says="with the early stop"),
    "experiments.faults": tabled(
        "--count 1 --out {table} --media {out}",
        changes={"FRAMES": 10, "ATTACKS": 2},
        rows=1,
        cells="number fault coding attack verdict seconds",
    ),
    "experiments.fghv": tabled(
        "--networks fghv_s --pictures 1 --rounds 1 --out {table}",
        rows=1,
        cells="network side_px latent_vectors steps fhvm_ms ghvm_ms both_over_fhvm",
    ),
    "experiments.fghv_sweep": tabled(
        "--data {set} --steps 2 --work {out} --out {table} --runs hinge",
        rows=1,
        cells="run changed dev_auc_both test_auc_fhvm test_hter_both test_presentations",
    ),
    "experiments.fuzzing": tabled(
        "--count 4 --out {table}", rows=4, cells="kind input outcome seconds megabytes", alone=True
    ),
    "experiments.flipped_bits": tabled(
        "--copies 1 --out {table}", rows=9, cells="coding copies read differ left_out refused"
    ),
    "experiments.kills": tabled(
        "--kills 5 --only calibrate --out {table}", rows=1, cells="command kills seconds same", alone=True
    ),
    "experiments.leakage": tabled(
        "--clips-from {clips} --results {table}",
        rows=6,
        cells="seen attacks classifier auc low high attack_clips bona_fide_clips",
    ),
    "experiments.lengths": tabled("--quick --out {table}", rows=5, cells="person length_s from_s verdict"),
    "experiments.metrics": run("--scores 1000", says="BPCER at APCER 1%"),
    "experiments.networks": tabled(
        "--data {set} --networks resnet18_s --pictures 64 --jobs 1 --work {out} --out {table}",
        rows=2,
        cells="network settings steps part auc worst_instrument",
    ),
    "experiments.out_of_source": tabled(
        "{samples} --data {small_set} "
        + SMALL_ENCODER
        + " --results {table} --scores {out}/s.csv --recipe tiny",
        rows=1,
        cells="recipe auc whole tight print replay mask interval simulated_dev",
        files=("s.csv",),
    ),
    "experiments.prepare_kills": run("--kills 1", says="all hashes as unbroken", alone=True),
    "experiments.prepare_rates": run(
        "--videos 2 --pictures 4 --jobs 1",
        changes={"moving_head": lambda whole: lambda: whole()[:40]},
        says="pictures png",
    ),
    "experiments.prepared_reading": run(
        "--clips 40 --size 64 --rounds 1", codes=(0, 1), says="with a margin"
    ),
    "experiments.real_pictures": tabled(
        "{samples} --note tiny --results {table} --scores {out}/s.csv",
        rows=1,
        cells="models sha256 auc acer bona_fide attacks note",
        files=("s.csv",),
    ),
    "experiments.realism": tabled(
        "{samples} {samples} {samples} --results {table}",
        rows=21,
        cells="pictures class framing statistic count",
    ),
    "experiments.realism_sets": tabled(
        "--real {small_set} --made {small_set} " + SMALL_ENCODER + " --results {table} --note tiny",
        rows=2,
        cells="set class view pictures frechet kernel probe",
    ),
    "experiments.recaptures": run(
        "{portraits} {out} --count 4 --rooms {rooms}",
        table="labels.csv",
        rows=4,
        cells="path label framing subject x0 y1",
        files=("bona_fide.png", "attack.png"),
    ),
    "experiments.scale": tabled(
        "--out {table}",
        changes={"PRESETS": ("auxiliary",), "BASELINES": ("resnet18",)},
        rows=2,
        cells="preset clips frames gflop_a_clip memory_gb hours_1_gpu",
    ),
    "experiments.simulator": run(
        "--portraits {portraits} --clips 2 --frames 1 --jobs 1", changes={"WARM_UP": 1}, says="frames"
    ),
    "experiments.serve": tabled(
        "--capacity 1 --times 1 --seconds 2 --sessions 3 --out {table}", rows=22, cells="what", alone=True
    ),
    "experiments.simulated_protocols": tabled(
        "{benchmark} --scores {out}/s.csv --out {table} --rounds 40 --jobs 1",
        rows=19,
        cells="protocol model hashes_sha256",
        says="oulu-1 {'acer': '",
        files=("s.csv",),
    ),
    "experiments.simulated_trees": run(
        "--portraits {few} --backgrounds {rooms} --out {out} --people 1",
        changes={"FRAMES": 1, "SIZE": (128, 128)},
        says="100 of 119",
        files=("O/Train_files/1_1_01_1.mp4", "S/Live/Test/Live_Test_001.mp4"),
    ),
    "experiments.stillness": tabled(
        "--quick --out {table}",
        changes={"SECONDS": 5, "LENGTHS_S": (2.5, 5.0)},
        rows=82,
        cells="person what fps length_s from_s moved",
    ),
    "experiments.training": tabled(
        "--steps 2 --batch 2 --threads 1 --csv {table}", rows=1, cells="network batch"
    ),
    "experiments.training_memory": run(
        "--recordings 4 8 --steps 2", codes=(0, 1), says="of what the larger set adds"
    ),
    "scripts.check_gpu": run("", says="U"),
    "scripts.demo_recordings": run(
        "{out}", changes={"FRAMES": 2}, files=("bona_fide.mp4", "print.mp4", "replay.mp4", "mask.mp4")
    ),
    "scripts.sheet": run("--out {out}/sheet.png --instruments print/matt --columns 1", files=("sheet.png",)),
    "scripts.training_sheet": run(
        "--out {out}/sheet.jpg --columns 1 --rows 1 --size 40", files=("sheet.jpg",)
    ),
}
# What does not run here, and why.
NOT_RUN = {
    "experiments.faces": "measures beside MediaPipe itself, which it installs in an environment of its own",
    "experiments.faces_mediapipe": "runs in that environment",
    "experiments.second_opinion": "reads files of another project, known by hashes and not ours to keep",
    "experiments.shipped_weights": "simulates, trains and exports two stages: 58 s of a core with two steps",
    "scripts.material": "tests/app/test_material.py runs it",
    "scripts.moving_picture": "annotates two whole recordings of the demo, as tests/app/test_app.py does one",
    "scripts.notices": "writes the notices of the repository; tests/test_licences.py holds them",
    "scripts.release_weights": "simulates thousands of recordings of material that is not in the repository",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the programs are given: drawn, but for scikit-image's astronaut, as in the demo's recordings."""
    given = tmp_path_factory.mktemp("given")
    for name in ("portraits", "few", "rooms", "samples", "pair"):
        (given / name).mkdir()
    people = [
        replace(procedural_portrait(np.random.default_rng(number)), name=name)
        for number, name in enumerate(PEOPLE)
    ]
    for number, name in enumerate(PEOPLE):
        for folder in ("portraits", "few")[: 2 if number < 2 else 1]:  # busts are made anew beyond a few
            write_image(given / folder / f"drawn_{name}.jpg", people[number].image)
        room = np.random.default_rng(100 + number).integers(0, 256, (15, 20, 3), dtype=np.uint8)
        write_image(given / "rooms" / f"{name}_000.jpg", cv2.resize(room, (640, 480)))
    write_samples(given / "samples", sources=("first", "second"), videos=("bona_fide", *ATTACKS))
    write_samples(given / "pair", sources=("first",), videos=("print",))
    for name, size in (("set", 128), ("small_set", 64)):
        for seed, part in enumerate(("train", "dev", "test")):
            write_toy(given / name / part, seed=seed, subjects=part, recordings=32, size=size, frames=1)
    write_benchmark(given / "benchmark", people)
    return {path.stem: path for path in (*given.iterdir(), write_clips(given / "clips.npz"))}


def write_benchmark(folder: Path, portraits: list[Portrait]) -> None:
    """A benchmark with two recordings of each class in each part of the claims: some show no face."""
    parts = [
        ("train", "home", "print/matt"),
        ("dev", "home", "print/matt"),
        ("test", "home", "replay/phone"),
        ("test", DOMAIN, "print/glossy"),
    ]
    planned, cameras = [], {"home": "laptop-webcam", DOMAIN: "terminal"}
    for number, (split, place, instrument) in enumerate(parts):
        for k, own in enumerate((None, instrument) * 2):
            planned.append(
                PlannedRecording(
                    subject=PEOPLE[2 * number + k // 2],
                    split=split,
                    home=place,
                    domain=place,
                    instrument=own,
                    model=INSTRUMENTS[own].models[0] if own else "",
                    camera=cameras[place],
                    place=place,
                    session=1,
                    seed=4 * number + k,
                )
            )
    made = Recordings(planned=planned, portraits=portraits, size=Size(clips=16, subjects=8, frames=5))
    make_benchmark(folder, made, settings={"size": "tiny", "seed": 1}, seed=1, jobs=0)


def write_samples(folder: Path, *, sources: tuple[str, ...], videos: tuple[str, ...]) -> None:
    """Real items as the experiments take them: from each source a picture, and a second of each video."""
    from skimage import data

    rows = ["path,label,instrument,source,media,framing"]
    for source in sources:
        write_image(folder / f"{source}.png", data.astronaut())
        rows.append(f"{source}.png,bona_fide,,{source}/a,image,whole")
        for name in videos:
            frames = (frame.image for frame in read_video(RECORDINGS / f"{name}.mp4"))
            write_video(folder / f"{source}_{name}.mp4", islice(frames, 30), fps=30)
            label = "bona_fide," if name == "bona_fide" else f"attack,{name}"
            rows.append(f"{source}_{name}.mp4,{label},{source}/a,video,whole")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def write_clips(path: Path) -> Path:
    """Sixty clips of noise as experiments/leakage.py keeps them, of fifteen subjects."""
    sys.path.append(str(ROOT))
    from experiments.clips import Clips

    rng = np.random.default_rng(1)
    instruments = ("print/matt", "", "mask/paper", "")
    rows = tuple(
        ClipStatistics(
            presentation=presentation_of(str(n), instruments[n % 4], f"s{n // 4}", "any"),
            statistics=dict(zip(NAMES, map(float, rng.normal(size=len(NAMES))), strict=True)),
        )
        for n in range(60)
    )
    crops = rng.integers(0, 256, (60, CROP.size_px, CROP.size_px, 3), dtype=np.uint8)
    Clips(rows=rows, crops=crops, masks=np.ones((60, 32, 32), np.float32)).save(path)
    return path


@pytest.fixture
def imagenet(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn numbers in the place of the published weights."""
    path = tmp_path_factory.mktemp("weights") / "published.pth"
    torch.save(published(), path)
    for module in (assets, networks):
        monkeypatch.setattr(module, "imagenet_weights", lambda: SimpleNamespace(path=path))


@pytest.fixture
def results_untouched() -> Iterator[None]:
    before = {path: path.read_bytes() for path in (ROOT / "results").iterdir()}
    yield
    assert {path: path.read_bytes() for path in (ROOT / "results").iterdir()} == before


def programs() -> set[str]:
    """The modules of experiments/ and scripts/ that are run, by the line that every such module ends with."""
    return {
        f"{path.parent.name}.{path.stem}"
        for folder in ("experiments", "scripts")
        for path in (ROOT / folder).glob("*.py")
        if 'if __name__ == "__main__"' in path.read_text()
    }


def test_every_experiment_and_script_is_run_here_or_says_why_not() -> None:
    assert programs() == RUNS.keys() | NOT_RUN.keys()
    assert not RUNS.keys() & NOT_RUN.keys()


@pytest.mark.slow
@pytest.mark.usefixtures("imagenet", "results_untouched")
@pytest.mark.parametrize("name", RUNS)
def test_it_runs_on_tiny_input_and_leaves_its_table(
    name: str,
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    wanted = RUNS[name]
    before = [(wanted.after, line) for line in RUNS[wanted.after].lines] if wanted.after else []
    for program, line in [*before, *((name, line) for line in wanted.lines)]:
        words, this = [word.format(out=tmp_path, **folders) for word in line.split()], RUNS[program]
        code = in_a_process(program, words) if this.alone else in_this(program, words, this, monkeypatch)
        said = capfd.readouterr()
        assert code in wanted.codes, said.err[-2000:]
    assert wanted.says in said.out
    for file in wanted.files:
        assert (tmp_path / file).stat().st_size, file
    if wanted.table:
        with (tmp_path / wanted.table).open(newline="") as table:
            rows = list(csv.DictReader(table))
        assert len(rows) == wanted.rows
        for cell in wanted.cells.split():
            assert all(row[cell] for row in rows), cell


def in_this(name: str, words: list[str], wanted: Run, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of its `main`, called here."""
    monkeypatch.syspath_prepend(ROOT)
    module = importlib.import_module(name)
    for constant, value in wanted.changes.items():
        changed = value(getattr(module, constant)) if callable(value) else value
        monkeypatch.setattr(module, constant, changed)
    if hasattr(module, "imagenet_weights"):
        monkeypatch.setattr(module, "imagenet_weights", assets.imagenet_weights)
    monkeypatch.setattr(sys, "argv", [name, *words])
    return module.main() or 0


def in_a_process(name: str, words: list[str]) -> int:
    return subprocess.run(
        [sys.executable, "-m", name, *words], cwd=ROOT, env=dict(os.environ), check=False
    ).returncode
