"""A network that reads no depth through the runtime and the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from tiny_models import FEATURES, linear_model
from unmask.contract import ellipse_mask
from unmask.detector.detector import Detector
from unmask.detector.network import Network
from unmask.detector.watch import WatchSettings
from unmask.media.video import write_video
from unmask.types import ClipSpec


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A score of the means of places over clips of five frames."""
    spec = ClipSpec(frames=5, size_px=128)
    weight = np.linspace(-0.1, 0.1, FEATURES)
    return linear_model(tmp_path_factory.mktemp("depthless") / "tiny.onnx", weight=weight, spec=spec)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    portrait = data.astronaut()[:256, 96:352]
    return [np.roll(portrait, i % 4, axis=1) for i in range(24)]


def test_a_network_without_depth_is_loaded_and_scores(model: Path) -> None:
    network = Network.load(model, threads=1)
    scores, depths = network.run(np.zeros((2, 5, 128, 128, 3), np.uint8), np.stack([ellipse_mask()] * 2))
    assert scores.shape == (2,)
    assert depths is None


def test_its_streams_score_whole_clips(model: Path, pictures: list[np.ndarray]) -> None:
    detector = Detector.load(model, threads=1, settings=WatchSettings())
    stream = detector.stream()
    for i, picture in enumerate(pictures):
        stream.watch(picture, i / 30)
    decision = stream.finish()
    whole = detector.check(np.stack(pictures))
    assert decision.faces[0].clips[0].depth is None
    assert decision.score == pytest.approx(whole.score, abs=1e-5)


def test_a_check_with_it_has_a_page_and_a_video_without_depth(
    model: Path, pictures: list[np.ndarray], unmask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    video, page, drawn = tmp_path / "face.mp4", tmp_path / "page.html", tmp_path / "drawn.mp4"
    write_video(video, pictures, fps=30)
    code, out, _ = unmask("check", video, "--model", model, "--json", "--report", page, "--annotate", drawn)
    found = json.loads(out)
    assert code in (0, 1, 2)
    assert found["model"]["name"] == "tiny"
    assert found["clips"]
    assert drawn.stat().st_size > 0
    assert "face.mp4" in page.read_text()
