from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from unmask.simulate.camera.exposure import Exposure, capture, tone
from unmask.simulate.camera.models import MODELS, Camera, draw_camera
from unmask.simulate.rendering.lattice import Grid, lcd_stripe
from unmask.simulate.stage.scene import Shot


def still_camera(**changes: Any) -> Camera:
    """A camera that adds nothing: no blur, no noise, no cast, hardly any compression."""
    plain = draw_camera(np.random.default_rng(0), model="new-phone")
    kept = {
        "height": 96, "width": 128, "sensor_scale": 1.0, "blur_px": 0.0, "fringe": 0.0, "vignetting": 0.0,
        "haze": 0.0, "target": 0.2, "metering": 0.0, "read_noise": 0.0, "shot_noise": 0.0,
        "white_balance": 0.0, "warmth": 0.0, "saturation": 1.0, "contrast": 0.0, "gamma": 0.45,
        "denoise": 0.0, "sharpen": 0.0, "exposure_s": 0.01, "jpeg": 98.0, "codec": "mjpeg",
        "beauty": 0.0, "halo_px": 1.2, "aperture_mm": 0.0, "misfocus": 0.0, "distortion": 0.0, "drops": 0.0,
    }  # fmt: skip
    return replace(plain, **{**kept, **changes})


def exposure(radiance: np.ndarray, grid: Grid | None = None) -> Exposure:
    height, width = radiance.shape[:2]
    shot = Shot(
        radiance=radiance.astype(np.float32),
        depth=np.ones((height, width), np.float32),
        mesh=np.zeros((468, 3), np.float32),
        face=np.zeros((height, width), bool),
    )
    return Exposure(shot=shot, grid=grid)


def grey(level: float, colour: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    return np.full((96, 128, 3), level) * np.array(colour)


def taken(radiance: np.ndarray, seed: int = 0, grid: Grid | None = None, **changes: Any) -> np.ndarray:
    return capture([exposure(radiance, grid)], np.random.default_rng(seed), camera=still_camera(**changes))[0]


def test_automatic_exposure_brings_any_light_to_the_target() -> None:
    expected = round(255 * 0.2**0.45)
    for level in (0.01, 0.3, 40.0):
        assert abs(float(taken(grey(level)).mean()) - expected) < 2


def test_colours_come_out_in_their_own_channels() -> None:
    red, green, blue = taken(grey(0.3, (1.0, 0.5, 0.25))).reshape(-1, 3).mean(axis=0)
    assert red > green + 20 > blue + 40


def test_white_balance_takes_a_cast_out_and_warmth_leaves_one() -> None:
    neutral = taken(grey(0.3, (1.3, 1.0, 0.7)), white_balance=1.0).reshape(-1, 3).mean(axis=0)
    assert np.ptp(neutral) < 3
    warm = taken(grey(0.3), warmth=0.2).reshape(-1, 3).mean(axis=0)
    assert warm[0] > warm[2] + 10


def test_noise_grows_as_asked_and_differs_by_seed() -> None:
    quiet, loud = (taken(grey(0.3), shot_noise=s).astype(float).std() for s in (0.005, 0.05))
    assert loud > 3 * quiet > 0
    assert (taken(grey(0.3), seed=1, shot_noise=0.05) != taken(grey(0.3), seed=2, shot_noise=0.05)).any()
    assert (taken(grey(0.3), seed=1, shot_noise=0.05) == taken(grey(0.3), seed=1, shot_noise=0.05)).all()


def test_blur_softens_an_edge_and_sharpening_overshoots_it() -> None:
    edge = grey(0.1)
    edge[:, 64:] = 0.5
    plain, soft, hard = (
        taken(edge, **how).astype(int)[48, :, 1]
        for how in cast(list[dict[str, Any]], [{}, {"blur_px": 2.0}, {"sharpen": 1.0}])
    )
    assert np.diff(soft).max() < 0.5 * np.diff(plain).max()
    assert hard.max() > plain.max() + 5


def test_haze_lifts_the_shadows() -> None:
    scene = grey(0.01)
    scene[:, 64:] = 1.0
    clear, hazy = (taken(scene, haze=h, metering=0.0).astype(float)[:, :40].mean() for h in (0.0, 0.2))
    assert hazy > clear + 20


def test_a_display_in_focus_shows_moire_and_one_out_of_focus_none() -> None:
    view = np.array([[1 / 1.08, 0.02, 0], [-0.02, 1 / 1.08, 0], [0, 0, 1.0]])
    grid = Grid(lattice=lcd_stripe(), homography=view, cover=np.ones((96, 128), np.float32))
    sharp = taken(grey(0.3), grid=grid, aperture_px=0.5).astype(float).std()
    assert sharp > 4
    assert taken(grey(0.3), grid=grid, aperture_px=0.5, blur_px=1.5).astype(float).std() < 0.2 * sharp


@pytest.mark.parametrize("model", MODELS)
def test_every_model_delivers_frames_of_its_size(model: Any) -> None:
    camera = draw_camera(np.random.default_rng(3), model=model)
    camera = replace(camera, height=camera.height // 4, width=camera.width // 4)
    view = camera.view
    radiance = np.random.default_rng(0).uniform(0, 0.5, (view.height, view.width, 3))
    frames = capture([exposure(radiance)] * 2, np.random.default_rng(1), camera=camera)
    assert [frame.shape for frame in frames] == [(camera.height, camera.width, 3)] * 2
    assert 10 < frames[0].mean() < 245


def test_tone_rises_and_ends_at_white_unless_flat() -> None:
    for contrast in (-0.25, 0.0, 0.6):
        table = tone(0.45, contrast).astype(int)
        assert (np.diff(table) >= 0).all()
    assert tone(0.45, 0.6)[-1] == 255
    assert tone(0.45, -0.25)[0] > 0  # black is lifted


def test_what_finishes_the_frames_gets_all_of_them_once_before_the_codec() -> None:
    calls = []

    def finish(frames: Any) -> Any:
        calls.append(len(frames))
        return [np.full_like(frame, 200) for frame in frames]

    shown = [exposure(grey(0.3))] * 3
    frames = capture(shown, np.random.default_rng(0), camera=still_camera(), finish=finish)
    assert calls == [3]
    assert all(abs(float(frame.mean()) - 200) < 2 for frame in frames)


@pytest.mark.parametrize("size", [(256, 256), (128, 256), (480, 640)])
def test_a_camera_of_a_size_sees_a_window_with_pixels_no_finer_than_the_whole_has(size: Any) -> None:
    for seed in range(12):
        whole = draw_camera(np.random.default_rng(seed), model="laptop-webcam")
        part = draw_camera(np.random.default_rng(seed), model="laptop-webcam", size=size)
        assert (part.height, part.width) == size
        finest = whole.view.focal_px / whole.sensor_scale
        assert finest / 1.61 <= part.view.focal_px / part.sensor_scale <= finest * 1.01


def test_noise_grows_with_the_gain_that_the_dark_asks_for() -> None:
    bright, dim = (taken(grey(level), shot_noise=0.01, read_noise=0.004) for level in (0.5, 0.01))
    assert abs(float(bright.mean()) - float(dim.mean())) < 6
    assert dim.astype(float).std() > 2 * bright.astype(float).std()


def test_an_exposure_that_comes_twice_is_the_same_frame_twice() -> None:
    one, other = exposure(grey(0.3)), exposure(grey(0.3))
    camera = still_camera(shot_noise=0.05)
    frames = capture([one, one, other], np.random.default_rng(0), camera=camera)
    assert (frames[0] == frames[1]).all()
    assert (frames[1] != frames[2]).any()


def test_flicker_draws_bands_over_the_rows_that_a_slow_readout_spreads() -> None:
    shown = [exposure(grey(0.3))]
    camera = still_camera(readout_s=0.03)
    steady, banded = (
        capture(shown, np.random.default_rng(5), camera=camera, flicker=depth)[0].mean(axis=(1, 2))
        for depth in (0.0, 0.3)
    )
    assert np.ptp(banded) > 4 * np.ptp(steady) + 10


def test_a_beauty_filter_smooths_skin_and_leaves_other_things() -> None:
    spots = np.random.default_rng(0).uniform(0.9, 1.1, (96, 128, 1)).astype(np.float32)
    skin, cloth = ((0.5, 0.32, 0.24), (0.2, 0.32, 0.5))
    for colour, low, high in ((skin, 0.0, 0.7), (cloth, 0.9, 1.1)):
        before, after = (
            taken(grey(0.4, colour) * spots, beauty=b)[..., 1].astype(float).std() for b in (0.0, 1.0)
        )
        assert low <= after / before <= high


def test_denoising_flattens_grain_and_keeps_edges() -> None:
    edge = grey(0.1)
    edge[:, 64:] = 0.5
    plain, clean = (taken(edge, shot_noise=0.02, denoise=d).astype(float)[..., 1] for d in (0.0, 0.9))
    assert clean[:, 5:60].std() < 0.7 * plain[:, 5:60].std()
    assert clean[:, 70:].mean() - clean[:, :58].mean() > 0.95 * (plain[:, 70:].mean() - plain[:, :58].mean())


def test_fewer_bits_a_second_leave_less() -> None:
    y, x = np.mgrid[0:96, 0:128] / 7
    shown = [exposure(grey(0.3) * (1 + 0.5 * np.sin(x * y))[..., None])] * 4
    errors = []
    for kbps in (300, 20000):
        camera = still_camera(codec="h264-rate", kbps=float(kbps))
        sent: list[np.ndarray] = []

        def kept(frames: Any, sent: Any = sent) -> Any:
            sent.extend(frames)
            return frames

        got = capture(shown, np.random.default_rng(0), camera=camera, finish=kept)
        errors.append(np.abs(np.array(got).astype(float) - np.array(sent)).mean())
    assert errors[0] > 2 * errors[1]


def test_light_that_is_not_finite_is_refused_not_developed() -> None:
    scene = grey(0.3)
    scene[5, 5, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        taken(scene)
