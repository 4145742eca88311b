"""No command writes over what it reads, by whatever name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unmask.app.cli import COMMANDS
from unmask.files import keep_inputs
from unmask.types import OutputError

SCORES = "presentation,subject,label,instrument,score\na,p,bona_fide,,0.9\nb,q,attack,print/a4,0.1\n"

# command -> (arguments, the input that its output names); {} is the folder of the test
CASES = {
    "check": ("check {}/a.mp4 --report {}/a.mp4", "a.mp4"),
    "check, drawn": ("check {}/a.mp4 --annotate {}/a.mp4", "a.mp4"),
    "check, its model": ("check {}/a.mp4 --model {}/m.onnx --report {}/m.onnx", "m.onnx"),
    "check, a folder of frames": ("check {}/frames --report {}/frames/1.png", "frames/1.png"),
    "check, the key it trusts": ("check {}/a.mp4 --trust {}/key.pem --report {}/key.pem", "key.pem"),
    "score, the key it trusts": ("score {}/set --trust {}/key.pem --out {}/key.pem", "key.pem"),
    "watch": ("watch {}/a.mp4 --save-events {}/a.mp4", "a.mp4"),
    "score": ("score {}/set --out {}/set/labels.csv", "set/labels.csv"),
    "score, a recording": ("score {}/set --out {}/set/p.mp4", "set/p.mp4"),
    "score, its clips": ("score {}/set --out {}/new.csv --clips {}/set/p.mp4", "set/p.mp4"),
    "score, its model": ("score {}/set {}/m.onnx --out {}/m.onnx", "m.onnx"),
    "score, its journal": ("score {}/set --out {}/set/q", "set/q.partial"),
    "evaluate": ("evaluate {}/s.csv --csv {}/s.csv", "s.csv"),
    "evaluate, its dev": ("evaluate {}/s.csv --dev {}/d.csv --csv {}/d.csv", "d.csv"),
    "report": ("report {}/s.csv --out {}/s.csv", "s.csv"),
    "report, its model": ("report {}/s.csv --model {}/m.onnx --out {}/m.onnx", "m.onnx"),
    "convert": ("convert {}/s.csv {}/s.csv --to bob", "s.csv"),
    "stress": ("stress {}/set --out {}/set/labels.csv", "set/labels.csv"),
    "stress, its page": ("stress {}/set --out {}/new.csv --report {}/set/p.mp4", "set/p.mp4"),
    "stress, its summary": ("stress {}/set --out {}/new.csv --summary {}/set/p.mp4", "set/p.mp4"),
    "calibrate": ("calibrate {}/m.onnx {}/set --out {}/m.onnx", "m.onnx"),
    "calibrate, its page": ("calibrate {}/m.onnx {}/set --out {}/n.onnx --report {}/set/p.mp4", "set/p.mp4"),
    "calibrate, its scores": ("calibrate {}/m.onnx {}/set --out {}/n.onnx --scores {}/m.onnx", "m.onnx"),
    "selftest plan": ("selftest plan --out {}/new.csv --checklist {}/new.csv", None),
    "selftest report": ("selftest report {}/plan.csv {}/s.csv --out {}/s.csv", "s.csv"),
    "selftest report, its plan": ("selftest report {}/plan.csv {}/s.csv --out {}/plan.csv", "plan.csv"),
    "simulate": ("simulate --heads {}/m.onnx --out {}/m.onnx", "m.onnx"),
    "benchmark make": ("benchmark make --heads {}/m.onnx --out {}/m.onnx", "m.onnx"),
    "benchmark report": ("benchmark report {}/set --out {}/set/labels.csv", "set/labels.csv"),
    "experiment claims": ("experiment claims --data {}/set --out {}/o --docs {}/set/p.mp4", "set/p.mp4"),
    "prepare": ("prepare folder {}/set --out {}/set", "set"),
    "train": ("train --config sgtd_s_single --data {}/set --out {}/set", "set"),
    "train, its start": (
        "train --config sgtd_s_single --data {}/set --init {}/run/model.onnx --out {}/run",
        "run/model.onnx",
    ),
    "export": ("export {}/m.onnx --out {}/m.onnx", "m.onnx"),
    "fghv": ("fghv {}/m.onnx {}/set --out {}/m.onnx", "m.onnx"),
    "fghv, its drawing": ("fghv {}/m.onnx {}/set --out {}/new.csv --plane {}/m.onnx", "m.onnx"),
    "adapt": ("adapt {}/m.onnx {}/set --out {}/m.onnx", "m.onnx"),
    "import": ("import minifasnet {}/m.onnx --out {}/m.onnx", "m.onnx"),
    "benchmark ocim": ("benchmark ocim --config sgtd_s_single --data {}/set --out {}/set", "set"),
    "benchmark siw-m": ("benchmark siw-m --config sgtd_s_single --data {}/set --out {}/set", "set"),
    "search": (
        "search --over optimiser.rate=0.001..0.01 --config sgtd_s_single --data {}/set --out {}/set",
        "set",
    ),
    "demo": ("demo --model {}/out/print.mp4 --out {}/out", "out/print.mp4"),
    "sign": ("sign {}/m.onnx --key {}/key.pem --out {}/m.onnx", "m.onnx"),
    "sign, its key": ("sign {}/m.onnx --key {}/key.pem --out {}/key.pem", "key.pem"),
}
READ_ONLY = {"serve", "camera", "data", "doctor", "assets"}  # commands that write nothing


@pytest.fixture
def folder(tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]) -> Path:
    for name in ("a.mp4", "m.onnx", "key.pem", "set/p.mp4", "set/q.mp4", "set/q.partial", "frames/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    for name in ("run/model.onnx", "out/print.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(name.encode())
    rows = "path,label,instrument\np.mp4,bona_fide,\nq.mp4,attack,print/a4\nq.partial,attack,print/a4\n"
    (tmp_path / "set/labels.csv").write_text(rows)
    for name in ("s.csv", "d.csv"):
        (tmp_path / name).write_text(SCORES)
    assert unmask("selftest", "plan", "--out", tmp_path / "plan.csv", "--per-species", "3")[0] == 0
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_a_command_refuses_to_replace_what_it_reads(
    case: Any, folder: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    arguments, victim = CASES[case]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, out, err = unmask(*(word.replace("{}", str(folder)) for word in arguments.split()))
    assert code == 3, err
    assert ("would replace" if victim else "are both") in err
    assert victim is None or victim in err
    assert out == ""
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_every_command_that_writes_is_tried() -> None:
    tried = {case.partition(",")[0] for case in CASES}
    commands = {name for rows in COMMANDS.values() for name in rows}
    assert commands - READ_ONLY == tried


def spellings(folder: Path) -> dict[str, Path]:
    """Names under which a.txt can be reached."""
    (folder / "sub").mkdir()
    (folder / "soft.txt").symlink_to("a.txt")
    (folder / "chain.txt").symlink_to("soft.txt")
    os.link(folder / "a.txt", folder / "hard.txt")
    (folder / "elsewhere").symlink_to(folder)
    return {
        "itself": folder / "a.txt",
        "from here": Path(os.path.relpath(folder / "a.txt")),
        "up and down": folder / "sub" / ".." / "a.txt",
        "soft link": folder / "soft.txt",
        "link to a link": folder / "chain.txt",
        "hard link": folder / "hard.txt",
        "linked folder": folder / "elsewhere" / "a.txt",
    }


def test_an_input_is_known_under_every_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("read")
    for output in spellings(tmp_path).values():
        with pytest.raises(OutputError, match=r"--out .* would replace a file that is read"):
            keep_inputs({"--out": output}, [tmp_path / "a.txt"])
        keep_inputs({"--out": output}, [tmp_path / "other.txt"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize(
    "arguments",
    [
        "check {}/a.mp4 --report {}/pipe",
        "calibrate {}/m.onnx {}/set --out {}/pipe",
        "benchmark make --out {}/pipe",
        "experiment claims --data {}/pipe --out {}/new",
        "experiment claims --data {}/new --out {}/o --results {}/pipe",
    ],
)
def test_a_pipe_is_no_output_which_is_told_before_the_work(
    arguments: str, folder: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    os.mkfifo(folder / "pipe")
    code, out, err = unmask(*(word.replace("{}", str(folder)) for word in arguments.split()))
    assert (code, out) == (3, "")
    assert "pipe: it is not a plain file; name a file" in err
    assert "drawing" not in err


def test_two_outputs_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    for output in spellings(tmp_path).values():
        with pytest.raises(OutputError, match="--out and --report are both"):
            keep_inputs({"--out": tmp_path / "a.txt", "--report": output}, [])
    with pytest.raises(OutputError, match="are both"):
        keep_inputs({"--out": tmp_path / "new", "--report": tmp_path / "sub" / ".." / "new"}, [])


def test_a_folder_that_is_read_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "frames" / "deep").mkdir(parents=True)
    (tmp_path / "frames" / "deep" / "1.png").write_bytes(b"png")
    with pytest.raises(OutputError, match="would replace"):
        keep_inputs({"--out": tmp_path / "frames" / "deep" / "1.png"}, [tmp_path / "frames"])
    keep_inputs({"--out": tmp_path / "frames" / "new.html"}, [tmp_path / "frames"])


@pytest.mark.parametrize("name", ["rtsp://10.0.0.7/x", "camera:0", "", "nul\0byte", "p" * 5000])
def test_what_is_no_file_is_no_input(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("old")
    keep_inputs({"--out": tmp_path / "a.txt"}, [name])
