"""The table of a benchmark of many folds in a terminal: published rows, and the user's own below them."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from unmask.report.published import published
from unmask.types import SettingsError

TYPES = ("siw-m/loo", "siw-m-v2/2")  # protocols that leave out one type of attack; the mean is over the types
HEADS = {  # figure -> its name where the folds are data sets, and where each is one type of attack
    "hter": ("HTER", "ACER"),
    "auc": ("AUC", "AUC"),
    "eer": ("EER", "EER"),
}
WORDS = {
    "test-eer": "EER threshold of TEST",
    "dev-eer": "threshold from dev of the sources",
    "oracle": "ORACLE threshold, the least on test",
}


def drawn(
    rows: Sequence[dict[str, object]], protocols: Sequence[str], *, views: Sequence[str], name: str
) -> Table:
    """Two figures of each fold in per cent, as the field prints them, ± the deviation over seeds.

    `views` are what of a presentation was seen. HTER / AUC of data sets; ACER / EER of SiW-M's types, whose
    mean is ± the deviation over the types.
    """
    group = protocols[0].rpartition(".")[0]
    types = group in TYPES
    figures, ways = (("hter", "eer"), ("dev-eer", "oracle")) if types else (("hter", "auc"), WORDS)
    heads = [HEADS[figure][types] for figure in figures]
    table = Table(
        title=Text(f"{' / '.join(heads)}, %", "bold"), title_justify="left", box=None, pad_edge=False
    )
    table.add_column("method", header_style="dim")
    for column in (*(protocol.split("/")[-1].removeprefix("loo.") for protocol in protocols), "mean"):
        table.add_column(column, justify="right", header_style="dim")
    for method, cells in _published(protocols, heads, group=group if types else "").items():
        table.add_row(Text(method), *map(Text, cells))
    for seen in ("video",) if types else views:
        for way in ways if types else ("test-eer", "dev-eer"):
            of_row = [row for row in rows if (row["seen"], row["threshold_from"]) == (seen, way)]
            cells = [_cell(row, figures, over_folds=types) for row in of_row]
            table.add_row(Text(f"{name}, {seen}, {WORDS[way]}", "bold"), *map(Text, cells))
    return table


def _published(protocols: Sequence[str], heads: Sequence[str], *, group: str) -> dict[str, list[str]]:
    """Method -> its figures on each protocol and their mean, where the field prints one; none where a
    protocol has no published figures here.
    """
    try:
        found = [{row.method: row.figures for row in published(name)} for name in protocols]
        means = {row.method: row.figures for row in published(group)} if group else {}
    except SettingsError:
        return {}
    return {
        method: [
            " / ".join(one.get(method, {}).get(head, "") for head in heads) if one else ""
            for one in (*found, means)
        ]
        for method in found[0]
        if all(method in one for one in found)
    }


def _cell(row: dict[str, object], figures: Sequence[str], *, over_folds: bool) -> str:
    """The figures with their deviations where there are some."""
    spread = "over_folds" if over_folds and row["protocol"] == "mean" else "deviation"
    parts = []
    for figure in figures:
        value, deviation = float(str(row[figure])), float(str(row[f"{figure}_{spread}"]))
        parts.append(f"{100 * value:.2f}" + ("" if deviation != deviation else f"±{100 * deviation:.2f}"))
    return " / ".join(parts)
