"""Runs as a whole: resumed with all that moves, on several processes, over several seeds, into loggers."""

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from test_training import CutOffError, curve, networks, stop_after, toy, toy_settings, write_toy

from conftest import random_contract
from present import present
from unmask.app import training_runs as app_train, training_sets
from unmask.app.train_options import TrainOptions
from unmask.data.prepare.prepared import PreparedSet
from unmask.models import MODELS
from unmask.models.weights import load, save
from unmask.training import finish as finishing
from unmask.training.batches import to_batch
from unmask.training.checkpoint import BEST, CHECKPOINT, Checkpoint, Dev, History, read, write
from unmask.training.loggers import LOGGERS
from unmask.training.loop import train
from unmask.training.results import Result, read_results, worst_of, write_results, write_summary
from unmask.training.run_folder import ENVIRONMENT, METRICS, SETTINGS
from unmask.training.sets import part_of
from unmask.training.settings import presets, read_settings, to_toml
from unmask.training.trainer import exhausted
from unmask.types import DataError, ModelError, OutputError, SettingsError

__all__ = ["networks", "toy"]  # fixtures
torch.set_num_threads(1)

EPOCHS = {"order": "epochs", "clips_bona_fide": 2, "clips_attack": 1, "size": 3, "accumulate": 2}


def test_a_resumed_run_keeps_its_place_in_the_epoch_and_among_accumulated_batches(
    toy: Any, tmp_path: Path
) -> None:
    settings = toy_settings(batches=EPOCHS)
    whole = train(settings, data=toy, out=tmp_path / "whole")
    with pytest.raises(CutOffError):
        train(settings, data=toy, out=tmp_path / "broken", progress=stop_after(5))
    resumed = train(settings, data=toy, out=tmp_path / "broken", resume=True)
    assert curve(whole) == curve(resumed)
    assert len(curve(whole)) == 6


def test_a_run_killed_before_its_first_checkpoint_is_resumed_from_the_start(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(CutOffError):
        train(toy_settings(), data=toy, out=tmp_path / "broken", progress=stop_after(1))
    resumed = train(toy_settings(), data=toy, out=tmp_path / "broken", resume=True)
    assert curve(resumed) == curve(train(toy_settings(), data=toy, out=tmp_path / "whole"))


def dev(step: Any, eer: Any) -> Any:
    return Dev(
        step=step, loss=1.0, auc=0.5, eer=eer, threshold=0.5, acer=eer, bpcer=eer, apcer={"print": eer}
    )


@pytest.mark.parametrize(
    ("eers", "ends"),
    [([0.3, 0.2], False), ([0.2, 0.3], False), ([0.2, 0.3, 0.3], True), ([0.3, 0.2, 0.25, 0.1], False)],
)
def test_patience_is_at_an_end_after_as_many_evaluations_that_were_no_better(eers: Any, ends: bool) -> None:
    history = History(evaluations=[dev(step, eer) for step, eer in enumerate(eers)])
    assert exhausted(history, 2) is ends
    assert not exhausted(history, 0)


def test_a_run_stops_early_and_stays_stopped_when_resumed(toy: Any, tmp_path: Path) -> None:
    settings = toy_settings(
        steps=40,
        run={"save_every": 2},
        optimiser={"rate": 1e-9, "warmup": 0},  # nothing gets better
        evaluation={"every": 2, "patience": 2},
    )
    out = train(settings, data=toy, out=tmp_path / "run")
    stopped = read(out / CHECKPOINT).history
    assert stopped.step < 40
    best = stopped.evaluations.index(present(stopped.best))
    assert len(stopped.evaluations) - 1 - best == 2
    train(settings, data=toy, out=out, resume=True)
    assert read(out / CHECKPOINT).history == stopped


def test_a_run_folder_tells_what_made_it(toy: Any, tmp_path: Path) -> None:
    out = train(toy_settings(), data=toy, out=tmp_path / "run")
    environment = json.loads((out / ENVIRONMENT).read_text())
    assert environment["packages"]["torch"] == version("torch")
    assert {"commit", "command", "python", "machine"} <= environment.keys()
    with (out / METRICS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    history = read(out / CHECKPOINT).history
    assert [float(row["loss"]) for row in rows if row["loss"]] == [loss for _, loss in history.losses]
    assert [float(row["dev_eer"]) for row in rows if row["dev_eer"]] == [d.eer for d in history.evaluations]
    assert (out / SETTINGS).is_file()
    assert list((out / "log").glob("events*"))


def test_frozen_batch_statistics_stay_as_they_began(toy: Any, tmp_path: Path) -> None:
    settings = toy_settings(run={"batch_norm": "frozen"})
    torch.manual_seed(settings.run.seed)
    begun = {name: t.clone() for name, t in MODELS["tiny_single"]().named_buffers()}
    out = train(settings, data=toy, out=tmp_path / "run")
    after = read(out / CHECKPOINT).network
    means = [name for name in begun if name.endswith("running_mean")]
    assert means
    assert all(torch.equal(begun[name], after[name]) for name in means)


PLAIN = {
    "run": {"batch_norm": "frozen", "ema": 0.9},
    "augmentation": {
        "flip": 0.0,
        "contrast": 0.0,
        "cutout": 0.0,
        "light": 0.0,
        "noise": 0.0,
        "blur": 0.0,
        "jpeg": 0.0,
    },
    "optimiser": {"kind": "sgd", "rate": 0.01, "schedule": "constant", "warmup": 0},
}  # no chance but that of the clips, which are drawn together


@pytest.fixture(scope="module")
def begun(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begun_as(tmp_path_factory.mktemp("begun"), toy, "tiny_single")


def begun_as(folder: Path, toy: Path, name: str, **arguments: Any) -> Path:
    """Weights with batch statistics of their own, so that these can be frozen."""
    torch.manual_seed(3)
    network = MODELS[name](**arguments)
    arrays = PreparedSet.open(toy / "train").read(range(8))
    clips = to_batch(arrays, np.ones(8, dtype=bool), device=torch.device("cpu")).clips
    with torch.no_grad():
        for _ in range(60):
            network(clips[:, :1], torch.ones(8, 32, 32))
    path = folder / "weights.safetensors"
    save(path, network, replace(random_contract(name, frames=1), arguments=arguments))
    return path


@pytest.mark.slow
def test_the_documented_torchrun_command_is_one_process_with_the_doubled_batch(
    toy: Any, tmp_path: Path
) -> None:
    arguments = {"width": 4}
    changes = {"network": "auxiliary", "arguments": arguments, "loss": {"contrast": 0.0}, **PLAIN}
    clip = {"frames": 1, "size_px": 32, "box_scale": 1.3}
    init = begun_as(tmp_path, toy, "auxiliary", **arguments)
    half = toy_settings(steps=9, batches={"size": 4}, clip=clip, **changes)
    (tmp_path / "two.toml").write_text(to_toml(half))
    (tmp_path / "toy").symlink_to(toy)
    bin_ = Path(sys.executable).parent
    program, ours = str(bin_ / "torchrun"), str(bin_ / "unmask")
    torchrun = [program, "--standalone", "--nproc-per-node", "2", "--no-python", ours]
    named = ["--config", "two.toml", "--data", "toy", "--out", "run", "--steps", "4", "--init", str(init)]
    done = subprocess.run(
        [*torchrun, "train", *named],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-2:] == ["run/weights.safetensors", "run/model.onnx"]
    assert done.stdout.count("model.onnx") == 1  # by the first process alone
    assert done.stderr.count("step 4 of 4") == 1
    one = train(
        toy_settings(steps=4, batches={"size": 8}, clip=clip, **changes),
        data=toy,
        out=tmp_path / "one",
        init=init,
    )
    # The second process has these weights, too: from others its gradients, which are half of each step, would
    # be others.
    together, alone = read(tmp_path / "run" / CHECKPOINT), read(one / CHECKPOINT)
    assert [step for step, _ in together.history.losses] == [1, 2, 3, 4]
    for (_, mine), (_, theirs) in zip(together.history.losses, alone.history.losses, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
    start = load(init)[0].state_dict()
    moved = sum(float((alone.network[name] - tensor).square().sum()) for name, tensor in start.items())
    apart = sum(
        float((alone.network[name] - tensor).square().sum()) for name, tensor in together.network.items()
    )
    assert moved > 0
    assert apart < 1e-4 * moved  # what float32 rounds: a hundredth of the way


def test_accumulated_batches_are_one_of_their_size(toy: Any, begun: Path, tmp_path: Path) -> None:
    one = train(
        toy_settings(steps=3, batches={"size": 8}, **PLAIN), data=toy, out=tmp_path / "one", init=begun
    )
    two = train(
        toy_settings(steps=3, batches={"size": 4, "accumulate": 2}, **PLAIN),
        data=toy,
        out=tmp_path / "two",
        init=begun,
    )
    for (_, mine), (_, theirs) in zip(curve(one), curve(two), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)


def test_a_full_disk_keeps_the_checkpoint_before_it(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = os.replace

    def full(source: Any, target: Any) -> None:
        if Path(target).name == CHECKPOINT and Path(target).exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match=r"cannot write .*checkpoint.*: the disk is full"):
        train(toy_settings(), data=toy, out=tmp_path / "run")
    assert read(tmp_path / "run" / CHECKPOINT).history.step == 3


def test_the_checkpoint_of_another_network_is_a_clear_error(toy: Any, tmp_path: Path) -> None:
    out = train(toy_settings(steps=1), data=toy, out=tmp_path / "run")
    state = read(out / CHECKPOINT)
    other = {f"other.{name}": tensor for name, tensor in state.network.items()}
    write(out / CHECKPOINT, Checkpoint(other, state.average, state.optimiser, state.history))
    with pytest.raises(ModelError, match="is of another network than tiny_single"):
        train(toy_settings(steps=1), data=toy, out=out, resume=True)


def test_curves_go_to_every_logger_without_a_network(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    pytest.importorskip("mlflow")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    settings = toy_settings(steps=2, run={"loggers": ["tensorboard", "wandb", "mlflow"]})
    out = train(settings, data=toy, out=tmp_path / "run")
    assert list((out / "wandb").glob("offline-run-*"))
    assert list((out / "mlflow").rglob("*loss*"))
    assert sys.modules["wandb"].run is None  # the next run of this process is one of its own


def test_a_logger_whose_package_is_missing_is_named(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(out: Any, run: Any) -> None:
        raise ModuleNotFoundError("No module named 'wandb'", name="wandb")

    monkeypatch.setitem(LOGGERS, "wandb", missing)
    with pytest.raises(SettingsError, match="needs the package wandb, which is missing; install it"):
        train(toy_settings(run={"loggers": ["wandb"]}), data=toy, out=tmp_path / "run")


def test_results_name_the_oracle_and_take_their_threshold_from_dev(toy: Any, tmp_path: Path) -> None:
    for part in ("train", "dev"):
        (tmp_path / part).symlink_to(toy / part)
    write_toy(tmp_path / "test", seed=3, subjects="c")
    out = train(toy_settings(), data=tmp_path, out=tmp_path / "run")
    counted: list[int] = []
    written = write_results(out, data=tmp_path, scored=counted.append)
    assert sum(counted) == 2 * (len(part_of(tmp_path, "dev").rows) + len(part_of(tmp_path, "test").rows))
    assert [(r.weights, r.part, r.threshold_from) for r in written] == [
        (weights, part, way)
        for weights in ("best", "last")
        for part, way in (("dev", "dev"), ("test", "dev"), ("test", "oracle"), ("test", "test-eer"))
    ]
    for _, honest, oracle, at_eer in (written[:4], written[4:]):
        assert oracle.acer <= min(honest.acer, at_eer.acer)
        assert {one.worst_of for one in (honest, oracle, at_eer)} == {"instrument"}
    assert written[1].threshold == written[0].threshold
    assert written[0].step == read(out / BEST).history.step
    assert (written[0].bona_fide, written[0].attacks) == (6, 6)  # presentations, of two clips each
    assert read_results(out) == written


def test_results_take_the_worst_of_what_the_protocol_defines(tmp_path: Path) -> None:
    (tmp_path / "preparation.json").write_text('{"dataset": "oulu-npu", "protocol": "oulu-npu/1"}')
    assert worst_of(toy_settings(), tmp_path) == "family"
    assert worst_of(toy_settings(evaluation={"worst": "instrument"}), tmp_path) == "instrument"
    (tmp_path / "preparation.json").write_text('{"dataset": "siw", "protocol": "siw/1"}')
    assert worst_of(toy_settings(), tmp_path) == "instrument"


def test_a_summary_has_mean_and_deviation(tmp_path: Path) -> None:
    result = Result(
        weights="last",
        step=1,
        part="dev",
        threshold_from="dev",
        threshold=0.5,
        auc=0.9,
        eer=0.1,
        acer=0.1,
        bpcer=0.0,
        worst_apcer=0.2,
        worst_instrument="print",
        bona_fide=3,
        attacks=3,
    )
    rows = write_summary(tmp_path, {seed: [replace(result, eer=seed / 10)] for seed in (1, 2, 3)})
    (eer,) = [row for row in rows if row["figure"] == "eer"]
    assert (eer["mean"], eer["deviation"]) == (pytest.approx(0.2), pytest.approx(0.1))
    assert eer["seeds"] == "1 2 3"


def test_several_seeds_go_on_where_they_were_killed(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = SimpleNamespace(weights=tmp_path / "w", model=tmp_path / "m", uncalibrated="")
    cited, begun = [], []

    def finished(*given: Any, command: Any, **named: Any) -> Any:  # exports, tested elsewhere
        cited.append(command)
        return shipped

    monkeypatch.setattr(app_train, "finish", finished)
    monkeypatch.setattr(app_train, "add_bf16_points", lambda *given, **named: None)

    def cut_off(settings: Any, **named: Any) -> Any:
        begun.append(settings.run.seed)
        if begun == [1, 2]:
            train(settings, **(named | {"progress": stop_after(5)}))
        return train(settings, **named)

    monkeypatch.setattr(app_train, "train", cut_off)
    config, out = tmp_path / "toy.toml", tmp_path / "out"
    config.write_text(to_toml(toy_settings()))
    asked = TrainOptions(config=str(config), data=(toy,), out=out, seeds=2)
    with pytest.raises(CutOffError):
        app_train.train_all(asked)
    with pytest.raises(SettingsError, match="seed-1 holds a run already"):
        app_train.train_all(asked)
    monkeypatch.setattr(sys, "argv", ["unmask", "train", "--resume", "--seeds", "2"])
    assert app_train.train_all(replace(asked, resume=True)) == 0
    assert cited[-1] == "unmask train --seeds 2"  # as an unbroken run cites it
    assert begun == [1, 2, 2]  # refused in between, and seed 1 not trained again
    with (out / "summary.csv").open(newline="") as file:
        (loss, *_) = rows = list(csv.DictReader(file))
    assert loss["seeds"] == "1 2"
    assert {row["figure"] for row in rows} == {"auc", "eer", "acer", "bpcer", "worst_apcer"}
    assert curve(out / "seed-2") == curve(
        train(toy_settings(run={"seed": 2}), data=toy, out=tmp_path / "whole")
    )


def test_a_seed_is_there_only_with_the_settings_that_are_asked_for(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = SimpleNamespace(weights=tmp_path / "w", model=tmp_path / "m", uncalibrated="")
    monkeypatch.setattr(app_train, "finish", lambda *given, **named: shipped)
    monkeypatch.setattr(app_train, "add_bf16_points", lambda *given, **named: None)
    config, out = tmp_path / "toy.toml", tmp_path / "out"
    config.write_text(to_toml(toy_settings(steps=3, optimiser={"schedule": "constant"})))
    asked = TrainOptions(config=str(config), data=(toy,), out=out, seeds=2)
    assert app_train.train_all(asked) == 0
    again = replace(asked, resume=True)
    with pytest.raises(SettingsError, match="keeps its own, but for"):
        app_train.train_all(replace(again, changes=("optimiser.rate=0.5",)))
    assert app_train.train_all(replace(again, changes=("run.steps=5",))) == 0
    assert [read(out / f"seed-{seed}" / CHECKPOINT).history.step for seed in (1, 2)] == [5, 5]


def test_a_run_is_resumed_on_its_own_clips_alone(toy: Any, tmp_path: Path) -> None:
    train(toy_settings(steps=2), data=toy, out=tmp_path / "run")
    for seed, part in enumerate(("train", "dev")):
        write_toy(tmp_path / "other" / part, seed=5 + seed, subjects=part)
    with pytest.raises(SettingsError, match="learns from other clips than those given"):
        train(toy_settings(steps=2), data=tmp_path / "other", out=tmp_path / "run", resume=True)
    shutil.copytree(toy, tmp_path / "moved")
    train(toy_settings(steps=2), data=tmp_path / "moved", out=tmp_path / "run", resume=True)


@pytest.mark.usefixtures("without_export")
def test_a_run_is_resumed_from_its_own_first_weights_alone(toy: Any, tmp_path: Path) -> None:
    def resumed(steps: int, init: Path | None) -> int:
        settings = toy_settings(steps=steps, optimiser={"schedule": "constant"})
        train(settings, data=toy, out=run, init=init, resume=True)
        return read(run / CHECKPOINT).history.step

    for seed in (1, 2):
        out = train(toy_settings(steps=2, run={"seed": seed}), data=toy, out=tmp_path / f"first-{seed}")
        finishing.finish(out, data=toy, training_data=[], command="unmask train")
    own, other = (tmp_path / f"first-{seed}" / "weights.safetensors" for seed in (1, 2))
    run = tmp_path / "run"
    train(toy_settings(steps=2, optimiser={"schedule": "constant"}), data=toy, out=run, init=own)
    with pytest.raises(SettingsError, match="began from other first weights than --init gives"):
        resumed(3, other)
    assert resumed(3, None) == 3  # need not be told again
    assert resumed(4, own) == 4
    with pytest.raises(SettingsError, match="began from other first weights"):
        resumed(5, other)
    own.unlink()  # nor be there any more
    assert resumed(5, own) == 5
    (run / CHECKPOINT).unlink()  # as if killed before its first one: it would start anew, from chance
    with pytest.raises(SettingsError, match="began from other first weights"):
        resumed(5, None)


def test_more_processes_than_the_machine_has_cores_are_refused(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"devices is 4000, .* that many processes, and this machine has"):
        train(toy_settings(compute={"devices": 4000}), data=toy, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("words", [("{}",), ("--data", "{}")])
def test_train_takes_its_folder_by_place_and_as_an_option(
    toy: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unmask: Callable[..., tuple[int, str, str]],
    words: Any,
) -> None:
    begun = []
    monkeypatch.setattr(app_train, "_one", lambda run, options, **named: begun.append(named["sets"]))
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings()))
    given = [word.format(toy) for word in words]
    assert unmask("train", *given, "--config", config, "--out", tmp_path / "out")[0] == 0
    assert begun == [[toy]]


def test_a_training_without_a_folder_is_told_how_to_name_one(
    tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, err = unmask("train", "--config", "sgtd_single", "--out", tmp_path / "out")
    assert code == 4
    assert "unmask train FOLDER --config sgtd_single" in err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_missing_or_was_prepared_whole_is_told_apart(
    toy: Any, tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(toy / "train", whole / "all")
    for folder, sentence in (
        (tmp_path / "nowhere", "nowhere does not exist; name a folder of prepared sets or of labelled"),
        (whole, "was prepared whole, without train and dev; say by --protocol which parts to take"),
    ):
        code, _, err = unmask("train", folder, "--config", "resnet18_s", "--out", tmp_path / "out", width=200)
        assert code == 3
        assert sentence in err
        assert not (tmp_path / "out").exists()


def test_a_refused_training_takes_the_clips_away_that_it_made_on_the_way(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    def make(data: Path, out: Path, **others: Any) -> Path:
        shutil.copytree(toy, out, dirs_exist_ok=True)
        return out

    monkeypatch.setattr(app_train, "prepared", make)
    config, out = tmp_path / "toy.toml", tmp_path / "out"
    config.write_text(to_toml(toy_settings(batches={"domains": "equally"})))
    code, _, err = unmask("train", tmp_path, "--config", config, "--out", out)
    assert (code, out.exists()) == (3, False), err
    assert "taken away again; `unmask prepare` makes lasting ones" in " ".join(err.split())
    make(tmp_path, out / "prepared")  # what was there before stays
    assert unmask("train", tmp_path, "--config", config, "--out", out)[0] == 3
    assert (out / "prepared" / "train" / "spec.json").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--set", "compute.accelerator=tpu"), "accelerator 'tpu' with 1 devices cannot be had here"),
        (("--set", "compute.accelerator=abacus"), "accelerator is 'abacus'; it must be one of"),
        (("--steps", "2", "--set", "run.steps=3"), "--steps and --set run.steps are one thing"),
        (("--set", "clip.size_px=64"), "the network takes pictures of 128 px"),
    ],
)
def test_what_no_machine_or_network_does_is_refused_before_recordings_are_prepared(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unmask: Callable[..., tuple[int, str, str]],
    words: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.setattr(training_sets, "prepare", lambda *_, **others: pytest.fail("prepared"))
    captures = tmp_path / "captures"
    captures.mkdir()
    rows = ["path,label,instrument,split"]
    for part, (name, label, kind) in product(("train", "dev"), KINDS):
        (captures / f"{part}-{name}.mp4").touch()
        rows.append(f"{part}-{name}.mp4,{label},{kind},{part}")
    (captures / "labels.csv").write_text("\n".join(rows))
    code, _, err = unmask(
        "train", captures, "--config", "sgtd_s_single", *words, "--out", tmp_path / "out", width=200
    )
    assert code == 4
    assert sentence in err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("without_export")
def test_a_training_whose_scores_take_no_rising_map_ends_with_its_results(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    def unfit(*_: Any, **others: Any) -> Any:
        raise DataError("bona fide clips of dev do not score higher than its attacks")

    monkeypatch.setattr(finishing, "fitted_map", unfit)
    monkeypatch.setattr(app_train, "_add_bf16", lambda *_, **others: None)
    config, out = tmp_path / "toy.toml", tmp_path / "out"
    config.write_text(to_toml(toy_settings(steps=2, evaluation={"calibrate": "platt"})))
    code, _, err = unmask("train", toy, "--config", config, "--out", out, width=200)
    assert code == 0, err
    assert "the model has no map of scores: bona fide clips of dev do not score higher" in err
    assert (out / "results.csv").is_file()
    assert load(out / "weights.safetensors")[1].score_map is None


KINDS = (("a", "bona_fide", ""), ("b", "attack", "print/a4"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Clips as the narrow settings ask for, and as they ask without their pools, by their size."""
    root = tmp_path_factory.mktemp("small")
    for size, (seed, part) in product((32, 128), enumerate(("train", "dev"))):
        write_toy(root / str(size) / part, seed=seed, subjects=part, recordings=4, frames=5, size=size)
    return {size: root / str(size) for size in (32, 128)}


@pytest.mark.parametrize(
    "name", [name for name in sorted(presets()) if "_s" in name.removesuffix("_single.toml")]
)
def test_every_narrow_network_trains_from_its_settings(
    small: dict[int, Path], tmp_path: Path, name: Any
) -> None:
    given = {"run.steps": 2, "batches.size": 2, "compute.accelerator": "cpu", "compute.threads": 1}
    if "multi" in name or "sgtd" in name:  # bfloat16 is slow on most processors
        given |= {"arguments.pools": [1, 1, 1], "clip.size_px": 32}
    settings, init = read_settings(name, overrides=given), None
    if settings.run.backbone == "frozen":
        first = settings.run.network.replace("multi", "single")
        init = tmp_path / "first.safetensors"
        contract = replace(random_contract(first, frames=1), arguments=settings.arguments)
        save(init, MODELS[first](**settings.arguments), contract)
    data = small[settings.clip.size_px]
    history = read(train(settings, data=data, out=tmp_path / "run", init=init) / CHECKPOINT).history
    assert history.step == 2
    assert all(np.isfinite(loss) and loss > 0 for _, loss in history.losses)


@pytest.mark.parametrize(("part", "other"), [("train", "dev"), ("dev", "train")])
def test_a_part_of_one_class_is_refused_before_the_first_step(tmp_path: Path, part: str, other: str) -> None:
    write_toy(tmp_path / part, seed=1, subjects="a", recordings=1)  # the first is bona fide
    write_toy(tmp_path / other, seed=2, subjects="b")
    with pytest.raises(DataError, match=f"{part} has no attack clip; both classes are needed"):
        train(toy_settings(), data=tmp_path, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_refused_run_leaves_nothing(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the network takes pictures of"):
        train(toy_settings(network="sgtd_s_single"), data=toy, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
