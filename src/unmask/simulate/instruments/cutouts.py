"""A printed head cut out of its sheet, and the person who holds it before the own face."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from unmask.media.topology import LEFT_EYE_UPPER, POINTS, RIGHT_EYE_UPPER
from unmask.simulate.instruments.prints import Print
from unmask.simulate.instruments.setting import Setting
from unmask.simulate.rendering.cutting import eye_holes, face_outline, head_outline
from unmask.simulate.rendering.layout import Layout
from unmask.simulate.rendering.motion import Moment
from unmask.simulate.rendering.surfaces import Pose
from unmask.simulate.stage.scene import Bust, ColouredLayer, Stage, see_bust

CUT_PX = 320
FACE_WIDTH_M = 0.145
_EYES = [RIGHT_EYE_UPPER[0], RIGHT_EYE_UPPER[-1], LEFT_EYE_UPPER[0], LEFT_EYE_UPPER[-1]]
_NOSE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutout:
    """`paper` with its sheet cut; `holes`: whether the eyes are; `holder` behind it, if any, `offset` (3,)
    metres from the sheet's frame to the holder's.
    """

    paper: Print
    holes: bool
    holder: Bust | None
    offset: np.ndarray


def draw_cutout(
    rng: np.random.Generator, setting: Setting, paper: Print, *, frame: np.ndarray, mesh: np.ndarray
) -> Cutout:
    """The head along its outline, or the face alone; before somebody's face, or held away from it."""
    alone, holes, held = rng.random() < 0.4, bool(rng.random() < 0.45), bool(rng.random() < 0.45)
    rim = float(rng.uniform(1.0, 1.25))
    cover = face_outline(frame.shape, mesh, rim=rim) if alone else head_outline(frame, mesh)
    if holes:
        cover = cover * (1 - eye_holes(frame.shape, mesh, widen=float(rng.uniform(1.15, 1.6))))
    rows, columns = np.flatnonzero(cover.max(axis=1) > 0.02), np.flatnonzero(cover.max(axis=0) > 0.02)
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    scale = CUT_PX / max(x1 - x0, y1 - y0)
    size = (max(8, round((x1 - x0) * scale)), max(8, round((y1 - y0) * scale)))
    cut = cv2.resize(cover[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    metre = float(np.ptp(mesh[:, 0])) / (FACE_WIDTH_M * float(rng.uniform(0.9, 1.1)))
    wide, tall = (x1 - x0) / metre, (y1 - y0) / metre
    sheet = replace(
        paper.sheet,
        width_m=wide,
        height_m=tall,
        picture=(-wide / 2, -tall / 2, wide / 2, tall / 2),
        radius_m=float(np.sign(paper.sheet.radius_m) * rng.uniform(0.15, 0.4)),
        cut=np.ascontiguousarray(cut, np.float32),
    )
    layout = Layout(crop=(x0, y0, x1, y1), place=(0, 0, 1, 1), size=size[::-1], ground=(255, 255, 255))
    holder = setting.wearer() if (holes or held) and not setting.alone else None
    offset = np.zeros(3, np.float32)
    if holder is not None:
        own = (mesh[_EYES, :2].mean(axis=0) - [(x0 + x1) / 2, (y0 + y1) / 2]) / metre
        offset = _before(holder, eyes_m=own)
    hands = max(paper.hands, 0 if holder is not None else 1)
    return Cutout(
        paper=replace(paper, sheet=sheet, layout=layout, hands=hands, taped=False),
        holes=holes,
        holder=holder,
        offset=offset,
    )


def _before(holder: Bust, *, eyes_m: np.ndarray) -> np.ndarray:
    """Where the holder's frame lies in the sheet's, with the holder's eyes behind the printed ones."""
    face = holder.points[:POINTS]
    eyes = face[_EYES].mean(axis=0)
    gap = float(eyes[2] - face[_NOSE, 2]) + 0.006  # the nose touches the paper
    return np.array([eyes_m[0] - eyes[0], eyes_m[1] - eyes[1], gap - eyes[2]], np.float32)


def behind(cutout: Cutout, holder: Bust, pose: Pose, *, stage: Stage, time_s: float) -> ColouredLayer:
    """The holder as the camera sees it behind the sheet at `pose` (own frame to world)."""
    head = Pose(translation=cutout.offset).then(pose)
    moment = Moment(head=head, body=head, blink=0.0, mouth=0.0)
    return see_bust(holder, stage, moment=moment, time_s=time_s)[0]
