"""Faces in one picture: BlazeFace (short range) finds them, the 468-point face mesh measures them.

Both networks are MediaPipe's (Bazarevsky et al. 2019; Kartynnik et al. 2019, Apache-2.0), run by OpenVINO
from their .tflite files. After MediaPipe's graphs: rotated crops of 1.5 times the box, z in the unit of x and
y. Coordinates are pixel indices: (0, 0) is the centre of the first pixel.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from unmask.media.assets import FaceModels, face_models
from unmask.media.compiled import compiled_once
from unmask.media.detections import (
    DETECTOR_SIDE,
    MAX_OVERLAP,
    Detection,
    decode,
    level_of,
    merged,
    overlap,
    tiles,
)
from unmask.media.engine import at_work, fork_safe, ov
from unmask.types import Face

MESH_SIDE = 192
POINTS = 468
CROP_SCALE = 1.5  # of the longer side of the box, as MediaPipe has it
RIGHT_EYE, LEFT_EYE = 33, 263  # outer corners; the crop is turned so that they lie level

MIN_PRESENCE = 0.5  # of the mesh
SURE = 0.999999  # belief of the mesh that no face upside down had: of 122 the surest had 0.99993
THREADS = 2  # the mesh takes 0.7 ms on one thread, 0.45 on two; more gain little on networks this small
LEAST_SHARE = 3.5  # tiles of this many sizes of a face show all faces from half its size on


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A square of the picture turned by `angle` radians; `centre` (2,) and `side` in pixels."""

    centre: np.ndarray
    side: float
    angle: float

    def to_picture(self, size: int) -> np.ndarray:
        """The (2, 3) affine map from a crop of `size` pixels to the picture."""
        scale, half, (x, y) = self.side / size, size / 2, self.centre
        c, s = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        return np.array([[c, -s, x - (c - s) * half], [s, c, y - (s + c) * half]])


def crop_of_detection(found: Detection) -> Crop:
    """The crop for the mesh: 1.5 times the box, turned so that the two eyes lie level."""
    return _crop(found.box, found.points[0], found.points[1])


def crop_of_face(face: Face) -> Crop:
    """The crop for the next look at a face that is known."""
    return _crop(face.box, face.mesh[RIGHT_EYE, :2], face.mesh[LEFT_EYE, :2])


def _crop(box: np.ndarray, eye: np.ndarray, other: np.ndarray) -> Crop:
    across_x, across_y = (other - eye).tolist()
    return Crop(
        centre=(box[:2] + box[2:]) / 2,
        side=CROP_SCALE * float((box[2:] - box[:2]).max()),
        angle=math.atan2(across_y, across_x),
    )


def size(face: Face) -> float:
    """The longer side of its box, in pixels."""
    return float(np.max(face.box[2:] - face.box[:2]))


def _side(level: list[np.ndarray]) -> float:
    return float(level[0][2] - level[0][0])


def _is_among(box: np.ndarray, faces: Sequence[Face]) -> bool:
    return bool(faces) and float(overlap(box, np.stack([face.box for face in faces])).max()) > MAX_OVERLAP


class FindsFaces(Protocol):
    """What may stand where a `FaceFinder` does."""

    def find(self, image: np.ndarray, *, known: Sequence[Face] = (), thorough: bool = True) -> list[Face]: ...

    def follow(self, image: np.ndarray, face: Face) -> Face | None: ...


class FaceFinder:
    """Finds faces in pictures and follows a known one; may be called from any number of threads."""

    def __init__(self, models: FaceModels, *, threads: int = THREADS) -> None:
        self._detector = _Network(models.detector, scale=127.5, mean=127.5, threads=threads)
        self._mesh = _Network(models.mesh, scale=255.0, mean=0.0, threads=threads)

    @classmethod
    def load(cls, *, threads: int = THREADS) -> "FaceFinder":
        """With the models of `unmask.media.assets`, fetched if need be (AssetError); opened once."""
        return _opened(face_models(), threads)

    def find(self, image: np.ndarray, *, known: Sequence[Face] = (), thorough: bool = True) -> list[Face]:
        """The faces of `image` (H, W, 3) uint8 that are not `known` yet, largest first.

        The picture is searched whole, then in ever smaller tiles until there is a face, and once more in the
        largest tiles that show every face half as large as that; without `thorough` only whole.
        """
        image = np.ascontiguousarray(image)
        height, width = image.shape[:2]
        faces: list[Face] = []
        for level in tiles(height, width)[: None if thorough else 1]:
            faces += self._search(image, level, known=[*faces, *known])
            largest = max((size(face) for face in (*faces, *known)), default=0.0)
            if largest > 0:
                if thorough and LEAST_SHARE * largest < _side(level):
                    last = level_of(height, width, LEAST_SHARE * largest)
                    faces += self._search(image, last, known=[*faces, *known])
                break
        return sorted(faces, key=lambda face: -size(face))

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        """The face that was `face` a moment ago, or None when it is not to be seen there any more."""
        return self._look(image, crop_of_face(face))

    def _search(self, image: np.ndarray, level: list[np.ndarray], *, known: list[Face]) -> list[Face]:
        found = merged([d for tile in level for d in self._detect(image, tile)])
        return self._measured(image, found, known=known)

    def _measured(self, image: np.ndarray, found: list[Detection], *, known: list[Face]) -> list[Face]:
        faces: list[Face] = []
        for detection in found:
            if _is_among(detection.box, [*faces, *known]):
                continue
            face = self._either_way_up(image, crop_of_detection(detection))
            if face is not None and not _is_among(face.box, [*faces, *known]):
                faces.append(face)
        return faces

    def _either_way_up(self, image: np.ndarray, crop: Crop) -> Face | None:
        """The face in `crop`, or the one that is there upside down, whichever the mesh believes in more.

        In a face that is upside down the detector takes the mouth for eyes, and the mesh would bend a face
        into it that nobody has.
        """
        surest, belief = None, 0.0
        for turned in (crop, replace(crop, angle=crop.angle + math.pi)):
            if belief >= SURE:
                break
            rough = self._look(image, turned)
            if not rough or rough.presence <= belief:  # a second look cannot make it surer
                continue
            face = self.follow(image, rough)  # the second look has the crop that tracking has
            if face and rough.presence * face.presence > belief:
                surest, belief = face, rough.presence * face.presence
        return surest

    def _detect(self, image: np.ndarray, tile: np.ndarray) -> list[Detection]:
        side = float(tile[2] - tile[0])
        scale = side / DETECTOR_SIDE
        inverse = np.array([[scale, 0, tile[0]], [0, scale, tile[1]]])
        view = _warped(image, inverse, DETECTOR_SIDE, border=cv2.BORDER_CONSTANT)
        regressors, logits = self._detector(view)
        return [
            Detection(
                box=d.box * scale + np.tile(tile[:2], 2), points=d.points * scale + tile[:2], score=d.score
            )
            for d in decode(regressors.reshape(-1, 16), logits.reshape(-1))
        ]

    def _look(self, image: np.ndarray, crop: Crop) -> Face | None:
        """The mesh in `crop`, in pixels of the picture; None when no face is there."""
        if not crop.side > 1:
            return None
        to_picture = crop.to_picture(MESH_SIDE)
        view = _warped(image, to_picture, MESH_SIDE, border=cv2.BORDER_REPLICATE)
        points, logit = self._mesh(view)
        presence = 1 / (1 + math.exp(-float(np.clip(logit.item(), -80, 80))))
        if not (presence >= MIN_PRESENCE and np.isfinite(points).all()):
            return None
        return face_of(points.reshape(POINTS, 3), to_picture, presence=presence)


def face_of(points: np.ndarray, to_picture: np.ndarray, *, presence: float) -> Face:
    """The mesh network's points (468, 3), in pixels of its crop, as a face in pixels of the picture."""
    mesh = np.empty((POINTS, 3), np.float32)
    mesh[:, :2] = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
    mesh[:, 2] = points[:, 2] * np.hypot(to_picture[0, 0], to_picture[1, 0])
    box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
    return Face(box=box, mesh=mesh, presence=presence)


def _warped(image: np.ndarray, inverse: np.ndarray, size: int, *, border: int) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = np.ascontiguousarray(image)  # OpenCV takes no mirrored views, such as bgr[..., ::-1]
    return cv2.warpAffine(image, inverse, (size, size), flags=flags, borderMode=border)


class _Network:
    """One compiled network that takes uint8 pixels (S, S, 3); a request for each thread."""

    def __init__(self, path: Path, *, scale: float, mean: float, threads: int) -> None:
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",  # bf16 moves landmarks by up to 0.75 pixels of the crop
            "ENABLE_CPU_PINNING": False,  # pinned to a busy core, a frame takes three times as long
        }

        def graph(core: ov.Core) -> ov.Model:
            steps = ov.preprocess.PrePostProcessor(core.read_model(str(path)))
            steps.input().preprocess().mean(mean).scale(scale)
            return steps.build()

        self._compiled = compiled_once(path.read_bytes() + repr((scale, mean)).encode(), graph, settings)
        self._local = threading.local()

    def __call__(self, pixels: np.ndarray) -> list[np.ndarray]:
        request = getattr(self._local, "request", None)
        with at_work():
            if request is None:
                request = self._local.request = fork_safe(self._compiled.create_infer_request())
            # Converting here saves the 0.1 ms in which the network would transpose bytes.
            np.copyto(request.get_input_tensor().data, pixels[None], casting="unsafe")
            request.infer()
        return [request.get_output_tensor(i).data for i in range(2)]


@lru_cache(maxsize=4)
def _opened(models: FaceModels, threads: int) -> FaceFinder:
    return FaceFinder(models, threads=threads)
