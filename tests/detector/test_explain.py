"""Explanations: gradient maps and weights of frames against formulas written out, and where they show."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from skimage import data
from test_network import calmed, resealed

from conftest import ModelFiles
from face_meshes import face_mesh
from present import present
from unmask.app import check as check_module
from unmask.app.annotate import annotated
from unmask.app.check import CheckOptions
from unmask.detector.detector import Detector
from unmask.detector.explain import SIDE, WEIGHED, Explained, Explainer, blended, on_grid, strength
from unmask.detector.network import Network
from unmask.detector.watch import WatchSettings
from unmask.media.video import write_video
from unmask.report.check_page import page
from unmask.report.explanations import frame_weights, heat_map, pulls, weightiest
from unmask.report.outcomes import Checked
from unmask.types import Clip, ClipScore, Explanation

S = 128
X, Y = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))


def _clip(rng: np.random.Generator, frames: int = 5) -> Clip:
    base = rng.integers(0, 256, (1, S, S, 3))
    pixels = np.concatenate([np.roll(base, 5 * t, axis=2) * (1 - 0.1 * t) for t in range(frames)])
    return Clip(
        pixels=pixels.astype(np.uint8),
        times_s=np.arange(frames) / 10,
        box=np.array([0, 0, S, S], np.float32),
        meshes=np.stack([face_mesh(x=64, y=64, width=80, height=90)] * frames),
    )


@pytest.fixture(scope="module")
def multi(model_files: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Network:
    return Network.load(calmed(model_files.multi, tmp_path_factory.mktemp("calm") / "m.onnx"), threads=1)


def test_strength_is_the_length_of_sobel_s_gradient(rng: np.random.Generator) -> None:
    features = rng.normal(size=(3, 6, 7)).astype(np.float32)
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    y, x = 2, 4
    expected = []
    for channel in features:
        window = channel[y - 1 : y + 2, x - 1 : x + 2]
        expected.append(np.hypot((window * kernel).sum(), (window * kernel.T).sum()))
    assert strength(features)[y, x] == pytest.approx(np.mean(expected), rel=1e-5)


def test_features_that_do_not_change_have_no_gradient_not_even_at_the_border() -> None:
    assert strength(np.full((2, 8, 8), 3.0)).max() == 0


def test_each_level_counts_alike_on_the_face() -> None:
    face = np.zeros((4, 4), bool)
    face[1:3, 1:3] = True
    loud, soft = np.where(face, 100.0, 9e9), np.where(face, 0.01, 0.0)
    np.testing.assert_allclose(blended([loud, soft], face=face)[face], 1.0)


def test_a_map_that_fits_no_grid_is_no_map() -> None:
    assert on_grid(np.ones((32, 64))) is None
    assert on_grid(np.ones((48, 48))) is None
    assert present(on_grid(np.ones((16, 16)))).shape == (SIDE, SIDE)


def test_the_gradient_is_there_on_the_face_alone(multi: Network, rng: np.random.Generator) -> None:
    gradient = present(Explainer(multi).gradient(_clip(rng)))
    assert gradient.shape == (SIDE, SIDE)
    assert np.isfinite(gradient[28:36, 28:36]).all()
    assert np.isnan(gradient[:8]).all()


def _weights(scored: ClipScore) -> np.ndarray:
    return present(present(scored.explanation).weights)


def test_a_frame_weighs_what_the_score_loses_without_it(multi: Network, rng: np.random.Generator) -> None:
    explained = Explained(Explainer(multi))
    clip = _clip(rng)
    (scored,) = explained.score([clip])
    assert scored.score == multi.score([clip])[0].score  # explaining changes no score
    for frame, neighbour in ((0, 1), (1, 0), (4, 3)):
        pixels = clip.pixels.copy()
        pixels[frame] = pixels[neighbour]
        other = multi.score([replace(clip, pixels=pixels)])[0].score
        assert _weights(scored)[frame] == pytest.approx(scored.score - other, abs=1e-6)
    assert np.ptp(_weights(scored)) > 1e-5  # else the test sees nothing


def test_a_clip_that_stands_still_has_frames_without_weight(multi: Network, rng: np.random.Generator) -> None:
    clip = _clip(rng)
    still = replace(clip, pixels=np.repeat(clip.pixels[:1], 5, axis=0))
    np.testing.assert_allclose(_weights(Explained(Explainer(multi)).score([still])[0]), 0, atol=1e-6)


def test_frames_of_the_first_clips_alone_are_weighed(multi: Network, rng: np.random.Generator) -> None:
    scored = Explained(Explainer(multi)).score([_clip(rng)] * (WEIGHED + 1))
    assert [present(score.explanation).weights is None for score in scored] == [False] * WEIGHED + [True]
    assert len(present(scored[-1].explanation).frames) == 1  # nor are more pictures kept than are shown


def test_a_picture_has_a_gradient_and_no_weights(model_files: ModelFiles, rng: np.random.Generator) -> None:
    single = Explained(Explainer(Network.load(model_files.single, threads=1)))
    explanation = present(single.score([_clip(rng, frames=1)])[0].explanation)
    assert explanation.weights is None
    assert np.isfinite(present(explanation.gradient)).any()


def test_a_network_without_those_features_has_no_map_and_does_not_fail(
    model_files: ModelFiles, tmp_path: Path, rng: np.random.Generator
) -> None:
    model = onnx.load(calmed(model_files.multi, tmp_path / "named.onnx"))
    for node in model.graph.node:
        node.input[:] = ["hidden" if name == "tap2" else name for name in node.input]
        node.output[:] = ["hidden" if name == "tap2" else name for name in node.output]
    kept = [value for value in model.graph.value_info if value.name != "tap2"]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    nameless = Network.load(resealed(model, tmp_path / "nameless.onnx"), threads=1)
    (scored,) = Explained(Explainer(nameless)).score([_clip(rng)])
    assert present(scored.explanation).gradient is None
    assert _weights(scored).shape == (5,)
    assert heat_map(scored, side=64) is None


def test_a_check_explains_when_asked_and_decides_the_same(model_files: ModelFiles, tmp_path: Path) -> None:
    portrait = data.astronaut()[:256, 96:352]
    write_video(tmp_path / "a.mp4", [np.roll(portrait, i % 4, axis=1) for i in range(20)], fps=30)
    plain = Detector.load(model_files.multi, threads=1)
    explaining = plain.with_settings(WatchSettings(explain=True))
    quick, told = plain.check(tmp_path / "a.mp4"), explaining.check(tmp_path / "a.mp4")
    assert quick.score == told.score
    assert quick.faces[0].clips[0].explanation is None
    explanation = present(told.faces[0].clips[0].explanation)
    assert np.isfinite(present(explanation.gradient)).any()


def test_the_command_explains_for_page_and_video_alone(model_files: ModelFiles, tmp_path: Path) -> None:
    portrait = data.astronaut()[:256, 96:352]
    write_video(tmp_path / "a.mp4", [np.roll(portrait, i % 4, axis=1) for i in range(13)], fps=30)
    detector, source = Detector.load(model_files.multi, threads=1), str(tmp_path / "a.mp4")
    shown = CheckOptions(sources=(), report=tmp_path / "page.html")

    def clip(options: CheckOptions) -> ClipScore:
        outcome = check_module.outcome_of(source, detector, options=options)
        assert isinstance(outcome, Checked)
        return outcome.seen[0].clips[0]

    assert clip(CheckOptions(sources=())).explanation is None
    assert clip(shown).explanation is not None


def _explained(clip: ClipScore, weights: list[float]) -> ClipScore:
    """With a gradient that is strong in the lower half of a round face."""
    gradient = np.where(X**2 + Y**2 < 0.25, 1 + Y, np.nan).astype(np.float32)
    frames = np.repeat(present(clip.picture)[None], len(weights), axis=0)
    times = clip.time_s - 0.1 * np.arange(len(weights))[::-1]
    explanation = Explanation(
        gradient=gradient, weights=np.array(weights, np.float32), frames=frames, times_s=times
    )
    return replace(clip, explanation=explanation)


@pytest.fixture
def told(outcomes: list[Any]) -> Checked:
    """The LIVE outcome with explanations of its first two clips."""
    first = outcomes[0]
    face = first.seen[0]
    clips = (
        _explained(face.clips[0], [0.01, -0.2, 0, 0, 0]),
        _explained(face.clips[1], [0, 0, 0, 0, 0.125]),
        *face.clips[2:],
    )
    return replace(first, seen=(replace(face, clips=clips),))


def test_the_heat_lies_where_the_gradient_is_and_nowhere_else(told: Checked) -> None:
    heat = present(heat_map(told.seen[0].clips[0], side=64)).astype(int)
    colour = heat.max(axis=2) - heat.min(axis=2)  # the picture itself is grey
    assert colour[48, 32] > 100
    assert colour[16, 32] < 40
    assert colour[:2].max() == 0


def test_the_weightiest_frames_are_those_that_change_most_either_way(told: Checked) -> None:
    most = weightiest(frame_weights(told.seen[0].clips), at_most=2)
    assert [frame.change for frame in most] == pytest.approx([-0.2, 0.125])
    assert most[0].time_s == pytest.approx(told.seen[0].clips[0].time_s - 0.3)


def test_a_pull_is_the_mean_less_the_mean_of_the_others() -> None:
    scores = [0.1, 0.5, 0.9, 0.4]
    for n, pull in enumerate(pulls(scores)):
        others = scores[:n] + scores[n + 1 :]
        assert pull == pytest.approx(np.mean(scores) - np.mean(others))
    assert pulls([0.4]) == []


def test_the_page_tells_what_made_the_score(told: Checked, outcomes: list[Any]) -> None:
    text = page([told], made_at=datetime(2026, 1, 2))
    assert "The frames that weighed most" in text
    assert "−0.2000" in text
    assert text.count('alt="Strength of the features') == 2
    plain = page([outcomes[0]], made_at=datetime(2026, 1, 2))
    assert "weighed most" not in plain
    assert "spatial gradient, as" not in plain


@pytest.mark.parametrize("size", [(240, 320), (320, 240), (480, 640), (720, 1280), (1920, 1080)])
def test_the_video_shows_heat_left_depth_right_and_weights_below(
    told: Checked, outcomes: list[Any], size: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = []
    write = cv2.putText

    def noted(*given: Any) -> None:
        lines.append((given[1], given[4]))
        write(*given)

    monkeypatch.setattr(cv2, "putText", noted)
    image = np.full((*size, 3), 90, np.uint8)
    drawn = annotated(image, told, time_s=0.4)
    plain = annotated(image, outcomes[0], time_s=0.4)
    changed = (drawn != plain).any(axis=-1)
    height, width = changed.shape
    assert changed[-4:].all()  # the strip
    assert changed[height // 2 :, : width // 4].mean() > 0.2  # the heat map
    assert not changed[: height // 3].any()  # what was above stays
    assert any("weight of frames, up to 0.2000" in words for words, _ in lines)
    assert min(size_of for _, size_of in lines) >= 0.3  # pixels of a capital letter: about 22 times that
