"""FGHV end to end on toy sets: training and its watch, verifying a set, the command, the figures."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from test_training import write_toy

from unmask.contract import TrainingData
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Row
from unmask.models import MODELS
from unmask.models.fghv import hypotheses
from unmask.models.fghv.network import NARROW, Fghv
from unmask.models.network import TrainableNetwork
from unmask.models.output import Draws, Output
from unmask.models.weights import load
from unmask.report.planes import decision_plane, feature_map, tsne
from unmask.scores.formats import read_scores
from unmask.training import finish as finishing
from unmask.training.augment import Batch
from unmask.training.checkpoint import CHECKPOINT, read
from unmask.training.dev import score_set
from unmask.training.finish import finish
from unmask.training.loop import train
from unmask.training.objective import loss_of
from unmask.training.settings import Loss, from_mapping, presets, read_settings
from unmask.training.trainer import TrainingError
from unmask.training.verification import (
    PARTS,
    HypothesisEvidence,
    auc_of,
    by_presentation,
    combined,
    fitted,
    standards,
    verify,
)
from unmask.types import DataError, Label, ModelError, Presentation, SettingsError

torch.set_num_threads(1)
TINY = replace(
    NARROW,
    stem=4,
    levels=((4, 6, 4), (4, 6, 4), (6, 8, 6)),
    embedder=(8, 12, 16),
    hidden=16,
    draws=8,
    latent=6,
    fold=1,
)
FGHV = {"absolute": 0.0, "relative": 1.0, "variance": 1.0, "distribution": 1.0}


@pytest.fixture(scope="module", autouse=True)
def networks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "tiny_fghv", lambda: Fghv(TINY))
        yield


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright blobs, and blobs behind stripes: two classes that differ in everything."""
    root = tmp_path_factory.mktemp("toy")
    write_toy(root / "train", seed=1, subjects="a")
    write_toy(root / "dev", seed=2, subjects="b")
    return root


def toy_settings(*, steps: Any = 60, **sections: Any) -> Any:
    given = {
        "run": {"name": "toy", "network": "tiny_fghv", "steps": steps, "save_every": 20, "log_every": 10},
        "batches": {"size": 8},
        "loss": FGHV,
        "optimiser": {"kind": "sgd", "rate": 0.02, "warmup": 5, "clip_norm": 5.0},
        "augmentation": {"contrast": 0.0, "cutout": 0.0},
        "evaluation": {"every": steps, "batch": 8, "keep": "last"},
        "compute": {"accelerator": "cpu"},
    }
    for name, changes in sections.items():
        given[name] = {**given.get(name, {}), **changes}
    return from_mapping(given, origin="test")


@pytest.fixture(scope="module")
def finished(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("run")
    train(toy_settings(), data=toy, out=out)
    licence = TrainingData(name="toy", licence="CC0-1.0", items=24)
    with pytest.MonkeyPatch.context() as patch:  # test_models.py exports FGHV
        patch.setattr(finishing, "export", lambda network, contract, out: contract)
        return finish(out, data=toy, training_data=[licence], command="pytest")


def test_it_learns_the_toy_and_bona_fide_scores_higher(toy: Path, finished: Any) -> None:
    network, _ = load(finished.weights)
    prepared = PreparedSet.open(toy / "dev")
    rows, evidence = by_presentation(prepared.rows, verify(network, prepared))
    bona_fide = np.array([row.label is Label.BONA_FIDE for row in rows])
    assert evidence.fhvm[bona_fide].mean() > evidence.fhvm[~bona_fide].mean() + 0.1
    by = standards(rows, evidence)
    both = combined(evidence, by, weights=fitted(rows, evidence, by))  # what the command takes for the score
    assert both[bona_fide].mean() > both[~bona_fide].mean()


def test_fhvm_is_what_the_network_scores(toy: Path, finished: Any) -> None:
    network, contract = load(finished.weights)
    prepared = PreparedSet.open(toy / "dev")
    evidence = verify(network, prepared, size=5)
    scored = score_set(
        network, prepared, frames=1, size=8, settings=Loss(relative=1.0), device=torch.device("cpu")
    )
    np.testing.assert_allclose(evidence.fhvm, scored.scores, atol=1e-6)
    assert contract.network == "tiny_fghv"


def test_the_watch_is_logged_and_stops_a_run(toy: Path, tmp_path: Path) -> None:
    train(toy_settings(steps=10), data=toy, out=tmp_path / "watched")
    log = b"".join(path.read_bytes() for path in (tmp_path / "watched" / "log").rglob("events*"))
    assert b"collapse" in log
    with pytest.raises(TrainingError, match=r"step \d+: generated features .* lower \[loss\] distribution"):
        train(toy_settings(steps=10, loss={"collapse": 1e-6}), data=toy, out=tmp_path / "stopped")
    assert read(tmp_path / "stopped" / CHECKPOINT).network


def test_each_constraint_counts_by_its_weight() -> None:
    rng = torch.Generator().manual_seed(1)
    feature, real, attack = (torch.randn(*shape, generator=rng) for shape in ((3, 1, 4), (5, 4), (5, 4)))
    draws = Draws(feature, real, attack)
    bona_fide = torch.tensor([True, False, True])
    batch = Batch(torch.zeros(3, 1, 3, 8, 8), torch.zeros(3, 1, 32, 32), torch.ones(3, 1, 32, 32), bona_fide)
    output = Output(torch.rand(3), draws=draws)
    with pytest.raises(SettingsError, match="no term for what the network gives"):
        loss_of(output, batch, settings=Loss())
    expected = {
        "relative": hypotheses.relative(draws, bona_fide),
        "variance": hypotheses.variance(draws, bona_fide),
        "distribution": hypotheses.distribution(draws),
    }
    for name, term in expected.items():
        weight: dict[str, Any] = {name: 2.5}
        found = loss_of(output, batch, settings=Loss(**weight))
        assert found.item() == pytest.approx(2.5 * term.item(), rel=1e-5)
    hinge = loss_of(output, batch, settings=Loss(relative=1.0, relative_form="hinge", relative_margin=0.2))
    assert hinge.item() == pytest.approx(
        hypotheses.relative(draws, bona_fide, form="hinge", margin=0.2).item(), rel=1e-5
    )


def test_its_settings_come_with_the_package() -> None:
    for name in ("fghv.toml", "fghv_s.toml"):
        assert name in presets()
        settings = read_settings(name)
        assert settings.optimiser.kind == "sgd"
        assert settings.loss.collapse == 0.99
        network: Any = MODELS[settings.run.network](**settings.arguments)
        assert network.form.draws == 50


def evidence_of(**columns: Any) -> HypothesisEvidence:
    blank = np.zeros(len(next(iter(columns.values()))))
    given = {name: np.array(values, float) for name, values in columns.items()}
    return HypothesisEvidence(
        **{"fhvm": blank, "variance": blank, "delta_kl": blank, "feature": blank[:, None]} | given
    )


def rows_of(labels: Any, names: Any = None) -> Any:
    names = names or [str(k) for k in range(len(labels))]
    return [
        Row(
            presentation=Presentation(
                path=name,
                label=label,
                instrument="" if label is Label.BONA_FIDE else "print",
                subject=f"s{name}",
            ),
            number=0,
            source="",
        )
        for name, label in zip(names, labels, strict=True)
    ]


def test_the_final_score_is_its_formula() -> None:
    of_train = evidence_of(variance=[1, 3, 100], delta_kl=[0.2, 0.4, 9])
    by = standards(rows_of([Label.BONA_FIDE, Label.BONA_FIDE, Label.ATTACK]), of_train)
    asked = evidence_of(fhvm=[0.9, 0.2], variance=[2, 5], delta_kl=[0.3, 0.7])
    expected = [0.9, 0.2 - 0.5 * (5 - 2) / 1 - 0.5 * (0.7 - 0.3) / 0.1]
    np.testing.assert_allclose(combined(asked, by), expected)
    alone = combined(asked, by, weights=PARTS["FHVM"])
    np.testing.assert_allclose(alone, asked.fhvm)


def test_a_column_without_spread_in_training_says_nothing() -> None:
    of_train = evidence_of(variance=[1, 3], delta_kl=[0, 0])
    by = standards(rows_of([Label.BONA_FIDE] * 2), of_train)
    found = combined(evidence_of(fhvm=[0.5], variance=[2], delta_kl=[0]), by)
    np.testing.assert_allclose(found, [0.5])


def test_the_score_is_never_worse_on_dev_than_one_of_its_parts() -> None:
    rng = np.random.default_rng(0)
    labels = [Label.BONA_FIDE, Label.ATTACK] * 40
    attack = np.array([label is Label.ATTACK for label in labels])
    rows = rows_of(labels)
    for good in ("fhvm", "variance", "delta_kl", "all"):
        columns = {name: rng.normal(size=80) for name in ("fhvm", "variance", "delta_kl")}
        for name in columns if good == "all" else (good,):
            columns[name] += attack * (-0.7 if name == "fhvm" else 0.7)
        evidence = evidence_of(**columns)
        by = standards(rows, evidence)
        weights = fitted(rows, evidence, by)
        found = auc_of(rows, evidence, by, weights)
        best = max(auc_of(rows, evidence, by, one) for one in PARTS.values())
        assert found >= best
        assert (weights in PARTS.values()) == (found == best)  # a combination only where it is better


def test_standards_take_bona_fide_presentations() -> None:
    with pytest.raises(DataError, match="take 2 bona fide presentations or more, not 1"):
        standards(rows_of([Label.BONA_FIDE, Label.ATTACK]), evidence_of(variance=[1, 2]))


def test_a_presentation_is_the_mean_of_its_clips() -> None:
    labels = [Label.BONA_FIDE, Label.ATTACK, Label.BONA_FIDE]
    rows, found = by_presentation(rows_of(labels, ["b", "a", "b"]), evidence_of(fhvm=[0.2, 0.5, 0.8]))
    assert [(row.name, row.label) for row in rows] == [("a", Label.ATTACK), ("b", Label.BONA_FIDE)]
    np.testing.assert_allclose(found.fhvm, [0.5, 0.5])
    assert found.feature.shape == (2, 1)


def test_only_an_fghv_with_hypotheses_verifies(toy: Path) -> None:
    for network in (Fghv(replace(TINY, hypotheses="none")), torch.nn.Linear(2, 2)):
        with pytest.raises(ModelError, match="only an FGHV with generation networks"):
            verify(cast(TrainableNetwork, network), PreparedSet.open(toy / "dev"))


def test_without_steps_the_command_has_no_delta_kl(
    toy: Path, finished: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "scores.csv"
    assert unmask("fghv", finished.weights, toy / "dev", "--out", out, "--steps", 0)[0] == 0
    assert {score.columns["delta_kl"] for score in read_scores(out)} == {"0.0"}


def test_the_command_writes_a_table_that_evaluate_reads(
    toy: Path, finished: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    out, plane, features = tmp_path / "scores.csv", tmp_path / "plane.svg", tmp_path / "features.svg"
    asked = ("--out", out, "--steps", 3, "--plane", plane, "--features", features, "--by", "camera")
    code, _, error = unmask("fghv", finished.weights, toy / "dev", *asked)
    assert (code, "has no column camera" in error) == (3, True)
    assert "AUC on dev: score" in error  # and its parts, all three
    assert all(f"{name} " in error for name in ("FHVM", "variance", "delta-KL"))
    code, printed, error = unmask("fghv", finished.weights, toy / "dev", *asked[:-4])
    assert code == 0, error
    assert printed.split() == [str(out), str(plane)]
    assert out.read_text().splitlines()[0] == (
        "presentation,subject,label,instrument,score,fhvm,variance,delta_kl"
    )
    assert len(read_scores(out)) == 12
    assert plane.read_text().startswith("<svg")
    assert unmask("evaluate", out, "--threshold", "oracle", "--rounds", 0)[0] == 0


def test_the_training_set_must_be_named_where_it_is_not_beside(
    toy: Path, finished: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "scores.csv"
    code, _, error = unmask("fghv", finished.weights, toy / "dev", "--train", tmp_path, "--out", out)
    assert code == 4
    assert "standardised by the training set" in error


def test_the_plane_shows_every_presentation_that_has_numbers() -> None:
    pytest.importorskip("matplotlib")
    delta_kl, variance = np.array([0.1, 0.2, np.nan, 0.9]), np.array([0.01, 0.02, 0.5, 0.4])
    asked: dict[str, Any] = {"delta_kl_threshold": 0.5, "variance_threshold": 0.1, "title": "toy"}
    svg = decision_plane(delta_kl, variance, np.array([True, True, False, False]), **asked)
    assert svg.startswith("<svg")
    assert "<!-- toy, 1 without a score left out -->" in svg
    assert "<!-- bona fide (2) -->" in svg
    assert "<!-- attack (1) -->" in svg
    assert svg == decision_plane(delta_kl, variance, np.array([True, True, False, False]), **asked)


def test_the_map_keeps_neighbours_together() -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2, 16))
    features = np.repeat(centres, 20, axis=0) + 0.05 * rng.normal(size=(40, 16))
    places = tsne(features, seed=1)
    middle = [places[:20].mean(axis=0), places[20:].mean(axis=0)]
    own = max(np.linalg.norm(places[k] - middle[k // 20]) for k in range(40))
    assert own < np.linalg.norm(middle[0] - middle[1])
    svg = feature_map(features, np.arange(40) < 20, ["o"] * 10 + ["c"] * 30, seed=1)
    assert svg.startswith("<svg")
    with pytest.raises(ValueError, match="5 features or more, not 3"):
        tsne(features[:3], seed=1)
