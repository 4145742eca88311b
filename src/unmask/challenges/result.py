"""What a challenge says: a verdict beside the passive score, its reasons, and what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unmask.types import Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeResult:
    """The answer of a judge.

    `evidence` holds plain numbers, strings and lists by name, ready for JSON; None where something could not
    be measured.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return {
            "verdict": str(self.verdict),
            "reasons": [str(reason) for reason in self.reasons],
            "evidence": dict(self.evidence),
        }


def fused(passive: Verdict, challenge: Verdict) -> Verdict:
    """The verdict of a session with a challenge: LIVE only where both say LIVE, ATTACK where either does.

    >>> fused(Verdict.LIVE, Verdict.UNDECIDED)
    <Verdict.UNDECIDED: 'UNDECIDED'>
    >>> fused(Verdict.UNDECIDED, Verdict.ATTACK)
    <Verdict.ATTACK: 'ATTACK'>
    """
    both = (passive, challenge)
    if Verdict.ATTACK in both:
        return Verdict.ATTACK
    return Verdict.LIVE if both == (Verdict.LIVE, Verdict.LIVE) else Verdict.UNDECIDED
