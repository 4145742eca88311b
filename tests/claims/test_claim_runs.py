"""The trainings of the claims: their settings, and one run from prepared clips to score tables."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from test_training import NETWORKS, SIZE, write_toy

from unmask.claims import settings as claims
from unmask.claims.data import TESTS
from unmask.claims.measures import CLAIMS, read_runs
from unmask.claims.runs import is_done, run_folder, run_variant
from unmask.claims.settings import SCALES, SYSTEMS, VARIANTS, Scale, Variant, needed, settings_of
from unmask.models import MODELS
from unmask.training.checkpoint import CHECKPOINT
from unmask.training.networks import frames_of
from unmask.types import ClipSpec, SettingsError

torch.set_num_threads(1)


def test_every_claim_names_systems_that_are_trained() -> None:
    for name, claim in CLAIMS.items():
        assert {claim.better, claim.worse} <= set(SYSTEMS), name


@pytest.mark.parametrize("preset", SCALES)
def test_every_variant_has_settings_and_a_network_for_its_preset(preset: Any) -> None:
    for name, row in VARIANTS.items():
        if preset in row.networks:
            settings = settings_of(name, preset=preset, seed=2)
            assert settings.run.network in MODELS, name
            assert settings.run.seed == 2


def test_every_variant_of_a_preset_sees_as_many_pictures() -> None:
    for name in VARIANTS:
        settings = settings_of(name, preset="s", seed=1)
        frames = frames_of(MODELS[settings.run.network](**settings.arguments), settings.clip)
        assert settings.run.steps * settings.batches.size * frames == SCALES["s"].images, name


def test_two_sides_of_a_claim_differ_in_what_it_speaks_of_alone() -> None:
    def told(name: Any) -> Any:
        text = claims.settings_of(name, preset="s", seed=1)
        return {
            f"{section}.{key}": value
            for section in ("loss", "optimiser", "augmentation", "batches", "evaluation")
            for key, value in vars_of(getattr(text, section)).items()
        } | {f"arguments.{key}": value for key, value in text.arguments.items()}

    def differences(a: Any, b: Any) -> Any:
        one, two = told(a), told(b)
        return {key for key in one | two if one.get(key) != two.get(key)}

    assert differences("sgtd-single", "sgtd-plain") == {"arguments.gradient"}
    assert differences("sgtd-single", "sgtd-no-contrast") == {"loss.contrast"}
    assert differences("sgtd-single", "sgtd-binary") == {"loss.absolute", "loss.contrast", "loss.binary"}
    assert differences("sgtd-single", "sgtd-true-depth") == {"loss.attack_depth"}
    assert differences("sgtd-multi", "sgtd-multi-slip") == {"arguments.recurrent"}


def test_both_stages_of_a_short_training_draw_half_of_each_batch_bona_fide() -> None:
    for preset in ("s", "m"):
        stages = [
            settings_of(f"sgtd-{stage}", preset=preset, seed=1).batches for stage in ("single", "multi")
        ]
        assert {(one.order, one.bona_fide, one.attacks) for one in stages} == {
            ("balanced", 0.5, "as prepared")
        }
    assert settings_of("sgtd-multi", preset="full", seed=1).batches.clips_attack == 2


def vars_of(record: Any) -> Any:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def test_what_others_start_from_is_trained_before_them() -> None:
    order = needed(["sgtd-multi"], preset="s")
    assert order == ["sgtd-single", "sgtd-multi"]


def test_a_system_that_nobody_trains_is_refused() -> None:
    with pytest.raises(SettingsError, match="no system nonsense"):
        needed(["nonsense"], preset="s")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tiny variants on toy sets: two stages."""
    for name, network in NETWORKS.items():
        monkeypatch.setitem(MODELS, name, network)
    scale = Scale(
        clip=ClipSpec(frames=3, size_px=SIZE, box_scale=2.8), images=48, frames_a_step=8, clips_a_step=4
    )
    monkeypatch.setitem(claims.SCALES, "s", scale)
    tiny = {
        "one": Variant(words="one", networks={"s": "tiny_single"}),
        "two": Variant(words="two", networks={"s": "tiny_multi"}, clips=True, start="one"),
    }
    for name in list(VARIANTS):
        monkeypatch.delitem(VARIANTS, name)
    for name, row in tiny.items():
        monkeypatch.setitem(VARIANTS, name, row)
    sets = tmp_path / "sets"
    for seed, part in enumerate(("train", "dev", *TESTS)):
        write_toy(sets / part, seed=seed, subjects=part)
    out = tmp_path / "out"
    return partial(run_variant, seed=1, preset="s", steps=0, sets=sets, out=out, about={"commit": "abc"}), out


def test_a_run_leaves_score_tables_of_dev_and_both_tests(toy: Any) -> None:
    run, out = toy
    run("one")
    run("two")
    assert is_done(out, "two", 1, preset="s", steps=0)
    found = read_runs(out)
    assert [run.system for run in found] == ["one", "two"]
    for one in found:
        assert len(one.dev) == 12
        assert {test: len(rows) for test, rows in one.tests.items()} == dict.fromkeys(TESTS, 12)
    record = json.loads((run_folder(out, "two", 1) / "run.json").read_text())
    assert (record["steps"], record["images"], record["commit"]) == (4, 48, "abc")


def test_a_run_that_was_killed_ends_as_one_that_was_not(toy: Any) -> None:
    run, out = toy
    run("one")
    table = run_folder(out, "one", 1) / "scores-one.csv"
    whole = table.read_text()
    for name in ("run.json", CHECKPOINT, "best.safetensors"):  # killed before the first checkpoint
        (run_folder(out, "one", 1) / name).unlink()
    assert not is_done(out, "one", 1, preset="s", steps=0)
    run("one")
    assert table.read_text() == whole
    (run_folder(out, "one", 1) / "run.json").unlink()  # killed after the last one
    run("one")
    assert table.read_text() == whole


def test_a_run_of_other_settings_is_made_anew(toy: Any) -> None:
    run, out = toy
    run("one")
    assert not is_done(out, "one", 1, preset="s", steps=2)
    run("one", steps=2)
    assert is_done(out, "one", 1, preset="s", steps=2)
    record = json.loads((run_folder(out, "one", 1) / "run.json").read_text())
    assert record["steps"] == 2
