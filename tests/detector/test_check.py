"""The whole path on real files: the astronaut, the face models, exported networks (with random weights)."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from skimage import data
from test_network import resealed

from conftest import ModelFiles
from present import present
from unmask.detector import detector as detector_module
from unmask.detector.detector import Detector, packaged
from unmask.detector.model_file import read_file
from unmask.detector.scoring import score_folder
from unmask.media.images import write_image
from unmask.media.video import write_video
from unmask.types import Label, ModelError, Presentation, Reason, SourceError, Verdict


def _picture(shift: int = 0) -> np.ndarray:
    portrait = data.astronaut()[:256, 96:352]
    return np.roll(portrait, shift, axis=1)


@pytest.fixture(scope="module")
def detector(model_files: ModelFiles) -> Detector:
    return Detector.load([model_files.single, model_files.multi], threads=1)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "astronaut.mp4"
    write_video(path, [_picture(i % 4) for i in range(36)], fps=30)
    return path


def test_a_video_becomes_clips_with_depth(detector: Detector, video: Path) -> None:
    decision = detector.check(video)
    assert decision.source == str(video)
    assert decision.model_name == "sgtd_s_multi"
    face = decision.faces[0]
    assert len(face.clips) == 2
    assert present(face.clips[0].depth).shape == (4, 32, 32)
    assert present(face.clips[0].picture).shape == (128, 128, 3)
    assert face.boxes[0][0] == 0
    assert face.boxes[-1][0] == pytest.approx(35 / 30)  # watched to its end
    (segment,) = decision.segments
    assert segment.score == decision.score <= max(clip.score for clip in face.clips)
    assert decision.verdict is not Verdict.LIVE  # whatever the scores: a shifted picture is a still one
    assert 0 < decision.timings_ms["network"] < decision.timings_ms["total"]


def test_a_picture_is_scored_by_the_single_frame_network(detector: Detector, tmp_path: Path) -> None:
    write_image(tmp_path / "astronaut.png", _picture())
    decision = detector.check(tmp_path / "astronaut.png")
    assert decision.model_name == "sgtd_s_single"
    assert len(decision.faces[0].clips) == 1
    assert decision.score == detector.check(_picture()).score


def test_a_folder_of_frames_is_a_video(detector: Detector, tmp_path: Path) -> None:
    for i in range(13):
        write_image(tmp_path / f"f{i}.png", _picture(i % 4))
    decision = detector.check(tmp_path)
    assert decision.model_name == "sgtd_s_multi"
    assert len(decision.faces[0].clips) == 1
    assert detector.check(tmp_path, fps=60).reasons == (Reason.TOO_SHORT,)  # a fifth of a second


def test_a_stream_of_the_same_frames_scores_as_the_file_does(model_files: ModelFiles) -> None:
    patient = Detector.load(model_files.multi, threads=1)
    pictures = np.stack([_picture(i % 4) for i in range(13)])
    whole = patient.check(pictures).faces[0].clips[0]
    stream = patient.stream()
    for i, picture in enumerate(pictures):
        stream.watch(picture, i / 30)
    kept = stream.finish().faces[0].clips[0]
    assert kept.time_s == pytest.approx(whole.time_s)
    assert kept.score == pytest.approx(whole.score, abs=1e-6)
    depth = present(whole.depth)
    np.testing.assert_allclose(present(kept.depth), depth, atol=1e-5 * np.abs(depth).max())


def test_one_detector_serves_four_threads(detector: Detector, video: Path) -> None:
    expected = detector.check(video).score
    scores: list[float] = []
    work = [threading.Thread(target=lambda: scores.append(detector.check(video).score)) for _ in range(4)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert scores == pytest.approx([expected] * 4, abs=1e-5)


def test_no_face_is_no_verdict(detector: Detector, rng: np.random.Generator) -> None:
    noise = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    decision = detector.check(noise)
    assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.NO_FACE,))
    assert detector.check(np.zeros((1, 1, 3), np.uint8)).reasons == (Reason.NO_FACE,)


def test_files_that_are_no_videos_are_one_sentence(detector: Detector, video: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "half.mp4").write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    (tmp_path / "folder").mkdir()
    for name in ("text.mp4", "empty.mp4", "half.mp4", "folder", "missing.mp4"):
        with pytest.raises(SourceError) as refused:
            detector.check(tmp_path / name)
        assert "\n" not in str(refused.value)
        assert name in str(refused.value)


def test_a_folder_with_a_broken_file_is_scored_to_its_end(
    detector: Detector, video: Path, tmp_path: Path
) -> None:
    shutil.copy(video, tmp_path / "good.mp4")
    (tmp_path / "bad.mp4").write_text("no video")
    told: list[str] = []
    rows = [Presentation(path=str(tmp_path / n), label=Label.BONA_FIDE) for n in ("bad.mp4", "good.mp4")]
    scores = score_folder(detector, rows, root=tmp_path, tell=told.append)
    assert [score.name for score in scores] == ["bad.mp4", "good.mp4"]
    assert np.isnan(scores[0].score)
    assert np.isfinite(scores[1].score)
    assert len(told) == 1


def test_a_package_without_weights_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_module, "PACKAGED", ("nothing.onnx",))
    with pytest.raises(ModelError, match=r"no nothing\.onnx; install it again"):
        packaged()


def test_equal_frames_are_a_still_picture_in_a_file_a_folder_an_array_and_a_stream(
    model_files: ModelFiles, tmp_path: Path
) -> None:
    """By networks for which all is bona fide."""
    yes = Detector.load([_generous(path, tmp_path) for path in model_files], threads=1)
    pictures = [_picture()] * 40
    write_video(tmp_path / "a.mp4", pictures, fps=30)
    for i, picture in enumerate(pictures):
        write_image(tmp_path / "frames" / f"{i}.png", picture)
    stream = yes.stream()
    for i, picture in enumerate(pictures):
        stream.watch(picture, i / 30)
    shown = [yes.check(tmp_path / "a.mp4"), yes.check(tmp_path / "frames"), yes.check(np.stack(pictures))]
    for decision in (*shown, stream.finish()):
        assert (decision.verdict, decision.reasons) == (Verdict.UNDECIDED, (Reason.STILL_PICTURE,))
    assert yes.check(_picture()).verdict is Verdict.LIVE


def _generous(model: Path, folder: Path) -> Path:
    """The model with a threshold that every score reaches."""
    points = [replace(point, threshold=1e-6, margin=0.0) for point in read_file(model)[1].operating_points]
    return resealed(onnx.load(model), folder / model.name, operating_points=tuple(points))
