"""What a whole picture is like: sharpness, tone, colour, noise, and how much of it the face takes.

Simulated pictures must be like real ones in these (`experiments/realism.py`). Unlike `media.statistics`, they
are of the picture as it is delivered, not of a network's crop.
"""

import cv2
import numpy as np

LONG_PX = 400  # the longer side at which sharpness and noise are measured
NAMES = (
    "sharpness",  # log10 of the variance of luma's Laplacian, in squared grey values
    "contrast",  # deviation of luma, 0 to 128
    "saturation",  # mean of HSV's, 0 to 255
    "brightness",  # mean luma, 0 to 255
    "noise",  # log10 of its deviation in grey values (Immerkaer 1996), where the picture is flattest
    "face_share",  # the face's longer side over the picture's longer side
    "aspect",  # width over height
)
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_FLAT = 20  # percentile of the blocks that counts as flat
_BLOCK = 8
_FLOOR = 0.02  # grey values: keeps logarithms finite


def appearance(image: np.ndarray, mesh: np.ndarray) -> dict[str, float]:
    """The numbers of NAMES of a picture (H, W, 3) uint8 RGB whose face has this mesh (468, 3) in px.

    >>> grey = np.full((200, 100, 3), 90, np.uint8)
    >>> found = appearance(grey, np.array([[10.0, 20, 0], [60, 120, 0]]))
    >>> found["brightness"], found["saturation"], found["face_share"], found["aspect"]
    (90.0, 0.0, 0.5, 0.5)
    """
    height, width = image.shape[:2]
    factor = LONG_PX / max(height, width)
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=how)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    laplacian = cv2.Laplacian(luma, cv2.CV_32F)
    return {
        "sharpness": float(np.log10(max(float(laplacian.var()), _FLOOR))),
        "contrast": float(luma.std()),
        "saturation": float(cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1].mean()),
        "brightness": float(luma.mean()),
        "noise": float(np.log10(max(_noise(luma), _FLOOR))),
        "face_share": float(np.ptp(mesh[:, :2], axis=0).max()) / max(height, width),
        "aspect": width / height,
    }


def _noise(luma: np.ndarray) -> float:
    """Deviation of the noise in the flattest fifth of the blocks that are neither black nor burnt out."""
    rough = np.abs(cv2.filter2D(luma, cv2.CV_32F, _IMMERKAER))
    rows, columns = (side // _BLOCK for side in luma.shape)

    def blocks(values: np.ndarray) -> np.ndarray:
        cut = values[: rows * _BLOCK, : columns * _BLOCK]
        return np.asarray(cut.reshape(rows, _BLOCK, columns, _BLOCK).mean(axis=(1, 3)))

    level, found = blocks(luma), blocks(rough)
    usable = found[(level > 8) & (level < 247)]
    if not usable.size:
        return 0.0
    return float(np.percentile(usable, _FLAT) * np.sqrt(np.pi / 2) / 6)
