"""What became of the frames of a source: filled while they are read, told with the verdict."""

from dataclasses import dataclass, field

MOST_DAMAGED = 0.1  # share of the frames: beyond it, what is left does not stand for the recording
LONGEST_LOST_S = 1.0  # without a good frame: an attack of that length would have gone unseen


@dataclass(slots=True, kw_only=True)
class Account:
    """Frames that were given on and frames that were left out because they, or others, are damaged.

    `period_s` is the nominal time from frame to frame, `notes` are sentences about the source.
    `ends_s` is when the latest picture ceases to be shown, as far as the source tells.
    """

    period_s: float = 1 / 30
    given: int = 0
    damaged: int = 0
    longest_s: float = 0.0
    ends_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    _run: int = 0

    def good(self, *, until_s: float = 0.0) -> None:
        """One more frame was given on, which is shown until then."""
        self.ends_s = until_s
        self.given += 1
        self._run = 0

    def lost(self, count: int = 1) -> None:
        """So many frames were left out as damaged."""
        self.damaged += count
        self._run += count
        self.longest_s = max(self.longest_s, self._run * self.period_s)

    @property
    def too_damaged(self) -> bool:
        """Whether so much is lost that a verdict on the rest must not be LIVE."""
        share = self.damaged / max(1, self.damaged + self.given)
        return share > MOST_DAMAGED or self.longest_s > LONGEST_LOST_S

    def sentences(self) -> tuple[str, ...]:
        """What is to be said of the source.

        >>> account = Account(given=138, damaged=12)
        >>> account.sentences()
        ('12 of 150 frames are damaged, or rest on damaged ones, and were left out',)
        """
        if not self.damaged:
            return tuple(self.notes)
        whole = self.given + self.damaged
        told = f"{self.damaged} of {whole} frames are damaged, or rest on damaged ones, and were left out"
        return (*self.notes, told)
