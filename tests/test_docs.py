"""The documentation: every example runs, and the site is built without a warning and without the net.

A fenced block is an example where its language says so: `python` and `pycon` are executed, a page's blocks in
one namespace; of `console` each `$ ` line is run and what it prints compared; `sh` is run, and so is a block
of commands without a language. The line before a block may say `<!-- run: REASON -->` (its output is not
compared) or `<!-- not run: REASON -->`; commands that are not run are still held against the command line, so
that no page names an option that is not there.
"""

import contextlib
import doctest
import glob
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from skimage import data

from unmask.app.cli import app
from unmask.media.video import write_video

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^(?:<!-- (not run|run): (.+?) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXECUTED = {"python", "pycon", "console", "sh"}
NO_EXAMPLES = {"", "text", "json", "toml", "csv", "html", "js"}  # layouts and formats

# Marks of pages outside the site: (page, language) -> why its blocks are not run, or only run.
MARKED_HERE = {
    ("README.md", "sh"): ("not run", "it installs what the tests are running in"),
    ("README.md", "console"): ("run", "the clips here are others"),
    ("CONTRIBUTING.md", "sh"): ("not run", "it runs these tests"),
    ("docs/claims.md", "sh"): ("not run", "the experiment takes hours"),
    ("docs/report.md", "sh"): ("not run", "it needs the reader's captures"),
    ("docs/stress.md", "sh"): ("not run", "it needs the reader's captures"),
    ("docs/calibration.md", "sh"): ("not run", "it needs more captures than a test can make"),
    ("docs/adapt.md", "sh"): ("not run", "it needs the reader's captures and files"),
    ("docs/performance.md", "sh"): ("not run", "it takes ten minutes of an idle machine"),
    ("docs/selftest.md", "sh"): ("not run", "it needs more captures than a test can make"),
}
# How many examples of each page no test runs: a new one is a decision, made here and said in the page.
NOT_RUN = {
    "README.md": 1,
    "CONTRIBUTING.md": 1,
    "docs/adapt.md": 3,
    "docs/adapters.md": 4,
    "docs/camera_page.md": 1,
    "docs/challenges.md": 1,
    "docs/datasets.md": 1,
    "docs/evaluation.md": 1,
    "docs/export.md": 1,
    "docs/fghv.md": 1,
    "docs/material.md": 1,
    "docs/performance.md": 1,
    "docs/prepare.md": 1,
    "docs/published.md": 1,
    "docs/recipes.md": 1,
    "docs/serve.md": 3,
    "docs/simulator.md": 2,
    "docs/start.md": 1,
    "docs/threat-model.md": 1,
    "docs/train.md": 1,
    "docs/training.md": 10,
    "docs/watch.md": 1,
}
# Pages of the navigation that others write; each may bring marked examples.
COMING = {"claims", "report", "stress", "calibration", "selftest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A fenced block of a page; `mark` is "", "run" or "not run"."""

    page: str
    language: str
    text: str
    mark: str = ""
    reason: str = ""


def examples(page: Path) -> list[Example]:
    """The blocks of a page in order."""
    name, found = str(page.relative_to(ROOT)), []
    for mark, reason, language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if not language and re.search(r"^(\$|unmask|pip|torchrun) ", text, re.MULTILINE):
            language = "sh"
        if not mark:
            mark, reason = MARKED_HERE.get((name, language), ("", ""))
        found.append(Example(page=name, language=language, text=text, mark=mark, reason=reason))
    return found


ALL = [example for page in PAGES for example in examples(page)]
BY_PAGE = {str(page.relative_to(ROOT)): examples(page) for page in PAGES}


@pytest.mark.parametrize("page", BY_PAGE)
def test_every_block_says_what_it_is(page: Any) -> None:
    for example in BY_PAGE[page]:
        known = EXECUTED | NO_EXAMPLES
        assert example.language in known, f"{page}: ```{example.language} must be one of {sorted(known)}"


def test_examples_that_no_test_runs_are_counted() -> None:
    counted = Counter(example.page for example in ALL if example.mark == "not run")
    expected = {page: count for page, count in counted.items() if Path(page).stem not in COMING}
    assert expected == NOT_RUN
    assert all(len(example.reason) > 10 for example in ALL if example.mark)


@pytest.fixture
def captures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples speak of, as small as it may be; it is the working folder."""
    portrait = data.astronaut()[:256, 96:352]
    write_video(tmp_path / "me.mp4", [_living(portrait, i) for i in range(13)], fps=30)
    clip = (tmp_path / "me.mp4").read_bytes()
    for name in ("clip.mp4", "out/demo/bona_fide.mp4", "captures/anna.mp4", "captures/anna-on-paper.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(clip)
    labels = "path,label,instrument\nanna.mp4,bona_fide,\nanna-on-paper.mp4,attack,print/matt\n"
    (tmp_path / "captures" / "labels.csv").write_text(labels)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def _living(portrait: np.ndarray, number: int) -> np.ndarray:
    """A frame of somebody who sways; eyes and mouth move by themselves, else it is a still picture."""
    frame = np.roll(portrait, number % 4, axis=1)
    for top in (90, 140):
        frame[top : top + 25] = np.roll(frame[top : top + 25], number % 3 * 2, axis=1)
    return frame


@pytest.mark.parametrize("page", [page for page, found in BY_PAGE.items() if found])
def test_the_examples_of_a_page_run_and_print_what_it_shows(
    page: Any, captures: Path, unmask: Callable[..., tuple[int, str, str]]
) -> None:
    portrait = data.astronaut()[:256, 96:352]
    names = {"frames": [(np.roll(portrait, i % 4, axis=1), i / 30) for i in range(13)]}
    for example in BY_PAGE[page]:
        if example.mark == "not run" or example.language not in EXECUTED:
            continue
        if example.language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(example.text, page, "exec"), names)
        elif example.language == "pycon":
            _talked(example, names)
        else:
            _ran(example, unmask)


def _talked(example: Example, names: dict[str, Any]) -> None:
    """Runs a conversation with the interpreter; what it prints must be what the page shows."""
    talk = doctest.DocTestParser().get_doctest(example.text, names, example.page, example.page, 0)
    said = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(talk, out=said.write, clear_globs=False)
    names.update(talk.globs)
    assert runner.failures == 0, said.getvalue()


def _ran(example: Example, unmask: Any) -> None:
    for command, shown in commands(example):
        words = shlex.split(command, comments=True)
        assert words[:1] == ["unmask"], (
            f"{example.page}: only `unmask` is run, not {command!r}; mark the block"
        )
        found = [match for word in words[1:] for match in (sorted(glob.glob(word)) or [word])]
        code, printed, told = unmask(*found, width=200)
        assert code in (0, 1, 2), f"{command}: {told}"
        if shown and not example.mark:
            assert _lines(printed) == _lines(shown)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def commands(example: Example) -> list[tuple[str, str]]:
    """(command, what the page shows of its output) of a console or sh block."""
    if example.language == "sh":
        lines = example.text.replace("\\\n", " ").splitlines()
        return [(line, "") for line in lines if line.split("#")[0].strip()]
    parts = re.split(r"^\$ ", example.text, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


TOLD = [(e.page, c) for e in ALL if e.language in ("sh", "console") for c, _ in commands(e)]


@pytest.mark.parametrize(("page", "command"), [told for told in TOLD if told[1].startswith("unmask ")])
def test_every_command_and_option_in_the_pages_is_there(
    page: Any, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command, comments=True)[1:]
    assert unknown(words) == "", f"{page}: {command}"


def _is_option(words: list[str]) -> bool:
    """Whether no further command is named: the group itself is meant."""
    return not words or words[0].startswith("-")


def unknown(words: list[str]) -> str:
    """What the command line does not know, or misses, in these words; "" where it would run them."""
    command: Any = typer.main.get_command(app)  # a group or a command, each with fields of its own
    words = [word.strip("[]") for word in words]
    words = [word for word in words if word != "..."]
    while hasattr(command, "commands") and not (command.invoke_without_command and _is_option(words)):
        name = words.pop(0) if words else ""
        if (command := command.get_command(None, name)) is None:
            return f"no command {name!r}"
        command = command.real() if hasattr(command, "real") else command
    options = {name: param for param in command.params for name in (*param.opts, *param.secondary_opts)}
    given, positional = set(), []
    while words:
        word = words.pop(0)
        name, equals, _ = word.partition("=")
        if not word.startswith("-"):
            positional.append(word)
        elif name not in options:
            return f"no option {name}"
        else:
            given.add(options[name].name)
            if not options[name].is_flag and not equals and words:
                words.pop(0)
    arguments = [param for param in command.params if param.param_type_name == "argument" and param.required]
    lacking = [param.name for param in arguments[len(positional) :]]
    lacking += [
        p.opts[0] for p in options.values() if p.opts[0][0] == "-" and p.required and p.name not in given
    ]
    return f"it needs {', '.join(lacking)}" if lacking else ""


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("check a.mp4 --repot x.html", "--repot"),
        ("chek a.mp4", "chek"),
        ("benchmark mak", "mak"),
        ("check", "sources"),
        ("export w", "--out"),
    ],
)
def test_a_planted_slip_is_found(line: str, word: str) -> None:
    assert word in unknown(line.split())


def test_a_planted_wrong_answer_is_found() -> None:
    wrong = Example(page="x.md", language="pycon", text=">>> 1 + 1\n3\n")
    with pytest.raises(AssertionError, match="Expected"):
        _talked(wrong, {})


FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Addresses(HTMLParser):
    """What a page would fetch when it is opened, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        given = dict(attrs)
        if tag in FETCHED and given.get(FETCHED[tag]) and given.get("rel") != "canonical":
            self.fetched.append(given[FETCHED[tag]])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}


NEEDED = ("mkdocs", "material", "mkdocstrings", "mkdocstrings_handlers")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
built = pytest.mark.skipif(bool(missing), reason=f"the extra docs is not installed: no {', '.join(missing)}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a warning is an error."""
    out = tmp_path_factory.mktemp("site")
    paths = f"{ROOT / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


@built
def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]
    assert len(pages) >= 15
    for page in pages:
        fetched = Addresses(page.read_text(encoding="utf-8")).fetched
        assert fetched
        for address in fetched:
            assert "//" not in address, f"{page.name} fetches {address}"
            assert address.startswith("data:") or (page.parent / address.split("?")[0]).resolve().is_file()
    for sheet in site.rglob("*.css"):
        outside = re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", sheet.read_text("utf-8"))
        assert outside == [], sheet


@built
def test_links_and_anchors_of_the_site_lead_somewhere(site: Path) -> None:
    pages = {page: Addresses(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    pages = {page: found for page, found in pages.items() if page.name != "404.html"}
    for page, found in pages.items():
        for link in found.links:
            if "://" in link or link.startswith("mailto:"):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path and path != "." else page
            assert target.exists(), f"{page.name}: {link}"
            if anchor and target in pages and not anchor.startswith("__"):
                assert anchor in pages[target].ids, f"{page.name}: {link}"


@built
def test_the_cards_say_what_the_contracts_say(site: Path) -> None:
    from unmask.detector.detector import packaged
    from unmask.detector.model_file import read_file

    text = (site / "models.html").read_text(encoding="utf-8")
    for path in packaged():
        contract = read_file(path)[1]
        for said in (
            contract.name,
            contract.payload_sha256,
            contract.commit,
            contract.training_data[0].licence,
        ):
            assert said in text
        for point in contract.operating_points:
            assert f"{point.threshold:.4f}" in text
            assert point.measured_on in text
