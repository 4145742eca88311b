"""The words of docs, help, docstrings and comments: plain sentences, and one word for one idea."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = [
    path
    for folder in ("src", "tests", "benchmarks", "experiments", "scripts", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "test_words.py"
]
# What must not be written -> what to write.
RULES = {
    r"(?:^|[.!?:]\s+|\n\s*\n\s*|# )Of \S": "a whole sentence, not a fragment that begins with 'Of'",
    r"(?<![Tt]here )\bis no (?!longer\b|\w+er\b|more\b|less\b|worse\b|one\b|other\b|such\b)\w+": "'is not a'",
    r"\blest\b": "'so that ... not'",
    r"\bgone on with\b": "'interrupted and resumed'",
    r"(?:Killed|Broken off), (?:it|the same)\b": "'interrupted and resumed'",
    r"(?:[:;]|\b(?:with|as|[Ww]hether|of)) who (?!is\b|trains\b)[a-z]+s\b": "'the person who'",
    r"\b(?:Wishes|TellingNetwork|refuse_twins|Drawer|typical clip)\b": "the name that took its place",
    r"\bthrice\b": "'three times'",
    r"\bupon\b": "'on'",
    r"\b(?:utilize|leverage|seamless(?:ly)?)\b": "a plainer word",
}


def prose(path: Path) -> Iterator[tuple[str, str]]:
    """(place, text) of a page, or of the docstrings, sentences and comments of a module."""
    text = path.read_text()
    name = str(path.relative_to(ROOT))
    if path.suffix == ".md":
        yield name, text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield f"{name}:{node.lineno}", node.value
    # To find comments takes longer than all else here: only where a line would break a rule if it were one.
    if any(broken(line[line.index("#") :]) for line in text.splitlines() if "#" in line):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield f"{name}:{token.start[0]}", token.string


def broken(text: str) -> list[str]:
    """The rules that `text` breaks, with what it says."""
    return [
        f"{match.group().strip()!r}: write {remedy}"
        for rule, remedy in RULES.items()
        for match in re.finditer(rule, text)
    ]


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_keeps_to_the_words(path: Path) -> None:
    assert [f"{place}: {sentence}" for place, text in prose(path) for sentence in broken(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Of the loaded networks.",
        "It ends there. Of snapshots each is judged.",
        "# Of each kind: its area.",
        "this is no picture",
        "a.json is no JSON",
        "lest it fails",
        "killed and gone on with at will",
        "thrice",
        "Killed, it goes on.",
        "it is slow; who finds no room comes again",
    ],
)
def test_a_planted_word_is_found(text: str) -> None:
    assert len(broken(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "One of the networks.",
        "There is no picture.",
        "It is no longer read, is no larger and is no worse.",
        "Offices are dark.",
        "People who wait, wait.",
    ],
)
def test_plain_sentences_pass(text: str) -> None:
    assert broken(text) == []
