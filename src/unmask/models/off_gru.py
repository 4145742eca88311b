"""OFF + ConvGRU (FAS-TD), the elder brother of FAS-SGTD.

Wang et al., "Exploiting temporal and depth information for multi-frame face anti-spoofing", 2018, arXiv
1811.05118.

The depth of single frames comes from plain convolutions; an OFF block compares the features of two
neighbouring frames (their spatial gradients now, their difference in time, not the gradients later), a
ConvGRU runs over the pairs, and the fused maps of all steps, side by side, tell the class. The parts shared
with FAS-SGTD are those of `sgtd`. No code is public: widths are FAS-SGTD's, and alpha and beta its
equivalents.
"""

from dataclasses import replace

from torch import Tensor, nn

from unmask.contract import MAP_PX
from unmask.models.sgtd.form import OFF_PAPER, Form
from unmask.models.sgtd.motion import Motion
from unmask.models.sgtd.network import SgtdMulti, initialise


class OffGru(SgtdMulti):
    """Clips of `frames` frames; `alpha` weighs the map of the single frame, FAS-SGTD's the other.

    Loss: 0.2 absolute, 0.2 contrast, 0.8 binary. Score, unless `form.score` is "code": 0.8 p + 0.2 |d|.
    """

    def __init__(self, form: Form = OFF_PAPER, *, frames: int = 5, alpha: float = 0.4) -> None:
        super().__init__(replace(form, alpha=1 - alpha))
        self.frame_count = frames
        self.motion = Motion(form, ahead=False)
        self.head = nn.ModuleList([nn.Linear((frames - 1) * MAP_PX * MAP_PX, 64), nn.Linear(64, 2)])
        initialise(self)

    def flat(self, depth: Tensor) -> Tensor:
        """Fused maps (B, T-1, 32, 32) -> what the head reads (B, (T-1) * 1024): all of them."""
        return depth.flatten(1)
