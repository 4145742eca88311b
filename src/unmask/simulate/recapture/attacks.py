"""All recaptures: one row for each kind, with its instrument's name in simulate.instruments where there is
one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unmask.simulate.recapture.bona_fide import TakenPicture, photographed
from unmask.simulate.recapture.cards import draw_card
from unmask.simulate.recapture.display import crisp, panel, replayed, warm
from unmask.simulate.recapture.edged import edged
from unmask.simulate.recapture.paper import printed, sheet
from unmask.simulate.recapture.skins import STUFFS, cast_mask, clear_mask
from unmask.simulate.recapture.takes import Base, Take, TakeFraming, framed, sized, taken
from unmask.simulate.recapture.worn import cut_out, half_mask, paper_mask

_VICTIM = TakeFraming(tight=False, scale=2.2, aspect=1.0, shift=(0.0, 0.0), mirrored=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRequest:
    """What an attack is made of: the whole picture `base`, how it is framed, somebody else who may be
    printed on what the face in `base` wears, pictures of rooms.
    """

    base: Base
    framing: TakeFraming
    other: Callable[[], Base]
    rooms: Sequence[Path]

    @property
    def part(self) -> Base:
        """The part of the picture that is shown or taken."""
        return framed(self.base, self.framing)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackKind:
    """How often it is made, before all sum to 1, and how; `wide`: only where edges may be seen."""

    share: float
    make: Callable[[AttackRequest, np.random.Generator], TakenPicture]
    wide: bool = False


def _worn(
    put_on: Callable[[Take, Take, np.random.Generator], Take],
) -> Callable[[AttackRequest, np.random.Generator], TakenPicture]:
    """Somebody else's printed face worn by who is in the picture, before the cameras of bona fide faces."""

    def make(attempt: AttackRequest, rng: np.random.Generator) -> TakenPicture:
        victim = framed(attempt.other(), _VICTIM)
        return photographed(
            attempt.part, rng, dress=lambda take: put_on(take, taken(sized(victim, face_px=take.side)), rng)
        )

    return make


def _cast(name: str) -> Callable[[AttackRequest, np.random.Generator], TakenPicture]:
    def make(attempt: AttackRequest, rng: np.random.Generator) -> TakenPicture:
        return photographed(attempt.part, rng, dress=lambda take: cast_mask(take, rng, stuff=STUFFS[name]))

    return make


def _clear(attempt: AttackRequest, rng: np.random.Generator) -> TakenPicture:
    return photographed(attempt.part, rng, dress=lambda take: clear_mask(take, rng, rooms=attempt.rooms))


def _card(attempt: AttackRequest, rng: np.random.Generator) -> TakenPicture:
    """A card or a passport's page, as wide as the framing has it, or whole on a table."""
    card = draw_card(attempt.base, rng)
    if not attempt.framing.tight and rng.random() < 0.3:
        return edged(card, rng, attempt.rooms, replay=False)
    part = framed(card, _with_text(attempt.framing))
    return photographed(part, rng, dress=lambda take: sheet(take, rng))


def _with_text(framing: TakeFraming) -> TakeFraming:
    """Some of what is written beside the portrait is seen, however tight the framing."""
    return (
        replace(framing, scale=1.25 * framing.scale, aspect=0.8 * framing.aspect)
        if framing.tight
        else framing
    )


def _card_on_screen(attempt: AttackRequest, rng: np.random.Generator) -> TakenPicture:
    part = framed(draw_card(attempt.base, rng), _with_text(attempt.framing))
    return photographed(part, rng, dress=lambda take: panel(take, rng, attempt.rooms))


KINDS: dict[str, AttackKind] = {
    "replay/phone": AttackKind(share=0.18, make=lambda a, rng: replayed(a.part, rng, a.rooms)),
    "replay/phone edged": AttackKind(
        share=0.16, wide=True, make=lambda a, rng: edged(a.part, rng, a.rooms, replay=True)
    ),
    "replay/phone card": AttackKind(share=0.02, make=_card_on_screen),
    "replay/tablet": AttackKind(
        share=0.06,
        make=lambda a, rng: photographed(a.part, rng, dress=lambda take: panel(take, rng, a.rooms)),
    ),
    "replay/tablet warm": AttackKind(share=0.05, make=lambda a, rng: warm(a.part, rng, a.rooms)),
    "replay/monitor": AttackKind(share=0.09, make=lambda a, rng: crisp(a.part, rng, a.rooms)),
    "print/matt": AttackKind(share=0.09, make=lambda a, rng: printed(a.part, rng, gloss=False)),
    "print/matt edged": AttackKind(
        share=0.10, wide=True, make=lambda a, rng: edged(a.part, rng, a.rooms, replay=False)
    ),
    "print/glossy": AttackKind(share=0.05, make=lambda a, rng: printed(a.part, rng, gloss=True)),
    "print/photo": AttackKind(
        share=0.05, make=lambda a, rng: photographed(a.part, rng, dress=lambda take: sheet(take, rng))
    ),
    "print/card": AttackKind(share=0.06, make=_card),
    "print/cutout": AttackKind(share=0.03, make=_worn(cut_out)),
    "mask/paper": AttackKind(share=0.09, make=_worn(paper_mask)),
    "mask/half": AttackKind(share=0.02, make=_worn(half_mask)),
    "mask/silicone": AttackKind(share=0.05, make=_cast("silicone")),
    "mask/resin": AttackKind(share=0.03, make=_cast("resin")),
    "mask/mannequin": AttackKind(share=0.03, make=_cast("mannequin")),
    "mask/transparent": AttackKind(share=0.02, make=_clear),
}


def attack(attempt: AttackRequest, rng: np.random.Generator) -> tuple[str, TakenPicture]:
    """Name of the instrument, and the picture, of a kind drawn by the shares that fit the framing."""
    names = [name for name, kind in KINDS.items() if not (kind.wide and attempt.framing.tight)]
    shares = np.array([KINDS[name].share for name in names])
    name = str(rng.choice(names, p=shares / shares.sum()))
    return name.partition(" ")[0], KINDS[name].make(attempt, rng)
