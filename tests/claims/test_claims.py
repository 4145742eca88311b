"""The claims' split on a planned benchmark, their variants, and tables from planted scores."""

import csv
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_benchmark import alive, until

from unmask.app import experiment_claims as command
from unmask.app.claims_report import report
from unmask.app.experiment_claims import Task
from unmask.claims.data import DOMAIN, INSTRUMENTS, TESTS, claim_parts
from unmask.claims.measures import CLAIMS, TESTS as REPORTED, Claim, Figures, read_runs, tried
from unmask.scores import write_scores
from unmask.simulate.benchmark import DOMAINS, SIZES, plan
from unmask.types import DataError, Label, OutputError, Presentation, Score


def planned() -> list[Presentation]:
    """A presentation for each recording of the small benchmark."""
    clips = plan(SIZES["small"], seed=1, subjects=[f"s{k:03}" for k in range(60)])
    return [
        Presentation(
            path=f"{number:05}.mp4",
            label=Label.ATTACK if clip.instrument else Label.BONA_FIDE,
            instrument=clip.instrument or "",
            dataset="simulated",
            split=clip.split,
            subject=clip.subject,
            camera=clip.camera,
            place=clip.place,
            instrument_model=clip.model,
            domain=clip.domain,
        )
        for number, clip in enumerate(clips)
    ]


@pytest.fixture(scope="module")
def parts() -> Any:
    return claim_parts(planned())


def test_nobody_who_is_tested_was_learnt_from(parts: Any) -> None:
    learnt = {p.subject for name in ("train", "dev") for p in parts[name]}
    assert not {p.subject for p in parts["train"]} & {p.subject for p in parts["dev"]}
    for test in TESTS:
        assert not learnt & {p.subject for p in parts[test]}, test


def test_train_and_dev_know_nothing_of_the_unseen_domain(parts: Any) -> None:
    domain_cameras = set(DOMAINS[DOMAIN])
    for name in ("train", "dev"):
        assert all(p.place != DOMAIN and p.domain != DOMAIN for p in parts[name])
        assert not domain_cameras & {p.camera for p in parts[name]}
        shown = {p.instrument_model for p in parts["domain"] if p.instrument.startswith(("print", "replay"))}
        assert not shown & {p.instrument_model for p in parts[name]}


def test_unseen_instruments_are_in_their_test_alone(parts: Any) -> None:
    for name in ("train", "dev", "domain"):
        assert not set(INSTRUMENTS) & {p.instrument for p in parts[name]}, name
    assert {p.instrument for p in parts["instruments"]} == {"", *INSTRUMENTS}


def test_the_unseen_instruments_are_shown_at_known_places_with_known_cameras(parts: Any) -> None:
    assert all(p.place != DOMAIN and p.camera not in DOMAINS[DOMAIN] for p in parts["instruments"])


def test_every_test_has_people_enough_for_an_interval(parts: Any) -> None:
    for test in TESTS:
        assert len({p.subject for p in parts[test]}) >= 15
        assert sum(p.label is Label.ATTACK for p in parts[test]) >= 30


def test_a_benchmark_without_one_of_the_instruments_is_refused() -> None:
    rows = [p for p in planned() if p.domain != DOMAIN or not p.instrument]
    with pytest.raises(DataError, match="no attack presentation for domain"):
        claim_parts(rows)


def scores(
    rng: np.random.Generator, *, gap: float, system: str, seed: int, tests: Any = tuple(REPORTED)
) -> list[Score]:
    rows = []
    for part in ("dev", *tests):
        for person in range(12):
            for k in range(6):
                bona_fide = k % 2 == 0
                rows.append(
                    Score(
                        presentation=Presentation(
                            path=f"{part}-{person}-{k}",
                            label=Label.BONA_FIDE if bona_fide else Label.ATTACK,
                            instrument="" if bona_fide else ("print", "mask")[k // 2 % 2],
                            subject=f"{part}-s{person}",
                        ),
                        score=float(gap * bona_fide + rng.normal()),
                        columns={"split": "dev" if part == "dev" else "test", "part": part},
                    )
                )
    return rows


def write_run(out: Any, system: str, seed: int, *, gap: float, tests: Any = tuple(REPORTED)) -> None:
    rng = np.random.default_rng([seed, sum(map(ord, system))])
    folder = out / "runs" / f"{system}-{seed}"
    folder.mkdir(parents=True)
    rows = scores(rng, gap=gap, system=system, seed=seed, tests=tests)
    write_scores(folder / f"scores-{system}.csv", rows)
    record = {
        "variant": system,
        "seed": seed,
        "systems": {system: f"the system {system}"},
        "network": "n",
        "parameters": 1000,
        "steps": 10,
        "images": 160,
        "train_s": 1.0,
        "train_cpu_s": 1.0,
        "all_s": 2.0,
        "all_cpu_s": 2.0,
        "resumed": False,
        "command": "unmask experiment claims",
        "commit": "abc",
        "machine": "m",
        "date": "2026-01-01",
        "data_sha256": "00",
        "preset": "s",
    }
    (folder / "run.json").write_text(json.dumps(record))


PLANTED = {
    "good": Claim(words="Good is better", better="strong", worse="weak", paper="P"),
    "bad": Claim(words="Bad is better", better="weak", worse="strong", paper="P"),
    "none": Claim(words="Twins differ", better="strong", worse="twin", paper="P"),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("claims")
    for system, gap in {"strong": 3.0, "twin": 3.0, "weak": 1.0}.items():
        for seed in (1, 2):
            write_run(out, system, seed, gap=gap)
    return out


def test_planted_runs_get_the_verdicts_that_they_were_planted_for(planted: Path) -> None:
    found = tried(Figures(read_runs(planted), rounds=200), PLANTED)
    verdicts = {(row.claim, row.test, row.figure): row.verdict for row in found}
    for test in REPORTED:
        assert verdicts["good", test, "auc"] == "holds"
        assert verdicts["good", test, "hter"] == "holds"
        assert verdicts["bad", test, "auc"] == "does not hold"
        assert verdicts["none", test, "auc"] == "not shown"
    assert {row.seeds for row in found} == {2}


def test_a_run_that_is_not_done_counts_for_nothing(planted: Path, tmp_path: Path) -> None:
    write_run(tmp_path, "strong", 1, gap=3.0)
    (tmp_path / "runs" / "weak-1").mkdir()  # killed before it was done
    assert tried(Figures(read_runs(tmp_path), rounds=10), PLANTED) == []


def test_a_system_without_a_test_is_compared_on_the_others(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_run(tmp_path, "strong", seed, gap=3.0)
        write_run(tmp_path, "weak", seed, gap=1.0, tests=("domain", "instruments"))
    runs, docs = read_runs(tmp_path), tmp_path / "page.md"
    found = tried(Figures(runs, rounds=50), {"good": PLANTED["good"]})
    assert {row.test for row in found} == {"domain", "instruments"}
    report(tmp_path, claims=PLANTED, results=tmp_path, docs=docs, rounds=50, name="other", head="# Others")
    text = docs.read_text()
    assert text.startswith("# Others")
    assert "On real items" not in text  # no claim was tried on them
    assert "| strong | real items |" in text
    assert "| weak | real items |" not in text
    assert "real 36 bona fide and 36 attacks of 12 sources" in text
    assert (tmp_path / "other_differences.svg").is_file()


def test_tables_figures_and_page_come_from_the_files_alone(planted: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs" / "claims.md"
    report(planted, claims=PLANTED, results=tmp_path / "results", docs=docs, rounds=100)
    rows = list(csv.DictReader((tmp_path / "results" / "claims.csv").read_text().splitlines()))
    assert len(rows) == len(PLANTED) * len(REPORTED) * 3
    assert {row["commit"] for row in rows} == {"abc"}
    runs = list(csv.DictReader((tmp_path / "results" / "claims_runs.csv").read_text().splitlines()))
    assert len(runs) == 3 * 2 * len(REPORTED)
    text = docs.read_text()
    assert "**does not hold** (1): Bad is better." in text
    assert "**not shown** (1): Twins differ." in text
    for name in ("claims_differences.svg", "claims_networks.svg"):
        drawing = (docs.parent / name).read_bytes()
        assert b"<svg" in drawing
        assert drawing == (tmp_path / "results" / name).read_bytes()


class AtOnce:
    """An executor that works in the calling thread."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def submit(self, work: Any, *args: Any, **named: Any) -> Any:
        from concurrent.futures import Future

        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **named))
        except Exception as error:
            future.set_exception(error)
        return future


def worked_off(monkeypatch: pytest.MonkeyPatch, *, fails: str = "", done: Any = ()) -> Any:
    monkeypatch.setattr(command, "WorkerPool", AtOnce)
    order = []

    def work(variant: Any, *, seed: Any) -> None:
        if variant == fails:
            raise DataError("planted")
        order.append((variant, seed))

    tasks = [Task(1, "multi"), Task(1, "single"), Task(1, "other")]
    needs = {Task(1, "multi"): Task(1, "single")}
    failed = command.work_off(tasks, done=set(done), needs=needs, work=work, jobs=2)
    return order, failed


def test_stage_2_waits_for_stage_1(monkeypatch: pytest.MonkeyPatch) -> None:
    order, failed = worked_off(monkeypatch)
    assert order.index(("single", 1)) < order.index(("multi", 1))
    assert len(order) == 3
    assert failed == []


def test_what_is_done_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    order, _ = worked_off(monkeypatch, done=[Task(1, "single")])
    assert sorted(order) == [("multi", 1), ("other", 1)]


def test_a_training_that_fails_takes_its_successors_along_and_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order, failed = worked_off(monkeypatch, fails="single")
    assert order == [("other", 1)]
    assert {task.variant for task in failed} == {"single", "multi"}
    assert "planted" in capsys.readouterr().err


KILLED = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from unmask.parallel import end_with_parent

def work(mark):
    Path(mark).write_text(str(os.getpid()))
    time.sleep(60)

if __name__ == "__main__":
    spawn = get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=end_with_parent) as pool:
        pool.submit(work, sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process there does not learn that its parent ended")
def test_a_worker_ends_soon_after_a_command_that_was_killed(tmp_path: Path) -> None:
    script, mark = tmp_path / "killed.py", tmp_path / "worker"
    script.write_text(KILLED)
    command_ = subprocess.Popen([sys.executable, str(script), str(mark)])
    until(lambda: mark.is_file() and mark.read_text())
    worker = int(mark.read_text())
    command_.kill()
    command_.wait()
    until(lambda: not alive(worker))


def test_runs_of_another_benchmark_are_not_mixed_in(tmp_path: Path) -> None:
    command.claim_folder(tmp_path, {"data_sha256": "a"})
    command.claim_folder(tmp_path, {"data_sha256": "a"})
    with pytest.raises(OutputError, match="another benchmark"):
        command.claim_folder(tmp_path, {"data_sha256": "b"})


def test_a_claim_speaks_of_two_systems_that_differ() -> None:
    for name, claim in CLAIMS.items():
        assert claim.better != claim.worse, name
        assert set(asdict(claim)) == {"words", "better", "worse", "paper"}
