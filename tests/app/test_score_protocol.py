"""`unmask score --protocol`: from folders to a table and its rates, with a stub for the networks."""

import csv
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unmask.app import score_rows
from unmask.app.cli import main
from unmask.app.score_rows import Entry, ScoreOutput, write_rows
from unmask.data.protocols import PROTOCOLS
from unmask.data.splits import Protocol, Split
from unmask.detector import scoring
from unmask.detector.scoring import PresentationScorer
from unmask.types import Label, OutputError, Presentation, Reason, SourceError, Verdict

PROTOCOL = "simulated/oulu-1"
COLUMNS = "path,label,instrument,subject,camera,instrument_model,place,domain,split,like\n"
TAKES = (("", "", ""), ("print/a4", "printer", "print"), ("replay/phone", "phone", "replay"))
SCORED = [*(f"videos/dev-{k}.mp4" for k in range(6)), *(f"videos/test-{k}.mp4" for k in range(12, 24))]


def benchmark(root: Path) -> Path:
    """The layout of the simulated benchmark: in each part, half of the people in the unseen place."""
    rows = []
    for part in ("train", "dev", "test"):
        for number in range(24 if part == "test" else 12):
            instrument, model, like = TAKES[number % 3]
            place = "room" if number >= (12 if part == "test" else 6) else "hall"
            cells = [f"videos/{part}-{number}.mp4", "attack" if like else "bona_fide", instrument]
            rows.append([*cells, f"{part}-{number // 3}", "c1", model, place, "d1", part, like])
    for folder, suffix in (("videos", "mp4"), ("truth", "npz")):
        (root / folder).mkdir(parents=True)
        for row in rows:
            (root / folder / f"{Path(row[0]).stem}.{suffix}").touch()
    (root / "labels.csv").write_text(COLUMNS + "".join(",".join(row) + "\n" for row in rows))
    (root / "benchmark.json").write_text("{}")
    return root


class Stub:
    """Stands for Detector: a score drawn from the file's name, higher for the living."""

    def __init__(self, *, version: str = "1") -> None:
        self.contracts = [SimpleNamespace(name="stub", version=version, payload_sha256=f"ab{version}")]
        self.asked: list[str] = []
        self.broken_off_after = 1000
        self.unreadable = {"test-13.mp4"}
        self.faceless = {"test-12.mp4"}

    def check(self, presentation: Presentation, *, fps: float) -> SimpleNamespace:
        name = Path(presentation.path).name
        if len(self.asked) == self.broken_off_after:
            raise KeyboardInterrupt
        self.asked.append(name)
        if name in self.unreadable:
            raise SourceError(f"{name} breaks off after 3 frames; copy it again")
        drawn = hashlib.sha256(name.encode()).digest()[0] / 1000
        score = (
            float("nan") if name in self.faceless else drawn + (0.15 if not presentation.instrument else 0)
        )
        clips = [SimpleNamespace(time_s=0.4 + k, score=score + k / 8) for k in range(2)]
        return SimpleNamespace(
            verdict=Verdict.UNDECIDED,
            score=score,
            threshold=0.5,
            reasons=(Reason.NO_FACE,) if name in self.faceless else (Reason.EVIDENCE_WEAK,),
            faces=[] if name in self.faceless else [SimpleNamespace(clips=clips)],
            model_name="stub",
            model_version="1",
        )


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    made = Stub()
    stands_for_models(monkeypatch, made)
    return made


def stands_for_models(monkeypatch: pytest.MonkeyPatch, made: Stub) -> None:
    monkeypatch.setattr(scoring, "loaded", lambda _: made)
    monkeypatch.setattr(scoring, "contracts_of", lambda _: made.contracts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return benchmark(tmp_path / "bench")


@pytest.fixture
def score(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, stub: Stub
) -> Any:
    """Runs `unmask score ... --protocol P --out scores.csv` in this process: (exit code, stdout, stderr)."""

    def run(*arguments: object, protocol: str = PROTOCOL) -> tuple[int, str, str]:
        fixed = ["--protocol", protocol, "--out", tmp_path / "scores.csv", "--jobs", "1"]
        monkeypatch.setattr(sys, "argv", ["unmask", "score", *map(str, (*arguments, *fixed))])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def sentences(text: str) -> str:
    """One line, as the terminal would have it without its width."""
    return " ".join(text.split())


def test_the_table_holds_dev_and_test_and_is_evaluated(score: Any, root: Path, tmp_path: Path) -> None:
    code, out, err = score(root)
    table = rows(tmp_path / "scores.csv")
    assert code == 0, err
    assert [row["presentation"] for row in table] == SCORED
    assert {row["split"] for row in table} == {"dev", "test"}
    assert {(row["protocol"], row["model"], row["dataset"]) for row in table} == {
        (PROTOCOL, "stub 1", "simulated")
    }
    header = list(table[0])
    assert header[:9] == [
        *("presentation", "subject", "label", "instrument", "score", "split", "protocol", "model", "dataset")
    ]
    assert header[-3:] == ["verdict", "reasons", "threshold"]
    assert table[0]["depth"] == "truth/dev-0.npz"  # wherever the folder lies
    for words in (f"stub 1 on {PROTOCOL}: 4 bona fide and 8 attacks in test, 2 and 4 in dev", "dev-eer"):
        assert words in sentences(out)
    assert "oracle (on test)" in out
    assert not list(tmp_path.glob("*.part*"))


def test_a_failure_to_acquire_is_a_row_without_a_score(score: Any, root: Path, tmp_path: Path) -> None:
    _, _, err = score(root)
    table = {row["presentation"]: row for row in rows(tmp_path / "scores.csv")}
    silent = {name: row["reasons"] for name, row in table.items() if not row["score"]}
    assert silent == {"videos/test-12.mp4": "NO_FACE", "videos/test-13.mp4": "UNREADABLE"}
    assert "test-13.mp4 breaks off after 3 frames" in err
    assert "2 of 18 presentations have no score (NO_FACE 1, UNREADABLE 1)" in sentences(err)


def test_clips_have_a_table_of_their_own(score: Any, root: Path, tmp_path: Path) -> None:
    score(root, "--clips", tmp_path / "clips.csv")
    clips = rows(tmp_path / "clips.csv")
    assert list(clips[0]) == ["presentation", "time_s", "score"]
    assert [row["time_s"] for row in clips] == ["0.400", "1.400"] * 16
    assert float(clips[1]["score"]) == pytest.approx(float(clips[0]["score"]) + 0.125)


def test_train_is_scored_on_demand(score: Any, root: Path, tmp_path: Path) -> None:
    score(root, "--train")
    assert [row["split"] for row in rows(tmp_path / "scores.csv")] == [
        *["train"] * 6,
        *["dev"] * 6,
        *["test"] * 12,
    ]


@pytest.mark.parametrize("after", [0, 1, 7, 17])
def test_broken_off_and_started_again_it_gives_the_same_bytes(
    score: Any, root: Path, stub: Stub, tmp_path: Path, after: int
) -> None:
    score(root, "--clips", tmp_path / "clips.csv")
    whole = [(tmp_path / name).read_bytes() for name in ("scores.csv", "clips.csv")]
    for name in ("scores.csv", "clips.csv"):
        (tmp_path / name).unlink()
    stub.asked.clear()
    stub.broken_off_after = after
    code, out, _ = score(root, "--clips", tmp_path / "clips.csv")
    assert (code, out) == (130, "")
    assert not (tmp_path / "scores.csv").exists()
    stub.broken_off_after = 1000
    code, _, err = score(root, "--clips", tmp_path / "clips.csv")
    assert code == 0
    read = after - (after > 7)  # the eighth cannot be read, and is tried again
    assert not read or f"{read} of 18 presentations were scored before; going on" in err
    assert [(tmp_path / name).read_bytes() for name in ("scores.csv", "clips.csv")] == whole
    assert len(stub.asked) == 18 + after - read  # no other twice


def test_what_another_run_left_is_refused(
    score: Any, root: Path, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.broken_off_after = 3
    score(root)
    assert "with another protocol; finish that run" in score(root, protocol="simulated/depth-real")[2]
    assert "with another list of presentations;" in score(root, "--train")[2]
    assert "with another precision, operating point or frame rate;" in score(root, "--fps", 25)[2]
    stands_for_models(monkeypatch, Stub(version="2"))
    code, out, err = score(root)
    assert (code, out) == (3, "")
    assert "with another model;" in err
    assert not (tmp_path / "scores.csv").exists()


def test_a_model_may_stand_among_the_folders(score: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PresentationScorer] = []

    def loaded(scorer: PresentationScorer) -> Stub:
        seen.append(scorer)
        return Stub()

    monkeypatch.setattr(scoring, "loaded", loaded)
    monkeypatch.setattr(scoring, "contracts_of", lambda _: [])
    assert score("mine.onnx", root, "--model", "other.onnx")[0] == 0
    assert seen[0].models == ("mine.onnx", "other.onnx")


WRONG = {
    "unknown protocol": (["{root}"], "oulu-1", "there is no protocol 'oulu-1'; the nearest are", 3),
    "wrong root": (
        ["{root}/videos"],
        PROTOCOL,
        "has no benchmark.json: it is not the simulated benchmark",
        3,
    ),
    "no root": (["{root}/none"], PROTOCOL, "has no benchmark.json", 3),
    "nothing": (["m.onnx"], PROTOCOL, "there is nothing to score; name a folder", 4),
    "twice": (["{root}", "simulated={root}"], PROTOCOL, "needs one folder of simulated, not", 4),
    "unknown name": (["simulatd={root}"], PROTOCOL, "no data set 'simulatd'; the nearest are simulated", 4),
    "superfluous": (["simulated={root}", "siw={root}"], PROTOCOL, "does not use siw; leave it out", 4),
    "unnamed": (["{root}"], "ocim/mi-to-c", "needs several data sets; name each: msu-mfsd=FOLDER", 4),
    "missing": (
        ["msu-mfsd={root}"],
        "ocim/mi-to-c",
        "needs replay-attack and casia-fasd too; give msu-mf",
        4,
    ),
    "labels": (["{root}", "--labels", "x.csv"], PROTOCOL, "--labels and --by belong to a labelled folder", 4),
    "one file": (["{root}", "--clips", "{out}"], PROTOCOL, "--out and --clips are both", 3),
    "a folder": (["{root}", "--clips", "{root}"], PROTOCOL, "it is not a plain file", 3),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_sentence_before_anything_is_scored(
    score: Any, root: Path, stub: Stub, tmp_path: Path, case: Any
) -> None:
    given, protocol, sentence, expected = WRONG[case]  # 3: cannot be read; 4: asked for wrongly
    arguments = [word.format(root=root, out=tmp_path / "scores.csv") for word in given]
    code, out, err = score(*arguments, protocol=protocol)
    assert (code, out, stub.asked) == (expected, "", [])
    assert sentence in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bench"]


def test_without_a_protocol_one_folder_is_scored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["unmask", "score", str(root), str(root)])
    with pytest.raises(SystemExit):
        main()
    assert "without --protocol, one labelled folder is scored" in capsys.readouterr().err


def planted(monkeypatch: pytest.MonkeyPatch, needs: tuple[str, ...], **parts: list[str]) -> str:
    """A protocol of folders whose parts hold the presentations of these names."""

    def split(presentations: Any) -> Any:
        by_name = {Path(p.path).stem: p for p in presentations}
        return Split(
            **{part: tuple(by_name[n] for n in parts.get(part, [])) for part in ("train", "dev", "test")}
        )

    monkeypatch.setitem(
        PROTOCOLS, "mine", Protocol(name="mine", question="", needs=needs, split=split, folds="mines")
    )
    return "mine"


BOTH = [f"test-{n}" for n in range(12)]


def test_one_class_is_refused_before_anything_is_scored(
    score: Any, root: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch, ("folder",), dev=["dev-1", "dev-2"], test=BOTH)
    code, out, err = score(root, protocol="mine")
    assert (code, out, stub.asked) == (3, "", [])
    assert "mine: dev holds 2 presentations and no bona fide presentation; rates need both" in err


def test_shared_subjects_are_refused_before_anything_is_scored(
    score: Any, root: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch, ("folder",), dev=["test-0", "test-1"], test=BOTH[2:])
    code, out, err = score(root, protocol="mine")
    assert (code, out, stub.asked) == (3, "", [])
    assert "dev and test share 1 subjects, folder:test-0 among them" in err


def test_without_dev_there_is_no_honest_threshold(
    score: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch, ("folder",), test=BOTH)
    code, out, err = score(root, protocol="mine")
    assert code == 0
    assert "mine has no dev, so there is no honest threshold" in err
    assert "mine is a fold of mines: `unmask evaluate --folds` takes the tables" in err
    assert "No honest threshold" in out
    assert "dev-eer" not in out


def test_of_several_sets_each_is_named_in_the_rows(
    score: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = benchmark(tmp_path / "a=b")
    planted(monkeypatch, ("folder", "simulated"), dev=[f"dev-{n}" for n in range(12)], test=BOTH)
    code, _, err = score(f"simulated={root}", f"folder={other}", protocol="mine")
    assert code == 0, err
    table = rows(tmp_path / "scores.csv")
    assert {row["presentation"].partition("/")[0] for row in table} == {row["dataset"] for row in table}


def test_if_nothing_could_be_read_there_are_no_rates(
    score: Any, root: Path, stub: Stub, tmp_path: Path
) -> None:
    stub.unreadable = {Path(name).name for name in SCORED}
    code, out, err = score(root)
    assert (code, out) == (3, "")
    assert "18 of 18 presentations have no score (UNREADABLE 18), so there are no rates" in sentences(err)
    assert err.count("copy it again") == 10
    assert len(rows(tmp_path / "scores.csv")) == 18


class Lethal(Presentation):
    """Ends the process that it is sent to."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def listed(count: int, kind: type[Presentation]) -> Iterator[Entry]:
    for number in range(count):
        path = f"none-{number}.mp4"
        one = (kind if number == 2 else Presentation)(path=path, label=Label.ATTACK, instrument="print")
        yield Entry(presentation=one, name=path)


def test_a_killed_worker_is_one_sentence_and_what_was_scored_stays(
    tmp_path: Path, stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ScoreOutput(table=tmp_path / "scores.csv", jobs=2)
    with pytest.raises(OutputError, match=r"was killed, .* with [0-2] of 4 presentations scored and kept in"):
        write_rows(list(listed(4, Lethal)), PresentationScorer(), output, title="")
    assert not (tmp_path / "scores.csv").exists()


def test_a_disk_that_is_full_at_the_end_costs_no_score(
    score: Any, root: Path, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Any, rows: Any) -> None:
        raise OutputError(f"cannot write {path}: the disk is full; free some space or choose another place")

    with monkeypatch.context() as patched:
        patched.setattr(score_rows, "write_scores", full)
        code, out, err = score(root)
    assert (code, out) == (3, "")
    assert "the disk is full; free some space" in err
    stub.asked.clear()
    assert score(root)[0] == 0
    assert stub.asked == ["test-13.mp4"]  # the one that could not be read
    assert len(rows(tmp_path / "scores.csv")) == 18


def test_a_labelled_folder_has_clips_and_goes_on_too(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    root: Path,
    stub: Stub,
    tmp_path: Path,
) -> None:
    tables = ["--out", tmp_path / "scores.csv", "--clips", tmp_path / "clips.csv"]
    stub.broken_off_after = 30
    for code in (130, 0):
        monkeypatch.setattr(sys, "argv", ["unmask", "score", str(root), *map(str, tables), "--jobs", "1"])
        with pytest.raises(SystemExit) as left:
            main()
        assert (left.value.code or 0) == code
        stub.broken_off_after = 1000
    table = rows(tmp_path / "scores.csv")
    assert len(table) == 48
    assert not {"protocol", "model"} & set(table[0])
    assert len(rows(tmp_path / "clips.csv")) == 2 * 46
    assert "BPCER" in capsys.readouterr().out
