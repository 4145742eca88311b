"""Networks of as many frames as one: their log-odds averaged, each with its own crop of the same frames."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from test_detector import Squares, _face

from tiny_models import CELLS, FEATURES, SPEC, linear_model
from unmask.contract import Contract, ScoreMap, from_json, to_json
from unmask.detector import detector as detector_module, watch
from unmask.detector.detector import Detector, model_paths, packaged
from unmask.detector.fusion import FusedNetwork, fused, fusion_weights, seen_share
from unmask.detector.network import Network
from unmask.media.clips import BoxMove, clip_box, cut, moved_box
from unmask.types import Clip, ClipScore, ClipSpec, ClipView, Frame, SettingsError, Sighting, Verdict

WIDE = replace(SPEC, box_scale=3.0, size_px=32, sampling="linear")


def _weight(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 0.3, FEATURES)


@pytest.fixture
def networks(tmp_path: Path, rng: np.random.Generator) -> list[Network]:
    first = linear_model(tmp_path / "a.onnx", weight=_weight(rng), name="first")
    second = linear_model(tmp_path / "b.onnx", weight=_weight(rng), bias=1.0, name="second", spec=WIDE)
    return [Network.load(first), Network.load(second)]


def _sighting(rng: np.random.Generator) -> Sighting:
    image = rng.integers(0, 255, (480, 640, 3), dtype=np.uint8)
    return Sighting(frame=Frame(image=image, time_s=0.0, index=0), face=_face(130, 140, 90))


def test_a_fused_score_is_the_weighted_mean_of_the_networks_log_odds(
    networks: list[Any], rng: np.random.Generator
) -> None:
    sighting = _sighting(rng)
    alone = [n.score([cut([sighting], spec=n.contract.clip)])[0].score for n in networks]
    both = FusedNetwork(networks, weights=(0.7, 0.3))
    (found,) = both.score([cut([sighting], spec=both.contract.clip)])
    assert found.score == pytest.approx(expit(0.7 * logit(alone[0]) + 0.3 * logit(alone[1])), abs=1e-6)


def test_each_network_sees_the_crop_that_it_would_cut_alone(
    networks: list[Any], rng: np.random.Generator
) -> None:
    sighting, spec = _sighting(rng), FusedNetwork(networks).contract.clip
    clip = cut([sighting], spec=spec)
    for view, network in zip((clip, *clip.views), networks, strict=True):
        alone = cut([sighting], spec=network.contract.clip)
        assert (view.pixels == alone.pixels).all()
        assert (view.meshes == alone.meshes).all()


def test_a_box_off_its_place_is_so_in_every_view(networks: list[Any], rng: np.random.Generator) -> None:
    sighting, move = _sighting(rng), BoxMove(right=7, down=-4, growth=1.1)
    spec = FusedNetwork(networks).contract.clip
    box = moved_box(clip_box(sighting.face.mesh, scale=spec.box_scale), move)
    own = networks[1].contract.clip
    alone = cut([sighting], spec=own, box=moved_box(clip_box(sighting.face.mesh, scale=own.box_scale), move))
    still = cut([sighting], spec=own)
    (view,) = cut([sighting], spec=spec, box=box).views
    assert view.box == pytest.approx(alone.box, abs=2)  # growth is told from whole pixels
    assert np.abs(view.box - still.box).max() > 10


class _Deaf:
    """A network that gives no score."""

    precision, threads, graph = "f32", 1, b""

    def __init__(self, contract: Contract) -> None:
        self.contract = replace(contract, payload_sha256="deaf")

    def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
        return [ClipScore(time_s=0.0, score=np.nan, depth=None, picture=c.pixels[0]) for c in clips]


def test_a_network_without_an_answer_leaves_the_fusion_without_one(
    networks: list[Any], rng: np.random.Generator
) -> None:
    both = FusedNetwork([networks[0], _Deaf(networks[0].contract)])
    (found,) = both.score([cut([_sighting(rng)], spec=both.contract.clip)])
    assert np.isnan(found.score)


def test_log_odds_count_from_each_networks_own_threshold_after_its_map(
    networks: list[Any], rng: np.random.Generator
) -> None:
    raw = (0.0, 0.2, 1.0)
    contract = networks[0].contract
    (point, *rest) = contract.operating_points
    held = replace(
        contract,
        operating_points=(replace(point, threshold=0.9), *rest),
        score_map=ScoreMap(method="platt", raw=raw, calibrated=(0.0, 0.9, 1.0)),
        payload_sha256="mapped",
    )

    class Fixed(_Deaf):
        def score(self, clips: Sequence[Clip]) -> list[ClipScore]:
            return [replace(s, score=0.2) for s in super().score(clips)]

    at_threshold = Fixed(held)
    at_threshold.contract = held
    both = FusedNetwork([at_threshold, networks[0]], weights=(0.5, 0.5))
    clip = cut([_sighting(rng)], spec=both.contract.clip)
    alone = networks[0].score([clip.views[0]])[0].score
    assert both.score([clip])[0].score == pytest.approx(expit(0.5 * logit(alone)), abs=1e-6)
    assert both.contract.point("default", precision="f32").threshold == 0.5


def test_the_fused_contract_names_both_and_the_higher_rates(networks: list[Any]) -> None:
    first, second = (n.contract for n in networks)
    contract = FusedNetwork(networks).contract
    point = contract.point("default", precision="f32")
    assert contract.name == "first + second"
    assert contract.payload_sha256 not in (first.payload_sha256, second.payload_sha256)
    assert "not measured together" in point.measured_on
    assert point.margin == pytest.approx(0.05, abs=0.002)
    assert contract.score_map is None


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([None, 0.3], (0.7, 0.3)),
        ([None, None], (0.5, 0.5)),
        ([0.3, 0.3], (0.5, 0.5)),
        ([None, None, 0.3], (0.35, 0.35, 0.3)),
    ],
)
def test_shares_come_from_the_contracts(networks: list[Any], shares: Any, expected: Any) -> None:
    contracts = [replace(networks[0].contract, second_opinion=share) for share in shares]
    assert fusion_weights(contracts) == pytest.approx(expected)


def _tight(rng: np.random.Generator) -> Sighting:
    """The face fills a picture of 90 x 90 px: the crop of 3 boxes cannot be there."""
    image = rng.integers(0, 255, (90, 90, 3), dtype=np.uint8)
    return Sighting(frame=Frame(image=image, time_s=0.0, index=0), face=_face(45, 45, 88))


def test_how_much_of_the_wanted_crop_is_seen_is_told_from_the_picture(
    networks: list[Any], rng: np.random.Generator
) -> None:
    own, wide = (network.contract for network in networks)
    assert seen_share(cut([_sighting(rng)], spec=wide.clip), wide) == pytest.approx(1, abs=0.02)
    tight = _tight(rng)
    side = np.ptp(tight.face.mesh[:, :2], axis=0).max()
    for contract in (own, wide):
        wanted = min(1, 90 / side / contract.clip.box_scale)
        assert seen_share(cut([tight], spec=contract.clip), contract) == pytest.approx(wanted, abs=0.02)


def test_a_second_opinion_counts_less_where_its_crop_does_not_lie_in_the_picture(
    networks: list[Any], rng: np.random.Generator
) -> None:
    networks[1].contract = replace(networks[1].contract, second_opinion=0.5)
    both = FusedNetwork(networks)
    assert both.weights == (0.5, 0.5)
    for sighting in (_sighting(rng), _tight(rng)):
        clip = cut([sighting], spec=both.contract.clip)
        alone = [n.score([cut([sighting], spec=n.contract.clip)])[0].score for n in networks]
        share = 0.5 * seen_share(cut([sighting], spec=networks[1].contract.clip), networks[1].contract)
        wanted = expit((1 - share) * logit(alone[0]) + share * logit(alone[1]))
        assert both.score([clip])[0].score == pytest.approx(wanted, abs=1e-6)
    assert share < 0.25


@pytest.mark.parametrize("weights", [(0.5,), (0.7, 0.4), (1.0, 0.0)])
def test_weights_that_do_not_add_up_are_refused(networks: list[Any], weights: Any) -> None:
    with pytest.raises(SettingsError, match="add up to 1"):
        FusedNetwork(networks, weights=weights)


def test_a_model_is_no_second_opinion_on_itself(networks: list[Any]) -> None:
    with pytest.raises(SettingsError, match="not a second opinion on itself"):
        fused([networks[0], networks[0]])


def test_models_of_other_frame_counts_stay_apart(
    networks: list[Any], tmp_path: Path, rng: np.random.Generator
) -> None:
    video = Network.load(
        linear_model(tmp_path / "v.onnx", weight=_weight(rng), name="video", spec=replace(SPEC, frames=3))
    )
    found = fused([video, *networks])
    assert [n.contract.name for n in found] == ["first + second", "video"]


def test_a_detector_of_two_models_of_one_frame_gives_one_decision(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finder:
        @staticmethod
        def load(threads: int = 0) -> Squares:
            return Squares()

    monkeypatch.setattr(detector_module, "FaceFinder", Finder)
    monkeypatch.setattr(watch, "judge", lambda sighting: ())
    green = np.zeros(FEATURES)
    green[CELLS * CELLS : 2 * CELLS * CELLS] = 0.2
    paths = [
        linear_model(tmp_path / "a.onnx", weight=green, bias=5.0, name="first"),
        linear_model(tmp_path / "b.onnx", weight=green, bias=6.0, name="second", spec=WIDE),
    ]
    image = np.zeros((160, 160, 3), np.uint8)
    image[40:120, 40:120] = (200, 200, 90)
    decision = Detector.load(paths).check(image)
    assert decision.model_name == "first + second"
    assert decision.verdict is Verdict.LIVE
    assert (decision.threshold, 0.5 < decision.score <= 1) == (0.5, True)
    stream = Detector.load(paths).stream()
    for number in range(20):
        assert stream.push(image, number / 10) is None  # nothing moves
    assert stream.finish().score == pytest.approx(decision.score, abs=1e-4)


def test_default_names_the_packaged_models_among_others(tmp_path: Path) -> None:
    assert model_paths(["default", tmp_path / "b.onnx"]) == [*packaged(), tmp_path / "b.onnx"]
    assert model_paths("default") == model_paths(None) == packaged()


def test_views_sampling_and_share_are_in_the_sealed_contract_and_old_files_read_as_before(
    networks: list[Any],
) -> None:
    contract = networks[0].contract
    assert "second_opinion" not in to_json(contract)
    assert "views" not in to_json(contract)
    spec = ClipSpec(frames=1, sampling="linear", views=(ClipView(size_px=80, box_scale=4.4),))
    held = replace(contract, clip=spec, second_opinion=0.3)
    assert from_json(to_json(held), origin="here") == held
