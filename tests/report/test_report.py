"""The page of a check: whole, strict, and it says what was decided."""

import base64
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import cv2
import numpy as np
import pytest

from present import present
from unmask.report.check_page import CLIPS_SHOWN, page, percent, shown
from unmask.report.curve import HEIGHT, WIDTH, draw
from unmask.report.outcomes import REASON_WORDS, Unreadable, exit_code
from unmask.report.pictures import colour_map, jpeg_uri, legend, png_uri
from unmask.types import ClipScore, Reason, Segment, Verdict

MADE_AT = datetime(2026, 1, 2, 3, 4)
VOID = {"meta", "img", "br", "line", "path", "polygon", "polyline", "rect", "circle"}


class Reader(HTMLParser):
    """Checks that tags close in order, and keeps what matters: texts, attributes, pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: Any) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: Any) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_the_page_needs_nothing_from_outside(outcomes: list[Any]) -> None:
    text = page(outcomes, made_at=MADE_AT)
    reader = Reader(text)
    assert not re.search(r"<script|@import|url\(", text)
    addresses = [value for _, name, value in reader.attributes if name in ("src", "href")]
    assert addresses
    assert all(value.startswith(("#", "data:image/")) for value in addresses)


def test_the_page_lists_the_segments_and_those_that_decide_first_of_all(outcomes: list[Any]) -> None:
    def segment(from_s: float, verdict: Verdict, **fields: Any) -> Segment:
        return Segment(
            identity=0,
            from_s=from_s,
            to_s=from_s + 1,
            verdict=verdict,
            score=fields.get("score", 0.7),
            reasons=fields.get("reasons", ()),
        )

    dropped = segment(3.2, Verdict.ATTACK, score=0.123, reasons=(Reason.SCORE_DROPPED,))
    many = [segment(10.0 + 2 * n, Verdict.LIVE) for n in range(60)]
    face = replace(outcomes[0].decision.faces[0], segments=(segment(0.0, Verdict.LIVE), dropped, *many))
    checked = replace(outcomes[0], decision=replace(outcomes[0].decision, faces=(face,)))
    words = Reader(page([checked], made_at=MADE_AT)).text
    row = f"3.2 s 4.2 s ATTACK 0.123 {REASON_WORDS[Reason.SCORE_DROPPED]}"
    assert row in words
    assert "22 more segments, none of them graver, are not shown." in words
    without = Reader(page(outcomes, made_at=MADE_AT)).text
    assert "Segments" not in without  # these have none


def test_links_within_the_page_lead_somewhere(outcomes: list[Any]) -> None:
    reader = Reader(page(outcomes, made_at=MADE_AT))
    targets = {value for _, name, value in reader.attributes if name == "id"}
    links = {value[1:] for _, name, value in reader.attributes if name == "href"}
    assert len(links) == len(outcomes)
    assert links <= targets


def test_the_page_says_verdict_score_threshold_and_reason_of_each_source(outcomes: list[Any]) -> None:
    text = Reader(page(outcomes, made_at=MADE_AT)).text
    for word in ("LIVE", "ATTACK", "UNDECIDED", "UNREADABLE", "0.900", "0.100", "0.500"):
        assert word in text
    assert REASON_WORDS[Reason.TOO_DARK] in text
    assert outcomes[-1].sentence in text


def test_the_page_says_what_the_contract_says(outcomes: list[Any]) -> None:
    contract = outcomes[0].contract
    text = Reader(page(outcomes, made_at=MADE_AT)).text
    point, source = contract.operating_points[0], contract.training_data[0]
    for word in (point.measured_on, point.worst_instrument, source.name, source.licence, contract.command):
        assert word in text


def test_names_and_sentences_cannot_break_out_of_the_page() -> None:
    nasty = "<script>alert(1)</script>\"'&.mp4"
    text = page([Unreadable(source=nasty, sentence=nasty)], made_at=MADE_AT)
    assert "<script" not in text
    assert nasty in Reader(text).text


def test_a_source_without_faces_or_scores_has_a_page(outcomes: list[Any]) -> None:
    without = [o for o in outcomes if not isinstance(o, Unreadable) and not np.isfinite(o.decision.score)]
    assert without
    assert "nan" not in Reader(page(without, made_at=MADE_AT)).text.lower()


def test_all_reasons_have_words() -> None:
    assert set(REASON_WORDS) == set(Reason)


def test_the_same_outcomes_give_the_same_page(outcomes: list[Any]) -> None:
    assert page(outcomes, made_at=MADE_AT) == page(outcomes, made_at=MADE_AT)


def test_pictures_come_back_as_they_went_in(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (16, 24, 3), dtype=np.uint8)
    head, body = png_uri(picture).split(",")
    decoded = present(cv2.imdecode(np.frombuffer(base64.b64decode(body), np.uint8), cv2.IMREAD_COLOR))
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(decoded[..., ::-1], picture)
    assert jpeg_uri(picture).startswith("data:image/jpeg;base64,")


def test_colours_rise_in_lightness_from_far_to_near() -> None:
    ramp = colour_map(np.linspace(0, 1, 64)[None]).astype(float)
    lightness = ramp[0] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -0.5).all()
    assert lightness[-1] - lightness[0] > 150


def test_the_legend_has_near_at_the_top() -> None:
    strip = legend(height=9, width=2)
    np.testing.assert_array_equal(strip[0, 0], colour_map(np.array([[1.0]]))[0, 0])
    np.testing.assert_array_equal(strip[-1, 0], colour_map(np.array([[0.0]]))[0, 0])


def clips(*scores: float) -> list[ClipScore]:
    return [
        ClipScore(time_s=2.0 + n, score=score, depth=None, picture=np.zeros((4, 4, 3), np.uint8))
        for n, score in enumerate(scores)
    ]


def test_the_curve_against_numbers_written_out() -> None:
    curve = draw(clips(1.0, 0.5, 0.0), threshold=0.25, half_widths=[0.2, 0.1, 0.05], decided_after=2)
    assert curve.dots == ((WIDTH / 2, 0.0), (0.75 * WIDTH, HEIGHT / 2), (WIDTH, HEIGHT))  # at 2, 3 and 4 s
    assert curve.means == ("500.0,0.0 750.0,75.0 1000.0,150.0",)  # means 1, 0.75, 0.5
    assert curve.threshold_y == 0.75 * HEIGHT
    assert curve.decided_x == 0.75 * WIDTH
    (band,) = curve.bands
    assert band.split()[0] == "500.0,165.0"  # 0.25 + 0.2
    assert band.split()[-1] == "500.0,285.0"  # 0.25 - 0.2
    assert curve.end_s == 4.0
    assert curve.breaks_x == ()


def test_the_mean_begins_anew_with_each_segment() -> None:
    curve = draw(
        clips(0.9, 0.7, 0.1, 0.3),
        threshold=0.5,
        half_widths=[0.2, 0.1],
        decided_after=4,
        begins_s=[0.0, 3.5],
    )
    assert curve.means == ("400.0,30.0 600.0,60.0", "800.0,270.0 1000.0,240.0")  # 0.9, 0.8 and 0.1, 0.2
    assert curve.breaks_x == (700.0,)
    assert [band.split()[0] for band in curve.bands] == ["400.0,90.0", "800.0,90.0"]


def test_a_verdict_at_the_last_clip_needs_no_mark() -> None:
    assert draw(clips(0.2, 0.3), threshold=0.5, half_widths=[0.1, 0.1], decided_after=2).decided_x is None


def test_a_score_beyond_the_axis_stays_on_it() -> None:
    curve = draw(clips(1.5, -1.0), threshold=0.5, half_widths=[0.9, 0.9], decided_after=1)
    assert [y for _, y in curve.dots] == [0.0, HEIGHT]


@pytest.mark.parametrize("count", [1, CLIPS_SHOWN, CLIPS_SHOWN + 1, 100])
def test_shown_clips_keep_the_ends_and_the_order(count: Any) -> None:
    given = clips(*[0.5] * count)
    kept = shown(given)
    assert len(kept) == min(count, CLIPS_SHOWN)
    assert (kept[0], kept[-1]) == (given[0], given[-1])
    assert [c.time_s for c in kept] == sorted({c.time_s for c in kept})


def test_an_unmeasured_rate_is_not_called_zero() -> None:
    assert percent(float("nan")) == "not measured"


def test_the_worst_outcome_gives_the_exit_code(outcomes: list[Any]) -> None:
    by_verdict = {o.decision.verdict: o for o in outcomes if not isinstance(o, Unreadable)}
    live, attack, undecided = (by_verdict[v] for v in (Verdict.LIVE, Verdict.ATTACK, Verdict.UNDECIDED))
    unreadable = outcomes[-1]
    assert exit_code([live]) == 0
    assert exit_code([live, undecided]) == 2
    assert exit_code([undecided, attack, live]) == 1
    assert exit_code([attack, unreadable]) == 3
    assert exit_code([live, unreadable]) == 3
    assert exit_code([]) == 3
