"""The head in closed form, the weights of its rows, the map of its scores, and the run that makes them."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_encoder import published
from test_training import CutOffError, stop_after, write_toy

from present import present
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Row
from unmask.detector.model_file import read_file
from unmask.models.encoder import Encoder
from unmask.models.weights import load
from unmask.training import finish as finishing, networks as training_networks
from unmask.training.calibrated import fitted_map, through
from unmask.training.checkpoint import CHECKPOINT, read
from unmask.training.features import features_of
from unmask.training.finish import finish
from unmask.training.head import (
    FeatureGroup,
    fit_groups,
    fit_head,
    groups_of,
    realism_direction,
    row_weights,
    with_framing,
)
from unmask.training.loop import train
from unmask.training.results import write_results
from unmask.training.settings import HeadSettings, Settings, from_mapping
from unmask.types import DataError, Label, Presentation, SettingsError

torch.set_num_threads(1)
SIZE = 64


def drawn(rng: np.random.Generator, *, rows: int = 120, width: int = 30) -> Any:
    labels = rng.random(rows) < 0.4
    features = rng.normal(3, 2, (rows, width)) + labels[:, None] * rng.normal(0, 1, width)
    features[:, 5] = 7.0  # a feature that never changes
    return features, labels


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("C", [3e-4, 1.0])
def test_the_head_is_scikit_learns(rng: np.random.Generator, kind: type[np.floating[Any]], C: float) -> None:
    features, labels = drawn(rng)
    weights = rng.uniform(0.1, 3, len(labels))
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=C, tol=1e-10, max_iter=5000))
    theirs.fit(features, labels, logisticregression__sample_weight=weights)
    ours = fit_head(features.astype(kind), labels, weights=weights, C=C)
    wanted = theirs.decision_function(features)
    np.testing.assert_allclose(ours.logits(features), wanted, atol=5e-4 * np.abs(wanted).max())
    rounding = 1e-4 if kind is np.float64 else 5e-4  # of float32, which differs between processors
    np.testing.assert_allclose(ours.weight, theirs[-1].coef_[0], atol=rounding)


def test_a_head_of_two_looks_is_the_mean_of_a_head_of_each(rng: np.random.Generator) -> None:
    features, labels = drawn(rng)
    weights = rng.uniform(0.1, 3, len(labels))
    other, _ = drawn(rng, rows=len(labels), width=12)
    groups = (FeatureGroup(features.shape[1], 1.0), FeatureGroup(12, 1e-2))
    both = fit_groups(np.hstack([features, other]), labels, groups=groups, weights=weights)
    first = fit_head(features, labels, weights=weights, C=1.0).logits(features)
    second = fit_head(other, labels, weights=weights, C=1e-2).logits(other)
    np.testing.assert_allclose(both.logits(np.hstack([features, other])), (first + second) / 2, atol=1e-9)


def test_a_head_of_one_class_or_of_features_that_are_not_finite_is_refused(rng: np.random.Generator) -> None:
    features, labels = drawn(rng)
    with pytest.raises(DataError, match="both classes"):
        fit_head(features, np.ones(len(labels), bool))
    features[3, 4] = np.nan
    with pytest.raises(DataError, match="not finite"):
        fit_head(features, labels)


def row(label: Any, *, view: str = "whole") -> Any:
    kind = Label.BONA_FIDE if label else Label.ATTACK
    return Row(presentation=Presentation(path="p", label=kind, subject="s"), number=0, source="x", view=view)


def test_sets_have_their_shares_and_classes_are_even_in_every_view() -> None:
    many = [row(k % 4 == 0) for k in range(40)] + [row(k % 3 == 0, view="tight") for k in range(12)]
    few = [row(True), row(False), row(False)]
    weights = row_weights([many, few], HeadSettings(rows=1000, shares=(0.95, 0.05)))
    assert weights.sum() == pytest.approx(1000)
    assert weights[52:].sum() == pytest.approx(50)
    tight = weights[40:52]
    bona_fide = np.array([one.label is Label.BONA_FIDE for one in many[40:]])
    assert tight[bona_fide].sum() == pytest.approx(tight[~bona_fide].sum())
    assert tight.sum() == pytest.approx(950 * 12 / 52)


def test_a_set_of_one_class_leaves_the_classes_even_over_all() -> None:
    rows = [[row(True)] * 6, [row(True), row(False), row(False)]]
    weights = row_weights(rows, HeadSettings(rows=100))
    bona_fide = np.array([True] * 7 + [False] * 2)
    assert weights[bona_fide].sum() == pytest.approx(weights[~bona_fide].sum()) == pytest.approx(50)


def test_shares_must_fit_the_sets() -> None:
    with pytest.raises(SettingsError, match="2 numbers for 1 sets"):
        row_weights([[row(True), row(False)]], HeadSettings(shares=(0.5, 0.5)))


def test_the_map_brings_the_threshold_to_one_half_and_keeps_the_order(rng: np.random.Generator) -> None:
    scores = np.concatenate([rng.beta(6, 3, 60), rng.beta(3, 6, 90)])
    rows = [row(k < 60).of(path=str(k)) for k in range(150)]
    found = fitted_map(rows, scores, threshold=0.437, alone=False)
    assert found(0.437) == 0.5
    raw = np.sort(rng.random(500))
    assert np.all(np.diff([found(score) for score in raw]) > 0)
    assert np.all([found.inverse(found(score)) == pytest.approx(score, abs=1e-6) for score in raw])
    with pytest.raises(DataError, match="do not score higher"):
        fitted_map(rows, 1 - scores, threshold=0.437, alone=False)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("toy")
    for name, seed in (("many", 1), ("few", 5)):
        write_toy(root / name / "train", seed=seed, subjects="a", size=SIZE, frames=1)
        write_toy(root / name / "dev", seed=seed + 1, subjects="b", size=SIZE, frames=1)
    return root


def settings(**changes: dict[str, Any]) -> Settings:
    given: dict[str, dict[str, Any]] = {
        "run": {"name": "toy", "network": "encoder", "steps": 4, "save_every": 2, "log_every": 1},
        "batches": {"size": 4},
        "arguments": {"size_px": SIZE, "decoder": 4},
        "head": {"strength": 3e-4, "shares": [0.9, 0.1]},
        "optimiser": {"rate": 1e-2},
        "evaluation": {"every": 4, "keep": "last", "calibrate": "platt"},
        "compute": {"accelerator": "cpu", "threads": 1},
    }
    given["run"]["backbone"] = "frozen"
    for section, values in changes.items():
        given.setdefault(section, {}).update(values)
    return from_mapping(given, origin="test")


@pytest.fixture
def imagenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn numbers in the place of the published weights."""
    path = tmp_path / "published.pth"
    torch.save(published(), path)

    class Given:
        def __init__(self) -> None:
            self.path = path

    monkeypatch.setattr(training_networks, "imagenet_weights", Given)


@pytest.mark.parametrize(
    ("detail", "exports"),
    [
        (False, False),
        (True, False),
        pytest.param(True, True, marks=pytest.mark.slow),
    ],
)
def test_a_run_fits_the_head_trains_the_decoder_and_ships_a_calibrated_file(
    toy: Path, tmp_path: Path, imagenet: None, monkeypatch: pytest.MonkeyPatch, detail: bool, exports: bool
) -> None:
    if not exports:
        monkeypatch.setattr(finishing, "export", lambda network, contract, out: contract)
    data = [toy / "many", toy / "few"]
    chosen = settings(arguments={"detail": detail})
    out = train(chosen, data=data, out=tmp_path / "run", init="imagenet")
    finished = finish(out, data=data, training_data=(), command="test")
    contract = finished.contract
    assert not exports or read_file(finished.model)[1] == contract
    network, _ = load(finished.weights)
    assert isinstance(network, Encoder)
    default = contract.point("default", precision="f32")
    assert default.threshold == 0.5
    assert present(contract.score_map)(0.0) == 0.0
    assert finished.dev.auc > 0.95  # stripes are plain to see
    prepared = PreparedSet.joined([PreparedSet.open(folder / "train") for folder in data])
    raw = features_of(network, prepared, device=torch.device("cpu"))
    bona_fide = np.array([one.label is Label.BONA_FIDE for one in prepared.rows])
    sizes = [len(PreparedSet.open(folder / "train").rows) for folder in data]
    parts = [prepared.rows[: sizes[0]], prepared.rows[sizes[0] :]]
    head = fit_groups(raw, bona_fide, groups=groups_of(chosen), weights=row_weights(parts, chosen.head))
    with torch.no_grad():
        logits = network.score_features(torch.from_numpy(raw)).logit().numpy()
    np.testing.assert_allclose(logits, head.logits(raw), atol=1e-4)
    results = write_results(out, data=data)
    assert {result.part for result in results} == {"dev"}
    with (out / "results.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2


def test_features_are_looked_up_once_and_again_when_the_shard_changes(
    toy: Path, tmp_path: Path, imagenet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toy(tmp_path / "set", seed=9, subjects="c", size=SIZE, frames=1, recordings=4)
    network = training_networks.build(settings(), init="imagenet")
    assert isinstance(network, Encoder)
    prepared = PreparedSet.open(tmp_path / "set")
    looked = []
    real = Encoder.raw_features

    def counted(self: Any, frames: torch.Tensor) -> Any:
        looked.append(len(frames))
        return real(self, frames)

    monkeypatch.setattr(Encoder, "raw_features", counted)
    first = features_of(network, prepared, device=torch.device("cpu"))
    again = features_of(network, prepared, device=torch.device("cpu"))
    assert sum(looked) == len(prepared.rows) == 8
    assert np.array_equal(first, again)
    pixels = torch.from_numpy(prepared.read([5]).clips[:, 0]).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        np.testing.assert_allclose(network.raw_features(pixels)[0].numpy(), first[5], rtol=1e-4, atol=1e-5)
    for path in (tmp_path / "set").iterdir():
        if "features" not in path.name:
            path.unlink()
    (tmp_path / "set").rename(tmp_path / "old")
    write_toy(tmp_path / "set", seed=10, subjects="c", size=SIZE, frames=1, recordings=4)
    for path in (tmp_path / "old").iterdir():
        path.rename(tmp_path / "set" / path.name)
    other = features_of(network, PreparedSet.open(tmp_path / "set"), device=torch.device("cpu"))
    assert not np.allclose(other, first)


def test_a_killed_run_goes_on_with_the_same_head_and_decoder(
    toy: Path, tmp_path: Path, imagenet: None
) -> None:
    data = [toy / "many", toy / "few"]
    whole = train(settings(), data=data, out=tmp_path / "whole", init="imagenet")
    with pytest.raises(CutOffError):
        train(settings(), data=data, out=tmp_path / "cut", init="imagenet", progress=stop_after(3))
    train(settings(), data=data, out=tmp_path / "cut", init="imagenet", resume=True)
    one, other = (read(folder / CHECKPOINT).network for folder in (whole, tmp_path / "cut"))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_frozen_encoder_without_first_weights_is_refused(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match="by --init the weights of stage 1, or `imagenet` for a network on the encoder"
    ):
        train(settings(head={"shares": []}), data=toy / "many", out=tmp_path / "run")


def test_a_head_is_fitted_to_encoders_alone_and_imagenet_fills_no_others() -> None:
    other = settings(run={"network": "resnet18", "backbone": "trained"}, arguments={})
    other = replace(other, arguments={"width": 4})
    with pytest.raises(SettingsError, match="head of an encoder"):
        training_networks.build(other, init=None)
    with pytest.raises(SettingsError, match="weights of an encoder"):
        training_networks.build(replace(other, head=HeadSettings()), init="imagenet")


def test_points_seen_through_a_map_decide_as_before(rng: np.random.Generator) -> None:
    from conftest import random_contract

    points = random_contract("encoder", frames=1, threshold=0.4, margin=0.1).operating_points
    scores = np.concatenate([rng.beta(6, 3, 60), rng.beta(3, 6, 90)])
    rows = [row(k < 60).of(path=str(k)) for k in range(150)]
    found = fitted_map(rows, scores, threshold=0.4, alone=False)
    (mapped, _) = through(points, found)
    assert mapped.threshold == 0.5
    assert mapped.margin == pytest.approx(max(found(0.5) - 0.5, 0.5 - found(0.3)))
    assert through(points, None) == points


def test_a_head_that_is_blind_to_the_simulator_does_not_use_what_is_its_alone(
    rng: np.random.Generator,
) -> None:
    n = 400
    bona_fide = np.tile([True, False], n)
    features = rng.normal(0, 1, (2 * n, 6)).astype(np.float32)
    features[:, 0] += np.where(bona_fide, 1.0, -1.0)  # the class, everywhere
    features[:, 1] += np.where(bona_fide, 2.0, -2.0)  # the simulator's own mark of its bona fide
    photographs = rng.normal(0, 1, (n, 6)).astype(np.float32)
    photographs[:, 0] += 1.0
    photographs[:, 1] -= 2.0  # real bona fide look the other way there
    raw = np.concatenate([features, photographs])
    labels = np.concatenate([bona_fide, np.ones(n, bool)])
    real = np.arange(3 * n) >= 2 * n
    weights = np.where(real, 0.0, 1.0)
    seeing = fit_head(raw, labels, weights=weights, C=1.0)
    blind = fit_head(raw, labels, weights=weights, C=1.0, real=real)
    assert (seeing.logits(photographs) > 0).mean() < 0.2
    assert (blind.logits(photographs) > 0).mean() > 0.75
    hidden = realism_direction(((raw - blind.mean) / blind.scale)[labels], real[labels])
    assert abs(float(blind.weight @ hidden)) < 1e-3 * np.linalg.norm(blind.weight)


def test_hiding_the_simulator_needs_real_and_simulated_pictures(rng: np.random.Generator) -> None:
    features, labels = rng.normal(0, 1, (8, 3)), np.tile([True, False], 4)
    with pytest.raises(DataError, match="add the other"):
        fit_head(features, labels, real=np.zeros(8, bool))


def test_the_parts_of_a_set_share_what_was_seen_of_its_pictures(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, whole = Encoder(size_px=SIZE, decoder=4), PreparedSet.open(toy / "many" / "train")
    names = sorted({row.name for row in whole.rows})
    parts = [whole.only(names[:3]), whole.only(names[3:])]
    found = [features_of(network, part, device=torch.device("cpu")) for part in parts]
    monkeypatch.setattr("unmask.training.features._look", lambda *_, **__: pytest.fail("looked at twice"))
    everything = features_of(network, whole, device=torch.device("cpu"))
    for part, rows in zip(parts, found, strict=True):
        chosen = [row.name in {one.name for one in part.rows} for row in whole.rows]
        assert 0 < len(rows) < len(everything)
        np.testing.assert_array_equal(rows, everything[chosen])


def framed(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Row]]:
    """Features, labels and rows of pictures half of which are tight: bona fide ones look less so there."""
    tight = np.arange(200) % 2 == 1
    labels = np.arange(200) % 4 < 2
    features = rng.normal(0, 1, (200, 12))
    features[:, 0] += 6 * tight
    features[:, 1] += 2 * labels - 1 * tight
    return features, labels, [row(labels[n], view="tight" if tight[n] else "whole") for n in range(200)]


def test_features_of_tight_pictures_count_more_and_their_logits_are_moved(rng: np.random.Generator) -> None:
    features, labels, rows = framed(rng)
    tight = np.array([one.view == "tight" for one in rows])
    weights = np.ones(200)
    plain = fit_head(features, labels, C=1.0)
    head = with_framing(plain, features, labels, sets=[rows], weights=weights, gain=0.5)
    assert head.framing is not None
    offset = head.logits(features) - head.bias - head.framing.offset * tight
    grown = offset / (plain.logits(features) - plain.bias)
    assert np.abs(np.median(grown[tight]) - 1.5) < 0.1
    assert np.abs(np.median(grown[~tight]) - 1) < 0.1
    same = with_framing(plain, features, labels, sets=[rows], weights=weights, gain=0.0)
    assert same is plain
    whole = [one for one in rows if one.view == "whole"]
    with pytest.raises(SettingsError, match="whole and tight"):
        with_framing(plain, features, labels, sets=[whole], weights=weights, gain=0.5)


def test_bias_and_offset_of_tight_pictures_fit_best_with_the_rest_as_it_is(rng: np.random.Generator) -> None:
    """No step away from them makes the weighted loss, written out, smaller."""
    features, labels, rows = framed(rng)
    tight = np.array([one.view == "tight" for one in rows], np.float64)
    weights = rng.uniform(0.5, 2, 200)
    plain = fit_head(features, labels, C=1.0)
    head = with_framing(plain, features, labels, sets=[rows], weights=weights, gain=0.5)
    assert head.framing is not None

    def loss(bias: float, offset: float) -> float:
        units = (features - head.mean) / head.scale
        found = head.framing.tightness(units)  # type: ignore[union-attr]
        logits = (units @ head.weight) * (1 + 0.5 * found) + bias + offset * found
        return float(weights @ np.logaddexp(0, -np.where(labels, logits, -logits)))

    best = loss(head.bias, head.framing.offset)
    for step in (-0.05, 0.05):
        assert best < loss(head.bias + step, head.framing.offset)
        assert best < loss(head.bias, head.framing.offset + step)
    assert np.corrcoef(head.framing.tightness((features - head.mean) / head.scale), tight)[0, 1] > 0.9
