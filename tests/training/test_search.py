"""A search over settings on the toy set: what it takes, what it leaves, and that it goes on."""

import csv
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_training import networks, toy, toy_settings

from unmask.training.search import SearchSpace, spaces_of
from unmask.training.settings import to_toml
from unmask.types import OutputError, SettingsError

__all__ = ["networks", "toy"]  # fixtures


def test_ranges_and_choices_are_read_as_settings_are() -> None:
    spaces = spaces_of(["optimiser.kind=adam|sgd", "batches.size=4..8", "optimiser.rate=1e-4..5e-4"])
    assert spaces["optimiser.kind"] == SearchSpace(choices=("adam", "sgd"))
    assert spaces["batches.size"] == SearchSpace(low=4, high=8, whole=True)
    assert not spaces["optimiser.rate"].log  # less than a decade
    for wrong in ("optimiser.rate=2..1", "optimiser.kind=adam", "rate=1..2", "optimiser.kind=a..b"):
        with pytest.raises(SettingsError, match=r"--(over|set)"):
            spaces_of([wrong])
    with pytest.raises(SettingsError, match=r"^--over gives batches\.size twice; give each key once$"):
        spaces_of(["batches.size=4|8", "batches.size=8..16"])


def test_a_search_keeps_its_trials_and_goes_on_to_as_many_as_asked(
    toy: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    pytest.importorskip("optuna", reason="the extra search is not installed")
    config, out = tmp_path / "toy.toml", tmp_path / "out"
    config.write_text(to_toml(toy_settings(steps=2, run={"ema": 0.0, "loggers": []})))
    over = ("--over", "optimiser.rate=1e-4..1e-2", "--over", "batches.size=4|6")
    command = ("search", "--config", config, "--data", toy, "--out", out, *over, "--aim", "auc")
    code, said, err = unmask(*command, "--trials", 2)
    assert code == 0, err
    assert said.split()[-2:] == [str(out / "trials.csv"), str(out / "best.toml")]
    assert "searching over 2 trials: step 4 of 4, loss" in err
    assert unmask(*command, "--trials", 3)[0] == 0
    for other, name in (
        (("--aim", "eer"), "aim"),
        (("--over", "run.ema=0..0.5"), "space"),
        (("--set", "run.steps=3"), "settings"),
    ):
        code, _, err = unmask(*command, "--trials", 4, *other, width=300)
        assert code == 4
        assert f"has another {name} than the one that was asked for" in err
    with (out / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    assert all(1e-4 <= float(row["optimiser.rate"]) <= 1e-2 for row in rows)
    whole = [tmp_path / "whole" if word == out else word for word in command]
    assert unmask(*whole, "--trials", 3)[0] == 0  # the proposals of a search that was not broken off
    assert (tmp_path / "whole" / "trials.csv").read_bytes() == (out / "trials.csv").read_bytes()
    assert len({row["optimiser.rate"] for row in rows}) == 3
    best = max(rows, key=lambda row: float(row["auc"]))
    kept = tomllib.loads((out / "best.toml").read_text())
    assert kept["optimiser"]["rate"] == float(best["optimiser.rate"])
    assert kept["batches"]["size"] == int(best["batches.size"])
    assert (out / f"trial-{best['trial']}" / "settings.toml").is_file()


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ("optimiser.speed=1..2", "optimiser.speed=1: there is no key 'speed'; there are clip_norm"),
        ("optimiser.kind=adam|lion", "optimiser.kind=lion: kind is 'lion'; it must be one of"),
        ("run.ema=0..1.5", "[run] ema must be in [0, 1), not 1.5"),
    ],
)
def test_what_no_setting_may_be_is_named_before_the_first_trial(
    toy: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]], over: str, sentence: str
) -> None:
    pytest.importorskip("optuna", reason="the extra search is not installed")
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2)))
    out = tmp_path / "out"
    code, _, err = unmask("search", "--config", config, "--data", toy, "--out", out, "--over", over)
    assert code == 4
    assert sentence in err
    assert not out.exists()


def test_a_key_that_is_held_and_varied_at_once_is_refused(
    toy: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    pytest.importorskip("optuna", reason="the extra search is not installed")
    named = ("--config", "resnet18_s", "--data", toy, "--out", tmp_path / "out")
    code, _, err = unmask("search", *named, "--set", "run.ema=0.1", "--over", "run.ema=0..0.9")
    assert code == 4
    assert "--set holds run.ema and --over varies it; give one of them" in err
    assert not (tmp_path / "out").exists()


def test_a_search_without_prepared_clips_leaves_nothing(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    pytest.importorskip("optuna", reason="the extra search is not installed")
    named = ("--config", "resnet18_s", "--data", tmp_path / "none", "--out", tmp_path / "out")
    code, _, err = unmask("search", *named, "--over", "optimiser.rate=1e-4..1e-2")
    assert code == 3, err
    assert not (tmp_path / "out").exists()


def test_a_trial_that_was_broken_off_is_made_up_for(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    pytest.importorskip("optuna", reason="the extra search is not installed")
    config, out = tmp_path / "toy.toml", tmp_path / "out"
    config.write_text(to_toml(toy_settings(steps=2, run={"ema": 0.0, "loggers": []})))
    over = ("--over", "optimiser.rate=1e-4..1e-2")
    command = ("search", "--config", config, "--data", toy, "--out", out, *over, "--trials", 2)

    def full(*given: object, **named: object) -> None:
        raise OutputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("unmask.training.search.train", full)
        assert unmask(*command)[0] == 3
    assert unmask(*command)[0] == 0
    with (out / "trials.csv").open(newline="") as file:
        states = [row["state"] for row in csv.DictReader(file)]
    assert states == ["fail", "complete", "complete"]


def test_a_search_that_wants_first_weights_leaves_nothing_without_them(
    toy: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    pytest.importorskip("optuna", reason="the extra search is not installed")
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(network="tiny_multi", run={"backbone": "frozen"})))
    named = ("--config", config, "--data", toy, "--out", tmp_path / "out")
    code, _, err = unmask("search", *named, "--over", "optimiser.rate=1e-4..1e-2")
    assert code == 4
    assert "backbone is frozen, but there is none yet" in err
    assert not (tmp_path / "out").exists()
