"""What a run leaves beside its weights: settings, environment with commit, metrics."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from unmask.files import write_bytes
from unmask.plain import as_csv
from unmask.training.checkpoint import CHECKPOINT, History
from unmask.training.settings import Settings, from_mapping, to_toml
from unmask.types import SettingsError

SETTINGS = "settings.toml"
ENVIRONMENT = "environment.json"
METRICS = "metrics.csv"
CHANCE = "chance"  # what a run without first weights starts from
PACKAGES = (
    "unmask",
    "torch",
    "lightning",
    "numpy",
    "opencv-python-headless",
    "safetensors",
    "onnx",
    "openvino",
)
COLUMNS = ("step", "loss", "dev_loss", "dev_auc", "dev_eer", "dev_acer", "dev_bpcer", "dev_worst_apcer")


def goes_on(
    out: Path, settings: Settings, *, resume: bool, clips: str = "", first: str | None = None
) -> bool:
    """Whether there is a checkpoint to go on from; SettingsError where the folder is another run's.

    `clips`: the fingerprint of what it is to learn from, once that is known; `first`: what it is to start
    from, as `origin_of` gives it, or None where that is not said again.
    """
    written = out / SETTINGS
    if not resume:
        if written.exists():
            raise SettingsError(f"{out} holds a run already; go on with --resume or name another folder")
    elif not written.is_file():
        raise SettingsError(f"{out} holds no run to resume; start one without --resume")
    elif (text := written.read_text(encoding="utf-8")) != to_toml(settings):
        _refuse_other(from_mapping(tomllib.loads(text), origin=str(written)), settings, written=written)
    if resume and clips and _noted(out, "clips", clips) != clips:
        raise SettingsError(
            f"the run in {out} learns from other clips than those given; give it its own --data"
        )
    begun = (out / CHECKPOINT).is_file()
    first = CHANCE if first is None and not begun else first  # killed before its first one, it starts anew
    if resume and first is not None and _noted(out, "first_weights", first) != first:
        raise SettingsError(
            f"the run in {out} began from other first weights than --init gives; give its own, or name "
            "another folder"
        )
    return resume and begun


def mark_folder(out: Path, settings: Settings, *, clips: str, first: str | None) -> None:
    """Marks the folder as that of a run of these settings on clips of that fingerprint, from `first`; with
    None the note of the run that goes on stays.
    """
    first = _noted(out, "first_weights", "") if first is None else first
    write_bytes(out / SETTINGS, to_toml(settings).encode())
    known = {**environment(), "clips": clips, "first_weights": first}
    write_bytes(out / ENVIRONMENT, json.dumps(known, indent=2).encode())


def origin_of(init: str | Path | None) -> str | None:
    """What a run is told to start from: CHANCE, of a file its SHA-256, else the name, as "imagenet"; None
    where a file is there no more.
    """
    if init is None:
        return CHANCE
    kind, colon, rest = str(init).rpartition(":")
    path = Path(rest)
    if path.is_file():
        with path.open("rb") as content:
            return f"{kind}{colon}{hashlib.file_digest(content, 'sha256').hexdigest()}"
    return None if path.suffix else str(init)


def said_first(init: str | Path | None, *, resume: bool) -> str | None:
    """What is said of first weights: a run that goes on need not be told of its own again."""
    return None if resume and init is None else origin_of(init)


def _noted(out: Path, key: str, default: str) -> str:
    """What is kept of the run in `out` under `key`; `default` of one that was begun before it was kept."""
    try:
        return str(json.loads((out / ENVIRONMENT).read_text(encoding="utf-8"))[key] or default)
    except (OSError, ValueError, KeyError, TypeError):
        return default


def _refuse_other(old: Settings, new: Settings, *, written: Path) -> None:
    """SettingsError where a resumed run is given other settings than its own, or fewer steps."""
    if replace(old, run=replace(old.run, steps=new.run.steps)) != new:
        raise SettingsError(
            f"{written} differs from the settings given; a resumed run keeps its own, but for run.steps"
        )
    if new.run.steps < old.run.steps:
        raise SettingsError(
            f"the run is of {old.run.steps} steps, and {new.run.steps} are fewer; it can only be made longer"
        )


def environment() -> dict[str, object]:
    """What made the numbers: versions, machine, commit and command; of a resumed run the last of them."""
    found: dict[str, object] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "commit": commit(),
        "python": platform.python_version(),
        "packages": found,
        "system": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())],
    }


def commit() -> str:
    """The commit of the source tree that trains; "" outside a repository."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def write_metrics(out: Path, history: History) -> None:
    """The whole history as CSV: a row for each mean loss, and for each evaluation."""
    rows: list[tuple[int, list[object]]] = [
        (step, [step, loss, *[""] * (len(COLUMNS) - 2)]) for step, loss in history.losses
    ]
    for dev in history.evaluations:
        rates = [dev.loss, dev.auc, dev.eer, dev.acer, dev.bpcer, max(dev.apcer.values())]
        rows.append((dev.step, [dev.step, "", *rates]))
    table = [row for _, row in sorted(rows, key=lambda row: row[0])]
    write_bytes(out / METRICS, as_csv([COLUMNS, *table]).encode())
