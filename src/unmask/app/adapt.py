"""Refit a model's head to a handful of captures of your own camera, and say what that gained."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from unmask.app.options import InferenceOptions, ModelOut
from unmask.app.progress import bar, say
from unmask.app.render import console
from unmask.app.selftest_report import planned_captures
from unmask.data.folder import LABELS, read_labels
from unmask.detector.detector import Detector, model_paths
from unmask.detector.scoring import without_early_stop
from unmask.evaluation.adapt import Adapted, Capture, adapt as fitted, check_counts, read_head, write_adapted
from unmask.files import keep_inputs, name_below
from unmask.types import DataError, Decision, Label, ModelError, Presentation, SourceError


@dataclass(frozen=True, kw_only=True)
class AdaptOptions(InferenceOptions):
    """The options of the command."""

    model: Annotated[
        Path,
        typer.Argument(
            help="Exported .onnx file with a linear head; `default` is the packaged one.", metavar="MODEL"
        ),
    ]
    folder: Annotated[
        Path,
        typer.Argument(
            help="3 to 20 bona fide captures of your own camera and as many attacks, with labels.csv.",
            metavar="LABELLED_FOLDER",
        ),
    ]
    out: ModelOut
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV with path,label,instrument,subject; FOLDER/labels.csv if not given."),
    ] = None
    plan: Annotated[
        Path | None,
        typer.Option(
            help="Plan of `unmask selftest plan` whose names the captures bear, in place of labels."
        ),
    ] = None


def adapt(options: AdaptOptions) -> int:
    """Reads the captures, fits the head, writes the new file, says what it gained; 0 once that is done."""
    path, folder = _one_file(options.model), options.folder
    keep_inputs({"--out": options.out}, [path])
    head, contract = read_head(path)
    presentations = _presentations(folder, options)
    keep_inputs({"--out": options.out}, [folder / LABELS, *(p.path for p in presentations)])
    attacks = sum(p.label is Label.ATTACK for p in presentations)
    check_counts(len(presentations) - attacks, attacks)
    contents = contents_of(presentations, folder)
    captures = read_captures(path, presentations, folder=folder, options=options, contents=contents)
    with bar("refitting, with each group left out in turn") as advance:
        made = fitted(
            head,
            contract,
            captures,
            precision=options.precision,
            source=folder.resolve().name,  # not the path: the contract travels
            day=date.today().isoformat(),
            progress=advance,
        )
        written = write_adapted(path, made, options.out)
    show(made, captures)
    say(f"model: {options.out}, {written.name} {written.version}")
    return 0


def contents_of(presentations: Sequence[Presentation], folder: Path) -> dict[str, frozenset[str]]:
    """The SHA-256 of each capture's files by its path; DataError where one file is in both classes."""
    contents = {p.path: frozenset(_digests(Path(p.path))) for p in presentations}
    classes: dict[str, dict[Label, str]] = {}
    for p in presentations:
        for digest in contents[p.path]:
            classes.setdefault(digest, {}).setdefault(p.label, p.path)
    if both := next((found for found in classes.values() if len(found) > 1), None):
        names = " and ".join(name_below(folder, path) for path in both.values())
        raise DataError(
            f"a picture is bona fide or an attack, and {names} are the same file in both classes; "
            "correct the labels"
        )
    return contents


def read_captures(
    model: Path,
    presentations: Sequence[Presentation],
    *,
    folder: Path,
    options: AdaptOptions,
    contents: Mapping[str, frozenset[str]],
) -> list[Capture]:
    """What the model sees in each capture; DataError where one shows no face that it can use."""
    detector = without_early_stop(
        Detector.load(model, precision=options.precision, device=options.device, with_features=True)
    )
    groups = _groups(presentations, contents)
    captures: list[Capture] = []
    faceless: list[str] = []
    with bar(f"reading {folder}") as advance:
        for count, presentation in enumerate(presentations, start=1):
            name, group = name_below(folder, presentation.path), groups[presentation.path]
            decision = _decision(detector, presentation, fps=options.fps)
            capture = _capture(decision, presentation, name=name, group=group, detector=detector)
            if capture is None:
                faceless.append(f"{name} ({', '.join(decision.reasons)})")
            else:
                captures.append(capture)
            advance(count, len(presentations))
    if faceless:
        more = f" and {len(faceless) - 1} more" if len(faceless) > 1 else ""
        raise DataError(
            f"every capture must show a face that can be judged, and {faceless[0]}{more} does not; capture "
            "it again, or take it out of the labels"
        )
    return captures


def _capture(
    decision: Decision, presentation: Presentation, *, name: str, group: str, detector: Detector
) -> Capture | None:
    """What the decision saw; None where no clip was scored."""
    features, scores = [], []
    for clip in (clip for face in decision.faces[:1] for clip in face.clips):
        if clip.features is not None:
            features.append(clip.features)
            scores.append(_raw(clip.score, detector))
    if not features:
        return None
    return Capture(
        presentation=replace(presentation, path=name),
        group=group,
        features=np.stack(features),
        scores=np.array(scores),
    )


def show(made: Adapted, captures: Sequence[Capture]) -> None:
    """The figures before and after, and a warning where nothing was gained."""
    drawn = Table(box=None, pad_edge=False)
    for name in ("at the default threshold", "as it was", "adapted, left out"):
        drawn.add_column(name, header_style="dim", justify="left" if name.startswith("at") else "right")
    before, after = made.before, made.after
    attacks = sum(not capture.bona_fide for capture in captures)
    for title, old, new, count in (
        ("attacks accepted", before.apcer, after.apcer, attacks),
        ("bona fide refused", before.bpcer, after.bpcer, len(captures) - attacks),
    ):
        drawn.add_row(title, f"{round(old * count)} of {count}", f"{round(new * count)} of {count}")
    drawn.add_row("AUC", f"{before.auc:.3f}", f"{after.auc:.3f}")
    console().print(drawn)
    groups = len({capture.group for capture in captures})
    say(f"left out in turn: {groups} groups, which are subjects, or captures where fewer than two are named")
    if math.isinf(made.strength):
        say(
            "the head's weights stay as they are, since the captures left out do not clearly ask for others; "
            "its scores are calibrated anew"
        )
    if not made.better:
        say(
            "unmask: the captures left out are judged no better than by the model as it was "
            f"(attacks accepted {before.apcer:.0%} and then {after.apcer:.0%}, bona fide refused "
            f"{before.bpcer:.0%} and {after.bpcer:.0%}, AUC {before.auc:.3f} and {after.auc:.3f}); keep the "
            "old model, or capture more people, places and instruments"
        )


def _one_file(model: Path) -> Path:
    paths = model_paths(model)
    single = [path for path in paths if len(paths) == 1 or "single" in path.name]
    if len(single) != 1:
        raise ModelError(f"{model} names {len(paths)} files; name the one that is to be adapted")
    return single[0]


def _presentations(folder: Path, options: AdaptOptions) -> list[Presentation]:
    if options.plan is None:
        return read_labels(folder, options.labels)
    if options.labels is not None:
        raise DataError("captures are named by a plan or by labels, not by both; leave one of them out")
    return planned_captures(options.plan, folder)


def _groups(presentations: Sequence[Presentation], contents: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """The group of each path: its subject, where several are known, else its content."""
    subjects = {p.subject for p in presentations}
    if len(subjects) > 1:
        return {p.path: p.subject or p.path for p in presentations}
    return {p.path: min(contents[p.path]) for p in presentations}


def _digests(path: Path) -> list[str]:
    files = [path] if path.is_file() else sorted(inner for inner in path.rglob("*") if inner.is_file())
    found = []
    for file in files:
        try:
            with file.open("rb") as opened:
                found.append(hashlib.file_digest(opened, "sha256").hexdigest())
        except OSError as broken:
            raise DataError(f"{file} cannot be read ({broken.strerror}); copy it again") from broken
    if not found:
        raise DataError(f"{path} is an empty folder; capture it again, or take it out of the labels")
    return found


def _decision(detector: Detector, presentation: Presentation, *, fps: float) -> Decision:
    try:
        return detector.check(presentation, fps=fps)
    except SourceError as unreadable:
        raise DataError(f"{unreadable}, or take it out of the labels") from unreadable


def _raw(score: float, detector: Detector) -> float:
    (contract,) = detector.contracts
    return contract.score_map.inverse(score) if contract.score_map else score
