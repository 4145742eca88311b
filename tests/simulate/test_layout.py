import numpy as np
import pytest

from unmask.simulate.rendering.layout import (
    Layout,
    ShownPicture,
    bleed,
    draw_crop,
    face_box,
    held,
    lay_out,
    on_page,
    sized,
)


def picture_with_face(height: int, width: int, box: tuple[float, float, float, float]) -> ShownPicture:
    rng = np.random.default_rng(0)
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, 0], mesh[:, 1] = rng.uniform(box[0], box[2], 468), rng.uniform(box[1], box[3], 468)
    return ShownPicture(frames=(np.zeros((height, width, 3), np.uint8),), meshes=(mesh,))


@pytest.mark.parametrize(("aspect", "room"), [(0.5, 1.05), (0.75, 1.5), (1.0, 2.0), (1.78, 4.0)])
def test_a_crop_keeps_the_whole_face_and_stays_in_the_picture(aspect: float, room: float) -> None:
    picture = picture_with_face(480, 640, (200, 100, 350, 290))
    for seed in range(50):
        x0, y0, x1, y1 = draw_crop(np.random.default_rng(seed), picture, aspect=aspect, room=room)
        assert 0 <= x0 <= 201
        assert 349 <= x1 <= 640
        assert 0 <= y0 <= 105
        assert 285 <= y1 <= 480


def test_a_mark_in_the_picture_is_found_where_the_page_says() -> None:
    picture = picture_with_face(200, 300, (80, 60, 140, 140))
    frame = picture.at(0)[0].copy()
    frame[95:106, 115:126, 1] = 255
    layout = Layout(crop=(40, 20, 240, 180), place=(0.1, 0.2, 0.8, 0.7), size=(400, 500), ground=(9, 9, 9))
    page = lay_out(layout, frame)
    rows, columns = np.nonzero(page[..., 1] > 128)
    mark = np.array([[120.0, 100.0, 0.0]])
    share = on_page(layout, mark)[0]
    np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], share * [500, 400], atol=0.7)
    assert (page[0, 0] == 9).all()


def test_a_page_gets_a_little_over_a_texel_a_pixel() -> None:
    picture = picture_with_face(480, 640, (200, 100, 350, 290))
    mesh = picture.at(0)[1]
    layout = Layout(crop=(0, 0, 640, 480), place=(0, 0, 1, 1), size=(480, 640), ground=(0, 0, 0))
    small = sized(layout, mesh, side_px=95)
    shown = on_page(small, mesh) * np.array(small.size[::-1])
    assert 1.2 * 95 < face_box(shown)[1] < 1.3 * 95


def test_a_still_shows_the_same_for_ever() -> None:
    picture = picture_with_face(48, 64, (20, 10, 35, 29))
    assert picture.at(7)[0] is picture.at(0)[0]


def test_a_page_that_is_wider_than_its_picture_leads_the_border_on() -> None:
    picture = picture_with_face(200, 300, (80, 60, 140, 140))
    frame = np.full((200, 300, 3), 90, np.uint8)
    crop = bleed(picture, held(picture) + 0.5)
    layout = Layout(crop=crop, place=(0, 0, 1, 1), size=(280, 380), ground=(9, 9, 9))
    assert np.ptp(lay_out(layout, frame)) <= 2
    frame[60:140, 80:140] = 255  # the face comes once
    page = lay_out(layout, frame).max(axis=2) > 200
    box = on_page(layout, picture.at(0)[1]) * [380, 280]
    low, high = box.min(axis=0).astype(int) - 2, box.max(axis=0).astype(int) + 3
    page[low[1] : high[1], low[0] : high[0]] = False
    assert not page.any()
