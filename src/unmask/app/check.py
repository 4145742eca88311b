"""`unmask check`: sources -> verdicts, as a table or JSON lines, and a page and an annotated video."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from unmask.app.errors import explain
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of `unmask check`."""

    json_lines: bool = False
    annotate: Path | None = None
    report: Path | None = None
    models: tuple[Path, ...] = ()
    point: str = "default"
    precision: str = "f32"
    all_faces: bool = False
    seconds: float = 30.0
    early_stop: bool = False
    fps: float = 30.0
    trust: Path | None = None


def run(sources: Sequence[str], wishes: Wishes) -> int:
    """Checks each source, shows what came out, and gives the exit code."""
    _refuse_impossible(sources, wishes)
    if wishes.trust:
        check_signatures(wishes.models or packaged(), wishes.trust)
    detector = Detector.load(
        wishes.models or None,
        point=wishes.point,
        precision=wishes.precision,
        settings=Settings(all_faces=wishes.all_faces, seconds=wishes.seconds, early_stop=wishes.early_stop),
    )
    outcomes: list[Outcome] = []
    for source in sources:
        outcomes.append(check(source, detector, wishes=wishes))
        if wishes.json_lines:
            print(json_line(outcomes[-1], ascii_only=not in_utf_8()), flush=True)
    if not wishes.json_lines:
        show(outcomes)
    keep(outcomes, wishes)
    return exit_code(outcomes)


def check(source: str, detector: Detector, *, wishes: Wishes) -> Outcome:
    """One source's outcome; one that fails never stops the others, nor passes."""
    try:
        if wishes.report or wishes.annotate:
            detector = detector.with_settings(replace(detector.settings, explain=True))
        with bar(address_shown(source)) as advance:
            decision = detector.check(source, fps=wishes.fps, progress=advance)
    except SourceError as unreadable:
        return _unreadable(source, unreadable)
    except UnmaskError:
        raise  # the fault lies with the model or the settings: no other source would fare better
    except Exception as failure:
        return _unreadable(source, failure)
    return _checked(decision, detector, wishes=wishes)


def show(outcomes: Sequence[Outcome]) -> None:
    """The table of what was checked, on stdout."""
    if any(isinstance(outcome, Checked) for outcome in outcomes):
        out = console()
        out.print(table(outcomes, width=out.width), soft_wrap=True)


def keep(outcomes: Sequence[Outcome], wishes: Wishes) -> None:
    """Writes the page and the annotated video that were wished for."""
    if wishes.report:
        from unmask.report.check_page import page

        write_page(wishes.report, page(outcomes, made_at=datetime.now()))
        say(f"report: {wishes.report}")
    if wishes.annotate and isinstance(outcomes[0], Checked):
        from unmask.app.annotate import annotate

        with bar(f"drawing {wishes.annotate}") as advance:
            annotate(outcomes[0], wishes.annotate, fps=wishes.fps, progress=advance)
        say(f"annotated: {wishes.annotate}")


def _checked(decision: Decision, detector: Detector, *, wishes: Wishes) -> Checked:
    contract = next(c for c in detector.contracts if c.payload_sha256 == decision.model_sha256)
    rule = rule_of(contract, point=wishes.point, precision=wishes.precision)
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


def _refuse_impossible(sources: Sequence[str], wishes: Wishes) -> None:
    outputs = {"--report": wishes.report, "--annotate": wishes.annotate}
    keep_inputs(outputs, [*sources, *(wishes.models or packaged())])
    if not wishes.annotate:
        return
    if len(sources) > 1:
        raise SettingsError(f"--annotate draws into one source, not {len(sources)}; call it once for each")
    if _comes_once(sources[0]):
        raise SettingsError(
            f"--annotate reads its source twice, which {address_shown(sources[0])} cannot; record it first"
        )
