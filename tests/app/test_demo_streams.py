"""Streams of the demo's own recordings, shorter, judged by the packaged weights."""

import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from unmask.detector.detector import Detector
from unmask.media.sources import Source, open_source
from unmask.types import Frame, Verdict


@pytest.fixture(scope="module")
def recordings(demo_recordings: dict[str, Path]) -> dict[str, list[Frame]]:
    return {name: list(open_source(path).frames) for name, path in demo_recordings.items()}


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(threads=1)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("bona_fide", Verdict.LIVE),
        ("print", Verdict.ATTACK),
        ("replay", Verdict.ATTACK),
        ("mask", Verdict.ATTACK),
    ],
)
def test_a_stream_of_the_packaged_weights_decides(
    recordings: dict[str, list[Frame]], detector: Detector, name: str, verdict: Any
) -> None:
    stream = detector.stream(name=name)
    said = [stream.push(frame.image, frame.time_s) for frame in recordings[name]]
    assert said[-1] is not None
    assert said[-1].verdict is verdict
    decided_s = next(f.time_s for f, d in zip(recordings[name], said, strict=True) if d is not None)
    assert decided_s >= (1.0 if verdict is Verdict.LIVE else 0.46)


@pytest.mark.parametrize("name", ["bona_fide", "replay"])
def test_camera_file_and_stream_give_the_same_score_for_the_same_frames(
    recordings: dict[str, list[Frame]], detector: Detector, name: str
) -> None:
    def source(kind: Any) -> Source:
        return Source(name=name, kind=kind, frames=(f for f in frames), frame_count=None, fps=30.0)

    stream, frames = detector.stream(name=name), recordings[name]
    pushed = next(d for f in frames if (d := stream.push(f.image, f.time_s)) is not None)
    frames = list(islice(frames, round(30 * pushed.faces[0].boxes[-1][0]) + 1))
    filmed, whole = detector.check(source("camera")), detector.check(source("video"))
    assert pushed.score == pytest.approx(whole.score, abs=1e-6)
    assert filmed.score == pytest.approx(whole.score, abs=1e-6)
    assert pushed.verdict is filmed.verdict is whole.verdict


def test_the_scores_that_the_front_page_shows_are_those_of_the_packaged_weights(
    demo_recordings: dict[str, Path], detector: Detector
) -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^out/demo/(\w+)\.mp4 +([A-Z]+) +(\d\.\d+)", page, re.MULTILINE)
    assert sorted(name for name, *_ in shown) == sorted(demo_recordings)
    for name, verdict, score in shown:
        decision = detector.check(demo_recordings[name])
        assert decision.verdict.value == verdict
        assert decision.score == pytest.approx(
            float(score), abs=0.002
        )  # processors differ in the last digits
