"""Say LIVE, ATTACK or UNDECIDED for the face in each source.

Exit code: 3 if any source could not be read, else 1 if any is ATTACK, else 2 if any is UNDECIDED, else 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.errors import explain
from unmask.app.options import ModelOptions, Page, Trust
from unmask.app.progress import bar, say
from unmask.app.render import console, json_line, table
from unmask.app.streams import in_utf_8
from unmask.detector.decision import rule_of
from unmask.detector.detector import Detector, packaged
from unmask.detector.watch import Settings
from unmask.files import keep_inputs, write_page
from unmask.plain import address_shown
from unmask.report.outcomes import Checked, Outcome, Unreadable, exit_code
from unmask.signature import check_signatures
from unmask.types import Decision, SettingsError, SourceError, UnmaskError


@dataclass(frozen=True, kw_only=True)
class CheckOptions(ModelOptions):
    """The options of the command."""

    sources: Annotated[
        tuple[str, ...],
        typer.Argument(
            help="Videos, images, folders of frames, camera:0, rtsp:// or http:// streams.", metavar="SOURCE"
        ),
    ]
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line, see docs/json.md.")] = (
        False
    )
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
    trust: Trust = None


def check(options: CheckOptions) -> int:
    """Checks each source, shows what came out, and gives the exit code."""
    _refuse_impossible(options)
    if options.trust:
        check_signatures(options.models or packaged(), options.trust)
    detector = Detector.load(
        options.models or None,
        point=options.point,
        precision=options.precision,
        settings=Settings(
            all_faces=options.all_faces, seconds=options.seconds, early_stop=options.early_stop
        ),
    )
    outcomes: list[Outcome] = []
    for source in options.sources:
        outcomes.append(outcome_of(source, detector, options=options))
        if options.json_lines:
            print(json_line(outcomes[-1], ascii_only=not in_utf_8()), flush=True)
    if not options.json_lines:
        show(outcomes)
    keep(outcomes, options)
    return exit_code(outcomes)


def outcome_of(source: str, detector: Detector, *, options: CheckOptions) -> Outcome:
    """One source's outcome; one that fails never stops the others, nor passes."""
    try:
        if options.report or options.annotate:
            detector = detector.with_settings(replace(detector.settings, explain=True))
        with bar(address_shown(source)) as advance:
            decision = detector.check(source, fps=options.fps, progress=advance)
    except SourceError as unreadable:
        return _unreadable(source, unreadable)
    except UnmaskError:
        raise  # the fault lies with the model or the settings: no other source would fare better
    except Exception as failure:
        return _unreadable(source, failure)
    return _checked(decision, detector, options=options)


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


def _checked(decision: Decision, detector: Detector, *, options: CheckOptions) -> Checked:
    contract = next(c for c in detector.contracts if c.payload_sha256 == decision.model_sha256)
    rule = rule_of(contract, point=options.point, precision=options.precision)
    most = max([1, *(len(face.clips) for face in decision.faces)])
    return Checked(
        decision=decision,
        contract=contract,
        seen=decision.faces,
        half_widths=tuple(rule.half_width(n) for n in range(1, most + 1)),
    )


def _unreadable(source: str, error: Exception) -> Unreadable:
    sentence, _ = explain(error)
    say(f"unmask: {sentence}")
    return Unreadable(source=address_shown(source), sentence=sentence)


def _comes_once(source: str) -> bool:
    return source.startswith("camera:") or "://" in source


def _refuse_impossible(options: CheckOptions) -> None:
    sources = options.sources
    outputs = {"--report": options.report, "--annotate": options.annotate}
    keep_inputs(outputs, [*sources, *(options.models or packaged())])
    if not options.annotate:
        return
    if len(sources) > 1:
        raise SettingsError(f"--annotate draws into one source, not {len(sources)}; call it once for each")
    if _comes_once(sources[0]):
        raise SettingsError(
            f"--annotate reads its source twice, which {address_shown(sources[0])} cannot; record it first"
        )
