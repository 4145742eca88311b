import colorsys
from typing import Any

import numpy as np
import pytest
import torch

from unmask.training.augment import Augmentation, Batch, augment, recompress
from unmask.types import SettingsError

torch.set_num_threads(1)
NAMES = (
    *("flip", "contrast", "cutout", "gamma", "hue_saturation", "colour", "grey", "light", "blur"),
    *("noise", "jpeg"),
)
OFF = dict.fromkeys(NAMES, 0.0)


def only(**chances: Any) -> Any:
    return Augmentation(**{**OFF, **chances})


@pytest.fixture
def batch() -> Batch:
    """Clips that differ in every pixel; depth and mask rise from left to right."""
    rng = np.random.default_rng(0)
    clips = torch.from_numpy(rng.uniform(0.2, 0.8, (6, 3, 3, 64, 64)).astype(np.float32))
    ramp = torch.arange(32) / 31
    depth = ramp.expand(6, 3, 32, 32).clone()
    return Batch(clips, depth, depth**2, torch.arange(6) % 2 == 0)


def changed(batch: Any, seed: Any = 1, **chances: Any) -> Any:
    return augment(batch, np.random.default_rng(seed), settings=only(**chances))


def test_nothing_is_changed_when_every_chance_is_zero(batch: Batch) -> None:
    same = changed(batch)
    assert torch.equal(same.clips, batch.clips)
    assert torch.equal(same.depth, batch.depth)


def test_depth_and_mask_flip_with_their_clip(batch: Batch) -> None:
    flipped = changed(batch, flip=1.0)
    assert torch.equal(flipped.clips, batch.clips.flip(-1))
    assert torch.equal(flipped.depth, batch.depth.flip(-1))
    assert torch.equal(flipped.mask, batch.mask.flip(-1))
    some = changed(batch, flip=0.5)
    turned = [torch.equal(some.clips[k], batch.clips[k].flip(-1)) for k in range(6)]
    assert turned == [torch.equal(some.depth[k], batch.depth[k].flip(-1)) for k in range(6)]
    assert 0 < sum(turned) < 6


@pytest.mark.parametrize(
    "name", ["contrast", "gamma", "hue_saturation", "colour", "grey", "light", "blur", "cutout"]
)
def test_a_clip_does_not_flicker(batch: Batch, name: str) -> None:
    still = Batch(batch.clips[:, :1].expand(-1, 3, -1, -1, -1), batch.depth, batch.mask, batch.bona_fide)
    after = changed(still, **{name: 1.0}).clips
    assert torch.equal(after[:, 0], after[:, 1])
    assert torch.equal(after[:, 0], after[:, 2])
    if name != "cutout":  # whose square may have no side
        assert all(not torch.equal(after[k], still.clips[k]) for k in range(6))


def test_noise_is_new_in_every_frame_and_of_the_asked_strength(batch: Batch) -> None:
    grey = Batch(torch.full_like(batch.clips, 0.5), batch.depth, batch.mask, batch.bona_fide)
    after = changed(grey, noise=1.0).clips
    assert not torch.equal(after[0, 0], after[0, 1])
    assert all(after[k].std() <= 0.031 for k in range(6))


def test_contrast_is_a_line_of_the_published_range(batch: Batch) -> None:
    grey = torch.full_like(batch.clips, 0.5)
    grey[..., :32] = 0.4
    after = changed(Batch(grey, batch.depth, batch.mask, batch.bona_fide), contrast=1.0).clips
    slope = (after[..., 40] - after[..., 4]) / 0.1
    assert ((slope > 0.49) & (slope < 1.51)).all()
    shift = after[..., 40] - 0.5 * slope
    assert (shift.abs() <= 40 / 255 + 1e-4).all()


def test_hue_saturation_and_value_move_as_in_the_framework_of_fghv(batch: Batch) -> None:
    after = changed(batch, hue_saturation=1.0).clips
    places = [(clip, y, x) for clip in range(6) for y in (0, 17, 40) for x in (3, 30, 63)]
    turns = []
    for clip, y, x in places:
        old, new = (colorsys.rgb_to_hsv(*c[clip, 1, :, y, x].tolist()) for c in (batch.clips, after))
        turn, more, lighter = (b - a for a, b in zip(old, new, strict=True))
        turns.append((turn + 0.5) % 1 - 0.5)
        assert abs(turns[-1]) <= 20 / 180 + 1e-3
        assert abs(more) <= 30 / 255 + 1e-3
        assert abs(lighter) <= 20 / 255 + 1e-3
    by_clip = np.array(turns).reshape(6, -1)
    np.testing.assert_allclose(by_clip, by_clip[:, :1].repeat(9, axis=1), atol=2e-3)  # one turn a clip
    assert np.ptp(by_clip[:, 0]) > 0.05


def test_the_square_is_black_and_its_middle_within_the_clip(batch: Batch) -> None:
    none = torch.zeros(200, 1, 32, 32)
    light = Batch(torch.ones(200, 1, 3, 64, 64), none, none, batch.bona_fide)
    after = changed(light, cutout=1.0).clips
    assert set(after.unique().tolist()) == {0.0, 1.0}
    dark = (after == 0).all(dim=2)[:, 0]  # (200, 64, 64)
    assert 10 <= dark.any(dim=1).sum(dim=1).max() <= 13  # the side: up to 0.19 * 64
    assert dark.flatten(1).any(dim=1).float().mean() > 0.8  # as published it mostly fell outside the crop
    assert dark.any(dim=0).float().mean() > 0.75  # 200 squares of 6 px on 64: 83 % expected


def test_pixels_stay_in_range_and_the_memory_channels_last(batch: Batch) -> None:
    after = changed(batch, contrast=1.0, light=1.0, blur=1.0, noise=1.0, gamma=1.0, colour=1.0).clips
    assert after.min() >= 0
    assert after.max() <= 1
    assert after.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


def test_the_same_generator_gives_the_same_changes(batch: Batch) -> None:
    every = dict.fromkeys(OFF, 0.5)
    one, other, third = (changed(batch, seed=seed, **every).clips for seed in (5, 5, 6))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_jpeg_changes_the_chosen_clips_a_little() -> None:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    clips = np.broadcast_to(ramp[None, None, None, :, None], (8, 2, 64, 64, 3)).copy()
    after = recompress(clips.copy(), rng, settings=only(jpeg=0.5))
    touched = [not np.array_equal(a, b) for a, b in zip(clips, after, strict=True)]
    assert 0 < sum(touched) < 8
    assert np.abs(after.astype(int) - clips).max() < 20
    same = recompress(clips.copy(), np.random.default_rng(0), settings=only(jpeg=0.5))
    assert np.array_equal(after, same)


def test_chances_outside_their_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="blur is a chance"):
        Augmentation(blur=1.5)
