"""Where and when an attack is presented, as every instrument gets it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from unmask.simulate.camera.exposure import Exposure
from unmask.simulate.rendering.layout import ShownPicture
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import Bust, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and when an attack is presented: the same draw as for a bona fide face.

    `model` names the instrument's model (a printer, a display, a kind of resin: one of the row's `models`).
    `show(moving)` makes the picture of the victim that is printed or replayed: one frame, or one for each of
    `times_s`. `victim` is the bust whose face is worn or shown, `wearer` somebody else's, behind a mask.
    `face_share`: longer side of the shown face's box over the view's shorter side; `aim_px` (2,) where on the
    sensor a bona fide face of that size would have its middle. `exposure_s`,
    `readout_s`: the camera's shutter.
    """

    stage: Stage
    times_s: tuple[float, ...]
    face_share: float
    aim_px: np.ndarray
    exposure_s: float
    readout_s: float
    model: str
    show: Callable[[bool], ShownPicture]
    victim: Callable[[], Bust]
    wearer: Callable[[], Bust]
    place: Callable[[Bust], Pose]  # where a head of that size rests
    alone: bool = False  # whether nobody may be seen behind what is held up

    @property
    def side_px(self) -> float:
        """The longer side of the shown face's box on the sensor."""
        return self.face_share * min(self.stage.view.height, self.stage.view.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A row of `INSTRUMENTS`: `present` gives what the sensor gets, one exposure for each of the times.

    `models` are what may be asked for as `Setting.model`. `like` names the type of SiW-M (Liu et al., CVPR
    2019) that it is the counterpart of. `share`: how common it is in a series, before all sum to 1.
    """

    present: Callable[[Setting, np.random.Generator], Iterator[Exposure]]
    models: tuple[str, ...]
    like: str
    share: float = 1.0
