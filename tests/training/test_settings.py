from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from unmask.models import MODELS
from unmask.training.networks import refuse_unfit
from unmask.training.settings import (
    Settings,
    changes_of,
    described,
    from_mapping,
    presets,
    read_settings,
    to_toml,
)
from unmask.types import SettingsError

LEAST = '[run]\nname = "x"\nnetwork = "sgtd_s_single"\nsteps = 9\n[batches]\nsize = 8\n'


def write(tmp_path: Path, text: Any) -> Any:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_reads_and_names_a_network(name: Any) -> None:
    settings = read_settings(name)
    assert settings.run.network in MODELS
    assert settings.run.network == name.removesuffix(".toml")


def test_the_papers_settings_are_in_the_presets() -> None:
    single, multi = read_settings("sgtd_single.toml"), read_settings("sgtd_multi.toml")
    assert (single.optimiser.kind, single.optimiser.rate, single.optimiser.decay) == ("adam", 1e-4, 5e-4)
    assert (single.loss.absolute, single.loss.contrast, single.loss.binary) == (1.0, 0.5, 0.0)
    assert (multi.optimiser.kind, multi.optimiser.rate, multi.batches.size) == ("adadelta", 1e-2, 2)
    assert (multi.loss.absolute, multi.loss.contrast, multi.loss.binary) == (0.2, 0.2, 0.8)
    assert multi.run.backbone == "frozen"
    for stage, attacks in ((single, 4), (multi, 2)):
        batches = stage.batches
        assert (batches.order, batches.clips_bona_fide, batches.clips_attack) == ("epochs", 16, attacks)
        assert (stage.clip.frames, stage.clip.stride_s, stage.clip.box_scale) == (5, 0.1, 1.3)
        assert stage.optimiser.schedule == "constant"


def test_every_network_has_settings_to_train_it() -> None:
    assert {name.removesuffix(".toml") for name in presets()} == set(MODELS)


def test_resolved_settings_read_back_as_they_were(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, LEAST + "[arguments]\npools = [1, 1, 1]\n"))
    assert read_settings(write(tmp_path, to_toml(settings))) == settings


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, LEAST), overrides={"run.steps": 5, "optimiser.rate": 1})
    assert (settings.run.steps, settings.optimiser.rate) == (5, 1.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (LEAST + "[optimizer]\nrate = 1.0\n", r"has sections \['optimizer'\]; it may have"),
        (LEAST + "[optimiser]\nlr = 1.0\n", r"\[optimiser\] has no \['lr'\]; it knows \['clip_norm'"),
        ('[run]\nname = "x"\nnetwork = "y"\n[batches]\nsize = 8\n', r"\[run\] lacks \['steps'\]"),
        (
            LEAST + '[optimiser]\nkind = "lion"\n',
            r"kind is 'lion'; it must be one of \['adam', 'adadelta', 'sgd'\]",
        ),
        (LEAST + "[optimiser]\nmomentum = 1.0\n", r"momentum must be in \[0, 1\), not 1\.0"),
        (LEAST + '[optimiser]\nrate = "fast"\n', r"rate is 'fast'; it must be of the kind float"),
        (LEAST + "[compute]\ndevices = true\n", "devices is True; it must be of the kind int"),
        (LEAST + "[augmentation]\nflip = 2.0\n", "flip is a chance"),
        (LEAST.replace("9", "0"), "steps must be at least 1, not 0"),
        ("steps = ", "is not TOML"),
        ("run = 3\n", "must be a section"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: Any, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings(write(tmp_path, text))


def test_a_file_that_is_not_there_names_the_presets() -> None:
    with pytest.raises(SettingsError, match=r"not a preset; the presets are .*sgtd_single"):
        read_settings("nowhere.toml")


def test_a_preset_goes_by_its_plain_name() -> None:
    assert read_settings("sgtd_single") == read_settings("sgtd_single.toml")


def test_every_preset_is_listed_with_what_it_is() -> None:
    assert set(described()) == {name.removesuffix(".toml") for name in presets()}
    assert all(sentence.strip(".") for sentence in described().values())


def test_fghvs_constants_stand_in_one_section_by_the_papers_names(tmp_path: Path) -> None:
    settings = read_settings("fghv")
    assert settings.arguments == {"draws": 50, "latent": 128, "tau": 0.1, "channels": 6, "hypotheses": "both"}
    loss = settings.loss
    assert (loss.relative, loss.variance, loss.distribution, loss.distribution_margin) == (1, 1, 1, 0.9)
    assert (settings.optimiser.rate, settings.optimiser.momentum, settings.optimiser.decay) == (
        0.01,
        0.9,
        5e-4,
    )
    assert (settings.run.steps, settings.batches.size) == (8000, 60)
    assert read_settings("fghv", overrides={"arguments.tau": 0.2}).arguments["tau"] == 0.2
    assert read_settings("fghv", overrides={"fghv.tau": 0.2}).arguments["tau"] == 0.2
    for section, sentence in (
        ("[fghv]\nsigma = 1\n", r"\[fghv\] has no 'sigma'; it knows \['K', 'd'"),
        ("[fghv]\nK = 3\n[arguments]\ndraws = 4\n", r"\[fghv\] K and \[arguments\] draws are one thing"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            read_settings(write(tmp_path, LEAST + section))


@pytest.mark.parametrize("name", ["fghv", "fghv_s", "fghv_e"])
def test_fghvs_constants_are_set_by_the_papers_names_in_every_preset(name: str) -> None:
    words = ["fghv.tau=0.2", "fghv.K=7", "fghv.lr=0.5", "fghv.margin_DDC=0.1", "fghv.iterations=3"]
    settings = read_settings(name, overrides=changes_of(words))
    assert (settings.arguments["tau"], settings.arguments["draws"]) == (0.2, 7)
    assert (settings.optimiser.rate, settings.loss.distribution_margin, settings.run.steps) == (0.5, 0.1, 3)
    for both in (["fghv.tau=0.2", "arguments.tau=0.3"], ["arguments.tau=0.3", "fghv.tau=0.2"]):
        with pytest.raises(SettingsError, match=r"fghv\.tau.* one thing|arguments\.tau.* one thing"):
            read_settings(name, overrides=changes_of(both))
    with pytest.raises(SettingsError, match=r"^fghv\.lr=fast: rate is 'fast'; it must be of the kind float"):
        read_settings(name, overrides=changes_of(["fghv.lr=fast"]))


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("resnet18_s", "width=wide", r"\[arguments\] of resnet18_s: width is 'wide'; .* of the kind int"),
        ("resnet18_s", "depth=3", r"\[arguments\] of resnet18_s: there is no 'depth'; there are width"),
        ("resnet18_s", "width=0", r"\[arguments\] width must be above 0, not 0"),
        ("sgtd_s_multi", "score=best", r"score is 'best'; it must be one of \['code', 'equation_11'\]"),
        ("sgtd_s_multi", "gradient=steep", "gradient is 'steep'; it must be one of"),
        ("sgtd_s_multi", "block=wooden", "block is 'wooden'; it must be one of"),
        ("sgtd_s_multi", "alpha=7", r"alpha must be in \[0, 1\], not 7"),
        ("sgtd_s_multi", "momentum=0", r"momentum must be in \(0, 1\], not 0"),
        ("sgtd_s_multi", "recurrent=maybe", "recurrent is 'maybe'; it must be of the kind bool"),
        ("sgtd_s_multi", "pools=2", "pools is 2; it must be a list"),
        ("sgtd_s_multi", "pools=[2, 2]", r"\[arguments\] do not fit sgtd_s_multi \(.*\); change them"),
        ("sgtd_s_multi", "pools=[2, 2, 0]", "pools must be at least 1"),
        ("fghv_s", "tau=0", "tau must be above 0"),
        ("fghv_s", "hypotheses=maybe", "hypotheses is 'maybe'; it must be one of"),
        ("fghv_s", "depth_head=3", "depth_head is 3; it must be of the kind bool"),
        ("cdcn_s", "theta=9", r"theta must be in \[0, 1\]"),
        ("encoder", "detail=3", "detail is 3; it must be of the kind bool"),
    ],
)
def test_an_impossible_argument_of_a_network_is_named(name: str, change: str, sentence: str) -> None:
    settings = read_settings(name, overrides=changes_of([f"arguments.{change}"]))
    with pytest.raises(SettingsError, match=sentence):
        refuse_unfit(settings)


def test_no_network_takes_a_number_that_is_none() -> None:
    asked = 0
    for name, build in MODELS.items():
        function = build.func if isinstance(build, partial) else build
        hints = get_type_hints(function)
        known = [key for key, one in signature(build).parameters.items() if one.kind is one.KEYWORD_ONLY]
        for key in known:
            wrong = "-1e9" if float in (hints[key], *get_args(hints[key])) else "-1"
            if {int, float} & {hints[key], *get_args(hints[key])}:
                asked += 1
                word = f"arguments.{key}={'[-1]' if get_origin(hints[key]) is Sequence else wrong}"
                with pytest.raises(SettingsError, match=rf"\[arguments\] {key} must be"):
                    refuse_unfit(read_settings(name, overrides=changes_of([word])))
    assert asked > 60


def test_any_setting_can_be_set_and_is_checked() -> None:
    given = ["run.steps=20", "optimiser.kind=sgd", "optimiser.rate=1", "arguments.pools=[1, 1, 1]"]
    settings = read_settings("sgtd_s_single", overrides=changes_of(given))
    assert (settings.run.steps, settings.optimiser.kind, settings.optimiser.rate) == (20, "sgd", 1.0)
    assert settings.arguments["pools"] == [1, 1, 1]
    for word, sentence in (
        ("run.steps=many", r"steps is 'many'; it must be of the kind int"),
        ("optimiser.kind=lion", "it must be one of"),
        ("run.stepz=3", "^run.stepz=3: there is no key 'stepz'; there are backbone, .* steps, version"),
        (
            "rum.steps=3",
            "^rum.steps=3: there is no section 'rum'; there are arguments, augmentation, batches",
        ),
        ("fghv.sigma=3", r"^fghv.sigma=3: \[fghv\] has no 'sigma'; it knows K, d, tau"),
        ("run.steps=1e3", "^run.steps=1000.0: steps is 1000.0; it must be of the kind int"),
        ("steps=3", "--set takes section.key=value, as run.steps=200, not 'steps=3'"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            read_settings("sgtd_s_single", overrides=changes_of([word]))


def numbers_of_the_settings() -> Iterator[Any]:
    """Each number of each section, with its kind."""
    for section in fields(Settings):
        if is_dataclass(kind := get_type_hints(Settings)[section.name]):
            hints = get_type_hints(kind)
            yield from ((section.name, key, hints[key]) for key in hints if hints[key] in (int, float))


def test_no_setting_takes_a_number_that_is_none() -> None:
    impossible = {float: ["nan", "inf", "-inf", "-1e9"], int: ["-1", "9223372036854775808"]}
    asked = list(numbers_of_the_settings())
    assert len(asked) > 60
    for section, key, kind in asked:
        for value in impossible[kind]:
            with pytest.raises(SettingsError, match=key if section != "clip" else "clip"):
                read_settings("fghv_s", overrides=changes_of([f"{section}.{key}={value}"]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("loss.contrast=-1", r"\[loss\] contrast must be at least 0, not -1.0"),
        ("loss.collapse=2", r"\[loss\] collapse must be in \[0, 1\], not 2.0"),
        ("run.seed=-1", r"\[run\] seed must be from 0 to 2147483647, not -1"),
        ("run.seed=2147483648", r"\[run\] seed must be from 0 to 2147483647"),
        ("evaluation.default_apcer=20", r"\[evaluation\] default_apcer must be in \[0, 1\], not 20.0"),
        ("augmentation.noise_sigma=-0.1", "noise_sigma >= 0"),
    ],
)
def test_a_number_outside_its_range_is_named(change: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings("sgtd_s_single", overrides=changes_of([change]))


def test_an_integer_serves_as_a_float_but_not_the_other_way() -> None:
    run = {"name": "x", "network": "y", "steps": 1}
    assert from_mapping(
        {"run": run, "batches": {"size": 8, "bona_fide": 0.5}, "loss": {"contrast": 1}}, origin="-"
    )
    with pytest.raises(SettingsError, match=r"size is 8\.5"):
        from_mapping({"run": run, "batches": {"size": 8.5}}, origin="-")


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("[run]\nloggers = 3", "loggers is 3; it must be a list"),
        (
            '[run]\nloggers = ["paper"]',
            r"loggers is 'paper'; it must be one of \['tensorboard', 'wandb', 'mlflow'\]",
        ),
        ("[batches]\naccumulate = 0", "accumulate must be at least 1, not 0"),
        ("[batches]\nclips_attack = 4", "thin an epoch, but the order is 'balanced'"),
        ('[batches]\norder = "epochs"\ndomains = "equally"', "only in the order 'balanced', not 'epochs'"),
        ("[evaluation]\npatience = -1", "patience must be at least 0, not -1"),
        ("[optimiser]\nrate = nan", "rate is nan; it must be a finite number"),
        ("[optimiser]\nrate = 0", "rate must be above 0, not 0.0"),
        ("[optimiser]\nwarmup = -1", "warmup must be at least 0"),
        ("[compute]\ndevices = 0", "devices must be at least 1, not 0"),
    ],
)
def test_an_impossible_value_is_named(tmp_path: Path, section: str, sentence: str) -> None:
    head, _, keys = section.partition("\n")
    text = LEAST.replace(head, section) if head in LEAST else f"{LEAST}{section}\n"
    assert keys in text
    with pytest.raises(SettingsError, match=sentence):
        read_settings(write(tmp_path, text))


def test_a_list_of_loggers_reads_back(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, LEAST.replace("[run]", '[run]\nloggers = ["wandb", "mlflow"]')))
    assert settings.run.loggers == ("wandb", "mlflow")
    assert read_settings(write(tmp_path, to_toml(settings))) == settings


def test_a_preset_is_found_by_its_name_with_or_without_suffix() -> None:
    for name in presets():
        assert read_settings(name.removesuffix(".toml")) == read_settings(name)


@pytest.mark.parametrize("key", ["name", "version"])
@pytest.mark.parametrize("empty", ["", " ", "\t"])
def test_a_model_without_a_name_or_a_version_is_refused(tmp_path: Path, key: str, empty: str) -> None:
    sentence = rf"^\[run\] {key} is empty; give the model a {key}$"
    with pytest.raises(SettingsError, match=sentence):
        read_settings("sgtd_s_single", overrides=changes_of([f'run.{key}="{empty}"']))
    with pytest.raises(SettingsError, match=sentence):
        read_settings("sgtd_s_single", overrides=changes_of([f"run.{key}="]))


@pytest.mark.parametrize("again", ["run.steps=3", "run.steps=2", " run.steps =3"])
def test_a_key_that_is_changed_twice_is_refused(again: str) -> None:
    with pytest.raises(SettingsError, match=r"^--set gives run\.steps twice; give each key once$"):
        changes_of(["run.steps=2", "optimiser.kind=sgd", again])
