"""A CLIP vision transformer with a head of two classes, fine-tuned.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, arXiv
2103.00020; for face anti-spoofing as in Srivatsan, Naseer and Nandakumar, "FLIP: Cross-domain Face
Anti-spoofing with Language Guidance", ICCV 2023, arXiv 2309.16649. Layers are named as in open_clip, whose
weights it starts from (`from_open_clip`); it is built and run without that package.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from torch import Tensor, nn

from unmask.models.baselines.frames import Classifier
from unmask.types import SettingsError

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
OPEN_CLIP = {768: "ViT-B-16"}  # the architecture there by width


class Attention(nn.Module):
    """Multi-head self-attention with the weights of nn.MultiheadAttention; `causal`: to what came before."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor) -> Tensor:  # (N, L, w) -> (N, L, w)
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=2)
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.out_proj(seen.transpose(1, 2).flatten(2))


class QuickGelu(nn.Module):
    """x sigmoid(1.702 x), which the first CLIP was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class ResidualAttention(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, causal=causal)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGelu())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:  # (N, L, w) -> (N, L, w)
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class ClipImageEncoder(nn.Module):
    """CLIP's picture encoder: frames -> embeddings; with `embedding` 0 what they are projected from."""

    def __init__(self, *, size_px: int, patch: int, width: int, layers: int, embedding: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        scale = width**-0.5
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn((size_px // patch) ** 2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.Sequential(
            *(ResidualAttention(width, max(1, width // 64)) for _ in range(layers))
        )
        self.proj = nn.Parameter(scale * torch.randn(width, embedding)) if embedding else None

    def forward(self, frames: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, embedding)
        x = self.conv1(frames).flatten(2).transpose(1, 2)  # (N, places, w)
        first = self.class_embedding.expand(x.shape[0], 1, -1)
        x = self.ln_pre(torch.cat([first, x], dim=1) + self.positional_embedding)
        x = self.transformer.get_submodule("resblocks")(x)
        pooled = self.ln_post(x[:, 0])
        return pooled if self.proj is None else pooled @ self.proj


class ClipVit(Classifier):
    """Trained by cross entropy (loss: binary 1; no map for the others), at a rate of 1e-6 or so."""

    def __init__(self, *, size_px: int, patch: int, width: int, layers: int, embedding: int) -> None:
        super().__init__(mean=MEAN, deviation=DEVIATION)
        self.size_px = size_px
        self.visual = ClipImageEncoder(
            size_px=size_px, patch=patch, width=width, layers=layers, embedding=embedding
        )
        self.head = nn.Linear(embedding, 2)

    def classify(self, frames: Tensor) -> Tensor:
        return self.head(
            F.normalize(self.visual(frames), dim=1) * 10
        )  # unit embeddings alone move too little

    def from_open_clip(self, weights: str) -> None:
        """Take the picture encoder of an open_clip checkpoint: a tag as "openai" or a local file."""
        theirs = open_clip_model(weights, width=len(self.visual.class_embedding))
        self.visual.load_state_dict(theirs.visual.state_dict())


def open_clip_model(weights: str, *, width: int) -> Any:
    """The published CLIP whose picture encoder is so wide; SettingsError where it or open_clip is missing."""
    try:
        import open_clip
    except ImportError:
        raise SettingsError(
            "weights of CLIP are read by open_clip, which is not installed; pip install open_clip_torch"
        ) from None
    if width not in OPEN_CLIP:
        raise SettingsError(f"CLIP of width {width} has no published weights; leave width 768")
    return open_clip.create_model(OPEN_CLIP[width], pretrained=weights, force_quick_gelu=True)


def clip_vit(
    *, size_px: int = 224, patch: int = 16, width: int = 768, layers: int = 12, embedding: int = 512
) -> ClipVit:
    """CLIP ViT-B/16 with a head of two classes; clips of `size_px`, a multiple of `patch`. No depth map.

    86,193,666 parameters, of which 86,192,640 are CLIP's picture encoder.
    """
    return ClipVit(size_px=size_px, patch=patch, width=width, layers=layers, embedding=embedding)
