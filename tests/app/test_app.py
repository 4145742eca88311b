"""The parts of the command line that need no network: what is printed, drawn, explained and split."""

import errno
import io
import json
import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from odd_videos import resized
from unmask.app.annotate import BOX_HOLDS_S, annotate, annotated, box_at, clip_at, deciding
from unmask.app.demo import SCENES, mistakes
from unmask.app.errors import explain
from unmask.app.render import console, json_line, print_whole, table
from unmask.app.score import groups, table as score_table
from unmask.app.streams import in_utf_8, spell_out
from unmask.app.training_sets import split
from unmask.media.images import read_image, write_image
from unmask.media.sources import open_source
from unmask.media.video import write_video
from unmask.report.check_page import page
from unmask.report.outcomes import Unreadable
from unmask.types import (
    DataError,
    Label,
    ModelError,
    OutputError,
    Presentation,
    Score,
    Segment,
    SettingsError,
    Verdict,
)

KEYS = ["source", "verdict", "score", "threshold", "operating_point", "reasons", "faces", "model", "clips"]


def drawn(thing: object) -> str:
    console = Console(width=110, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(thing)
    return captured.get()


def test_every_outcome_has_the_same_keys_in_strict_json(outcomes: list[Any]) -> None:
    for outcome in outcomes:
        line = json_line(outcome)
        assert "\n" not in line
        record = json.loads(line, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
        assert list(record)[:10] == [*KEYS, "timings_ms"]


def test_a_score_that_does_not_exist_is_null(outcomes: list[Any]) -> None:
    dark = next(o for o in outcomes if not isinstance(o, Unreadable) and math.isnan(o.decision.score))
    record = json.loads(json_line(dark))
    assert record["score"] is None
    assert record["faces"][0]["score"] is None
    assert record["threshold"] == 0.5


def test_json_says_what_the_decision_says(outcomes: list[Any]) -> None:
    record = json.loads(json_line(outcomes[0]))
    assert record["verdict"] == "LIVE"
    assert record["score"] == 0.9
    assert record["model"] == {"name": "sgtd_s_multi", "version": "0.0.0", "sha256": "ab" * 32}
    assert record["clips"] == 2  # those that decided, not those that the page looked at afterwards
    assert record["faces"][0]["box"] == [20.0, 30.0, 120.0, 150.0]
    assert record["timings_ms"] == {"decode": 1.2, "total": 1500.0}


def test_an_unreadable_source_is_never_live_in_json(outcomes: list[Any]) -> None:
    record = json.loads(json_line(outcomes[-1]))
    assert record["verdict"] == "UNDECIDED"
    assert record["reasons"] == ["UNREADABLE"]
    assert record["error"] == outcomes[-1].sentence


def test_the_table_has_a_row_for_each_source(outcomes: list[Any]) -> None:
    text = drawn(table(outcomes, width=120))
    for word in (
        "live.mp4",
        "LIVE",
        "0.900",
        "print.mp4",
        "ATTACK",
        "UNREADABLE",
        "1.5 s",
        "the face is too dark",
    ):
        assert word in text


def test_markup_in_a_file_name_stays_as_it_is(outcomes: list[Any]) -> None:
    assert "[red]x[/].mp4" in drawn(table([Unreadable(source="[red]x[/].mp4", sentence="no")], width=120))


LONG = "recordings/of-the-first-floor/entrance/2026-11-02/door-3.mp4"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("name", ["one.mp4", LONG, "a-name-that-is-wider-than-forty-columns-by-itself.mp4"])
def test_name_and_verdict_are_in_one_piece_at_any_width(outcomes: list[Any], width: int, name: Any) -> None:
    named = replace(outcomes[1], decision=replace(outcomes[1].decision, source=name))
    written = io.StringIO()
    out = Console(width=width, file=written)
    out.print(table([outcomes[0], named, outcomes[3]], width=width), soft_wrap=True)
    lines = written.getvalue().splitlines()
    assert any(name.split("/")[-1] in line for line in lines)
    assert [sum(word in line for line in lines) for word in ("LIVE", "ATTACK", "UNDECIDED")] == [1, 1, 1]
    assert any("live.mp4" in line for line in lines)
    assert "the face is too dark" in " ".join(" ".join(lines).split())


def test_a_table_in_ascii_alone_is_whole(outcomes: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    spell_out()
    assert not in_utf_8()
    Console(width=120).print(table(outcomes, width=120))
    print("± – é 中", json_line(outcomes[0], ascii_only=True))
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")
    assert "ATTACK" in text
    assert "+- - \\xe9 \\u4e2d" in text


@pytest.mark.parametrize("letter", ["\x7f", "\x9b", "\u202e", "\u2028", "\u200b", "\x85", "\U000e0041"])
def test_a_line_of_json_holds_nothing_that_ends_or_turns_it_on_a_terminal(
    letter: str,
) -> None:
    odd = Unreadable(source=f"漢é {letter}.mp4", sentence=f"{letter} is gone")
    for line in (json_line(odd), json_line(odd, ascii_only=True)):
        assert line.isprintable()
        assert json.loads(line)["source"] == f"漢é {letter}.mp4"
    assert "漢é" in json_line(odd)


def test_json_is_utf_8_whatever_the_name(outcomes: list[Any]) -> None:
    for name, shown in (("caf\udce9.mp4", "caf\\xe9.mp4"), ("é\x1b.mp4", "é\x1b.mp4")):
        line = json_line(Unreadable(source=name, sentence="no"))
        assert json.loads(line.encode())["source"] == shown


def test_no_credentials_are_shown(outcomes: list[Any]) -> None:
    source = "rtsp://admin:S3cret@10.0.0.7/live?key=S3cret"
    seen = replace(outcomes[1], decision=replace(outcomes[1].decision, source=source))
    for text in (
        json_line(seen),
        drawn(table([seen], width=120)),
        page([seen], made_at=datetime(2026, 1, 1)),
    ):
        assert "10.0.0.7" in text
        assert "S3cret" not in text


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (ModelError("a\nb"), "a\\x0ab", 3),
        (SettingsError("fps is 0"), "fps is 0", 4),
        (OutputError("cannot write x"), "cannot write x", 3),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", 3),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x: Permission denied", 3),
        (MemoryError(), "not enough memory", 3),
        (KeyError("x"), "an error of unmask itself (KeyError: 'x')", 4),
        (KeyboardInterrupt(), "interrupted", 130),
    ],
)
def test_an_error_is_one_sentence_and_a_code_that_is_no_verdict(error: Any, words: str, code: int) -> None:
    sentence, given = explain(error)
    assert words in sentence
    assert "\n" not in sentence
    assert given == code


@pytest.mark.parametrize("size", [(40, 30), (240, 320), (720, 1280), (1920, 1080)])
def test_a_picture_of_any_size_is_drawn_upon(outcomes: list[Any], size: Any) -> None:
    image = np.full((*size, 3), 90, np.uint8)
    result = annotated(image, outcomes[0], time_s=0.9)
    assert result.dtype == np.uint8
    assert min(result.shape[:2]) >= 320
    assert result.shape[0] / size[0] == result.shape[1] / size[1]
    assert (result != 90).any(axis=-1).mean() > 0.05
    assert (image == 90).all()  # the frame itself stays as it was


def test_the_depth_inset_shows_the_depth_of_that_moment(outcomes: list[Any]) -> None:
    checked = outcomes[0]
    face = checked.seen[0]
    near = replace(face.clips[0], depth=np.ones((4, 32, 32), np.float32))
    far = replace(face.clips[1], depth=np.zeros((4, 32, 32), np.float32))
    changed = replace(checked, seen=(replace(face, clips=(near, far)),))
    image = np.zeros((360, 360, 3), np.uint8)
    first = annotated(image, changed, time_s=near.time_s)[300, 300]
    second = annotated(image, changed, time_s=far.time_s)[300, 300]
    assert first.tolist() == [253, 231, 37]
    assert second.tolist() == [68, 1, 84]


def test_of_several_faces_the_worst_shows_its_depth(outcomes: list[Any]) -> None:
    decision = outcomes[0].decision
    good, bad = decision.faces[0], replace(outcomes[1].decision.faces[0], identity=7)
    both = replace(decision, verdict=Verdict.ATTACK, score=bad.score, faces=(good, bad))
    assert deciding(both) is bad
    image = np.zeros((360, 480, 3), np.uint8)
    alone = annotated(image, replace(outcomes[0], decision=both, seen=(good,)), time_s=0.9)
    named = annotated(image, replace(outcomes[0], decision=both, seen=(good, bad)), time_s=0.9)
    assert (alone[250:, 350:] == 0).all()  # the good face's depth is not shown for the bad one's
    assert (named[250:, 350:] != 0).any()


def test_a_box_is_drawn_while_its_sighting_is_fresh(outcomes: list[Any]) -> None:
    face = outcomes[0].seen[0]
    assert box_at(face, -0.1) is None
    np.testing.assert_array_equal(box_at(face, 0.34), face.boxes[3][1])
    assert box_at(face, face.boxes[-1][0] + 2 * BOX_HOLDS_S) is None


def test_the_clip_of_a_moment_is_the_last_that_ended(outcomes: list[Any]) -> None:
    clips = outcomes[0].seen[0].clips
    assert clip_at(clips, 0.0) is clips[0]
    assert clip_at(clips, clips[1].time_s + 0.1) is clips[1]
    assert clip_at((), 1.0) is None


def test_the_annotated_video_keeps_its_frames_and_times(tmp_path: Path, outcomes: list[Any]) -> None:
    path, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_video(path, [np.full((360, 480, 3), 10 * n, np.uint8) for n in range(7)], fps=12.5)
    steps = []
    checked = replace(outcomes[0], decision=replace(outcomes[0].decision, source=str(path)))
    annotate(checked, out, fps=30, progress=lambda done, total: steps.append((done, total)))
    times = [frame.time_s for frame in open_source(str(out)).frames]
    np.testing.assert_allclose(times, np.arange(7) / 12.5, atol=2e-3)
    assert steps[-1] == (7, 7)


def test_an_annotated_video_has_the_size_of_its_first_picture(tmp_path: Path, outcomes: list[Any]) -> None:
    path = resized(tmp_path, sizes=[(480, 360), (640, 360)])
    checked = replace(outcomes[0], decision=replace(outcomes[0].decision, source=str(path)))
    annotate(checked, tmp_path / "out.mp4", fps=30, progress=lambda *_: None)
    frames = [frame.image for frame in open_source(str(tmp_path / "out.mp4")).frames]
    assert [frame.shape for frame in frames] == [(360, 480, 3)] * 20
    assert frames[0][2].mean() > 30 > frames[-1][2].mean()  # a black border around the larger picture


def test_an_annotated_image_becomes_a_picture_or_a_video(tmp_path: Path, outcomes: list[Any]) -> None:
    path = tmp_path / "in.png"
    write_image(path, np.full((360, 480, 3), 70, np.uint8))
    checked = replace(outcomes[0], decision=replace(outcomes[0].decision, source=str(path)))
    annotate(checked, tmp_path / "out.png", fps=30, progress=lambda *_: None)
    annotate(checked, tmp_path / "out.mp4", fps=30, progress=lambda *_: None)
    assert read_image(tmp_path / "out.png").shape == (360, 480, 3)
    assert len(list(open_source(str(tmp_path / "out.mp4")).frames)) > 1


def test_a_video_does_not_fit_into_a_picture(tmp_path: Path, outcomes: list[Any]) -> None:
    path = tmp_path / "in.mp4"
    write_video(path, [np.zeros((64, 64, 3), np.uint8)] * 3, fps=10)
    checked = replace(outcomes[0], decision=replace(outcomes[0].decision, source=str(path)))
    with pytest.raises(SettingsError, match="names a picture"):
        annotate(checked, tmp_path / "out.png", fps=30, progress=lambda *_: None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4"]


def test_the_demo_wants_the_bona_fide_recording_live_and_no_attack_in_files_and_in_streams(
    outcomes: list[Any],
) -> None:
    live, attack, weak, _, unreadable = outcomes
    streamed = [live.decision, *[attack.decision] * 3]
    passed = f"the attack {SCENES[1].instrument} passed as LIVE"
    assert mistakes([live, attack, attack, weak], streamed) == []
    assert mistakes([weak, attack, attack, attack], streamed) == [
        "the bona fide recording is UNDECIDED, not LIVE"
    ]
    assert mistakes([unreadable, attack, attack, attack], streamed) == [
        "the bona fide recording is unreadable, not LIVE"
    ]
    assert mistakes([live, live, attack, unreadable], streamed) == [passed]
    assert mistakes([live, attack, attack, attack], [weak.decision, live.decision, *streamed[2:]]) == [
        "the bona fide recording is UNDECIDED as a stream, not LIVE",
        f"{passed} as a stream",
    ]


def score(value: float, label: Label, *, source: str, verdict: Verdict = Verdict.LIVE) -> Score:
    columns = {"source": source, "threshold": "0.5" if source == "a" else "0.05", "verdict": verdict.value}
    instrument = "print/matt" if label is Label.ATTACK else ""
    return Score(
        presentation=Presentation(path="p", label=label, instrument=instrument), score=value, columns=columns
    )


SCORES = [
    score(0.9, Label.BONA_FIDE, source="a"),
    score(math.nan, Label.BONA_FIDE, source="a", verdict=Verdict.UNDECIDED),
    score(0.4, Label.ATTACK, source="a"),
    score(0.1, Label.ATTACK, source="b"),
]


def test_rates_are_printed_with_counts_at_each_row_s_own_threshold() -> None:
    lines = {line.split("  ")[0]: line for line in drawn(score_table(SCORES, title="all")).splitlines()}
    assert (
        "50.0 %" in lines["APCER print/matt"]
    )  # 0.1 passes where the threshold is 0.05, 0.4 not where it is 0.5
    assert "1 of 2" in lines["APCER print/matt"]
    assert "1 of 2" in lines["BPCER"]
    assert "1 of 2" in lines["non-responses, bona fide"]
    assert "1 of 4" in lines["verdict UNDECIDED"]


def test_a_class_that_is_missing_is_said_to_be_missing() -> None:
    text = drawn(score_table(SCORES[3:], title="b"))
    assert "0 of 0" in text
    assert "nan" not in text


def test_groups_are_all_and_then_each_value_of_the_column() -> None:
    assert [title for title, _ in groups(SCORES, by="source")] == ["all", "source: a", "source: b"]
    assert [len(group) for _, group in groups(SCORES, by="source")] == [4, 3, 1]
    assert [title for title, _ in groups(SCORES, by=None)] == ["all"]


def presentations(subjects: int) -> list[Presentation]:
    return [
        Presentation(path=f"{n}-{label}", label=label, subject=f"s{n}")
        for n in range(subjects)
        for label in Label
    ]


def test_no_subject_is_in_both_parts() -> None:
    parts = split(presentations(40))
    names = {part: {p.subject for p in rows} for part, rows in parts.items()}
    assert not names["train"] & names["dev"]
    assert len(names["train"] | names["dev"]) == 40
    assert 3 <= len(names["dev"]) <= 16


def test_a_subject_stays_in_its_part_when_others_come() -> None:
    before, after = split(presentations(40)), split(presentations(60))
    assert {p.path for p in before["dev"]} <= {p.path for p in after["dev"]}


def of_parts(*names: str) -> list[Presentation]:
    return [
        replace(row, split=name) for row, name in zip(presentations(len(names)), repeated(names), strict=True)
    ]


def repeated(names: Any) -> Any:
    return [name for name in names for _ in Label]


def test_parts_that_the_labels_name_are_kept_as_they_are() -> None:
    parts = split(of_parts("train", "test", "dev", "train"))
    assert {part: {row.subject for row in rows} for part, rows in parts.items()} == {
        "train": {"s0", "s3"},
        "dev": {"s2"},
        "test": {"s1"},
    }
    assert split(of_parts("train", "dev")).keys() == {"train", "dev"}


def test_a_subject_in_two_named_parts_is_refused() -> None:
    rows = of_parts("train", "dev", "dev")
    with pytest.raises(DataError, match="mend the column split"):
        split([*rows[:-1], replace(rows[-1], subject="s0")])


@pytest.mark.parametrize("names", [("train", ""), ("train", "devel")])
def test_a_split_that_is_no_part_is_refused(names: Any) -> None:
    with pytest.raises(DataError, match="must be train, dev or test in every row, or empty in all"):
        split(of_parts(*names))


def test_too_few_subjects_for_two_parts_are_refused() -> None:
    with pytest.raises(DataError, match="add subjects"):
        split(presentations(1))


def test_a_decision_has_no_truth_value_and_says_what_it_is(outcomes: list[Any]) -> None:
    live, attack = outcomes[0].decision, outcomes[1].decision
    with pytest.raises(TypeError, match="is_live"):
        bool(attack)
    assert (live.is_live, attack.is_live) == (True, False)
    assert repr(attack).startswith("<Decision ATTACK score=0.100 threshold=0.500")
    assert "array(" not in repr(attack)
    assert json.loads(json.dumps(outcomes[3].decision.to_dict(), allow_nan=False))["score"] is None


def test_the_table_names_the_segments_where_there_are_several(outcomes: list[Any]) -> None:
    parts = [
        Segment(identity=n, from_s=2.0 * n, to_s=2.0 * n + 1.5, verdict=verdict, score=score, reasons=())
        for n, (verdict, score) in enumerate([(Verdict.LIVE, 0.9), (Verdict.ATTACK, 0.1)])
    ]
    checked = outcomes[1]
    face = replace(checked.decision.faces[0], segments=tuple(parts))
    decision = replace(checked.decision, faces=(face,), notes=("only the first 30 s were judged",))
    text = " ".join(drawn(table([replace(checked, decision=decision)], width=110)).split())
    for word in ("0.0 to 1.5 s", "LIVE", "2.0 to 3.5 s", "first 30 s"):
        assert word in text
    record = json.loads(json_line(replace(checked, decision=decision)))
    assert [part["from_s"] for part in record["segments"]] == [0.0, 2.0]
    assert record["notes"] == ["only the first 30 s were judged"]


def test_a_table_shows_control_characters_by_their_codes(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = Table(title="a\x1b[2Jb")
    drawn.add_column("name\x9b")
    drawn.add_row("print/\x1b[31mred")
    drawn.add_row(Text("two\nlines, caf\u00e9", "bold red"))
    console().print(drawn)
    console().print(Text("next\x07"))
    print_whole(drawn)
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    for word in ("a\\x1b[2Jb", "name\\x9b", "print/\\x1b[31", "next", "two", "lines, caf\u00e9"):
        assert word in shown
