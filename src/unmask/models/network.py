"""What a network of `MODELS` is: an `nn.Module` that says what training and export may ask of it.

Every network has the attributes of `TrainableNetwork`, so that nothing is looked up by name; what only some
can do is a protocol, and `isinstance` says which can.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from unmask.models.output import Output


class TrainableNetwork(nn.Module):
    """Clips (B, T, 3, S, S) in [0, 1] -> `Output`.

    `multi_frame`: it needs two frames or more and scores the clip as a whole. `size_px` and `frame_count`:
    the only side and number of frames that it takes, None where any will do. `domain_count`: the most domains
    it can be trained on, None where it does not learn across domains. `adaptable`: weights that keep their
    own names in an exported graph, so that they can be fitted anew in the file.
    """

    multi_frame: bool = False
    size_px: int | None = None
    frame_count: int | None = None
    domain_count: int | None = None
    adaptable: tuple[str, ...] = ()

    def named(self, clips: Tensor, mask: Tensor | None = None) -> tuple[Output, dict[str, Tensor]]:
        """The output, and the inner tensors under the names that an exported graph keeps."""
        raise NotImplementedError

    @property
    def map_layer(self) -> nn.Conv2d | None:
        """The last convolution before the map of a single frame; None where there is no map to start."""
        return None


@runtime_checkable
class TwoStages(Protocol):
    """A network whose backbone can stay as it is while the rest is trained."""

    def freeze(self) -> None:
        """Leave the backbone as it is from now on."""


@runtime_checkable
class StartsFromImagenet(Protocol):
    """A network on the encoder whose published weights `media.assets.imagenet_weights` fetches."""

    def from_imagenet(self, published: Mapping[str, Tensor]) -> None:
        """Take the published weights of the encoder."""


@runtime_checkable
class StartsFromOpenClip(Protocol):
    """A network on CLIP's picture encoder."""

    def from_open_clip(self, weights: str) -> None:
        """Take an open_clip checkpoint: a tag as "openai" or a local file."""


@runtime_checkable
class StartsFromTorchvision(Protocol):
    """A network on a ResNet-18."""

    def from_torchvision(self, published: Mapping[str, Tensor]) -> None:
        """Take torchvision's weights of a ResNet-18; ModelError where they are of another network."""
