"""FLIP: CLIP's ViT-B/16 fine-tuned by its picture encoder alone (FLIP-V), or against texts of both classes
(FLIP-IT).

Srivatsan, Naseer and Nandakumar, "FLIP: Cross-domain Face Anti-spoofing with Language Guidance", ICCV 2023,
arXiv 2309.16649, as its published code has it (github koushiksrivats/FLIP). CLIP's weights are the user's:
--init open_clip:TAG. The tokens of the twelve texts stand here, so that no tokeniser is needed, and of CLIP's
49,408 tokens only theirs are kept; after training the texts are read once, and the exported file holds their
two vectors alone. Adam here has its L2 on kernels alone.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.clip_vit import (
    DEVIATION,
    MEAN,
    ClipImageEncoder,
    ResidualAttention,
    open_clip_model,
)
from unmask.models.baselines.frames import Classifier
from unmask.models.baselines.ssdg import Embedder, UnitClassifier

BEGIN, END = 49406, 49407  # CLIP's marks of a text
LIVE = (
    (589, 533, 550, 6228, 539, 320, 1532, 1710),  # This is an example of a real face
    (589, 533, 320, 1871, 24074, 654, 1710),  # This is a bonafide face
    (589, 533, 320, 1532, 1710),  # This is a real face
    (589, 533, 829, 320, 1532, 1710, 1606, 789),  # This is how a real face looks like
    (320, 1125, 539, 320, 1532, 1710),  # a photo of a real face
    (589, 533, 783, 320, 1261, 539, 1710),  # This is not a spoof face
)
SPOOF = (
    (589, 533, 550, 6228, 539, 320, 1261, 539, 1710),  # This is an example of a spoof face
    (589, 533, 550, 6228, 539, 550, 3815, 1710),  # This is an example of an attack face
    (589, 533, 783, 320, 1532, 1710),  # This is not a real face
    (589, 533, 829, 320, 1261, 539, 1710, 1606, 789),  # This is how a spoof face looks like
    (320, 1125, 539, 320, 1261, 539, 1710),  # a photo of a spoof face
    (320, 17851, 620, 8506, 531, 655, 320, 1261, 539, 1710),  # a printout shown to be a spoof face
)
TOKENS = tuple(sorted({BEGIN, END, *(token for text in LIVE + SPOOF for token in text)}))
LENGTH = 2 + max(len(text) for text in LIVE + SPOOF)


class FlipV(Classifier):
    """Loss: binary 1. Picture encoder, dense layer, classifier of unit weights (as SSDG's)."""

    def __init__(self, *, size_px: int, patch: int, width: int, layers: int, embedding: int) -> None:
        super().__init__(mean=MEAN, deviation=DEVIATION)
        self.size_px = size_px
        self.visual = ClipImageEncoder(size_px=size_px, patch=patch, width=width, layers=layers, embedding=0)
        self.embedder = Embedder(width, embedding)
        self.head = UnitClassifier(embedding)

    def classify(self, frames: Tensor) -> Tensor:
        return self.head(self.embedder(self.visual(frames)))

    def from_open_clip(self, weights: str) -> None:
        """Take the picture encoder of an open_clip checkpoint: a tag as "openai" or a local file."""
        theirs = open_clip_model(weights, width=len(self.visual.class_embedding))
        known = self.visual.state_dict()
        self.visual.load_state_dict({n: t for n, t in theirs.visual.state_dict().items() if n in known})


class TextEncoder(nn.Module):
    """CLIP's text encoder on the texts of both classes -> one vector a class (2, embedding), live first."""

    numbers: Tensor
    ends: Tensor

    def __init__(self, *, width: int, layers: int, embedding: int) -> None:
        super().__init__()
        texts = [(BEGIN, *text, END) for text in LIVE + SPOOF]
        padded = [[TOKENS.index(token) for token in text] + [0] * (LENGTH - len(text)) for text in texts]
        self.register_buffer("numbers", torch.tensor(padded), persistent=False)  # (12, LENGTH)
        self.register_buffer("ends", torch.tensor([len(text) - 1 for text in texts]), persistent=False)
        self.tokens = nn.Parameter(0.02 * torch.randn(len(TOKENS), width))
        self.positions = nn.Parameter(0.01 * torch.randn(LENGTH, width))
        heads = max(1, width // 64)
        self.resblocks = nn.Sequential(*(ResidualAttention(width, heads, causal=True) for _ in range(layers)))
        self.ln_final = nn.LayerNorm(width)
        self.projection = nn.Parameter(width**-0.5 * torch.randn(width, embedding))

    def forward(self) -> Tensor:
        x = self.resblocks(self.tokens[self.numbers] + self.positions)  # (12, LENGTH, w)
        ended = self.ln_final(x)[torch.arange(len(x), device=x.device), self.ends]  # (12, w)
        return (ended @ self.projection).unflatten(0, (2, -1)).mean(dim=1)


class FlipIt(Classifier):
    """Loss: binary 1. Logits: the scaled cosines of a picture with the mean text of each class."""

    texts: Tensor

    def __init__(
        self,
        *,
        size_px: int,
        patch: int,
        width: int,
        layers: int,
        embedding: int,
        text_width: int,
        text_layers: int,
    ) -> None:
        super().__init__(mean=MEAN, deviation=DEVIATION)
        self.size_px = size_px
        self.visual = ClipImageEncoder(
            size_px=size_px, patch=patch, width=width, layers=layers, embedding=embedding
        )
        self.text = TextEncoder(width=text_width, layers=text_layers, embedding=embedding)
        self.scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.register_buffer("texts", torch.zeros(2, embedding), persistent=False)

    def train(self, mode: bool = True) -> "FlipIt":
        """After training the texts are read once more, and stay."""
        super().train(mode)
        if not mode:
            with torch.no_grad():
                self.texts = F.normalize(self.text().float(), dim=1)
        return self

    def classify(self, frames: Tensor) -> Tensor:
        texts = F.normalize(self.text(), dim=1) if self.training else self.texts
        return self.scale.exp() * F.normalize(self.visual(frames), dim=1) @ texts.T

    def from_open_clip(self, weights: str) -> None:
        """Take both encoders and the scale of an open_clip checkpoint: a tag as "openai" or a local file."""
        theirs = open_clip_model(weights, width=len(self.visual.class_embedding))
        self.visual.load_state_dict(theirs.visual.state_dict())
        with torch.no_grad():
            self.text.tokens.copy_(theirs.token_embedding.weight[list(TOKENS)])
            self.text.positions.copy_(theirs.positional_embedding[:LENGTH])
            self.text.projection.copy_(theirs.text_projection)
            self.scale.copy_(theirs.logit_scale)
        self.text.ln_final.load_state_dict(theirs.ln_final.state_dict())
        self.text.resblocks.load_state_dict(theirs.transformer.resblocks.state_dict())


def flip_v(
    *, size_px: int = 224, patch: int = 16, width: int = 768, layers: int = 12, embedding: int = 512
) -> FlipV:
    """FLIP-V for clips of `size_px`, a multiple of `patch`. No depth map."""
    return FlipV(size_px=size_px, patch=patch, width=width, layers=layers, embedding=embedding)


def flip_it(
    *,
    size_px: int = 224,
    patch: int = 16,
    width: int = 768,
    layers: int = 12,
    embedding: int = 512,
    text_width: int = 512,
    text_layers: int = 12,
) -> FlipIt:
    """FLIP-IT for clips of `size_px`, a multiple of `patch`. No depth map."""
    return FlipIt(
        size_px=size_px,
        patch=patch,
        width=width,
        layers=layers,
        embedding=embedding,
        text_width=text_width,
        text_layers=text_layers,
    )
