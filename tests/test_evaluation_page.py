"""docs/evaluation.md shows what the command prints."""

import re
import sys
from pathlib import Path

import pytest

from unmask.app.cli import main

PAGE = Path(__file__).parent.parent / "docs" / "evaluation.md"


def test_the_example_prints_what_the_page_shows(tmp_path, monkeypatch, capsys):
    text = PAGE.read_text()
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    command, shown = re.search(r"```console\n\$ unmask (.*?)\n(.*?)```", text, re.DOTALL).groups()
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    monkeypatch.setattr(sys, "argv", ["unmask", *command.split()])
    with pytest.raises(SystemExit) as left:
        main()
    printed = [line.rstrip() for line in capsys.readouterr().out.strip().splitlines()]
    assert left.value.code in (0, None)
    assert printed == [line.rstrip() for line in shown.strip().splitlines()]
