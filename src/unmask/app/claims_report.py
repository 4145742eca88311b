"""Score tables of the claims' runs -> results/claims*.csv, figures and the page; from files alone."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unmask.claims.figures import forest, networks
from unmask.claims.measures import (
    Claim,
    Figures,
    SystemFigures,
    TrainedSystem,
    Tried,
    by_run,
    measured,
    read_runs,
    tried,
)
from unmask.claims.page import HEAD, METHOD, ClaimsContents, page
from unmask.files import write_bytes, write_page
from unmask.metrics import Estimate
from unmask.plain import as_csv

MADE = ("date", "commit", "command", "machine", "data_sha256", "preset")
RECORD = (
    "network",
    "parameters",
    "steps",
    "images",
    "train_s",
    "train_cpu_s",
    "all_s",
    "all_cpu_s",
    "resumed",
)


def report(
    out: Path,
    *,
    claims: Mapping[str, Claim],
    results: Path,
    docs: Path | None,
    rounds: int,
    name: str = "claims",
    head: str = HEAD,
    method: str = METHOD,
) -> None:
    """Writes three tables and two figures to `results`, and with `docs` the page and its figures; all their
    names begin with `name`.
    """
    runs = read_runs(out)
    figures = Figures(runs, rounds=rounds)
    found, systems = tried(figures, claims), measured(figures)
    made = {key: runs[-1].record.get(key, "") for key in MADE}
    _write(results / f"{name}.csv", (_claim_row(row, claims[row.claim], made) for row in found))
    _write(results / f"{name}_networks.csv", (_network_row(row, made) for row in systems))
    _write(results / f"{name}_runs.csv", (_run_row(run, test) for run in runs for test in run.tests))
    drawings = {
        f"{name}_differences.svg": forest(found, claims),
        f"{name}_networks.svg": networks(systems),
    }
    for file, drawing in drawings.items():
        for folder in {results, docs.parent if docs else results}:
            write_bytes(folder / file, drawing)
    if docs is not None:
        contents = ClaimsContents(
            claims=claims,
            tried=found,
            measured=systems,
            runs=runs,
            made=made,
            head=head,
            method=method,
            figures=name,
        )
        write_page(docs, page(contents))
        print(docs)
    print(results / f"{name}.csv")


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    columns = list(rows[0]) if rows else []
    table = [columns, *([row[column] for column in columns] for row in rows)]
    write_bytes(path, as_csv(table).encode())


def _claim_row(row: Tried, claim: Claim, made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "claim": row.claim,
        "paper": claim.paper,
        "test": row.test,
        "figure": row.figure,
        "better": claim.better,
        "worse": claim.worse,
        **_cells("better", row.better),
        **_cells("worse", row.worse),
        **_cells("difference", row.difference),
        "verdict": row.verdict,
        "seeds": row.seeds,
        **made,
    }


def _network_row(row: SystemFigures, made: Mapping[str, Any]) -> dict[str, Any]:
    cells = [_cells(name, estimate) for name, estimate in row.figures.items()]
    figures = {key: value for cell in cells for key, value in cell.items()}
    return {"system": row.system, "test": row.test, **figures, "seeds": row.seeds, **made}


def _run_row(run: TrainedSystem, test: str) -> dict[str, Any]:
    figures = {
        name: f"{value:.4f}" if isinstance(value, float) else value
        for name, value in by_run(run, test).items()
    }
    kept = {name: run.record.get(name, "") for name in (*RECORD, *MADE)}
    return {"system": run.system, "seed": run.seed, "test": test, **figures, **kept}


def _cells(name: str, estimate: Estimate) -> dict[str, str]:
    values = {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {key: f"{value:.4f}" for key, value in values.items()}
