"""The networks beside FAS-SGTD against their formulas written out, or an outside oracle."""

import colorsys
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it

from unmask.contract import ellipse_mask
from unmask.models import MODELS
from unmask.models.baselines.auxiliary import hsv
from unmask.models.baselines.cdcn import CentralDifference
from unmask.models.baselines.clip_vit import ClipImageEncoder
from unmask.models.losses import pixels
from unmask.models.sgtd.form import OFF_SMALL
from unmask.models.sgtd.motion import Motion
from unmask.training.augment import Batch
from unmask.training.networks import build, frames_of
from unmask.training.objective import loss_of
from unmask.training.settings import Loss, from_mapping
from unmask.types import ClipSpec, SettingsError

torch.set_num_threads(1)
BONA_FIDE = torch.tensor([True, False])


def settings_for(network: str, **sections: Any) -> Any:
    run = {"name": "x", "network": network, "steps": 1} | sections.pop("run", {})
    return from_mapping({"run": run, "batches": {"size": 2}, **sections}, origin="test")


def built(network: str, **sections: Any) -> Any:
    """As a training builds it; its parts are those of its own class."""
    return build(settings_for(network, **sections), init=None)


def off_gru(**changes: Any) -> Any:
    torch.manual_seed(0)
    return MODELS["off_gru_s_multi"](pools=[1, 1, 1], frames=3, **changes).eval()


def test_alpha_of_off_gru_weighs_the_map_of_the_single_frame() -> None:
    network = off_gru(alpha=0.3)
    with torch.no_grad():
        output, inner = network.named(torch.rand(1, 3, 3, 32, 32))
        corrections = network.recurrence(inner["motion"].unflatten(0, (1, 2)))
    single = inner["single"].view(1, 3, 32, 32)[:, :2]
    torch.testing.assert_close(output.depth, 0.3 * single + 0.7 * corrections)


def test_the_head_of_off_gru_reads_the_maps_in_their_order() -> None:
    network, depth = off_gru(), torch.rand(1, 2, 32, 32)
    with torch.no_grad():
        hidden = torch.relu(
            network.head[0](torch.cat([depth[:, 0].flatten(1), depth[:, 1].flatten(1)], dim=1))
        )
        torch.testing.assert_close(network.judge(depth, None).logits, network.head[1](hidden))
        assert not torch.allclose(
            network.judge(depth.flip(1), None).logits, network.judge(depth, None).logits
        )


def test_an_off_block_does_not_look_at_the_gradients_of_the_later_frame() -> None:
    torch.manual_seed(0)
    block: Any = Motion(OFF_SMALL, ahead=False).eval()
    channels, reduced = OFF_SMALL.levels[0][2], OFF_SMALL.reduced
    assert block.mix[0].in_channels == channels + 3 * reduced
    frames = [[torch.rand(1, level[2], 8, 8) for level in OFF_SMALL.levels] for _ in range(2)]
    block.mix[0].weight.data[:, -reduced:] = 0  # without the difference in time, the later frame is not there
    with torch.no_grad():
        now, later = (block.describe(taps)[0] for taps in frames)
        torch.testing.assert_close(block.pair(0, now, later), block.pair(0, now, now))


@pytest.mark.parametrize("name", ["off_gru_s_multi", "sgtd_s_multi"])
def test_both_forms_of_the_score_can_be_chosen(name: str) -> None:
    scores = {}
    for form in ("code", "equation_11"):
        torch.manual_seed(0)
        network: Any = MODELS[name](pools=[1, 1, 1], score=form).eval()
        depth, mask = torch.rand(1, 4, 32, 32) - 0.5, torch.rand(1, 32, 32)
        with torch.no_grad():
            output = network.judge(depth, mask)
        live = output.logits.softmax(dim=1)[0, 0]
        mean = (depth.mean(dim=1) * mask).sum() / mask.sum()
        size = (depth.abs().mean(dim=1) * mask).sum() / mask.sum()
        expected = {
            "code": torch.sigmoid(1.2 * mean + 0.8 * live - 1),
            "equation_11": 0.8 * live + 0.2 * size,
        }
        torch.testing.assert_close(output.score[0], expected[form])
        scores[form] = float(output.score)
    plain: Any = MODELS[name](pools=[1, 1, 1])
    default = plain.form.score
    assert default == ("code" if name.startswith("sgtd") else "equation_11")
    assert scores["code"] != pytest.approx(scores["equation_11"], abs=1e-3)


def test_a_central_difference_is_a_convolution_less_theta_times_the_centre() -> None:
    torch.manual_seed(0)
    layer, x = CentralDifference(3, 4, theta=0.7), torch.rand(2, 3, 6, 6)
    centre = F.conv2d(x, layer.weight.sum(dim=(2, 3), keepdim=True))
    with torch.no_grad():
        torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, padding=1) - 0.7 * centre)
        flat = CentralDifference(3, 4, theta=1.0)(torch.ones(1, 3, 6, 6))
    torch.testing.assert_close(flat[..., 1:-1, 1:-1], torch.zeros(1, 4, 4, 4), atol=1e-6, rtol=0)


def test_hue_saturation_and_value_are_those_of_the_standard_library() -> None:
    colours = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    colours[:4] = torch.tensor([[0.0, 0, 0], [1, 1, 1], [0.3, 0.3, 0.3], [1, 0, 0]])
    found = hsv(colours[:, :, None, None])[:, :, 0, 0]
    torch.testing.assert_close(found, torch.tensor([colorsys.rgb_to_hsv(*c.tolist()) for c in colours]))


def test_depth_readers_score_by_the_mean_height_under_the_mask() -> None:
    for name, power in (("cdcn", 1), ("auxiliary", 2)):
        torch.manual_seed(0)
        network, mask = MODELS[name](width=4).eval(), torch.rand(1, 32, 32)
        with torch.no_grad():
            output = network(torch.rand(1, 1, 3, 32, 32), mask)
        height = (output.depth[:, 0] ** power * mask).sum() / mask.sum()
        assert output.score.item() == pytest.approx(torch.sigmoid(2 * height - 1).item(), abs=1e-6)


def test_deeppixbis_scores_by_its_mean_mark_and_judges_by_one_sigmoid() -> None:
    torch.manual_seed(0)
    network = MODELS["deeppixbis"](size_px=64, growth=4, layers=[2, 2]).eval()
    with torch.no_grad():
        output = network(torch.rand(2, 1, 3, 64, 64))
    assert output.pixels.shape == (2, 1, 4, 4)
    torch.testing.assert_close(output.score, output.pixels.sigmoid().mean(dim=(1, 2, 3)))
    torch.testing.assert_close(output.logits.softmax(dim=1)[:, 0], output.logits[:, 0].sigmoid())
    published: Any = MODELS["deeppixbis"]()
    assert published.mark.in_channels == 384


def test_the_pixel_wise_loss_is_its_formula() -> None:
    logits = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    p = logits.sigmoid()
    expected = -(p[0].log().mean() + (1 - p[1]).log().mean()) / 2
    torch.testing.assert_close(pixels(logits, BONA_FIDE), expected)


def test_minifasnet_with_the_authors_three_classes_has_their_parameters() -> None:
    network: Any = MODELS["minifasnet"]()
    third_class = network.head.in_features
    assert round((sum(p.numel() for p in network.parameters()) + third_class) / 1e6, 2) == 0.43


def test_a_loss_without_a_term_for_the_network_is_an_error() -> None:
    clips = torch.rand(2, 1, 3, 32, 32)
    batch = Batch(clips, torch.rand(2, 1, 32, 32), torch.ones(2, 1, 32, 32), BONA_FIDE)
    output = MODELS["resnet18"](width=4)(clips)
    with pytest.raises(SettingsError, match=r"has no term for what the network gives \(score, logits\)"):
        loss_of(output, batch, settings=Loss())


def test_the_published_double_softmax_is_a_setting() -> None:
    settings = settings_for("sgtd_s_multi", loss={"absolute": 0.0, "contrast": 0.0, "binary": 1.0})
    double = settings_for(
        "sgtd_s_multi", loss={"absolute": 0.0, "contrast": 0.0, "binary": 1.0, "double_softmax": True}
    )
    assert not settings.loss.double_softmax
    torch.manual_seed(0)
    clips = torch.rand(2, 2, 3, 32, 32)
    batch = Batch(clips, torch.rand(2, 2, 32, 32), torch.ones(2, 2, 32, 32), BONA_FIDE)
    with torch.no_grad():
        output = MODELS["sgtd_s_multi"](pools=[1, 1, 1]).eval()(clips)
    target = torch.tensor([0, 1])
    once = F.cross_entropy(output.logits, target)
    twice = F.cross_entropy(output.logits.softmax(dim=1), target)
    torch.testing.assert_close(loss_of(output, batch, settings=settings.loss), once)
    torch.testing.assert_close(loss_of(output, batch, settings=double.loss), twice)
    assert once != pytest.approx(twice)


def test_slips_that_change_a_number_are_arguments_that_are_off_by_default() -> None:
    default = built("sgtd_s_multi").form
    assert (default.recurrent, default.published_head, default.gradient) == (True, False, "code")
    slips = {"recurrent": False, "published_head": True, "gradient": "squared"}
    changed = built("sgtd_s_multi", arguments=slips).form
    assert (changed.recurrent, changed.published_head, changed.gradient) == (False, True, "squared")
    assert not built("off_gru_s_multi", arguments={"recurrent": False}).form.recurrent


def test_clips_of_another_size_or_length_are_refused() -> None:
    with pytest.raises(SettingsError, match="takes pictures of 224 px, the prepared clips have 128 px"):
        frames_of(MODELS["deeppixbis"](), ClipSpec(frames=5, size_px=128))
    with pytest.raises(SettingsError, match="takes clips of 3 frames, the prepared ones have 5"):
        frames_of(MODELS["off_gru_s_multi"](frames=3), ClipSpec(frames=5, size_px=128))
    assert frames_of(MODELS["resnet18_s"](), ClipSpec(frames=5, size_px=128)) == 1


def test_only_a_network_of_two_stages_can_be_frozen() -> None:
    with pytest.raises(SettingsError, match="resnet18_s has no second stage"):
        build(settings_for("resnet18_s", run={"backbone": "frozen"}), init=None)
    frozen = built("off_gru_s_multi", run={"backbone": "frozen"})
    assert not any(p.requires_grad for p in frozen.backbone.parameters())


def test_weights_of_clip_are_for_a_clip_and_need_open_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="open_clip:openai are weights of a CLIP, resnet18_s is none"):
        build(settings_for("resnet18_s"), init="open_clip:openai")
    monkeypatch.setitem(sys.modules, "open_clip", None)
    tiny = {"size_px": 32, "patch": 8, "width": 16, "layers": 1, "embedding": 8}
    with pytest.raises(SettingsError, match="pip install open_clip_torch"):
        build(settings_for("clip_vit", arguments=tiny), init="open_clip:openai")


def test_the_picture_encoder_is_that_of_open_clip() -> None:
    open_clip = pytest.importorskip("open_clip", reason="the extra clip is not installed")
    torch.manual_seed(0)
    theirs = open_clip.transformer.VisionTransformer(
        image_size=32,
        patch_size=8,
        width=128,
        layers=2,
        heads=2,
        mlp_ratio=4.0,
        output_dim=16,
        act_layer=open_clip.transformer.QuickGELU,
    ).eval()
    ours = ClipImageEncoder(size_px=32, patch=8, width=128, layers=2, embedding=16)
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(pictures), theirs(pictures), rtol=1e-4, atol=1e-4)


def test_no_mask_of_a_classifier_means_a_face_is_there() -> None:
    network = MODELS["resnet18"](width=4).eval()
    with torch.no_grad():
        clips = torch.rand(1, 1, 3, 32, 32)
        assert network(clips).score == network(clips, torch.from_numpy(ellipse_mask())[None]).score
