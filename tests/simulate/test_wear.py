import numpy as np
import pytest

from unmask.simulate.camera.wear import reframed, wear

HEIGHT, WIDTH = 96, 128


def pictures(count: int = 3) -> list[np.ndarray]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    frame = 128 + 60 * np.sin(x / 5)[..., None] * np.cos(y / 7)[..., None] * np.array([1, 0.8, 0.6])
    return [np.roll(frame, n, axis=1).astype(np.uint8) for n in range(count)]


def marked(at: tuple[int, int], count: int = 2) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Frames with a bright dot at `at`, that lies nearer than all else, and meshes with a point on it."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = np.hypot(x - at[0], y - at[1])
    frame = np.repeat((30 + 200 * np.exp(-((away / 3) ** 2)))[..., None], 3, axis=2).astype(np.uint8)
    depth = np.where(away < 4, 0.5, 2.0).astype(np.float32)
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = np.array(at) + np.random.default_rng(0).uniform(-18, 18, (468, 2))
    mesh[0, :2] = at
    return [frame] * count, np.stack([depth] * count), np.stack([mesh] * count)


def test_wear_keeps_number_and_size_and_is_the_same_for_the_same_seed() -> None:
    for seed in range(25):
        first, again = (wear(pictures(), np.random.default_rng(seed)) for _ in range(2))
        assert [frame.shape for frame in first] == [(HEIGHT, WIDTH, 3)] * 3
        assert all(frame.dtype == np.uint8 for frame in first)
        assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_wear_softens_flattens_and_hardens_by_turns() -> None:
    before = pictures()[0].astype(float)
    contrasts = []
    for seed in range(40):
        frame = wear(pictures(), np.random.default_rng(seed))[0]
        contrasts.append(frame.astype(float).std() / before.std())
    assert min(contrasts) < 0.8
    assert max(contrasts) > 1.05


def test_all_frames_of_a_clip_wear_alike() -> None:
    still = [pictures()[0]] * 4
    for seed in range(8):
        worn = [frame.astype(float) for frame in wear(still, np.random.default_rng(seed))]
        assert max(np.abs(frame - worn[0]).mean() for frame in worn) < 4


@pytest.mark.parametrize("seed", range(30))
def test_mesh_and_depth_go_with_the_picture_into_another_frame(seed: int) -> None:
    frames, depths, meshes = marked((60, 50))
    made = reframed(frames, np.random.default_rng(seed), depths=depths, meshes=meshes)
    assert made.frames[0].shape == (HEIGHT, WIDTH, 3)
    assert made.depths.shape == depths.shape
    x, y = made.meshes[0, 0, :2]
    near = made.depths[0] < 1
    rows, columns = np.nonzero(near)
    assert abs(columns.mean() - x) < 1
    assert abs(rows.mean() - y) < 1
    bright = made.frames[0][..., 1].astype(float)
    window = bright[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5] - 30
    grid = np.mgrid[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5]
    assert np.abs((window * grid).sum(axis=(1, 2)) / window.sum() - [y, x]).max() < 0.6
    assert np.isfinite(made.depths).all()


def test_faces_stay_in_the_frame_at_a_usable_size() -> None:
    sizes = []
    for seed in range(60):
        frames, depths, meshes = marked((30 + seed, 50), count=1)
        made = reframed(frames, np.random.default_rng(seed), depths=depths, meshes=meshes)
        x, y = made.meshes[0, :, 0], made.meshes[0, :, 1]
        assert np.mean((x > -2) & (x < WIDTH + 1) & (y > -2) & (y < HEIGHT + 1)) > 0.9
        sizes.append(max(np.ptp(x), np.ptp(y)) / HEIGHT)
    assert min(sizes) < 0.33
    assert 0.5 < max(sizes) < 0.9
