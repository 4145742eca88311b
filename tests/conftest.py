"""What all tests share: one thread, the same chances, and a pair of small models with random weights."""

import gc
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

import unmask as unmask_package
from unmask.app.demo import RECORDINGS
from unmask.contract import Contract, OperatingPoint, TrainingData
from unmask.report.outcomes import Checked, Unreadable
from unmask.types import ClipScore, ClipSpec, Decision, FaceDecision, Reason, Verdict

WEIGHTS = Path(unmask_package.__file__).parent / "weights"  # of the package

cv2.setNumThreads(1)  # several threads on a shared core are slower than one
gc.set_threshold(20_000)  # at 700 a third of the time to import all tests goes into looking for cycles


def pytest_collection_finish() -> None:
    """Modules stay: nobody need look through them for cycles again."""
    gc.freeze()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UNMASK_DEBUG", "COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def without_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings end without an exported file: it takes five seconds of a core; test_models.py tries it."""
    from unmask.training import finish

    monkeypatch.setattr(finish, "export", lambda network, contract, out: contract)


class ModelFiles(NamedTuple):
    """Files of FAS-SGTD's networks, of pictures and of clips."""

    single: Path
    multi: Path


@pytest.fixture(scope="session")
def model_files() -> ModelFiles:
    """Those that come with the package: to export others takes a quarter of a minute."""
    return ModelFiles(WEIGHTS / "sgtd_s_single.onnx", WEIGHTS / "sgtd_s_multi.onnx")


@pytest.fixture(scope="session")
def demo_recordings() -> dict[str, Path]:
    """The videos of `unmask demo`: bona_fide, print, replay, mask."""
    return {path.stem: path for path in RECORDINGS.glob("*.mp4")}


def random_contract(name: str, *, frames: int, threshold: float = 0.5, margin: float = 0.05) -> Contract:
    """A contract for untrained weights: its points are at `threshold`, its rates those of a coin."""
    points = [
        OperatingPoint(
            name="default",
            threshold=threshold,
            margin=margin,
            precision=precision,
            apcer=0.5,
            worst_instrument="print/matt",
            bpcer=0.5,
            attacks=2,
            bona_fide=2,
            measured_on="nothing: the weights are random",
        )
        for precision in ("f32", "bf16")
    ]
    return Contract(
        name=name,
        version="0.0.0",
        network=name,
        arguments={},
        clip=ClipSpec(frames=frames, size_px=128),
        operating_points=tuple(points),
        training_data=(TrainingData(name="none", licence="CC0-1.0", items=0),),
        golden=(),
        command="pytest",
        seed=0,
        commit="",
    )


def checked(
    source: str, verdict: Verdict, *, score: float, clips: int, reasons: tuple[Reason, ...] = ()
) -> Checked:
    """A made-up outcome of one face with a round head's depth that fades with the score."""
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    head = np.clip(1 - x**2 - y**2, 0, 1).astype(np.float32)
    scored = tuple(
        ClipScore(
            time_s=0.4 + 0.5 * n,
            score=score,
            depth=np.stack([head * score] * 4),
            picture=np.full((64, 64, 3), 40 + 20 * n, np.uint8),
        )
        for n in range(clips)
    )
    boxes = tuple((k / 10, np.array([20.0 + k, 30.0, 120.0 + k, 150.0])) for k in range(20))
    face = FaceDecision(
        identity=0, verdict=verdict, score=score, reasons=reasons, clips=scored[:2], boxes=boxes
    )
    seen = replace(face, clips=scored)
    contract = random_contract("sgtd_s_multi", frames=5)
    decision = Decision(
        source=source,
        verdict=verdict,
        score=score if clips else math.nan,
        threshold=0.5,
        operating_point="default",
        reasons=reasons,
        faces=(face,),
        model_name=contract.name,
        model_version=contract.version,
        model_sha256="ab" * 32,
        timings_ms={"decode": 1.25, "total": 1500.0},
    )
    widths = tuple(0.05 / n for n in range(1, max(1, clips) + 1))
    return Checked(decision=decision, contract=contract, seen=(seen,), half_widths=widths)


@pytest.fixture
def outcomes() -> list[Any]:
    """One of each: LIVE, ATTACK, UNDECIDED with scores, UNDECIDED without, unreadable."""
    return [
        checked("live.mp4", Verdict.LIVE, score=0.9, clips=5),
        checked("print.mp4", Verdict.ATTACK, score=0.1, clips=3),
        checked("weak.mp4", Verdict.UNDECIDED, score=0.51, clips=2, reasons=(Reason.EVIDENCE_WEAK,)),
        checked("dark.jpg", Verdict.UNDECIDED, score=math.nan, clips=0, reasons=(Reason.TOO_DARK,)),
        Unreadable(source="cut.mp4", sentence="cut.mp4 breaks off after 3 frames; copy it again"),
    ]


@pytest.fixture
def unmask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process, `width` columns wide: (exit code, stdout, stderr)."""
    from unmask.app.cli import main

    def run(*arguments: object, width: int | None = None) -> tuple[int, str, str]:
        if width is not None:
            monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", ["unmask", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run
