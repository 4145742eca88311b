"""What networks of single frames share: frames are looked at one by one, a clip's answer is their mean."""

from collections.abc import Sequence

import torch
from torch import Tensor

from unmask.contract import ellipse_mask
from unmask.models.network import TrainableNetwork
from unmask.models.output import Output, masked_mean, unless_unseen

IMAGENET = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # mean and deviation, as torchvision's networks take


class FrameNetwork(TrainableNetwork):
    """Frames -> `judge` -> output; `mean` and `deviation` of a channel normalise what `frames` gives."""

    ellipse: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, *, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("ellipse", torch.from_numpy(ellipse_mask()), persistent=False)
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1), persistent=False)

    def forward(self, clips: Tensor, mask: Tensor | None = None) -> Output:
        """`clips` (B, T, 3, H, W) in [0, 1]; `mask` (B, 32, 32) in [0, 1], a fixed ellipse when None."""
        return self.judge(clips, self.ellipse if mask is None else mask)

    def named(self, clips: Tensor, mask: Tensor | None = None) -> tuple[Output, dict[str, Tensor]]:
        """The output; there is nothing inside that a stream could keep from one clip to the next."""
        return self.forward(clips, mask), {}

    def frames(self, clips: Tensor) -> Tensor:
        """(B, T, 3, H, W) -> normalised frames (B*T, 3, H, W)."""
        return (clips.flatten(0, 1) - self.mean) / self.deviation

    def judge(self, clips: Tensor, mask: Tensor) -> Output:
        raise NotImplementedError


class Classifier(FrameNetwork):
    """Score: the live output of a softmax over the mean logits of the frames. No depth map."""

    def judge(self, clips: Tensor, mask: Tensor) -> Output:
        logits = self.classify(self.frames(clips)).unflatten(0, clips.shape[:2]).mean(dim=1)  # (B, 2)
        return Output(unless_unseen(logits.softmax(dim=1)[:, 0], mask), logits=logits)

    def classify(self, frames: Tensor) -> Tensor:
        """Normalised frames (N, 3, H, W) -> logits (N, 2) = (live, spoof)."""
        raise NotImplementedError


class DepthReader(FrameNetwork):
    """Score: sigmoid(2 d - 1), d the mean of `height` over frames and under the mask, as in FAS-SGTD."""

    def judge(self, clips: Tensor, mask: Tensor) -> Output:
        depth = self.maps(self.frames(clips))[:, 0].unflatten(0, clips.shape[:2])  # (B, T, 32, 32)
        return Output(torch.sigmoid(2 * masked_mean(self.height(depth), mask) - 1), depth)

    def height(self, depth: Tensor) -> Tensor:
        """What of a map is averaged for the score."""
        return depth

    def maps(self, frames: Tensor) -> Tensor:
        """Normalised frames (N, 3, H, W) -> maps (N, 1, 32, 32)."""
        raise NotImplementedError
