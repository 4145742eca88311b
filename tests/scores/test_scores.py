"""Score tables of every format are read, told apart and written; what breaks a rule is one sentence."""

import math
import os
from pathlib import Path
from typing import Any

import pytest

from unmask.data.folder import read_labels
from unmask.scores import FORMATS, read_scores, write_scores
from unmask.scores.plan import make_plan, read_plan, write_plan
from unmask.scores.stress import read_stress
from unmask.types import DataError, Label, Presentation, Score, SettingsError

OURS = "presentation,subject,label,instrument,score,split\n"
BOB = "claimed_id,test_label,is_bonafide,attack_type,score\n"

# One person alive and one print without a score, as each format has them.
TABLES = {
    "unmask": OURS + "1_1_36_1,36,bona_fide,,0.75,test\n1_1_36_2,36,attack,print/printer-1,,test\n",
    "bob": BOB + "36,1_1_36_1,True,,0.75\n36,1_1_36_2,False,print/printer-1,nan\n",
    "bob-4": "36 36 1_1_36_1 0.75\n36 print/printer-1 1_1_36_2 nan\n",
    "score-label": "0.75 1\nnan 0\n",
    "oulu": "1_1_36_1,0.75\n1_1_36_2,nan\n",
}


def _file(folder: Path, text: str, name: str = "scores.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_is_known_by_sight_and_says_what_its_format_can(tmp_path: Path, form: Any) -> None:
    bona_fide, attack = read_scores(_file(tmp_path, TABLES[form]))
    assert (bona_fide.label, attack.label) == (Label.BONA_FIDE, Label.ATTACK)
    assert bona_fide.score == 0.75
    assert math.isnan(attack.score)
    if form != "score-label":
        assert (bona_fide.name, bona_fide.subject, bona_fide.instrument) == ("1_1_36_1", "36", "")
        assert (attack.name, attack.instrument) == ("1_1_36_2", "print/printer-1")


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_format_writes_it_reads_again(tmp_path: Path, form: Any) -> None:
    scores = read_scores(_file(tmp_path, TABLES["oulu"]))
    path = tmp_path / "out.txt"
    write_scores(path, scores, form)
    back = read_scores(path)
    assert read_scores(path, form)[0].score == back[0].score
    for row, was in zip(back, scores, strict=True):
        assert row.label is was.label
        assert row.score == was.score or (math.isnan(row.score) and math.isnan(was.score))
        if form != "score-label":
            assert (row.name, row.instrument, row.subject) == (
                was.name,
                was.instrument,
                was.subject,
            )


def test_free_columns_go_through_ours_and_bobs_csv(tmp_path: Path) -> None:
    scores = read_scores(_file(tmp_path, TABLES["unmask"]))
    write_scores(tmp_path / "bob.csv", scores, "bob")
    assert read_scores(tmp_path / "bob.csv")[0].columns == {"split": "test"}


def test_names_of_oulu_tell_the_instrument(tmp_path: Path) -> None:
    scores = read_scores(_file(tmp_path, "".join(f"6_3_55_{k}.avi,0.{k}\n" for k in range(1, 6))))
    assert [score.instrument for score in scores] == [
        "",
        "print/printer-1",
        "print/printer-2",
        "replay/display-1",
        "replay/display-2",
    ]
    assert scores[0].columns == {"camera": "6", "session": "3"}


def test_one_presentation_may_have_a_row_in_each_part_protocol_and_model(tmp_path: Path) -> None:
    header = "presentation,subject,label,instrument,score,protocol,model,split\n"
    rows = "".join(f"x,,attack,print,0.{k},p{k},m,test\n" for k in range(3))
    assert len(read_scores(_file(tmp_path, header + rows))) == 3


def test_who_has_no_subject_goes_by_the_presentation_in_four_columns(tmp_path: Path) -> None:
    scores = [
        Score(presentation=Presentation(path=name, label=Label.ATTACK), score=0.5)
        for name in ("a.mp4", "b.mp4")
    ]
    write_scores(tmp_path / "four.txt", scores, "bob-4")
    assert (tmp_path / "four.txt").read_text() == "a.mp4 attack a.mp4 0.5\nb.mp4 attack b.mp4 0.5\n"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (OURS, "holds no score"),
        (OURS + "x,,attack,print,inf,test\n", "line 2: the score is inf; it must be finite"),
        (OURS + "x,,attack,print,-1e999,test\n", "must be finite"),
        (OURS + "x,,attack,print,1_0,test\n", "must be a number"),
        (OURS + 'x,,attack,print,"0,5",test\n', "must be a number"),
        (OURS + "x,,attack,print,0.5,test\n" * 2, "lists x twice"),
        (OURS + "x,,bona_fide,print,0.5,test\n", "bona_fide with the instrument"),
        (OURS + ",,attack,print,0.5,test\n", "has no name"),
        (OURS.replace("split", "score") + "x,,attack,print,0.5,0.6\n", "two columns 'score'"),
        (OURS + 'x,"a"b,attack,print,0.5,test\n', "not a CSV table"),
        (BOB + "36,x,yes,,0.5\n", "True or False"),
        (BOB + "36,x,True,print,0.5\n", "bona_fide with the instrument"),
        (BOB.replace("test_label,", "") + "36,True,,0.5\n", "no column test_label"),
        ("36 36 x 0.5\n36 36 y z 0.5\n", "line 2: 5 words"),
        ("36 36 x 0.5\n36 36 x 0.6\n", "lists x twice"),
        ("36 36 x inf\n", "must be finite"),
        ("0.5 1\n0.5 spoof\n", "line 2: it must be a score and a label"),
        ("1_1_36_1,0.5\n1_1_36_7,0.5\n", "line 2: it must be Phone_Session_User_File"),
        ("1_1_36_1,0.5\n1_1_36_1,0.5\n", "lists 1_1_36_1 twice"),
        ("name,score\nx,0.5\n", "none that is known by sight"),
        ("0 1\n1 0\n", "none that is known by sight"),  # score label or label score?
        (
            "presentation,subject,label,instrument,score,is_bonafide,attack_type\n",
            "may be unmask or bob",
        ),
    ],
)
def test_a_broken_table_is_one_sentence(tmp_path: Path, text: Any, rule: str) -> None:
    with pytest.raises(DataError, match=rule) as told:
        read_scores(_file(tmp_path, text))
    assert "\n" not in str(told.value)


def test_a_named_format_is_taken_at_its_word(tmp_path: Path) -> None:
    path = _file(tmp_path, "0 1\n1 0\n")
    assert [score.score for score in read_scores(path, "score-label")] == [0.0, 1.0]
    with pytest.raises(DataError, match="2 words, not the four"):
        read_scores(path, "bob-4")
    with pytest.raises(SettingsError, match="no score format 'csv'"):
        read_scores(path, "csv")


@pytest.mark.parametrize(
    ("form", "score", "rule"),
    [
        (
            "bob-4",
            Score(presentation=Presentation(path="a b", label=Label.ATTACK, instrument="x"), score=0),
            "not a single word",
        ),
        (
            "bob-4",
            Score(
                presentation=Presentation(path="a", label=Label.ATTACK, instrument="s", subject="s"), score=0
            ),
            "reads as bona fide",
        ),
        (
            "oulu",
            Score(presentation=Presentation(path="a", label=Label.ATTACK, instrument="x"), score=0),
            "names like 1_1_36_1",
        ),
        (
            "oulu",
            Score(presentation=Presentation(path="1_1_36_1", label=Label.ATTACK, instrument="x"), score=0),
            "bona fide by its name",
        ),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_nothing_written(
    tmp_path: Path, form: str, score: Any, rule: str
) -> None:
    with pytest.raises(DataError, match=rule):
        write_scores(tmp_path / "out.txt", [score], form)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "read", [read_scores, read_stress, read_plan, lambda path: read_labels(path.parent, path)]
)
def test_a_pipe_is_no_table(tmp_path: Path, read: Any) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"not a plain file|does not exist"):
        read(tmp_path / "pipe")


@pytest.mark.parametrize(
    "text",
    [
        "PRESENTATION; Subject ;Label;instrument;SCORE;Split\n a ;p; Bona_Fide ;; 0.9 ;dev\n",
        "Presentation\tsubject\tlabel\tInstrument\tscore\tSPLIT\na\tp\tbona-fide\t\t0.9\tdev\n",
        "\n\npresentation,subject,label,instrument,score,split,,\na,p,BONA FIDE,,0.9,dev,,,\n,,,,,,,\n",
        "Claimed ID;Test_Label;IS_BONAFIDE;attack type;Score;Split\np;a; TRUE ;;0.9;dev\n",
    ],
)
def test_separators_capitals_and_blanks_of_spreadsheets_are_understood(tmp_path: Path, text: str) -> None:
    (row,) = read_scores(_file(tmp_path, text))
    assert (row.name, row.subject, row.score) == ("a", "p", 0.9)
    assert (row.label, row.columns) == (Label.BONA_FIDE, {"split": "dev"})


@pytest.mark.parametrize("text", ["0.9;Bona_Fide\n0.1;ATTACK\n", "0.9, 1\n0.1, 0\n", "0.9\t+1\n0.1\t-1\n"])
def test_a_score_and_its_label_may_be_parted_as_spreadsheets_do(tmp_path: Path, text: str) -> None:
    rows = read_scores(_file(tmp_path, text))
    assert [(row.label, row.score) for row in rows] == [(Label.BONA_FIDE, 0.9), (Label.ATTACK, 0.1)]


def test_names_of_oulu_may_be_parted_from_scores_by_semicolons(tmp_path: Path) -> None:
    (row,) = read_scores(_file(tmp_path, "6_3_20_5.avi; 0.25\n"))
    assert (row.name, row.instrument, row.score) == ("6_3_20_5", "replay/display-2", 0.25)


@pytest.mark.parametrize("cell", ["live", "bonafide", ""])
def test_a_label_that_is_none_is_cited(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match=f"line 2: the label is '{cell}'; it must be bona_fide or attack"):
        read_scores(_file(tmp_path, OURS + f"x,,{cell},print,0.5,test\n"))


def test_a_plan_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    rows = make_plan(subjects=2, per_species=1, species=["print/matt"], seed=1)
    write_plan(tmp_path / "plan.csv", rows)
    text = (tmp_path / "plan.csv").read_text().replace(",", ";").replace("bona_fide", "Bona_Fide")
    text = text.replace("number;", "Number;").replace(";;\n", "; None ;\n")
    assert [row.label for row in read_plan(_file(tmp_path, text))] == [row.label for row in rows]
    assert {row.response for row in read_plan(_file(tmp_path, text))} == {"none"}


def test_a_table_of_semicolons_is_understood_and_decimal_commas_are_named(tmp_path: Path) -> None:
    table = tmp_path / "s.csv"
    table.write_text("Presentation;Subject;label;instrument;SCORE;note\na;p;bona_fide;;0.9;x,y\n")
    (row,) = read_scores(table)
    assert (row.name, row.score, row.columns) == ("a", 0.9, {"note": "x,y"})
    table.write_text("presentation;subject;label;instrument;score\na;p;bona_fide;;0,9\n")
    with pytest.raises(DataError, match="with a point before its decimals"):
        read_scores(table)
