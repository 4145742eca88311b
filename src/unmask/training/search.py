"""Settings by trials: Optuna proposes values for some settings, each trial is a short run, dev decides.

Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019; the proposals are
those of its tree-structured Parzen estimator. The journal of trials lies in the folder, so that a search that
was broken off goes on.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from unmask.files import write_bytes
from unmask.plain import as_csv
from unmask.training.checkpoint import CHECKPOINT, read
from unmask.training.loop import train
from unmask.training.run_folder import origin_of
from unmask.training.sets import Folders, Sets
from unmask.training.settings import Settings, changes_of, to_toml
from unmask.training.trainer import Progress, TrainingError
from unmask.types import SettingsError

JOURNAL = "journal.log"
TRIALS = "trials.csv"
BEST_SETTINGS = "best.toml"
DONE = ("COMPLETE", "PRUNED")  # states of a trial; one that was broken off is not
DECADE = 10  # from this ratio on a range is searched by its logarithm
Aim = Literal["eer", "auc", "loss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpace:
    """What one setting may be: one of `choices`, or between `low` and `high`, whole numbers or not."""

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    @property
    def ends(self) -> tuple[Any, ...]:
        """All choices, or both ends of the range: where these may be, all between may be."""
        return self.choices or (self.low, self.high)

    @property
    def log(self) -> bool:
        """Whether it is searched by its logarithm."""
        return self.low > 0 and self.high / self.low >= DECADE


def spaces_of(words: Sequence[str]) -> dict[str, SearchSpace]:
    """What "section.key=LOW..HIGH" and "section.key=A|B|C" say: place -> space.

    >>> spaces = spaces_of(["optimiser.rate=1e-4..1e-2", "batches.size=8|16", "run.ema=0..0.9"])
    >>> spaces["optimiser.rate"].log, spaces["batches.size"].choices, spaces["run.ema"].high
    (True, (8, 16), 0.9)
    """
    found: dict[str, SearchSpace] = {}
    for word in words:
        place, _, text = word.partition("=")
        place = place.strip()
        if place in found:
            raise SettingsError(f"--over gives {place} twice; give each key once")
        if ".." in text:
            low, high = (
                changes_of([f"{place}={part}"], option="--over")[place] for part in text.split("..", 1)
            )
            numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in (low, high))
            if not numbers or low >= high:
                raise SettingsError(f"--over takes {place}=LOW..HIGH, two rising numbers, not {text!r}")
            found[place] = SearchSpace(
                low=low, high=high, whole=isinstance(low, int) and isinstance(high, int)
            )
        else:
            choices = tuple(
                changes_of([f"{place}={part}"], option="--over")[place] for part in text.split("|")
            )
            if len(choices) < 2:
                raise SettingsError(f"--over takes {place}=LOW..HIGH or {place}=A|B, not {word!r}")
            found[place] = SearchSpace(choices=choices)
    if not found:
        raise SettingsError("a search needs something to vary; give --over section.key=LOW..HIGH or A|B")
    return found


def search(
    settings_of: Callable[[Mapping[str, Any]], Settings],
    *,
    space: Mapping[str, SearchSpace],
    data: Folders,
    out: Path,
    trials: int,
    aim: Aim = "eer",
    init: str | Path | None = None,
    told: Callable[[str], None] = print,
    progress: Progress | None = None,
) -> Settings:
    """The best of `trials` runs, those of an earlier call among them; into `out` TRIALS and BEST_SETTINGS.

    `settings_of` maps "section.key" -> value to the settings of a trial. The best evaluation on dev of each
    run counts, by its `aim`. A run whose loss is not finite counts as failed. `progress` gets the steps of
    all trials as if each had as many as the one that runs. SettingsError where the trials that are there
    were of other settings, clips, first weights, space or aim.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.WARNING)
    out.mkdir(parents=True, exist_ok=True)
    backend = JournalFileBackend(str(out / JOURNAL))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="search",
        direction="maximize" if aim == "auc" else "minimize",
        load_if_exists=True,
    )
    asked = {
        "aim": aim,
        "space": {place: repr(of) for place, of in space.items()},
        "settings": to_toml(settings_of({})),
        "clips": Sets.open(data).fingerprint(),
        "--init": origin_of(init),
    }
    for name, value in asked.items():
        if study.user_attrs.get(name, value) != value:
            raise SettingsError(
                f"the search in {out} has another {name} than the one that was asked for, and their trials "
                "do not compare; go on with its own, or name another --out"
            )
        study.set_user_attr(name, value)

    def run(trial: Any) -> float:
        changes = {place: _drawn(trial, place, of) for place, of in space.items()}
        folder = out / f"trial-{trial.number}"
        settings = settings_of({**changes, "run.name": folder.name})
        try:
            train(
                settings, data=data, out=folder, init=init, progress=_over_all(progress, trial.number, trials)
            )
        except TrainingError as stopped:
            told(f"trial {trial.number}: {stopped}")
            raise optuna.TrialPruned from stopped
        best = read(folder / CHECKPOINT).history.best
        if best is None:
            raise optuna.TrialPruned
        value = float(getattr(best, aim))
        told(f"trial {trial.number}: dev {aim} {value:.4f} with {_words(changes)}")
        return value

    done = sum(trial.state.name in DONE for trial in study.trials)
    for _ in range(trials - done):
        # A sampler of each trial's own: one for all would propose the first ones again when a search goes on
        study.sampler = optuna.samplers.TPESampler(seed=settings_of({}).run.seed + len(study.trials))
        study.optimize(run, n_trials=1)
    finished = [trial for trial in study.trials if trial.state.is_finished()]
    write_bytes(out / TRIALS, _table(finished, list(space), aim=aim).encode())
    if not any(trial.state.name == "COMPLETE" for trial in finished):
        raise TrainingError(f"none of {len(finished)} trials came to its end; narrow --over")
    best = settings_of(study.best_params)
    write_bytes(out / BEST_SETTINGS, to_toml(best).encode())
    told(f"best of {len(finished)}: trial {study.best_trial.number}, {aim} {study.best_value:.4f}")
    return best


def _over_all(progress: Progress | None, number: int, trials: int) -> Progress | None:
    """Moves it over the steps of all trials, for those of the trial with that number."""
    if progress is None:
        return None
    return lambda done, steps, loss: progress(number * steps + done, max(trials, number + 1) * steps, loss)


def _drawn(trial: Any, place: str, of: SearchSpace) -> Any:
    if of.choices:
        return trial.suggest_categorical(place, list(of.choices))
    if of.whole:
        return trial.suggest_int(place, int(of.low), int(of.high), log=of.log)
    return trial.suggest_float(place, of.low, of.high, log=of.log)


def _words(changes: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{place}={value:.4g}" if isinstance(value, float) else f"{place}={value}"
        for place, value in changes.items()
    )


def _table(trials: Sequence[Any], places: Sequence[str], *, aim: str) -> str:
    rows: list[list[object]] = [["trial", "state", aim, *places]]
    for trial in trials:
        rows.append([trial.number, trial.state.name.lower(), trial.value, *map(trial.params.get, places)])
    return as_csv(rows)
