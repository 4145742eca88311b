"""A linear probe: the frozen encoder of ordinary photographs and one layer, trained by steps.

Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016, arXiv 1610.01644.
The network `encoder` is the same with its layer fitted in closed form, and a picture of depth; this one is
what papers call a linear probe, under the same loop as all others.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from unmask.models.baselines.frames import Classifier
from unmask.models.encoder import FEATURES, FrozenEncoder, both_views, merged


class LinearProbe(Classifier):
    """Loss: binary 1. After training a frame and its mirror image have the mean of their features."""

    def __init__(self, *, size_px: int) -> None:
        super().__init__(mean=(0.0, 0.0, 0.0), deviation=(1.0, 1.0, 1.0))  # the encoder normalises
        self.size_px = size_px
        self.backbone = FrozenEncoder()
        self.norm = nn.BatchNorm1d(FEATURES, affine=False)
        self.head = nn.Linear(FEATURES, 2)

    def classify(self, frames: Tensor) -> Tensor:
        if self.training:
            return self.head(self.norm(self.backbone(frames)[1]))
        return self.head(self.norm(merged(self.backbone(both_views(frames))[1])))

    def from_imagenet(self, published: Mapping[str, Tensor]) -> None:
        """Take the published weights of the encoder."""
        self.backbone.net.read(published)

    def freeze(self) -> None:
        """The encoder never moves; nothing is left to do."""


def linear_probe(*, size_px: int = 224) -> LinearProbe:
    """A linear probe on the encoder for clips of `size_px`, a multiple of 32 from 64 on. No depth map."""
    return LinearProbe(size_px=size_px)
