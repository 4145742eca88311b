"""The few lines of Python that people write: names at the root, decisions, many sources, async."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

import unmask
from conftest import checked
from present import present
from unmask import Decision, Detector, OutputError, SettingsError, SourceError, Verdict
from unmask.detector.many import checked as checked_many


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(threads=1)


@pytest.fixture(scope="module")
def decision(detector: Detector) -> Decision:
    return detector.check(data.astronaut())


def test_every_name_at_the_root_is_there_and_none_is_loaded_before() -> None:
    for name in unmask.__all__:
        assert getattr(unmask, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Detektor'"):
        unmask.Detektor  # noqa: B018
    program = "import sys, unmask; print(sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"numpy", "cv2", "openvino", "rich", "torch"} & set(loaded.replace("'", " ").split())


def test_import_takes_less_than_three_tenths_of_a_second() -> None:
    program = "import time; a = time.process_time(); import unmask; print(time.process_time() - a)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.3


def test_a_face_has_its_box_landmarks_and_depth(decision: Decision) -> None:
    face = decision.faces[0]
    left, top, right, bottom = present(face.box)
    landmarks = present(face.landmarks)
    assert landmarks.shape == (468, 3)
    inside = (landmarks[:, 0] >= left - 1) & (landmarks[:, 0] <= right + 1)
    assert inside.all()
    assert top < landmarks[:, 1].mean() < bottom
    assert present(face.depth).shape == (32, 32)
    assert "box=[" in repr(face)
    assert len(repr(face)) < 200  # no arrays


def test_a_decision_writes_its_page(decision: Decision, tmp_path: Path) -> None:
    path = decision.save_report(tmp_path / "page.html")
    text = path.read_text()
    assert decision.verdict.value in text
    assert "data:image" in text
    assert "<script" not in text
    with pytest.raises(OutputError):
        decision.save_report(path / "page.html")  # a file is not a folder
    with pytest.raises(SettingsError, match="a Detector made"):
        checked("a.mp4", Verdict.LIVE, score=0.9, clips=1).decision.save_report(tmp_path / "no.html")


def test_a_notebook_shows_the_verdict_a_picture_and_the_depth(decision: Decision) -> None:
    card = decision._repr_html_()
    assert decision.verdict.value in card
    assert card.count("<img") == 2
    hostile = checked("<b>x</b>.mp4", Verdict.ATTACK, score=0.1, clips=1).decision
    assert "<b>x" not in hostile._repr_html_()


def test_many_sources_come_back_in_order_and_one_bad_one_stops_none(detector: Detector) -> None:
    face = data.astronaut()
    sources = [face, "nothing.jpg", np.zeros((64, 64, 3), np.uint8), face]
    found = list(detector.check_many(sources, batch=2, progress=True))
    live = detector.check(face).is_live
    assert [one.is_live for one in found] == [live, False, False, live]
    assert isinstance(found[1], SourceError)


def test_many_pictures_go_through_the_network_in_batches_and_score_the_same(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    portrait, sizes, network = data.astronaut(), [], detector._networks[0]
    pictures = [np.roll(portrait, shift, axis=1) for shift in range(0, 60, 5)]
    alone = [detector.check(picture).score for picture in pictures]
    plain = network.score

    def counted(clips: Any) -> Any:
        sizes.append(len(clips))
        time.sleep(0.05)  # long enough for others to wait
        return plain(clips)

    monkeypatch.setattr(network, "score", counted)
    decided: list[Any] = list(detector.check_many(pictures, progress=False))
    together = [one.score for one in decided]
    assert together == pytest.approx(alone, abs=1e-5)
    assert max(sizes) > 1
    assert sum(sizes) >= len(pictures)  # one for each face


@pytest.mark.parametrize("source", ["clip.mp4", b"bytes", {"clip.mp4": 1}, 5, None])
def test_one_source_in_place_of_many_is_refused_at_once(detector: Detector, source: Any) -> None:
    for checked_so in (detector.check_many, detector.check_many_async):
        with pytest.raises(SettingsError, match=r"not \w+; give \[source\], or call check"):
            checked_so(source)


def test_a_detector_says_which_models_it_holds(detector: Detector) -> None:
    contract = detector.contracts[0]
    assert repr(detector) == f"<Detector {contract.name} {contract.version} point='default'>"


def test_an_endless_iterator_is_taken_no_further_than_the_batch() -> None:
    taken: list[int] = []

    def endless() -> Iterator[Any]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    found = checked_many(lambda source, progress: source, endless(), batch=4, progress=False)
    seen: list[Any] = [next(found) for _ in range(3)]
    assert seen == [0, 1, 2]
    assert len(taken) == 6
    found.close()
    wrong: Any
    for wrong in (0, -1, 1.5, "4", None, True):
        with pytest.raises(SettingsError, match="batch must be a whole number, 1 or more, not"):
            next(checked_many(lambda source, progress: source, [1], batch=wrong, progress=False))


def test_the_event_loop_goes_on_while_a_source_is_checked(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = detector.check

    def slow(source: Any, **named: Any) -> Any:
        time.sleep(0.3)
        return whole(source, **named)

    monkeypatch.setattr(detector, "check", slow)

    async def both() -> Any:
        ticks = 0
        work = asyncio.create_task(detector.check_async(data.astronaut()))
        while not work.done():
            await asyncio.sleep(0.02)
            ticks += 1
        return await work, ticks, [one async for one in detector.check_many_async(["no.jpg"])]

    decision, ticks, many = asyncio.run(both())
    assert decision.verdict in Verdict
    assert ticks >= 5
    assert isinstance(many[0], SourceError)


def test_the_model_card_says_what_the_contract_says(detector: Detector) -> None:
    card, contract = detector.model_card, detector.contracts[0]
    assert (card.name, card.version) == (contract.name, contract.version)
    assert card.licences == {row.name: row.licence for row in contract.training_data}
    assert card.figures[0].apcer == contract.operating_points[0].apcer
    assert card.to_dict()["figures"][0]["point"] == "default"
    assert "BPCER" in str(card)


def test_a_device_is_one_that_is_here() -> None:
    with pytest.raises(SettingsError, match="auto, cpu, gpu or npu, not 'cuda'"):
        Detector.load(device="cuda")
    from unmask.media.engine import ov

    if not any(name.startswith("GPU") for name in ov.Core().available_devices):
        with pytest.raises(SettingsError, match="finds CPU"):
            Detector.load(device="gpu")


def test_a_second_detector_shares_the_face_models(detector: Detector) -> None:
    assert Detector.load(threads=1)._finder is detector._finder
