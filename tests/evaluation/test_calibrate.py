"""Scores and operating points fitted to a user's captures: the map, what a sample can carry, and the file."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from scipy.stats import beta
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from conftest import random_contract
from present import present
from unmask.app import calibrate as app
from unmask.contract import CONTRACT_KEY, Contract, OperatingPoint, ScoreMap, from_json, to_json
from unmask.detector.decision import Rule, read, rule_of
from unmask.detector.detector import packaged
from unmask.detector.model_file import read_file
from unmask.detector.network import Network
from unmask.evaluation.calibration import (
    Wanted,
    calibrate,
    first_point,
    raw_scores,
    read_point,
    threshold,
    write_calibrated,
)
from unmask.metrics.bounds import captures_needed, errors_allowed, upper_bound
from unmask.metrics.calibration import METHODS, brier, held_out, isotonic, platt_curve, reliability
from unmask.report.calibration_page import page
from unmask.report.curve import draw
from unmask.types import (
    ClipScore,
    DataError,
    Label,
    ModelError,
    Presentation,
    Score,
    SettingsError,
    Verdict,
)


def _contract(threshold: float = 0.5, margin: float = 0.02) -> Contract:
    def point(name: str, at: float, precision: str) -> OperatingPoint:
        return OperatingPoint(
            name=name,
            threshold=at,
            margin=margin,
            precision=precision,
            apcer=0.1,
            worst_instrument="print",
            bpcer=0.1,
            attacks=100,
            bona_fide=100,
            measured_on="dev",
        )

    points = (point("default", threshold, "f32"), point("strict", 0.6, "f32"), point("default", 0.4, "bf16"))
    made = random_contract("sgtd_s_single", frames=1)
    return replace(made, name="planted", version="1", operating_points=points, command="")


def _scores(living: list[float], **attacks: list[float]) -> list[Score]:
    rows = [
        Score(presentation=Presentation(path=f"l{n}", label=Label.BONA_FIDE), score=s)
        for n, s in enumerate(living)
    ]
    for name, values in attacks.items():
        rows += [
            Score(presentation=Presentation(path=f"{name}{n}", label=Label.ATTACK, instrument=name), score=s)
            for n, s in enumerate(values)
        ]
    return rows


def _drawn(rng: np.random.Generator, count: int = 60) -> list[Score]:
    """Captures whose scores lie close together, as those of the networks do."""
    living, attack = rng.normal(0.54, 0.03, count), rng.normal(0.47, 0.03, count)
    return _scores(living.tolist(), print=attack[::2].tolist(), replay=attack[1::2].tolist())


# What a sample can support


@pytest.mark.parametrize("errors", [0, 1, 3])
@pytest.mark.parametrize("count", [4, 20, 59, 300])
def test_the_bound_is_that_of_the_beta_distribution(errors: int, count: int) -> None:
    assert upper_bound(errors, count) == pytest.approx(beta.ppf(0.95, errors + 1, count - errors))


def test_none_of_twenty_is_13_9_per_cent_and_the_closed_form_for_every_count() -> None:
    assert round(100 * upper_bound(0, 20), 1) == 13.9
    for count in range(1, 400):
        assert upper_bound(0, count) == pytest.approx(1 - 0.05 ** (1 / count))


@pytest.mark.parametrize("target", [0.5, 0.2, 0.1, 0.05, 0.03, 0.01, 0.001])
def test_as_many_captures_are_needed_as_the_closed_form_says(target: float) -> None:
    needed = captures_needed(target)
    assert needed == math.ceil(math.log(0.05) / math.log(1 - target))
    assert errors_allowed(needed, target) == 0
    assert errors_allowed(needed - 1, target) is None


@pytest.mark.parametrize("count", [1, 58, 59, 92, 93, 124, 1000])
def test_as_many_errors_are_allowed_as_beta_says(count: int) -> None:
    by_hand = [k for k in range(count) if beta.ppf(0.95, k + 1, count - k) <= 0.05]
    assert errors_allowed(count, 0.05) == (max(by_hand) if by_hand else None)


def test_the_bound_holds_for_a_threshold_chosen_on_the_same_captures(rng: np.random.Generator) -> None:
    """Wilks 1941: in 95 of 100 samples the share of all attacks above it is at most the target."""
    wanted, above = Wanted(name="p", rate="apcer", target=0.05), []
    for _ in range(400):
        attacks = rng.random(93)  # uniform: the share above a threshold is 1 - threshold
        above.append(1 - threshold(wanted, np.array([2.0]), {"all": attacks}))
    assert np.mean(np.array(above) <= 0.05) >= 0.93
    assert np.mean(above) > 0.01  # and it is not just put out of reach


def test_a_point_is_at_the_lowest_threshold_that_its_bound_allows() -> None:
    attacks = {"print": np.linspace(0.1, 0.4, 93), "mask": np.append(np.linspace(0.1, 0.3, 60), [0.45])}
    living = np.array([0.5, 0.6, 0.7])
    found = threshold(read_point("p:apcer=0.05"), living, attacks)
    assert found == pytest.approx((0.45 + 0.5) / 2)  # 61 masks allow no error, 93 prints would allow one
    alone = threshold(read_point("p:apcer=0.05"), living, {"print": attacks["print"]})
    assert (attacks["print"] >= alone).sum() == 1
    bona_fide = np.linspace(0.5, 0.9, 93)
    found = threshold(read_point("p:bpcer=0.05"), bona_fide, {"print": np.array([0.1])})
    assert (bona_fide < found).sum() == 1


def test_a_point_that_the_sample_cannot_carry_is_refused_with_the_count_that_would() -> None:
    scores = _scores([0.6] * 30, print=[0.1] * 58, mask=[0.2] * 70)
    with pytest.raises(
        DataError, match=r"needs 59 scored .* 1 more of print \(58 scored, which carry 5.0 % at best\)"
    ):
        calibrate(_contract(), scores, method="platt", wanted=[read_point("p:apcer=0.05")], measured_on="x")
    with pytest.raises(DataError, match=r"needs 59 bona fide .* there are 30, which carry 9.5 %.* 29 more"):
        calibrate(_contract(), scores, method="platt", wanted=[read_point("p:bpcer=0.05")], measured_on="x")
    together = calibrate(
        _contract(), scores, method="platt", wanted=[read_point("p:apcer=0.05")], over="all", measured_on="x"
    )
    assert "of all attacks <= 2.3 % (0 of 128 accepted)" in together.supports["p"]


def test_attacks_without_a_score_carry_nothing_and_bona_fide_ones_are_errors() -> None:
    attacks = {"print": np.append(np.full(58, 0.1), [math.nan] * 10)}
    with pytest.raises(DataError, match="1 more of print"):
        threshold(read_point("p:apcer=0.05"), np.array([0.9]), attacks)
    living = np.append(np.full(92, 0.6), [math.nan] * 2)
    with pytest.raises(DataError, match="allows 1 of 94 bona fide captures to fail, and 2 have no score"):
        threshold(read_point("p:bpcer=0.05"), living, attacks)


@pytest.mark.parametrize(
    "text", ["apcer=0.05", "p:apcer", "p:apcer=5", "p:apcer=0", "p:far=0.1", "p q:apcer=0.1", ""]
)
def test_a_point_that_is_none_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match="NAME:apcer"):
        read_point(text)


# The map


@pytest.mark.parametrize("method", METHODS)
def test_a_map_rises_strictly_whatever_the_sample(rng: np.random.Generator, method: Any) -> None:
    for count in (2, 3, 10, 200):
        scores = np.sort(np.round(rng.random(count), 2))
        truths = scores + rng.normal(0, 0.2, count) > 0.5
        truths[0], truths[-1] = False, True
        try:
            raw, calibrated = METHODS[method](scores, truths)
        except DataError:
            continue
        ScoreMap(method=method, raw=tuple(raw), calibrated=tuple(calibrated))  # refuses one that does not


def test_isotonic_is_that_of_another_implementation(rng: np.random.Generator) -> None:
    scores = np.round(rng.random(300), 2)
    truths = rng.random(300) < scores
    raw, calibrated = isotonic(scores, truths)
    steps = IsotonicRegression().fit(scores, truths)
    heights, first = np.unique(steps.y_thresholds_, return_index=True)
    assert len(heights) == len(raw) - 2  # and the two ends
    found = (calibrated - 0.01 * raw) / 0.99
    assert np.allclose(found[1:-1], heights)
    assert first[0] == 0


def test_platt_is_the_logistic_curve_of_another_implementation(rng: np.random.Generator) -> None:
    scores = rng.normal(0.5, 0.05, 200)
    truths = rng.random(200) < 1 / (1 + np.exp(-60 * (scores - 0.5)))
    living, attacks = truths.sum(), (~truths).sum()
    targets = np.where(truths, (living + 1) / (living + 2), 1 / (attacks + 2))
    # A target between 0 and 1 is both classes, with its share as weight.
    both, weights = np.repeat([1, 0], 200), np.concatenate([targets, 1 - targets])
    model = LogisticRegression(C=1e12, tol=1e-10, max_iter=10_000)
    model.fit(np.tile(scores * 20, 2)[:, None], both, sample_weight=weights)
    slope, offset = platt_curve(scores, truths)
    assert slope == pytest.approx(20 * model.coef_[0, 0], rel=1e-3)
    assert offset == pytest.approx(model.intercept_[0], rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_do_not_rise_with_the_truth_are_refused(method: Any) -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    with pytest.raises(DataError, match="not higher than those of the attacks"):
        METHODS[method](scores, np.array([True, True, False, False]))
    with pytest.raises(DataError, match="both classes, and all 4 are bona fide"):
        METHODS[method](scores, np.full(4, True))


def test_reliability_and_brier_are_their_formulas(rng: np.random.Generator) -> None:
    scores, truths = rng.random(100), rng.random(100) < 0.5
    squares = [(s - t) ** 2 for s, t in zip(scores, truths, strict=True)]
    assert brier(scores, truths) == pytest.approx(sum(squares) / 100)
    bins = reliability(scores, truths, bins=4)
    lowest = np.argsort(scores)[:25]
    assert bins[0].count == 25
    assert (bins[0].score, bins[0].share) == (scores[lowest].mean(), truths[lowest].mean())
    assert bins[0].low == pytest.approx(beta.ppf(0.025, truths[lowest].sum(), 26 - truths[lowest].sum()))


def test_what_is_held_out_did_not_help_to_fit() -> None:
    """One subject's captures are labelled the wrong way round: a map that saw them would say so of them."""
    scores = np.concatenate([np.linspace(0.1, 0.4, 40), np.linspace(0.6, 0.9, 40), [0.95] * 10])
    truths = np.concatenate([np.zeros(40), np.ones(40), np.zeros(10)]) > 0
    groups = np.array([f"s{n}" for n in range(80)] + ["odd"] * 10)
    said = held_out(scores, truths, groups, method="isotonic", seed=1)
    assert said[-10:].min() > 0.9
    assert np.interp(0.95, *isotonic(scores, truths)) < 0.9


@pytest.mark.parametrize(
    ("raw", "calibrated"),
    [
        ((0, 1), (0.5, 0.5)),
        ((0, 0.5), (0, 1)),
        ((0, 1), (0, 1.2)),
        ((0, 0.5, 0.5, 1), (0, 0.1, 0.2, 1)),
        ((0,), (0,)),
    ],
)
def test_a_map_that_does_not_rise_is_refused(raw: Any, calibrated: Any) -> None:
    with pytest.raises(SettingsError, match="rise strictly"):
        ScoreMap(method="platt", raw=raw, calibrated=calibrated)


# The contract, and verdicts


@pytest.mark.parametrize("method", METHODS)
def test_no_verdict_turns_from_live_to_attack_by_calibration(rng: np.random.Generator, method: Any) -> None:
    contract = _contract(threshold=0.5)
    made = calibrate(contract, _drawn(rng), method=method, measured_on="x").contract
    before = rule_of(contract, point="default", precision="f32")
    after = rule_of(made, point="default", precision="f32")
    reversed_pair = {Verdict.LIVE, Verdict.ATTACK}
    decided = 0
    for _ in range(500):
        clips = rng.normal(0.5, 0.05, rng.integers(1, 6)).tolist()
        was, now = read(clips, before), read(clips, after)
        assert {was.verdict, now.verdict} != reversed_pair
        assert (was.score >= before.threshold) is (now.score >= after.threshold)
        decided += now.verdict is not Verdict.UNDECIDED
    assert decided > 100


def test_a_score_goes_through_the_map_once_and_after_the_mean() -> None:
    bent = ScoreMap(method="platt", raw=(0.0, 0.5, 1.0), calibrated=(0.0, 0.9, 1.0))
    rule = Rule(name="p", threshold=0.5, margin=0.0, correlation=0.5, score_map=bent)
    assert read([0.25, 0.75], rule).score == pytest.approx(0.9)  # not (0.45 + 0.95) / 2
    clips = [
        ClipScore(time_s=t, score=bent(s), depth=None, picture=np.zeros((1, 1, 3)))
        for t, s in ((0.4, 0.25), (0.9, 0.75))
    ]
    curve = draw(clips, threshold=0.5, half_widths=[0.1, 0.05], decided_after=2, score_map=bent)
    assert curve.means[0].endswith(f",{300 * (1 - 0.9):.1f}")


def test_the_new_points_say_where_they_were_measured_and_old_ones_of_another_precision_go(
    rng: np.random.Generator,
) -> None:
    scores = _drawn(rng)
    made = calibrate(
        _contract(),
        scores,
        method="platt",
        wanted=[read_point("door:apcer=0.1")],
        measured_on="captures, today",
    ).contract
    assert [(p.name, p.precision) for p in made.operating_points] == [
        ("default", "f32"),
        ("strict", "f32"),
        ("door", "f32"),
    ]
    door = made.point("door", precision="f32")
    assert door.measured_on.startswith("captures, today; APCER of ")
    assert (door.attacks, door.bona_fide) == (60, 60)
    attacks = [s.score for s in scores if s.label == "attack"]
    mapped = present(made.score_map)
    accepted = [mapped(s) >= door.threshold for s in attacks]
    assert sum(accepted) == 0  # 30 of each instrument allow no error at 10 %
    default = made.point("default", precision="f32")
    assert default.threshold == pytest.approx(mapped(0.5))
    bona_fide = [mapped(s.score) for s in scores if s.label == "bona_fide"]
    assert default.bpcer == np.mean(np.array(bona_fide) < default.threshold)
    assert default.margin >= mapped(0.52) - mapped(0.5)


def test_a_calibration_has_a_version_of_its_own(rng: np.random.Generator) -> None:
    """The graph's hash stays: score tables are resumed, and decisions told apart, by the version."""
    one, other = (
        calibrate(_contract(), _drawn(rng), method="platt", measured_on="x").contract for _ in range(2)
    )
    assert len({one.version, other.version, _contract().version}) == 3
    again = calibrate(one, _drawn(rng), method="isotonic", measured_on="x").contract
    assert again.version.startswith("1+isotonic.")


def test_calibrating_twice_is_calibrating_once(rng: np.random.Generator) -> None:
    scores = _drawn(rng)  # raw: whoever scores for a calibration leaves the old map out
    once = calibrate(_contract(), scores, method="platt", measured_on="x").contract
    twice = calibrate(once, scores, method="platt", measured_on="x").contract
    assert twice.score_map == once.score_map
    for a, b in zip(once.operating_points, twice.operating_points, strict=True):
        assert (a.threshold, a.apcer, a.bpcer) == pytest.approx((b.threshold, b.apcer, b.bpcer))


def test_a_model_that_was_calibrated_is_calibrated_from_its_raw_scores(rng: np.random.Generator) -> None:
    scores = [*_drawn(rng), *_scores([math.nan])]
    once = calibrate(_contract(), scores, method="isotonic", measured_on="x").contract
    mapped = present(once.score_map)
    given = [replace(score, score=mapped(score.score)) for score in scores]
    back = raw_scores(given, once)
    assert np.allclose([s.score for s in back], [s.score for s in scores], equal_nan=True, atol=1e-12)
    assert raw_scores(scores, _contract()) == scores


def test_a_precision_without_a_point_is_one_sentence() -> None:
    assert first_point(_contract(), precision="bf16") == "default"
    bare = replace(_contract(), operating_points=_contract().operating_points[:2])
    with pytest.raises(ModelError, match="no operating point in bf16"):
        first_point(bare, precision="bf16")


def test_one_class_or_three_captures_are_a_sentence_or_a_map(rng: np.random.Generator) -> None:
    with pytest.raises(DataError, match="none of these 3 is attack"):
        calibrate(_contract(), _scores([0.5, 0.6, 0.7]), method="platt", measured_on="x")
    with pytest.raises(DataError, match="none of these 2 is bona fide"):
        calibrate(_contract(), _scores([], print=[0.5, 0.6]), method="platt", measured_on="x")
    three = calibrate(_contract(), _scores([0.6], print=[0.1, 0.2]), method="platt", measured_on="x")
    assert "BPCER <= 95.0 % (0 of 1 refused)" in three.supports["default"]
    with pytest.raises(DataError, match="both classes"):
        calibrate(_contract(), _scores([math.nan], print=[0.1, 0.2]), method="platt", measured_on="x")


def test_a_contract_with_a_map_is_read_back_and_one_without_is_as_before(rng: np.random.Generator) -> None:
    plain = _contract()
    assert "score_map" not in to_json(plain)
    assert json.loads(to_json(plain))["format"] == 1
    made = calibrate(plain, _drawn(rng), method="isotonic", measured_on="x").contract
    assert json.loads(to_json(made))["format"] == 2  # a reader that knows no map must not pass it over
    assert from_json(to_json(made), origin="x") == made
    broken = to_json(made).replace('"method": "isotonic"', '"method": "isotonik"')
    with pytest.raises(ModelError, match="altered"):
        from_json(broken, origin="x")


# The file


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged picture network, calibrated on drawn scores."""
    model, out = packaged()[0], tmp_path_factory.mktemp("calibrated") / "new.onnx"
    _, contract = read_file(model)
    scores = _drawn(np.random.default_rng(3))
    made = calibrate(contract, scores, method="platt", measured_on="drawn scores, 2026-01-01")
    write_calibrated(model, made.contract, out)
    return out


def test_a_calibrated_file_loads_and_its_network_says_what_it_said(
    calibrated: Path, rng: np.random.Generator
) -> None:
    old, new = Network.load(packaged()[0], threads=1), Network.load(calibrated, threads=1)
    assert new.contract.score_map is not None
    assert new.contract.payload_sha256 == old.contract.payload_sha256
    assert new.contract.golden == old.contract.golden
    pixels = rng.integers(0, 255, (1, 1, old.contract.clip.size_px, old.contract.clip.size_px, 3), np.uint8)
    masks = np.ones((1, 32, 32), np.float32)
    assert np.array_equal(old.run(pixels, masks)[0], new.run(pixels, masks)[0])


def _altered(path: Path, out: Path, change: Any) -> Path:
    model = onnx.load_model_from_string(path.read_bytes())
    change(model)
    out.write_bytes(model.SerializeToString(deterministic=True))
    return out


def test_an_altered_file_is_refused(calibrated: Path, tmp_path: Path) -> None:
    def lower(model: Any) -> None:
        sealed = json.loads(model.metadata_props[0].value)
        assert model.metadata_props[0].key == CONTRACT_KEY
        sealed["contract"]["operating_points"][0]["threshold"] = 0.0
        model.metadata_props[0].value = json.dumps(sealed, sort_keys=True)

    def bend(model: Any) -> None:
        sealed = json.loads(model.metadata_props[0].value)
        sealed["contract"]["score_map"]["calibrated"][-1] = 0.999999
        model.metadata_props[0].value = json.dumps(sealed, sort_keys=True)

    def touch(model: Any) -> None:
        weights = next(t for t in model.graph.initializer if len(t.raw_data) > 16)
        weights.raw_data = bytes([weights.raw_data[0] ^ 1]) + weights.raw_data[1:]

    for change in (lower, bend, touch):
        with pytest.raises(ModelError, match="altered"):
            Network.load(_altered(calibrated, tmp_path / "a.onnx", change), threads=1)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> list[Score]:
    """Scores in place of scoring: the command's own work is tested without faces."""
    scores = _drawn(rng)
    listed = [s.presentation for s in scores]
    monkeypatch.setattr(app, "read_labels", lambda folder, labels: listed)
    monkeypatch.setattr(app, "write_rows", lambda *given, **named: scores)
    return scores


def test_the_command_writes_a_file_that_check_loads_and_a_page(
    unmask: Callable[..., tuple[int, str, str]], planted: list[Score], tmp_path: Path
) -> None:
    out, report = tmp_path / "new.onnx", tmp_path / "page.html"
    code, shown, told = unmask(
        "calibrate",
        packaged()[0],
        tmp_path,
        "--out",
        out,
        "--point",
        "door:apcer=0.1",
        "--report",
        report,
        width=160,
    )
    assert code == 0, told
    assert "door" in shown
    assert "0 of 30 accepted" in shown
    network = Network.load(out, threads=1)
    door = network.contract.point("door", precision="f32")
    assert (
        f"own captures {tmp_path.name} (60 bona fide, 60 attacks), {datetime.now():%Y-%m-%d}"
        in door.measured_on
    )
    text = report.read_text()
    assert text.count("<svg") == 3
    assert "59" in text
    assert "<script" not in text
    assert "It is not a certificate" in text


def test_the_command_refuses_before_it_scores_or_writes(
    unmask: Callable[..., tuple[int, str, str]],
    planted: list[Score],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "new.onnx"
    monkeypatch.setattr(app, "write_rows", lambda *given, **named: pytest.fail("scored"))
    code, _, told = unmask("calibrate", packaged()[0], tmp_path, "--out", out, "--point", "door:apcer=0.01")
    assert code == 3
    assert "needs 299 scored captures" in told
    assert not out.exists()
    twice = ("--point", "a:apcer=0.2", "--point", "a:bpcer=0.2")
    code, _, told = unmask("calibrate", packaged()[0], tmp_path, "--out", out, *twice)
    assert (code, "twice" in told) == (4, True)
    code, _, told = unmask("calibrate", packaged()[0], tmp_path, "--out", packaged()[0])
    assert (code, "would replace" in told) == (3, True)


def test_a_page_of_few_captures_says_what_is_missing() -> None:
    scores = _scores([0.6, math.nan], print=[0.1, 0.2])
    contract = replace(_contract(), operating_points=_contract().operating_points[:1])
    made = calibrate(contract, scores, method="platt", measured_on="x")
    text = page(
        made.contract,
        scores,
        supports=made.supports,
        before=contract,
        folder="captures",
        seed=0,
        made_at=datetime(2026, 1, 1),
    )
    assert "1 of 2 refused: BPCER" in text
    assert "The labels name no subjects" in text
