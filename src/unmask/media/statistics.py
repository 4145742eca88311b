"""What a camera did to a face: sharpness, noise, tone, colour, blocks, size; nothing of what stood before it.

These numbers must not tell bona fide faces from attacks (`unmask.evaluation.leakage`), and real pictures must
lie within the simulated ones (`unmask.evaluation.coverage`). They are measured on the crop that a network
sees, `OF_FACE` on its middle, the face, and `OF_WHOLE` on all of it; `OF_FRAME` on the frame. Those that end
in `_all` see what stands beside the face, too: a white page, a dark bezel.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from unmask.media.clips import clip_box, cut_picture
from unmask.types import ClipSpec

CROP = ClipSpec(frames=1, size_px=128, box_scale=2.8)  # of the packaged networks
OF_FACE = (
    "sharpness_1",  # log2 of the root mean square of luma between Gaussians of 0 and 0.7 px, ...
    "sharpness_2",  # ... 0.7 and 1.4 px, ...
    "sharpness_4",  # ... 1.4 and 2.8 px, ...
    "sharpness_8",  # ... and 2.8 and 5.6 px
    "contrast",  # log2 of the deviation of luma
    "spread",  # the 95th less the 5th percentile of luma
    "black",  # the 5th percentile of luma
    "brightness",  # mean luma, 0 to 255
    "saturation",  # mean distance from grey in the plane a*, b*
    "cast_a",  # mean a*: green below 0, magenta above
    "cast_b",  # mean b*: blue below 0, yellow above
)
OF_WHOLE = (
    "noise",  # log2 of its deviation where the crop is flattest, in grey values
    "sharpness_1_all",
    "sharpness_2_all",
    "sharpness_4_all",
    "contrast_all",
    "brightness_all",
    "saturation_all",
    "cast_a_all",
    "cast_b_all",
)
OF_FRAME = (
    "blockiness",  # log2 of the steps across the strongest of the eight grids of 8 px over the middle one
    "native_px",  # log2 of the face box's longer side in pixels of the frame
    "padding",  # the share of the crop that lies beyond the frame
)
NAMES = (*OF_FACE, *OF_WHOLE, *OF_FRAME)
CONTENT = tuple(name for name in NAMES if name.endswith("_all"))  # also what stands beside the face
_FLAT = 15  # percentile of the blocks' roughness that counts as flat
_BLOCK = 4
_EMPTY = 0.6  # mean response of a block, of which 16 pixels or so would have to agree
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # blind to planes and straight edges
_FLOOR = 0.02  # grey values: keeps logarithms finite where a band is empty


def camera_statistics(crops: np.ndarray, *, box_scale: float = CROP.box_scale) -> dict[str, float]:
    """`OF_FACE` and `OF_WHOLE` of a crop (S, S, 3) uint8 RGB, or their means over crops (T, S, S, 3).

    The crop is `box_scale` times the face's longer side, so the face is its middle 1 / `box_scale`.

    >>> grey = np.full((128, 128, 3), 100, np.uint8)
    >>> found = camera_statistics(grey)
    >>> round(found["brightness"]), round(found["saturation"]), found["sharpness_1"] < -5
    (100, 0, True)
    """
    several = crops[None] if crops.ndim == 3 else crops
    table = np.array([_of_crop(crop, box_scale=box_scale) for crop in several])
    return dict(zip((*OF_FACE, *OF_WHOLE), table.mean(axis=0).tolist(), strict=True))


def face_statistics(
    frames: Sequence[np.ndarray], meshes: Sequence[np.ndarray], *, spec: ClipSpec = CROP
) -> dict[str, float]:
    """All `NAMES` of a recording: frames (H, W, 3) uint8 RGB and the face's mesh (468, 3) px in each.

    One box is cut for all frames, that of the first mesh, as for a network; means over the frames.
    """
    box = clip_box(meshes[0], scale=spec.box_scale)
    crops = np.stack([cut_picture(frame, box, size_px=spec.size_px) for frame in frames])
    face = clip_box(meshes[0], scale=1.0)
    return camera_statistics(crops, box_scale=spec.box_scale) | {
        "blockiness": float(np.mean([blockiness(frame, face) for frame in frames])),
        "native_px": float(np.log2(face[2] - face[0])),
        "padding": _outside(frames[0], box),
    }


def blockiness(frame: np.ndarray, box: np.ndarray) -> float:
    """log2 of how much larger the mean step across the strongest grid of 8 px is than that across the median.

    In `frame` (H, W, 3) uint8, within `box` xyxy as far as it lies in the frame; 0 where that is too small.
    The grid may be anywhere: a picture that was cut or padded after its compression keeps its blocks.
    """
    height, width = frame.shape[:2]
    x0, y0 = np.clip(np.floor(box[:2]).astype(int), 0, (width, height))
    x1, y1 = np.clip(np.ceil(box[2:]).astype(int), 0, (width, height))
    if x1 - x0 < 24 or y1 - y0 < 24:
        return 0.0
    luma = cv2.cvtColor(np.ascontiguousarray(frame[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    found = []
    for steps in (np.diff(luma, axis=1), np.diff(luma, axis=0).T):
        # How much a step exceeds its neighbours: edges of the picture are wide, those of blocks are not.
        peak = np.abs(steps[:, 1:-1]) - 0.5 * (np.abs(steps[:, :-2]) + np.abs(steps[:, 2:]))
        profile = np.clip(peak, -8, 8).mean(axis=0)
        grids = np.array([profile[phase::8].mean() for phase in range(8)])
        found.append((grids.max() - np.median(grids)) / (np.abs(steps).clip(0, 8).mean() + 0.1))
    return float(np.log2(1 + max(0.0, np.mean(found))))


def _of_crop(crop: np.ndarray, *, box_scale: float) -> list[float]:
    """In the order of `OF_FACE`, `OF_WHOLE`."""
    side = crop.shape[0]
    margin = round(side * (1 - 1 / box_scale) / 2)
    face = slice(margin, side - margin)
    crop = np.ascontiguousarray(crop)
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    bands = _bands(luma)
    red_green, blue_yellow = lab[..., 1], lab[..., 2]
    chroma = np.hypot(red_green, blue_yellow)
    low, high = np.percentile(luma[face, face], [5, 95])
    return [
        *(_log2(_rms(band[face, face])) for band in bands),
        _log2(float(luma[face, face].std())),
        float(high - low),
        float(low),
        float(luma[face, face].mean()),
        float(chroma[face, face].mean()),
        *(float(plane[face, face].mean()) for plane in (red_green, blue_yellow)),
        _log2(_noise(luma)),
        *(_log2(_rms(band)) for band in bands[:3]),
        _log2(float(luma.std())),
        float(luma.mean()),
        float(chroma.mean()),
        *(float(plane.mean()) for plane in (red_green, blue_yellow)),
    ]


def _bands(luma: np.ndarray) -> list[np.ndarray]:
    """Differences of Gaussians: four octaves of detail."""
    blurred = [luma, *(cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (0.7, 1.4, 2.8, 5.6))]
    return [fine - coarse for fine, coarse in pairwise(blurred)]


def _noise(luma: np.ndarray) -> float:
    """The deviation of the noise by Immerkaer's filter, in the flattest blocks of the crop.

    Blocks without any (padding, clipped black and white) say nothing of it and are left out.
    """
    rough = np.abs(cv2.filter2D(luma, cv2.CV_32F, _IMMERKAER))[1:-1, 1:-1]
    rows, columns = (n // _BLOCK * _BLOCK for n in rough.shape)
    blocks = rough[:rows, :columns].reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK)
    means = blocks.mean(axis=(1, 3))
    alive = means[means > _EMPTY]
    return float(np.percentile(alive, _FLAT)) * np.sqrt(np.pi / 2) / 6 if alive.size else 0.0


def _outside(frame: np.ndarray, box: np.ndarray) -> float:
    """The share of `box` that lies beyond the frame."""
    limit = np.array([frame.shape[1], frame.shape[0]])
    inside = np.clip(np.minimum(box[2:], limit) - np.maximum(box[:2], 0), 0, None)
    return float(1 - inside.prod() / (box[2:] - box[:2]).prod())


def _rms(band: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(band))))


def _log2(value: float) -> float:
    return float(np.log2(value + _FLOOR))
