"""Tell what is missing, doubled, unreadable, miscounted or leaking in a data set's folder, and why.

Exit code: 0 only when nothing was found.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from unmask.app.progress import bar
from unmask.app.render import console
from unmask.data.catalogue import data_set
from unmask.data.doctor import Examination, Finding, FindingKind, examine
from unmask.data.splits import DataSet
from unmask.plain import sentence

WRONG = 1  # exit code where anything was found


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """The options of the command."""

    dataset: Annotated[
        str, typer.Argument(help="A data set that `unmask data` lists, as casia-surf:live=0 with an option.")
    ]
    root: Annotated[Path, typer.Argument(help="The folder that it was unpacked into.")]
    every: Annotated[bool, typer.Option("--all", help="Open every file; without it, a sample of 40.")] = False


def doctor(options: DoctorOptions) -> int:
    """Examines the folder and prints what was found; 0 only where that is nothing."""
    dataset, root = data_set(options.dataset), options.root
    with bar(f"opening files of {dataset.title}") as advance:
        examination = examine(dataset, root, every=options.every, progress=advance)
    out = console()
    out.print(Text(sentence(f"{dataset.title} in {root}"), style="bold"))
    for line in summary(examination, dataset):
        out.print(Text(sentence(line)))
    last = ""
    for finding in examination.findings:
        if finding.kind != last:
            out.print()
            out.print(Text(finding.kind, style="bold red"))
        last = finding.kind
        out.print(Padding(Text(sentence(_short(finding, root))), (0, 0, 0, 2), expand=False))
    if not examination.findings:
        out.print(Text("nothing wrong was found", style="bold green"))
    return WRONG if examination.findings else 0


def _short(finding: Finding, root: Path) -> str:
    """Paths below the folder without it; a probable mistake may be about the folder itself."""
    whole = finding.kind in (FindingKind.LAYOUT, FindingKind.MISTAKE)
    return finding.sentence if whole else finding.sentence.replace(f"{root}{os.sep}", "")


def summary(examination: Examination, dataset: DataSet) -> list[str]:
    """What was looked at, a line each."""
    if not examination.presentations:
        return ["no presentation could be read"]
    parts = ", ".join(
        f"{part or 'in no part'} {bona_fide:,} + {attacks:,}"
        for part, (bona_fide, attacks) in examination.counts.items()
    )
    published = "as published" if dataset.counts else "counts unverified: none are published"
    if edition := dataset.edition(examination.counts):
        published = f"as published: {edition}"
    wrong = any(finding.kind is FindingKind.MISCOUNTED for finding in examination.findings)
    return [
        f"{examination.presentations:,} presentations"
        + (f" of {examination.subjects:,} subjects; " if examination.subjects else ", subjects unknown; ")
        + f"{examination.opened:,} files opened"
        + ("" if examination.compared else ", their bytes not compared (--all does both)"),
        f"bona fide + attacks: {parts} ({'not as published' if wrong else published})",
    ]
