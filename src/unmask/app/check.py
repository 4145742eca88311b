"""Say LIVE, ATTACK or UNDECIDED for the face in each source.

Exit code: 3 if any source could not be read, else 1 if any is ATTACK, else 2 if any is UNDECIDED, else 0.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from unmask.app.errors import explain
from unmask.app.given import STDIN, spread, standard_input
from unmask.app.options import ModelOptions, Page, Trust
from unmask.app.progress import bar, say
from unmask.app.render import CSV_HEADER, console, csv_row, json_line, table
from unmask.app.streams import in_utf_8
from unmask.detector.detector import Detector, packaged
from unmask.detector.watch import WatchSettings
from unmask.files import keep_inputs, write_page
from unmask.plain import address_shown, as_csv
from unmask.report.outcomes import Checked, Outcome, Unreadable, exit_code
from unmask.signature import signature_path
from unmask.types import Decision, SettingsError, SourceError, UnmaskError


@dataclass(frozen=True, kw_only=True)
class CheckOptions(ModelOptions):
    """The options of the command."""

    sources: Annotated[
        tuple[str, ...],
        typer.Argument(
            help="Videos, images, folders of frames or of videos, 0 (a camera), /dev/video0, rtsp:// or "
            "http:// addresses, - (standard input).",
            metavar="SOURCE",
        ),
    ]
    form: Annotated[
        Literal["table", "json", "csv"],
        typer.Option("--format", help="What is printed: a table, JSON lines (docs/json.md), or CSV."),
    ] = "table"
    json_lines: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False
    annotate: Annotated[
        Path | None, typer.Option(help="Write the source with box, verdict and depth to this .mp4.")
    ] = None
    report: Page = None
    all_faces: Annotated[
        bool, typer.Option("--all-faces", help="Judge every face; the worst verdict counts.")
    ] = False
    seconds: Annotated[float, typer.Option(help="How much of a file is judged, from its start.", min=0.1)] = (
        30.0
    )
    early_stop: Annotated[
        bool, typer.Option("--early-stop", help="Judge no more of a file once the verdict is there.")
    ] = False
    every: Annotated[
        float,
        typer.Option(
            help="Check again every so many seconds for --seconds in all, as for snapshot addresses.", min=0.0
        ),
    ] = 0.0
    trust: Trust = None


def check(options: CheckOptions) -> int:
    """Checks each source, shows what came out, and gives the exit code."""
    _refuse_impossible(options)
    detector = Detector.load(
        options.models or None,
        point=options.point,
        precision=options.precision,
        device=options.device,
        settings=WatchSettings(
            all_faces=options.all_faces, seconds=options.seconds, early_stop=options.early_stop
        ),
        trusted=options.trust,
    )
    form = "json" if options.json_lines else options.form
    outcomes: list[Outcome] = []
    if form == "csv":
        print(as_csv([CSV_HEADER]), end="", flush=True)
    for source in _again(spread(options.sources), options):
        outcomes.append(outcome_of(source, detector, options=options))
        if form == "json":
            print(json_line(outcomes[-1], ascii_only=not in_utf_8()), flush=True)
        if form == "csv":
            print(as_csv([csv_row(outcomes[-1])]), end="", flush=True)
    if form == "table":
        show(outcomes)
    keep(outcomes, options)
    return exit_code(outcomes)


def outcome_of(source: str, detector: Detector, *, options: CheckOptions) -> Outcome:
    """One source's outcome; one that fails never stops the others, nor passes."""
    try:
        if options.report or options.annotate:
            detector = detector.with_settings(replace(detector.settings, explain=True))
        with bar(address_shown(source)) as advance:
            given = standard_input() if source == STDIN else source
            decision = detector.check(given, fps=options.fps, progress=advance)
            if source == STDIN:
                decision = replace(decision, source=STDIN)
    except SourceError as unreadable:
        return _unreadable(source, unreadable)
    except UnmaskError:
        raise  # the fault lies with the model or the settings: no other source would fare better
    except Exception as failure:
        return _unreadable(source, failure)
    return _checked(decision)


def show(outcomes: Sequence[Outcome]) -> None:
    """The table of what was checked, on stdout."""
    if any(isinstance(outcome, Checked) for outcome in outcomes):
        out = console()
        out.print(table(outcomes, width=out.width), soft_wrap=True)


def keep(outcomes: Sequence[Outcome], options: CheckOptions) -> None:
    """Writes the page and the annotated video that were wished for."""
    if options.report:
        from unmask.report.check_page import page

        write_page(options.report, page(outcomes, made_at=datetime.now()))
        say(f"report: {options.report}")
    if options.annotate and isinstance(outcomes[0], Checked):
        from unmask.app.annotate import annotate

        with bar(f"drawing {options.annotate}") as advance:
            annotate(outcomes[0], options.annotate, fps=options.fps, progress=advance)
        say(f"annotated: {options.annotate}")


def _checked(decision: Decision) -> Checked:
    judge = decision.judge
    return Checked(
        decision=decision, contract=judge.contract, seen=decision.faces, half_widths=judge.half_widths
    )


def _unreadable(source: str, error: Exception) -> Unreadable:
    sentence, _ = explain(error)
    say(f"unmask: {sentence}")
    return Unreadable(source=address_shown(source), sentence=sentence)


def _again(sources: Sequence[str], options: CheckOptions) -> Iterator[str]:
    """The sources; with --every in rounds that begin so many seconds apart, within --seconds."""
    started, rounds = time.monotonic(), 0
    while True:
        yield from sources
        rounds += 1
        if not options.every or rounds * options.every > options.seconds:
            return
        time.sleep(max(0.0, started + rounds * options.every - time.monotonic()))


def _comes_once(source: str) -> bool:
    return source.startswith("camera:") or "://" in source or source == STDIN


def _refuse_impossible(options: CheckOptions) -> None:
    sources = spread(options.sources)
    outputs = {"--report": options.report, "--annotate": options.annotate}
    models = options.models or packaged(options.precision)
    signatures = [options.trust, *map(signature_path, models)] if options.trust else []
    keep_inputs(outputs, [*sources, *models, *signatures])
    if not options.annotate:
        return
    if len(sources) > 1:
        raise SettingsError(f"--annotate draws into one source, not {len(sources)}; call it once for each")
    if _comes_once(sources[0]):
        raise SettingsError(
            f"--annotate reads its source twice, which {address_shown(sources[0])} cannot; record it first"
        )
