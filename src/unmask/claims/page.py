"""The page docs/claims.md: which claims hold, which do not, and how it was found out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unmask.claims.measures import (
    DECIDED_BY,
    TESTS,
    Claim,
    SystemFigures,
    TrainedSystem,
    Tried,
    counts,
    people_needed,
)
from unmask.metrics import Estimate

MOST_PEOPLE = 10_000  # beyond it the difference is as good as none
SUBJECTS = {"real": "sources"}  # what is drawn again of a test, where it is not its people

HEAD = """# Do the claims hold?

Made by `unmask experiment claims`; do not edit. The numbers are those of `results/claims.csv`,
`results/claims_networks.csv` and `results/claims_runs.csv`. All networks of this page begin from chance;
[the claims on the encoder](claims_encoder.md) tries them again on what a pretrained encoder sees.
"""

METHOD = """## How it was tried

**Test sets.** One training serves both. *An unseen domain*: the lobby of the simulated benchmark, with
people, place, camera, printers and displays of its own, none of them in train or dev; the instruments
are known. A terminal in a lobby is where such a network is put to work. *Three unseen instruments*:
phone replays, paper masks and make-up that impersonates, against bona fide recordings of people who are
in neither train nor dev, at known places with known cameras. They are one of each kind, with the most
recordings of their kind: a screen that everyone carries, a mask with a relief of its own, and make-up,
on which the depth is a bona fide face's. No subject of a test is in train or dev.

**Trainings.** Every variant of the presets `s` and `m` sees the same number of pictures (a frame of a
clip is one; `full` has the steps of each paper's settings), from the same clips with the same
augmentation and, but for what a claim speaks of, the same optimiser; baselines, Auxiliary and CDCN among
them, are trained by the settings file shipped for them, with as many pictures but a rate of their own.
The last weights are taken; dev sets the threshold, at its equal error rate, and chooses nothing. Networks
trained in bf16 are scored in bf16. A single-frame network scores the first frame of a clip, the others
all five. Stage 2 of FAS-SGTD begins with the frozen weights of stage 1 of its seed; so that five frames
are not better only because they came after a longer training, one-frame training goes on for as many
pictures, and the claim is tried against that. Binary supervision is cross entropy of the very score, with
the same network and without any depth term, so that only the supervision differs. The true depth of an
attack is the simulator's, of every second frame; a frame without takes that of the one before.

**Intervals** are bootstrap intervals of 95 %: each draw takes subjects again, with all their
presentations, and seeds again; a figure is the mean over the drawn seeds. A difference is taken draw by
draw between two systems that were tested on the same presentations, with the same seeds. With few seeds
the spread between trainings is underestimated. Thresholds are not drawn again.

**Verdict**, by AUC: a claim *holds* where the interval of the difference lies on its side of 0, *does
not hold* where it lies on the other side, and is *not shown* where it covers 0. Nothing was corrected
for the number of claims: of twenty claims with nothing in them, one is expected to leave 0 outside its
interval.

**People needed.** Where a claim is *not shown*, the last column says how many people a test like this
one would need for the difference that was found to leave 0 outside its interval: the people of this test
times the square of half the interval over the difference. It supposes that the difference is what it
seems, and that intervals shrink with the root of the number of people; the part of them that comes from
trainings takes more seeds, not more people. A difference that would take more than 10,000 people is as
good as none.

**Reach.** What is said here is said of simulated recordings and of trainings as long as the last table
says. With the presets `s` and `m` these are narrow networks after a small part of a paper's training: a
claim that does not hold there may hold for the paper's widths, trainings and data sets, and the other way
round. All of them begin from chance, and no real item is among the tests.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsContents:
    """What the page shows; `made` is command, commit, machine, date, data hash and preset of the runs.
    `head` begins the page, `method` says how it was tried; `figures` begins the names of its two drawings.
    """

    claims: Mapping[str, Claim]
    tried: Sequence[Tried]
    measured: Sequence[SystemFigures]
    runs: Sequence[TrainedSystem]
    made: Mapping[str, Any]
    head: str = HEAD
    method: str = METHOD
    figures: str = "claims"


def page(contents: ClaimsContents) -> str:
    """The page in Markdown; its figures lie beside it."""
    blocks = [
        contents.head,
        _answer(contents),
        f"![Differences of AUC with intervals]({contents.figures}_differences.svg)\n",
        "## Claim by claim\n",
        "\n".join(_claim_table(contents)) + "\n",
        "## Every network\n",
        "\n".join(_network_table(contents)) + "\n",
        f"![AUC of every network with intervals]({contents.figures}_networks.svg)\n",
        contents.method,
        "\n".join(_budget(contents)) + "\n",
    ]
    return "\n".join(blocks)


def _answer(contents: ClaimsContents) -> str:
    """The verdicts in sentences, those against a claim as plainly as those for it."""
    lines = []
    for test, words in TESTS.items():
        by_verdict: dict[str, list[str]] = {"holds": [], "does not hold": [], "not shown": []}
        for row in contents.tried:
            if row.test == test and row.figure == DECIDED_BY:
                by_verdict[row.verdict].append(contents.claims[row.claim].words)
        for verdict, claims in by_verdict.items() if any(by_verdict.values()) else ():
            listed = "; ".join(claims) or "none"
            lines.append(f"- On {words}, **{verdict}** ({len(claims)}): {listed}.")
    missing = set(contents.claims) - {row.claim for row in contents.tried}
    if missing:
        lines.append(f"- Not tried, for want of runs that are done: {', '.join(sorted(missing))}.")
    return "\n".join(lines) + "\n"


def _claim_table(contents: ClaimsContents) -> Iterator[str]:
    yield "| claim | test | systems | AUC | difference of AUC | of HTER | of ACER | verdict | people needed |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    sizes = counts(contents.runs)
    found = {(row.claim, row.test, row.figure): row for row in contents.tried}
    for name, claim in contents.claims.items():
        for test, words in TESTS.items():
            if (row := found.get((name, test, DECIDED_BY))) is None:
                continue
            hter, acer = (found[name, test, figure].difference for figure in ("hter", "acer"))
            yield (
                f"| {claim.words} ({claim.paper}) | {words} | {claim.better} against {claim.worse} "
                f"| {row.better.value:.3f} against {row.worse.value:.3f} | {_signed(row.difference)} "
                f"| {_signed(hter)} | {_signed(acer)} | **{row.verdict}** "
                f"| {_needed(row.difference, sizes[test]['subjects'], test=test)} |"
            )


def _network_table(contents: ClaimsContents) -> Iterator[str]:
    yield "Error rates are at the threshold of dev's equal error rate; APCER is the worst instrument's.\n"
    yield "| system | test | AUC | HTER | ACER | APCER, worst | BPCER |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in contents.measured:
        cells = " | ".join(_plain(row.figures[name]) for name in ("auc", "hter", "acer", "apcer", "bpcer"))
        yield f"| {row.system} | {TESTS[row.test]} | {cells} |"


def _budget(contents: ClaimsContents) -> Iterator[str]:
    made, runs = contents.made, contents.runs
    sizes = counts(runs)
    yield "## What was run\n"
    where = f"{made['date']}, {made['machine']}, commit `{made['commit']}`"
    yield f"Preset `{made['preset']}`, {where}: `{made['command']}`."
    yield f"Benchmark: SHA-256 of its frame hashes `{made['data_sha256']}`."
    parts = (
        f"{part} {size['bona_fide']} bona fide and {size['attacks']} attacks of {size['subjects']} "
        f"{SUBJECTS.get(part, 'people')}"
        for part, size in sizes.items()
    )
    yield f"Presentations: {'; '.join(parts)}.\n"
    yield "| system | what it is | network | parameters | steps | pictures | seeds | CPU seconds a training |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in contents.measured:
        if row.test != next(iter(TESTS)):
            continue
        own = [run.record for run in runs if run.system == row.system]
        first = own[0]
        spent = sum(record["train_cpu_s"] for record in own) / len(own)
        yield (
            f"| {row.system} | {first['systems'][row.system]} | {first['network']} | {first['parameters']:,} "
            f"| {first['steps']} | {first['images']:,} | {row.seeds} | {spent:.0f} |"
        )


def _needed(difference: Estimate, people: int, *, test: str) -> str:
    if math.isnan(difference.low):  # one person of a kind: there is no interval that more could narrow
        return ""
    needed = people_needed(difference, people=people)
    if not needed:
        return ""
    count = f"{needed:,}" if needed <= MOST_PEOPLE else f"over {MOST_PEOPLE:,}"
    return f"{count} {SUBJECTS[test]}" if test in SUBJECTS else count


def _plain(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"
