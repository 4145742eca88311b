"""Plan presentations: species after iBeta level 1, each attack between bona fide presentations."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from unmask.app.progress import say
from unmask.files import keep_inputs, write_page
from unmask.report.selftest_page import checklist
from unmask.scores.plan import ATTACKS_PER_BONA_FIDE, SPECIES, make_plan, write_plan
from unmask.types import OutputError

SPECIES_TO_ADAPT = ("print/matt", "replay/phone")


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """The options of the command."""

    out: Annotated[Path, typer.Option(help="The plan, a CSV to be filled in.")] = Path("plan.csv")
    checklist: Annotated[Path | None, typer.Option(help="Write the page to print (A4).")] = None
    subjects: Annotated[
        int | None, typer.Option(help="People who take part: 10, or 2 with --adapt, if not given.", min=1)
    ] = None
    per_species: Annotated[
        int | None,
        typer.Option(
            help="Attacks with each species: 150, a third as many bona fide between them, or 5 with --adapt, "
            "if not given.",
            min=1,
        ),
    ] = None
    species: Annotated[
        tuple[str, ...],
        typer.Option(
            help="family/species; given again for each; six, or print/matt and replay/phone with --adapt, if "
            "not given."
        ),
    ] = ()
    adapt: Annotated[
        bool,
        typer.Option("--adapt", help="A short plan for `unmask adapt`: as many bona fide as attacks."),
    ] = False
    seed: Annotated[int, typer.Option(help="Draws the order of the subjects.", min=0)] = 0


def selftest_plan(options: PlanOptions) -> int:
    """Writes the plan, and the page to print; never over a plan that may have been filled."""
    out, page = options.out, options.checklist
    keep_inputs({"--out": out, "--checklist": page}, [])
    if out.exists():
        raise OutputError(
            f"{out} is there already and may have been filled; name another file, or move it away"
        )
    rows = make_plan(
        subjects=options.subjects or (2 if options.adapt else 10),
        per_species=options.per_species or (5 if options.adapt else 150),
        species=list(options.species or (SPECIES_TO_ADAPT if options.adapt else SPECIES)),
        seed=options.seed,
        attacks_per_bona_fide=1 if options.adapt else ATTACKS_PER_BONA_FIDE,
    )
    write_plan(out, rows)
    attacks = sum(bool(row.instrument) for row in rows)
    say(f"plan: {out}, {attacks} attacks and {len(rows) - attacks} bona fide presentations")
    if page:
        write_page(page, checklist(rows, made_at=datetime.now()))
        say(f"checklist: {page}")
    return 0
