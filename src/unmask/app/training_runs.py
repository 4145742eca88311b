"""The trainings of `unmask train`: prepared clips -> weights with their contract -> an ONNX file."""

import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unmask.app.precision import add_bf16_points
from unmask.app.progress import adding, bar, losses, say
from unmask.app.train_options import TrainOptions
from unmask.app.training_sets import prepared, training_data
from unmask.contract import LONGEST_TEXT
from unmask.data.prepare.prepared import PREPARATION, PreparedSet, protocol_of
from unmask.data.prepare.selection import select, unselect
from unmask.files import keep_inputs
from unmask.training.finish import MODEL, WEIGHTS, Finished, finish
from unmask.training.loop import is_rank_zero, refuse_start, train
from unmask.training.networks import refuse_unfit
from unmask.training.on_ray import train_on_ray
from unmask.training.results import RESULTS, Result, read_results, write_results, write_summary
from unmask.training.run_folder import SETTINGS, said_first
from unmask.training.sets import has_part, part_of
from unmask.training.settings import Settings, changes_of, read_settings
from unmask.types import SettingsError, UnmaskError

PREPARED = "prepared"  # below --out: clips of a labelled folder
SETS = "sets"  # below --out: lists of a protocol's parts


def train_all(options: TrainOptions) -> int:
    """Trains once, or once a seed, and names the files that came of it."""
    data: Sequence[Path] = (*options.folders, *options.data)
    if not data:
        raise SettingsError(
            "a training learns from a folder of prepared clips or of labelled recordings, and none is named; "
            f"write `unmask train FOLDER --config {options.config} --out {options.out}`"
        )
    out, resume = options.out, options.resume
    files = {name: out / name for name in (WEIGHTS, MODEL, RESULTS, SETTINGS)}
    keep_inputs({"--out": out, **({} if resume else files)}, [options.init, Path(options.config), *data])
    overrides = changes_of(options.changes)
    if options.steps:
        if "run.steps" in overrides:
            raise SettingsError("--steps and --set run.steps are one thing; give one of them")
        overrides["run.steps"] = options.steps
    settings = read_settings(options.config, overrides=overrides)
    refuse_unfit(settings)  # before anything is written
    runs = _runs(settings, options)
    if is_rank_zero():
        for run in runs:
            first = said_first(options.init, resume=run.resume)
            refuse_start(
                run.settings,
                run.out,
                resume=run.resume,
                init=options.init,
                first=first,
                here=not options.ray,
            )
    found: dict[int, list[Result]] = {}
    made = out / PREPARED
    new_clips, new_lists = not made.exists(), not (out / SETS / PREPARATION).exists()
    sets: list[Path] = []
    try:
        if options.protocol:
            data = [_selected(data, options)]
        sets += [prepared(folder, made, settings=settings, alone=len(data) == 1) for folder in data]
        for run in runs:
            if not _is_done(run):
                _one(run, options, data=data, sets=sets)
            if options.seeds > 1 and is_rank_zero():
                found[run.settings.run.seed] = read_results(run.out)
    except UnmaskError:
        _leave_nothing(runs, out, clips=new_clips and made in sets, lists=new_lists)
        raise
    if found:
        _print_summary(write_summary(out, found), count=options.seeds)
    return 0


@dataclass(frozen=True, kw_only=True)
class _PlannedTraining:
    settings: Settings
    out: Path
    resume: bool
    one_of: int  # so many seeds


def _runs(settings: Settings, options: TrainOptions) -> list[_PlannedTraining]:
    """The one run in --out, or one in a folder of its own for each seed, of which some may not be begun."""
    if options.seeds == 1:
        return [_PlannedTraining(settings=settings, out=options.out, resume=options.resume, one_of=1)]
    runs = []
    for seed in range(settings.run.seed, settings.run.seed + options.seeds):
        folder, its = options.out / f"seed-{seed}", replace(settings, run=replace(settings.run, seed=seed))
        resume = options.resume and (folder / SETTINGS).is_file()
        runs.append(_PlannedTraining(settings=its, out=folder, resume=resume, one_of=options.seeds))
    return runs


def _is_done(run: _PlannedTraining) -> bool:
    """Whether that seed is there already, with these settings; one that is to be longer is not."""
    there = run.one_of > 1 and run.resume and (run.out / RESULTS).is_file()
    return there and read_settings(run.out / SETTINGS) == run.settings


def _selected(data: Sequence[Path], options: TrainOptions) -> Path:
    """The parts of the protocol in the run's folder; what another protocol left there is kept."""
    out = options.out / SETS
    if (there := protocol_of(out)) not in ("", options.protocol):
        raise SettingsError(
            f"the run in {options.out} is of {there}, not of {options.protocol}; name another --out"
        )
    for note in select(data, protocol=options.protocol, out=out):
        say(f"{options.protocol}: {note}; rates on it are not those of the papers")
    return out


def _leave_nothing(runs: Sequence[_PlannedTraining], out: Path, *, clips: bool, lists: bool) -> None:
    """Takes away the lists of the protocol's parts, and the clips that were made of recordings on the way,
    where no run has begun that needs them. A preparation that was broken off stays, to go on with.
    """
    if not is_rank_zero() or any((run.out / SETTINGS).exists() for run in runs):
        return
    if lists:
        unselect(out / SETS)
    if clips:
        say("the clips that were cut on the way are taken away again; `unmask prepare` makes lasting ones")
        shutil.rmtree(out / PREPARED)
    if out.is_dir() and not any(out.iterdir()):
        out.rmdir()


def _one(run: _PlannedTraining, options: TrainOptions, *, data: Sequence[Path], sets: Sequence[Path]) -> None:
    """One run to its weights, its ONNX file and its results."""
    settings, out, resume = run.settings, run.out, run.resume
    if options.ray:
        train_on_ray(settings, data=sets, out=out, workers=options.ray, resume=resume, init=options.init)
    else:
        with losses(f"training {settings.run.name}, seed {settings.run.seed}") as advance:
            train(settings, data=sets, out=out, resume=resume, init=options.init, progress=advance)
    if not is_rank_zero():
        return
    # A resumed run leaves the bytes of an unbroken one, to the command that its model cites.
    command = shlex.join(["unmask", *(word for word in sys.argv[1:] if word != "--resume")])[:LONGEST_TEXT]
    material = [row for folder in data for row in training_data(folder)]
    dev = part_of(sets, "dev")
    test = len(part_of(sets, "test").rows) if has_part(sets, "test") else 0
    with bar("fitting thresholds, and measuring on test") as advance:
        scored = adding(advance, 4 * len(dev.rows) + 2 * test)
        finished = finish(out, data=sets, training_data=material, command=command, scored=scored)
        if finished.uncalibrated:
            say(f"unmask: the model has no map of scores: {finished.uncalibrated}")
        _add_bf16(finished, dev, settings, scored=scored)
        results = write_results(out, data=sets, scored=scored)
    for result in results:
        say(_sentence(result))
    print(finished.weights)
    print(finished.model)


def _add_bf16(
    finished: Finished, dev: PreparedSet, settings: Settings, *, scored: Callable[[int], None]
) -> None:
    """Points for bf16, or a warning: what this machine cannot run in bf16 it runs in f32."""
    try:
        add_bf16_points(
            finished.model, finished.weights, dev=dev, settings=settings.evaluation, scored=scored
        )
    except (UnmaskError, RuntimeError) as unfit:
        say(
            f"unmask: the model has no operating points for bf16, since its check in bf16 failed ({unfit}); "
            "run it with --precision f32"
        )


def _sentence(result: Result) -> str:
    threshold = {
        "dev": "threshold from dev",
        "oracle": "ORACLE threshold, the least ACER on test",
        "test-eer": "EER threshold of TEST",
    }
    return (
        f"{result.weights} weights (step {result.step}), {result.part}, {threshold[result.threshold_from]}: "
        f"AUC {result.auc:.4f}, EER {result.eer:.2%}, ACER {result.acer:.2%}, BPCER {result.bpcer:.2%} of "
        f"{result.bona_fide}, APCER {result.worst_apcer:.2%} ({result.worst_instrument}, the worst "
        f"{result.worst_of})"
    )


def _print_summary(rows: Sequence[dict[str, object]], *, count: int) -> None:
    print(f"mean and deviation over {count} seeds")
    for row in rows:
        where = f"{row['weights']:4s} {row['part']:4s} threshold: {row['threshold_from']:8s}"
        print(f"{where} {row['figure']:11s} {row['mean']:8.4f} +- {row['deviation']:.4f}")
