"""`unmask report`: the page says what the tables carry, and where they carry little; nothing crashes."""

import base64
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from conftest import random_contract
from present import present
from unmask.contract import to_json
from unmask.evaluation.measure import measure
from unmask.evaluation.runs import Run
from unmask.report import charts
from unmask.report.report_page import Provenance, Report, page
from unmask.scores import write_scores
from unmask.scores.evidence import ClipEvidence, evidence_path, write_about, write_evidence
from unmask.types import Label, Presentation, Score

MADE = datetime(2026, 11, 27, 16, 30)
NEEDED = ("matplotlib", "sklearn")
for name in NEEDED:
    pytest.importorskip(name)


def scores(
    rng: np.random.Generator,
    *,
    people: Any = 6,
    instruments: Any = ("print/a4", "replay/phone"),
    split: str = "",
    start: Any = 0,
    threshold: str = "0.5",
) -> Any:
    """Each person has one bona fide presentation and one of each instrument; one attack has no score."""
    found = []
    for person in range(start, start + people):
        for kind in ("", *instruments):
            level = 0.35 + (0.0 if kind else 0.3)
            columns = {
                "camera": f"cam-{person % 2}",
                "face_luma": str(40 + 20 * person),
                "threshold": threshold,
            }
            if split:
                columns["split"] = split
            silent = person == start and kind == "print/a4"
            found.append(
                Score(
                    presentation=Presentation(
                        path=f"{person}/{kind or 'alive'}.mp4",
                        label=Label.ATTACK if kind else Label.BONA_FIDE,
                        instrument=kind,
                        subject=f"s{person}",
                    ),
                    score=float("nan") if silent else float(rng.normal(level, 0.1)),
                    columns={**columns, "reasons": "NO_FACE" if silent else ""},
                )
            )
    return found


def keep(folder: Any, rows: Any, *, width: Any = 8) -> None:
    """Evidence of each row that has a score."""
    for number, row in enumerate(rows):
        if np.isfinite(row.score):
            picture = np.full((32, 32, 3), 10 + number % 200, np.uint8)
            features = np.random.default_rng(number).normal(row.score, 1, width)
            depth = np.full((1, 32, 32), row.score, np.float32)
            write_evidence(
                folder,
                ClipEvidence(
                    presentation=row.name,
                    score=row.score,
                    model="toy 0.0.0",
                    time_s=0.0,
                    picture=picture,
                    depth=depth,
                    features=features,
                ),
            )
    write_about(folder, contracts=[to_json(random_contract("toy", frames=1))], settings={"protocol": "p/1"})


@pytest.fixture
def report(unmask: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Any:
    """Runs `unmask report` on tables by name: (exit code, the page's text, stderr)."""

    def run(tables: Any, *arguments: Any, rounds: Any = 20) -> Any:
        paths = []
        for name, rows in tables.items():
            write_scores(tmp_path / f"{name}.csv", rows)
            paths.append(tmp_path / f"{name}.csv")
        out = tmp_path / "report.html"
        code, _, err = unmask("report", *paths, "--out", out, "--rounds", rounds, *arguments)
        return code, out.read_text() if out.exists() else "", err

    return run


def words(html: Any) -> Any:
    """What a reader sees, on one line."""
    found = []

    class Reader(HTMLParser):
        inside = False

        def handle_starttag(self, tag: Any, attributes: Any) -> None:
            self.inside = tag == "style" or (self.inside and tag != "body")

        def handle_data(self, data: Any) -> None:
            if not self.inside:
                found.append(data)

    Reader().feed(html)
    return " ".join(" ".join(found).split())


def test_the_page_stands_alone_and_runs_nothing(
    report: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    rows = scores(rng)
    keep(tmp_path / "seen", rows)
    code, html, err = report({"door": rows}, "--evidence", tmp_path / "seen")
    assert code == 0, err
    assert "<script" not in html
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", html)
    assert "@import" not in html
    assert html.count("<img") >= 12


def test_the_figures_are_those_of_the_metrics(rng: np.random.Generator) -> None:
    run = Run(system="door", fold="", dev=(), test=tuple(scores(rng, people=40)))
    system = measure(run, None, rounds=50)
    html = words(
        page(
            Report(systems=(system,), provenance=(Provenance(table="t", sha256="ab"),), notes=()),
            made_at=MADE,
        )
    )
    honest = present(system.honest)
    bpcer, worst = honest.bpcer, honest.instruments[present(honest.worst_instrument)]
    for rate in (bpcer, worst):
        assert f"{100 * rate.value:.1f} % {rate.errors} of {rate.count} " in html
        assert f"{100 * rate.low:.1f} to {100 * rate.high:.1f}" in html
    assert f"{honest.worst_instrument}, the worst" in html
    assert f"{honest.auc.value:.3f}" in html
    assert "NO_FACE (0 bona fide, 1 attacks)" in html


def test_what_was_tested_and_how_is_named(report: Any, rng: np.random.Generator, tmp_path: Path) -> None:
    rows = scores(rng)
    keep(tmp_path / "seen", rows)
    text = words(report({"door": rows}, "--evidence", tmp_path / "seen", "--title", "The <front> door")[1])
    assert text.startswith("The <front> door")
    for piece in (
        "Model toy 0.0.0",
        "commit",
        "CC0-1.0",
        "p/1",
        "SHA-256",
        "the model's own operating point: 0.5000",
    ):
        assert piece in text
    assert "name it with --model" in words(report({"door": rows})[1])


def test_the_threshold_is_honest_where_it_can_be_and_stands_beside_the_oracle(
    report: Any, rng: np.random.Generator
) -> None:
    rows = scores(rng, split="dev") + scores(rng, split="test", start=10)
    text = words(report({"door": rows})[1])
    assert "dev-eer" in text
    assert "at the oracle’s threshold" in text
    bare = scores(rng, threshold="")
    text = words(report({"door": bare})[1])
    assert "There is no honest threshold" in text
    assert "the oracle, chosen on test" in text
    assert "fixed=0.4" in words(report({"door": bare}, "--threshold", "fixed=0.4")[1])


def test_the_same_tables_give_the_same_page(rng: np.random.Generator) -> None:
    run = Run(system="door", fold="", dev=(), test=tuple(scores(rng)))
    pages = set()
    for _ in range(2):
        system = measure(run, None, rounds=20)
        pages.add(
            page(
                Report(systems=(system,), provenance=(Provenance(table="t", sha256="ab"),), notes=()),
                made_at=MADE,
            )
        )
    assert len(pages) == 1


def test_the_same_evidence_gives_the_same_pictures(
    report: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    rows = scores(rng)
    keep(tmp_path / "seen", rows)
    pages = [report({"door": rows}, "--evidence", tmp_path / "seen")[1] for _ in range(2)]
    first, second = (re.findall(r'src="(data:[^"]+)"', html) for html in pages)
    assert first == second


def test_pictures_have_no_date_and_no_chance_in_them(rng: np.random.Generator) -> None:
    system = measure(Run(system="a", fold="", dev=(), test=tuple(scores(rng))), None, rounds=0)
    other = measure(Run(system="b", fold="", dev=(), test=tuple(scores(rng))), None, rounds=0)
    for draw in (charts.det, charts.roc):
        first, second = draw([system, other]), draw([system, other])
        assert first == second
        svg = base64.b64decode(first.partition(",")[2]).decode()
        assert svg.startswith("<svg")
        assert "date" not in svg.lower()
        assert draw([other, system]) != first
    assert charts.histograms(system) == charts.histograms(system)
    assert set(charts.histograms(system)) == {"bona fide", "print/a4", "replay/phone"}


def test_curves_of_many_scores_stay_small_and_keep_their_corners(rng: np.random.Generator) -> None:
    bona_fide = [
        Score(presentation=Presentation(path=f"l{n}", label=Label.BONA_FIDE), score=float(s))
        for n, s in enumerate(rng.normal(1, 1, 20_000))
    ]
    attacks = [
        Score(presentation=Presentation(path=f"a{n}", label=Label.ATTACK, instrument="p"), score=float(s))
        for n, s in enumerate(rng.normal(0, 1, 20_000))
    ]
    system = measure(Run(system="a", fold="", dev=(), test=(*bona_fide, *attacks)), None, rounds=0)
    assert len(charts.det([system])) < 120_000
    x, y = np.array([0.0, 0.0, 0.00001, 1.0, 1.0]), np.array([1.0, 0.5, 0.5, 0.5, 0.0])
    np.testing.assert_array_equal(charts.thinned(x, y), [x, y])


def test_the_det_curve_goes_through_rates_that_were_counted(rng: np.random.Generator) -> None:
    system = measure(Run(system="a", fold="", dev=(), test=tuple(scores(rng, people=9))), None, rounds=0)
    apcer, bpcer = charts.rates_of(system, worst=True)
    pairs = {(round(a, 9), round(b, 9)) for a, b in zip(apcer, bpcer, strict=True)}
    for summary in (present(system.honest), present(system.oracle)):
        assert (round(summary.apcer, 9), round(summary.bpcer.value, 9)) in pairs
    assert apcer[-1] == 0
    assert bpcer[-1] == 1


def test_tables_of_different_data_are_not_compared_in_silence(report: Any, rng: np.random.Generator) -> None:
    code, html, err = report({"a": scores(rng), "b": scores(rng, start=3)})
    assert code == 0
    assert "tested on different presentations (a 18, b 18; 9 in all of them)" in words(html)
    assert "do not compare" in err
    same = scores(rng)
    assert "different presentations" not in words(report({"a": same, "b": scores(rng)})[1])


def test_tables_that_disagree_on_the_truth_are_told(report: Any, rng: np.random.Generator) -> None:
    rows, twisted = scores(rng), scores(rng)
    row = twisted[0]
    twisted[0] = Score(
        presentation=Presentation(path=row.name, label=Label.ATTACK, instrument="print/a4"), score=0.1
    )
    assert "do not agree on what 1 presentations are, 0/alive.mp4" in words(
        report({"a": rows, "b": twisted})[1]
    )


def test_last_and_best_epoch_stand_side_by_side(report: Any, rng: np.random.Generator) -> None:
    text = words(report({"run-last": scores(rng), "run-best": scores(rng), "other": scores(rng)})[1])
    assert "Last against best epoch" in text
    part = text.partition("Last against best epoch")[2].partition("Curves and operating points")[0]
    assert part.index("run-last") < part.index("run-best")
    assert "other" not in part.replace("nobody", "")
    assert "Last against best" not in words(report({"run-last": scores(rng)})[1])


def test_one_instrument_is_said_to_be_one(report: Any, rng: np.random.Generator) -> None:
    code, html, _ = report({"door": scores(rng, instruments=("mask/paper",))})
    assert code == 0
    assert "one instrument alone, mask/paper" in words(html)


def test_three_presentations_make_a_page_that_says_so(report: Any, rng: np.random.Generator) -> None:
    rows = scores(rng, people=1)[:1] + scores(rng, people=1, start=4)[1:]
    code, html, err = report({"door": rows})
    assert code == 0, err
    text = words(html)
    assert (
        "1 bona fide presentations are few: even without a single error the rate could be up to 98 %" in text
    )
    assert "2 attacks are few" in text


@pytest.mark.parametrize(("kind", "missing"), [(Label.ATTACK, "BPCER"), (Label.BONA_FIDE, "APCER")])
def test_one_class_alone_has_the_rates_it_can_have(
    report: Any, rng: np.random.Generator, kind: Any, missing: str
) -> None:
    rows = [row for row in scores(rng) if row.label is kind]
    code, html, err = report({"door": rows})
    assert code == 0, err
    assert f"nothing is known of {missing}" in words(html)
    bare = [
        Score(
            presentation=Presentation(path=r.name, label=r.label, instrument=r.instrument),
            score=r.score,
        )
        for r in rows
    ]
    code, html, err = report({"door": bare})
    assert code == 0, err
    assert "There is no threshold" in words(html)


def test_without_any_score_the_page_is_there(report: Any, rng: np.random.Generator) -> None:
    rows = [
        Score(
            presentation=Presentation(path=r.name, label=r.label, instrument=r.instrument),
            score=float("nan"),
        )
        for r in scores(rng)
    ]
    code, html, err = report({"door": rows})
    assert code == 0, err
    assert "no curve" in words(html)


def test_missing_broken_and_foreign_evidence(report: Any, rng: np.random.Generator, tmp_path: Path) -> None:
    rows = scores(rng)
    text = words(report({"door": rows})[1])
    assert "No pictures: the table came without" in text
    keep(tmp_path / "seen", rows[1:])
    text = words(report({"door": rows}, "--evidence", tmp_path / "seen")[1])
    assert "1 scored presentations have no evidence" in text
    keep(tmp_path / "other", scores(np.random.default_rng(9)))
    code, html, err = report({"door": rows}, "--evidence", tmp_path / "other")
    assert code == 0
    assert "files of evidence are of another run" in words(html)
    assert "are of another run than the table" in err
    assert "Model toy" not in words(html)
    evidence_path(tmp_path / "seen", rows[2].name).write_bytes(b"cut")
    code, html, err = report({"door": rows}, "--evidence", tmp_path / "seen")
    assert code == 0
    assert "1 files of evidence cannot be read" in words(html)
    assert "is not evidence that scoring wrote" in err
    assert "is not a folder" in report({"door": rows}, "--evidence", tmp_path / "nowhere")[2]


def test_the_worst_errors_come_first_and_without_pictures_too(
    report: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    rows = scores(rng, people=12)
    rows[1] = Score(
        presentation=Presentation(path="bad", label=Label.ATTACK, instrument="print/a4"),
        score=0.99,
        columns=rows[1].columns,
    )
    rows[3] = Score(
        presentation=Presentation(path="sad", label=Label.BONA_FIDE), score=0.01, columns=rows[3].columns
    )
    keep(tmp_path / "seen", rows)
    for arguments in ((), ("--evidence", tmp_path / "seen")):
        html = report({"door": rows}, *arguments)[1]
        accepted = html.partition("Attacks accepted")[2].partition("Bona fide refused")[0]
        refused = html.partition("Bona fide refused, the")[2].partition("Typical")[0]
        assert present(re.search(r'class="name">([^<]*)', accepted))[1] == "bad"
        assert present(re.search(r'class="name">([^<]*)', refused))[1] == "sad"
        assert ("data:image/jpeg" in accepted) == bool(arguments)


def test_a_map_needs_features_and_presentations(
    report: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    rows = scores(rng)
    keep(tmp_path / "seen", rows)
    assert "t-SNE of an inner tensor" in words(report({"door": rows}, "--evidence", tmp_path / "seen")[1])
    keep(tmp_path / "few", rows[:4])
    assert "No map of features" in words(report({"door": rows}, "--evidence", tmp_path / "few")[1])


def test_the_decision_plane_is_drawn_where_the_table_has_its_columns(
    report: Any, rng: np.random.Generator
) -> None:
    rows = [
        Score(
            presentation=Presentation(path=r.name, label=r.label, instrument=r.instrument),
            score=r.score,
            columns={"variance": "0.25" if r.label is Label.BONA_FIDE else "0.75", "delta_kl": "1.5"},
        )
        for r in scores(rng)
    ]
    assert "Decision plane of FGHV" in words(report({"fghv": rows})[1])
    rows = [
        Score(
            **{
                **{f: getattr(r, f) for f in r.__dataclass_fields__},
                "columns": {"variance": "high", "delta_kl": "x"},
            }
        )
        for r in rows
    ]
    assert "Decision plane" not in words(report({"fghv": rows})[1])


def test_the_stress_of_its_own_table_ends_in_the_page(
    report: Any, rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in: Any = ModuleType("unmask.report.stress_page")
    stand_in.section = lambda path: f"<p>stressed by {path.name}</p>"
    monkeypatch.setitem(sys.modules, "unmask.report.stress_page", stand_in)
    text = words(report({"door": scores(rng)}, "--stress", tmp_path / "stress.csv")[1])
    assert "stressed by stress.csv" in text


def test_without_the_extra_there_is_one_sentence(
    report: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, html, err = report({"door": scores(rng)})
    assert (code, html) == (4, "")
    assert "needs the package matplotlib, which is missing; pip install 'unmask[report]'" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--name", "a"), "2 tables and 1 --name"),
        (("--dev", "x.csv"), "2 tables and 1 --dev"),
        (("--name", "a", "--name", "a"), "two systems are named a"),
    ],
)
def test_what_does_not_fit_is_refused(
    report: Any, rng: np.random.Generator, arguments: Any, sentence: str
) -> None:
    code, _, err = report({"a": scores(rng), "b": scores(rng)}, *arguments)
    assert code == 4
    assert sentence in err


def test_own_rows_stand_below_the_published_ones(report: Any) -> None:
    rows = scores(np.random.default_rng(0), threshold="0.5")
    code, html, _ = report({"mine": rows}, "--beside", "oulu-npu/1")
    text = words(html[html.index("Beside published figures") :])
    assert code == 0
    assert "FAS-SGTD 2.0 0.0 1.0" in text
    assert text.index("CDCN++") < text.index("mine")
    assert "no published figures of 'x'" in report({"mine": rows}, "--beside", "x")[2]
    assert (
        "oulu-npu/1.7 is not a protocol; name oulu-npu/1"
        in report({"mine": rows}, "--beside", "oulu-npu/1.7")[2]
    )
    assert "its folds are oulu-npu/3.1, oulu" in report({"mine": rows}, "--beside", "oulu-npu/3.9")[2]


def test_the_worst_of_families_is_called_so(report: Any) -> None:
    rows = [
        replace(row, columns={**row.columns, "protocol": "oulu-npu/1"})
        for row in scores(np.random.default_rng(0), threshold="0.5")
    ]
    text = words(report({"mine": rows})[1])
    assert "APCER, worst family" in text
    assert "APCER of each family of PAI species" in text
    assert "APCER, worst instrument" not in text
    text = words(report({"mine": rows}, "--worst", "instrument")[1])
    assert "APCER, worst instrument" in text
    assert "APCER of each PAI species" in text


def test_published_figures_of_another_protocol_are_told(report: Any) -> None:
    rows = [
        replace(row, columns={**row.columns, "protocol": "oulu-npu/3.2"})
        for row in scores(np.random.default_rng(0), threshold="0.5")
    ]
    sentence = "The published figures are of siw/1, the scores of oulu-npu/3.2: not comparable."
    assert sentence in report({"mine": rows}, "--beside", "siw/1")[2]
    assert "not comparable" not in report({"mine": rows}, "--beside", "oulu-npu/3")[2]
