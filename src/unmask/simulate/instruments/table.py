"""All attacks: one row for each instrument, named family/species."""

from unmask.simulate.instruments.displays import models_of
from unmask.simulate.instruments.flat import (
    crumpled_print,
    cutout_print,
    glossy_print,
    matt_print,
    photograph,
    replayed,
)
from unmask.simulate.instruments.makeup import cosmetic, impersonation, obfuscation
from unmask.simulate.instruments.mannequins import mannequin
from unmask.simulate.instruments.masks import worn_paper
from unmask.simulate.instruments.partial import funny_eye, paper_glasses, paper_strip
from unmask.simulate.instruments.prints import PRINTERS, STOCKS
from unmask.simulate.instruments.setting import Instrument
from unmask.simulate.instruments.shells import half, resin, silicone, transparent

INSTRUMENTS: dict[str, Instrument] = {
    "print/matt": Instrument(present=matt_print, models=STOCKS["matt"].printers, like="Print", share=1.2),
    "print/glossy": Instrument(
        present=glossy_print, models=STOCKS["glossy"].printers, like="Print", share=0.8
    ),
    "print/photo": Instrument(present=photograph, models=STOCKS["photo"].printers, like="Print"),
    "print/cutout": Instrument(present=cutout_print, models=tuple(PRINTERS), like="Print", share=0.6),
    "print/crumpled": Instrument(
        present=crumpled_print, models=STOCKS["matt"].printers, like="Print", share=0.5
    ),
    "replay/phone": Instrument(present=replayed, models=models_of("phone"), like="Replay", share=2.4),
    "replay/tablet": Instrument(present=replayed, models=models_of("tablet"), like="Replay", share=1.2),
    "replay/monitor": Instrument(present=replayed, models=models_of("monitor"), like="Replay", share=1.2),
    "mask/paper": Instrument(
        present=worn_paper, models=("office", "photo", "card"), like="Paper Mask", share=1.2
    ),
    "mask/half": Instrument(present=half, models=("upper", "lower", "side"), like="Half Mask", share=0.4),
    "mask/resin": Instrument(
        present=resin, models=("white", "painted", "printed"), like="Mannequin Head", share=0.6
    ),
    "mask/mannequin": Instrument(
        present=mannequin, models=("painted", "plain", "wigged"), like="Mannequin Head", share=0.8
    ),
    "mask/silicone": Instrument(
        present=silicone, models=("pale", "tan", "dark"), like="Silicone Mask", share=0.6
    ),
    "mask/transparent": Instrument(
        present=transparent, models=("clear", "frosted", "tinted"), like="Transparent Mask", share=0.4
    ),
    "makeup/obfuscation": Instrument(
        present=obfuscation, models=("patterns", "figure", "wounds"), like="Obfuscation", share=0.25
    ),
    "makeup/impersonation": Instrument(
        present=impersonation, models=("tone", "features", "contour"), like="Impersonation", share=0.25
    ),
    "makeup/cosmetic": Instrument(
        present=cosmetic, models=("evening", "pale", "bronze"), like="Cosmetic", share=0.25
    ),
    "partial/funny-eye": Instrument(
        present=funny_eye, models=("photograph", "cartoon", "eyeballs"), like="Funny Eye", share=0.25
    ),
    "partial/paper-glasses": Instrument(
        present=paper_glasses, models=("printed", "open", "dark"), like="Paper Glasses", share=0.25
    ),
    "partial/paper": Instrument(
        present=paper_strip, models=("eyes", "nose", "mouth"), like="Partial Paper", share=0.25
    ),
}
