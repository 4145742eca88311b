"""Recordings changed on purpose: what is changed, that it goes the one way, and what is said of it."""

import csv
import math
from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from test_detector import LIVE, PRINT, Judge, Squares

from present import present
from unmask.detector import scoring, watch
from unmask.detector.detector import Detector
from unmask.detector.watch import WatchSettings
from unmask.evaluation import perturbed as stress_module
from unmask.evaluation.stress import effects
from unmask.media.changes import CHANGES, NONE, changed, read_doses
from unmask.media.clips import BoxMove, clip_box, moved_box
from unmask.media.sources import Source
from unmask.report.stress_page import page, section
from unmask.scores.stress import StressRow, read_stress, write_stress
from unmask.types import DataError, Frame, Label, Presentation, Score, SettingsError, Verdict


def _pictures(rng: np.random.Generator, count: int = 12) -> list[np.ndarray]:
    """Smooth colours with an edge, (48, 64, 3): something that coding, blur and noise each touch."""
    y, x = np.mgrid[0:48, 0:64]
    base = 90 + 60 * np.sin(x / 9.0)[..., None] + 30 * np.cos(y / 7.0)[..., None] + 20 * (x > 30)[..., None]
    noise = rng.normal(0, 4, (count, 48, 64, 3))
    return list(np.clip(base + noise, 0, 255).astype(np.uint8))


def _source(pictures: list[np.ndarray], *, fps: float = 30.0, kind: Any = "video") -> Source:
    frames = (Frame(image=image, time_s=i / fps, index=i) for i, image in enumerate(pictures))
    return Source(name="given", kind=kind, frames=frames, frame_count=len(pictures), fps=fps)


def _after(pictures: list[np.ndarray], name: str, strength: float, *, seed: int = 1, number: int = 0) -> Any:
    found = changed(_source(pictures), name, strength, seed=seed, number=number)
    assert found is not None
    return list(found[0].frames), found[1]


PICTURE_CHANGES = [name for name, change in CHANGES.items() if change.frames and not change.moving]


@pytest.mark.parametrize("name", [name for name in PICTURE_CHANGES if name not in ("mirror", "gamma")])
def test_a_stronger_change_changes_more(rng: np.random.Generator, name: Any) -> None:
    pictures = _pictures(rng)
    strengths = CHANGES[name].strengths
    off = []
    for strength in strengths:
        after = np.stack([frame.image for frame in _after(pictures, name, strength)[0]])
        off.append(np.abs(after.astype(int) - np.stack(pictures)).mean())
    assert off[0] > 0
    assert off == sorted(off)


@pytest.mark.parametrize("name", PICTURE_CHANGES)
def test_a_change_keeps_size_kind_and_times(rng: np.random.Generator, name: Any) -> None:
    pictures = _pictures(rng)
    frames, move = _after(pictures, name, CHANGES[name].strengths[-1])
    assert [f.image.shape for f in frames] == [p.shape for p in pictures]
    assert all(f.image.dtype == np.uint8 for f in frames)
    assert [f.time_s for f in frames] == [i / 30 for i in range(12)]
    assert move == BoxMove()


@pytest.mark.parametrize("name", CHANGES)
def test_the_same_seed_does_the_same_and_no_change_is_no_change(rng: np.random.Generator, name: Any) -> None:
    pictures, strength = _pictures(rng), CHANGES[name].strengths[0]
    once, again = _after(pictures, name, strength), _after(pictures, name, strength)
    assert [f.index for f in once[0]] == [f.index for f in again[0]]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(once[0], again[0], strict=True))
    assert once[1] == again[1]
    kept = _after(pictures, NONE, 0.0)[0]
    assert all(np.array_equal(f.image, p) for f, p in zip(kept, pictures, strict=True))


def test_noise_of_two_presentations_differs_and_grows_along_itself(rng: np.random.Generator) -> None:
    grey = [np.full((48, 64, 3), 128, np.uint8)]
    weak, strong = (_after(grey, "noise", s)[0][0].image.astype(float) - 128 for s in (5.0, 10.0))
    other = _after(grey, "noise", 5.0, number=1)[0][0].image.astype(float) - 128
    assert np.corrcoef(weak.ravel(), strong.ravel())[0, 1] > 0.99
    assert abs(np.corrcoef(weak.ravel(), other.ravel())[0, 1]) < 0.1
    assert strong.std() == pytest.approx(10, rel=0.05)


def test_gamma_mirror_and_shrinking_do_what_they_say(rng: np.random.Generator) -> None:
    picture = _pictures(rng, 1)
    assert np.array_equal(_after(picture, "mirror", 1.0)[0][0].image, picture[0][:, ::-1])
    squared = np.round(255 * (picture[0] / 255.0) ** 2)
    assert np.array_equal(_after(picture, "gamma", 2.0)[0][0].image, squared.astype(np.uint8))
    checks = [np.kron(np.indices((24, 32)).sum(0) % 2, np.ones((1, 1)))[..., None].repeat(3, 2)]
    checks = [(255 * checks[0]).astype(np.uint8)]
    assert np.ptp(_after(checks, "size", 0.5)[0][0].image) < 5  # a grid finer than the small picture is gone


def test_frames_are_dropped_and_thinned_and_keep_their_times() -> None:
    pictures = [np.full((8, 8, 3), i, np.uint8) for i in range(120)]
    kept, _ = _after(pictures, "drops", 0.5)
    assert 40 < len(kept) < 80
    assert kept[0].index == 0
    assert all(f.time_s == f.index / 30 and f.image[0, 0, 0] == f.index for f in kept)
    slow, _ = _after(pictures, "rate", 10.0)
    assert [f.index for f in slow] == list(range(0, 120, 3))
    assert [f.index for f in _after(pictures, "rate", 7.5)[0]] == list(range(0, 120, 4))


def test_what_moves_means_nothing_to_a_picture() -> None:
    still = _source([np.zeros((8, 8, 3), np.uint8)], kind="image")
    assert changed(still, "drops", 0.5, seed=0, number=0) is None
    assert changed(still, "jpeg", 50.0, seed=0, number=0) is not None


def test_closing_a_changed_source_lets_go_of_the_file() -> None:
    closed = []

    def frames() -> Generator[Frame, None, None]:
        try:
            for i in range(100):
                yield Frame(image=np.zeros((8, 8, 3), np.uint8), time_s=i / 30, index=i)
        finally:
            closed.append(i)

    source = Source(name="given", kind="video", frames=frames(), frame_count=100, fps=30.0)
    found = changed(source, "blur", 1.0, seed=0, number=0)
    assert found is not None
    next(found[0].frames)
    found[0].close()
    assert closed == [0]


def test_a_box_grows_about_its_middle_and_moves_by_so_many_pixels() -> None:
    box = np.array([20, 30, 141, 151], np.float32)
    grown = moved_box(box, BoxMove(growth=145 / 121))
    assert (grown[2:] - grown[:2]).tolist() == [145, 145]
    assert np.allclose(grown[:2] + grown[2:], box[:2] + box[2:])
    assert (moved_box(box, BoxMove(right=3, down=-4)) - box).tolist() == [3, -4, 3, -4]
    for number in range(20):
        move = _after([], "box-shift", 8.0, number=number)[1]
        assert math.hypot(move.right, move.down) == pytest.approx(8)


@pytest.mark.parametrize("text", ["sharpen", "jpeg=", "jpeg=fifty", "jpeg=0", "blur=nan", "jpeg=50,"])
def test_a_change_that_is_none_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match=r"change|strength is a number"):
        read_doses([text])


# From here on with a planted detector: a face is a square on black, its brightness is the score.


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """In place of the packaged networks; what it was shown is in `seen`."""
    network = Judge(1)
    detector = Detector([network], finder=Squares(), point="default", settings=WatchSettings())
    monkeypatch.setattr(watch, "judge", lambda sighting: ())
    monkeypatch.setattr(scoring, "loaded", lambda scorer: detector)
    monkeypatch.setattr(scoring, "contracts_of", lambda scorer: detector.contracts)
    monkeypatch.setattr(stress_module, "loaded", lambda scorer: detector)
    return network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three living faces, two prints, one picture without a face."""
    root = tmp_path / "set"
    root.mkdir()
    lines = ["path,label,instrument,subject"]
    for n, light in enumerate([LIVE, LIVE - 20, 140, PRINT, 100, 0]):
        image = np.zeros((160, 240, 3), np.uint8)
        image[40:120, 80:160] = light
        cv2.imwrite(str(root / f"{n}.png"), image)
        lines.append(f"{n}.png,{'attack,print/matt' if n in (3, 4) else 'bona_fide,'},s{n}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def test_the_network_sees_the_changed_picture_in_the_moved_box(judge: Judge, folder: Path) -> None:
    detector = scoring.loaded(cast(Any, None))
    straight = detector.check(folder / "0.png")
    assert straight.score == pytest.approx(LIVE / 255)
    grown = detector.check(folder / "0.png", move=BoxMove(growth=2.0))
    boxes = [clip.box for clip in judge.seen]
    assert (boxes[1][2] - boxes[1][0]) == 2 * (boxes[0][2] - boxes[0][0])
    assert grown.verdict is Verdict.LIVE
    mesh = Squares().find(cv2.imread(str(folder / "0.png")))[0].mesh
    assert np.array_equal(boxes[0], clip_box(mesh, scale=1.3))  # unmoved, it is the box of the one path


def _run(unmask: Any, folder: Path, out: Path, *more: object) -> tuple[int, str, str]:
    return unmask("stress", folder, "--out", out, "--jobs", 1, *more, width=200)


def test_the_table_has_a_row_for_each_presentation_change_and_strength(
    unmask: Callable[..., tuple[int, str, str]], judge: Judge, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "stress.csv"
    wanted = ("--change", "gamma=0.5,2", "--change", "mirror", "--change", "drops")
    code, shown, told = _run(unmask, folder, out, *wanted, "--report", tmp_path / "s.html")
    assert code == 0, told
    rows = list(csv.DictReader(out.read_text().splitlines()))
    header = "change,strength,presentation,subject,label,instrument,score,verdict"
    assert out.read_text().startswith(header)
    assert [(r["change"], r["strength"]) for r in rows[::6]] == [
        ("none", "0"),
        ("gamma", "0.5"),
        ("gamma", "2"),
        ("mirror", "1"),
    ]  # of pictures no frame can be dropped
    by = {(r["change"], r["strength"], r["presentation"]): r for r in rows}
    darker = 255 * (140 / 255) ** 2
    assert float(by["gamma", "2", "2.png"]["score"]) == pytest.approx(darker / 255, abs=0.003)
    assert (by["none", "0", "2.png"]["verdict"], by["gamma", "2", "2.png"]["verdict"]) == (
        "UNDECIDED",
        "ATTACK",
    )
    assert by["none", "0", "5.png"]["score"] == ""
    assert by["mirror", "1", "0.png"]["score"] == by["none", "0", "0.png"]["score"]
    assert "gamma" in shown
    assert "<script" not in (tmp_path / "s.html").read_text()


def test_a_run_that_was_killed_goes_on_and_ends_the_same(
    unmask: Callable[..., tuple[int, str, str]],
    judge: Judge,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    doses = ("--change", "jpeg=50", "--change", "noise=5")
    assert _run(unmask, folder, whole, *doses)[0] == 0
    before, count = stress_module.tried, 0

    def dying(*given: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == 8:
            raise KeyboardInterrupt
        return before(*given, **named)

    monkeypatch.setattr(stress_module, "tried", dying)
    assert _run(unmask, folder, broken, *doses)[0] == 130
    assert not broken.exists()
    count = -100
    code, _, told = _run(unmask, folder, broken, *doses)
    assert (code, count) == (0, -100 + 18 - 7)
    assert "7 of 18 trials were done before" in told
    assert broken.read_bytes() == whole.read_bytes()


def test_another_run_is_not_gone_on_with(
    unmask: Callable[..., tuple[int, str, str]],
    judge: Judge,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, before = tmp_path / "stress.csv", stress_module.tried

    def dying(detector: Any, trial: Any, **named: Any) -> Any:
        if trial.number == 1:
            raise KeyboardInterrupt
        return before(detector, trial, **named)

    monkeypatch.setattr(stress_module, "tried", dying)
    assert _run(unmask, folder, out, "--change", "noise=5")[0] == 130
    code, _, told = _run(unmask, folder, out, "--change", "noise=5", "--seed", 2)
    assert code == 3
    assert "was broken off with another seed" in told


def _rows(change: str, strength: float, scores: list[float], verdicts: str) -> list[StressRow]:
    """Two bona fide, two prints, a mask; verdicts by their first letters, threshold 0.5."""
    kinds = ["", "", "print", "print", "mask"]
    long = {"L": "LIVE", "A": "ATTACK", "U": "UNDECIDED"}
    return [
        StressRow(
            change=change,
            strength=strength,
            score=Score(
                presentation=Presentation(
                    path=f"p{n}", label=Label.ATTACK if kind else Label.BONA_FIDE, instrument=kind
                ),
                score=score,
                columns={"verdict": long[verdict], "threshold": "0.5", "reasons": ""},
            ),
        )
        for n, (kind, score, verdict) in enumerate(zip(kinds, scores, verdicts, strict=True))
    ]


BEFORE = _rows(NONE, 0, [0.9, 0.6, 0.1, 0.2, 0.4], "LLAAU")
AFTER = _rows("blur", 2, [0.8, 0.4, 0.3, 0.6, math.nan], "LAALU")


def test_effects_are_those_of_the_formulas_written_out() -> None:
    one = effects([*BEFORE, *AFTER])[1]
    assert one.mean_change == pytest.approx((-0.1 - 0.2 + 0.2 + 0.4) / 4)
    assert one.mean_absolute_change == pytest.approx(0.9 / 4)
    assert one.largest_change == pytest.approx(0.4)
    assert one.bona_fide_change == pytest.approx(-0.15)
    assert one.attack_change == pytest.approx(0.3)
    assert (one.flips.errors, one.flips.count, one.reversals) == (2, 5, 2)
    assert (one.newly_accepted, one.newly_refused, one.lost) == (1, 1, 1)
    assert (one.bpcer.errors, one.bpcer.count) == (1, 2)
    worst = present(one.worst)
    assert (one.worst_instrument, worst.errors, worst.count) == ("print", 1, 2)
    assert (one.attacks_accepted.errors, one.attacks_accepted.count) == (1, 3)


def test_the_section_says_the_peers_growth_and_ours(tmp_path: Path) -> None:
    grown = _rows("box-growth", 1.2, [0.88, 0.55, 0.1, 0.2, 0.35], "LLAAA")
    write_stress(tmp_path / "s.csv", [*BEFORE, *AFTER, *grown])
    text = section(tmp_path / "s.csv")
    assert "121 to 145" in text
    assert "\u22120.024" in text  # (-0.02 - 0.05 - 0.05) / 5
    assert "fewer than 30" in text
    assert text.count("<svg class=") == 5  # the box's own, and two for each change
    whole = page(tmp_path / "s.csv", made_at=datetime(2026, 1, 1))
    assert whole.startswith("<!doctype html>")
    assert text in whole


def test_a_stress_table_of_one_class_or_few_rows_is_still_a_page(tmp_path: Path) -> None:
    for rows in ([*BEFORE[:1], *AFTER[:1]], [*BEFORE[2:], *AFTER[2:]], BEFORE):
        write_stress(tmp_path / "s.csv", rows)
        assert "<table>" in section(tmp_path / "s.csv")


def test_a_stress_table_is_read_back_and_a_broken_one_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_stress(path, [*BEFORE, *AFTER])
    assert [(r.change, r.strength, r.verdict) for r in read_stress(path)] == [
        (r.change, r.strength, r.verdict) for r in [*BEFORE, *AFTER]
    ]
    write_stress(path, AFTER)
    with pytest.raises(DataError, match="no row of the change none"):
        read_stress(path)
    write_stress(path, [*BEFORE[:2], *AFTER])
    with pytest.raises(DataError, match="has no row of the change none"):
        section(path)
    path.write_text("presentation,score\na,0.5\n")
    with pytest.raises(DataError, match="no column change"):
        read_stress(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_stress(tmp_path / "missing.csv")


def test_missing_files_and_a_folder_without_faces_are_sentences(
    unmask: Callable[..., tuple[int, str, str]], judge: Judge, folder: Path, tmp_path: Path
) -> None:
    (folder / "1.png").write_bytes(b"no picture")
    code, _, told = _run(unmask, folder, tmp_path / "s.csv", "--change", "mirror")
    assert code == 0
    assert told.count("1.png") == 1  # said once, not once a change
    (folder / "0.png").unlink()
    code, _, told = _run(unmask, folder, tmp_path / "s.csv", "--change", "mirror")
    assert code == 3
    assert "do not exist" in told
    (folder / "labels.csv").write_text("path,label,instrument\n5.png,bona_fide,\n")
    code, _, told = _run(unmask, folder, tmp_path / "t.csv", "--change", "mirror")
    assert code == 3
    assert "has a score" in told
    code, _, told = unmask("stress", folder, folder)
    assert (code, "name one folder" in told) == (4, True)
