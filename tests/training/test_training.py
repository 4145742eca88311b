"""The loop on a toy set that a tiny network learns in seconds: blobs with depth, and blobs behind stripes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from present import present
from unmask.contract import TrainingData
from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row, write_shard
from unmask.models import MODELS
from unmask.models.sgtd.form import Form
from unmask.models.sgtd.network import SgtdMulti, SgtdSingle
from unmask.models.weights import load
from unmask.training.augment import Augmentation
from unmask.training.batches import BatchSampler, sides
from unmask.training.checkpoint import BEST, CHECKPOINT, read
from unmask.training.finish import Finished, averaged, finish
from unmask.training.loop import train
from unmask.training.meter import Statistics
from unmask.training.networks import build
from unmask.training.optimisers import optimiser_of, rate_at
from unmask.training.settings import Batches, from_mapping
from unmask.training.trainer import TrainingError
from unmask.types import DataError, Label, ModelError, Presentation, SettingsError

torch.set_num_threads(1)
SIZE, FRAMES = 32, 3
TINY = Form(
    stem=4,
    levels=((4, 6, 4), (4, 6, 4), (4, 6, 4)),
    top=(8, 4),
    pools=(1, 1, 1),  # a 32 px clip is not shrunk, so that its map is 32x32
    momentum=0.1,
    reduced=2,
    motion=6,
    hidden=4,
)
NETWORKS = {"tiny_single": lambda: SgtdSingle(TINY), "tiny_multi": lambda: SgtdMulti(TINY)}


@pytest.fixture(scope="module", autouse=True)
def networks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, network in NETWORKS.items():
            patch.setitem(MODELS, name, network)
        yield


def write_toy(
    root: Any, *, seed: Any, subjects: Any, recordings: Any = 12, frames: Any = FRAMES, size: Any = SIZE
) -> None:
    """Bona fide: a bright blob with a depth of its own. Attacks: the same blob behind stripes."""
    root.mkdir(parents=True)
    (root / "spec.json").write_text(
        json.dumps({"clip": {"frames": frames, "stride_s": 0.1, "size_px": size, "box_scale": 1.3}})
    )
    rng = np.random.default_rng(seed)
    fine = size // SIZE  # pixels for one of a map
    y, x = np.mgrid[0:size, 0:size] / fine
    rows, clips, depths, masks = [], [], [], []
    for number in range(recordings):
        kind = ("bona_fide", "print/matt", "bona_fide", "replay/phone")[number % 4]
        blob = np.exp(-((x - 16 - rng.normal()) ** 2 + (y - 16 - rng.normal()) ** 2) / 60)
        for k in range(2):
            picture = 40 + 170 * blob + rng.normal(0, 4, (frames, size, size))
            if kind != "bona_fide":
                picture += 60 * ((x if kind == "print/matt" else y) // 2 % 2)
            label = Label.BONA_FIDE if kind == "bona_fide" else Label.ATTACK
            rows.append(
                Row(
                    presentation=Presentation(
                        path=f"{seed}-{number}",
                        label=label,
                        instrument="" if kind == "bona_fide" else kind,
                        subject=f"{subjects}-{number}",
                    ),
                    number=k,
                    source="toy",
                )
            )
            clips.append(np.repeat(np.clip(picture, 0, 255)[..., None], 3, axis=-1))
            depths.append(np.broadcast_to(255 * blob[::fine, ::fine], (frames, SIZE, SIZE)))
            masks.append(np.broadcast_to(255 * (blob[::fine, ::fine] > 0.2), (frames, SIZE, SIZE)))
    arrays = Arrays(*(np.array(part).astype(np.uint8) for part in (clips, depths, masks)))
    write_shard(root / "shard-000000.tar", [prepared_of(k, rows, arrays) for k in range(0, len(rows), 2)])


def prepared_of(first: Any, rows: Any, arrays: Any) -> Any:
    """One recording: two rows from `first` on."""
    row, two = rows[first], slice(first, first + 2)
    outcome = RecordingOutcome(
        presentation=row.presentation,
        recording=first // 2,
        source=row.source,
    )
    return Prepared(
        outcome=outcome,
        rows=tuple(rows[two]),
        arrays=Arrays(arrays.clips[two], arrays.depth[two], arrays.mask[two]),
        times_s=np.zeros((2, arrays.clips.shape[1])),
    )


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    write_toy(root / "train", seed=1, subjects="a")
    write_toy(root / "dev", seed=2, subjects="b")
    return root


def toy_settings(*, steps: Any = 6, network: str = "tiny_single", **changes: Any) -> Any:
    given = {
        "run": {
            "name": "toy",
            "network": network,
            "steps": steps,
            "save_every": 3,
            "log_every": 1,
            "ema": 0.9,
        },
        "batches": {"size": 4},
        "optimiser": {"rate": 2e-3, "schedule": "cosine", "warmup": 2},
        "augmentation": {"light": 0.5, "noise": 0.5, "blur": 0.5, "jpeg": 0.5},
        "evaluation": {"every": 4, "batch": 8},
        "compute": {"accelerator": "cpu", "threads": 1},
    }
    for section, values in changes.items():
        given.setdefault(section, {}).update(values)
    return from_mapping(given, origin="test")


def with_margin(out: Any) -> Any:
    """A toy set of 64 px as if its clips were ones of 32 with a margin of 1, their maps as fine."""
    write_toy(out, seed=1, subjects="a", size=64)
    spec = json.loads((out / "spec.json").read_text())
    spec["clip"]["size_px"], spec["depth_px"], spec["margin"] = 32, 8, 1.0
    (out / "spec.json").write_text(json.dumps(spec))
    return PreparedSet.open(out)


def test_a_run_can_be_made_longer_and_not_shorter(toy: Path, tmp_path: Path) -> None:
    constant: dict[str, Any] = {"optimiser": {"schedule": "constant"}}
    whole = train(toy_settings(steps=8, **constant), data=toy, out=tmp_path / "whole")
    longer = train(toy_settings(steps=4, **constant), data=toy, out=tmp_path / "longer")
    train(toy_settings(steps=8, **constant), data=toy, out=longer, resume=True)
    assert losses(longer) == losses(whole)
    with pytest.raises(SettingsError, match="of 8 steps, and 4 are fewer"):
        train(toy_settings(steps=4, **constant), data=toy, out=longer, resume=True)
    with pytest.raises(SettingsError, match="keeps its own, but for"):
        train(toy_settings(steps=9), data=toy, out=longer, resume=True)


def test_thresholds_are_not_fitted_on_clips_that_are_cut_otherwise(tmp_path: Path) -> None:
    write_toy(tmp_path / "train", seed=1, subjects="a")
    write_toy(tmp_path / "dev", seed=2, subjects="b")
    spec = json.loads((tmp_path / "dev" / "spec.json").read_text())
    spec["clip"]["box_scale"] = 2.8
    (tmp_path / "dev" / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(DataError, match=r"dev holds clips cut as .*2\.8.*; prepare them alike"):
        train(toy_settings(), data=tmp_path, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_refused_run_leaves_nothing_behind(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no second stage"):
        train(toy_settings(run={"backbone": "frozen"}), data=toy, out=tmp_path / "run", init="x")
    assert not (tmp_path / "run").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(SettingsError, match="must be one of"):
        train(toy_settings(network="nothing"), data=toy, out=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_statistics_of_a_short_run_are_those_of_what_it_saw(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(TINY, momentum=0.001)
    monkeypatch.setitem(MODELS, "slow_single", lambda: SgtdSingle(slow))
    settings = toy_settings(steps=2, network="slow_single", run={"ema": 0.0})
    run = train(settings, data=toy, out=tmp_path / "run")
    state = read(run / CHECKPOINT).network
    spread = state["backbone.stem.point_norm.running_var"]
    assert (spread - 1).abs().max() > 0.5  # at 0.001 it would be near its first value, 1
    norm = torch.nn.BatchNorm1d(1, momentum=0.001)
    statistics, seen = Statistics(norm), torch.arange(12.0).view(4, 3, 1)
    for batch in seen:
        statistics.batch()
        norm(batch)
    assert present(norm.running_mean).item() == pytest.approx(seen.mean().item())


def test_every_reading_of_a_clip_draws_its_crop_anew_and_alike_for_the_same_seed_and_step(
    tmp_path: Path,
) -> None:
    prepared = with_margin(tmp_path / "wide")
    batches, never = Batches(size=24), Augmentation(crop=0.0)
    drawer = BatchSampler(prepared, batches=batches, seed=1, frames=FRAMES)
    one, again, later = (drawer.draw(step, augmentation=Augmentation()) for step in (0, 0, 1))
    plain = drawer.draw(0, augmentation=never)
    assert one.arrays.clips.shape == (24, FRAMES, 32, 32, 3)
    assert one.arrays.depth.shape == (24, FRAMES, 8, 8)
    assert np.array_equal(one.arrays.clips, again.arrays.clips)
    assert np.array_equal(one.numbers, plain.numbers)
    assert not np.array_equal(one.arrays.clips, plain.arrays.clips)
    # a clip that both steps drew was cut in two ways
    both = set(one.numbers) & set(later.numbers)
    assert both
    for number in both:
        first, second = (drawn.arrays.clips[list(drawn.numbers).index(number)] for drawn in (one, later))
        assert not np.array_equal(first, second)


def test_the_sides_of_a_crop_are_drawn_on_their_own_in_the_published_range() -> None:
    drawn = sides(np.random.default_rng(0), 4000, settings=Augmentation())
    growth = 1.3 * (drawn[:, [0, 1]] + drawn[:, [2, 3]]) / 2  # of width and height, in sides of the face
    assert growth.min() > 1.1
    assert growth.max() < 1.4
    assert abs(np.corrcoef(growth.T)[0, 1]) < 0.05
    some = sides(np.random.default_rng(0), 4000, settings=Augmentation(crop=0.25))
    assert (some == 1).all(axis=1).mean() == pytest.approx(0.75, abs=0.03)


def test_a_crop_wider_than_the_margin_is_refused(tmp_path: Path) -> None:
    prepared = with_margin(tmp_path / "wide")
    prepared = replace(prepared, margin=0.02)
    drawer = BatchSampler(prepared, batches=Batches(size=4), seed=1, frames=FRAMES)
    with pytest.raises(DataError, match=r"needs clips with a margin of 0\.077, not 0\.02"):
        drawer.draw(0, augmentation=Augmentation())


def losses(run: Any) -> Any:
    return [loss for _, loss in read(run / CHECKPOINT).history.losses]


def curve(run: Any) -> Any:
    return read(run / CHECKPOINT).history.losses


class CutOffError(Exception):
    """The power fails."""


def stop_after(step: Any) -> Any:
    def progress(done: Any, steps: Any, loss: Any) -> None:
        if done == step:
            raise CutOffError

    return progress


def test_a_run_that_was_stopped_and_resumed_is_the_unbroken_run(toy: Path, tmp_path: Path) -> None:
    whole = train(toy_settings(), data=toy, out=tmp_path / "whole")
    with pytest.raises(CutOffError):  # two steps after a checkpoint, one after an evaluation
        train(toy_settings(), data=toy, out=tmp_path / "broken", progress=stop_after(5))
    resumed = train(toy_settings(), data=toy, out=tmp_path / "broken", resume=True)

    one, other = read(whole / CHECKPOINT), read(resumed / CHECKPOINT)
    assert one.history == other.history
    assert len(one.history.losses) == 6
    assert len(one.average) == len(one.network) > 0
    for mine, theirs in ((one.network, other.network), (one.average, other.average)):
        for name, tensor in mine.items():
            assert torch.equal(tensor, theirs[name]), name
    for number, slots in one.optimiser.items():
        for slot, tensor in slots.items():
            assert torch.equal(tensor, other.optimiser[number][slot])


KILLED = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
import os, signal, torch
from pathlib import Path
from {module} import MODELS, NETWORKS, toy_settings, train
MODELS.update(NETWORKS)
torch.set_num_threads(1)
def die(done, steps, loss):
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)
train(toy_settings(), data=Path({data!r}), out=Path({out!r}), progress=die)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_outright_goes_on_with_the_same_losses(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    script = KILLED.format(
        tests=str(Path(__file__).parent), module=Path(__file__).stem, data=str(toy), out=str(out)
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not list(out.glob("*.part"))
    resumed = train(toy_settings(), data=toy, out=out, resume=True)
    assert curve(resumed) == curve(train(toy_settings(), data=toy, out=tmp_path / "whole"))


@pytest.fixture(scope="module")
def learned(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Stage 1 trained until it tells the toy classes apart, and finished."""
    out = tmp_path_factory.mktemp("stage1") / "run"
    settings = toy_settings(steps=120, run={"save_every": 60, "log_every": 5}, evaluation={"every": 40})
    train(settings, data=toy, out=out)
    data = TrainingData(name="toy", licence="CC0-1.0", items=12)
    return finish(out, data=toy, training_data=(data,), command="unmask train")


def test_stage_one_learns_the_toy_set(learned: Finished) -> None:
    history = read(learned.weights.parent / CHECKPOINT).history
    assert history.losses[-1][1] < 0.6 * history.losses[0][1]
    assert learned.dev.auc > 0.95


def test_a_finished_run_carries_its_contract_in_both_files(learned: Finished, toy: Path) -> None:
    network, contract = load(learned.weights)
    assert contract.network == "tiny_single"
    assert contract.clip.frames == 1  # single frames, although the set holds clips of three
    assert {point.name for point in contract.operating_points} == {"default", "strict", "lenient"}
    assert contract.training_data[0].name == "toy"
    point = contract.point("default", precision="f32")
    assert (point.attacks, point.bona_fide) == (
        12,
        12,
    )  # every clip is a presentation to a single-frame network
    assert learned.model.stat().st_size > 0
    assert contract.golden == learned.contract.golden != ()
    kernels = [p for p in network.parameters() if p.ndim > 1]
    assert all(torch.equal(kernel, kernel.half().float()) for kernel in kernels)


@pytest.mark.usefixtures("without_export")
def test_stage_two_moves_everything_but_the_backbone(learned: Finished, toy: Path, tmp_path: Path) -> None:
    settings = toy_settings(
        network="tiny_multi",
        steps=3,
        run={"backbone": "frozen"},
        loss={"absolute": 0.2, "contrast": 0.2, "binary": 0.8},
        optimiser={"kind": "adadelta", "rate": 1.0},
    )
    out = train(settings, data=toy, out=tmp_path / "run", init=learned.weights)
    first: Any = load(learned.weights)[0]
    before = {f"backbone.{name}": t for name, t in first.backbone.state_dict().items()}
    after = read(out / CHECKPOINT).network
    for name, tensor in before.items():  # the batch statistics among them
        assert torch.equal(tensor, after[name]), name
    torch.manual_seed(settings.run.seed)  # what the run began with
    begun = MODELS["tiny_multi"]().state_dict()
    kernels = [name for name in begun if not name.startswith("backbone.") and name.endswith("weight")]
    assert len(kernels) > 10
    assert all(not torch.equal(begun[name], after[name]) for name in kernels)
    finished = finish(out, data=toy, training_data=(), command="unmask train")
    assert finished.contract.clip.frames == FRAMES
    assert 0 <= finished.contract.evidence_correlation <= 1


def test_a_resumed_second_stage_keeps_the_backbone_frozen(
    learned: Finished, toy: Path, tmp_path: Path
) -> None:
    settings = toy_settings(
        network="tiny_multi", steps=4, loss={"binary": 0.8}, run={"save_every": 2, "backbone": "frozen"}
    )
    whole = train(settings, data=toy, out=tmp_path / "whole", init=learned.weights)
    with pytest.raises(CutOffError):
        train(settings, data=toy, out=tmp_path / "broken", init=learned.weights, progress=stop_after(3))
    resumed = train(settings, data=toy, out=tmp_path / "broken", resume=True)
    assert curve(whole) == curve(resumed)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_good_weights(toy: Path, tmp_path: Path) -> None:
    settings = toy_settings(steps=50, optimiser={"rate": 1e30, "warmup": 0, "schedule": "constant"})
    with pytest.raises(TrainingError, match=r"step \d+ has the loss .*; lower \[optimiser\] rate"):
        train(settings, data=toy, out=tmp_path / "run")
    kept = load_file(tmp_path / "run" / CHECKPOINT)
    network = [tensor for name, tensor in kept.items() if name.startswith("network/")]
    assert network
    assert all(torch.isfinite(tensor).all() for tensor in network)


def test_the_batch_of_a_step_depends_on_seed_and_step_alone(toy: Path) -> None:
    prepared = PreparedSet.open(toy / "train")

    def draw(seed: Any, step: Any, part: Any = 0) -> Any:
        drawer = BatchSampler(
            prepared, batches=toy_settings(batches={"size": 8}).batches, seed=seed, frames=1, parts=2
        )
        return drawer.draw(step, part=part).numbers.tolist()

    assert draw(1, 7) == draw(1, 7)
    assert len({tuple(numbers) for numbers in (draw(1, 7), draw(1, 8), draw(2, 7), draw(1, 7, part=1))}) == 4


def test_batches_are_balanced_by_class_and_by_instrument(tmp_path: Path) -> None:
    write_toy(tmp_path / "set", seed=3, subjects="a", recordings=23)  # 12 bona fide, 6 prints, 5 replays
    prepared = PreparedSet.open(tmp_path / "set")
    drawer = BatchSampler(prepared, batches=toy_settings(batches={"size": 8}).batches, seed=1, frames=FRAMES)
    drawn = [drawer.draw(step) for step in range(100)]
    assert all(d.bona_fide.sum() == 4 for d in drawn)
    names = [prepared.rows[n].instrument for d in drawn for n in d.numbers[~d.bona_fide]]
    assert names.count("print/matt") == pytest.approx(200, abs=40)  # 4 sigma


def test_attacks_may_come_as_often_as_they_were_prepared(tmp_path: Path) -> None:
    write_toy(tmp_path / "set", seed=3, subjects="a", recordings=23)
    prepared = PreparedSet.open(tmp_path / "set")
    rare = [n for n, row in enumerate(prepared.rows) if row.instrument == "print/matt"][2:]
    rows = [row for n, row in enumerate(prepared.rows) if n not in rare]
    prepared = replace(prepared, rows=tuple(rows))
    batches = toy_settings(batches={"size": 8, "attacks": "as prepared"}).batches
    drawer = BatchSampler(prepared, batches=batches, seed=1, frames=FRAMES)
    rng = np.random.default_rng(0)
    drawn = [prepared.rows[n].instrument for _ in range(100) for n in drawer.numbers(rng)[4:]]
    attacks = [row.instrument for row in prepared.rows if row.instrument]
    share = attacks.count("print/matt") / len(attacks)
    assert share < 0.35
    assert drawn.count("print/matt") == pytest.approx(400 * share, abs=40)  # 4 sigma


def test_rates_rise_and_fall_as_the_schedule_says() -> None:
    settings = toy_settings(steps=12, optimiser={"rate": 1.0, "schedule": "cosine", "warmup": 2})
    assert [rate_at(step, settings) for step in (0, 1, 2)] == [0.5, 1.0, 1.0]
    assert rate_at(7, settings) == pytest.approx(0.5)
    linear = toy_settings(steps=10, optimiser={"rate": 1.0, "schedule": "linear", "warmup": 0})
    assert rate_at(9, linear) == pytest.approx(0.1)


def test_a_folder_that_holds_a_run_is_not_overwritten(toy: Path, tmp_path: Path) -> None:
    out = train(toy_settings(steps=1), data=toy, out=tmp_path / "run")
    with pytest.raises(SettingsError, match="holds a run already"):
        train(toy_settings(steps=1), data=toy, out=out)
    with pytest.raises(SettingsError, match="differs from the settings given"):
        train(toy_settings(steps=1, run={"seed": 5}), data=toy, out=out, resume=True)
    with pytest.raises(SettingsError, match="no run to resume"):
        train(toy_settings(steps=1), data=toy, out=tmp_path / "other", resume=True)


def test_a_person_in_train_and_dev_is_refused(tmp_path: Path) -> None:
    write_toy(tmp_path / "train", seed=1, subjects="a")
    write_toy(tmp_path / "dev", seed=2, subjects="a")
    with pytest.raises(DataError, match="12 subjects are in"):
        train(toy_settings(), data=tmp_path, out=tmp_path / "run")


def test_a_damaged_checkpoint_is_a_clear_error(toy: Path, tmp_path: Path) -> None:
    out = train(toy_settings(steps=1), data=toy, out=tmp_path / "run")
    (out / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="is not a checkpoint of a run"):
        train(toy_settings(steps=1), data=toy, out=out, resume=True)


def test_a_run_killed_before_its_first_checkpoint_cannot_be_finished(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(CutOffError):
        train(toy_settings(), data=toy, out=out, progress=stop_after(1))
    with pytest.raises(ModelError, match="has no checkpoint yet"):
        finish(out, data=toy, training_data=(), command="")
    assert not (out / BEST).exists()


def test_shipped_weights_may_be_averaged_with_those_the_run_began_from() -> None:
    start, trained = (build(toy_settings(), init=None) for _ in range(2))
    kernel = next(iter(dict(trained.named_parameters())))
    mine, theirs = (dict(n.named_parameters())[kernel].detach().clone() for n in (trained, start))
    mixed = dict(averaged(trained, start, share=0.25).named_parameters())[kernel]
    torch.testing.assert_close(mixed, 0.75 * mine + 0.25 * theirs)


def test_sgd_moves_weights_by_rate_and_momentum() -> None:
    settings = toy_settings(optimiser={"kind": "sgd", "rate": 0.1, "momentum": 0.5, "decay": 0.0})
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimiser = optimiser_of(torch.nn.ParameterDict({"weight": weight}), settings)
    for gradient in (1.0, 1.0):  # steps of 0.1 and of 0.1 x (1 + 0.5)
        weight.grad = torch.full((2, 2), gradient)
        optimiser.step()
    torch.testing.assert_close(weight.detach(), torch.full((2, 2), -0.25))
