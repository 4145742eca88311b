"""All attacks: one row for each instrument, named family/species."""

from unmask.simulate.flat import bent_print, flat_print, photo_replay, video_replay
from unmask.simulate.makeup import cosmetic, impersonation, obfuscation
from unmask.simulate.mannequins import mannequin
from unmask.simulate.masks import worn_paper
from unmask.simulate.setting import Instrument
from unmask.simulate.shells import half, resin, silicone, transparent

INSTRUMENTS: dict[str, Instrument] = {
    "print/flat": Instrument(present=flat_print, models=("any",), like="Print"),
    "print/bent": Instrument(present=bent_print, models=("any",), like="Print"),
    "replay/photo": Instrument(present=photo_replay, models=("any",), like="Replay"),
    "replay/video": Instrument(present=video_replay, models=("any",), like="Replay"),
    "mask/paper": Instrument(present=worn_paper, models=("any",), like="Paper Mask"),
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
}
