"""The settings of a training run: one TOML file, one frozen record a section, unknown keys are errors.

The resolved settings are saved beside the weights, so that a run can be started again from its own folder.
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, get_type_hints

from unmask.media.regular import refuse_special
from unmask.training.augment import Augmentation
from unmask.training.ranges import refuse_out_of_range
from unmask.training.typed import record_of, value_of
from unmask.types import ClipSpec, SettingsError

# What the section [fghv] calls by the names of its paper, and where each belongs: docs/fghv.md.
FGHV_CONSTANTS = {
    "K": "arguments.draws",
    "d": "arguments.latent",
    "tau": "arguments.tau",
    "channels": "arguments.channels",
    "lambda_RCC": "loss.relative",
    "form_RCC": "loss.relative_form",
    "lambda_VAR": "loss.variance",
    "of_VAR": "loss.variance_of",
    "lambda_DDC": "loss.distribution",
    "margin_DDC": "loss.distribution_margin",
    "collapse": "loss.collapse",
    "lr": "optimiser.rate",
    "momentum": "optimiser.momentum",
    "weight_decay": "optimiser.decay",
    "iterations": "run.steps",
    "batch": "batches.size",
}
_OTHER_NAMES = {f"fghv.{name}": place for name, place in FGHV_CONSTANTS.items()} | {
    place: f"fghv.{name}" for name, place in FGHV_CONSTANTS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What is trained and for how long.

    `name` is the model's name in its contract; `network` a key of MODELS, built with the section [arguments].
    """

    name: str
    network: str
    steps: int
    seed: int = 1
    version: str = "0.1.0"
    save_every: int = 250  # steps between checkpoints
    log_every: int = 20
    backbone: Literal["trained", "frozen"] = "trained"  # frozen: stage 2, with the backbone of --init
    ema: float = 0.0  # decay of the average of the weights that is evaluated and shipped; 0 turns it off
    batch_norm: Literal["moving", "frozen"] = "moving"  # frozen: statistics as the first weights have them
    start_depth: Literal["label mean", "as drawn"] = (
        "label mean"  # of the first maps, see networks.start_depth
    )
    loggers: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ("tensorboard",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """`size` clips a device at once, `accumulate` times before the weights move.

    `order` "balanced" draws with replacement: a share `bona_fide` of them bona fide, the `attacks` of each
    instrument "equally" often, or as often "as prepared", and so the `domains`, within each class; "equally"
    refuses a set of one domain, "equally if several" balances its classes alone. `order` "epochs" goes
    through all clips in a new random order each epoch, as the papers' code does, and balances nothing.

    `clips_bona_fide` and `clips_attack`: about so many of each presentation, spread over it, anew each epoch
    (FAS-SGTD's code: 16 and 4 single frames, 14 and 2 clips of several), for the order "epochs"; 0 takes all.
    """

    size: int
    accumulate: int = 1
    order: Literal["balanced", "epochs"] = "balanced"
    bona_fide: float = 0.5
    attacks: Literal["equally", "as prepared"] = "equally"
    domains: Literal["equally", "equally if several", "as prepared"] = "as prepared"
    clips_bona_fide: int = 0
    clips_attack: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Weights of the terms. FAS-SGTD, stage 1: 1 EDL + 0.5 CDL. Stage 2: 0.2 (EDL + CDL) + 0.8 CE.

    The published code sums the depth terms of four maps and divides by five: its 0.2 is 0.16 here, where they
    are averaged. `attack_depth`: what the depth of an attack is pulled to, "zeros" or its "true" depth.
    `contrast_padding`: "zeros" as FAS-SGTD's code has it, "none" as CDCN's: only places with all eight
    neighbours count. `pixels`: of networks that mark places (DeepPixBiS). `double_softmax`: cross entropy of
    the softmax of the classes, as FAS-SGTD's published code has it.

    FGHV: 1 RCC (`relative`) + 1 VAR (`variance`) + 1 DDC (`distribution`), see models.hypotheses. Training
    stops when the mean cosine between generated features of real faces reaches `collapse`; 0 never stops it.

    Across domains (models.across): `triplet` and `adversarial` (SSDG), `assembly` (SSAN), `separate` and
    `own_domain` (SA-FAS). They count in training alone; where dev is judged, `own_domain` is cross entropy.
    """

    absolute: float = 1.0
    contrast: float = 0.5
    contrast_padding: Literal["zeros", "none"] = "zeros"
    binary: float = 0.0
    pixels: float = 0.0
    double_softmax: bool = False
    attack_depth: Literal["zeros", "true"] = "zeros"
    relative: float = 0.0
    relative_form: Literal["softmax", "linear", "hinge"] = "softmax"
    relative_margin: float = 1.0  # of the hinge, in cosines
    variance: float = 0.0
    variance_of: Literal["bona fide", "both"] = "bona fide"
    distribution: float = 0.0
    distribution_margin: float = 0.9  # the mean cosine of real features up to which it is raised
    collapse: float = 0.0
    triplet: float = 0.0
    triplet_margin: float = 0.1  # of distances
    adversarial: float = 0.0
    adversarial_of: Literal["bona fide", "both"] = "bona fide"
    assembly: float = 0.0
    separate: float = 0.0
    separate_tau: float = 0.1
    own_domain: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSettings:
    """How the linear head of an encoder is fitted (training.head), before the steps of the loop.

    `strength` is C of logistic regression, small for strong L2; 0 leaves the head to the loop. The rows'
    weights sum to `rows`, so that C means the same with more of them. `shares`: what each set of --data, in
    order, has of the whole weight; without any, as much as it has rows; 0 leaves a set out of the fit.
    `blind_to` names sets of real bona fide pictures by their folders: what tells them from the simulated bona
    fide of the other sets is hidden from the head (training.head.realism_direction). Features of tight
    pictures count 1 + `tight_gain` times, and their logits are moved (training.head.with_framing), so that
    scores of both framings compare. `detail` is C
    for what the detail adds, where the encoder looks twice ([arguments] detail).
    """

    strength: float = 0.0
    detail: float = 3e-5
    rows: int = 10_000
    shares: tuple[float, ...] = ()
    blind_to: tuple[str, ...] = ()
    tight_gain: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """`decay` is L2 on the kernels of convolutions and dense layers, not of the GRU, in the gradient,
    as TensorFlow's slim has it; `momentum` is sgd's alone.
    """

    kind: Literal["adam", "adadelta", "sgd"] = "adam"
    rate: float = 1e-4
    momentum: float = 0.9
    decay: float = 5e-4
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: int = 0  # steps
    clip_norm: float = 0.0  # of the whole gradient; 0 turns it off


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """When dev is scored and what becomes of it.

    `keep`: ship the weights of the "best" evaluation (lowest dev EER, then lowest dev loss) or of the "last"
    step. Operating points: "default" and "strict" where the worst family of instruments has the APCER
    `default_apcer` and `strict_apcer`, "lenient" at the BPCER `lenient_bpcer`.
    `patience`: so many evaluations without a better one end the run; 0 never does.
    `worst`: what the APCER in results.csv is the worst of, each "instrument", each "family", or what the
    "protocol" that the clips were prepared by defines (OULU-NPU: family).
    `early_error`: share of single clips that may fall on the wrong side of threshold +- margin.
    `calibrate`: "platt" ships a map that makes 0.5 of the default point's threshold (training.calibrated).
    """

    every: int = 500
    batch: int = 16
    keep: Literal["best", "last"] = "best"
    patience: int = 0
    worst: Literal["protocol", "instrument", "family"] = "protocol"
    default_apcer: float = 0.2
    strict_apcer: float = 0.05
    lenient_bpcer: float = 0.02
    early_error: float = 0.01
    calibrate: Literal["none", "platt"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """What Fabric runs on. `threads` 0 leaves torch's choice; `channels_last` is the faster layout.

    `devices` of this machine, of each of `nodes` machines; under torchrun its own numbers count.
    """

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    channels_last: bool = True
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All sections of a run."""

    run: RunSettings
    batches: Batches
    clip: ClipSpec = field(default_factory=ClipSpec)  # how recordings are cut; prepared sets carry their own
    loss: Loss = field(default_factory=Loss)
    head: HeadSettings = field(default_factory=HeadSettings)
    optimiser: Optimiser = field(default_factory=Optimiser)
    augmentation: Augmentation = field(default_factory=Augmentation)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    compute: Compute = field(default_factory=Compute)
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the network: scalars and lists

    def __post_init__(self) -> None:
        refuse_out_of_range(asdict(self))
        for key, text in (("name", self.run.name), ("version", self.run.version)):
            if not text.strip():  # the contract of the weights would name no model
                raise SettingsError(f"[run] {key} is empty; give the model a {key}")
        shares = self.head.shares
        if shares and not (all(math.isfinite(share) and share >= 0 for share in shares) and any(shares)):
            raise SettingsError(f"[head] shares must be 0 or more, one of them above 0, not {list(shares)}")
        thinned = self.batches.clips_bona_fide or self.batches.clips_attack
        if thinned and self.batches.order == "balanced":
            raise SettingsError(
                "[batches] clips_bona_fide and clips_attack thin an epoch, but the order is 'balanced'; set "
                'order = "epochs"'
            )
        if self.batches.domains == "equally" and self.batches.order == "epochs":
            raise SettingsError(
                "[batches] domains come equally only in the order 'balanced', not 'epochs'; drop one of both"
            )


def presets() -> dict[str, Path]:
    """The settings that come with the package: file name -> path."""
    return {
        entry.name: Path(str(entry))
        for entry in (files(__package__) / "presets").iterdir()
        if entry.name.endswith(".toml")
    }


def read_settings(config: str | Path, *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of a TOML file, or of a preset of that name; `overrides` maps "section.key" to a value."""
    path = Path(config)
    if not path.is_file():
        known = presets()
        path = known.get(path.name) or known.get(f"{path.name}.toml") or path
    refuse_special(path, error=SettingsError)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{config} does not exist and is not a preset; the presets are "
            f"{', '.join(name.removesuffix('.toml') for name in sorted(presets()))}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise SettingsError(f"{path} is not TOML ({broken}); correct it there") from broken
    for place, value in (overrides or {}).items():
        section, _, key = place.partition(".")
        _refuse_change(section, key, value)
        if other := _OTHER_NAMES.get(place):  # the same thing: the change is of both
            if other in (overrides or {}):
                raise SettingsError(f"{place} and {other} are one thing; set one of them")
            elsewhere, _, name = other.partition(".")
            if isinstance(given.get(elsewhere), dict):
                given[elsewhere].pop(name, None)
        given.setdefault(section, {})[key] = value
    return from_mapping(given, origin=str(path))


def _refuse_change(section: str, key: str, value: Any) -> None:
    """A change that names no setting, or is of another kind, is its own mistake and not that of the file."""
    kinds = get_type_hints(Settings)
    known = sorted([*kinds, "fghv"])
    if section not in known:
        raise SettingsError(
            f"{section}.{key}={value}: there is no section {section!r}; there are {', '.join(known)}"
        )
    if section == "fghv" and key not in FGHV_CONSTANTS:
        raise SettingsError(
            f"fghv.{key}={value}: [fghv] has no {key!r}; it knows {', '.join(FGHV_CONSTANTS)}"
        )
    target, _, name = FGHV_CONSTANTS[key].partition(".") if section == "fghv" else (section, "", key)
    if target != "arguments":  # the network's, which training.networks checks
        value_of(kinds[target], name, value, where=f"{section}.{key}={value}")


def changes_of(words: Sequence[str], *, option: str = "--set") -> dict[str, Any]:
    """What "section.key=value" says, as `overrides`; a value is written as in TOML, a string may be bare.

    SettingsError names the `option` that it came by.

    >>> changes_of(["run.steps=20", "optimiser.kind=sgd", "arguments.pools=[1, 1, 1]"])
    {'run.steps': 20, 'optimiser.kind': 'sgd', 'arguments.pools': [1, 1, 1]}
    """
    found: dict[str, Any] = {}
    for word in words:
        place, equals, text = word.partition("=")
        section, point, key = place.strip().partition(".")
        if not (equals and point and section and key) or "." in key:
            raise SettingsError(f"{option} takes section.key=value, as run.steps=200, not {word!r}")
        place = place.strip()
        if place in found:
            raise SettingsError(f"{option} gives {place} twice; give each key once")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()  # a bare string; its key says whether it may be one
        found[place] = value
    return found


def described() -> dict[str, str]:
    """Preset without .toml -> the first sentence of its file, which says what it is."""
    found = {}
    for name, path in sorted(presets().items()):
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = " ".join(
            line.removeprefix("#").strip() for line in takewhile(lambda x: x[:1] == "#", lines)
        )
        found[name.removesuffix(".toml")] = f"{comment.partition('. ')[0].rstrip('.')}."
    return found


def from_mapping(given: Mapping[str, Mapping[str, Any]], *, origin: str) -> Settings:
    """Settings of nested mappings; SettingsError names the first section or key that is unknown, missing or
    of a wrong kind.

    >>> run = {"name": "x", "network": "sgtd_s_single", "steps": 9}
    >>> from_mapping({"run": run, "batches": {"size": 8}}, origin="example").run.steps
    9
    """
    kinds = get_type_hints(Settings)
    kinds.pop("arguments")
    given = _unfolded(given, origin=origin)
    arguments = given.pop("arguments", {})
    if unknown := sorted(given.keys() - kinds.keys()):
        raise SettingsError(f"{origin} has sections {unknown}; it may have {sorted([*kinds, 'arguments'])}")
    for section, values in {**given, "arguments": arguments}.items():
        if not isinstance(values, Mapping):
            raise SettingsError(f"{origin}: {section} must be a section, not {values!r}; write [{section}]")
    return Settings(
        **{
            section: record_of(kind, given.get(section, {}), where=f"{origin}: [{section}]")
            for section, kind in kinds.items()
        },
        arguments=arguments,
    )


def _unfolded(given: Mapping[str, Any], *, origin: str) -> dict[str, Any]:
    """The sections with what [fghv] says by the paper's names put where it belongs."""
    found = dict(given)
    constants = found.pop("fghv", {})
    if not isinstance(constants, Mapping):
        raise SettingsError(f"{origin}: fghv must be a section, not {constants!r}; write [fghv]")
    for name, value in constants.items():
        if name not in FGHV_CONSTANTS:
            raise SettingsError(f"{origin}: [fghv] has no {name!r}; it knows {list(FGHV_CONSTANTS)}")
        section, _, key = FGHV_CONSTANTS[name].partition(".")
        values = found.get(section, {})
        if isinstance(values, Mapping) and key in values:
            raise SettingsError(f"{origin}: [fghv] {name} and [{section}] {key} are one thing; keep one")
        found[section] = {**values, key: value}
    return found


def to_toml(settings: Settings) -> str:
    """The resolved settings as TOML, every key present."""
    lines = []
    for section, values in asdict(settings).items():
        lines.append(f"[{section}]")
        lines += [
            f"{key} = {json.dumps(value)}" for key, value in values.items()
        ]  # JSON's scalars and lists are TOML's
        lines.append("")
    return "\n".join(lines)
