"""Decisions in other libraries' shapes: with the library itself where it is installed."""

import sys
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np
import pytest
from skimage import data

from conftest import checked
from present import present
from unmask import Detector, SettingsError, Verdict
from unmask.adapters.deepface import Antispoofing, extract_faces
from unmask.adapters.matching import face_at
from unmask.adapters.supervision import detections
from unmask.adapters.uniface import Spoofer


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(threads=1)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[..., ::-1])  # BGR, as OpenCV reads it


def test_deepface_keys_and_values(detector: Detector, picture: np.ndarray) -> None:
    (face,) = extract_faces(picture, detector)
    decision = detector.check(picture[..., ::-1])
    assert face["is_real"] is decision.is_live
    assert face["antispoof_score"] == pytest.approx(
        decision.score if decision.is_live else 1 - decision.score
    )
    area = face["facial_area"]
    assert face["face"].shape == (area["h"], area["w"], 3)
    assert 0 <= face["face"].min() <= face["face"].max() <= 1
    # the person's left eye is to the right in the picture, and both are inside the box
    assert area["x"] < area["right_eye"][0] < area["left_eye"][0] < area["x"] + area["w"]
    assert extract_faces(np.zeros((200, 200, 3), np.uint8), detector) == []


def test_fasnets_analyze_finds_the_face_that_is_meant(detector: Detector, picture: np.ndarray) -> None:
    (face,) = extract_faces(picture, detector)
    area = face["facial_area"]
    box = (area["x"], area["y"], area["w"], area["h"])
    assert Antispoofing(detector).analyze(picture, box) == (face["is_real"], face["antispoof_score"])
    assert Antispoofing(detector).analyze(picture, (0, 400, 50, 50)) == (False, 0.0)


def test_uniface_results_are_its_own_type(detector: Detector, picture: np.ndarray) -> None:
    types = pytest.importorskip("uniface.types", reason="uniface is not installed")
    decision = detector.check(picture[..., ::-1])
    found = Spoofer(detector).predict(picture, decision.faces[0].box)
    assert isinstance(found, types.SpoofingResult)
    assert found.is_real is decision.is_live
    assert Spoofer(detector)(picture, [0, 400, 50, 450]) == types.SpoofingResult(
        is_real=False, confidence=0.0
    )


def test_supervision_takes_every_verdict() -> None:
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    for number, verdict in enumerate(Verdict):
        decision = checked("a.mp4", verdict, score=0.7, clips=2).decision
        found = detections(decision)
        assert isinstance(found, supervision.Detections)
        assert found.class_id.tolist() == [number]
        assert found["class_name"].tolist() == [verdict.value]
        assert found.xyxy.tolist() == [present(decision.faces[0].box).tolist()]
    assert len(detections(replace(decision, faces=()))) == 0
    boxes = supervision.BoxAnnotator().annotate(np.zeros((200, 200, 3), np.uint8), found)
    assert boxes.any()


@pytest.mark.parametrize("name", ["supervision", "uniface"])
def test_a_library_that_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.types", None)
    decision = checked("a.mp4", Verdict.LIVE, score=0.7, clips=2).decision
    asked = {"supervision": partial(detections, decision), "uniface": partial(Spoofer, cast(Detector, None))}
    with pytest.raises(SettingsError, match=f"pip install '?{name}"):
        asked[name]()


def test_the_face_with_the_largest_share_is_taken() -> None:
    face = checked("a.mp4", Verdict.LIVE, score=0.7, clips=2).decision.faces[0]
    box = present(face.box)
    other = replace(face, identity=1, boxes=((0.0, box + 60),))
    assert face_at([face, other], box + 50) is other
    assert face_at([face, other], box + 1000) is None
    assert face_at([], box) is None
