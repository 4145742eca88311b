"""Writes what the packaged model was trained on into THIRD_PARTY_NOTICES.md, from the model's own ledger.

python scripts/notices.py
"""

from pathlib import Path

from unmask.contract import Contract
from unmask.detector.detector import packaged
from unmask.detector.model_file import read_file

NOTICES = Path(__file__).parent.parent / "THIRD_PARTY_NOTICES.md"
BEGIN, END = "<!-- begin: scripts/notices.py -->\n", "<!-- end -->\n"


def section(contracts: list[Contract]) -> str:
    """A table for each packaged model: material, licence, items, and what the ledger notes of it."""
    lines = []
    for contract in contracts:
        lines += [
            f"### {contract.name} {contract.version}",
            "",
            "| material | licence | items | note |",
            "| --- | --- | --- | --- |",
        ]
        for row in contract.training_data:
            cells = (row.name, row.licence, f"{row.items:,}", row.note)
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def written(text: str, contracts: list[Contract]) -> str:
    """The notices with the section in its place."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{section(contracts)}{END}{tail}"


if __name__ == "__main__":
    found = [read_file(path)[1] for path in packaged()]
    NOTICES.write_text(written(NOTICES.read_text(), found))
    print(NOTICES)
