"""The frozen encoder: its backbone against the published package's numbers, and what mirror images score."""

import importlib.util
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from unmask.models import MODELS
from unmask.models.efficientnet import HEAD, EfficientNetLite0
from unmask.models.encoder import DETAIL, FEATURES, TWICE, encoder, halved
from unmask.types import ModelError, SettingsError

torch.set_num_threads(1)
# What efficientnet-lite-pytorch 0.1.0 gives for `published()` and `picture()`: means of the head's first
# channels.
STORED = [2.645299, 1.207881, 1.633621, 5.995783, 1.767388, 0.0]


def published() -> dict[str, torch.Tensor]:
    """Weights under the names of the published files, drawn: what they hold does not matter to the layout."""
    rng = np.random.default_rng(4)
    widths = [(32, 16, 3, 1)]
    for width_in, width, count, kernel in (
        (16, 24, 2, 3),
        (24, 40, 2, 5),
        (40, 80, 3, 3),
        (80, 112, 3, 5),
        (112, 192, 4, 5),
        (192, 320, 1, 3),
    ):
        widths += [(width if k else width_in, width, kernel, 6) for k in range(count)]
    found: dict[str, torch.Tensor] = {}

    def convolution(name: str, norm: str, shape: tuple[int, ...]) -> None:
        kernel = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float16)
        found[f"{name}.weight"] = torch.from_numpy(kernel.astype(np.float32))
        for part, low, high in (
            ("weight", 0.8, 1.2),
            ("bias", -0.1, 0.3),
            ("running_mean", -0.1, 0.1),
            ("running_var", 0.8, 1.2),
        ):
            values = rng.uniform(low, high, shape[0]).astype(np.float32)
            found[f"{norm}.{part}"] = torch.from_numpy(values)
        found[f"{norm}.num_batches_tracked"] = torch.tensor(0)

    convolution("_conv_stem", "_bn0", (32, 3, 3, 3))
    for number, (width_in, width, kernel, wider) in enumerate(widths):
        block, middle = f"_blocks.{number}", wider * width_in
        if wider > 1:
            convolution(f"{block}._expand_conv", f"{block}._bn0", (middle, width_in, 1, 1))
        convolution(f"{block}._depthwise_conv", f"{block}._bn1", (middle, 1, kernel, kernel))
        convolution(f"{block}._project_conv", f"{block}._bn2", (width, middle, 1, 1))
    convolution("_conv_head", "_bn1", (1280, 320, 1, 1))
    found["_fc.weight"], found["_fc.bias"] = torch.zeros(1000, 1280), torch.zeros(1000)
    return found


def picture() -> torch.Tensor:
    """(1, 3, 224, 224) in [-1, 1], smooth, and not its own mirror image."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 224), torch.linspace(0, 1, 224), indexing="ij")
    return torch.stack([torch.sin(9 * x + 3 * y), torch.cos(14 * y * x), 2 * x - 1])[None]


def test_the_backbone_is_the_published_one() -> None:
    net = EfficientNetLite0().eval()
    net.read(published())
    with torch.no_grad():
        head = net(picture())[1]
    np.testing.assert_allclose(head.mean(dim=(2, 3))[0, :6].numpy(), STORED, rtol=1e-3)
    if importlib.util.find_spec("efficientnet_lite_pytorch") is None:
        return
    from efficientnet_lite_pytorch import EfficientNet

    theirs = EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(published())
    with torch.no_grad():
        torch.testing.assert_close(head, theirs.extract_features(picture()))


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(2)
    network = encoder(size_px=64, decoder=4).eval()
    network.from_imagenet(published())
    return network


def clips(*, batch: int = 2, frames: int = 2) -> torch.Tensor:
    return torch.rand(batch, frames, 3, 64, 64, generator=torch.Generator().manual_seed(5))


def test_mirror_images_score_the_same_and_have_mirrored_maps(network: Any) -> None:
    with torch.no_grad():
        plain, mirrored = network(clips()), network(clips().flip(-1))
    assert torch.equal(plain.score, mirrored.score)
    torch.testing.assert_close(plain.depth, mirrored.depth.flip(-1), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(plain.depth, mirrored.depth, atol=1e-3)


def test_a_clip_scores_as_the_mean_of_its_frames_logits(network: Any) -> None:
    with torch.no_grad():
        whole = network(clips()).score.logit()
        apart = network(clips().flatten(0, 1)[:, None]).score.logit()
    torch.testing.assert_close(whole, apart.unflatten(0, (2, 2)).mean(dim=1), rtol=1e-4, atol=1e-5)


def test_the_score_is_that_of_the_features_and_the_head_alone(network: Any) -> None:
    with torch.no_grad():
        output, inner = network.named(clips())
        raw = network.raw_features(clips(frames=1).flatten(0, 1))
        alone = network(clips(frames=1)).score
        by_hand = torch.sigmoid(inner["features"] @ network.head.weight + network.head.bias)
    assert inner["features"].shape == (2, FEATURES)
    torch.testing.assert_close(output.score, by_hand)
    torch.testing.assert_close(network.score_features(raw), alone)


def test_a_copy_of_half_the_resolution_is_the_mean_of_four_pixels_enlarged(rng: np.random.Generator) -> None:
    frames = rng.integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    small = cv2.resize(frames[0], (32, 32), interpolation=cv2.INTER_AREA)
    wanted = cv2.resize(small, (64, 64), interpolation=cv2.INTER_LINEAR)
    found = halved(torch.from_numpy(frames).permute(0, 3, 1, 2))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_second_look_adds_what_the_detail_changes_and_mirror_images_still_score_the_same(
    network: Any,
) -> None:
    torch.manual_seed(2)
    twice = encoder(size_px=64, decoder=4, detail=True).eval()
    twice.from_imagenet(published())
    frames = clips(frames=1).flatten(0, 1)
    with torch.no_grad():
        raw, plain = twice.raw_features(frames), network.raw_features(frames)
        soft = network.raw_features(halved(frames))
        assert raw.shape == (2, TWICE)
        torch.testing.assert_close(raw[:, :HEAD], plain[:, -HEAD:])
        torch.testing.assert_close(raw[:, HEAD:], (plain - soft)[:, :DETAIL], rtol=1e-3, atol=1e-3)
        assert torch.equal(twice(clips()).score, twice(clips().flip(-1)).score)


@pytest.mark.parametrize(("name", "arguments"), [("sgtd_e", {"size_px": 64}), ("fghv_e", {"draws": 4})])
def test_what_stands_on_the_encoder_scores_mirror_images_the_same(name: str, arguments: Any) -> None:
    torch.manual_seed(3)
    network: Any = MODELS[name](**arguments)
    network.from_imagenet(published())
    network.eval()
    mask = torch.rand(2, 32, 32, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        plain, mirrored = network(clips(), mask), network(clips().flip(-1), mask.flip(-1))
    torch.testing.assert_close(plain.score, mirrored.score, rtol=0, atol=1e-5)
    assert plain.score.unique().numel() == 2


def test_training_moves_no_number_of_the_encoder(network: Any) -> None:
    before = {name: tensor.clone() for name, tensor in network.backbone.state_dict().items()}
    network.train()
    moving = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(moving, lr=1.0, weight_decay=0.1)
    output = network(clips())
    (output.depth.mean() + output.score.mean()).backward()
    optimiser.step()
    network.eval()
    after = network.backbone.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_weights_of_another_network_are_one_sentence() -> None:
    with pytest.raises(ModelError, match="not weights of EfficientNet-Lite0"):
        encoder(size_px=64).from_imagenet({"_conv_stem.weight": torch.zeros(8, 3, 3, 3)})


@pytest.mark.parametrize("size_px", [32, 100])
def test_a_side_that_its_strides_do_not_divide_is_refused(size_px: int) -> None:
    with pytest.raises(SettingsError, match="multiple of 32"):
        encoder(size_px=size_px)


def test_the_published_weights_know_a_cat() -> None:
    from skimage import data

    from unmask.media.assets import assets_folder, imagenet_weights
    from unmask.media.clips import cut_picture

    if not any(assets_folder().glob("efficientnet-lite0-*.pth")):
        pytest.skip("the ImageNet weights are not fetched here")
    given = torch.load(imagenet_weights().path, weights_only=True)
    net = EfficientNetLite0().eval()
    net.read(given)
    cat = cut_picture(data.chelsea(), np.array([75, 0, 375, 300]), size_px=224)
    with torch.no_grad():
        frames = ((torch.from_numpy(cat).float() - 127) / 128).permute(2, 0, 1)[None]
        classes = net(frames)[1].mean(dim=(2, 3)) @ given["_fc.weight"].T + given["_fc.bias"]
    assert int(classes.argmax()) in range(281, 286)  # tabby to Egyptian cat


def test_weights_made_before_tight_pictures_were_moved_are_read_as_ones_that_do_not(network: Any) -> None:
    state = network.state_dict()
    del state["framing_shift"]
    again = encoder(size_px=64, decoder=4)
    again.framing_shift.fill_(1.0)
    again.load_state_dict(state)
    assert not again.framing_shift.any()


def test_tight_pictures_are_moved_by_the_shift_and_whole_ones_are_not() -> None:
    one = encoder(size_px=64, decoder=4)
    raw = torch.zeros(2, FEATURES)
    raw[:, 0] = torch.tensor([-1.0, 1.0])  # tells the second picture to be tight
    weight, shift = torch.zeros(FEATURES), torch.zeros(FEATURES)
    weight[0], shift[1] = 50.0, 0.25
    one.set_framing(weight=weight, bias=0.0, gain=1.0, shift=shift)
    torch.testing.assert_close(one.standardised(raw)[:, :2], torch.tensor([[-1.0, 0.0], [2.0, 0.25]]))
