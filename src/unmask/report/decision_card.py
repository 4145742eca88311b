"""One decision as a page, and as a card for a notebook: its verdict, a picture of the face, the depth."""

from datetime import datetime
from html import escape

from unmask.plain import address_shown, sentence
from unmask.report.check_page import page
from unmask.report.outcomes import REASON_WORDS, Checked, number
from unmask.report.pictures import colour_map, jpeg_uri, png_uri
from unmask.types import Decision, SettingsError, Verdict

COLOURS = {Verdict.LIVE: "#1e7d46", Verdict.ATTACK: "#b3261e", Verdict.UNDECIDED: "#8a5a00"}
PICTURE = '<img src="{}" alt="{}" width="128" height="128" style="margin:0 8px 0 0">'


def page_of(decision: Decision, *, made_at: datetime) -> str:
    """The page of `unmask check --report` for one decision."""
    if decision.judge is None:
        raise SettingsError("a report needs a decision that a Detector made; this one was put together")
    outcome = Checked(
        decision=decision,
        contract=decision.judge.contract,
        seen=decision.faces,
        half_widths=decision.judge.half_widths,
    )
    return page([outcome], made_at=made_at)


def card(decision: Decision) -> str:
    """HTML without scripts: the verdict, the picture that the network saw last, its depth."""
    score, threshold = number(decision.score), number(decision.threshold)
    words = [REASON_WORDS[reason] for reason in decision.reasons]
    lines = [
        f"score {score}, threshold {threshold} ({decision.operating_point})",
        *(["; ".join(words)] if words else []),
        sentence(address_shown(decision.source)),
        f"{decision.model_name} {decision.model_version}",
    ]
    pictures = ""
    for face in decision.faces[:1]:
        seen = next((clip.picture for clip in reversed(face.clips) if clip.picture is not None), None)
        pictures += PICTURE.format(jpeg_uri(seen), "the face") if seen is not None else ""
        depth = face.depth
        pictures += PICTURE.format(png_uri(colour_map(depth)), "its depth") if depth is not None else ""
    text = "<br>".join(escape(line) for line in lines)
    return (
        '<div style="display:flex;align-items:center;font-family:sans-serif">'
        f'{pictures}<div><b style="color:{COLOURS[decision.verdict]};font-size:1.3em">'
        f"{decision.verdict.value}</b><br>{text}</div></div>"
    )
