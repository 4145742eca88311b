"""MiniFASNetV2: the pruned MobileFaceNet of Silent-Face-Anti-Spoofing, which many products use.

Minivision, "Silent-Face-Anti-Spoofing", 2020, github minivision-ai/Silent-Face-Anti-Spoofing (Apache-2.0),
for crops of 2.7 times the face box at 80x80. There is no paper. Its training adds a branch that predicts the
Fourier spectrum of the picture and is thrown away afterwards; that branch is left out here.
"""

import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.frames import Classifier

STAGES = (  # how wide the depthwise convolution of the entry is, the stage, and those of its residual blocks
    (103, 64, (13, 13, 13, 13)),
    (231, 128, (231, 52, 26, 77, 26, 26)),
    (308, 128, (26, 26)),
)
FEATURES, EMBEDDING = 512, 128


def convolution(
    width_in: int, width_out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Module:
    """conv -> norm -> PReLU, padded to keep the size."""
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(width_out),
        nn.PReLU(width_out),
    )


class Bottleneck(nn.Module):
    """conv1x1 to `middle`, a depthwise conv3x3, and conv1x1 with its norm; added to x unless strided."""

    def __init__(self, width_in: int, middle: int, width_out: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.inner = nn.Sequential(
            convolution(width_in, middle),
            convolution(middle, middle, kernel=3, stride=stride, groups=middle),
            nn.Conv2d(middle, width_out, 1, bias=False),
            nn.BatchNorm2d(width_out),
        )

    def forward(self, x: Tensor) -> Tensor:  # (N, i, H, W) -> (N, o, H / stride, W / stride)
        return self.inner(x) if self.stride > 1 else x + self.inner(x)


class MiniFasNet(Classifier):
    """Trained by cross entropy (loss: binary 1; it has no map for the other terms)."""

    def __init__(self, *, size_px: int, width: float, shrink: int, drop: float) -> None:
        super().__init__(mean=[0.5] * 3, deviation=[0.5] * 3)
        self.size_px, self.shrink = size_px, shrink

        def scaled(channels: int) -> int:
            return max(4, round(channels * width))

        now = scaled(32)
        blocks: list[nn.Module] = [
            convolution(3, now, kernel=3, stride=2),
            convolution(now, now, kernel=3, groups=now),
        ]
        for entry, channels, middles in STAGES:
            out = scaled(channels)
            blocks.append(Bottleneck(now, scaled(entry), out, stride=2))
            blocks += [Bottleneck(out, scaled(middle), out, stride=1) for middle in middles]
            now = out
        features = scaled(FEATURES)
        self.blocks = nn.Sequential(*blocks, convolution(now, features))
        # one weight for each place and channel: sums up the whole map
        self.gather = nn.Conv2d(features, features, -(-size_px // (16 * shrink)), groups=features, bias=False)
        self.gather_norm = nn.BatchNorm2d(features)
        self.embed = nn.Linear(features, scaled(EMBEDDING), bias=False)
        self.embed_norm = nn.BatchNorm1d(scaled(EMBEDDING))
        self.drop = nn.Dropout(drop)
        self.head = nn.Linear(scaled(EMBEDDING), 2, bias=False)

    def classify(self, frames: Tensor) -> Tensor:
        frames = F.avg_pool2d(frames, self.shrink) if self.shrink > 1 else frames
        x = self.gather_norm(self.gather(self.blocks(frames)))  # (N, 512, 1, 1)
        return self.head(self.drop(self.embed_norm(self.embed(x.flatten(1)))))


def minifasnet(*, size_px: int = 80, width: float = 1.0, shrink: int = 1, drop: float = 0.2) -> MiniFasNet:
    """MiniFASNetV2; clips of `size_px`, averaged over squares of `shrink`. No depth map.

    434,432 parameters at 80 px; the authors' code says 0.43 M, which it has with three classes (128 more).
    """
    return MiniFasNet(size_px=size_px, width=width, shrink=shrink, drop=drop)
