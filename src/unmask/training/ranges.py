"""What each number of the settings may be; the sections `clip` and `augmentation` check their own."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from unmask.types import SettingsError

Holds = Callable[[Any], bool]
LAST_SEED = 2**31 - 1  # torch is seeded with a million times the seed, and its seeds have 64 bits

RANGES: tuple[tuple[str, Holds, tuple[str, ...]], ...] = (  # the rule in words, the rule, "section.key"
    (
        "at least 1",
        lambda value: value >= 1,
        (
            *("run.steps", "run.save_every", "run.log_every", "batches.accumulate", "evaluation.every"),
            *("evaluation.batch", "compute.devices", "compute.nodes", "head.rows"),
        ),
    ),
    ("at least 2", lambda value: value >= 2, ("batches.size",)),
    (
        "at least 0",
        lambda value: value >= 0,
        (
            *("batches.clips_bona_fide", "batches.clips_attack", "head.strength", "head.tight_gain"),
            *("optimiser.warmup", "optimiser.clip_norm", "optimiser.decay", "evaluation.patience"),
            *("compute.threads", "loss.absolute", "loss.contrast", "loss.binary", "loss.pixels"),
            *("loss.relative", "loss.relative_margin", "loss.variance", "loss.distribution"),
            *("loss.triplet", "loss.triplet_margin", "loss.adversarial", "loss.assembly"),
            *("loss.separate", "loss.own_domain"),
        ),
    ),
    ("above 0", lambda value: value > 0, ("optimiser.rate", "head.detail", "loss.separate_tau")),
    ("in (0, 1)", lambda value: 0 < value < 1, ("batches.bona_fide", "evaluation.early_error")),
    ("in [0, 1)", lambda value: 0 <= value < 1, ("optimiser.momentum", "run.ema")),
    (
        "in [0, 1]",
        lambda value: 0 <= value <= 1,
        (
            *("loss.collapse", "evaluation.default_apcer", "evaluation.strict_apcer"),
            "evaluation.lenient_bpcer",
        ),
    ),
    ("a cosine, in [-1, 1]", lambda value: -1 <= value <= 1, ("loss.distribution_margin",)),
    (f"from 0 to {LAST_SEED}", lambda value: 0 <= value <= LAST_SEED, ("run.seed",)),
)


ARGUMENTS: tuple[tuple[str, Holds, tuple[str, ...]], ...] = (  # of networks; a name means one thing in all
    (
        "at least 1",
        lambda value: value >= 1,
        (
            *("size_px", "patch", "layers", "embedding", "text_width", "text_layers", "growth", "shrink"),
            *("narrow", "decoder", "domains", "reversal_steps", "pools", "draws", "latent"),
        ),
    ),
    ("at least 2", lambda value: value >= 2, ("frames",)),
    ("at least 0", lambda value: value >= 0, ("align_after",)),
    ("above 0", lambda value: value > 0, ("width", "tau", "channels")),
    ("in [0, 1]", lambda value: 0 <= value <= 1, ("alpha", "theta")),
    ("in (0, 1]", lambda value: 0 < value <= 1, ("momentum",)),
    ("in [0, 1)", lambda value: 0 <= value < 1, ("drop",)),
)


def refuse_arguments_out_of_range(arguments: Mapping[str, Any]) -> None:
    """SettingsError names the first number, or number of a list, that is outside its range."""
    for rule, holds, names in ARGUMENTS:
        for name in arguments.keys() & set(names):
            value = arguments[name]
            if not all(map(holds, value if isinstance(value, tuple) else (value,))):
                raise SettingsError(f"[arguments] {name} must be {rule}, not {value}")


def refuse_out_of_range(sections: Mapping[str, Mapping[str, Any]]) -> None:
    """SettingsError names the first number that is not finite or outside its range."""
    for rule, holds, places in RANGES:
        for place in places:
            section, _, key = place.partition(".")
            value = sections[section][key]
            if not (math.isfinite(value) and holds(value)):
                raise SettingsError(f"[{section}] {key} must be {rule}, not {value}")
