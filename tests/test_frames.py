"""A frame's pixels are made when they are first asked for, once."""

import numpy as np

from present import present
from unmask.frames import Frame


def test_pixels_are_made_once_and_only_where_somebody_asks() -> None:
    made = []

    def image() -> np.ndarray:
        made.append(1)
        return np.full((4, 6, 3), 7, np.uint8)

    frame = Frame.of_pixels_later(image, (4, 6, 3), time_s=0.5, index=15, luma=lambda: np.zeros((4, 6)))
    assert frame.shape == (4, 6, 3)
    assert present(frame.luma()).shape == (4, 6)
    assert made == []
    assert frame.image is frame.image
    assert frame.image[0, 0, 0] == 7
    assert made == [1]
    assert frame.luma() is None  # what the decoder held is let go


def test_a_frame_of_pixels_has_no_grey_values_apart() -> None:
    frame = Frame(np.zeros((2, 3, 3), np.uint8), 0.0, 0)
    assert (frame.shape, frame.luma()) == ((2, 3, 3), None)
