"""Protocols over sets that were prepared whole, and the field's benchmark, on toy sets of the right names."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_training import NETWORKS, toy_settings

from unmask.app import cross_set_runs
from unmask.app.benchmark_ocim import TASKS
from unmask.app.benchmark_siw_m import VERSIONS
from unmask.data.prepare.prepared import PreparedSet, protocol_of
from unmask.data.prepare.selection import dataset_of, select
from unmask.data.prepare.shards import Arrays, Prepared, RecordingOutcome, Row, write_shard
from unmask.data.protocols.siw_m import TYPES
from unmask.models import MODELS
from unmask.training.finish import finish
from unmask.training.loop import train
from unmask.training.sampling import domains_of
from unmask.training.settings import read_settings, to_toml
from unmask.types import DataError, Label, Presentation

PARTS = {
    "oulu-npu": ("train", "dev", "test"),
    "replay-attack": ("train", "dev", "test"),
    "casia-fasd": ("train", "test"),
    "msu-mfsd": ("train", "test"),
}
PEOPLE, PX = 3, 32


@pytest.fixture(scope="module", autouse=True)
def networks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, network in NETWORKS.items():
            patch.setitem(MODELS, name, network)
        yield


def write_whole(
    root: Path, *, dataset: str, seed: int, domain: str | None = None, without: Sequence[str] = ()
) -> Path:
    """What `unmask prepare DATASET` leaves: of each person of each part one bona fide clip and one attack; of
    those `without`, none.
    """
    (root / "all").mkdir(parents=True)
    spec = {"clip": {"frames": 1, "stride_s": 0.1, "size_px": PX, "box_scale": 1.3}}
    (root / "all" / "spec.json").write_text(json.dumps(spec))
    (root / "preparation.json").write_text(json.dumps({"dataset": dataset, "protocol": ""}))
    rng = np.random.default_rng(seed)
    recordings = []
    for number, (part, person, attack) in enumerate(
        (part, person, attack) for part in PARTS[dataset] for person in range(PEOPLE) for attack in (0, 1)
    ):
        known: dict[str, Any] = {
            "presentation": Presentation(
                path=f"{part}/{person}-{attack}",
                label=Label.ATTACK if attack else Label.BONA_FIDE,
                instrument="print/photo" if attack else "",
                subject=f"{part}-{person}",
                dataset=dataset,
                split=part,
                domain=dataset if domain is None else domain,
            ),
            "source": dataset,
        }
        picture = rng.integers(0, 120, (1, 1, PX, PX, 3)) + 100 * (1 - attack)
        maps = np.full((1, 1, 32, 32), 200 * (1 - attack), np.uint8)
        clips = 0 if known["presentation"].path in without else 1
        recordings.append(
            Prepared(
                outcome=RecordingOutcome(
                    recording=number,
                    clips=clips,
                    **known,
                ),
                rows=(Row(number=0, **known),) * clips,
                arrays=Arrays(
                    picture.astype(np.uint8)[:clips], maps[:clips], np.full_like(maps, 255)[:clips]
                ),
                times_s=np.zeros((clips, 1)),
            )
        )
    write_shard(root / "all" / "shard-000000.tar", recordings)
    return root


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sets")
    return {name: write_whole(folder / name, dataset=name, seed=k) for k, name in enumerate(PARTS)}


def names(prepared: PreparedSet) -> set[tuple[str, str]]:
    """(data set, part as shipped) of its clips; put together, presentations have their folder before them."""
    return {(row.source, row.name.split("/")[-2]) for row in prepared.rows}


def test_a_protocol_takes_its_parts_out_of_sets_prepared_whole(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    notes = select(list(homes.values()), protocol="ocim/ocm-to-i", out=tmp_path)
    assert any("published are" in note for note in notes)  # toy sets are not the published ones
    learnt, dev, test = (PreparedSet.open(tmp_path / part) for part in ("train", "dev", "test"))
    assert names(learnt) == {("oulu-npu", "train"), ("casia-fasd", "train"), ("msu-mfsd", "train")}
    assert ("oulu-npu", "dev") in names(dev)
    assert names(test) == {("replay-attack", "test")}
    assert {row.subject for row in learnt.rows}.isdisjoint(row.subject for row in dev.rows)
    assert protocol_of(tmp_path) == "ocim/ocm-to-i"
    whole = PreparedSet.open(homes["replay-attack"] / "all")
    place = [row.name for row in whole.rows].index("test/1-0")
    inside = next(k for k, row in enumerate(test.rows) if row.name.endswith("test/1-0"))
    assert np.array_equal(test.read([inside]).clips, whole.read([place]).clips)


def test_all_lists_learn_from_test_lists_and_test_on_train_lists(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    select(list(homes.values()), protocol="ocim-all/ocm-to-i", out=tmp_path)
    learnt, test = (PreparedSet.open(tmp_path / part) for part in ("train", "test"))
    assert names(learnt) >= {("oulu-npu", "train"), ("oulu-npu", "test")}
    assert ("oulu-npu", "dev") not in names(learnt)
    assert names(test) == {("replay-attack", "train"), ("replay-attack", "test")}


def test_a_set_that_is_missing_or_superfluous_is_named(homes: dict[str, Path], tmp_path: Path) -> None:
    few = [home for name, home in homes.items() if name != "msu-mfsd"]
    with pytest.raises(DataError, match="needs prepared clips of msu-mfsd"):
        select(few, protocol="ocim/ocm-to-i", out=tmp_path)
    with pytest.raises(DataError, match="does not use oulu-npu"):
        select(list(homes.values()), protocol="ocim/mi-to-c", out=tmp_path)
    with pytest.raises(DataError, match="no set that was prepared whole"):
        dataset_of(tmp_path)


def test_the_benchmark_prints_one_row_and_goes_on_where_it_stood(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    settings = toy_settings(steps=2, run={"ema": 0.0, "loggers": []})
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(replace(settings, arguments={})))
    data = [word for home in homes.values() for word in ("--data", home)]
    command = ("benchmark", "ocim", *data, "--config", config, "--task", "limited", "--seeds", 2)
    code, said, err = unmask(*command, "--out", tmp_path / "out", width=200)
    assert code == 0, err
    assert "threshold from dev of the sources" in said
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["protocol"] for row in rows} == {"ocim/mi-to-c", "ocim/mi-to-o", "mean"}
    assert {(row["seen"], row["threshold_from"]) for row in rows} == {
        (seen, way) for seen in ("1 frame", "2 frames", "video") for way in ("test-eer", "dev-eer", "oracle")
    }
    for row in rows:  # no threshold gives less on test than the oracle's
        least = [r for r in rows if (r["protocol"], r["seen"]) == (row["protocol"], row["seen"])]
        oracle = next(float(r["hter"]) for r in least if r["threshold_from"] == "oracle")
        assert oracle <= float(row["hter"]) + 1e-12
    for row in rows:
        assert row["seeds"] == "2"
        assert 0 <= float(row["hter"]) <= 1
    folds = [row for row in rows if row["seen"] == "video" and row["threshold_from"] == "dev-eer"]
    mean = (float(folds[0]["auc"]) + float(folds[1]["auc"])) / 2
    assert float(folds[2]["auc"]) == pytest.approx(mean)
    state = tmp_path / "out" / "ocim-mi-to-c" / "seed-1" / "checkpoint.safetensors"
    written = state.stat().st_mtime_ns
    assert unmask(*command, "--out", tmp_path / "out")[0] == 0
    assert state.stat().st_mtime_ns == written


def test_what_is_there_is_taken_only_for_the_same_settings_and_sets(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2, run={"ema": 0.0, "loggers": []})))
    data = [word for name, home in homes.items() if name != "oulu-npu" for word in ("--data", home)]
    command = ("benchmark", "ocim", "--config", config, "--task", "limited", "--out", tmp_path / "out")
    home = ("--data", homes["oulu-npu"])
    assert unmask(*command, *data, *home)[0] == 0
    state = tmp_path / "out" / "ocim-mi-to-c" / "seed-1" / "checkpoint.safetensors"
    written = state.stat().st_mtime_ns
    code, _, err = unmask(*command, *data, *home, "--set", "optimiser.rate=0.5", width=300)
    assert code == 4
    assert "differs from the settings given" in err
    other = write_whole(tmp_path / "others", dataset="replay-attack", seed=9)
    swapped = [other if word == homes["replay-attack"] else word for word in data]
    code, _, err = unmask(*command, *swapped, *home, width=300)
    assert code == 4
    assert f"are of {homes['replay-attack']}, which is not in --data" in err
    assert state.stat().st_mtime_ns == written
    assert unmask(*command, *data, *home, "--set", "run.steps=3")[0] == 0  # a run may be made longer
    assert state.stat().st_mtime_ns > written


def test_a_set_that_was_prepared_anew_is_not_taken_for_the_one_that_the_runs_learnt_from(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2, run={"ema": 0.0, "loggers": []})))
    target = write_whole(tmp_path / "C", dataset="casia-fasd", seed=3)
    others = [home for name, home in homes.items() if name != "casia-fasd"]
    data = [word for home in (*others, target) for word in ("--data", home)]
    command = ("benchmark", "ocim", "--config", config, "--task", "limited", "--out", tmp_path / "out", *data)
    assert unmask(*command)[0] == 0
    table = (tmp_path / "out" / "table.csv").read_bytes()
    shutil.rmtree(target)
    write_whole(target, dataset="casia-fasd", seed=4)
    code, _, err = unmask(*command, width=300)
    assert code == 3
    assert "was prepared anew since its clips were selected into" in err
    assert (tmp_path / "out" / "table.csv").read_bytes() == table
    assert unmask(*command[:-1], homes["casia-fasd"])[0] == 4  # another folder, too, is refused


@pytest.mark.usefixtures("without_export")
def test_a_benchmark_goes_on_from_the_first_weights_of_its_runs_alone(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    config = tmp_path / "toy.toml"
    settings = toy_settings(steps=2, run={"ema": 0.0, "loggers": []})
    config.write_text(to_toml(settings))
    data = [word for home in homes.values() for word in ("--data", home)]
    select(list(homes.values()), protocol="ocim/ocm-to-i", out=tmp_path / "sets")
    train(settings, data=tmp_path / "sets", out=tmp_path / "stage1")
    finish(tmp_path / "stage1", data=tmp_path / "sets", training_data=[], command="unmask train")
    first = tmp_path / "stage1" / "weights.safetensors"
    command = ("benchmark", "ocim", "--config", config, "--task", "limited", *data)
    for begun, other in (((), ("--init", first)), (("--init", first), ())):
        out = ("--out", tmp_path / f"out-{len(begun)}")
        assert unmask(*command, *out, *begun)[0] == 0
        assert unmask(*command, *out, *begun)[0] == 0
        code, _, err = unmask(*command, *out, *other, width=300)
        assert code == 4
        assert "began from other first weights than --init gives" in err


def test_in_a_protocol_over_several_sets_each_set_is_a_domain_wherever_it_lies(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    bare = write_whole(tmp_path / "deep" / "L", dataset="casia-fasd", seed=2, domain="")
    races = write_whole(tmp_path / "F", dataset="msu-mfsd", seed=3, domain="asia")
    select(
        [bare, races, homes["replay-attack"], homes["oulu-npu"]], protocol="ocim/ocm-to-i", out=tmp_path / "s"
    )
    _, names = domains_of(PreparedSet.open(tmp_path / "s" / "train").rows)
    assert names == ["casia-fasd", "msu-mfsd", "oulu-npu"]


def test_a_presentation_without_a_clip_is_told_of(homes: dict[str, Path], tmp_path: Path) -> None:
    lacking = write_whole(tmp_path / "I", dataset="replay-attack", seed=1, without=("test/1-0",))
    others = [home for name, home in homes.items() if name != "replay-attack"]
    notes = select([lacking, *others], protocol="ocim/ocm-to-i", out=tmp_path / "sets")
    assert "test has 1 of 6 presentations without a clip, which count nowhere" in notes
    assert not any("without a clip" in note for note in notes if note.startswith(("train", "dev")))


def write_siw_m(root: Path) -> Path:
    """SiW-M prepared whole: live faces of both parts, and two videos of each type of attack."""
    (root / "all").mkdir(parents=True)
    spec = {"clip": {"frames": 1, "stride_s": 0.1, "size_px": PX, "box_scale": 1.3}}
    (root / "all" / "spec.json").write_text(json.dumps(spec))
    (root / "preparation.json").write_text(json.dumps({"dataset": "siw-m", "protocol": ""}))
    people = [("train", "")] * 8 + [("test", "")] * 3 + [("", name) for name in TYPES for _ in (0, 1)]
    rng = np.random.default_rng(3)
    recordings = []
    for number, (part, instrument) in enumerate(people):
        known: dict[str, Any] = {
            "presentation": Presentation(
                path=f"{instrument or 'live'}-{number}",
                label=Label.ATTACK if instrument else Label.BONA_FIDE,
                instrument=instrument,
                subject=f"s{number}",
                dataset="siw-m",
                split=part,
                domain="siw-m",
            ),
            "source": "siw-m",
        }
        picture = rng.integers(0, 120, (1, 1, PX, PX, 3)) + (0 if instrument else 100)
        maps = np.full((1, 1, 32, 32), 0 if instrument else 200, np.uint8)
        recordings.append(
            Prepared(
                outcome=RecordingOutcome(
                    recording=number,
                    clips=1,
                    **known,
                ),
                rows=(Row(number=0, **known),),
                arrays=Arrays(picture.astype(np.uint8), maps, np.full_like(maps, 255)),
                times_s=np.zeros((1, 1)),
            )
        )
    write_shard(root / "all" / "shard-000000.tar", recordings)
    return root


def test_each_task_has_the_folds_of_its_papers() -> None:
    counts = {name: len(protocols) for name, protocols in {**TASKS, **VERSIONS}.items()}
    leave_one_out = {"lists": 4, "all-lists": 4, "celeba": 4, "limited": 2, "pairs": 12, "wcs": 3}
    assert counts == {**leave_one_out, "siw-m": 13, "siw-m-v2": 14}


def test_siw_m_leaves_each_type_out_and_its_mean_is_over_the_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setitem(VERSIONS, "siw-m", ("siw-m/loo.replay", "siw-m/loo.half"))
    home = write_siw_m(tmp_path / "M")
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2, run={"ema": 0.0, "loggers": []})))
    out = tmp_path / "out"
    command = ("benchmark", "siw-m", "--data", home, "--config", config, "--out", out)
    code, said, err = unmask(*command, width=80)  # narrower than the table, which is not cut
    assert code == 0, err
    assert "ACER / EER" in said
    assert "8.4 / 9.0" in said  # FGHV's, of replay
    assert "8.5±5.1 / 9.1±5.4" in said  # and its mean
    with (out / "table.csv").open(newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if (row["seen"], row["threshold_from"]) == ("video", "oracle")
        ]
    eers = [float(row["eer"]) for row in rows[:2]]
    assert float(rows[2]["eer"]) == pytest.approx(np.mean(eers))
    assert float(rows[2]["eer_over_folds"]) == pytest.approx(np.std(eers, ddof=1))
    learnt = PreparedSet.open(out / "siw-m-loo.replay" / "sets" / "train")
    assert "replay/screen" not in {row.instrument for row in learnt.rows}
    test = PreparedSet.open(out / "siw-m-loo.replay" / "sets" / "test")
    assert {row.instrument for row in test.rows} == {"", "replay/screen"}


def test_torchrun_trains_each_fold_in_processes_of_its_own(
    homes: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unmask: Callable[..., tuple[int, str, str]],
) -> None:
    started = []

    def launch(words: Any, *, check: Any) -> Any:
        options = dict(
            zip(words[words.index("train") + 1 :: 2], words[words.index("train") + 2 :: 2], strict=True)
        )
        started.append(words[1 : words.index("train")])
        out = Path(options["--out"])
        train(read_settings(options["--config"]), data=options["--data"], out=out)
        return SimpleNamespace(returncode=0 if len(started) == 1 else 1)

    monkeypatch.setattr(cross_set_runs, "subprocess", SimpleNamespace(run=launch))
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2, run={"ema": 0.0, "loggers": []})))
    data = [word for home in homes.values() for word in ("--data", home)]
    command = ("benchmark", "ocim", *data, "--config", config, "--task", "limited", "--engine", "torchrun")
    code, _, err = unmask(*command, "--jobs", 2, "--out", tmp_path / "out")
    assert len(started) == 2, err
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "unmask"]
    assert started == [launcher] * 2
    assert (tmp_path / "out" / "ocim-mi-to-c" / "seed-1" / "field.csv").is_file()
    assert code == 3
    assert "torchrun ended with 1" in err


def test_a_training_that_is_refused_leaves_nothing(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2)))
    data = [word for home in homes.values() for word in ("--data", home)]
    named = (*data, "--config", config, "--protocol", "ocim/mi-to-c", "--set", "arguments.depth=3")
    code, _, err = unmask("train", *named, "--out", tmp_path / "out")
    assert code == 4
    assert "of tiny_single: there is no 'depth'; remove it" in err
    assert not (tmp_path / "out").exists()


def test_a_benchmark_names_a_set_that_no_fold_uses_or_two_folders_hold(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2)))
    data = [word for home in homes.values() for word in ("--data", home)]
    command = ("benchmark", "ocim", "--config", config, *data, "--out", tmp_path / "out")
    other = write_siw_m(tmp_path / "siw-m")
    code, _, err = unmask(*command, "--data", other, width=300)
    assert code == 4
    assert f"no fold of this task uses siw-m; leave out {other}" in err
    twin = write_whole(tmp_path / "twin", dataset="msu-mfsd", seed=9)
    code, _, err = unmask(*command, "--data", twin, width=300)
    assert code == 3
    assert f"{homes['msu-mfsd']} and {twin} both hold msu-mfsd; name one of them" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"run": {"backbone": "frozen"}, "network": "tiny_multi"}, "backbone is frozen, but there is none"),
        ({"batches": {"domains": "equally"}, "task": "pairs"}, "domain"),
    ],
)
def test_a_benchmark_that_is_refused_leaves_nothing(
    homes: dict[str, Path],
    tmp_path: Path,
    unmask: Callable[..., tuple[int, str, str]],
    changes: dict[str, Any],
    sentence: str,
) -> None:
    task = changes.pop("task", "limited")
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2, **changes)))
    data = [word for home in homes.values() for word in ("--data", home)]
    command = ("benchmark", "ocim", "--config", config, *data, "--task", task)
    code, _, err = unmask(*command, "--out", tmp_path / "out", width=300)
    assert code in (3, 4)
    assert sentence in err
    assert not (tmp_path / "out").exists()


def test_a_training_that_wants_first_weights_leaves_nothing_without_them(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(network="tiny_multi", run={"backbone": "frozen"})))
    data = [word for name, home in homes.items() if name != "oulu-npu" for word in ("--data", home)]
    command = ("train", *data, "--config", config, "--protocol", "ocim/mi-to-c", "--out", tmp_path / "out")
    for init in ((), ("--init", tmp_path / "none.safetensors")):
        code, _, err = unmask(*command, *init)
        assert code in (3, 4), err
        assert not (tmp_path / "out").exists()


def test_a_training_whose_clips_do_not_fit_leaves_nothing(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    data = [word for name, home in homes.items() if name != "oulu-npu" for word in ("--data", home)]
    command = ("train", *data, "--config", "sgtd_s_single", "--protocol", "ocim/mi-to-c")
    code, _, err = unmask(*command, "--out", tmp_path / "out")
    assert code == 4
    assert "the network takes pictures of 128 px" in err
    assert not (tmp_path / "out").exists()


def test_a_refused_training_takes_away_nothing_that_it_did_not_write(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    own = tmp_path / "out" / "sets" / "train" / "mine.txt"
    own.parent.mkdir(parents=True)
    own.write_text("kept")
    data = [word for name, home in homes.items() if name != "oulu-npu" for word in ("--data", home)]
    command = ("train", *data, "--config", "sgtd_s_single", "--protocol", "ocim/mi-to-c")
    code, _, _ = unmask(*command, "--out", tmp_path / "out")
    assert code == 4
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [own]
    assert own.read_text() == "kept"


def test_a_folder_of_one_protocol_is_kept_from_another(
    homes: dict[str, Path], tmp_path: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    config = tmp_path / "toy.toml"
    config.write_text(to_toml(toy_settings(steps=2)))
    data = [word for name, home in homes.items() if name != "oulu-npu" for word in ("--data", home)]
    select(
        [home for name, home in homes.items() if name != "oulu-npu"],
        protocol="ocim/mi-to-c",
        out=tmp_path / "out" / "sets",
    )
    command = ("train", *data, "--config", config, "--out", tmp_path / "out")
    code, _, err = unmask(*command, "--protocol", "ocim/c-to-m", width=300)
    assert code == 4
    assert "is of ocim/mi-to-c, not of ocim/c-to-m" in err
    assert protocol_of(tmp_path / "out" / "sets") == "ocim/mi-to-c"
