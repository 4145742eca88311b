"""The settings of a training run: one TOML file, one frozen record a section, unknown keys are errors.

The resolved settings are saved beside the weights, so that a run can be started again from its own folder.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from unmask.training.augment import Augmentation
from unmask.types import ClipSpec, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """`size` clips a step and device, a share `bona_fide` of them bona fide.

    `attacks`: instruments "equally" often, or as often "as prepared".
    """

    size: int
    bona_fide: float = 0.5
    attacks: Literal["equally", "as prepared"] = "equally"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Weights of the terms (papers.md 4.5). Stage 1: 1 EDL + 0.5 CDL. Stage 2: 0.2 (EDL + CDL) + 0.8 CE.

    The published code sums the depth terms of four maps and divides by five: its 0.2 is 0.16 here, where they
    are averaged. `attack_depth`: what the depth of an attack is pulled to, "zeros" or its "true" depth.
    `pixels`: of networks that mark places (DeepPixBiS). `double_softmax`: cross entropy of the softmax of the
    classes, as FAS-SGTD's published code has it (papers.md 4.8, 6).
    """

    absolute: float = 1.0
    contrast: float = 0.5
    binary: float = 0.0
    pixels: float = 0.0
    double_softmax: bool = False
    attack_depth: Literal["zeros", "true"] = "zeros"


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """`decay` is L2 on the kernels of convolutions and dense layers, not of the GRU, in the gradient
    (papers.md 1.2); `momentum` is sgd's alone.
    """

    kind: Literal["adam", "adadelta", "sgd"] = "adam"
    rate: float = 1e-4
    momentum: float = 0.9
    decay: float = 5e-4
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: int = 0  # steps
    clip_norm: float = 0.0  # of the whole gradient; 0 turns it off


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """When dev is scored and what becomes of it.

    `keep`: ship the weights of the "best" evaluation (lowest dev EER, then lowest dev loss) or of the "last"
    step. Operating points: "default" and "strict" where the worst family of instruments has the APCER
    `default_apcer` and `strict_apcer`, "lenient" at the BPCER `lenient_bpcer`.
    `early_error`: share of single clips that may fall on the wrong side of threshold +- margin.
    """

    every: int = 500
    batch: int = 16
    keep: Literal["best", "last"] = "best"
    default_apcer: float = 0.2
    strict_apcer: float = 0.05
    lenient_bpcer: float = 0.02
    early_error: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """What Fabric runs on. `threads` 0 leaves torch's choice; `channels_last` is the faster layout."""

    accelerator: str = "auto"
    devices: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    channels_last: bool = True
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All sections of a run."""

    run: Run
    batches: Batches
    clip: ClipSpec = field(default_factory=ClipSpec)  # how recordings are cut; prepared sets carry their own
    loss: Loss = field(default_factory=Loss)
    optimiser: Optimiser = field(default_factory=Optimiser)
    augmentation: Augmentation = field(default_factory=Augmentation)
    evaluation: Evaluation = field(default_factory=Evaluation)
    compute: Compute = field(default_factory=Compute)
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the network: scalars and lists

    def __post_init__(self) -> None:
        for holds, rule in (
            (self.run.steps >= 1, f"[run] steps must be at least 1, not {self.run.steps}"),
            (self.batches.size >= 2, f"[batches] size must be at least 2, not {self.batches.size}"),
            (
                0 < self.batches.bona_fide < 1,
                f"[batches] bona_fide must lie in (0, 1), not {self.batches.bona_fide}",
            ),
            (self.optimiser.rate > 0, f"[optimiser] rate must be above 0, not {self.optimiser.rate}"),
            (
                0 <= self.optimiser.momentum < 1,
                f"[optimiser] momentum must lie in [0, 1), not {self.optimiser.momentum}",
            ),
            (0 <= self.run.ema < 1, f"[run] ema must lie in [0, 1), not {self.run.ema}"),
            (
                self.evaluation.every >= 1,
                f"[evaluation] every must be at least 1, not {self.evaluation.every}",
            ),
        ):
            if not holds:
                raise SettingsError(rule)


def presets() -> dict[str, Path]:
    """The settings that come with the package: file name -> path."""
    return {
        entry.name: Path(str(entry)) for entry in files(__package__).iterdir() if entry.name.endswith(".toml")
    }


def read_settings(config: str | Path, *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of a TOML file, or of a preset of that name; `overrides` maps "section.key" to a value."""
    path = Path(config)
    if not path.is_file():
        path = presets().get(path.name, path)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{config} does not exist and is no preset; the presets are {', '.join(sorted(presets()))}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise SettingsError(f"{path} is not TOML ({broken}); correct it there") from broken
    for place, value in (overrides or {}).items():
        section, _, key = place.partition(".")
        given.setdefault(section, {})[key] = value
    return from_mapping(given, origin=str(path))


def from_mapping(given: Mapping[str, Mapping[str, Any]], *, origin: str) -> Settings:
    """Settings of nested mappings; SettingsError names the first section or key that is unknown, missing or
    of a wrong kind.

    >>> run = {"name": "x", "network": "sgtd_s_single", "steps": 9}
    >>> from_mapping({"run": run, "batches": {"size": 8}}, origin="example").run.steps
    9
    """
    kinds = get_type_hints(Settings)
    kinds.pop("arguments")
    given = dict(given)
    arguments = given.pop("arguments", {})
    if unknown := sorted(given.keys() - kinds.keys()):
        raise SettingsError(f"{origin} has sections {unknown}; it may have {sorted([*kinds, 'arguments'])}")
    for section, values in {**given, "arguments": arguments}.items():
        if not isinstance(values, Mapping):
            raise SettingsError(f"{origin}: {section} must be a section, not {values!r}; write [{section}]")
    return Settings(
        **{
            section: _record(kind, given.get(section, {}), where=f"{origin}: [{section}]")
            for section, kind in kinds.items()
        },
        arguments=arguments,
    )


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


def _record(kind: type, given: Mapping[str, Any], *, where: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    if unknown := sorted(given.keys() - known.keys()):
        raise SettingsError(f"{where} has no {unknown}; it knows {sorted(known)}")
    required = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(required - given.keys()):
        raise SettingsError(f"{where} lacks {missing}; add them")
    hints = get_type_hints(kind)
    return kind(**{key: _value(hints[key], value, where=f"{where} {key}") for key, value in given.items()})


def _value(kind: Any, value: Any, *, where: str) -> Any:
    if choices := get_args(kind):
        if value in choices:
            return value
        raise SettingsError(f"{where} is {value!r}; it must be one of {list(choices)}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise SettingsError(f"{where} is {value!r}; it must be of the kind {kind.__name__}")
    return value
